//! The pool's own operations, for exploring and for regressions; ratios come from `peers.rs`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "criterion's macros make undocumented functions; a bench may stop"
)]

use covet_pool::{CheckPolicy, LruCache, Manager, Pool, StatementCounters};
use criterion::{Criterion, criterion_group, criterion_main};
use std::convert::Infallible;
use std::hint::black_box;
use std::num::NonZeroUsize;

struct Numbers;

impl Manager for Numbers {
    type Conn = u64;
    type Error = Infallible;

    async fn connect(&self) -> Result<u64, Infallible> {
        Ok(0)
    }
}

fn checkouts(criterion: &mut Criterion) {
    let pool = Pool::builder(Numbers).max_size(4).build().unwrap();
    criterion.bench_function("get_blocking and put", |bencher| {
        bencher.iter(|| *black_box(pool.get_blocking().unwrap()) += 1);
    });
    criterion.bench_function("try_get and put", |bencher| {
        bencher.iter(|| *black_box(pool.try_get().unwrap()) += 1);
    });
    let checked = Pool::builder(Numbers).max_size(4).check(CheckPolicy::Always).build().unwrap();
    criterion.bench_function("get_blocking and put, checked each time", |bencher| {
        bencher.iter(|| *black_box(checked.get_blocking().unwrap()) += 1);
    });
    criterion.bench_function("get_blocking, discard, connect", |bencher| {
        bencher.iter(|| black_box(pool.get_blocking().unwrap()).discard());
    });
    criterion.bench_function("status", |bencher| bencher.iter(|| black_box(pool.status())));
}

fn statements(criterion: &mut Criterion) {
    let mut cache = LruCache::new(NonZeroUsize::new(256).unwrap(), StatementCounters::new());
    let texts: Vec<String> =
        (0..256).map(|n| format!("select name, mail from people where id = $1 and part = {n}")).collect();
    for text in &texts {
        cache.insert(text.clone(), 0_u64);
    }
    let mut at = 0;
    criterion.bench_function("statement cache hit", |bencher| {
        bencher.iter(|| {
            at = (at + 1) % texts.len();
            cache.get(black_box(texts[at].as_str())).copied()
        });
    });
}

criterion_group!(benches, checkouts, statements);
criterion_main!(benches);
