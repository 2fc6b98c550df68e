//! Own operations: `cargo bench -p covet-router --bench router`. Ratios against others come from `peers`.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "helpers of tests and benches say what they expect by unwrapping it"
)]

use std::hint::black_box;

use covet_bench::workload::routes::{self, Ids};
use covet_router::{Method, Router, normalize};
use criterion::{Criterion, criterion_group, criterion_main};

fn lookups(c: &mut Criterion) {
    let table = routes::github_like();
    let mut b = Router::builder();
    for (i, route) in table.routes.iter().enumerate() {
        b.route(&route.method.parse().unwrap(), &route.template, i).unwrap();
    }
    let router = b.build().unwrap();
    let requests: Vec<(Method, String)> =
        table.hits(Ids::Realistic, 7).into_iter().map(|r| (r.method.parse().unwrap(), r.path)).collect();
    let mut next = 0;
    c.bench_function("find", |b| {
        b.iter(|| {
            next = (next + 1) % requests.len();
            let (method, path) = &requests[next];
            router.find(method, path).is_ok()
        });
    });
    c.bench_function("find and read parameters", |b| {
        b.iter(|| {
            next = (next + 1) % requests.len();
            let (method, path) = &requests[next];
            router.find(method, path).map(|m| m.params.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>()).ok()
        });
    });
}

/// Tables made to be searched: the work stays linear in nodes times segments.
fn adversarial(c: &mut Criterion) {
    for n in [4, 16, 60] {
        let mut b = Router::builder();
        // Every prefix of n segments branches into a literal and a parameter; only the last level decides.
        for k in 0..n {
            b.insert(format!("{}/{{p{k}}}{}/x", "/a".repeat(k), "/a".repeat(n - 1 - k)), k).unwrap();
        }
        let router = b.build().unwrap();
        let path = format!("{}/y", "/a".repeat(n));
        c.bench_function(&format!("literal or parameter, {n} levels, miss"), |b| {
            b.iter(|| router.at(black_box(&path)).is_some());
        });
        let mut b = Router::builder();
        for k in 1..n {
            b.insert(format!("/{}end", (0..k.min(30)).map(|i| format!("{{*r{i}}}/")).collect::<String>()), k).ok();
        }
        let router = b.build().unwrap();
        let path = "/a".repeat(250);
        c.bench_function(&format!("up to {n} catch-alls, 250 segments, miss"), |b| {
            b.iter(|| router.at(black_box(&path)).is_some());
        });
    }
    let mut b = Router::builder();
    b.insert(format!("/{}{{z}}!", (0..20).map(|i| format!("{{p{i}}}a")).collect::<String>()), 0).unwrap();
    b.insert(format!("/{}{{z:u64}}", (0..20).map(|i| format!("{{p{i}:alnum}}a")).collect::<String>()), 1).unwrap();
    let router = b.build().unwrap();
    let path = format!("/{}", "a".repeat(255));
    c.bench_function("20 parameters in a segment of 255 a, miss", |b| {
        b.iter(|| router.at(black_box(&path)).is_some());
    });
}

fn around(c: &mut Criterion) {
    c.bench_function("normalize, nothing to do", |b| {
        b.iter(|| normalize(black_box("/repos/octocat/hello-world/issues/1347/comments")).is_ok());
    });
    c.bench_function("normalize, escapes", |b| {
        b.iter(|| normalize(black_box("/repos/%6fctocat/hello%2Dworld/a%2fb")).is_ok());
    });
    let mut b = Router::builder();
    let id = b.insert("/users/{id:u64}/files/{*path}", ()).unwrap();
    b.name(id, "file").unwrap();
    let router = b.build().unwrap();
    c.bench_function("url_for", |b| b.iter(|| router.url_for("file", [("id", "7"), ("path", "a/b c")]).is_ok()));
}

criterion_group!(benches, lookups, adversarial, around);
criterion_main!(benches);
