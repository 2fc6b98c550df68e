//! Where the servers' programs are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{find_on_path, is_executable};

/// The redis-server executable.
pub(super) fn redis_server() -> Result<PathBuf> {
    if let Some(chosen) = env::var_os("COVET_REDIS_SERVER") {
        let chosen = PathBuf::from(chosen);
        if !is_executable(&chosen) {
            bail!("COVET_REDIS_SERVER={} is not an executable", chosen.display());
        }
        return Ok(chosen);
    }
    let usual = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/opt/homebrew/bin"].map(Path::new);
    let mut found = ["redis-server", "valkey-server"].into_iter().flat_map(|name| {
        find_on_path(name)
            .into_iter()
            .chain(usual.iter().map(move |dir| dir.join(name)).filter(|file| is_executable(file)))
    });
    found.next().context("redis-server not found: install Debian's package redis-server, or set COVET_REDIS_SERVER")
}

/// The folder with `initdb` and `postgres`.
pub(super) fn postgres_dir() -> Result<PathBuf> {
    if let Some(chosen) = env::var_os("COVET_PG_BIN") {
        let chosen = PathBuf::from(chosen);
        if !has_server(&chosen) {
            bail!("COVET_PG_BIN={} does not hold initdb and postgres", chosen.display());
        }
        return Ok(chosen);
    }
    // Debian keeps each version's programs off PATH; someone's link to one of them points into its folder.
    let on_path = find_on_path("postgres").and_then(|file| file.canonicalize().ok());
    let on_path = on_path.and_then(|file| file.parent().map(Path::to_path_buf));
    if let Some(dir) = on_path.filter(|dir| has_server(dir)) {
        return Ok(dir);
    }
    let mut found = Vec::new();
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt/homebrew/opt", "postgresql@")] {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        found.extend(entries.filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse::<f64>().ok()?;
            let dir = entry.path().join("bin");
            has_server(&dir).then_some((version, dir))
        }));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let newest = found.pop().map(|(_, dir)| dir);
    newest
        .context("PostgreSQL's initdb and postgres not found: install Debian's package postgresql, or set COVET_PG_BIN")
}

fn has_server(dir: &Path) -> bool {
    is_executable(&dir.join("initdb")) && is_executable(&dir.join("postgres"))
}
