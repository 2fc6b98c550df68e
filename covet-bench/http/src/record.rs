//! The run as a record of the same layout as all others: a table for each endpoint and figure, a value for each block.

use std::collections::BTreeMap;

use covet_bench::record::{Kind, Role};
use covet_bench::run::{Job, Run, RunContender, RunGroup, SCHEMA, Tail};
use covet_bench::{record::Record, stats, workload};

use crate::args::Options;
use crate::endpoint::Endpoint;
use crate::load::Protocol;
use crate::load::open::Open;
use crate::row::{is_client_late, is_client_limited, usable};
use crate::run::{Contender, Figures, Found, Level, baseline};
use crate::server::Server;

/// What the record says beside the figures.
pub(crate) struct Circumstances {
    /// Machine and build.
    pub(crate) fingerprint: Record,
    pub(crate) seconds: f64,
    pub(crate) seed: u64,
    pub(crate) versions: BTreeMap<Server, String>,
    pub(crate) notes: BTreeMap<String, String>,
}

pub(crate) fn run(found: &Found, options: &Options, about: Circumstances) -> Run {
    let jobs = [(Protocol::Http1, "http"), (Protocol::Http2, "http2")];
    let jobs = jobs.map(|(protocol, name)| Job {
        name: name.to_owned(),
        variant: None,
        package: "covet-bench-http".to_owned(),
        command: "cargo xtask bench http".to_owned(),
        notes: about.notes.clone(),
        groups: options
            .endpoints
            .iter()
            .flat_map(|endpoint| groups(found, options, protocol, *endpoint, &about))
            .collect(),
    });
    let all = options.servers == Server::ALL && options.endpoints == Endpoint::ALL && options.http2;
    Run {
        schema: SCHEMA,
        command: options.command.clone(),
        started_unix: about.fingerprint.started_unix,
        seconds: about.seconds.round(),
        quick: options.quick,
        complete: !options.quick && all && found.failures.is_empty(),
        seed: about.seed,
        machine: about.fingerprint.machine,
        build: about.fingerprint.build,
        workloads: workload::VERSION,
        inventory: workload::inventory::inventory(),
        corpus: false,
        disturbances: Vec::new(),
        failures: found.failures.clone(),
        jobs: jobs.into_iter().filter(|job| !job.groups.is_empty()).collect(),
    }
}

