//! The run as a record of the same layout as all others: a table for each row, a sample for each round.

use std::collections::BTreeMap;
use std::fs;

use covet_bench::record::{Kind, Record, Role};
use covet_bench::run::{Job, Run, RunContender, RunGroup, SCHEMA};
use covet_bench::{stats, workload};

use crate::args::Options;
use crate::figures::{Figures, tail};
use crate::row::Row;
use crate::table::flat;
use crate::worker::Contender;
use crate::{Samples, all_rows};

/// What the record says beside the samples.
pub(crate) struct Circumstances {
    pub(crate) fingerprint: Record,
    pub(crate) seconds: f64,
    pub(crate) versions: BTreeMap<Contender, BTreeMap<String, String>>,
}

pub(crate) fn run(samples: &Samples, options: &Options, about: Circumstances) -> Run {
    let frozen = options.frozen.as_ref().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
    let packages = frozen.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let mut notes = BTreeMap::from([
        ("python".to_owned(), format!("{}; {packages}", options.interpreter)),
        ("samples".to_owned(), "a sample is the median of a round's operations, in nanoseconds for one".to_owned()),
    ]);
    for (contender, versions) in &about.versions {
        let text = versions.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ");
        notes.insert(contender.name().to_owned(), text);
    }
    let groups = all_rows().filter_map(|row| group(row, samples, &about)).collect();
    let job = Job {
        name: "python".to_owned(),
        variant: None,
        package: "covet-bench-eight".to_owned(),
        command: "cargo xtask bench python".to_owned(),
        notes,
        groups,
    };
    Run {
        schema: SCHEMA,
        command: options.command.clone(),
        started_unix: about.fingerprint.started_unix,
        seconds: about.seconds.round(),
        quick: options.quick,
        complete: !options.quick && options.is_whole(),
        seed: about.fingerprint.seed,
        machine: about.fingerprint.machine,
        build: about.fingerprint.build,
        workloads: workload::VERSION,
        inventory: workload::inventory::inventory(),
        corpus: false,
        disturbances: Vec::new(),
        failures: Vec::new(),
        jobs: vec![job],
    }
}

fn group(row: &Row, samples: &Samples, about: &Circumstances) -> Option<RunGroup> {
    let of = |contender| samples.get(&(row.key, contender));
    let contenders = [Contender::Covet, Contender::CPython, Contender::Orjson];
    let contenders: Vec<RunContender> =
        contenders.into_iter().filter_map(|contender| line(row, contender, of(contender)?, about)).collect();
    (!contenders.is_empty()).then(|| RunGroup {
        name: row.title.to_owned(),
        kind: Kind::Time,
        throughput: None,
        baseline: Contender::CPython.name().to_owned(),
        contenders,
        control: of(Contender::Control).map(|found| rounds(found)).unwrap_or_default(),
        unable: Vec::new(),
        targets: Vec::new(),
    })
}

fn line(row: &Row, contender: Contender, found: &[Vec<Vec<f64>>], about: &Circumstances) -> Option<RunContender> {
    let figures = Figures::of(&flat(found))?;
    let role = match contender {
        _ if !row.comparable => Role::Aside,
        Contender::Covet => Role::Ours,
        _ => Role::Peer,
    };
    let key = match contender {
        Contender::Covet => "covet",
        Contender::Orjson => "orjson",
        Contender::CPython | Contender::Control => "python",
    };
    Some(RunContender {
        name: contender.name().to_owned(),
        role,
        version: about.versions.get(&contender).and_then(|versions| versions.get(key).cloned()),
        notes: (!row.comparable).then(|| "not the same work".to_owned()).into_iter().collect(),
        answer: "compared".to_owned(),
        samples: rounds(found),
        tails: found.iter().filter_map(|process| tail(&process.concat())).collect(),
        counters: BTreeMap::from([
            ("mean".to_owned(), figures.mean),
            ("median".to_owned(), figures.median),
            ("standard deviation".to_owned(), figures.deviation),
            ("99th percentile".to_owned(), figures.p99),
        ]),
        ..RunContender::default()
    })
}

/// The median of each round, per process. Below the clock's resolution a time is no ratio's denominator.
fn rounds(found: &[Vec<Vec<f64>>]) -> Vec<Vec<f64>> {
    let one = |round: &Vec<f64>| stats::median(round).map(|median| median.max(0.1));
    found.iter().map(|process| process.iter().filter_map(one).collect()).collect()
}

#[cfg(test)]
mod tests {
    use covet_bench::captured;

    use super::*;
    use crate::args::tests::parse;

    #[test]
    fn a_record_has_ratios_by_round() {
        let sample = |ns: f64| vec![vec![vec![ns; 5]; 8]; 3];
        let samples = Samples::from([
            (("insert", Contender::Covet), sample(2_000.0)),
            (("insert", Contender::CPython), sample(3_000.0)),
            (("insert", Contender::Control), sample(3_010.0)),
        ]);
        let fingerprint = captured("python", Vec::<String>::new(), |_| {}).record;
        let about = Circumstances { fingerprint, seconds: 1.0, versions: BTreeMap::new() };
        let run = run(&samples, &parse(&[]).unwrap(), about);
        let group = run.jobs[0].group("INSERT").unwrap();
        let table = group.table();
        let ours = table.contender("covet").unwrap();
        assert!((ours.vs_best_peer.unwrap().median - 1.5).abs() < 1e-6 && group.processes() == 3, "{ours:?}");
        assert!((ours.counters["99th percentile"] - 2_000.0).abs() < 1e-6);
        assert_eq!(run.jobs[0].groups.len(), 1);
    }
}
