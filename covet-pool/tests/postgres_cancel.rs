//! PostgreSQL: callers who go away, at every moment.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod pg;

use covet_pool::Pool;
use covet_pool::postgres::{Postgres, TransactionStatus};
use pg::{abandon, builder, config, pid, pool};
use std::time::{Duration, Instant};

/// Nothing of a caller who went away may be seen by the next.
async fn is_sound(pool: &Pool<Postgres>, what: &str) {
    let conn = pool.get().await.unwrap();
    assert_eq!(conn.transaction_status(), TransactionStatus::Idle, "{what}");
    for n in 0..3 {
        assert_eq!(conn.query_one("SELECT $1 + 1", &[&n]).await.unwrap().get::<_, i32>(0), n + 1, "{what}");
    }
    drop(conn);
    let status = pool.status();
    assert!(status.size <= 1 && status.waiting == 0, "{what}: {status:?}");
}

/// Runs the same thing again and again and gives it up a little later each time, until it is given the time to end.
async fn at_every_moment(pool: &Pool<Postgres>, what: &str, mut act: impl AsyncFnMut(usize)) {
    let mut ended = 0;
    for polls in 0..200 {
        if abandon(act(polls), polls).await {
            ended += 1;
            if ended == 3 {
                break;
            }
        }
        is_sound(pool, what).await;
    }
    assert_eq!(ended, 3, "{what} never came to its end");
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn every_method_can_be_dropped_at_every_moment() {
    let pool = pool(1);
    pool.get().await.unwrap().batch_execute("DROP TABLE IF EXISTS gone_1; CREATE TABLE gone_1 (id INT)").await.unwrap();
    at_every_moment(&pool, "get", async |_| drop(pool.get().await)).await;
    // A text of its own each time, so that it has to be prepared.
    at_every_moment(&pool, "query", async |n| {
        let conn = pool.get().await.unwrap();
        conn.query(&format!("SELECT generate_series(1, 100), {n}"), &[]).await.unwrap();
    })
    .await;
    at_every_moment(&pool, "failing query", async |n| {
        let conn = pool.get().await.unwrap();
        conn.query(&format!("SELECT 1 / (i - 50), {n} FROM generate_series(1, 100) i"), &[]).await.unwrap_err();
    })
    .await;
    at_every_moment(&pool, "stream", async |_| {
        let conn = pool.get().await.unwrap();
        let mut rows = conn.query_stream("SELECT generate_series(1, 100000)", &[]).await.unwrap();
        for _ in 0..10 {
            rows.next().await.unwrap().unwrap();
        }
    })
    .await;
    at_every_moment(&pool, "batch", async |_| {
        let conn = pool.get().await.unwrap();
        conn.batch_execute("BEGIN; INSERT INTO gone_1 VALUES (1)").await.unwrap();
    })
    .await;
    at_every_moment(&pool, "transaction", async |_| {
        let mut conn = pool.get().await.unwrap();
        let mut tx = conn.transaction().await.unwrap();
        tx.execute("INSERT INTO gone_1 VALUES (2)", &[]).await.unwrap();
        let inner = tx.transaction().await.unwrap();
        inner.execute("INSERT INTO gone_1 VALUES (3)", &[]).await.unwrap();
        inner.commit().await.unwrap();
        tx.rollback().await.unwrap();
    })
    .await;
    let conn = pool.get().await.unwrap();
    assert_eq!(conn.query_one("SELECT count(*) FROM gone_1", &[]).await.unwrap().get::<_, i64>(0), 0);
    // Cancelling costs no connection, and what nobody waited for any more is not left prepared.
    assert_eq!(pool.status().created, 1);
    let left = conn.query_one("SELECT count(*) FROM pg_prepared_statements", &[]).await.unwrap().get::<_, i64>(0);
    assert!(left <= conn.statements() as i64, "{left} of {}", conn.statements());
    conn.batch_execute("DROP TABLE gone_1").await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_commit_that_is_dropped_is_whole_or_nothing() {
    let pool = pool(1);
    pool.get().await.unwrap().batch_execute("DROP TABLE IF EXISTS gone_2; CREATE TABLE gone_2 (id INT)").await.unwrap();
    at_every_moment(&pool, "commit", async |n| {
        let mut conn = pool.get().await.unwrap();
        let tx = conn.transaction().await.unwrap();
        for _ in 0..2 {
            tx.execute("INSERT INTO gone_2 VALUES ($1)", &[&(n as i32)]).await.unwrap();
        }
        tx.commit().await.unwrap();
    })
    .await;
    let conn = pool.get().await.unwrap();
    let halves = conn.query("SELECT id FROM gone_2 GROUP BY id HAVING count(*) <> 2", &[]).await.unwrap();
    assert!(halves.is_empty());
    conn.batch_execute("DROP TABLE gone_2").await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn what_runs_for_nobody_is_cancelled_and_hits_nobody_else() {
    let pool = pool(1);
    let first = pid(&pool.get().await.unwrap()).await;
    for round in 0..10 {
        let conn = pool.get().await.unwrap();
        let begun = Instant::now();
        assert!(tokio::time::timeout(Duration::from_millis(30), conn.query("SELECT pg_sleep(60)", &[])).await.is_err());
        drop(conn);
        // The next caller waits until the server has stopped, and its own statements run to their end.
        let conn = pool.get().await.unwrap();
        for _ in 0..5 {
            conn.query("SELECT pg_sleep(0.002)", &[]).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "round {round}");
        assert_eq!(pid(&conn).await, first, "round {round}");
    }
    assert_eq!(pool.status().created, 1);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn what_ends_by_itself_is_waited_for() {
    let pool = builder(config().cancel_after(Duration::from_secs(2)), 1).build().unwrap();
    let conn = pool.get().await.unwrap();
    conn.batch_execute("CREATE TEMP TABLE w (id INT)").await.unwrap();
    let insert = conn.query("WITH s AS (SELECT pg_sleep(0.2)) INSERT INTO w SELECT 1 FROM s RETURNING id", &[]);
    assert!(tokio::time::timeout(Duration::from_millis(50), insert).await.is_err());
    drop(conn);
    let conn = pool.get().await.unwrap();
    assert_eq!(conn.query_one("SELECT count(*) FROM w", &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn what_does_not_become_clean_is_closed() {
    let config = config().cancel_after(None);
    let pool = builder(config, 1).reset_timeout(Duration::from_millis(200)).build().unwrap();
    let conn = pool.get().await.unwrap();
    let first = pid(&conn).await;
    assert!(tokio::time::timeout(Duration::from_millis(30), conn.query("SELECT pg_sleep(3)", &[])).await.is_err());
    drop(conn);
    let conn = pool.get().await.unwrap();
    assert_ne!(pid(&conn).await, first);
    let status = pool.status();
    assert_eq!((status.size, status.created), (1, 2));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_caller_that_panics_costs_its_connection_and_no_capacity() {
    let pool = pool(1);
    let first = pid(&pool.get().await.unwrap()).await;
    let own = pool.clone();
    let caller = tokio::spawn(async move {
        let mut conn = own.get().await.unwrap();
        let tx = conn.transaction().await.unwrap();
        tx.execute("SELECT 1", &[]).await.unwrap();
        panic!("as planned");
    });
    assert!(caller.await.unwrap_err().is_panic());
    assert_ne!(pid(&pool.get().await.unwrap()).await, first);
    is_sound(&pool, "panic").await;
}
