//! Runs the fuzz targets of `fuzz/`, which is a workspace of its own because cargo-fuzz needs a nightly compiler.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::process::{check, output, scrub, workspace_root};

pub(crate) const HELP: &str = "\
Usage: cargo xtask fuzz [--list] [--minutes N] [TARGET...]

Runs each fuzz target, or those named, for N minutes (1 unless given; fractions are fine). Needs a nightly compiler and
cargo-fuzz. fuzz/README.md says how a target is added.

  --list    names the targets
";

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::{Long, Value};
    use lexopt::ValueExt;
    let known = targets(&workspace_root().join("fuzz/fuzz_targets"))?;
    let mut minutes = 1.0;
    let mut chosen = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Long("list") => {
                known.iter().for_each(|name| println!("{name}"));
                return Ok(ExitCode::SUCCESS);
            }
            Long("minutes") => minutes = args.value()?.parse::<f64>()?,
            Value(name) => match known.iter().find(|known| known.as_str() == name) {
                Some(name) => chosen.push(name.as_str()),
                None => bail!("no fuzz target `{}`; `cargo xtask fuzz --list` names them", name.to_string_lossy()),
            },
            other => return Err(other.unexpected().into()),
        }
    }
    if chosen.is_empty() {
        chosen.extend(known.iter().map(String::as_str));
    }
    if chosen.is_empty() {
        bail!("there are no fuzz targets");
    }
    let seconds = seconds(minutes)?;
    need_tools()?;
    for target in chosen {
        let mut command = nightly();
        command.args(["fuzz", "run", target, "--", &format!("-max_total_time={seconds}")]);
        check(&mut command)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// libFuzzer counts whole seconds and takes 0 for "for ever".
fn seconds(minutes: f64) -> Result<u64> {
    let seconds = (minutes * 60.0).ceil();
    if !(1.0..=1e7).contains(&seconds) {
        bail!("--minutes wants a positive number of minutes");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked above")]
    Ok(seconds as u64)
}

fn need_tools() -> Result<()> {
    output(nightly().arg("--version")).context("fuzzing needs a nightly compiler: rustup toolchain install nightly")?;
    output(nightly().args(["fuzz", "--version"]))
        .context("fuzzing needs cargo-fuzz: cargo install --locked cargo-fuzz")?;
    Ok(())
}

/// The nightly cargo, through rustup: the cargo that started us is one toolchain's own and cannot choose another.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).current_dir(workspace_root());
    command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    scrub(&mut command);
    command
}

/// The names of the files in `dir`, one target each.
fn targets(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    if dir.is_dir() {
        for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
            }
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_rust_files_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert!(targets(&dir.path().join("absent")).unwrap().is_empty());
        for name in ["router_paths.rs", "json_parse.rs", "notes.md"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(targets(dir.path()).unwrap(), ["json_parse", "router_paths"]);
    }

    #[test]
    fn a_time_is_positive() {
        assert_eq!(seconds(0.5).unwrap(), 30);
        assert_eq!(seconds(0.001).unwrap(), 1);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
