//! PostgreSQL: networks and servers that fail. The pool recovers by itself, and no capacity is lost.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod pg;

use covet_pool::postgres::{Error, Postgres};
use covet_pool::{CheckPolicy, Pool};
use pg::proxy::{Mode, Proxy};
use pg::server::Server;
use pg::{builder, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(300);

fn through(proxy: &Proxy, size: usize) -> Pool<Postgres> {
    builder(proxy.address().parse().unwrap(), size)
        .check(CheckPolicy::Always)
        .check_timeout(SHORT)
        .reset_timeout(SHORT)
        .connect_timeout(SHORT)
        .acquire_timeout(Duration::from_secs(3))
        .build()
        .unwrap()
}

/// All of the pool's connections can be had at once, and they work.
async fn is_whole(pool: &Pool<Postgres>, size: usize) {
    let mut all = Vec::new();
    for _ in 0..size {
        all.push(pool.get().await.unwrap());
    }
    for conn in &all {
        assert_eq!(conn.query_one("SELECT 1", &[]).await.unwrap().get::<_, i32>(0), 1);
    }
    assert_eq!(pool.status().in_use, size);
    drop(all);
    until("all are idle", async || pool.status().idle == size).await;
    let status = pool.status();
    assert_eq!((status.size, status.in_use, status.waiting), (size, 0, 0));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_connection_reset_in_the_middle_of_a_query() {
    let proxy = Proxy::start().await;
    let pool = through(&proxy, 2);
    is_whole(&pool, 2).await;
    let conn = pool.get().await.unwrap();
    let cut = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        proxy.set(Mode::Cut);
    };
    let (answer, ()) = tokio::join!(conn.query("SELECT pg_sleep(20)", &[]), cut);
    assert!(answer.unwrap_err().is_closed());
    assert!(conn.is_closed());
    drop(conn);
    let refused = pool.get().await.unwrap_err();
    assert!(refused.connect_error().is_some_and(Error::is_closed), "{refused}");
    proxy.set(Mode::Open);
    is_whole(&pool, 2).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_black_hole() {
    let proxy = Proxy::start().await;
    let pool = through(&proxy, 2);
    is_whole(&pool, 2).await;
    proxy.set(Mode::BlackHole);
    // Neither the idle ones nor new ones answer: every limit strikes, nobody waits for ever.
    let begun = Instant::now();
    pool.get().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    proxy.set(Mode::Open);
    is_whole(&pool, 2).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_black_hole_under_callers_with_patience_of_their_own() {
    let proxy = Proxy::start().await;
    let pool = through(&proxy, 2);
    is_whole(&pool, 2).await;
    let conns = [pool.get().await.unwrap(), pool.get().await.unwrap()];
    proxy.set(Mode::BlackHole);
    for conn in conns {
        assert!(tokio::time::timeout(Duration::from_millis(50), conn.query("SELECT 1", &[])).await.is_err());
    }
    // Their sessions do not become clean in time, nor can they be cancelled: they are given up.
    until("all are given up", async || pool.status().size == 0).await;
    proxy.set(Mode::Open);
    is_whole(&pool, 2).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_half_open_connection() {
    let proxy = Proxy::start().await;
    let pool = through(&proxy, 1);
    is_whole(&pool, 1).await;
    let conn = pool.get().await.unwrap();
    proxy.set(Mode::HalfOpen);
    // The server hears it, and its answer is lost.
    assert!(tokio::time::timeout(Duration::from_millis(50), conn.query("SELECT 1", &[])).await.is_err());
    drop(conn);
    pool.get().await.unwrap_err();
    proxy.set(Mode::Open);
    is_whole(&pool, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn cuts_under_load() {
    let proxy = Proxy::start().await;
    let pool = through(&proxy, 4);
    let (answered, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let tasks: Vec<_> = (0..16_i64)
        .map(|task| {
            let (pool, answered, stop) = (pool.clone(), Arc::clone(&answered), Arc::clone(&stop));
            tokio::spawn(async move {
                let shared = pool.shared();
                for n in 0_i64.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let row = if task % 2 == 0 {
                        match pool.get().await {
                            Ok(conn) => conn.query_one("SELECT $1::bigint", &[&n]).await,
                            Err(error) => Err(error.into()),
                        }
                    } else {
                        shared.query_one("SELECT $1::bigint", &[&n]).await
                    };
                    match row {
                        Ok(row) => {
                            assert_eq!(row.get::<_, i64>(0), n);
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                }
            })
        })
        .collect();
    for mode in [Mode::Cut, Mode::HalfOpen, Mode::BlackHole, Mode::Cut] {
        let before = answered.load(Ordering::Relaxed);
        until("work is done", async || answered.load(Ordering::Relaxed) > before + 100).await;
        proxy.set(mode);
        tokio::time::sleep(Duration::from_millis(100)).await;
        // What it swallowed never comes: the connections must go.
        proxy.set(Mode::Cut);
        tokio::time::sleep(Duration::from_millis(50)).await;
        proxy.set(Mode::Open);
    }
    let before = answered.load(Ordering::Relaxed);
    until("work is done", async || answered.load(Ordering::Relaxed) > before + 100).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    is_whole(&pool, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn a_server_killed_and_restarted_under_load() {
    let mut server = Server::start("trust", &["max_connections=20"]);
    let pool = builder(server.address().parse().unwrap(), 4).connect_timeout(Duration::from_secs(2)).build().unwrap();
    let (answered, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let (pool, answered, failed) = (pool.clone(), Arc::clone(&answered), Arc::clone(&failed));
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let work = async {
                        if task % 4 == 0 {
                            return pool.shared().execute("SELECT pg_sleep(0.001)", &[]).await;
                        }
                        let mut conn = pool.get().await?;
                        let tx = conn.transaction().await?;
                        tx.execute("SELECT pg_sleep(0.001)", &[]).await?;
                        tx.commit().await?;
                        Ok(1)
                    };
                    match work.await {
                        Ok(_) => answered.fetch_add(1, Ordering::Relaxed),
                        Err(_) => failed.fetch_add(1, Ordering::Relaxed),
                    };
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let before = answered.load(Ordering::Relaxed);
        until("work is done", async || answered.load(Ordering::Relaxed) > before + 50).await;
        tokio::task::block_in_place(|| server.stop());
        let before = failed.load(Ordering::Relaxed);
        until("work fails", async || failed.load(Ordering::Relaxed) > before + 10).await;
        tokio::task::block_in_place(|| server.run());
    }
    let before = answered.load(Ordering::Relaxed);
    until("work is done", async || answered.load(Ordering::Relaxed) > before + 50).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    is_whole(&pool, 4).await;
    let other = Pool::builder(Postgres::new(&server.address()).unwrap()).max_size(1).build().unwrap();
    let seen =
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let count = async || other.get().await.unwrap().query_one(seen, &[]).await.unwrap().get::<_, i64>(0);
    until("no session is left over", async || count().await <= 4).await;
}
