//! The pool beside its peers: what a checkout costs when nobody waits, and what waiting is like when many do.
//!
//! Every pool runs with its default settings but for its size. Connections are counters, so that nothing but the pool is
//! measured; their sum is the answer that all must agree on.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on should stop")]

use covet_bench::latency::{self, Round, Scale};
use covet_bench::{Bench, Metric, Target, black_box};
use covet_pool::Fairness;
use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How many newcomers may pass in the barging rows.
const OVERTAKES: u32 = 64;

/// Opens counters, for whichever pool asks.
#[derive(Clone, Copy)]
struct Counters;

impl covet_pool::Manager for Counters {
    type Conn = u64;
    type Error = Infallible;

    async fn connect(&self) -> Result<u64, Infallible> {
        Ok(0)
    }
}

impl deadpool::managed::Manager for Counters {
    type Type = u64;
    type Error = Infallible;

    async fn create(&self) -> Result<u64, Infallible> {
        Ok(0)
    }

    async fn recycle(
        &self,
        _: &mut u64,
        _: &deadpool::managed::Metrics,
    ) -> deadpool::managed::RecycleResult<Infallible> {
        Ok(())
    }
}

impl bb8::ManageConnection for Counters {
    type Connection = u64;
    type Error = Infallible;

    async fn connect(&self) -> Result<u64, Infallible> {
        Ok(0)
    }

    async fn is_valid(&self, _: &mut u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

impl r2d2::ManageConnection for Counters {
    type Connection = u64;
    type Error = std::io::Error;

    fn connect(&self) -> Result<u64, std::io::Error> {
        Ok(0)
    }

    fn is_valid(&self, _: &mut u64) -> Result<(), std::io::Error> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

/// A pool that tasks get counters from.
trait AsyncPool: Clone + Send + Sync + 'static {
    type Guard<'p>: DerefMut<Target = u64> + Send;

    fn get(&self) -> impl Future<Output = Self::Guard<'_>> + Send;

    /// Connections taken past waiters, where the pool counts them.
    fn overtakes(&self) -> Option<u64> {
        None
    }
}

/// A pool that threads get counters from.
trait BlockingPool: Sync {
    type Guard: DerefMut<Target = u64>;

    fn get(&self) -> Self::Guard;

    fn overtakes(&self) -> Option<u64> {
        None
    }
}

type Covet = covet_pool::Pool<Counters>;
type Deadpool = deadpool::managed::Pool<Counters>;
type Bb8 = bb8::Pool<Counters>;
type R2d2 = r2d2::Pool<Counters>;

impl AsyncPool for Covet {
    type Guard<'p> = covet_pool::PooledConn<Counters>;

    async fn get(&self) -> Self::Guard<'_> {
        Covet::get(self).await.unwrap()
    }

    fn overtakes(&self) -> Option<u64> {
        Some(self.status().overtakes)
    }
}

impl AsyncPool for Deadpool {
    type Guard<'p> = deadpool::managed::Object<Counters>;

    async fn get(&self) -> Self::Guard<'_> {
        Deadpool::get(self).await.unwrap()
    }
}

impl AsyncPool for Bb8 {
    type Guard<'p> = bb8::PooledConnection<'p, Counters>;

    async fn get(&self) -> Self::Guard<'_> {
        Bb8::get(self).await.unwrap()
    }
}

/// No pool at all: everybody has a counter of his own. What is left is the scheduler.
#[derive(Clone)]
struct NoPool;

struct Own(u64);

impl AsyncPool for NoPool {
    type Guard<'p> = Own;

    async fn get(&self) -> Own {
        Own(0)
    }
}

/// tokio's semaphore with as many permits as connections: fair waiting and nothing else.
#[derive(Clone)]
struct Permits(Arc<tokio::sync::Semaphore>);

struct Permit<'p>(u64, #[allow(dead_code, reason = "held, not read")] tokio::sync::SemaphorePermit<'p>);

impl AsyncPool for Permits {
    type Guard<'p> = Permit<'p>;

    async fn get(&self) -> Permit<'_> {
        Permit(0, self.0.acquire().await.unwrap())
    }
}

