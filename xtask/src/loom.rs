//! Model checking: loom runs a test under every interleaving of its threads that it can tell apart.
//!
//! `--cfg covet_loom` swaps a crate's atomics for loom's, so all is built apart, in `target/loom`.

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::ci::Notices;
use crate::metadata::{Package, Workspace};
use crate::process::{cargo, check, output};

pub(crate) const HELP: &str = "\
Usage: cargo xtask loom [CRATE...]

Runs the model-checked tests of the crates that have some, or of those named, with RUSTFLAGS=\"--cfg covet_loom\" in a
target folder of their own. A crate has some if it depends on loom: the files tests/loom*.rs, and the unit tests with
`loom` in their path if there are no such files or the manifest says [package.metadata.covet] loom = true. To find none is
a failure.

LOOM_MAX_PREEMPTIONS bounds the search (3 unless set); LOOM_LOG=trace shows it.
";

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::Value;
    let workspace = Workspace::load()?;
    let mut chosen = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Value(name) => {
                let name = name.to_string_lossy();
                match workspace.member(&name).filter(|package| has_models(package)) {
                    Some(package) => chosen.push(package),
                    None => bail!("no crate `{name}` with model-checked tests; there are: {}", names(&workspace)),
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if chosen.is_empty() {
        for notice in test_all(&workspace)? {
            eprintln!("{notice}");
        }
    }
    for package in chosen {
        test(&workspace, package)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs every crate's models.
pub(crate) fn test_all(workspace: &Workspace) -> Result<Notices> {
    let mut notices = Notices::new();
    let mut packages = workspace.members.iter().filter(|package| has_models(package)).peekable();
    if packages.peek().is_none() {
        notices.push("no crate has model-checked tests".into());
    }
    packages.try_for_each(|package| test(workspace, package))?;
    Ok(notices)
}

fn test(workspace: &Workspace, package: &Package) -> Result<()> {
    let build = |target: &[&str]| {
        let mut command = cargo();
        command.args(["test", "--package", &package.name]).args(target);
        command.arg("--target-dir").arg(workspace.target_dir.join("loom"));
        // Unoptimised, the search takes many times as long as the compiler saves.
        command.env("RUSTFLAGS", "--cfg covet_loom").env("CARGO_PROFILE_DEV_OPT_LEVEL", "1");
        if env::var_os("LOOM_MAX_PREEMPTIONS").is_none() {
            command.env("LOOM_MAX_PREEMPTIONS", "3");
        }
        command
    };
    for target in package.targets_of("test").filter(|target| is_model(&target.name)) {
        check(&mut build(&["--test", &target.name]))?;
    }
    if has_unit_models(package) {
        check(&mut build(&["--lib", "--no-run"]))?;
        // A filter that matches nothing passes in silence.
        let list = output(build(&["--quiet", "--lib"]).args(["--", "loom", "--list"]))?;
        if !list.lines().any(|line| line.ends_with(": test")) {
            bail!("{} depends on loom, but no unit test under `--cfg covet_loom` has `loom` in its path", package.name);
        }
        check(build(&["--lib"]).args(["--", "loom"]))?;
    }
    Ok(())
}

fn has_models(package: &Package) -> bool {
    package.dependencies.iter().any(|dependency| dependency.name == "loom") || has_unit_models(package)
}

fn has_unit_models(package: &Package) -> bool {
    match package.covet["loom"].as_bool() {
        Some(said) => said,
        None => {
            let files = package.targets_of("test").any(|target| is_model(&target.name));
            !files && package.dependencies.iter().any(|dependency| dependency.name == "loom")
        }
    }
}

fn is_model(test: &str) -> bool {
    test.starts_with("loom")
}

fn names(workspace: &Workspace) -> String {
    let names: Vec<_> =
        workspace.members.iter().filter(|package| has_models(package)).map(|package| package.name.as_str()).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Target};

    #[test]
    fn models_are_where_loom_is() {
        let test = |name: &str| Target { name: name.into(), kind: "test".into(), ..Target::default() };
        let loom = Dependency { name: "loom".into(), ..Dependency::default() };
        let files =
            Package { targets: vec![test("loom_slot")], dependencies: vec![loom.clone()], ..Package::default() };
        assert!(has_models(&files) && !has_unit_models(&files));
        let units = Package { targets: vec![test("heirloom")], dependencies: vec![loom], ..Package::default() };
        assert!(has_models(&units) && has_unit_models(&units));
        let both = Package { covet: serde_json::json!({ "loom": true }), ..files };
        assert!(has_models(&both) && has_unit_models(&both));
        assert!(!has_models(&Package { dependencies: vec![], ..units }));
    }
}
