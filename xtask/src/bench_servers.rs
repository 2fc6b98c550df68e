//! `cargo xtask bench http` and `cargo xtask bench python`: the benchmarks whose contenders are processes of their own. Here
//! they are built and installed; what is measured, and how, is in `covet-bench/http` and `covet-bench/eight`.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::metadata::Workspace;
use crate::process;
use crate::venv::{Venv, folder_of_apps};

/// The benchmark that the next argument names, if it is one of these; the argument is taken then.
pub(crate) fn dispatch(args: &mut lexopt::Parser) -> Option<fn(lexopt::Parser) -> Result<ExitCode>> {
    let mut raw = args.try_raw_args()?;
    let run: fn(lexopt::Parser) -> Result<ExitCode> = match raw.peek()?.to_str()? {
        "http" => http,
        "python" => python,
        _ => return None,
    };
    raw.next();
    Some(run)
}

fn http(mut args: lexopt::Parser) -> Result<ExitCode> {
    let asked = Asked::parse(args.raw_args()?.collect());
    let workspace = Workspace::load()?;
    let mut command = Command::new(build(&workspace, &["--package", "covet-bench-http", "--bin", "covet-bench-http"])?);
    if asked.help {
        return start(command.arg("--help"));
    }
    let service = build(&workspace, &["--package", "covet-kit", "--example", "service"])?;
    command.arg("--service").arg(service).arg("--lockfile").arg(workspace.root.join("Cargo.lock"));
    if asked.wants("axum") {
        let peer = build(&workspace, &["--package", "covet-bench-http", "--bin", "covet-http-axum"])?;
        command.arg("--axum").arg(peer);
    }
    if asked.wants("actix-web") {
        // It has a lockfile of its own.
        let folder = workspace.root.join("covet-bench").join("sqlx");
        let target = workspace.target_dir.join("sqlx");
        let mut cargo = process::cargo();
        cargo.current_dir(&folder).args(["build", "--release", "--locked", "--target-dir"]).arg(&target);
        process::check(&mut cargo)?;
        command.arg("--sqlx").arg(target.join("release").join("covet-bench-sqlx"));
        command.arg("--lockfile").arg(folder.join("Cargo.lock"));
    }
    if ["fastapi", "flask", "django"].iter().any(|name| asked.wants(name)) && !asked.no_python {
        python_options(&mut command, &workspace, &asked)?;
    }
    finish(command, &workspace, &asked, "http")
}

fn python(mut args: lexopt::Parser) -> Result<ExitCode> {
    let asked = Asked::parse(args.raw_args()?.collect());
    let workspace = Workspace::load()?;
    let mut command = Command::new(build(&workspace, &["--package", "covet-bench-eight"])?);
    if asked.help {
        return start(command.arg("--help"));
    }
    python_options(&mut command, &workspace, &asked)?;
    finish(command, &workspace, &asked, "python")
}

fn python_options(command: &mut Command, workspace: &Workspace, asked: &Asked) -> Result<()> {
    let venv = Venv::prepare(workspace, asked.python.as_deref())?;
    command.arg("--python-bin").arg(venv.bin).arg("--frozen").arg(venv.frozen);
    command.arg("--interpreter").arg(venv.interpreter).arg("--apps").arg(folder_of_apps(workspace));
    Ok(())
}

/// Adds where the record goes and what was asked for, and runs it.
fn finish(mut command: Command, workspace: &Workspace, asked: &Asked, name: &str) -> Result<ExitCode> {
    if !asked.rest.iter().any(|argument| argument == "--out") {
        let folder = workspace.target_dir.join("covet-bench");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        command.arg("--out").arg(folder.join(format!("{name}.json")));
    }
    let shown = asked.all.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    command.args(["--command", format!("cargo xtask bench {name} {shown}").trim_end()]).args(&asked.rest);
    process::scrub(&mut command);
    start(&mut command)
}

fn start(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds one program in the default release profile and says where it is.
fn build(workspace: &Workspace, arguments: &[&str]) -> Result<PathBuf> {
    process::check(process::cargo().current_dir(&workspace.root).args(["build", "--release"]).args(arguments))?;
    let folder = workspace.target_dir.join("release");
    Ok(match arguments {
        [.., "--example", name] => folder.join("examples").join(name),
        [.., name] => folder.join(name),
        [] => folder,
    })
}

/// The arguments, as far as they concern what is built; the others go to the program.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    all: Vec<OsString>,
    rest: Vec<OsString>,
    only: Option<Vec<String>>,
    python: Option<String>,
    no_python: bool,
    help: bool,
}

impl Asked {
    fn parse(all: Vec<OsString>) -> Self {
        let mut asked = Self::default();
        let mut words = all.iter();
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--no-python") => asked.no_python = true,
                Some("--python") => asked.python = words.next().map(|name| name.to_string_lossy().into_owned()),
                Some("--help" | "-h") => asked.help = true,
                Some("--only") => {
                    let names = words.next().cloned().unwrap_or_default();
                    asked.only = Some(names.to_string_lossy().split(',').map(|name| name.trim().to_owned()).collect());
                    asked.rest.extend([word.clone(), names]);
                }
                _ => asked.rest.push(word.clone()),
            }
        }
        if asked.no_python && asked.only.is_none() {
            asked.rest.extend(["--only", "covet,axum,actix-web"].map(OsString::from));
        }
        Self { all, ..asked }
    }

    fn wants(&self, server: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|name| name == server))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Asked {
        Asked::parse(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn only_what_is_asked_for_is_built() {
        let some = asked(&["--only", "covet, axum", "--quick"]);
        assert!(some.wants("axum") && !some.wants("flask"));
        assert_eq!(some.rest, ["--only", "covet, axum", "--quick"]);
        assert!(asked(&["--quick"]).wants("flask"));
        let rust = asked(&["--no-python", "--blocks", "2"]);
        assert_eq!((rust.no_python, rust.rest.last().unwrap().to_str()), (true, Some("covet,axum,actix-web")));
        assert_eq!(asked(&["--python", "python3.13"]).python.as_deref(), Some("python3.13"));
        assert!(asked(&["--help"]).help);
    }

    #[test]
    fn the_benchmarks_are_known_by_name() {
        let taken = |word: &str| {
            let mut args = lexopt::Parser::from_args([word, "--quick"]);
            let run = dispatch(&mut args);
            (run.is_some(), args.raw_args().unwrap().next().unwrap().into_string().unwrap())
        };
        assert_eq!(taken("http"), (true, "--quick".to_owned()));
        assert_eq!(taken("python"), (true, "--quick".to_owned()));
        assert_eq!(taken("json"), (false, "json".to_owned()));
    }
}