/// Guards that are their own connections.
macro_rules! deref_counter {
    ($($guard:ty),*) => {$(
        impl Deref for $guard {
            type Target = u64;

            fn deref(&self) -> &u64 {
                &self.0
            }
        }

        impl DerefMut for $guard {
            fn deref_mut(&mut self) -> &mut u64 {
                &mut self.0
            }
        }
    )*};
}

deref_counter!(Own, Permit<'_>);

impl BlockingPool for Covet {
    type Guard = covet_pool::PooledConn<Counters>;

    fn get(&self) -> Self::Guard {
        self.get_blocking().unwrap()
    }

    fn overtakes(&self) -> Option<u64> {
        Some(self.status().overtakes)
    }
}

impl BlockingPool for R2d2 {
    type Guard = r2d2::PooledConnection<Counters>;

    fn get(&self) -> Self::Guard {
        R2d2::get(self).unwrap()
    }
}

fn covet(size: usize, fairness: Fairness) -> Covet {
    Covet::builder(Counters).max_size(size).fairness(fairness).build().unwrap()
}

fn deadpool(size: usize) -> Deadpool {
    Deadpool::builder(Counters).max_size(size).build().unwrap()
}

fn bb8(runtime: &Runtime, size: u32) -> Bb8 {
    runtime.block_on(Bb8::builder().max_size(size).build(Counters)).unwrap()
}

fn r2d2(size: u32) -> R2d2 {
    r2d2::Pool::builder().max_size(size).build(Counters).unwrap()
}

fn main() -> ExitCode {
    covet_bench::main("covet-pool", |bench| {
        bench.note("connections", "counters in memory");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        uncontended_async(bench, &runtime);
        uncontended_blocking(bench);
        for tasks in [4, 16, 64] {
            tasks_on_four(bench, &runtime, tasks);
        }
        for threads in [2, 8, 32] {
            threads_on_two(bench, threads);
        }
    })
}

/// So many checkouts one after the other.
fn sequence<P: AsyncPool>(runtime: &Runtime, pool: &P, times: u64) -> Duration {
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..times {
            *black_box(pool.get().await) += 1;
        }
        start.elapsed()
    })
}

fn uncontended_async(bench: &mut Bench, runtime: &Runtime) {
    let (ours, theirs, bb8) = (covet(4, Fairness::Strict), deadpool(4), bb8(runtime, 4));
    let Some(mut group) = bench.group("get and put, async, uncontended") else { return };
    group.target(Target::times_as_fast(4.0, ["deadpool"]));
    let one = |taken: Duration| (taken > Duration::ZERO).to_string();
    group.contender_timed("covet-pool", |n| sequence(runtime, &ours, n), || one(sequence(runtime, &ours, 1))).ours();
    group.contender_timed("deadpool", |n| sequence(runtime, &theirs, n), || one(sequence(runtime, &theirs, 1)));
    group.contender_timed("bb8", |n| sequence(runtime, &bb8, n), || one(sequence(runtime, &bb8, 1)));
    group.baseline("deadpool");
    group.run();
}

fn uncontended_blocking(bench: &mut Bench) {
    let (ours, theirs) = (covet(4, Fairness::Strict), r2d2(4));
    let Some(mut group) = bench.group("get and put, blocking, uncontended") else { return };
    group.target(Target::times_as_fast(4.0, ["r2d2"]));
    let ours = || {
        let mut guard = BlockingPool::get(&ours);
        *guard += 1;
        *guard > 0
    };
    let theirs = || {
        let mut guard = BlockingPool::get(&theirs);
        *guard += 1;
        *guard > 0
    };
    group.contender("covet-pool", ours, |counted| counted.to_string()).ours();
    group.contender("r2d2", theirs, |counted| counted.to_string());
    group.baseline("r2d2");
    group.run();
}

/// Tasks that get a counter, hold it over a yield and put it back.
fn tasks<P: AsyncPool>(runtime: &Runtime, pool: &P, tasks: u64, scale: Scale) -> Round {
    let each = scale.operations(100_000 / tasks);
    let before = pool.overtakes();
    let (wall, seen) = runtime.block_on(async {
        let start = Instant::now();
        let running: Vec<_> = (0..tasks)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move {
                    let mut seen = latency::latencies();
                    for _ in 0..each {
                        let asked = Instant::now();
                        let mut guard = pool.get().await;
                        latency::record(&mut seen, asked.elapsed());
                        *guard += 1;
                        tokio::task::yield_now().await;
                    }
                    seen
                })
            })
            .collect();
        let mut seen = latency::latencies();
        for task in running {
            seen.add(task.await.unwrap()).unwrap();
        }
        (start.elapsed(), seen)
    });
    finish(Round::new(wall, seen), before, pool.overtakes(), tasks * each)
}

