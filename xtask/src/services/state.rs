//! What `services up` leaves behind for `services down`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use serde_json::{Value, json};

use super::server::Detached;
use super::{postgres, redis};
use crate::process;

const STOP_WITHIN: Duration = Duration::from_secs(15);

/// Servers that outlived the command that started them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) dir: PathBuf,
    pub(super) servers: Vec<Detached>,
    pub(super) env: Vec<(String, String)>,
}

/// One per worktree.
pub(super) fn file() -> PathBuf {
    process::workspace_root().join("target/covet-services.json")
}

impl State {
    pub(super) fn load(file: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let state =
            Self::parse(&text).with_context(|| format!("{} is not what `services up` writes", file.display()))?;
        Ok(Some(state))
    }

    fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let servers = value["servers"].as_array()?.iter().map(|server| {
            let pid = i32::try_from(server["pid"].as_i64()?).ok()?;
            Some(Detached { name: server["name"].as_str()?.to_owned(), pid })
        });
        let env = value["env"].as_object()?.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let dir = value["dir"].as_str()?.into();
        Some(Self { dir, servers: servers.collect::<Option<_>>()?, env: env.collect::<Option<_>>()? })
    }

    fn to_json(&self) -> Value {
        let servers = self.servers.iter().map(|server| json!({ "name": server.name, "pid": server.pid }));
        let env = self.env.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
        json!({
            "dir": self.dir.to_string_lossy(),
            "servers": servers.collect::<Vec<_>>(),
            "env": env.collect::<serde_json::Map<_, _>>(),
        })
    }

    pub(super) fn save(&self, file: &Path) -> Result<()> {
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, format!("{:#}\n", self.to_json())).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Lines for a shell.
    pub(super) fn export_lines(&self) -> String {
        self.env.iter().map(|(key, value)| format!("export {key}='{}'\n", value.replace('\'', r"'\''"))).collect()
    }

    pub(super) fn is_up(&self) -> bool {
        self.servers.iter().all(|server| self.is_ours(server))
    }

    /// Whether the process is still the server we started: ids are used again after a reboot.
    fn is_ours(&self, server: &Detached) -> bool {
        let Ok(pid) = u32::try_from(server.pid) else { return false };
        match server.name.as_str() {
            "redis-server" => self.port("COVET_REDIS_URL").is_some_and(|port| redis::serves(port, pid)),
            _ => {
                let file = fs::read_to_string(self.dir.join("postgres/postmaster.pid")).unwrap_or_default();
                let alive = Pid::from_raw(server.pid).is_some_and(|pid| test_kill_process(pid).is_ok());
                alive && self.port("COVET_POSTGRES_URL").is_some_and(|port| postgres::is_ready(&file, pid, port))
            }
        }
    }

    fn port(&self, variable: &str) -> Option<u16> {
        let (_, url) = self.env.iter().find(|(key, _)| key == variable)?;
        url.rsplit_once(':')?.1.split('/').next()?.parse().ok()
    }

    /// Stops what is still ours and removes the folder.
    pub(super) fn stop(&self) -> Result<()> {
        let ours: Vec<_> = self.servers.iter().filter(|server| self.is_ours(server)).collect();
        let pids: Vec<_> = ours.iter().filter_map(|server| Pid::from_raw(server.pid)).collect();
        for pid in &pids {
            // INT is a fast shutdown for PostgreSQL and an orderly end for Redis.
            kill_process(*pid, Signal::INT)?;
        }
        let deadline = Instant::now() + STOP_WITHIN;
        while pids.iter().any(|pid| test_kill_process(*pid).is_ok()) {
            if Instant::now() > deadline {
                for pid in &pids {
                    let _ = kill_process_group(*pid, Signal::KILL);
                }
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.dir.display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> State {
        State {
            dir: "/tmp/covet-services-x".into(),
            servers: vec![
                Detached { name: "redis-server".into(), pid: 7 },
                Detached { name: "postgres".into(), pid: 8 },
            ],
            env: vec![
                ("COVET_POSTGRES_URL".into(), "postgres://covet:pw@127.0.0.1:5433/postgres".into()),
                ("COVET_REDIS_URL".into(), "redis://127.0.0.1:6380/".into()),
            ],
        }
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deep/state.json");
        assert_eq!(State::load(&file).unwrap(), None);
        sample().save(&file).unwrap();
        assert_eq!(State::load(&file).unwrap(), Some(sample()));
        fs::write(&file, "{}").unwrap();
        assert!(State::load(&file).is_err());
    }

    #[test]
    fn ports_and_export_lines_come_from_the_addresses() {
        let state = sample();
        assert_eq!(state.port("COVET_REDIS_URL"), Some(6380));
        assert_eq!(state.port("COVET_POSTGRES_URL"), Some(5433));
        assert!(state.export_lines().contains("export COVET_REDIS_URL='redis://127.0.0.1:6380/'\n"));
    }
}
