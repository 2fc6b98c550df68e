//! Reads of many tasks at a time, which share a snapshot and are woken together: nobody may notice.
#![cfg(all(feature = "sqlite", feature = "tokio", not(covet_loom)))]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use covet_pool::sqlite::{Conn, Error, Result, SqlitePool};
use std::pin::pin;
use std::sync::mpsc::channel;
use std::task::{Context, Waker};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Counts to so many: microseconds or minutes, in one and the same closure.
const COUNT: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT max(i) FROM n";
const ENDLESS: i64 = 2_000_000_000;

fn open(readers: usize) -> (TempDir, SqlitePool) {
    let folder = tempfile::tempdir().unwrap();
    let db = SqlitePool::builder(folder.path().join("t.db")).readers(readers).open().unwrap();
    db.write(|tx| Ok(tx.execute_batch("CREATE TABLE t (v INTEGER PRIMARY KEY)")?)).unwrap();
    (folder, db)
}

async fn count(db: &SqlitePool, to: i64) -> Result<i64> {
    db.read_async(move |conn| conn.query_row(COUNT, [to], |row| row.get(0))).await
}

/// Keeps the only reader busy until something is sent.
async fn hold(db: &SqlitePool) -> std::sync::mpsc::Sender<()> {
    let (leave, wait_leave) = channel::<()>();
    let (entered, wait_entered) = channel();
    let db = db.clone();
    tokio::spawn(async move {
        db.read_async(move |_| {
            entered.send(()).unwrap();
            wait_leave.recv().unwrap();
            Ok(())
        })
        .await
        .unwrap();
    });
    tokio::task::spawn_blocking(move || wait_entered.recv().unwrap()).await.unwrap();
    leave
}

async fn queued(db: &SqlitePool, reads: usize) {
    while db.status().queued_reads < reads {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_sees_every_write_that_was_acknowledged_before_it_was_asked_for() {
    let (_folder, db) = open(2);
    let mut tasks = JoinSet::new();
    for task in 0..24_i64 {
        let db = db.clone();
        tasks.spawn(async move {
            for i in 0..40 {
                let v = task * 1000 + i;
                db.write_async(move |tx| tx.execute("INSERT INTO t VALUES (?1)", [v])).await.unwrap();
                let sql = "SELECT count(*) FROM t WHERE v BETWEEN ?1 AND ?2";
                let seen: i64 =
                    db.read_async(move |conn| conn.query_row(sql, [task * 1000, v], |row| row.get(0))).await.unwrap();
                assert_eq!(seen, i + 1);
            }
        });
    }
    tasks.join_all().await;
}

/// What a closure does to its connection.
type Habit = fn(&Conn) -> Result<i64>;

fn one(conn: &Conn) -> Result<i64> {
    conn.query_row("SELECT 1", [], |row| row.get(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_does_with_its_connection_is_not_seen_by_those_in_line_behind_it() {
    let (_folder, db) = open(1);
    let habits: [Habit; 6] = [
        // Leaves a transaction open.
        |conn| {
            conn.execute_batch("BEGIN")?;
            one(conn)
        },
        // Has one of its own.
        |conn| {
            let tx = conn.unchecked_transaction()?;
            let one = one(conn)?;
            tx.commit()?;
            Ok(one)
        },
        |conn| {
            let tx = conn.unchecked_transaction()?;
            let one = one(conn)?;
            tx.rollback()?;
            Ok(one)
        },
        |_| Err(Error::user("mine")),
        |_| panic!("in company"),
        |conn| {
            assert!(conn.is_autocommit(), "somebody left a transaction open");
            one(conn)
        },
    ];
    for _ in 0..20 {
        let leave = hold(&db).await;
        let mut tasks = Vec::new();
        for i in 0..30 {
            let (db, habit) = (db.clone(), habits[i % 6]);
            tasks.push(tokio::spawn(async move { db.read_async(habit).await }));
        }
        queued(&db, 30).await;
        leave.send(()).unwrap();
        for (i, task) in tasks.into_iter().enumerate() {
            match (i, task.await) {
                (_, Ok(Ok(read))) => assert_eq!(read, 1),
                (_, Ok(Err(error))) => assert_eq!(error.to_string(), "mine"),
                (_, Err(panic)) => assert!(panic.is_panic()),
            }
        }
    }
    db.write(|tx| tx.execute("INSERT INTO t VALUES (1)", [])).unwrap();
    let rows: i64 = db.read(|conn| conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0))).unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupting_one_spares_those_behind_it() {
    let (_folder, db) = open(1);
    for _ in 0..20 {
        let leave = hold(&db).await;
        let mut endless = Box::pin(count(&db, ENDLESS));
        assert!(endless.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let mut tasks = JoinSet::new();
        for i in 1..=20 {
            let db = db.clone();
            tasks.spawn(async move { assert_eq!(count(&db, i).await.unwrap(), i) });
        }
        queued(&db, 21).await;
        leave.send(()).unwrap();
        while db.status().queued_reads > 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(endless);
        tasks.join_all().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_been_served_does_not_wait_for_a_long_read_behind_it() {
    let (_folder, db) = open(1);
    // By now this closure is known to be short.
    for i in 1..=50 {
        assert_eq!(count(&db, i).await.unwrap(), i);
    }
    let leave = hold(&db).await;
    let mut tasks = JoinSet::new();
    for i in 1..=20 {
        let behind = db.clone();
        tasks.spawn(async move { assert_eq!(count(&behind, i).await.unwrap(), i) });
    }
    queued(&db, 20).await;
    let mut endless = pin!(count(&db, ENDLESS));
    assert!(endless.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    leave.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(60), tasks.join_all()).await.expect("they have their results");
    assert_eq!(db.status().queued_reads, 0);
}
