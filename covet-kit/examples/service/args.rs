//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

/// What the command line asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    /// A SQLite file, created when it is missing.
    pub(crate) database: PathBuf,
    pub(crate) users: u32,
}

const HELP: &str = "\
A small service on every Covet crate: routing, tokens that can be revoked, pooled SQL, JSON.

usage: service [options]

  --listen ADDRESS     where to serve (default 127.0.0.1:8080; port 0 picks a free one)
  --admin ADDRESS      serve metrics and a status page here, on loopback only (default 127.0.0.1:8081; `off` turns it off)
  --database FILE      a SQLite file, created when it is missing (default: covet-service/service.sqlite3 in the temporary
                       folder); the signing key is kept beside it
  --users N            rows to seed an empty database with (default 10000)
  --help               this text

Stop it with Ctrl-C: requests in flight are finished first.";

/// Reads the command line; `None` after printing the help.
pub(crate) fn parse() -> Result<Option<Args>, String> {
    use lexopt::prelude::*;

    let mut args = Args {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        admin: Some(SocketAddr::from(([127, 0, 0, 1], 8081))),
        database: std::env::temp_dir().join("covet-service").join("service.sqlite3"),
        users: 10_000,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next().map_err(|error| say(&error))? {
        match arg {
            Long("listen") => args.listen = address("--listen", &text(&mut parser)?)?,
            Long("admin") => {
                let value = text(&mut parser)?;
                args.admin = if value == "off" { None } else { Some(loopback(address("--admin", &value)?)?) };
            }
            Long("database") => args.database = parser.value().map_err(|error| say(&error))?.into(),
            Long("users") => {
                let value = text(&mut parser)?;
                args.users = value.parse().map_err(|_| format!("--users wants a number, not `{value}`"))?;
            }
            Long("help") | Short('h') => {
                println!("{HELP}");
                return Ok(None);
            }
            other => return Err(say(&other.unexpected())),
        }
    }
    Ok(Some(args))
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
