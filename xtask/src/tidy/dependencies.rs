//! Laws about who depends on whom, and with which features.

use super::{Finding, Tree};
use crate::metadata::{Dependency, Kind, Package};

/// The four libraries that stand alone.
pub(crate) const CORES: [&str; 4] = ["covet-json", "covet-router", "covet-pool", "covet-auth"];
const BENCH: &str = "covet-bench";

/// What a core may not build on. A trailing `*` stands for any ending.
const FRAMEWORKS: [&str; 15] = [
    "actix*",
    "axum*",
    "gotham",
    "hyper*",
    "ntex*",
    "poem*",
    "rocket*",
    "salvo*",
    "thruster",
    "tide",
    "tonic*",
    "tower*",
    "trillium*",
    "viz*",
    "warp",
];

/// What we are measured against, and therefore not what we measure with.
const PEERS: [&str; 26] = [
    "actix-router",
    "async-sqlite",
    "bb8*",
    "deadpool*",
    "foyer*",
    "fred",
    "jiter",
    "jsonwebtoken",
    "jwt-simple",
    "matchit",
    "mini-moka",
    "mobc*",
    "moka",
    "path-tree",
    "quick_cache",
    "r2d2*",
    "redis",
    "route-recognizer",
    "rusqlite",
    "simd-json",
    "sonic-rs",
    "sqlx*",
    "tokio-postgres",
    "tokio-rusqlite",
    "wayfind",
    "xitca-router",
];

/// `serde_json`'s features that change values; cargo unifies features, so one member would switch them on for all.
const FORBIDDEN_SERDE_JSON: [&str; 3] = ["float_roundtrip", "arbitrary_precision", "preserve_order"];

pub(super) fn independent_cores(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for core in tree.workspace.members.iter().filter(|package| CORES.contains(&package.name.as_str())) {
        for dependency in &core.dependencies {
            let name = dependency.name.as_str();
            if name == "covet-kit" || (CORES.contains(&name) && name != core.name) {
                let text = format!("depends on {name} ({}); what needs both belongs in covet-kit", kind(dependency));
                findings.push(Finding::error(&core.name, text));
            }
        }
    }
    findings
}

pub(super) fn neutral_bench(tree: &Tree) -> Vec<Finding> {
    let Some(bench) = tree.workspace.member(BENCH) else { return Vec::new() };
    let mut findings = Vec::new();
    for dependency in &bench.dependencies {
        let ours = tree.workspace.member(&dependency.name).is_some() && dependency.name != BENCH;
        if ours || matches_any(&dependency.name, &PEERS) || matches_any(&dependency.name, &FRAMEWORKS) {
            let text = format!("depends on the contender {} ({})", dependency.name, kind(dependency));
            findings.push(Finding::error(BENCH, text));
        }
    }
    findings
}

pub(super) fn publishable(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in tree.workspace.published() {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.in_tree) {
            if let Some(text) = unpublishable(tree, package, dependency) {
                findings.push(Finding::error(&package.name, text));
            }
        }
    }
    findings
}

/// Why the registry could not serve `package` with this dependency on another folder of the tree.
fn unpublishable(tree: &Tree, package: &Package, dependency: &Dependency) -> Option<String> {
    let name = &dependency.name;
    let published = tree.workspace.member(name).is_some_and(|member| member.published);
    match dependency.kind {
        Kind::Normal | Kind::Build if !published => Some(format!("depends on {name}, which is not published")),
        Kind::Normal | Kind::Build if dependency.req == "*" => Some(format!("depends on {name} without a version")),
        Kind::Dev if !published && name != BENCH => {
            Some(format!("dev-depends on {name}: of the unpublished crates only {BENCH} is for that"))
        }
        Kind::Dev if dependency.req != "*" && (!published || *name == package.name) => {
            Some(format!("dev-depends on {name} with a version, which the registry cannot serve: use the path alone"))
        }
        _ => None,
    }
}

pub(super) fn no_frameworks(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for core in tree.workspace.members.iter().filter(|package| CORES.contains(&package.name.as_str())) {
        let used = core.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev);
        for dependency in used.filter(|dependency| matches_any(&dependency.name, &FRAMEWORKS)) {
            let text = format!("depends on {}: adapters live in covet-kit", dependency.name);
            findings.push(Finding::error(&core.name, text));
        }
    }
    findings
}

