//! JSON: documents that are generated, so that every machine has them, and jiter, which knows no serde.

mod jiter;

use std::fmt::Debug;

use covet_bench::workload::{catalog, documents, twitter, users};
use covet_bench::{Answer, Bench, CopyCost, Throughput, black_box};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) fn groups(bench: &mut Bench) {
    typed::<twitter::TwitterSearch>(bench, "statuses", &documents::twitter_like(), Answer::debug);
    typed::<catalog::Catalog>(bench, "a catalogue", &documents::catalog_like(), Answer::debug);
    // The last digits of floats differ between the contenders: serde_json rounds some the wrong way.
    typed::<Vec<f64>>(bench, "numbers", &documents::numbers(), |numbers| {
        Answer::all(numbers.iter().map(|number| Answer::from(format!("{number:.9e}"))))
    });
    typed::<String>(bench, "one string of 1 MB", &documents::one_string_1mb(), |text| Answer::from(text.as_str()));
    jiter::by_hand(bench, &users::users50());
    tree(bench, "50 users", &users::users50());
    tree(bench, "statuses", &documents::twitter_like());
}

/// A document to its type, and back.
fn typed<T: DeserializeOwned + Serialize + Debug>(
    bench: &mut Bench,
    name: &str,
    document: &[u8],
    answer: impl Fn(&T) -> Answer + Copy,
) {
    decode(bench, &format!("json: decode {name}"), document, answer);
    let value: T = serde_json::from_slice(document).expect("workloads fit their types");
    encode(bench, &format!("json: encode {name}"), &value, document.len());
}

fn decode<T: DeserializeOwned>(bench: &mut Bench, name: &str, document: &[u8], answer: impl Fn(&T) -> Answer + Copy) {
    let mut buffers = simd_json::Buffers::new(document.len());
    let Some(mut group) = bench.group(name) else { return };
    group.throughput(Throughput::Bytes(document.len() as u64));
    let check = move |value: &Option<T>| value.as_ref().map_or_else(|| Answer::from("failed"), answer);
    group.contender("covet-json", || covet_json::from_slice::<T>(black_box(document)).ok(), check).ours();
    group.contender("serde_json", || serde_json::from_slice::<T>(black_box(document)).ok(), check);
    group.contender("sonic-rs", || sonic_rs::from_slice::<T>(black_box(document)).ok(), check);
    group.contender_in_place("simd-json", CopyCost::Timed, document, |copy, sink| {
        let value = simd_json::serde::from_slice_with_buffers::<T>(copy, &mut buffers).ok();
        sink.take(&value, check);
    });
    group.baseline("serde_json");
    group.run();
}

fn encode<T: Serialize>(bench: &mut Bench, name: &str, value: &T, bytes: usize) {
    let Some(mut group) = bench.group(name) else { return };
    group.throughput(Throughput::Bytes(bytes as u64));
    let check = |bytes: &Option<Vec<u8>>| bytes.as_deref().map_or_else(|| Answer::from("failed"), Answer::json);
    group.contender("covet-json", || covet_json::to_vec(black_box(value)).ok(), check).ours();
    group.contender("serde_json", || serde_json::to_vec(black_box(value)).ok(), check);
    group.contender("sonic-rs", || sonic_rs::to_vec(black_box(value)).ok(), check);
    group.contender("simd-json", || simd_json::serde::to_vec(black_box(value)).ok(), check);
    group.baseline("serde_json");
    group.run();
}

/// A document to whatever tree each library has for documents of unknown shape. Ours has none: it fills `serde_json`'s.
fn tree(bench: &mut Bench, name: &str, document: &[u8]) {
    let mut buffers = simd_json::Buffers::new(document.len());
    let Some(mut group) = bench.group(&format!("json: {name} to each library's own tree")) else { return };
    group.throughput(Throughput::Bytes(document.len() as u64));
    fn check<T: Serialize>(tree: &Option<T>) -> Answer {
        tree.as_ref()
            .and_then(|tree| serde_json::to_vec(tree).ok())
            .map_or_else(|| Answer::from("failed"), |bytes| Answer::json(&bytes))
    }
    let ours = || covet_json::from_slice::<serde_json::Value>(black_box(document)).ok();
    group.contender("covet-json", ours, check).ours().note("to serde_json's `Value`");
    let serde = || serde_json::from_slice::<serde_json::Value>(black_box(document)).ok();
    group.contender("serde_json", serde, check);
    let sonic = || sonic_rs::from_slice::<sonic_rs::Value>(black_box(document)).ok();
    group.contender("sonic-rs", sonic, check).note("keeps objects as lists: a look-up scans");
    group
        .contender_in_place("simd-json", CopyCost::Timed, document, |copy, sink| {
            let tree = simd_json::to_borrowed_value_with_buffers(copy, &mut buffers).ok();
            sink.take(&tree, check);
        })
        .note("a tree that borrows from its input");
    let jiter = || ::jiter::JsonValue::parse_owned(black_box(document), false, ::jiter::PartialMode::Off).ok();
    group.contender("jiter", jiter, jiter::answer).note("keeps objects as lists: a look-up scans");
    group.baseline("serde_json");
    group.run();
}
