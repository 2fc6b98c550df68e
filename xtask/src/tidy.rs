//! The laws of this workspace that no linter knows, as pure functions over the parsed tree.
//!
//! A rule takes a [`Tree`] and returns what it found; it reads nothing else. So each is tested on a tree that breaks it.

mod dependencies;
mod packages;
mod rust;
mod sources;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

pub(crate) use self::dependencies::CORES;
use crate::metadata::Workspace;
use crate::process;

pub(crate) const HELP: &str = "\
Usage: cargo xtask tidy [--list]

Checks the laws of the workspace that no linter knows: which crate may depend on which, where `unsafe` may stand, which
features must stay off, what a published crate must bring along. Says file, line and law for each breach, and fails.
Warnings (a file over 600 lines) do not fail.

  --list    names the laws
";

/// All that the rules look at.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) workspace: Workspace,
    /// Every text file under version control or about to be.
    pub(crate) files: Vec<SourceFile>,
}

pub(crate) struct SourceFile {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// One breach of a law.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// A path, or `path:line`, or a crate.
    pub(crate) place: String,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    Warning,
}

impl Finding {
    fn error(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: place.into(), text: text.into() }
    }

    fn warning(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, place: place.into(), text: text.into() }
    }
}

struct Rule {
    name: &'static str,
    law: &'static str,
    check: fn(&Tree) -> Vec<Finding>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "independent-cores",
        law: "covet-json, covet-router, covet-pool and covet-auth never depend on each other, not even for tests",
        check: dependencies::independent_cores,
    },
    Rule {
        name: "neutral-bench",
        law: "covet-bench, which every crate's benchmarks use, knows neither our crates nor their peers",
        check: dependencies::neutral_bench,
    },
    Rule {
        name: "publishable",
        law: "what is published depends on nothing that is not, except tests and benchmarks on covet-bench by path alone",
        check: dependencies::publishable,
    },
    Rule {
        name: "no-frameworks",
        law: "no web framework among the dependencies of the four cores",
        check: dependencies::no_frameworks,
    },
    Rule {
        name: "serde-json-features",
        law: "nobody enables serde_json's features that change what a number or the order of keys means",
        check: dependencies::serde_json_features,
    },
    Rule {
        name: "no-prereleases",
        law: "no alpha, beta or release candidate among direct dependencies",
        check: dependencies::no_prereleases,
    },
    Rule {
        name: "unsafe-forbidden",
        law: "every crate forbids unsafe code, except those with files that may hold some, which deny it elsewhere",
        check: sources::unsafe_forbidden,
    },
    Rule {
        name: "unsafe-places",
        law: "the word `unsafe` stands only in the files named in xtask/src/tidy/sources.rs",
        check: sources::unsafe_places,
    },
    Rule { name: "nothing-left", law: "no marker of unfinished work is left", check: sources::nothing_left },
    Rule { name: "ignored-tests", law: "an ignored test says what it needs", check: sources::ignored_tests },
    Rule {
        name: "long-files",
        law: "a file over 600 lines is named, one over 1200 lines is split",
        check: sources::long_files,
    },
    Rule {
        name: "package-files",
        law: "a published crate has README.md, CHANGELOG.md with an Unreleased or a version section, and both licences",
        check: packages::package_files,
    },
    Rule { name: "shared-lints", law: "every crate takes the workspace's lints", check: packages::shared_lints },
    Rule {
        name: "fuzz-targets",
        law: "each file in fuzz/fuzz_targets is a target of fuzz/Cargo.toml",
        check: packages::fuzz_targets,
    },
];

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::Long;
    match args.next()? {
        Some(Long("list")) => {
            for rule in RULES {
                println!("{:<20} {}", rule.name, rule.law);
            }
            return Ok(ExitCode::SUCCESS);
        }
        Some(other) => return Err(other.unexpected().into()),
        None => {}
    }
    let tree = Tree::load()?;
    Ok(if report(&tree) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints every finding and returns the number of errors.
pub(crate) fn report(tree: &Tree) -> usize {
    let (mut errors, mut warnings) = (0, 0);
    for rule in RULES {
        for finding in (rule.check)(tree) {
            let word = match finding.severity {
                Severity::Error => {
                    errors += 1;
                    "error"
                }
                Severity::Warning => {
                    warnings += 1;
                    "warning"
                }
            };
            eprintln!("{word}[{}]: {}: {}", rule.name, finding.place, finding.text);
        }
    }
    let files = tree.files.len();
    eprintln!("tidy: {} laws, {files} files, {errors} errors, {warnings} warnings", RULES.len());
    errors
}

impl Tree {
    /// Reads the tree we are in.
    pub(crate) fn load() -> Result<Self> {
        let workspace = Workspace::load()?;
        let files = text_files(&workspace.root)?;
        Ok(Self { workspace, files })
    }
}

/// What git tracks or would add; files that are not text are left out.
pub(crate) fn text_files(root: &Path) -> Result<Vec<SourceFile>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = process::output(&mut git).context("the list of files comes from git")?;
    let mut files = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        // A tracked file may be deleted and not yet committed; licences are linked into each crate.
        let Ok(bytes) = fs::read(root.join(path)) else { continue };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(SourceFile { path: path.to_owned(), text });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_names_of_their_own() {
        for (i, rule) in RULES.iter().enumerate() {
            assert!(RULES[..i].iter().all(|other| other.name != rule.name), "{} twice", rule.name);
        }
    }

    #[test]
    fn an_error_counts_and_a_warning_does_not() {
        let file = |path: &str, lines| SourceFile { path: path.into(), text: "\n".repeat(lines) };
        assert_eq!(report(&Tree { files: vec![file("a.rs", 601)], ..Tree::default() }), 0);
        assert_eq!(report(&Tree { files: vec![file("a.rs", 1201)], ..Tree::default() }), 1);
    }
}
