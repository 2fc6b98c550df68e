//! The pool in a runtime: time limits, work that nobody's cancellation hurts, and runtimes that come and go.

#![cfg(feature = "tokio")]

mod common;

use common::{Broken, Conn, Fake, Plan, Told, at_rest, poll};
use covet_pool::{CheckPolicy, CloseReason, Pool, PoolError, Return};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Semaphore;

fn fake() -> (Fake, Arc<Told>) {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    (fake, told)
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// sqlx #3132: an acquire that is cancelled takes its connect with it.
#[tokio::test]
async fn a_connect_ends_without_the_caller_that_began_it() {
    let (fake, told) = fake();
    let pool = Pool::builder(fake).max_size(1).build().unwrap();
    told.plan_connect([Plan::Slow(5)]);
    assert!(poll(&mut pool.get()).is_pending());
    settle().await;
    assert_eq!((pool.status().idle, told.connects()), (1, 1));
}

#[tokio::test]
async fn a_reset_runs_by_itself() {
    let (fake, told) = fake();
    let pool = Pool::builder(fake).max_size(1).build().unwrap();
    told.plan_return([Return::Reset]);
    told.plan_reset([Plan::Slow(5)]);
    drop(pool.get().await.unwrap());
    assert_eq!(pool.status().idle, 0);
    settle().await;
    assert_eq!((pool.status().idle, told.resets.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn waiters_are_told_when_their_time_is_over() {
    let (fake, told) = fake();
    let pool = Pool::builder(fake).max_size(1).build().unwrap();
    let held = pool.get().await.unwrap();
    let before = tokio::time::Instant::now();
    let error = pool.get_timeout(Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, PoolError::Timeout(timeout) if timeout.in_use == 1), "{error}");
    assert!(before.elapsed() >= Duration::from_millis(200));
    drop(held);
    at_rest(&pool, &told);
}

/// The common limit needs no timer per waiter: one task watches the head. (Real time: the pool's clock cannot be paused.)
#[tokio::test]
async fn the_common_time_limit_holds_for_everybody() {
    let (fake, told) = fake();
    let pool = Pool::builder(fake).max_size(1).acquire_timeout(Duration::from_millis(100)).build().unwrap();
    for _ in 0..2 {
        let held = pool.get().await.unwrap();
        let waiters: Vec<_> = (0..20)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.get().await.map(drop) })
            })
            .collect();
        for waiter in waiters {
            assert!(waiter.await.unwrap().unwrap_err().is_timeout());
        }
        drop(held);
    }
    assert_eq!(pool.status().timeouts, 40);
    at_rest(&pool, &told);
}

#[tokio::test]
async fn connects_checks_and_resets_have_time_limits() {
    let (fake, told) = fake();
    let limit = Duration::from_millis(20);
    let pool = Pool::builder(fake)
        .max_size(1)
        .check(CheckPolicy::Always)
        .connect_timeout(limit)
        .check_timeout(limit)
        .reset_timeout(limit)
        .build()
        .unwrap();
    told.plan_connect([Plan::Hang]);
    assert!(matches!(pool.get().await, Err(PoolError::ConnectTimeout)));
    drop(pool.get().await.unwrap());
    told.plan_check([Plan::Hang]);
    assert_eq!(pool.get().await.unwrap().id, 2, "the first was closed when its check did not end");
    // sqlx #4349 and #4363: a ping on release without a time limit strands the permit.
    told.plan_return([Return::Ready]);
    told.plan_return([Return::Reset]);
    told.plan_reset([Plan::Hang]);
    drop(pool.get().await.unwrap());
    drop(pool.get().await.unwrap());
    assert_eq!(pool.get().await.unwrap().id, 3);
    let closed = pool.status().closed_by;
    assert_eq!((closed.count(CloseReason::Check), closed.count(CloseReason::Reset)), (1, 1));
    at_rest(&pool, &told);
}

#[tokio::test]
async fn closing_waits_no_longer_than_its_limit() {
    let (fake, told) = fake();
    let pool = Pool::builder(fake).max_size(2).build().unwrap();
    let held = pool.get().await.unwrap();
    assert_eq!(pool.close_within(Some(Duration::from_millis(20))).await, 1);
    drop(held);
    assert_eq!(pool.close().await, 0);
    assert_eq!(told.live(), 0);
}

