//! What a release would do, and whether it may: order, versions, papers, packages. It publishes nothing itself.

mod archives;
mod readiness;

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::ci::package_command;
use crate::metadata::{Kind, Package, Workspace};
use crate::process::{cargo, check, output};

pub(crate) const HELP: &str = "\
Usage: cargo xtask release --dry-run [--no-verify]

Checks that every published crate is ready and says what publishing would do:

  papers      one version for all, a changelog section with content, README, licences, and what the registry shows
  order       each crate after those it depends on, and no dependency that the registry would refuse
  semver      cargo-semver-checks against the newest tag v*, if there is one
  packages    packs every crate twice and compares the archives byte by byte, then builds each from its archive

Prints the commands that publish, in order, and runs none of them.

  --no-verify    does not build the archives (`cargo xtask ci package` does it too)
";

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::Long;
    let (mut dry_run, mut verify) = (false, true);
    while let Some(arg) = args.next()? {
        match arg {
            Long("dry-run") => dry_run = true,
            Long("no-verify") => verify = false,
            other => return Err(other.unexpected().into()),
        }
    }
    if !dry_run {
        bail!("only --dry-run exists: it prints the commands that publish, for a person to run");
    }
    let workspace = Workspace::load()?;
    let crates = in_order(&workspace)?;
    let mut problems = readiness::problems(&workspace, &crates)?;
    let changed = output(git().args(["status", "--porcelain"]))?;
    problems
        .extend((!changed.is_empty()).then(|| format!("the tree has uncommitted changes:\n{}", changed.trim_end())));
    problems.extend(semver(&crates).err().map(|error| format!("{error:#}")));
    let archives = archives::packed_twice(&workspace, &crates)?;
    for archive in archives.iter().filter(|archive| !archive.reproducible) {
        problems.push(format!("{}: packed twice, its archive differs", archive.name));
    }
    if verify {
        problems.extend(check(&mut package_command(&workspace)).err().map(|error| format!("{error:#}")));
    }

    println!("{}", plan(&crates, &archives));
    if problems.is_empty() {
        println!("ready");
        return Ok(ExitCode::SUCCESS);
    }
    for problem in &problems {
        eprintln!("error: {problem}");
    }
    eprintln!("{} problems: not ready", problems.len());
    Ok(ExitCode::FAILURE)
}

/// The published crates, each after those that it depends on.
fn in_order(workspace: &Workspace) -> Result<Vec<&Package>> {
    let mut waiting: Vec<&Package> = workspace.published().collect();
    let mut ordered: Vec<&Package> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let blocked = |package: &&Package| {
            let mut needs = package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev);
            needs.any(|need| need.name != package.name && waiting.iter().any(|other| other.name == need.name))
        };
        let (rest, free): (Vec<_>, Vec<_>) = waiting.iter().copied().partition(blocked);
        if free.is_empty() {
            let names: Vec<_> = rest.iter().map(|package| package.name.as_str()).collect();
            bail!("these depend on each other in a circle: {}", names.join(", "));
        }
        ordered.extend(free);
        waiting = rest;
    }
    Ok(ordered)
}

fn semver(crates: &[&Package]) -> Result<()> {
    let tag = output(git().args(["describe", "--tags", "--match", "v[0-9]*", "--abbrev=0"]));
    let Ok(tag) = tag else {
        eprintln!("semver: no tag v*, so there is no release to be compatible with");
        return Ok(());
    };
    if output(cargo().args(["semver-checks", "--version"])).is_err() {
        bail!("cargo-semver-checks is missing; install it with: cargo install --locked cargo-semver-checks");
    }
    let mut command = cargo();
    command.args(["semver-checks", "--baseline-rev", tag.trim()]);
    command.args(crates.iter().flat_map(|package| ["--package", package.name.as_str()]));
    check(&mut command)
}

/// What would be done, for a person to read and to copy.
fn plan(crates: &[&Package], archives: &[archives::Archive]) -> String {
    let mut text = format!("{:<14} {:>9} {:>9} {:>10}\n", "crate", "version", "files", "archive");
    for archive in archives {
        let version = crates.iter().find(|package| package.name == archive.name).map_or("", |package| &package.version);
        let size = format!("{} KiB", archive.bytes.div_ceil(1024));
        text.push_str(&format!("{:<14} {version:>9} {:>9} {size:>10}\n", archive.name, archive.files));
    }
    let version = crates.first().map_or("", |package| &package.version);
    text.push_str(&format!("\nTo publish, once this is ready:\n\ngit tag -a v{version} -m v{version}\n"));
    for package in crates {
        text.push_str(&format!("cargo publish --package {}\n", package.name));
    }
    text.push_str(&format!("git push origin v{version}\n"));
    text
}

fn git() -> Command {
    let mut command = Command::new("git");
    command.current_dir(crate::process::workspace_root());
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, needs: &[(&str, Kind)]) -> Package {
        let dependencies = needs.iter().map(|(name, kind)| Dependency {
            name: (*name).into(),
            kind: *kind,
            in_tree: true,
            ..Dependency::default()
        });
        let dependencies = dependencies.collect();
        Package { name: name.into(), version: "0.1.0".into(), published: true, dependencies, ..Package::default() }
    }

    #[test]
    fn a_crate_goes_after_what_it_needs() {
        let kit = package("kit", &[("json", Kind::Normal), ("kit", Kind::Dev), ("bench", Kind::Dev)]);
        let members = vec![kit, package("json", &[("kit", Kind::Dev)]), package("router", &[])];
        let workspace = Workspace { members, ..Workspace::default() };
        let names: Vec<_> = in_order(&workspace).unwrap().iter().map(|package| package.name.clone()).collect();
        assert_eq!(names, ["json", "router", "kit"]);
    }

    #[test]
    fn a_circle_is_named() {
        let members = vec![package("a", &[("b", Kind::Normal)]), package("b", &[("a", Kind::Build)])];
        let workspace = Workspace { members, ..Workspace::default() };
        let error = in_order(&workspace).unwrap_err().to_string();
        assert_eq!(error, "these depend on each other in a circle: a, b");
    }

    #[test]
    fn the_plan_shows_each_archive_and_each_command() {
        let crates = [package("json", &[]), package("kit", &[])];
        let crates: Vec<_> = crates.iter().collect();
        let archive = archives::Archive { name: "json".into(), bytes: 2049, files: 7, reproducible: true };
        let text = plan(&crates, &[archive]);
        assert!(text.contains("json               0.1.0         7      3 KiB\n"), "{text}");
        assert!(
            text.contains("git tag -a v0.1.0 -m v0.1.0\ncargo publish --package json\ncargo publish --package kit\n")
        );
    }
}
