//! A small run, made up: a win, a loss and a tie, two SIMD levels, latencies, memory, allocations.

use std::collections::BTreeMap;

use covet_bench::Target;
use covet_bench::record::{Allocations, Kind, Role, Throughput};
use covet_bench::run::{Job, Run, RunContender, RunGroup, SCHEMA, Tail};

fn row(name: &str, role: Role, version: &str, nanoseconds: [f64; 5]) -> RunContender {
    RunContender {
        name: name.to_owned(),
        role,
        version: Some(version.to_owned()),
        answer: "0".to_owned(),
        samples: nanoseconds.iter().map(|value| vec![*value; 3]).collect(),
        ..RunContender::default()
    }
}

fn group(name: &str, kind: Kind, ours: [f64; 5], peer: f64) -> RunGroup {
    RunGroup {
        name: name.to_owned(),
        kind,
        throughput: Some(Throughput::Bytes(1_000)),
        baseline: "serde_json".to_owned(),
        contenders: vec![
            row("covet-json", Role::Ours, "0.1.0", ours),
            row("serde_json", Role::Peer, "1.0.154", [1_000.0; 5]),
            row("sonic-rs", Role::Peer, "0.5.10", [peer; 5]),
            row("an <aside>", Role::Aside, "1.0.0", [100.0; 5]),
        ],
        control: [1_001.0, 999.0, 1_002.0, 1_000.0, 1_003.0].iter().map(|value| vec![*value; 3]).collect(),
        unable: vec![("other".to_owned(), "it cannot".to_owned())],
        targets: vec![Target::times_as_fast(1.5, ["sonic-rs"])],
    }
}

fn job(variant: &str, factor: f64) -> Job {
    let times = |base: f64| [1.0, 1.01, 0.99, 1.02, 0.98].map(|wobble| base * wobble * factor);
    let mut small = group("decode users50 owned", Kind::Time, times(400.0), 800.0);
    small.contenders[0].allocations = Some(Allocations { count: 3.0, bytes: 120.0, peak_bytes: 120, kept_bytes: 0.0 });
    let mut tails = group("decode small", Kind::Latency, times(900.0), 899.0);
    for row in &mut tails.contenders {
        row.tails = vec![Tail { count: 10_000, p50: 10, p99: 99, p999: Some(999), max: 12_345 }; 5];
    }
    Job {
        name: "json".to_owned(),
        variant: Some(variant.to_owned()),
        package: "covet-json".to_owned(),
        command: "cargo bench -p covet-json --bench peers".to_owned(),
        notes: BTreeMap::from([("simd".to_owned(), variant.to_owned())]),
        groups: vec![small, group("encode users50, buffer reused", Kind::Time, times(1_500.0), 750.0), tails],
    }
}

pub(crate) fn run() -> Run {
    let mut run = Run {
        schema: SCHEMA,
        command: "cargo xtask bench".to_owned(),
        started_unix: 1_795_000_000,
        seconds: 61.0,
        quick: false,
        complete: true,
        seed: 7,
        machine: Default::default(),
        build: Default::default(),
        workloads: 1,
        inventory: Vec::new(),
        corpus: false,
        disturbances: Vec::new(),
        failures: Vec::new(),
        jobs: vec![job("sse2", 1.0), job("avx2", 0.5)],
    };
    run.machine.cpu = "A processor".to_owned();
    run.machine.cores = 2;
    run.machine.siblings = vec!["0-1".to_owned(), "0-1".to_owned()];
    run.build.rustc = "rustc 1.95.0".to_owned();
    run.build.commit = Some("0123456789abcdef".to_owned());
    run
}
