//! Feature combinations: each feature alone and each pair must build without warnings, all together pass their tests.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::metadata::{Package, Workspace};
use crate::process::{cargo, check};

pub(crate) const HELP: &str = "\
Usage: cargo xtask features [--list] [--alone] [CRATE...]

Builds each published crate (or those named) with no feature, with every feature alone and with every pair of them,
warnings denied, then runs its tests with all of them. Features whose name starts with an underscore are private and
left out. Says at the end which combinations failed.

  --list     names the combinations
  --alone    leaves the pairs out
";

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::{Long, Value};
    let workspace = Workspace::load()?;
    let (mut list, mut pairs) = (false, true);
    let mut chosen = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Long("list") => list = true,
            Long("alone") => pairs = false,
            Value(name) => match workspace.published().find(|package| *package.name == *name) {
                Some(package) => chosen.push(package),
                None => bail!("no published crate `{}`", name.to_string_lossy()),
            },
            other => return Err(other.unexpected().into()),
        }
    }
    if chosen.is_empty() {
        chosen.extend(workspace.published());
    }
    let mut failed = Vec::new();
    let (mut built, start) = (0, Instant::now());
    for package in chosen {
        for features in combinations(&package.public_features(), pairs) {
            let label = format!("{} [{}]", package.name, features.join(","));
            if list {
                println!("{label}");
                continue;
            }
            built += 1;
            if let Err(error) = check(&mut build(package, &features)) {
                failed.push(format!("{label}: {error:#}"));
            }
        }
        let tests = ["test", "--package", &package.name, "--all-features"];
        if !list && let Err(error) = check(cargo().args(tests)) {
            failed.push(format!("{} [all]: {error:#}", package.name));
        }
    }
    if list {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("\n{built} combinations in {:.0} s, {} failed", start.elapsed().as_secs_f64(), failed.len());
    for failure in &failed {
        eprintln!("  {failure}");
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Clippy, because it denies warnings for this crate alone; RUSTFLAGS would build every dependency again.
fn build(package: &Package, features: &[&str]) -> std::process::Command {
    let mut command = cargo();
    command.args(["clippy", "--quiet", "--package", &package.name, "--lib", "--no-default-features"]);
    command.args(["--features", &features.join(",")]).args(["--", "-D", "warnings"]);
    command
}

/// No feature, each alone, each pair.
fn combinations<'a>(features: &[&'a str], pairs: bool) -> Vec<Vec<&'a str>> {
    let mut all = vec![Vec::new()];
    all.extend(features.iter().map(|feature| vec![*feature]));
    if pairs {
        for (i, first) in features.iter().enumerate() {
            all.extend(features[i + 1..].iter().map(|second| vec![*first, *second]));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_alone_and_pairs() {
        assert_eq!(combinations(&[], true), [Vec::<&str>::new()]);
        let expected: [&[&str]; 7] = [&[], &["a"], &["b"], &["c"], &["a", "b"], &["a", "c"], &["b", "c"]];
        assert_eq!(combinations(&["a", "b", "c"], true), expected);
        assert_eq!(combinations(&["a", "b", "c"], false), expected[..4]);
    }
}
