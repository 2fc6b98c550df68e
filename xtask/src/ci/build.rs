//! The steps that compile: lints, tests, documentation, benchmarks.
//!
//! A feature set costs minutes on a cold machine, so there are few: everything on (which all heavy steps share), and
//! the published crates as a user may have them. `cargo xtask features` tries the combinations.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::Result;

use super::{Context, Notices};
use crate::metadata::Package;
use crate::process::{cargo, check};
use crate::tidy::CORES;

const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

pub(super) fn fmt(_: &Context) -> Result<Notices> {
    check(cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Vec::new())
}

pub(super) fn clippy(context: &Context) -> Result<Notices> {
    check(everything("clippy").arg("--all-targets").args(DENY_WARNINGS))?;
    // One package at a time: together, they would unify their features and hide what one of them forgot to ask for.
    for package in context.workspace.published() {
        if package.has_defaults() {
            check(cargo().args(["clippy", "--package", &package.name, "--lib"]).args(DENY_WARNINGS))?;
        }
        let bare = ["clippy", "--package", &package.name, "--lib", "--no-default-features"];
        check(cargo().args(bare).args(DENY_WARNINGS))?;
    }
    Ok(Vec::new())
}

pub(super) fn test(context: &Context) -> Result<Notices> {
    let mut command = everything("test");
    command.args(["--no-fail-fast", "--lib", "--bins", "--tests", "--examples"]);
    let mut notices = Notices::new();
    if context.servers {
        command.args(["--", "--include-ignored"]);
        let corpus = std::env::var_os("COVET_CORPUS").map(std::path::PathBuf::from);
        if !corpus.is_some_and(|corpus| corpus.join("wycheproof").is_dir()) {
            command.args(["--skip", "wycheproof"]);
            notices.push("no COVET_CORPUS/wycheproof: Project Wycheproof's vectors were not run".into());
        }
    } else {
        notices.push("no servers: tests that need Redis or PostgreSQL were not run".into());
        notices.push("run them with: cargo xtask services run -- cargo xtask ci test".into());
    }
    check(&mut command)?;
    Ok(notices)
}

pub(super) fn test_none(context: &Context) -> Result<Notices> {
    // The cores share one call, because they share no code: what unifies is only their dependencies' features. The
    // facade's tests ask for its features.
    let mut command = cargo();
    command.args(["test", "--no-fail-fast", "--no-default-features", "--lib", "--tests"]);
    let cores = context.workspace.published().filter(|package| CORES.contains(&package.name.as_str()));
    command.args(cores.flat_map(|package| ["--package", package.name.as_str()]));
    check(&mut command)?;
    Ok(Vec::new())
}

pub(super) fn doctest(_: &Context) -> Result<Notices> {
    check(everything("test").args(["--no-fail-fast", "--doc"]))?;
    Ok(Vec::new())
}

pub(super) fn examples(context: &Context) -> Result<Notices> {
    // The step `test` has built and linked them with all features; the README's command gives none.
    for package in context.workspace.published().filter(|package| has(package, "example")) {
        check(cargo().args(["check", "--package", &package.name, "--examples"]))?;
    }
    Ok(Vec::new())
}

pub(super) fn bench(context: &Context) -> Result<Notices> {
    // As tests they are built like tests: once through everything, unoptimised. Named one by one, because `--benches`
    // would run each library's unit tests again.
    let members = context.workspace.members.iter();
    let names: BTreeSet<&str> =
        members.flat_map(|package| package.targets_of("bench")).map(|t| t.name.as_str()).collect();
    if names.is_empty() {
        return Ok(vec!["no crate has a benchmark".into()]);
    }
    let mut command = everything("test");
    command.arg("--no-fail-fast").args(names.iter().flat_map(|name| ["--bench", name]));
    check(command.args(["--", "--test"]))?;
    Ok(Vec::new())
}

pub(super) fn docs(_: &Context) -> Result<Notices> {
    check(everything("doc").arg("--no-deps").env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Vec::new())
}

/// A cargo command over the whole workspace with all features.
fn everything(subcommand: &str) -> Command {
    let mut command = cargo();
    command.args([subcommand, "--workspace", "--all-features"]);
    command
}

fn has(package: &Package, kind: &str) -> bool {
    package.targets_of(kind).next().is_some()
}
