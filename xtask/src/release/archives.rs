//! Packs the crates, twice, because a package that cannot be made again cannot be checked by anyone else.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::ci::package_command;
use crate::metadata::{Package, Workspace};
use crate::process::{cargo, check, output};

/// What would be uploaded for one crate.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) files: usize,
    /// Whether packing again gave the same bytes.
    pub(super) reproducible: bool,
}

pub(super) fn packed_twice(workspace: &Workspace, crates: &[&Package]) -> Result<Vec<Archive>> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    for folder in &folders {
        check(package_command(workspace).arg("--no-verify").arg("--target-dir").arg(folder.path()))?;
    }
    let read = |folder: &Path, package: &Package| {
        let path = folder.join("package").join(format!("{}-{}.crate", package.name, package.version));
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let archive = |package: &&Package| {
        let [first, second] = [read(folders[0].path(), package)?, read(folders[1].path(), package)?];
        let list = output(cargo().args(["package", "--list", "--allow-dirty", "--package", &package.name]))?;
        Ok(Archive {
            name: package.name.clone(),
            bytes: first.len() as u64,
            files: list.lines().count(),
            reproducible: first == second,
        })
    };
    crates.iter().map(archive).collect()
}
