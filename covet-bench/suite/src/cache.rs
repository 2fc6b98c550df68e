//! The query-result cache: a hit, which is a map's look-up, and a miss that a hundred requests share.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use covet_bench::{Bench, Rng, Throughput, black_box};
use covet_kit::cache::{CacheKey, QueryCache};
use tokio::runtime::Runtime;

/// Answers in each cache, of a kilobyte each.
const ANSWERS: u64 = 10_000;
const WAITERS: u64 = 100;
const TTL: Duration = Duration::from_secs(3_600);

type Ours = QueryCache<Infallible>;
type Moka = moka::future::Cache<String, Bytes>;
type Quick = quick_cache::sync::Cache<String, Bytes>;
type Foyer = foyer_memory::Cache<String, Bytes>;

pub(crate) fn groups(bench: &mut Bench) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    hit(bench, &runtime);
    shared_miss(bench, &runtime);
}

fn ours() -> Ours {
    QueryCache::builder().ttl(TTL).build().expect("settings that fit together")
}

fn moka() -> Moka {
    Moka::builder().max_capacity(ANSWERS * 10).time_to_live(TTL).build()
}

fn quick() -> Quick {
    Quick::new(ANSWERS as usize * 10)
}

fn foyer() -> Foyer {
    foyer_memory::CacheBuilder::new(ANSWERS as usize * 10).build()
}

fn body(n: u64) -> Bytes {
    let mut rng = Rng::new(n);
    let mut text = String::with_capacity(1_024);
    rng.hex(1_024, &mut text);
    Bytes::from(text)
}

/// A key as a service has it at hand: for the others text, for ours what `CacheKey` makes of query and parameter.
struct Key {
    ours: CacheKey,
    text: String,
}

fn key(n: u64) -> Key {
    Key { ours: CacheKey::new("user").param(n).build(), text: format!("user:{n}") }
}

fn hit(bench: &mut Bench, runtime: &Runtime) {
    let (ours, moka, quick, foyer) = (ours(), moka(), quick(), foyer());
    let mut rng = Rng::new(5);
    let keys: Vec<Key> = (0..4_096).map(|_| key(rng.below(ANSWERS))).collect();
    let Some(mut group) = bench.group("cache: hit") else { return };
    runtime.block_on(async {
        for n in 0..ANSWERS {
            let Key { ours: key, text } = key(n);
            let loaded = ours.entry(&key).load(move || async move { Ok(Some(body(n))) }).await;
            assert!(loaded.is_ok(), "a loader that cannot fail");
            moka.insert(text.clone(), body(n)).await;
            quick.insert(text.clone(), body(n));
            foyer.insert(text, body(n));
        }
    });
    group.throughput(Throughput::Elements(1));
    let check = |body: &Option<Bytes>| {
        body.as_ref().map_or_else(String::new, |body| String::from_utf8_lossy(body).into_owned())
    };
    group
        .contender_each("covet-kit", &keys, |key| ours.entry(&key.ours).get().and_then(|cached| cached.body), check)
        .ours()
        .note("holds answers in moka, and asks their tags whether they are still valid");
    let moka = |key: &Key| runtime.block_on(moka.get(key.text.as_str()));
    group.contender_each("moka", &keys, moka, check).note("asynchronous: `block_on` is part of it");
    group
        .contender_each("quick_cache", &keys, |key| quick.get(key.text.as_str()), check)
        .note("entries have no time to live");
    group
        .contender_each(
            "foyer-memory",
            &keys,
            |key| foyer.get(key.text.as_str()).map(|entry| entry.value().clone()),
            check,
        )
        .note("entries have no time to live");
    group.baseline("moka");
    group.run();
}

/// Counts loads, each of which takes some turns of the scheduler.
#[derive(Clone, Default)]
struct Origin(Arc<AtomicU64>);

impl Origin {
    async fn load(self, n: u64) -> Bytes {
        self.0.fetch_add(1, Ordering::Relaxed);
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        Bytes::from(n.to_string())
    }
}

/// A hundred requests for a key that nobody holds: the loader must run once. A new key every time.
fn shared_miss(bench: &mut Bench, runtime: &Runtime) {
    let (ours, moka, quick, foyer) = (ours(), moka(), Arc::new(quick()), foyer());
    let Some(mut group) = bench.group("cache: a miss that 100 requests share") else { return };
    add(&mut group, runtime, "covet-kit", move |n, origin| {
        let ours = ours.clone();
        async move {
            let key = CacheKey::new("user").param(n).build();
            let loaded = ours.entry(&key).load(move || async move { Ok(Some(origin.load(n).await)) }).await;
            loaded.ok().and_then(|cached| cached.body).unwrap_or_default()
        }
    })
    .ours()
    .note("the load is a task of its own, which no caller's cancellation ends");
    add(&mut group, runtime, "moka", move |n, origin| {
        let moka = moka.clone();
        async move { moka.get_with(format!("user:{n}"), origin.load(n)).await }
    });
    add(&mut group, runtime, "quick_cache", move |n, origin| {
        let quick = Arc::clone(&quick);
        async move {
            let text = format!("user:{n}");
            let loaded = quick.get_or_insert_async(&text, async { Ok::<_, Infallible>(origin.load(n).await) }).await;
            loaded.unwrap_or_default()
        }
    });
    add(&mut group, runtime, "foyer-memory", move |n, origin| {
        let foyer = foyer.clone();
        async move {
            let fetch = || async move { Ok::<_, Infallible>(origin.load(n).await) };
            foyer.get_or_fetch(&format!("user:{n}"), fetch).await.map(|entry| entry.value().clone()).unwrap_or_default()
        }
    })
    .note("the load is a task of its own, which no caller's cancellation ends");
    group.baseline("moka");
    group.run();
}

fn add<'g, 'a, F>(
    group: &'g mut covet_bench::Group<'a>,
    runtime: &'a Runtime,
    name: &str,
    ask: impl Fn(u64, Origin) -> F + Clone + 'a,
) -> &'g mut covet_bench::About
where
    F: Future<Output = Bytes> + Send + 'static,
{
    let (next, check) = (Arc::new(AtomicU64::new(0)), ask.clone());
    let timed = {
        let next = Arc::clone(&next);
        move |rounds: u64| {
            runtime.block_on(async {
                let start = Instant::now();
                for _ in 0..rounds {
                    black_box(together(&ask, next.fetch_add(1, Ordering::Relaxed), &Origin::default()).await);
                }
                start.elapsed()
            })
        }
    };
    let answer = move || {
        let origin = Origin::default();
        let bodies = runtime.block_on(together(&check, u64::MAX, &origin));
        let right = bodies.iter().all(|body| *body == u64::MAX.to_string());
        format!("{} requests, {} loads, right: {right}", bodies.len(), origin.0.load(Ordering::Relaxed))
    };
    group.contender_timed(name, timed, answer)
}

async fn together<F>(ask: &impl Fn(u64, Origin) -> F, n: u64, origin: &Origin) -> Vec<Bytes>
where
    F: Future<Output = Bytes> + Send + 'static,
{
    let asked: Vec<_> = (0..WAITERS).map(|_| tokio::spawn(ask(n, origin.clone()))).collect();
    let mut bodies = Vec::with_capacity(asked.len());
    for task in asked {
        bodies.push(task.await.expect("a task that ends"));
    }
    bodies
}
