//! What must hold before a version is published, judged from manifests and texts alone.

use std::fs;

use anyhow::Result;

use crate::metadata::{Dependency, Kind, Package, Workspace};

/// What a crate shows to its users besides code.
struct Papers {
    changelog: String,
    readme: String,
    licences: [Option<String>; 2],
}

const LICENCES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];

pub(super) fn problems(workspace: &Workspace, crates: &[&Package]) -> Result<Vec<String>> {
    let text = |path: std::path::PathBuf| fs::read_to_string(path).ok();
    let ours = LICENCES.map(|name| text(workspace.root.join(name)));
    let mut problems = different_versions(crates);
    for package in crates {
        let papers = Papers {
            changelog: text(package.dir.join("CHANGELOG.md")).unwrap_or_default(),
            readme: text(package.dir.join("README.md")).unwrap_or_default(),
            licences: LICENCES.map(|name| text(package.dir.join(name))),
        };
        let found =
            manifest(package).into_iter().chain(dependencies(package, crates)).chain(texts(package, &papers, &ours));
        problems.extend(found.map(|problem| format!("{}: {problem}", package.name)));
    }
    Ok(problems)
}

fn different_versions(crates: &[&Package]) -> Vec<String> {
    let Some(first) = crates.first() else { return vec!["there is nothing to publish".into()] };
    let others = crates.iter().filter(|package| package.version != first.version);
    others
        .map(|other| {
            format!("{} is {}, {} is {}; versions move together", other.name, other.version, first.name, first.version)
        })
        .collect()
}

/// What the registry and docs.rs show.
fn manifest(package: &Package) -> Vec<String> {
    let shown = &package.shown;
    let mut problems = Vec::new();
    let fields = [
        ("description", !package.description.is_empty()),
        ("license", !shown.license.is_empty()),
        ("repository", !shown.repository.is_empty()),
        ("readme", !shown.readme.is_empty()),
        ("rust-version", !shown.rust_version.is_empty()),
        ("docs.rs metadata", shown.docs_rs),
    ];
    problems.extend(fields.into_iter().filter(|(_, there)| !there).map(|(name, _)| format!("has no {name}")));
    // The registry's own limits.
    if !(1..=5).contains(&shown.keywords) {
        problems.push(format!("has {} keywords; one to five are allowed", shown.keywords));
    }
    if !(1..=5).contains(&shown.categories) {
        problems.push(format!("has {} categories; one to five are allowed", shown.categories));
    }
    problems
}

/// A path alone means nothing to the registry; a version that is not the one released now would take an older sibling.
fn dependencies(package: &Package, crates: &[&Package]) -> Vec<String> {
    let needs = package.dependencies.iter().filter(|need| need.kind != Kind::Dev && need.in_tree);
    let judge = |need: &Dependency| match crates.iter().find(|other| other.name == need.name) {
        None => Some(format!("depends on {}, which is not published", need.name)),
        Some(other) if need.req.trim_start_matches('^') == other.version => None,
        Some(other) => Some(format!("wants {} {}, which is {} now", need.name, need.req, other.version)),
    };
    needs.filter_map(judge).collect()
}

fn texts(package: &Package, papers: &Papers, licences: &[Option<String>; 2]) -> Vec<String> {
    let mut problems = Vec::new();
    if !changelog_says_something(&papers.changelog, &package.version) {
        problems.push(format!("CHANGELOG.md has no section [{}] or [Unreleased] with an entry", package.version));
    }
    if !papers.readme.contains(&package.name) {
        problems.push("README.md does not name the crate".into());
    }
    for (i, name) in LICENCES.iter().enumerate() {
        if papers.licences[i].is_none() || papers.licences[i] != licences[i] {
            problems.push(format!("{name} is not the workspace's"));
        }
    }
    problems
}

/// Whether the section of `version`, or the one that will become it, has at least one entry.
fn changelog_says_something(text: &str, version: &str) -> bool {
    let wanted = |line: &str| line.starts_with("## [Unreleased]") || line.starts_with(&format!("## [{version}]"));
    let mut inside = false;
    text.lines().any(|line| {
        if line.starts_with("## ") {
            inside = wanted(line);
        }
        inside && line.starts_with("- ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Shown;

    fn ready() -> Package {
        let shown = Shown {
            license: "MIT".into(),
            repository: "r".into(),
            readme: "README.md".into(),
            rust_version: "1.95".into(),
            keywords: 3,
            categories: 1,
            docs_rs: true,
        };
        let (name, version) = ("x".into(), "0.2.0".into());
        Package { name, version, description: "An x".into(), published: true, shown, ..Package::default() }
    }

    #[test]
    fn what_the_registry_shows_must_be_there() {
        assert_eq!(manifest(&ready()), [""; 0]);
        assert_eq!(manifest(&Package { description: String::new(), ..ready() }), ["has no description"]);
        let shown = Shown { keywords: 6, docs_rs: false, ..ready().shown };
        let found = manifest(&Package { shown, ..ready() });
        assert_eq!(found, ["has no docs.rs metadata", "has 6 keywords; one to five are allowed"]);
    }

    #[test]
    fn siblings_are_wanted_at_the_version_that_is_released() {
        let need = |req: &str, kind| Dependency {
            name: "x".into(),
            req: req.into(),
            in_tree: true,
            kind,
            ..Dependency::default()
        };
        let x = ready();
        let with = |need| Package { name: "y".into(), dependencies: vec![need], ..ready() };
        assert_eq!(dependencies(&with(need("^0.2.0", Kind::Normal)), &[&x]), [""; 0]);
        assert_eq!(dependencies(&with(need("^0.1.0", Kind::Normal)), &[&x]), ["wants x ^0.1.0, which is 0.2.0 now"]);
        assert_eq!(dependencies(&with(need("*", Kind::Normal)), &[]), ["depends on x, which is not published"]);
        assert_eq!(dependencies(&with(need("*", Kind::Dev)), &[]), [""; 0]);
        let other = Package { name: "y".into(), version: "0.1.0".into(), ..ready() };
        assert_eq!(different_versions(&[&x, &other]), ["y is 0.1.0, x is 0.2.0; versions move together"]);
    }

    #[test]
    fn a_changelog_section_needs_an_entry() {
        assert!(changelog_says_something("## [0.2.0] - 2026-01-01\n\n### Added\n\n- An x.\n", "0.2.0"));
        assert!(changelog_says_something("## [Unreleased]\n- An x.\n", "0.2.0"));
        assert!(!changelog_says_something("## [Unreleased]\n\n## [0.1.0]\n- An x.\n", "0.2.0"));
    }

    #[test]
    fn licences_are_the_workspaces() {
        let licences = [Some("MIT".to_owned()), Some("Apache".to_owned())];
        let papers = |mit: &str| Papers {
            changelog: "## [Unreleased]\n- An x.\n".into(),
            readme: "# x".into(),
            licences: [Some(mit.to_owned()), Some("Apache".into())],
        };
        assert_eq!(texts(&ready(), &papers("MIT"), &licences), [""; 0]);
        assert_eq!(texts(&ready(), &papers("BSD"), &licences), ["LICENSE-MIT is not the workspace's"]);
    }
}
