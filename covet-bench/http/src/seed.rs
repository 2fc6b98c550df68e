//! What all servers start from: one database, seeded by the service example, and tokens that it signed. Every run of a server
//! gets a copy of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use rusqlite::Connection;
use serde::Deserialize;

use crate::endpoint::USERS;
use crate::load;
use crate::server::{Place, Programs, Server, free_address, stop};

/// Users whose tokens take turns.
const TOKENS: usize = 100;

/// Tokens of the example live for fifteen minutes.
const FRESH: Duration = Duration::from_secs(5 * 60);

#[derive(Debug)]
pub(crate) struct Seed {
    service: PathBuf,
    folder: PathBuf,
    password: String,
    tokens: Rc<[String]>,
    made: Instant,
    copies: u32,
}

impl Seed {
    /// Lets the service example make and fill a database in `folder`.
    pub(crate) async fn new(programs: &Programs, folder: &Path) -> Result<Self> {
        let service = programs.service.clone().context("without the service example there is no database")?;
        let folder = folder.to_owned();
        let mut seed =
            Self { service, folder, password: String::new(), tokens: Rc::new([]), made: Instant::now(), copies: 0 };
        seed.mint(&seed.folder.join("seed.sqlite3")).await?;
        Ok(seed)
    }

    /// Tokens that live for minutes still.
    pub(crate) async fn tokens(&mut self) -> Result<Rc<[String]>> {
        if self.made.elapsed() > FRESH {
            let place = self.copy("tokens")?;
            self.mint(&place.database).await?;
        }
        Ok(self.tokens.clone())
    }

    /// A database of its own for one run of a server.
    pub(crate) fn copy(&mut self, name: &str) -> Result<Place> {
        self.copies += 1;
        let database = self.folder.join(format!("{name}-{}.sqlite3", self.copies));
        for extension in ["sqlite3", "key"] {
            fs::copy(self.folder.join("seed").with_extension(extension), database.with_extension(extension))?;
        }
        Ok(Place { database, jwks: self.folder.join("jwks.json") })
    }

    /// Runs the service on a database until it has given out tokens, and leaves the database in one file.
    async fn mint(&mut self, database: &Path) -> Result<()> {
        let address = free_address()?;
        let mut command = Command::new(&self.service);
        command.args(["--admin", "off", "--listen", &address.to_string(), "--users", &USERS.to_string(), "--database"]);
        command.arg(database).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().with_context(|| format!("cannot start {}", self.service.display()))?;
        let done = self.ask(process.stdout.take(), address).await;
        stop(&mut process);
        done?;
        let conn = Connection::open(database)?;
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        self.made = Instant::now();
        Ok(())
    }

    async fn ask(&mut self, said: Option<std::process::ChildStdout>, address: std::net::SocketAddr) -> Result<()> {
        let said = BufReader::new(said.context("the service has no output")?);
        for line in said.lines() {
            let line = line?;
            if let Some((_, password)) = line.strip_prefix("demo login").and_then(|rest| rest.split_once(" / ")) {
                password.trim().clone_into(&mut self.password);
            }
            if line.contains("Ctrl-C") {
                break;
            }
        }
        ensure!(!self.password.is_empty(), "the service names no password");
        let (_, _, jwks) = load::once(address, request(address, "/.well-known/jwks.json", None)?).await?;
        fs::write(self.folder.join("jwks.json"), jwks)?;

        let login = format!(r#"{{"name":"ada","password":"{}"}}"#, self.password);
        let mut granted = grant(address, "/login", login).await?;
        let mut tokens = vec![granted.access_token];
        while tokens.len() < TOKENS {
            let refresh = format!(r#"{{"refresh_token":"{}"}}"#, granted.refresh_token);
            granted = grant(address, "/refresh", refresh).await?;
            tokens.push(granted.access_token.clone());
        }
        self.tokens = tokens.into();
        Ok(())
    }
}

#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    access_token: String,
    refresh_token: String,
}

async fn grant(address: std::net::SocketAddr, path: &str, body: String) -> Result<Granted> {
    let (status, _, answer) = load::once(address, request(address, path, Some(body))?).await?;
    ensure!(status == StatusCode::OK, "{path}: status {status}: {}", String::from_utf8_lossy(&answer));
    Ok(serde_json::from_slice(&answer)?)
}

fn request(address: std::net::SocketAddr, path: &str, body: Option<String>) -> Result<Request<Full<Bytes>>> {
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let mut request = Request::new(Full::new(Bytes::from(body.unwrap_or_default())));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse()?;
    request.headers_mut().insert(HOST, HeaderValue::try_from(address.to_string())?);
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// The versions of Covet and of the Rust peers by lockfiles, of Python's by its environment.
pub(crate) fn version(server: Server, lockfiles: &[String], frozen: &str) -> Option<String> {
    let (packages, python) = server.packages();
    let one = |package: &&str| {
        let version = if python {
            frozen.lines().find_map(|line| line.strip_prefix(*package)?.strip_prefix("=="))?.to_owned()
        } else {
            lockfiles.iter().find_map(|text| locked(text, package))?
        };
        Some(format!("{package} {version}"))
    };
    packages.iter().map(one).collect::<Option<Vec<_>>>().map(|all| all.join(", "))
}

fn locked(lockfile: &str, package: &str) -> Option<String> {
    let wanted = format!("name = \"{package}\"");
    let mut lines = lockfile.lines().skip_while(|line| *line != wanted).skip(1);
    Some(lines.next()?.strip_prefix("version = \"")?.trim_end_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_where_they_are_locked() {
        let lock = "[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\n\n[[package]]\nname = \"deadpool-sqlite\"\nversion = \"0.14.0\"\n";
        let lockfiles = [lock.to_owned()];
        let frozen = "Flask==3.1.3\ngunicorn==27.0.1\n";
        let found = |server| version(server, &lockfiles, frozen);
        assert_eq!(found(Server::Axum).as_deref(), Some("axum 0.8.9, deadpool-sqlite 0.14.0"));
        assert_eq!(found(Server::Flask).as_deref(), Some("Flask 3.1.3, gunicorn 27.0.1"));
        assert_eq!((found(Server::Django), found(Server::Actix)), (None, None));
    }
}
