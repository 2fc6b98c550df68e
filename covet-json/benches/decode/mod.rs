//! The rows of the table that decode.

use std::collections::BTreeMap;
use std::fmt::Debug;

use covet_bench::workload::users;
use covet_bench::{Answer, Bench, CopyCost, Target, Throughput, black_box};
use covet_json::{SimdLevel, force_simd_level};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::corpus::{self, canada::Canada, citm::Catalog, twitter::Twitter};

const PEERS: [&str; 3] = ["serde_json", "sonic-rs", "simd-json"];

pub(crate) fn groups(bench: &mut Bench) {
    let (small, users50, users_1mb) = (users::small(), users::users50(), users::users_1mb());
    owned::<users::Small>(bench, "decode small", &small, 1.3, Answer::debug);
    owned::<Vec<users::User>>(bench, "decode users50 owned", &users50, 1.3, Answer::debug);
    users50_borrowed(bench, &users50);
    owned::<Vec<users::User>>(bench, "decode users 1 MB owned", &users_1mb, 1.3, Answer::debug);
    owned::<Value>(bench, "decode users50 to Value", &users50, 1.1, Answer::debug);
    buffered::<Vec<Flat>>(bench, "decode users50 flattened", &users50);
    buffered::<Vec<Untagged>>(bench, "decode users50 untagged", &users50);
    levels::<Vec<users::User>>(bench, "decode users50 at each level", &users50);
    let documents = [corpus::load("twitter.json"), corpus::load("citm_catalog.json"), corpus::load("canada.json")];
    let [Some(twitter), Some(citm), Some(canada)] = documents else {
        bench.skip("decode twitter, citm, canada", "COVET_CORPUS is not set");
        return;
    };
    owned::<Twitter>(bench, "decode twitter", &twitter, 1.25, Answer::debug);
    owned::<Catalog>(bench, "decode citm", &citm, 1.6, Answer::debug);
    // The last bits of floats differ between the contenders, so the answer compares a few digits less.
    owned::<Canada>(bench, "decode canada", &canada, 1.1, |map| {
        let points = map.features.iter().flat_map(|feature| feature.geometry.coordinates.iter().flatten());
        Answer::all(points.map(|(x, y)| Answer::from(format!("{x:.9} {y:.9}"))))
    });
    owned::<Value>(bench, "decode twitter to Value", &twitter, 1.2, Answer::debug);
    levels::<Twitter>(bench, "decode twitter at each level", &twitter);
}

fn owned<T: DeserializeOwned>(
    bench: &mut Bench,
    name: &str,
    document: &[u8],
    factor: f64,
    answer: impl Fn(&T) -> Answer + Copy,
) {
    let mut buffers = simd_json::Buffers::new(document.len());
    let text = std::str::from_utf8(document).expect("documents are UTF-8");
    let Some(mut group) = bench.group(name) else { return };
    group.throughput(Throughput::Bytes(document.len() as u64)).target(Target::times_as_fast(factor, PEERS));
    let check = move |value: &Option<T>| value.as_ref().map_or_else(|| Answer::from("failed"), answer);
    group.contender("covet-json", || covet_json::from_slice::<T>(black_box(document)).ok(), check).ours();
    group.contender("serde_json", || serde_json::from_slice::<T>(black_box(document)).ok(), check);
    group.contender("serde_json from_str", || serde_json::from_str::<T>(black_box(text)).ok(), check);
    group.contender("sonic-rs", || sonic_rs::from_slice::<T>(black_box(document)).ok(), check);
    group.contender_in_place("simd-json", CopyCost::Timed, document, |copy, sink| {
        let value = simd_json::serde::from_slice_with_buffers::<T>(copy, &mut buffers).ok();
        sink.take(&value, check);
    });
    group.baseline("serde_json");
    group.run();
}

fn users50_borrowed(bench: &mut Bench, document: &[u8]) {
    type Users<'a> = Vec<users::UserRef<'a>>;
    let mut buffers = simd_json::Buffers::new(document.len());
    let Some(mut group) = bench.group("decode users50 borrowed") else { return };
    group.throughput(Throughput::Bytes(document.len() as u64)).target(Target::times_as_fast(1.6, PEERS));
    let check = |value: &Option<Users<'_>>| Answer::debug(value);
    group.contender("covet-json", || covet_json::from_slice::<Users<'_>>(black_box(document)).ok(), check).ours();
    group.contender("serde_json", || serde_json::from_slice::<Users<'_>>(black_box(document)).ok(), check);
    group.contender("sonic-rs", || sonic_rs::from_slice::<Users<'_>>(black_box(document)).ok(), check);
    group.contender_in_place("simd-json", CopyCost::Timed, document, |copy, sink| {
        let value = simd_json::serde::from_slice_with_buffers::<Users<'_>>(copy, &mut buffers).ok();
        sink.take(&value, check);
    });
    group.baseline("serde_json");
    group.run();
}

/// A user whose fields serde buffers, but for one.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "compared by its `Debug` form")]
struct Flat {
    id: u64,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// A user whom serde buffers whole, and tries as two types.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "compared by its `Debug` form")]
enum Untagged {
    Small(users::Small),
    User(users::User),
}

/// Types for which serde keeps values in a form of its own before the type sees them: shown without a target.
fn buffered<T: DeserializeOwned + Debug>(bench: &mut Bench, name: &str, document: &[u8]) {
    let Some(mut group) = bench.group(name) else { return };
    group.throughput(Throughput::Bytes(document.len() as u64));
    let check = |value: &Option<T>| Answer::debug(value);
    group.contender("covet-json", || covet_json::from_slice::<T>(black_box(document)).ok(), check).ours();
    group.contender("serde_json", || serde_json::from_slice::<T>(black_box(document)).ok(), check);
    group.contender("sonic-rs", || sonic_rs::from_slice::<T>(black_box(document)).ok(), check);
    group.baseline("serde_json");
    group.run();
}

/// The kernels for long runs at each level that the CPU has; the inline ones are part of the build.
fn levels<T: DeserializeOwned + Debug>(bench: &mut Bench, name: &str, document: &[u8]) {
    let best = covet_json::simd_level();
    let Some(mut group) = bench.group(name) else { return };
    group.throughput(Throughput::Bytes(document.len() as u64));
    let check = |value: &Option<T>| Answer::debug(value);
    for level in [SimdLevel::Portable, SimdLevel::Sse2, SimdLevel::Avx2] {
        if level <= best {
            let op = move || {
                // A store that is part of every contender alike.
                let _ = force_simd_level(level);
                covet_json::from_slice::<T>(black_box(document)).ok()
            };
            group.contender(format!("covet-json {level}"), op, check).ours();
        }
    }
    group.run();
    let _ = force_simd_level(best);
}
