//! Callers that go away, at every moment, and what they leave behind: nothing.
#![cfg(all(feature = "sqlite", not(covet_loom)))]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use covet_pool::sqlite::{Error, SqlitePool};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tempfile::TempDir;

/// Counts for minutes, unless interrupted.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT max(i) FROM n";

fn open(readers: usize) -> (TempDir, SqlitePool) {
    let folder = tempfile::tempdir().unwrap();
    let db = SqlitePool::builder(folder.path().join("t.db")).readers(readers).open().unwrap();
    db.write(|tx| Ok(tx.execute_batch("CREATE TABLE t (v INTEGER PRIMARY KEY)")?)).unwrap();
    (folder, db)
}

fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn until(mut what: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if what() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("it did not come to pass within a minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_read_is_interrupted_and_its_connection_used_again() {
    for (folder, db) in [open(1), (tempfile::tempdir().unwrap(), SqlitePool::open(":memory:").unwrap())] {
        for _ in 0..20 {
            let (begun, wait_begun) = channel();
            let ended = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&ended);
            let task = tokio::spawn({
                let db = db.clone();
                async move {
                    db.read_async(move |conn| {
                        begun.send(()).unwrap();
                        let outcome = conn.query_row(ENDLESS, [], |row| row.get::<_, i64>(0));
                        flag.store(true, Ordering::SeqCst);
                        outcome
                    })
                    .await
                }
            });
            until(|| wait_begun.try_recv().is_ok());
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            // The only connection there is: the next read has to wait for it, and is not interrupted.
            let one: i64 = db.read_async(|conn| conn.query_row("SELECT 1", [], |row| row.get(0))).await.unwrap();
            assert_eq!(one, 1);
            assert!(ended.load(Ordering::SeqCst));
        }
        assert_eq!(db.status().readers.created, 1);
        drop(folder);
    }
}

