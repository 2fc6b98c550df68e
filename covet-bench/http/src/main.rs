//! The HTTP benchmark: one server at a time on one processor, the load on another, every answer judged.
//!
//! `cargo xtask bench http` builds the servers and starts this program. What it does, in order: [`run`]; who takes part:
//! [`server`]; what is asked and what a right answer is: [`endpoint`]; how the load is made: [`mod@load`].

#![forbid(unsafe_code)]

mod args;
mod endpoint;
mod floor;
mod load;
mod pin;
mod proc;
mod record;
mod row;
mod run;
mod seed;
mod server;
mod table;
mod verify;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use covet_bench::captured;

use crate::args::Options;
use crate::pin::Cores;
use crate::record::Circumstances;
use crate::run::{Found, Session};
use crate::seed::Seed;
use crate::server::Server;

fn main() -> ExitCode {
    match dispatch() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well.
fn dispatch() -> Result<bool> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let [first, address] = &arguments[..]
        && first == "floor"
    {
        floor::run(address.to_string_lossy().parse()?)?;
        return Ok(true);
    }
    let Some(options) = Options::parse(lexopt::Parser::from_args(arguments))? else { return Ok(true) };
    let fingerprint = captured("http", Vec::<String>::new(), |_| {}).record;
    let started = Instant::now();
    let order = fingerprint.seed;
    let cores = Cores::take()?;
    let folder = tempfile::tempdir().context("cannot make a folder for the databases")?;
    let found = load(&options, cores, folder.path(), order)?;
    print!("{}", table::text(&found, &options));

    let about = Circumstances {
        versions: versions(&options),
        notes: notes(&options, cores, &found, &fingerprint.machine.siblings),
        fingerprint,
        seconds: started.elapsed().as_secs_f64(),
        seed: order,
    };
    let run = record::run(&found, &options, about);
    if let Some(file) = &options.out {
        fs::write(file, run.to_text()).with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("record written to {}", file.display());
    }
    Ok(run.failures.is_empty())
}

fn load(options: &Options, cores: Cores, folder: &Path, order: u64) -> Result<Found> {
    // One thread: the client has one processor.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let set = tokio::task::LocalSet::new();
    set.block_on(&runtime, async {
        let seed = Seed::new(&options.programs, folder).await?;
        Session::new(options, cores, seed).run(order).await
    })
}

fn versions(options: &Options) -> BTreeMap<Server, String> {
    let lockfiles: Vec<String> = options.lockfiles.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    let frozen = frozen(options);
    let one = |server: &Server| Some((*server, seed::version(*server, &lockfiles, &frozen)?));
    options.servers.iter().filter_map(one).collect()
}

fn frozen(options: &Options) -> String {
    options.frozen.as_ref().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default()
}

fn notes(options: &Options, cores: Cores, found: &Found, siblings: &[String]) -> BTreeMap<String, String> {
    let mut notes = BTreeMap::from([
        ("processors".to_owned(), format!("load on {}, server on {}", cores.client, cores.server)),
        (
            "load".to_owned(),
            format!("{} requests under way at most; {} s each", load::LANES, options.time.as_secs_f64()),
        ),
        (
            "database".to_owned(),
            "SQLite, write-ahead log, synchronous = FULL; 10000 rows; a copy for each run".to_owned(),
        ),
    ]);
    if siblings.get(cores.client).is_some_and(|shared| siblings.get(cores.server) == Some(shared)) {
        notes.insert("siblings".to_owned(), "load and server share one core's execution units".to_owned());
    }
    if let Some((rate, share)) = found.ceiling {
        let text = format!("{rate:.0} requests/s against a trivial server, {:.0} % of the processor", share * 100.0);
        notes.insert("client's ceiling".to_owned(), text);
    }
    if options.programs.python.is_some() {
        let packages = frozen(options).split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        notes.insert("python".to_owned(), format!("{}; {packages}", options.interpreter));
    }
    notes
}