pub(super) fn serde_json_features(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in tree.workspace.resolved.iter().filter(|package| package.name == "serde_json") {
        for feature in FORBIDDEN_SERDE_JSON.iter().filter(|feature| package.features.iter().any(|on| on == *feature)) {
            let text = format!(
                "`{feature}` is on; `cargo tree --workspace --all-features -e features -i serde_json` shows why"
            );
            findings.push(Finding::error(format!("serde_json {}", package.version), text));
        }
    }
    // Manifests outside the workspace, such as a peer's in a build of its own. Only fuzz/ may compare with them.
    for file in tree.files.iter().filter(|file| file.path.ends_with("Cargo.toml") && !file.path.starts_with("fuzz/")) {
        for (number, line) in file.text.lines().enumerate() {
            let written = line.split('#').next().unwrap_or_default();
            for feature in FORBIDDEN_SERDE_JSON.iter().filter(|feature| written.contains(**feature)) {
                findings.push(Finding::error(format!("{}:{}", file.path, number + 1), format!("names `{feature}`")));
            }
        }
    }
    findings
}

pub(super) fn no_prereleases(tree: &Tree) -> Vec<Finding> {
    let direct = tree.workspace.resolved.iter().filter(|package| package.direct);
    let pre = direct.filter(|package| package.version.split('+').next().is_some_and(|version| version.contains('-')));
    pre.map(|package| Finding::error(&package.name, format!("resolves to {}", package.version))).collect()
}

fn matches_any(name: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => {
            name == start || name.starts_with(&format!("{start}-")) || name.starts_with(&format!("{start}_"))
        }
        None => name == *pattern,
    })
}

