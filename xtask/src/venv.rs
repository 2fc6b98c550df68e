//! The virtual environment of the benchmarks that have peers in Python, made from `PyPI` with the versions that
//! `covet-bench/python/requirements.txt` names. It lives in the target folder and is made anew when those change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::metadata::Workspace;
use crate::process;

/// Newest first: what a service would be put on today.
const INTERPRETERS: [&str; 4] = ["python3.14", "python3.13", "python3.12", "python3"];

pub(crate) struct Venv {
    /// Where its programs are.
    pub(crate) bin: PathBuf,
    /// What `pip freeze` says.
    pub(crate) frozen: PathBuf,
    /// Name and version of the interpreter.
    pub(crate) interpreter: String,
}

impl Venv {
    /// Makes the environment, or takes the one that is there.
    pub(crate) fn prepare(workspace: &Workspace, python: Option<&str>) -> Result<Self> {
        let (python, version) = find(python)?;
        let folder = workspace.target_dir.join("covet-bench").join(format!("venv-{version}"));
        let requirements = folder_of_apps(workspace).join("requirements.txt");
        let wanted = fs::read_to_string(&requirements).with_context(|| requirements.display().to_string())?;
        let venv = Self {
            bin: folder.join("bin"),
            frozen: folder.join("frozen.txt"),
            interpreter: format!("CPython {version}"),
        };
        let stamp = folder.join("requirements.txt");
        if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return Ok(venv);
        }
        eprintln!("making {} from PyPI", folder.display());
        process::check(Command::new(&python).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = || Command::new(venv.bin.join("pip"));
        let options = ["install", "--quiet", "--disable-pip-version-check", "--requirement"];
        process::check(pip().args(options).arg(&requirements))
            .context("without PyPI there are no peers in Python; `--no-python` measures the others")?;
        fs::write(&venv.frozen, process::output(pip().args(["freeze", "--disable-pip-version-check"]))?)?;
        fs::write(&stamp, wanted)?;
        Ok(venv)
    }
}

/// Where the programs in Python are.
pub(crate) fn folder_of_apps(workspace: &Workspace) -> PathBuf {
    workspace.root.join("covet-bench").join("python")
}

/// The interpreter and its version.
fn find(named: Option<&str>) -> Result<(PathBuf, String)> {
    let candidates: Vec<&str> = named.map_or_else(|| INTERPRETERS.to_vec(), |name| vec![name]);
    for candidate in &candidates {
        if let Some(version) = version(Path::new(candidate)) {
            return Ok((PathBuf::from(candidate), version));
        }
    }
    bail!("none of {} runs and can make a virtual environment; name one with --python", candidates.join(", "))
}

fn version(python: &Path) -> Option<String> {
    let script = "import ensurepip, platform, venv; print(platform.python_version())";
    let output = Command::new(python).args(["-c", script]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && text.starts_with('3')).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_interpreter_is_refused() {
        let error = find(Some("false")).unwrap_err().to_string();
        assert!(error.contains("false") && error.contains("--python"), "{error}");
        assert_eq!(version(Path::new("/nowhere/python3")), None);
    }
}
