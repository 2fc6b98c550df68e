//! covet-json's own operations, for exploring and for noticing regressions. Comparisons come from `peers`.

mod corpus;

use std::hint::black_box;

use covet_bench::workload::users;
use covet_json::stream::{ArrayReader, Feed};
use covet_json::{DecodeOptions, DuplicateKeys};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::IgnoredAny;
use serde_json::Value;

fn decode(c: &mut Criterion) {
    let small = users::small();
    let users50 = users::users50();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(small.len() as u64));
    group.bench_function("small", |b| b.iter(|| covet_json::from_slice::<users::Small>(black_box(&small))));
    group.throughput(Throughput::Bytes(users50.len() as u64));
    group.bench_function("users50", |b| b.iter(|| covet_json::from_slice::<Vec<users::User>>(black_box(&users50))));
    group.bench_function("users50 borrowed", |b| {
        b.iter(|| covet_json::from_slice::<Vec<users::UserRef<'_>>>(black_box(&users50)).map(|users| users.len()));
    });
    group.bench_function("users50 value", |b| b.iter(|| covet_json::from_slice::<Value>(black_box(&users50))));
    group.bench_function("users50 skipped", |b| b.iter(|| covet_json::from_slice::<IgnoredAny>(black_box(&users50))));
    group.bench_function("users50 from_reader", |b| {
        b.iter(|| covet_json::from_reader::<_, Vec<users::User>>(black_box(&users50[..])));
    });
    let options = DecodeOptions::new().duplicate_keys(DuplicateKeys::Reject).max_items(1000);
    group.bench_function("users50 duplicates refused", |b| {
        b.iter(|| options.from_slice::<Vec<users::User>>(black_box(&users50)));
    });
    group.finish();
}

fn streams(c: &mut Criterion) {
    let users = users::users_1mb();
    let mut group = c.benchmark_group("stream");
    group.throughput(Throughput::Bytes(users.len() as u64));
    group.bench_function("ArrayReader", |b| {
        b.iter(|| ArrayReader::<_, users::User>::new(black_box(&users[..])).filter(Result::is_ok).count());
    });
    group.bench_function("Feed", |b| {
        b.iter(|| {
            let mut feed = Feed::<users::User>::array();
            let mut count = 0;
            for chunk in users.chunks(16 << 10) {
                feed.push(chunk).expect("no limit on bytes");
                count += std::iter::from_fn(|| feed.pull()).filter(Result::is_ok).count();
            }
            count
        });
    });
    group.finish();
}

fn encode(c: &mut Criterion) {
    let users = users::users(50);
    let mut group = c.benchmark_group("encode");
    let mut buffer = Vec::new();
    group.bench_function("users50", |b| {
        b.iter(|| {
            buffer.clear();
            covet_json::to_buf(&mut buffer, black_box(&users))
        });
    });
    group.bench_function("users50 pretty", |b| b.iter(|| covet_json::to_vec_pretty(black_box(&users))));
    group.bench_function("users50 canonical", |b| b.iter(|| covet_json::to_vec_canonical(black_box(&users))));
    group.finish();
}

fn documents(c: &mut Criterion) {
    let mut group = c.benchmark_group("documents");
    if let Some(text) = corpus::load("twitter.json") {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("twitter", |b| {
            b.iter(|| covet_json::from_slice::<corpus::twitter::Twitter>(black_box(&text)));
        });
        group.bench_function("twitter get", |b| {
            b.iter(|| covet_json::get(black_box(&text), "/search_metadata/count").is_ok());
        });
    }
    if let Some(text) = corpus::load("citm_catalog.json") {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("citm", |b| b.iter(|| covet_json::from_slice::<corpus::citm::Catalog>(black_box(&text))));
    }
    if let Some(text) = corpus::load("canada.json") {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("canada", |b| {
            b.iter(|| covet_json::from_slice::<corpus::canada::Canada>(black_box(&text)));
        });
    }
    group.finish();
}

criterion_group!(benches, decode, streams, encode, documents);
criterion_main!(benches);