fn kind(dependency: &Dependency) -> &'static str {
    match dependency.kind {
        Kind::Normal => "[dependencies]",
        Kind::Dev => "[dev-dependencies]",
        Kind::Build => "[build-dependencies]",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Resolved, Workspace};
    use crate::tidy::SourceFile;

    fn package(name: &str, published: bool, dependencies: Vec<Dependency>) -> Package {
        Package { name: name.into(), published, dependencies, ..Package::default() }
    }

    fn outside(name: &str, kind: Kind) -> Dependency {
        Dependency { name: name.into(), kind, req: "^1".into(), ..Dependency::default() }
    }

    fn inside(name: &str, kind: Kind, req: &str) -> Dependency {
        Dependency { name: name.into(), kind, req: req.into(), in_tree: true, ..Dependency::default() }
    }

    fn tree(members: Vec<Package>) -> Tree {
        Tree { workspace: Workspace { members, ..Workspace::default() }, files: Vec::new() }
    }

    fn texts(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.text.as_str()).collect()
    }

    #[test]
    fn a_core_may_not_reach_for_another_even_in_tests() {
        for kind in [Kind::Normal, Kind::Dev, Kind::Build] {
            let json = package("covet-json", true, vec![inside("covet-router", kind, "^0.1")]);
            assert_eq!(independent_cores(&tree(vec![json])).len(), 1, "{kind:?}");
        }
        let facade = package("covet-auth", true, vec![inside("covet-kit", Kind::Dev, "*")]);
        assert_eq!(independent_cores(&tree(vec![facade])).len(), 1);
        let kit = package("covet-kit", true, vec![inside("covet-router", Kind::Normal, "^0.1")]);
        let itself =
            package("covet-json", true, vec![inside("covet-json", Kind::Dev, "*"), outside("serde", Kind::Normal)]);
        assert_eq!(independent_cores(&tree(vec![kit, itself])), []);
    }

    #[test]
    fn the_bench_library_knows_no_contender() {
        let dependencies = vec![
            inside("covet-json", Kind::Dev, "*"),
            outside("matchit", Kind::Normal),
            outside("deadpool-sqlite", Kind::Dev),
            outside("serde_json", Kind::Normal),
        ];
        let bad = tree(vec![package("covet-bench", false, dependencies), package("covet-json", true, vec![])]);
        assert_eq!(neutral_bench(&bad).len(), 3);
    }

    #[test]
    fn only_tests_may_use_what_is_not_published_and_by_path_alone() {
        let check = |dependency| {
            let user = package("covet-json", true, vec![dependency]);
            let others = [package("covet-bench", false, vec![]), package("xtask", false, vec![])];
            let kit = package("covet-kit", true, vec![]);
            publishable(&tree([vec![user, kit], others.into()].concat())).len()
        };
        assert_eq!(check(inside("covet-bench", Kind::Dev, "*")), 0);
        assert_eq!(check(inside("covet-json", Kind::Dev, "*")), 0);
        assert_eq!(check(inside("covet-kit", Kind::Normal, "^0.1")), 0);
        assert_eq!(check(inside("covet-kit", Kind::Dev, "^0.1")), 0);
        assert_eq!(check(outside("serde", Kind::Normal)), 0);
        assert_eq!(check(inside("covet-bench", Kind::Normal, "*")), 1);
        assert_eq!(check(inside("covet-bench", Kind::Build, "^0.1")), 1);
        assert_eq!(check(inside("covet-bench", Kind::Dev, "^0.1")), 1);
        assert_eq!(check(inside("covet-kit", Kind::Normal, "*")), 1);
        assert_eq!(check(inside("covet-json", Kind::Dev, "^0.1")), 1);
        assert_eq!(check(inside("xtask", Kind::Dev, "*")), 1);
    }

    #[test]
    fn frameworks_are_known_by_family_and_allowed_as_peers() {
        for name in ["axum", "axum-core", "hyper", "hyper-util", "tower-http", "actix-web", "tower-layer"] {
            let check =
                |kind| no_frameworks(&tree(vec![package("covet-router", true, vec![outside(name, kind)])])).len();
            assert_eq!((check(Kind::Normal), check(Kind::Build), check(Kind::Dev)), (1, 1, 0), "{name}");
        }
        let fine = vec![outside("http", Kind::Normal), outside("hyperloglog", Kind::Normal)];
        assert_eq!(no_frameworks(&tree(vec![package("covet-auth", true, fine)])), []);
        let kit = package("covet-kit", true, vec![outside("axum", Kind::Normal)]);
        assert_eq!(no_frameworks(&tree(vec![kit])), []);
    }

    #[test]
    fn features_that_change_values_are_found_resolved_and_written() {
        let on = |features: &[&str]| Resolved {
            name: "serde_json".into(),
            version: "1.0.1".into(),
            features: features.iter().map(|feature| (*feature).into()).collect(),
            direct: false,
        };
        let mut tree = tree(vec![]);
        tree.workspace.resolved = vec![on(&["std", "raw_value"])];
        assert_eq!(serde_json_features(&tree), []);
        tree.workspace.resolved = vec![on(&["std", "float_roundtrip", "preserve_order"])];
        assert_eq!(serde_json_features(&tree).len(), 2);

        tree.workspace.resolved.clear();
        let manifest = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
        tree.files = vec![
            manifest("Cargo.toml", "# never arbitrary_precision\nserde_json = \"1\" # nor preserve_order\n"),
            manifest("fuzz/Cargo.toml", "serde_json = { features = [\"arbitrary_precision\"] }\n"),
        ];
        assert_eq!(serde_json_features(&tree), []);
        tree.files.push(manifest(
            "covet-bench/x/Cargo.toml",
            "[dependencies]\nserde_json = { features = [\"preserve_order\"] }\n",
        ));
        let findings = serde_json_features(&tree);
        assert_eq!(findings[0].place, "covet-bench/x/Cargo.toml:2");
        assert_eq!(texts(&findings), ["names `preserve_order`"]);
    }

    #[test]
    fn a_release_candidate_is_refused_where_we_chose_it() {
        let version =
            |version: &str, direct| Resolved { name: "x".into(), version: version.into(), features: vec![], direct };
        let mut tree = tree(vec![]);
        tree.workspace.resolved =
            vec![version("1.0.0", true), version("0.11.0+wasi-snapshot", true), version("2.0.0-rc.1", false)];
        assert_eq!(no_prereleases(&tree), []);
        tree.workspace.resolved.push(version("2.0.0-rc.1+build", true));
        assert_eq!(no_prereleases(&tree).len(), 1);
    }
}
