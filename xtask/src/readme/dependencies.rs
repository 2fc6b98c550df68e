//! What a crate builds upon, and why: a table made from its manifest, where each direct dependency has a reason beside it.
//!
//! The reasons stand in `[package.metadata.covet.dependencies]`; `missing` and `stale` keep them in step.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::metadata::{Dependency, Kind, Package};
use crate::process::{cargo, output};

/// The block of `package`'s README.
pub(super) fn table(package: &Package) -> Result<String> {
    let mut text = String::from("| crate | with | for |\n| --- | --- | --- |\n");
    for name in direct(package) {
        let with = match features_of(package, name) {
            features if features.is_empty() => "always".to_owned(),
            features => features.iter().map(|feature| format!("`{feature}`")).collect::<Vec<_>>().join(", "),
        };
        text.push_str(&format!("| `{name}` | {with} | {} |\n", reason(package, name).unwrap_or_default()));
    }
    let count = built_by_default(&package.name)?;
    text.push_str(&format!("\nThe default features build {}.\n", packages(count)));
    Ok(text)
}

/// Direct dependencies without a reason, and reasons without a dependency.
pub(super) fn gaps(package: &Package) -> Vec<String> {
    let mut gaps = Vec::new();
    let names = direct(package);
    for name in names.iter().filter(|name| reason(package, name).is_none_or(str::is_empty)) {
        gaps.push(format!("{}: [package.metadata.covet.dependencies] gives no reason for {name}", package.name));
    }
    let reasons = package.covet["dependencies"].as_object().into_iter().flatten();
    for (name, _) in reasons.filter(|(name, _)| !names.contains(name.as_str())) {
        gaps.push(format!(
            "{}: [package.metadata.covet.dependencies] names {name}, which it does not need",
            package.name
        ));
    }
    gaps
}

fn reason<'a>(package: &'a Package, name: &str) -> Option<&'a str> {
    package.covet["dependencies"][name].as_str()
}

/// What users build, without what a development build alone needs.
fn direct(package: &Package) -> BTreeSet<&str> {
    let used = |need: &&Dependency| need.kind != Kind::Dev && need.name != "loom";
    package.dependencies.iter().filter(used).map(|need| need.name.as_str()).collect()
}

/// The features that switch an optional dependency on; none if it is always there.
fn features_of<'a>(package: &'a Package, name: &str) -> Vec<&'a str> {
    let switch = format!("dep:{name}");
    let features = package.features.iter().filter(|(_, parts)| parts.contains(&switch));
    features.map(|(feature, _)| feature.as_str()).collect()
}

fn built_by_default(name: &str) -> Result<usize> {
    let tree = ["tree", "--package", name, "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let list = output(cargo().args(tree).args(["--target", "x86_64-unknown-linux-gnu"]))?;
    Ok(list.lines().map(|line| line.trim_end_matches(" (*)")).collect::<BTreeSet<_>>().len())
}

fn packages(count: usize) -> String {
    match count {
        1 => "this crate alone".to_owned(),
        _ => format!("{count} packages, this one included (x86-64 Linux)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Package {
        let need = |name: &str, kind| Dependency { name: name.into(), kind, ..Dependency::default() };
        Package {
            name: "x".into(),
            dependencies: vec![need("bytes", Kind::Normal), need("tokio", Kind::Normal), need("proptest", Kind::Dev)],
            features: [("async".to_owned(), vec!["dep:tokio".to_owned()])].into(),
            covet: serde_json::json!({ "dependencies": { "bytes": "buffers", "tokio": "tasks" } }),
            ..Package::default()
        }
    }

    #[test]
    fn each_direct_dependency_has_its_reason_and_its_feature() {
        let package = package();
        assert_eq!(direct(&package).into_iter().collect::<Vec<_>>(), ["bytes", "tokio"]);
        assert_eq!(features_of(&package, "tokio"), ["async"]);
        assert_eq!(features_of(&package, "bytes"), [""; 0]);
        assert_eq!(gaps(&package), [""; 0]);
    }

    #[test]
    fn a_reason_that_is_missing_or_stale_is_named() {
        let covet = serde_json::json!({ "dependencies": { "bytes": "buffers", "old": "once" } });
        let found = gaps(&Package { covet, ..package() });
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("gives no reason for tokio") && found[1].contains("names old"), "{found:?}");
    }
}
