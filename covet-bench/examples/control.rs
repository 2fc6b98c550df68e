//! Two identical contenders, and one that does a fifth more work: the first two must tie, the third must not.
//!
//! ```sh
//! cargo run --release -p covet-bench --example control -- --bench
//! ```

use std::process::ExitCode;

use covet_bench::{Bench, Target, Throughput, black_box, latency, workload};

fn main() -> ExitCode {
    covet_bench::main("control", |bench| {
        bench.note("workloads", workload::VERSION.to_string());
        checksum(bench);
        scan(bench);
        sort(bench);
        growth(bench);
    })
}

/// A little arithmetic over `length` bytes that the optimiser cannot shorten. Never inlined: inlined copies may be laid out
/// differently, and layout alone moves results.
#[inline(never)]
fn mix(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

fn checksum(bench: &mut Bench) {
    let text = vec![b'x'; 5_000];
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
    group.unable("none", "shown as an example of a contender that cannot do the job");
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

fn sort(bench: &mut Bench) {
    let Some(mut group) = bench.latency_group("sort a thousand") else { return };
    let scenario = |scale: latency::Scale| {
        let (mut seen, start) = (latency::latencies(), std::time::Instant::now());
        for n in 0..scale.operations(2_000) {
            let one = std::time::Instant::now();
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
