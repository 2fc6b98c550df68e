//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::endpoint::Endpoint;
use crate::server::{Programs, Server};

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench http [--quick] [--only SERVER,...] [--endpoint NAME,...] [--seconds N] [--blocks N] [--no-http2]
                              [--no-python] [--python PROGRAM] [--out FILE]

The service example of covet-kit beside the same endpoints on axum, actix-web, FastAPI, Flask and Django, all on SQLite with
a write-ahead log and full synchronisation. Builds the servers, makes a virtual environment from PyPI (target/covet-bench),
judges every answer first, and then loads one server at a time, pinned to one processor, from another.

  --quick        one block of short measurements: a look, not a claim
  --only         servers: covet, axum, actix-web, fastapi, flask, django
  --endpoint     endpoints: plaintext, json, row, queries, cached, authenticated, insert, update
  --seconds N    how long each load is measured (4)
  --blocks N     how often each server is started and measured, in random order (3)
  --no-http2     leaves out HTTP/2 without TLS, which some servers speak
  --no-python    leaves out the servers in Python
  --python       the interpreter for the virtual environment (the newest python3 on PATH)
  --out FILE     where the record goes (target/covet-bench/http.json)

Closed loop with 100 connections for throughput and processor time; open loop at 50 % and 80 % of each server's own
saturation and at one rate that all reach, latency from the intended time of sending.
";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) servers: Vec<Server>,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) time: Duration,
    pub(crate) warm: Duration,
    pub(crate) blocks: usize,
    pub(crate) http2: bool,
    pub(crate) programs: Programs,
    /// What was installed into the virtual environment, as `pip freeze` lists it.
    pub(crate) frozen: Option<PathBuf>,
    pub(crate) interpreter: String,
    pub(crate) lockfiles: Vec<PathBuf>,
    pub(crate) out: Option<PathBuf>,
    /// The command as a document quotes it.
    pub(crate) command: String,
}

impl Options {
    /// `None` after printing the help.
    pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Self>> {
        use lexopt::Arg::{Long, Short};
        let mut options = Self {
            quick: false,
            servers: Server::ALL.to_vec(),
            endpoints: Endpoint::ALL.to_vec(),
            time: Duration::ZERO,
            warm: Duration::from_secs(1),
            blocks: 0,
            http2: true,
            programs: Programs::default(),
            frozen: None,
            interpreter: String::new(),
            lockfiles: Vec::new(),
            out: None,
            command: "cargo xtask bench http".to_owned(),
        };
        let (mut seconds, mut blocks) = (None, None);
        while let Some(arg) = args.next()? {
            match arg {
                Long("quick") => options.quick = true,
                Long("service") => options.programs.service = Some(args.value()?.into()),
                Long("axum") => options.programs.axum = Some(args.value()?.into()),
                Long("sqlx") => options.programs.sqlx = Some(args.value()?.into()),
                Long("python-bin") => options.programs.python = Some(args.value()?.into()),
                Long("apps") => options.programs.apps = args.value()?.into(),
                Long("frozen") => options.frozen = Some(args.value()?.into()),
                Long("lockfile") => options.lockfiles.push(args.value()?.into()),
                Long("out") => options.out = Some(args.value()?.into()),
                Long("only") => options.servers = list(&args.value()?.to_string_lossy(), Server::find)?,
                Long("endpoint") => options.endpoints = list(&args.value()?.to_string_lossy(), Endpoint::find)?,
                Long("seconds") => seconds = Some(args.value()?.to_string_lossy().parse::<f64>()?),
                Long("blocks") => blocks = Some(args.value()?.to_string_lossy().parse()?),
                Long("no-http2") => options.http2 = false,
                Long("command") => options.command = args.value()?.to_string_lossy().into_owned(),
                Long("interpreter") => options.interpreter = args.value()?.to_string_lossy().into_owned(),
                Long("help") | Short('h') => {
                    print!("{HELP}");
                    return Ok(None);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        let (default_seconds, default_blocks) = if options.quick { (1.0, 1) } else { (4.0, 3) };
        options.warm = Duration::from_millis(if options.quick { 300 } else { 1_000 });
        options.blocks = blocks.unwrap_or(default_blocks);
        let seconds: f64 = seconds.unwrap_or(default_seconds);
        if options.blocks == 0 || !(0.2..=600.0).contains(&seconds) {
            bail!("--blocks must be above zero, and --seconds between 0.2 and 600");
        }
        options.time = Duration::from_secs_f64(seconds);
        Ok(Some(options))
    }
}

/// Names between commas, each once, in the order of the type.
fn list<T: Ord>(names: &str, find: fn(&str) -> Result<T>) -> Result<Vec<T>> {
    let mut found: Vec<T> = names.split(',').map(str::trim).map(find).collect::<Result<_>>()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        Ok(Options::parse(lexopt::Parser::from_args(arguments))?.unwrap())
    }

    #[test]
    fn names_are_ordered_and_checked() {
        let options = parse(&["--only", "flask,covet,flask", "--endpoint", "update,json", "--seconds", "0.5"]).unwrap();
        assert_eq!(options.servers, [Server::Covet, Server::Flask]);
        assert_eq!(options.endpoints, [Endpoint::Json, Endpoint::Update]);
        assert_eq!((options.time, options.blocks), (Duration::from_millis(500), 3));
        for wrong in [["--only", "tide"], ["--endpoint", "x"], ["--blocks", "0"], ["--seconds", "nan"], ["--x", "y"]] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_quick_look_is_one_block() {
        let options = parse(&["--quick"]).unwrap();
        assert_eq!((options.blocks, options.time), (1, Duration::from_secs(1)));
        assert_eq!((options.servers.len(), options.endpoints.len()), (6, 8));
    }
}