/// Threads that get a counter and put it back.
fn threads<P: BlockingPool>(pool: &P, threads: u64, scale: Scale) -> Round {
    let each = scale.operations(200_000 / threads);
    let before = pool.overtakes();
    let gate = std::sync::Barrier::new(threads as usize + 1);
    let (start, seen) = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    gate.wait();
                    let mut seen = latency::latencies();
                    for _ in 0..each {
                        let asked = Instant::now();
                        let mut guard = pool.get();
                        latency::record(&mut seen, asked.elapsed());
                        *black_box(&mut *guard) += 1;
                    }
                    seen
                })
            })
            .collect();
        gate.wait();
        let start = Instant::now();
        let mut seen = latency::latencies();
        for thread in running {
            seen.add(thread.join().unwrap()).unwrap();
        }
        (start, seen)
    });
    finish(Round::new(start.elapsed(), seen), before, pool.overtakes(), threads * each)
}

fn finish(round: Round, before: Option<u64>, after: Option<u64>, operations: u64) -> Round {
    let round = round.answer(operations.to_string());
    match (before, after) {
        (Some(before), Some(after)) => round.counter("overtakes", (after - before) as f64),
        _ => round,
    }
}

fn overtakes() -> Metric {
    Metric::Counter("overtakes".to_owned())
}

fn tasks_on_four(bench: &mut Bench, runtime: &Runtime, count: u64) {
    let (ours, theirs, bb8) = (covet(4, Fairness::Strict), deadpool(4), bb8(runtime, 4));
    let name = format!("{count} tasks on 4 connections, held over a yield, 2 worker threads");
    let Some(mut group) = bench.latency_group(&name) else { return };
    let peers = ["deadpool", "bb8"];
    group.target(Target::times_as_fast(if count == 4 { 2.0 } else { 1.4 }, peers));
    if count > 4 {
        group.target(Target::at_most_times(Metric::P999, 1.0, peers));
    }
    group.target(Target::at_most(overtakes(), 0.0));
    group.contender("covet-pool", |scale| tasks(runtime, &ours, count, scale)).ours();
    group.contender("deadpool", |scale| tasks(runtime, &theirs, count, scale));
    group.contender("bb8", |scale| tasks(runtime, &bb8, count, scale));
    let permits = Permits(Arc::new(tokio::sync::Semaphore::new(4)));
    group.contender("no pool", |scale| tasks(runtime, &NoPool, count, scale)).aside().note("the scheduler's part");
    group
        .contender("tokio semaphore", move |scale| tasks(runtime, &permits, count, scale))
        .aside()
        .note("fair waiting and nothing else");
    group.baseline("deadpool");
    group.run();
}

fn threads_on_two(bench: &mut Bench, count: u64) {
    let strict = covet(2, Fairness::Strict);
    let barging = covet(2, Fairness::Barging { overtakes: OVERTAKES });
    let theirs = Arc::new(r2d2(2));
    let Some(mut group) = bench.latency_group(&format!("{count} threads on 2 connections, blocking")) else { return };
    group
        .target(Target::at_most_times(Metric::P999, 0.1, ["r2d2"]))
        .target(Target::at_most(overtakes(), 0.0))
        .target(Target::times_as_fast(0.7, ["r2d2"]))
        .target(Target::times_as_fast(1.5, ["r2d2"]).of("covet-pool (barging)"))
        .target(Target::at_most_times(Metric::P999, 1.0, ["r2d2"]).of("covet-pool (barging)"));
    group.contender("covet-pool", |scale| threads(&strict, count, scale)).ours().note("Fairness::Strict, the default");
    group
        .contender("covet-pool (barging)", |scale| threads(&barging, count, scale))
        .ours()
        .note(format!("Fairness::Barging {{ overtakes: {OVERTAKES} }}"));
    group.contender("r2d2", |scale| threads(&*theirs, count, scale));
    group.baseline("r2d2");
    group.run();
}