#[test]
fn a_queued_read_that_is_cancelled_never_runs() {
    let (_folder, db) = open(1);
    let runs = Arc::new(AtomicUsize::new(0));
    let (entered, wait_entered) = channel();
    let (leave, wait_leave) = channel::<()>();
    let held = pin!(db.read_async(move |_| {
        entered.send(()).unwrap();
        wait_leave.recv().unwrap();
        Ok(())
    }));
    let mut held = held;
    let mut cx = Context::from_waker(Waker::noop());
    assert!(held.as_mut().poll(&mut cx).is_pending());
    wait_entered.recv().unwrap();
    for _ in 0..100 {
        let runs = Arc::clone(&runs);
        assert!(poll_once(db.read_async(move |_| Ok(runs.fetch_add(1, Ordering::SeqCst)))).is_none());
    }
    leave.send(()).unwrap();
    until(|| held.as_mut().poll(&mut cx).is_ready());
    until(|| db.status().queued_reads == 0);
    assert_eq!(db.close_blocking(), 0);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[test]
fn cancelled_calls_leave_no_room_taken_in_the_queues() {
    let folder = tempfile::tempdir().unwrap();
    let db = SqlitePool::builder(folder.path().join("t.db")).readers(1).max_waiting(10).open().unwrap();
    let (entered, wait_entered) = channel();
    let (leave, wait_leave) = channel::<()>();
    std::thread::scope(|scope| {
        let db = &db;
        let entered_too = entered.clone();
        scope.spawn(move || {
            db.write_alone(move |_| {
                entered.send(()).unwrap();
                wait_leave.recv().unwrap();
                Ok(())
            })
        });
        let (leave_read, wait_leave_read) = channel::<()>();
        scope.spawn(move || {
            db.read(move |_| {
                entered_too.send(()).unwrap();
                wait_leave_read.recv().unwrap();
                Ok(())
            })
        });
        wait_entered.recv().unwrap();
        wait_entered.recv().unwrap();
        for _ in 0..1000 {
            assert!(poll_once(db.read_async(|_| Ok(()))).is_none());
            assert!(poll_once(db.write_async(|_| Ok(()))).is_none());
            assert!(poll_once(db.read_inline(|_| Ok(()))).is_none());
        }
        assert!(db.status().queued_reads <= 10 && db.status().queued_writes <= 10);
        leave_read.send(()).unwrap();
        leave.send(()).unwrap();
    });
    assert_eq!(db.close_blocking(), 0);
}

#[test]
fn a_write_is_all_there_or_not_at_all_wherever_its_caller_leaves() {
    let (_folder, db) = open(2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let acknowledged = runtime.block_on(async {
        let tasks: Vec<_> = (0..4000_i64)
            .map(|i| {
                let db = db.clone();
                tokio::spawn(async move {
                    let write = db.write_async(move |tx| {
                        tx.execute("INSERT INTO t VALUES (?1)", [2 * i])?;
                        tx.execute("INSERT INTO t VALUES (?1)", [2 * i + 1])?;
                        Ok(i)
                    });
                    let limit = Duration::from_micros(i as u64 * 37 % 3000);
                    match tokio::time::timeout(limit, write).await {
                        Ok(Ok(i)) => Some(i),
                        Ok(Err(error)) => {
                            assert!(error.is_queue_full(), "{error}");
                            None
                        }
                        Err(_) => None,
                    }
                })
            })
            .collect();
        let mut acknowledged = Vec::new();
        for task in tasks {
            acknowledged.extend(task.await.unwrap());
        }
        acknowledged
    });
    db.write_alone(|_| Ok(())).unwrap();
    let rows = db.read(|conn| conn.query_all("SELECT v FROM t ORDER BY v", [], |row| row.get::<_, i64>(0))).unwrap();
    assert!(rows.chunks(2).all(|pair| pair[0] % 2 == 0 && pair.get(1) == Some(&(pair[0] + 1))), "no half");
    for i in acknowledged {
        assert!(rows.binary_search(&(2 * i)).is_ok(), "{i} was acknowledged");
    }
    assert_eq!(db.status().queued_writes, 0);
    assert_eq!(db.close_blocking(), 0);
}

#[test]
fn thousands_of_cancelled_reads_lose_no_connection_and_hurt_no_other_read() {
    let (_folder, db) = open(3);
    db.write(|tx| {
        tx.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT i FROM n", [])
    })
    .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..3000_u64)
            .map(|i| {
                let db = db.clone();
                tokio::spawn(async move {
                    let sum = move |conn: &covet_pool::sqlite::Conn| {
                        let sum: i64 = conn.query_row("SELECT sum(v) FROM t", [], |row| row.get(0))?;
                        Ok(sum)
                    };
                    let limit = Duration::from_micros(i * 53 % 2500);
                    let outcome: Result<Result<i64, Error>, _> = match i % 5 {
                        0..3 => tokio::time::timeout(limit, db.read_async(sum)).await,
                        3 => tokio::time::timeout(limit, db.read_inline(sum)).await,
                        // Stays to the end, and must never feel the others' interrupts.
                        _ => Ok(db.read_async(sum).await),
                    };
                    match outcome {
                        Ok(Ok(sum)) => assert_eq!(sum, 2_001_000),
                        Ok(Err(error)) => assert!(error.is_queue_full(), "{error}"),
                        Err(_) => {}
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    until(|| db.status().queued_reads == 0 && db.status().readers.in_use == 0);
    let readers = db.status().readers;
    assert_eq!((readers.size, readers.idle), (3, 3));
    assert_eq!(db.close_blocking(), 0);
}

#[tokio::test]
async fn panics_of_tasks_reach_them_and_lose_no_thread() {
    let (_folder, db) = open(1);
    for _ in 0..10 {
        let task = tokio::spawn({
            let db = db.clone();
            async move { db.read_async(|_| -> Result<(), Error> { panic!("in a read") }).await }
        });
        assert_eq!(*task.await.unwrap_err().into_panic().downcast::<&str>().unwrap(), "in a read");
        let task = tokio::spawn({
            let db = db.clone();
            async move { db.write_async(|_| -> Result<(), Error> { panic!("in a write") }).await }
        });
        assert_eq!(*task.await.unwrap_err().into_panic().downcast::<&str>().unwrap(), "in a write");
    }
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in a drop");
            }
        }
    }
    let bomb = Bomb;
    db.write_async(move |_| {
        let _ = &bomb;
        Ok(())
    })
    .await
    .unwrap();
    db.write_async(|tx| tx.execute("INSERT INTO t VALUES (1)", [])).await.unwrap();
    let sum: i64 = db.read_async(|conn| conn.query_row("SELECT sum(v) FROM t", [], |row| row.get(0))).await.unwrap();
    assert_eq!(sum, 1);
}
