//! PostgreSQL: statements of several callers on one connection.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod pg;

use covet_pool::postgres::{Error, TransactionStatus};
use covet_pool::{Pool, PoolError};
use pg::{abandon, builder, config, pool, until};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn many_callers_get_their_own_answers() {
    let pool = builder(config().shared(2, 8), 4).build().unwrap();
    let shared = pool.shared();
    let tasks: Vec<_> = (0..64_i64)
        .map(|task| {
            let shared = shared.clone();
            tokio::spawn(async move {
                for n in 0..50 {
                    let row = shared.query_one("SELECT $1::bigint * 1000 + $2", &[&task, &n]).await.unwrap();
                    assert_eq!(row.get::<_, i64>(0), task * 1000 + n);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(pool.status().created <= 4, "{:?}", pool.status());
    // Nobody shares any more, so all of it is back in the pool.
    until("nobody shares", async || pool.status().in_use == 0).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn errors_stay_with_their_caller() {
    let pool = builder(config().shared(1, 32), 1).build().unwrap();
    let shared = pool.shared();
    let bad = async || shared.query("SELECT 1 / $1::int", &[&0]).await.unwrap_err().code().unwrap().code().to_owned();
    let good = async |n: i32| shared.query_one("SELECT 1 / $1::int", &[&n]).await.unwrap().get::<_, i32>(0);
    let answers = tokio::join!(bad(), good(1), bad(), good(1), shared.query_opt("SELECT 1 WHERE false", &[]));
    assert_eq!((answers.0.as_str(), answers.1, answers.2.as_str(), answers.3), ("22012", 1, "22012", 1));
    assert!(answers.4.unwrap().is_none());
    assert_eq!(shared.execute("SELECT generate_series(1, 3)", &[]).await.unwrap(), 3);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn what_changes_the_session_is_refused() {
    let pool = pool(1);
    let shared = pool.shared();
    for sql in ["BEGIN", "/* hidden */ SET search_path = x", "listen news", "ROLLBACK", "DEALLOCATE ALL"] {
        let refused = shared.execute(sql, &[]).await.unwrap_err();
        assert!(matches!(refused, Error::NotShared(_)), "{refused}");
    }
    assert_eq!(pool.status().created, 0);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn stale_plans_are_mended_on_shared_connections_too() {
    let pool = builder(config().shared(1, 8), 2).build().unwrap();
    let shared = pool.shared();
    let setup = "DROP TABLE IF EXISTS plan_3; CREATE TABLE plan_3 (a INT); INSERT INTO plan_3 VALUES (1)";
    pool.get().await.unwrap().batch_execute(setup).await.unwrap();
    let text = "SELECT * FROM plan_3";
    let hold = async || shared.query("SELECT pg_sleep(0.3)", &[]).await.unwrap();
    let work = async || {
        assert_eq!(shared.query_one(text, &[]).await.unwrap().len(), 1);
        pool.get().await.unwrap().batch_execute("ALTER TABLE plan_3 ADD COLUMN b INT").await.unwrap();
        let all = tokio::join!(shared.query_one(text, &[]), shared.query_one(text, &[]), shared.query_one(text, &[]));
        for row in [all.0, all.1, all.2] {
            assert_eq!(row.unwrap().len(), 2);
        }
    };
    tokio::join!(hold(), work());
    assert!(pool.status().statements.reprepares >= 1);
    pool.get().await.unwrap().batch_execute("DROP TABLE plan_3").await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn callers_who_go_away_disturb_nobody_and_keep_their_places_until_all_is_answered() {
    let pool = builder(config().shared(1, 4), 1).build().unwrap();
    let shared = pool.shared();
    // They leave while the server sleeps for them: the four places stay taken.
    for _ in 0..4 {
        assert!(
            tokio::time::timeout(Duration::from_millis(20), shared.query("SELECT pg_sleep(0.1)", &[])).await.is_err()
        );
    }
    let begun = Instant::now();
    shared.query("SELECT 1", &[]).await.unwrap();
    assert!(begun.elapsed() > Duration::from_millis(20), "a place was free before the server was done");
    for polls in 0..60 {
        abandon(shared.query("SELECT generate_series(1, 200), $1::int", &[&1]), polls % 12).await;
        let row = shared.query_one("SELECT $1::bigint", &[&(polls as i64)]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), polls as i64);
    }
    until("nobody shares", async || pool.status().in_use == 0).await;
    let conn = pool.get().await.unwrap();
    assert_eq!(conn.transaction_status(), TransactionStatus::Idle);
    assert_eq!(pool.status().created, 1);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn waiting_is_bounded() {
    let builder = builder(config().shared(1, 1), 1).max_waiting(1).acquire_timeout(Duration::from_millis(100));
    let pool: Pool<_> = builder.build().unwrap();
    let shared = pool.shared();
    let first = shared.query("SELECT pg_sleep(0.5)", &[]);
    let later = async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        shared.query("SELECT 1", &[]).await
    };
    let (first, second, third) = tokio::join!(first, later(), later());
    first.unwrap();
    assert!(second.unwrap_err().is_timeout());
    assert!(matches!(third.unwrap_err(), Error::Pool(error) if matches!(*error, PoolError::QueueFull)));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn who_wants_a_connection_of_its_own_gets_one() {
    let pool = builder(config().shared(1, 8), 1).build().unwrap();
    let shared = pool.shared();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let busy = async || {
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            shared.query("SELECT 1", &[]).await.unwrap();
        }
    };
    let own = async || {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut conn = pool.get().await.unwrap();
            let tx = conn.transaction().await.unwrap();
            tx.query("SELECT 1", &[]).await.unwrap();
            tx.commit().await.unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    tokio::join!(busy(), busy(), busy(), own());
}