#[tokio::test]
async fn maintenance_runs_by_itself() {
    let (fake, told) = fake();
    let pool =
        Pool::builder(fake).max_size(4).min_idle(2).maintenance_interval(Duration::from_millis(10)).build().unwrap();
    while pool.status().idle < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let weak = Arc::downgrade(&told);
    drop((pool, told));
    while weak.strong_count() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A pool in a static outlives the runtime of each test that uses it.
#[test]
fn a_pool_survives_its_runtimes() {
    let (fake, told) = fake();
    let pool = Pool::builder(fake).max_size(2).build().unwrap();
    for round in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        told.plan_connect([Plan::Hang]);
        runtime.block_on(async {
            assert!(tokio::time::timeout(Duration::from_millis(5), pool.get()).await.is_err());
        });
        // The task that connects dies with its runtime.
        drop(runtime);
        assert_eq!(pool.status().connecting, 0, "round {round}");
        let conn = pool.get_blocking().unwrap();
        conn.discard();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { drop(pool.get().await.unwrap()) });
    at_rest(&pool, &told);
}

/// A runtime that is gone drops what is spawned on it at once, without polling it.
#[test]
fn a_dead_runtime_is_no_endless_loop() {
    let (fake, told) = fake();
    let pool = Pool::builder(fake).max_size(1).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { pool.get().await.unwrap().discard() });
    drop(runtime);
    assert_eq!(told.live(), 0);
    drop(pool.get_blocking().unwrap());
    at_rest(&pool, &told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_and_tasks_stand_in_one_line() {
    let (fake, told) = fake();
    let pool = Pool::builder(fake).max_size(2).build().unwrap();
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let pool = pool.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..300 {
                let _conn = pool.get().await.unwrap();
                tokio::task::yield_now().await;
            }
        }));
    }
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let pool = pool.clone();
            std::thread::spawn(move || {
                for _ in 0..300 {
                    drop(pool.get_blocking().unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(told.most_live.load(Ordering::SeqCst) <= 2);
    at_rest(&pool, &told);
    assert_eq!(pool.status().checkouts, 3300);
}

/// Thousands of callers that give up at any moment, on a pool whose connections break, reset and fail their checks.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thousands_of_cancellations_lose_nothing() {
    let (fake, told) = fake();
    let pool = Pool::builder(fake).max_size(4).check(CheckPolicy::Always).max_waiting(100_000).build().unwrap();
    told.plan_connect((0..2000).map(|n| [Plan::Ok, Plan::Slow(2), Plan::SlowFail(1), Plan::Panic][n % 4]));
    told.plan_check((0..20_000).map(|n| {
        if n % 7 == 0 {
            Plan::Slow(1)
        } else if n % 31 == 0 {
            Plan::Fail
        } else {
            Plan::Ok
        }
    }));
    told.plan_return((0..20_000).map(|n| if n % 5 == 0 { Return::Reset } else { Return::Ready }));
    told.plan_reset((0..4000).map(|n| if n % 9 == 0 { Plan::SlowFail(1) } else { Plan::Slow(1) }));
    let gate = Arc::new(Semaphore::new(64));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0_usize..12_000 {
        let permit = Arc::clone(&gate).acquire_owned().await.unwrap();
        let handle = pool.clone();
        tasks.spawn(async move {
            let _permit = permit;
            let mut get = handle.get();
            let polls = n % 5;
            let mut left = polls;
            let got = std::future::poll_fn(|cx| {
                let polled = std::pin::Pin::new(&mut get).poll(cx);
                if polled.is_ready() || left == 0 {
                    return std::task::Poll::Ready(polled);
                }
                left -= 1;
                std::task::Poll::Pending
            });
            let outcome = if n % 3 == 0 {
                got.await
            } else {
                tokio::select! {
                    outcome = got => outcome,
                    () = tokio::time::sleep(Duration::from_micros((n % 400) as u64)) => std::task::Poll::Pending,
                }
            };
            if let std::task::Poll::Ready(Ok(conn)) = outcome {
                tokio::task::yield_now().await;
                if n % 11 == 0 { conn.discard() } else { drop(conn) }
            }
        });
        if n % 1000 == 999 {
            pool.resize(2 + n / 1000 % 4);
            pool.invalidate_all();
        }
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert!(told.most_live.load(Ordering::SeqCst) <= 5, "{}", told.most_live.load(Ordering::SeqCst));
    for plans in [&told.connect, &told.check, &told.reset] {
        plans.lock().unwrap().clear();
    }
    told.on_return.lock().unwrap().clear();
    let max = pool.status().max_size;
    let mut all = Vec::new();
    for _ in 0..max {
        all.push(pool.get().await.map(|conn| conn.id));
    }
    assert!(all.iter().all(Result::is_ok));
    settle().await;
    at_rest(&pool, &told);
}

#[tokio::test]
async fn futures_are_send_and_guards_too() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let (fake, _) = fake();
    let pool = is_send(Pool::builder(fake).build().unwrap());
    let conn = is_send(is_send(pool.get()).await.unwrap());
    let _: &Conn = &conn;
    drop(is_send(pool.close_within(None)));
    let _: Option<PoolError<Broken>> = None;
}
