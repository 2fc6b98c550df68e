//! The runner measured against itself: two identical contenders must tie, one that does a fifth more work must not, a child
//! process must take its turn like the rest.
//!
//! ```sh
//! cargo run --release -p covet-bench -- --bench
//! ```
#![forbid(unsafe_code)]

use std::process::{Command, ExitCode};
use std::time::Instant;

use covet_bench::child::Case;
use covet_bench::{Bench, CopyCost, Target, Throughput, black_box, child, latency, workload};

/// The argument with which this program serves as its own child.
const SERVE: &str = "--serve";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(SERVE) {
        let text = text();
        return child::serve(|case| match case {
            "checksum" => {
                let text = text.clone();
                Ok(Case::new(move || mix(black_box(&text)), |hash| *hash).version("itself"))
            }
            "wrong" => Ok(Case::new(|| 0_u64, |hash| *hash)),
            other => Err(format!("no case `{other}`")),
        });
    }
    covet_bench::main("control", |bench| {
        bench.note("workloads", workload::VERSION.to_string());
        checksum(bench);
        scan(bench);
        upper(bench);
        sort(bench);
        growth(bench);
        if std::env::var_os("COVET_BENCH_CONTROL_WRONG").is_some() {
            wrong(bench);
        }
    })
}

fn text() -> Vec<u8> {
    vec![b'x'; 5_000]
}

fn itself(case: &str, group: &mut covet_bench::Group<'_>) {
    match std::env::current_exe() {
        Ok(program) => {
            let mut command = Command::new(program);
            command.arg(SERVE);
            group.contender_child("child", command, case);
        }
        Err(error) => {
            group.unable("child", format!("cannot find this program: {error}"));
        }
    }
}

/// Shows what a wrong answer looks like.
fn wrong(bench: &mut Bench) {
    let text = text();
    let Some(mut group) = bench.group("wrong") else { return };
    group.contender("right", || mix(black_box(&text)), |hash| *hash);
    itself("wrong", &mut group);
    group.run();
}

/// A little arithmetic over `length` bytes that the optimiser cannot shorten. Never inlined: inlined copies may be laid out
/// differently, and layout alone moves results.
#[inline(never)]
fn mix(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

fn checksum(bench: &mut Bench) {
    let text = text();
    let Some(mut group) = bench.group("checksum") else { return };
    group.throughput(Throughput::Bytes(text.len() as u64)).target(Target::times_as_fast(1.5, ["first"]).of("second"));
    group.contender("first", || mix(black_box(&text)), |hash| *hash);
    group.contender("second", || mix(black_box(&text)), |hash| *hash);
    // The same answer at the price of 20 % more bytes.
    let fifth = || {
        black_box(mix(black_box(&text[..1_000])));
        mix(black_box(&text))
    };
    group.contender("a fifth slower", fifth, |hash| *hash).note("20 % more bytes on purpose");
    itself("checksum", &mut group);
    group.unable("none", "an example of a contender that cannot do the job");
    group.run();
}

fn scan(bench: &mut Bench) {
    let words: Vec<String> = (0..64).map(|n| format!("{}{n}", "word".repeat(n % 5))).collect();
    let Some(mut group) = bench.group("find a digit") else { return };
    group.throughput(Throughput::Elements(1));
    group.contender_each("bytes", &words, |word| word.bytes().position(|b| b.is_ascii_digit()), |at| at.unwrap_or(99));
    group.contender_each("chars", &words, |word| word.find(|c: char| c.is_ascii_digit()), |at| at.unwrap_or(99));
    group.run();
}

fn upper(bench: &mut Bench) {
    let text = text();
    let Some(mut group) = bench.group("upper case") else { return };
    group.throughput(Throughput::Bytes(text.len() as u64));
    for cost in [CopyCost::Timed, CopyCost::Untimed] {
        group.contender_in_place(format!("{cost:?} copy"), cost, &text, |copy, sink| {
            copy.make_ascii_uppercase();
            sink.take(&&*copy, |upper| covet_bench::Answer::bytes(upper));
        });
    }
    group.run();
}

fn sort(bench: &mut Bench) {
    let Some(mut group) = bench.latency_group("sort a thousand") else { return };
    let scenario = |scale: latency::Scale| {
        let (mut seen, start) = (latency::latencies(), Instant::now());
        for n in 0..scale.operations(2_000) {
            let one = Instant::now();
            let mut numbers: Vec<u64> = (0..1_000).map(|i| i * (n + 1) % 997).collect();
            numbers.sort_unstable();
            black_box(&numbers);
            latency::record(&mut seen, one.elapsed());
        }
        latency::Round::new(start.elapsed(), seen).counter("tasks", 1.0).answer("sorted")
    };
    group.contender("one", scenario);
    group.contender("other", scenario);
    group.run();
}

fn growth(bench: &mut Bench) {
    const IDS: u64 = 200_000;
    let count = if bench.only_verifies() { 1_000 } else { IDS };
    let Some(mut group) = bench.memory_group("ids") else { return };
    group.elements(count);
    group.contender("sorted vector", || (0..count).collect::<Vec<u64>>(), |ids| ids.len());
    group.contender("hash set", || (0..count).collect::<std::collections::HashSet<u64>>(), |ids| ids.len());
    group.run();
}
