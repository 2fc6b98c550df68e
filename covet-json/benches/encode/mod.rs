//! The rows of the table that encode, each into a buffer that is reused and into a new vector.
//!
//! Every contender gets the same value. `simd-json` and `serde_json` write to a `Vec<u8>` as to any writer, which is how their
//! documentation reuses a buffer; `sonic-rs` has a trait of its own for that, which `Vec<u8>` implements.

use std::cell::Cell;

use covet_bench::workload::users;
use covet_bench::{About, Answer, Bench, Group, Target, Throughput, black_box};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::corpus::{self, canada::Canada, citm::Catalog, twitter::Twitter};

const PEERS: [&str; 3] = ["serde_json", "sonic-rs", "simd-json"];

pub(crate) fn groups(bench: &mut Bench) {
    row::<users::Small>(bench, "small", &users::small(), 1.3);
    row::<Vec<users::User>>(bench, "users50", &users::users50(), 2.0);
    row::<Vec<users::User>>(bench, "users 1 MB", &users::users_1mb(), 2.0);
    let documents = [corpus::load("twitter.json"), corpus::load("citm_catalog.json"), corpus::load("canada.json")];
    let [Some(twitter), Some(citm), Some(canada)] = documents else {
        bench.skip("encode twitter, citm, canada", "COVET_CORPUS is not set");
        return;
    };
    row::<Twitter>(bench, "twitter", &twitter, 1.5);
    row::<Catalog>(bench, "citm", &citm, 1.5);
    row::<Canada>(bench, "canada", &canada, 1.15);
}

/// Both groups for one document.
fn row<T: DeserializeOwned + Serialize>(bench: &mut Bench, name: &str, document: &[u8], factor: f64) {
    let value: T = serde_json::from_slice(document).expect("workloads fit their types");
    let bytes = serde_json::to_vec(&value).map_or(0, |bytes| bytes.len());
    into_buffer(bench, &format!("encode {name}, buffer reused"), &value, bytes, factor);
    into_vec(bench, &format!("encode {name}, to_vec"), &value, bytes, factor);
}

/// Adds a contender that clears its buffer and encodes into it; the answer is what the buffer holds.
fn reusing<'g, 'a, E>(
    group: &'g mut Group<'a>,
    name: &str,
    buffer: &'a Cell<Vec<u8>>,
    encode: impl Fn(&mut Vec<u8>) -> Result<(), E> + 'a,
) -> &'g mut About {
    let op = move || {
        let mut bytes = buffer.take();
        bytes.clear();
        let done = encode(&mut bytes).is_ok();
        buffer.set(bytes);
        done
    };
    let check = move |done: &bool| {
        let bytes = buffer.take();
        let answer = if *done { Answer::json(&bytes) } else { Answer::from("failed") };
        buffer.set(bytes);
        answer
    };
    group.contender(name, op, check)
}

fn into_buffer<T: Serialize>(bench: &mut Bench, name: &str, value: &T, bytes: usize, factor: f64) {
    let buffers = [(); 4].map(|()| Cell::new(Vec::with_capacity(2 * bytes)));
    let [ours, serde, sonic, simd] = &buffers;
    let Some(mut group) = bench.group(name) else { return };
    group.throughput(Throughput::Bytes(bytes as u64)).target(Target::times_as_fast(factor, PEERS));
    reusing(&mut group, "covet-json", ours, |buffer| covet_json::to_buf(buffer, black_box(value))).ours();
    reusing(&mut group, "serde_json", serde, |buffer| serde_json::to_writer(buffer, black_box(value)));
    reusing(&mut group, "sonic-rs", sonic, |buffer| sonic_rs::to_writer(buffer, black_box(value)));
    reusing(&mut group, "simd-json", simd, |buffer| simd_json::serde::to_writer(buffer, black_box(value)));
    group.baseline("serde_json");
    group.run();
}

fn into_vec<T: Serialize>(bench: &mut Bench, name: &str, value: &T, bytes: usize, factor: f64) {
    let Some(mut group) = bench.group(name) else { return };
    group.throughput(Throughput::Bytes(bytes as u64)).target(Target::times_as_fast(factor, PEERS));
    let check = |bytes: &Option<Vec<u8>>| bytes.as_deref().map_or_else(|| Answer::from("failed"), Answer::json);
    group.contender("covet-json", || covet_json::to_vec(black_box(value)).ok(), check).ours();
    group.contender("serde_json", || serde_json::to_vec(black_box(value)).ok(), check);
    group.contender("sonic-rs", || sonic_rs::to_vec(black_box(value)).ok(), check);
    group.contender("simd-json", || simd_json::serde::to_vec(black_box(value)).ok(), check);
    group.baseline("serde_json");
    group.run();
}
