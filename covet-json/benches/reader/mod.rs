//! Large documents from a reader: 100 MB of records, whole and element by element.

use std::io::BufReader;

use covet_bench::workload::users::{self, User};
use covet_bench::{Bench, Target, Throughput, black_box};

/// Megabytes of records; the `--test` run takes one.
const MEGABYTES: usize = 100;

pub(crate) fn groups(bench: &mut Bench) {
    let one = users::users_1mb();
    let count = if bench.only_verifies() { 1 } else { MEGABYTES };
    let mut document = Vec::with_capacity(count * one.len());
    document.push(b'[');
    for _ in 0..count {
        document.extend_from_slice(&one[1..one.len() - 1]);
        document.push(b',');
    }
    document.pop();
    document.push(b']');
    let Some(mut group) = bench.group("from_reader 100 MB of records") else { return };
    group
        .throughput(Throughput::Bytes(document.len() as u64))
        .target(Target::times_as_fast(3.0, ["serde_json"]))
        .target(Target::times_as_fast(0.8, ["covet-json from_slice"]))
        .target(Target::times_as_fast(0.7, ["covet-json from_slice"]).of("covet-json ArrayReader"));
    let check = |sum: &u64| *sum;
    let sum = |users: Vec<User>| users.iter().map(|user| user.id).sum::<u64>();
    let ours = || covet_json::from_reader::<_, Vec<User>>(black_box(&document[..])).map_or(0, sum);
    group.contender("covet-json", ours, check).ours();
    let slice = || covet_json::from_slice::<Vec<User>>(black_box(&document)).map_or(0, sum);
    group.contender("covet-json from_slice", slice, check);
    let elements = || {
        let users = covet_json::stream::ArrayReader::<_, User>::new(black_box(&document[..]));
        users.map(|user| user.map_or(0, |user| user.id)).sum::<u64>()
    };
    group.contender("covet-json ArrayReader", elements, check);
    let theirs = || serde_json::from_reader::<_, Vec<User>>(BufReader::new(black_box(&document[..]))).map_or(0, sum);
    group.contender("serde_json", theirs, check);
    group.baseline("serde_json");
    group.run();
}
