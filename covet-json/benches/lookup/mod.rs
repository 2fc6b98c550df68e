//! One value out of a document: the last one, so that everything in front of it has to be skipped.

use covet_bench::{Answer, Bench, Target, Throughput, black_box};
use serde_json::Value;
use sonic_rs::JsonValueTrait;

use super::corpus;

pub(crate) fn groups(bench: &mut Bench) {
    let documents = [corpus::load("twitter.json"), corpus::load("citm_catalog.json")];
    let [Some(twitter), Some(citm)] = documents else {
        bench.skip("get at the end of twitter, citm", "COVET_CORPUS is not set");
        return;
    };
    group(bench, "get at the end of twitter", &twitter, ["search_metadata", "since_id_str"]);
    group(bench, "get at the end of citm", &citm, ["venueNames", "PLEYEL_PLEYEL"]);
}

fn group(bench: &mut Bench, name: &str, document: &[u8], path: [&str; 2]) {
    let pointer = format!("/{}/{}", path[0], path[1]);
    let Some(mut group) = bench.group(name) else { return };
    group.throughput(Throughput::Bytes(document.len() as u64)).target(Target::times_as_fast(1.3, ["sonic-rs"]));
    let check = |found: &Option<String>| Answer::debug(found);
    let ours = || {
        let found = covet_json::get(black_box(document), &pointer).ok().flatten()?;
        found.decode::<&str>().ok().map(str::to_owned)
    };
    group.contender("covet-json", ours, check).ours();
    let unchecked = || {
        let found = covet_json::get_unchecked(black_box(document), &pointer).ok().flatten()?;
        found.decode::<&str>().ok().map(str::to_owned)
    };
    group.contender("covet-json get_unchecked", unchecked, check).aside();
    let sonic = || sonic_rs::get(black_box(document), path).ok().and_then(|found| found.as_str().map(str::to_owned));
    group.contender("sonic-rs", sonic, check).note("checks the document up to the value");
    let tree = || {
        let tree: Value = serde_json::from_slice(black_box(document)).ok()?;
        tree.pointer(&pointer).and_then(Value::as_str).map(str::to_owned)
    };
    group.contender("serde_json Value::pointer", tree, check);
    group.baseline("sonic-rs");
    group.run();
}
