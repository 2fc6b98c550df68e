//! Eight rows of JSON and SQLite beside `CPython` and orjson, interleaved in one run: `covet-bench/EIGHT-ROWS.md` says what each
//! measures and what it does not.
//!
//! `cargo xtask bench python` builds this program, installs the peers, and starts it.

#![forbid(unsafe_code)]

mod args;
mod covet;
mod data;
mod figures;
mod record;
mod row;
mod table;
mod worker;

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use covet_bench::{Rng, captured};

use crate::args::Options;
use crate::record::Circumstances;
use crate::row::{ROWS, Row};
use crate::worker::{Contender, Worker};

/// By row and contender: for each process and round of it, nanoseconds of every operation.
type Samples = BTreeMap<(&'static str, Contender), Vec<Vec<Vec<f64>>>>;

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    if std::env::args_os().skip(1).eq(["worker"]) {
        return worker::serve();
    }
    let Some(options) = Options::parse(lexopt::Parser::from_env())? else { return Ok(()) };
    let fingerprint = captured("python", Vec::<String>::new(), |_| {}).record;
    let started = Instant::now();
    let mut rng = Rng::new(fingerprint.seed);
    let (mut samples, mut versions) = (Samples::new(), BTreeMap::new());
    for process in 0..options.processes {
        eprintln!("[{}/{}] {} s gone", process + 1, options.processes, started.elapsed().as_secs());
        measure(&options, &mut rng, &mut samples, &mut versions)?;
    }
    print!("{}", table::text(&samples, &options));
    let seconds = started.elapsed().as_secs_f64();
    let run = record::run(&samples, &options, Circumstances { fingerprint, seconds, versions });
    if let Some(file) = &options.out {
        fs::write(file, run.to_text()).with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("record written to {}", file.display());
    }
    Ok(())
}

/// One process of each contender: answers compared, then rounds in random order, the first of which warms up, then answers
/// compared again, because the statements that write have left their traces.
fn measure(
    options: &Options,
    rng: &mut Rng,
    samples: &mut Samples,
    versions: &mut BTreeMap<Contender, BTreeMap<String, String>>,
) -> Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder for the data")?;
    data::write(folder.path())?;
    let mut workers = Vec::new();
    for contender in Contender::ALL {
        let worker = Worker::start(contender, &options.python, folder.path())?;
        versions.insert(contender, worker.versions.clone());
        workers.push((contender, worker));
    }
    compare(&mut workers, options)?;
    for round in 0..=options.rounds {
        for row in options.rows() {
            rng.shuffle(&mut workers);
            for (contender, worker) in workers.iter_mut().filter(|(contender, _)| takes_part(*contender, row)) {
                let taken = worker.run(row.key, row.count)?;
                let processes = samples.entry((row.key, *contender)).or_default();
                match round {
                    0 => processes.push(Vec::new()),
                    _ => processes.last_mut().context("no process")?.push(taken),
                }
            }
        }
    }
    compare(&mut workers, options)
}

/// orjson has nothing to do with databases.
fn takes_part(contender: Contender, row: &Row) -> bool {
    contender != Contender::Orjson || row.json
}

fn compare(workers: &mut [(Contender, Worker)], options: &Options) -> Result<()> {
    for row in options.rows() {
        let mut first = None;
        for (contender, worker) in workers.iter_mut().filter(|(contender, _)| takes_part(*contender, row)) {
            let answer = worker.answer(row.key)?;
            match &first {
                None => first = Some((*contender, answer)),
                Some((_, known)) if *known == answer => {}
                Some((other, known)) => {
                    let short = |value: &serde_json::Value| value.to_string().chars().take(120).collect::<String>();
                    let (one, two) = (short(known), short(&answer));
                    bail!("{}: {} answers {one}, {} {two}", row.title, other.name(), contender.name());
                }
            }
        }
    }
    Ok(())
}

/// The rows of this program, for its modules.
fn all_rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
}
