//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What the command line asked for.
pub(crate) struct Args {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) database: Location,
    pub(crate) redis: Option<String>,
    pub(crate) secret_file: PathBuf,
    pub(crate) users: u32,
}

/// Where the database is.
pub(crate) enum Location {
    /// A SQLite file, created when it is missing.
    File(PathBuf),
    /// A PostgreSQL server's URL, which may hold a password.
    Postgres(String),
}

/// As people read it, without a URL's password.
impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(_) => f.write_str("PostgreSQL, as --database says"),
        }
    }
}

const HELP: &str = "\
A small service on every Covet crate: routing, tokens that can be revoked, pooled SQL, JSON.

usage: service [options]

  --listen ADDRESS     where to serve (default 127.0.0.1:8080; port 0 picks a free one)
  --admin ADDRESS      serve metrics and a status page here, on loopback only (default 127.0.0.1:8081; `off` turns it off)
  --database WHERE     a SQLite file, created when it is missing (default: covet-service/service.sqlite3 in the temporary
                       folder), or postgres://user:password@host/name, which several processes may share
  --redis URL          redis://host:port: share log-outs live with the other processes on it
  --secret-file FILE   the keys of tokens and sessions, made when it is missing (default: beside the SQLite file); the same for all
                       processes that share a database or Redis, and required with either
  --users N            rows to seed an empty database with (default 10000)
  --help               this text

Stop it with Ctrl-C: requests in flight are finished first.";

/// Reads the command line; `None` after printing the help.
pub(crate) fn parse() -> Result<Option<Args>, String> {
    use lexopt::prelude::*;

    let mut listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    let mut admin = Some(SocketAddr::from(([127, 0, 0, 1], 8081)));
    let mut database = Location::File(std::env::temp_dir().join("covet-service").join("service.sqlite3"));
    let (mut redis, mut secret_file, mut users) = (None, None, 10_000);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next().map_err(|error| say(&error))? {
        match arg {
            Long("listen") => listen = address("--listen", &text(&mut parser)?)?,
            Long("admin") => {
                let value = text(&mut parser)?;
                admin = if value == "off" { None } else { Some(loopback(address("--admin", &value)?)?) };
            }
            Long("database") => database = location(parser.value().map_err(|error| say(&error))?)?,
            Long("redis") => redis = Some(redis_url(text(&mut parser)?)?),
            Long("secret-file") => secret_file = Some(PathBuf::from(parser.value().map_err(|error| say(&error))?)),
            Long("users") => {
                let value = text(&mut parser)?;
                users = value.parse().map_err(|_| format!("--users wants a number, not `{value}`"))?;
            }
            Long("help") | Short('h') => {
                println!("{HELP}");
                return Ok(None);
            }
            other => return Err(say(&other.unexpected())),
        }
    }
    let secret_file = match (secret_file, &database, &redis) {
        (Some(path), _, _) => path,
        (None, Location::File(path), None) => path.with_extension("key"),
        // Processes with keys of their own would refuse each other's tokens, or worse, miss each other's revocations.
        (None, Location::Postgres(_), _) => return Err(needs_secret("--database postgres://...")),
        (None, Location::File(_), Some(_)) => return Err(needs_secret("--redis")),
    };
    Ok(Some(Args { listen, admin, database, redis, secret_file, users }))
}

fn needs_secret(option: &str) -> String {
    format!(
        "{option} shares tokens with other processes: give all of them the same --secret-file (made when it is missing)"
    )
}

/// A path, or a URL of a kind that is known. The URL is not repeated: it may hold a password.
fn location(value: std::ffi::OsString) -> Result<Location, String> {
    match value.to_str().and_then(|text| text.split_once("://")) {
        Some(("postgres" | "postgresql", _)) => {
            let url = value.into_string().map_err(|_| "--database wants a URL in UTF-8".to_owned())?;
            Ok(Location::Postgres(url))
        }
        Some((scheme, _)) => {
            Err(format!("--database wants a file or postgres://user:password@host/name, not {scheme}://..."))
        }
        None => Ok(Location::File(value.into())),
    }
}

fn redis_url(value: String) -> Result<String, String> {
    match value.split_once("://") {
        Some(("redis", rest)) if !rest.is_empty() => Ok(value),
        Some((scheme, _)) => Err(format!("--redis wants redis://host:port, not {scheme}://...")),
        None => Err(format!("--redis wants redis://host:port, not `{value}`")),
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser
        .value()
        .map_err(|error| say(&error))?
        .into_string()
        .map_err(|value| format!("`{}` is not UTF-8", value.display()))
}

fn say(error: &lexopt::Error) -> String {
    format!("{error} (try --help)")
}

fn address(option: &str, value: &str) -> Result<SocketAddr, String> {
    value.parse().map_err(|_| format!("{option} wants an address and a port such as 127.0.0.1:8080, not `{value}`"))
}

fn loopback(address: SocketAddr) -> Result<SocketAddr, String> {
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(format!("--admin shows the inside of the service and has no login: `{address}` must be a loopback address"))
}
