//! Laws about what belongs to a crate besides its code.

use super::{Finding, Tree};
use crate::metadata::Package;

const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

pub(super) fn package_files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in tree.workspace.published() {
        for name in ["README.md", "CHANGELOG.md"].into_iter().chain(LICENCES) {
            match text(tree, package, name) {
                None => findings.push(Finding::error(&package.name, format!("has no {name}"))),
                Some(text) if text.trim().is_empty() => {
                    findings.push(Finding::error(&package.name, format!("has an empty {name}")));
                }
                Some(text) if name == "CHANGELOG.md" && !text.lines().any(|line| line.starts_with("## [")) => {
                    findings.push(Finding::error(&package.name, "CHANGELOG.md has no `## [...]` section"));
                }
                Some(_) => {}
            }
        }
    }
    findings
}

pub(super) fn shared_lints(tree: &Tree) -> Vec<Finding> {
    let lacking = tree.workspace.members.iter().filter(|package| {
        let manifest = text(tree, package, "Cargo.toml").unwrap_or_default();
        let mut section = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
        section.find(|line| !line.is_empty() && !line.starts_with('#')) != Some("workspace = true")
    });
    lacking.map(|package| Finding::error(&package.name, "lacks `[lints] workspace = true`")).collect()
}

pub(super) fn fuzz_targets(tree: &Tree) -> Vec<Finding> {
    let manifest = tree.files.iter().find(|file| file.path == "fuzz/Cargo.toml").map_or("", |file| &file.text);
    let sources = tree.files.iter().filter_map(|file| Some((file, file.path.strip_prefix("fuzz/")?)));
    let targets = sources.filter(|(_, path)| path.starts_with("fuzz_targets/") && path.matches('/').count() == 1);
    let unknown = targets.filter(|(_, path)| path.ends_with(".rs") && !manifest.contains(&format!("\"{path}\"")));
    unknown.map(|(file, _)| Finding::error(&file.path, "is no [[bin]] of fuzz/Cargo.toml")).collect()
}

/// The text of a file of the crate.
fn text<'a>(tree: &'a Tree, package: &Package, name: &str) -> Option<&'a str> {
    let path = package.dir.join(name);
    let path = path.strip_prefix(&tree.workspace.root).ok()?;
    tree.files.iter().find(|file| *path == *file.path).map(|file| file.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Workspace;
    use crate::tidy::SourceFile;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let member = Package { name: "x".into(), dir: "/w/x".into(), published: true, ..Package::default() };
        let files = files.iter().map(|(path, text)| SourceFile { path: (*path).into(), text: (*text).into() });
        let workspace = Workspace { root: "/w".into(), members: vec![member], ..Workspace::default() };
        Tree { workspace, files: files.collect() }
    }

    #[test]
    fn a_published_crate_brings_its_papers() {
        let whole = [
            ("x/README.md", "# x"),
            ("x/CHANGELOG.md", "# Changes\n\n## [Unreleased]\n"),
            ("x/LICENSE-MIT", "MIT"),
            ("x/LICENSE-APACHE", "Apache"),
        ];
        assert_eq!(package_files(&tree(&whole)), []);
        for i in 0..whole.len() {
            let mut lacking = whole.to_vec();
            lacking.remove(i);
            assert_eq!(package_files(&tree(&lacking)).len(), 1, "without {}", whole[i].0);
            let mut empty = whole.to_vec();
            empty[i].1 = "\n";
            assert_eq!(package_files(&tree(&empty)).len(), 1, "with an empty {}", whole[i].0);
        }
    }

    #[test]
    fn lints_are_inherited() {
        assert_eq!(shared_lints(&tree(&[("x/Cargo.toml", "[package]\n[lints]\nworkspace = true\n")])), []);
        assert_eq!(shared_lints(&tree(&[("x/Cargo.toml", "[package]\n[lints.rust]\nx = \"allow\"\n")])).len(), 1);
        assert_eq!(shared_lints(&tree(&[("x/Cargo.toml", "[dependencies]\nworkspace = true\n[lints]\n")])).len(), 1);
    }

    #[test]
    fn a_fuzz_target_is_declared() {
        let manifest = "[[bin]]\nname = \"json_parse\"\npath = \"fuzz_targets/json_parse.rs\"\n";
        let declared =
            [("fuzz/Cargo.toml", manifest), ("fuzz/fuzz_targets/json_parse.rs", ""), ("fuzz/fuzz_targets/a/b.rs", "")];
        assert_eq!(fuzz_targets(&tree(&declared)), []);
        assert_eq!(fuzz_targets(&tree(&[("fuzz/fuzz_targets/other.rs", ""), declared[0]])).len(), 1);
    }
}