/// One cell in one block.
struct Cell {
    sample: f64,
    tail: Option<Tail>,
    counters: Vec<(&'static str, f64)>,
    notes: Vec<String>,
}

type Read<'r> = Box<dyn Fn(&Figures) -> Result<Cell, String> + 'r>;

/// The tables of one endpoint.
fn groups(
    found: &Found,
    options: &Options,
    protocol: Protocol,
    endpoint: Endpoint,
    about: &Circumstances,
) -> Vec<RunGroup> {
    let name = endpoint.name();
    let common = found.common.get(&(protocol, endpoint)).copied().unwrap_or_default();
    // At shares of its own saturation each server has another rate: shown beside each other, and not compared.
    let tables: [(String, Kind, bool, Read<'_>); 7] = [
        (format!("{name}: processor time"), Kind::Time, true, Box::new(|figures| Ok(processor_time(figures)))),
        (format!("{name}: throughput"), Kind::Time, true, Box::new(|figures| Ok(throughput(figures, found)))),
        (format!("{name}: at 50 %"), Kind::Latency, false, Box::new(|figures| own_rate(figures, Level::Half))),
        (format!("{name}: at 80 %"), Kind::Latency, false, Box::new(|figures| own_rate(figures, Level::Most))),
        (
            format!("{name}: median at {common}/s"),
            Kind::Time,
            true,
            Box::new(|figures| common_rate(figures, |tail| tail.p50)),
        ),
        (
            format!("{name}: 99th percentile at {common}/s"),
            Kind::Time,
            true,
            Box::new(|figures| common_rate(figures, |tail| tail.p99)),
        ),
        (format!("{name}: memory"), Kind::Memory, true, Box::new(|figures| Ok(plain(figures.memory as f64)))),
    ];
    let build = |(name, kind, compared, read): (String, Kind, bool, Read<'_>)| {
        group(found, options, (protocol, endpoint), (name, kind, compared), &read, about)
    };
    tables.into_iter().filter_map(build).collect()
}

fn group(
    found: &Found,
    options: &Options,
    (protocol, endpoint): (Protocol, Endpoint),
    (name, kind, compared): (String, Kind, bool),
    read: &Read<'_>,
    about: &Circumstances,
) -> Option<RunGroup> {
    let baseline = baseline(&options.servers, protocol)?;
    let cells = |server, control| -> Result<Vec<Cell>, String> {
        let contender = Contender { protocol, server, control };
        let blocks = found.figures.get(&(contender, endpoint)).map_or(&[][..], Vec::as_slice);
        if blocks.len() < options.blocks {
            return Err(found.unable.get(&(protocol, server)).cloned().unwrap_or_else(|| "not measured".to_owned()));
        }
        blocks.iter().map(read).collect()
    };
    let (mut contenders, mut unable) = (Vec::new(), Vec::new());
    for &server in &options.servers {
        match cells(server, false) {
            Ok(cells) => contenders.push(row(server, compared, &cells, about)),
            Err(why) => unable.push((server.name().to_owned(), why)),
        }
    }
    let control = cells(baseline, true).unwrap_or_default().iter().map(|cell| vec![cell.sample]).collect();
    (!contenders.is_empty()).then(|| RunGroup {
        name,
        kind,
        throughput: None,
        baseline: baseline.name().to_owned(),
        contenders,
        control,
        unable,
        targets: Vec::new(),
    })
}

fn row(server: Server, compared: bool, cells: &[Cell], about: &Circumstances) -> RunContender {
    let mut notes = vec![server.about().to_owned()];
    for note in cells.iter().flat_map(|cell| &cell.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    let mut counters: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, value) in cells.iter().flat_map(|cell| &cell.counters) {
        counters.entry((*name).to_owned()).or_default().push(*value);
    }
    let median = |(name, values): (String, Vec<f64>)| Some((name, stats::median(&values)?));
    RunContender {
        name: server.name().to_owned(),
        role: if compared { server.role() } else { Role::Aside },
        version: about.versions.get(&server).cloned(),
        notes,
        answer: "judged".to_owned(),
        samples: cells.iter().map(|cell| vec![cell.sample]).collect(),
        tails: cells.iter().filter_map(|cell| cell.tail).collect(),
        counters: counters.into_iter().filter_map(median).collect(),
        ..RunContender::default()
    }
}

fn plain(sample: f64) -> Cell {
    Cell { sample, tail: None, counters: Vec::new(), notes: Vec::new() }
}

/// Nanoseconds of processor time for a request, closed loop: microseconds for one are seconds for a million.
fn processor_time(figures: &Figures) -> Cell {
    let seconds_per_thousand = |nanoseconds: f64| nanoseconds / 1e6;
    let mut counters = vec![("CPU seconds per 1000 requests", seconds_per_thousand(figures.closed.cost()))];
    if let Some(open) = figures.open.get(&Level::Common) {
        counters.push(("CPU seconds per 1000 requests at the common rate", seconds_per_thousand(open.cost())));
    }
    Cell { counters, ..plain(figures.closed.cost()) }
}

/// Nanoseconds between answers, closed loop.
fn throughput(figures: &Figures, found: &Found) -> Cell {
    let closed = &figures.closed;
    let limited = is_client_limited(closed, found).then(|| "limited by the client: at least this".to_owned());
    Cell {
        counters: vec![
            ("requests per second", closed.rate()),
            ("share of the server's processor", closed.server_share()),
            ("share of the client's processor", closed.client_share()),
        ],
        notes: limited.into_iter().collect(),
        ..plain(1e9 / closed.rate())
    }
}

/// Nanoseconds between requests at the server's own rate, with the latencies.
fn own_rate(figures: &Figures, level: Level) -> Result<Cell, String> {
    let open = figures.open.get(&level).ok_or("not measured")?;
    let tail = Some(usable(open)?);
    Ok(Cell { tail, notes: late(open), counters: paced(open), ..plain(1e9 / open.rate) })
}

/// A quantile of the latencies at the rate of all.
fn common_rate(figures: &Figures, quantile: fn(&Tail) -> u64) -> Result<Cell, String> {
    let open = figures.open.get(&Level::Common).ok_or("not measured")?;
    let tail = usable(open)?;
    Ok(Cell { tail: Some(tail), notes: late(open), counters: paced(open), ..plain(quantile(&tail) as f64) })
}

fn paced(open: &Open) -> Vec<(&'static str, f64)> {
    vec![
        ("intended requests per second", open.rate),
        ("share of the intended rate", open.achieved()),
        ("share of the client's processor", open.client_share()),
        ("client late by, 99th percentile, ns", open.lag.quantile(0.99).as_nanos() as f64),
    ]
}

fn late(open: &Open) -> Vec<String> {
    is_client_late(open)
        .then(|| "the client was late or busy: some of this latency is its own".to_owned())
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use covet_bench::captured;

    use super::*;
    use crate::row::tests::figures;

    #[test]
    fn a_record_compares_what_can_be_compared() {
        let mut options = Options::parse(lexopt::Parser::from_args(["--only", "covet,axum"])).unwrap().unwrap();
        options.endpoints = vec![Endpoint::Row];
        options.blocks = 2;
        let mut found = Found { ceiling: Some((90_000.0, 1.0)), ..Found::default() };
        found.common.insert((Protocol::Http1, Endpoint::Row), 100.0);
        let mut add = |server, control, rate, micros| {
            let contender = Contender { protocol: Protocol::Http1, server, control };
            let block = figures(rate, Duration::from_micros(micros));
            found.figures.insert((contender, Endpoint::Row), vec![block.clone(), block]);
        };
        add(Server::Covet, false, 20_000, 40);
        add(Server::Axum, false, 10_000, 80);
        add(Server::Axum, true, 10_000, 81);
        let about = Circumstances {
            fingerprint: captured("http", Vec::<String>::new(), |_| {}).record,
            seconds: 1.0,
            seed: 1,
            versions: BTreeMap::from([(Server::Axum, "axum 0.8".to_owned())]),
            notes: BTreeMap::new(),
        };
        let run = run(&found, &options, about);
        assert_eq!((run.jobs.len(), run.jobs[0].groups.len(), run.complete), (1, 7, false));
        let table = run.jobs[0].group("row: processor time").unwrap().table();
        let ours = table.contender("covet").unwrap();
        assert!((ours.vs_best_peer.unwrap().median - 2.0).abs() < 0.01, "{ours:?}");
        assert!((ours.counters["CPU seconds per 1000 requests"] - 0.04).abs() < 1e-9);
        assert!(table.noise >= 0.01 && table.best_peer.as_deref() == Some("axum"), "{table:?}");
        let half = run.jobs[0].group("row: at 50 %").unwrap();
        assert!(half.contenders.iter().all(|row| row.role == Role::Aside && row.tails.len() == 2));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("http.json");
        std::fs::write(&file, run.to_text()).unwrap();
        assert_eq!(Run::load(&file).unwrap().jobs[0].groups.len(), 7);
    }
}
