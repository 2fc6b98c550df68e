//! The steps about what we take in and what we hand out: dependencies and packages.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Context, Notices};
use crate::metadata::Workspace;
use crate::process::{cargo, check, output};

const VERSIONS: &str = include_str!("../../../.ci/versions");

/// `cargo package` over all published crates in one call: apart, they could not resolve each other, since the registry
/// does not have their new versions yet.
pub(crate) fn package_command(workspace: &Workspace) -> Command {
    let mut command = cargo();
    // What is packed is the working tree, committed or not: it is the crates that are judged, not the commit.
    command.args(["package", "--workspace", "--allow-dirty"]);
    let unpublished = workspace.members.iter().filter(|package| !package.published);
    command.args(unpublished.flat_map(|package| ["--exclude", package.name.as_str()]));
    command
}

pub(super) fn package(context: &Context) -> Result<Notices> {
    check(&mut package_command(&context.workspace))?;
    Ok(Vec::new())
}

pub(super) fn deny(_: &Context) -> Result<Notices> {
    let wanted = pinned("CARGO_DENY").context(".ci/versions does not name CARGO_DENY")?;
    let install = format!("install it with: cargo install --locked cargo-deny --version {wanted}");
    let found =
        output(cargo().args(["deny", "--version"])).with_context(|| format!("cargo-deny is missing; {install}"))?;
    let found = found.trim().trim_start_matches("cargo-deny ");
    let mut notices = Notices::new();
    if found != wanted {
        notices.push(format!("cargo-deny is {found}, the gate's is {wanted}; {install}"));
    }
    let mut failures = Vec::new();
    let mut deny = |args: &[&str]| failures.extend(check(cargo().arg("deny").args(args)).err());
    deny(&["check", "licenses", "sources"]);
    // What the registry gives to users: peers, which only benchmarks need, may bring any number of versions.
    deny(&["--exclude-dev", "--exclude-unpublished", "check", "bans"]);
    // Without a terminal to ask on, git says that it cannot reach the database instead of asking who we are.
    match output(cargo().args(["deny", "fetch", "db"]).env("GIT_TERMINAL_PROMPT", "0")) {
        Ok(_) => deny(&["check", "--disable-fetch", "advisories"]),
        Err(error) => {
            notices.push("ADVISORIES WERE NOT CHECKED: the advisory database cannot be fetched".into());
            let said = format!("{error:#}");
            notices.extend(said.lines().filter(|line| !line.trim().is_empty()).take(4).map(|line| format!("  {line}")));
        }
    }
    if !failures.is_empty() {
        bail!("{}", failures.iter().map(|failure| format!("{failure:#}")).collect::<Vec<_>>().join("\n"));
    }
    Ok(notices)
}

/// The version of a tool in `.ci/versions`.
fn pinned(tool: &str) -> Option<&'static str> {
    VERSIONS.lines().find_map(|line| line.strip_prefix(tool)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_version_is_read_from_the_file_that_installs_it() {
        assert!(pinned("CARGO_DENY").is_some_and(|version| version.split('.').count() == 3));
        assert_eq!(pinned("CARGO"), None);
    }
}
