//! The contract of the SQLite pool: what is read, what is written, who is refused, what is counted.
#![cfg(all(feature = "sqlite", not(covet_loom)))]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use covet_pool::sqlite::{Error, SqlitePool, Synchronous};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &TempDir) -> SqlitePool {
    let db = SqlitePool::builder(folder.path().join("t.db")).readers(3).open().unwrap();
    create(&db);
    db
}

fn create(db: &SqlitePool) {
    db.write(|tx| Ok(tx.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL UNIQUE)")?)).unwrap();
}

fn insert(db: &SqlitePool, v: &str) -> Result<usize, Error> {
    let v = v.to_owned();
    db.write(move |tx| tx.execute("INSERT INTO t (v) VALUES (?1)", [&v]))
}

fn count(db: &SqlitePool) -> i64 {
    db.read(|conn| conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0))).unwrap()
}

fn both(test: impl Fn(&SqlitePool)) {
    let folder = folder();
    test(&open(&folder));
    let memory = SqlitePool::open(":memory:").unwrap();
    create(&memory);
    test(&memory);
}

#[test]
fn what_is_written_is_read() {
    both(|db| {
        assert_eq!(insert(db, "a").unwrap(), 1);
        assert_eq!(insert(db, "b").unwrap(), 1);
        let all = db.read(|conn| conn.query_all("SELECT v FROM t ORDER BY v", [], |row| row.get::<_, String>(0)));
        assert_eq!(all.unwrap(), ["a", "b"]);
        let none = db.read(|conn| conn.query_opt("SELECT v FROM t WHERE id = 9", [], |row| row.get::<_, String>(0)));
        assert_eq!(none.unwrap(), None);
        let none = db.read(|conn| conn.query_row("SELECT v FROM t WHERE id = 9", [], |row| row.get::<_, String>(0)));
        assert!(none.unwrap_err().is_no_rows());
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_read_and_write() {
    for path in [None, Some(folder())] {
        let db = match &path {
            Some(folder) => SqlitePool::open(folder.path().join("t.db")).unwrap(),
            None => SqlitePool::open(":memory:").unwrap(),
        };
        create(&db);
        let tasks: Vec<_> = (0..200)
            .map(|i| {
                let db = db.clone();
                tokio::spawn(async move {
                    db.write_async(move |tx| tx.execute("INSERT INTO t VALUES (?1, ?2)", (i, format!("v{i}")))).await?;
                    let inline: String =
                        db.read_inline(|c| c.query_row("SELECT v FROM t WHERE id = ?1", [i], |row| row.get(0))).await?;
                    let threaded: String = db
                        .read_async(move |c| c.query_row("SELECT v FROM t WHERE id = ?1", [i], |row| row.get(0)))
                        .await?;
                    assert_eq!(threaded, inline, "a reader sees every acknowledged write");
                    Ok::<_, Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(count(&db), 200);
        let writes = db.status().writes;
        assert_eq!(writes.committed, 201);
        assert!(writes.commits <= 201);
        assert_eq!(db.close().await.unwrap(), 0);
        assert!(db.write_async(|_| Ok(())).await.unwrap_err().is_closed());
    }
}

#[test]
fn opening_and_reading_inside_a_single_threaded_runtime_does_not_wait_for_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = folder();
        let db = open(&folder);
        insert(&db, "a").unwrap();
        assert_eq!(count(&db), 1);
        let panicked = catch_unwind(AssertUnwindSafe(|| db.read(|_| -> Result<(), Error> { panic!("at home") })));
        assert!(panicked.is_err());
        assert_eq!(count(&db), 1);
    });
}

#[test]
fn readers_cannot_write() {
    both(|db| {
        let refused = db.read(|conn| conn.execute("INSERT INTO t (v) VALUES ('x')", [])).unwrap_err();
        assert!(refused.is_refused(), "{refused}");
        let refused = db.read(|conn| Ok(conn.execute_batch("BEGIN IMMEDIATE; DELETE FROM t; COMMIT")?)).unwrap_err();
        assert!(refused.is_refused(), "{refused}");
        assert_eq!(insert(db, "x").unwrap(), 1, "and the writer still can");
    });
}

#[test]
fn a_reader_keeps_its_view_while_the_writer_goes_on() {
    let folder = folder();
    let db = open(&folder);
    insert(&db, "a").unwrap();
    let writer = db.clone();
    let seen = db.read(move |conn| {
        let view = conn.unchecked_transaction()?;
        let count = || view.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        let before = count()?;
        insert(&writer, "b")?;
        let during = count()?;
        drop(view);
        Ok((before, during, conn.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))?))
    });
    assert_eq!(seen.unwrap(), (1, 1, 2));
}

#[test]
fn an_open_transaction_is_never_inherited() {
    both(|db| {
        db.read(|conn| Ok(conn.execute_batch("BEGIN; SELECT count(*) FROM t")?)).unwrap();
        db.write_alone(|conn| Ok(conn.execute_batch("BEGIN; INSERT INTO t (v) VALUES ('lost')")?)).unwrap();
        assert_eq!(count(db), 0);
        insert(db, "a").unwrap();
        for _ in 0..4 {
            assert_eq!(count(db), 1);
            assert!(db.read(|conn| Ok(conn.is_autocommit())).unwrap());
        }
    });
}

#[test]
fn a_statement_forgotten_half_read_does_not_freeze_the_view() {
    let folder = folder();
    let db = SqlitePool::builder(folder.path().join("t.db")).readers(1).open().unwrap();
    create(&db);
    insert(&db, "a").unwrap();
    insert(&db, "b").unwrap();
    db.read(|conn| {
        let mut statement = conn.prepare("SELECT v FROM t")?;
        let mut rows = statement.query([])?;
        rows.next()?;
        std::mem::forget(rows);
        std::mem::forget(statement);
        Ok(())
    })
    .unwrap();
    insert(&db, "c").unwrap();
    assert_eq!(count(&db), 3);
}

#[test]
fn panics_reach_their_callers_and_lose_nothing() {
    both(|db| {
        insert(db, "kept").unwrap();
        for _ in 0..20 {
            let read = catch_unwind(AssertUnwindSafe(|| db.read(|_| -> Result<(), Error> { panic!("in a read") })));
            assert_eq!(*read.unwrap_err().downcast::<&str>().unwrap(), "in a read");
            let write = catch_unwind(AssertUnwindSafe(|| {
                db.write(|tx| -> Result<(), Error> {
                    tx.execute("INSERT INTO t (v) VALUES ('undone')", [])?;
                    panic!("in a write")
                })
            }));
            assert_eq!(*write.unwrap_err().downcast::<&str>().unwrap(), "in a write");
            let alone = catch_unwind(AssertUnwindSafe(|| db.write_alone(|_| -> Result<(), Error> { panic!("alone") })));
            assert_eq!(*alone.unwrap_err().downcast::<&str>().unwrap(), "alone");
        }
        assert_eq!(count(db), 1);
        assert_eq!(db.status().readers.in_use, 0);
        assert_eq!(db.status().readers.created, db.status().readers.size as u64, "no connection had to be replaced");
    });
}

#[test]
fn errors_of_the_caller_undo_the_write() {
    #[derive(Debug)]
    struct Insufficient(i64);
    impl std::fmt::Display for Insufficient {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{} missing", self.0)
        }
    }
    impl std::error::Error for Insufficient {}

    both(|db| {
        let refused = db.write(|tx| {
            tx.execute("INSERT INTO t (v) VALUES ('x')", [])?;
            Err::<(), _>(Error::user(Insufficient(5)))
        });
        let error = refused.unwrap_err();
        assert_eq!(error.downcast_ref::<Insufficient>().map(|error| error.0), Some(5));
        assert_eq!(error.to_string(), "5 missing");
        assert_eq!(count(db), 0);
    });
}

#[test]
fn alone_runs_what_needs_no_transaction() {
    both(|db| {
        insert(db, "a").unwrap();
        db.write_alone(|conn| {
            conn.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA user_version = 7")?;
            let tx = conn.unchecked_transaction()?;
            tx.execute("INSERT INTO t (v) VALUES ('b')", [])?;
            Ok(tx.commit()?)
        })
        .unwrap();
        let version: i64 = db.read(|conn| conn.query_row("PRAGMA user_version", [], |row| row.get(0))).unwrap();
        assert_eq!((version, count(db)), (7, 2));
        let refused = db.write(|tx| Ok(tx.execute_batch("VACUUM")?)).unwrap_err();
        assert!(refused.to_string().contains("transaction"), "{refused}");
    });
}

#[test]
fn a_write_inside_a_write_is_refused_instead_of_waiting_for_itself() {
    both(|db| {
        let inner = db.clone();
        let nested = db.write(move |_| insert(&inner, "x")).unwrap_err();
        assert!(matches!(nested, Error::Nested), "{nested}");
        let inner = db.clone();
        let nested = db.write_alone(move |_| insert(&inner, "x")).unwrap_err();
        assert!(matches!(nested, Error::Nested), "{nested}");
        assert_eq!(insert(db, "x").unwrap(), 1);
    });
    let memory = SqlitePool::open(":memory:").unwrap();
    let nested = memory.read(|_| memory.read(|_| Ok(()))).unwrap_err();
    assert!(matches!(nested, Error::Nested), "{nested}");
}

#[test]
fn settings_hold_on_every_connection() {
    let folder = folder();
    let path = folder.path().join("t.db");
    let db = SqlitePool::builder(&path)
        .synchronous(Synchronous::Normal)
        .busy_timeout(Duration::from_millis(1234))
        .cache_kib(512)
        .mmap_size(1 << 20)
        .wal_autocheckpoint(50)
        .init(|conn| conn.execute_batch("PRAGMA temp_store = MEMORY"))
        .open()
        .unwrap();
    let pragma = |name: &'static str| {
        let read = db.read(move |conn| conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)));
        let write =
            db.write_alone(move |conn| conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)));
        (read.unwrap(), write.unwrap())
    };
    for (name, expected) in [
        ("foreign_keys", (1, 1)),
        ("busy_timeout", (1234, 1234)),
        ("cache_size", (-512, -512)),
        ("mmap_size", (1 << 20, 1 << 20)),
        ("temp_store", (2, 2)),
        ("query_only", (1, 0)),
    ] {
        assert_eq!(pragma(name), expected, "{name}");
    }
    assert_eq!(pragma("synchronous").1, 1);
    assert_eq!(pragma("wal_autocheckpoint").1, 50);
    let failed = SqlitePool::builder(&path).init(|conn| conn.execute_batch("no SQL")).open().unwrap_err();
    assert!(failed.to_string().contains("syntax error"), "{failed}");
}

#[test]
fn what_is_no_database_is_not_opened() {
    let folder = folder();
    let path = folder.path().join("text");
    std::fs::write(&path, "a".repeat(4096)).unwrap();
    let error = SqlitePool::open(&path).unwrap_err();
    assert!(error.to_string().contains("not a database"), "{error}");
    assert!(SqlitePool::open(folder.path().join("no/such/folder/t.db")).is_err());
}

#[test]
fn statements_are_prepared_once_and_counted() {
    let folder = folder();
    let db = SqlitePool::builder(folder.path().join("t.db")).readers(1).statement_cache(2).open().unwrap();
    create(&db);
    let before = db.status().statements;
    let read = |sql: &'static str| db.read(move |conn| conn.query_opt(sql, [], |row| row.get::<_, String>(0))).unwrap();
    for _ in 0..5 {
        read("SELECT v FROM t WHERE id = 1");
    }
    let now = db.status().statements;
    assert_eq!((now.misses - before.misses, now.hits - before.hits), (1, 4));
    read("SELECT v FROM t WHERE id = 2");
    read("SELECT v FROM t WHERE id = 3");
    read("SELECT v FROM t WHERE id = 1");
    let now = db.status().statements;
    assert_eq!((now.misses - before.misses, now.evictions - before.evictions), (4, 2));
    db.write(|tx| Ok(tx.execute_batch("ALTER TABLE t ADD COLUMN w")?)).unwrap();
    read("SELECT v FROM t WHERE id = 1");
    read("SELECT v FROM t WHERE id = 1");
    assert_eq!(db.status().statements.reprepares - before.reprepares, 1);
}

#[test]
fn commits_tell_which_tables_they_changed() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let db = SqlitePool::builder(":memory:")
        .on_commit(move |commit| sink.lock().unwrap().push(commit.tables().map(str::to_owned).collect::<Vec<_>>()))
        .open()
        .unwrap();
    db.write(|tx| Ok(tx.execute_batch("CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (x)")?)).unwrap();
    db.write(|tx| tx.execute("INSERT INTO a VALUES (1), (2)", [])).unwrap();
    db.write(|tx| {
        tx.execute("INSERT INTO b SELECT x FROM a", [])?;
        tx.execute("UPDATE a SET x = 3", [])
    })
    .unwrap();
    db.write(|tx| {
        tx.execute("INSERT INTO c VALUES (1)", [])?;
        Err::<(), _>(Error::user("undone"))
    })
    .unwrap_err();
    db.write(|tx| tx.execute("DELETE FROM b", [])).unwrap();
    assert_eq!(*heard.lock().unwrap(), [vec!["a"], vec!["a", "b"], vec!["b"]]);
}

#[test]
fn a_locked_file_is_reported_as_such_and_only_once_per_group() {
    let folder = folder();
    let path = folder.path().join("t.db");
    let db = SqlitePool::builder(&path).busy_timeout(Duration::from_millis(300)).open().unwrap();
    create(&db);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..40)
            .map(|i| {
                scope.spawn({
                    let db = &db;
                    move || insert(db, &i.to_string())
                })
            })
            .collect();
        for writer in writers {
            let error = writer.join().unwrap().unwrap_err();
            assert!(error.is_busy(), "{error}");
            assert!(error.to_string().contains("another process holds the lock"), "{error}");
        }
    });
    assert!(begun.elapsed() < Duration::from_millis(300) * 30, "they did not wait one after the other");
    assert_eq!(count(&db), 0, "readers go on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(insert(&db, "a").unwrap(), 1);
}

#[test]
fn the_queue_is_bounded_and_its_time_limited() {
    let folder = folder();
    let db = SqlitePool::builder(folder.path().join("t.db"))
        .max_waiting(1)
        .acquire_timeout(Duration::from_millis(200))
        .open()
        .unwrap();
    create(&db);
    std::thread::scope(|scope| {
        // In here, so that a failed assertion lets the holder go.
        let (entered, wait_entered) = channel();
        let (leave, wait_leave) = channel::<()>();
        let db = &db;
        let holder = scope.spawn(move || {
            db.write_alone(move |_| {
                entered.send(()).unwrap();
                wait_leave.recv().unwrap();
                Ok(())
            })
        });
        wait_entered.recv().unwrap();
        let queued = scope.spawn(|| insert(db, "queued"));
        while db.status().queued_writes < 1 {
            std::thread::yield_now();
        }
        let full = insert(db, "too many").unwrap_err();
        assert!(full.is_queue_full() || full.is_timeout(), "{full}");
        let timed_out = queued.join().unwrap().unwrap_err();
        assert!(timed_out.is_timeout(), "{timed_out}");
        leave.send(()).unwrap();
        holder.join().unwrap().unwrap();
    });
    assert_eq!(insert(&db, "a").unwrap(), 1);
    assert_eq!(count(&db), 1, "what timed out has not been written");
}

#[test]
fn close_does_what_was_accepted_and_cleans_up() {
    let folder = folder();
    let db = open(&folder);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|thread| {
                let db = &db;
                scope.spawn(move || (0..).take_while(|i| insert(db, &format!("{thread}-{i}")).is_ok()).count())
            })
            .collect();
        while db.status().writes.committed < 50 {
            std::thread::yield_now();
        }
        assert_eq!(db.close_blocking(), 0);
        let written: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        let after = Connection::open(folder.path().join("t.db")).unwrap();
        let rows: i64 = after.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, written as i64, "every acknowledged write, and no other");
    });
    assert!(!folder.path().join("t.db-wal").exists(), "the log is cleaned up");
    assert!(insert(&db, "late").unwrap_err().is_closed());
    assert!(db.read(|_| Ok(())).unwrap_err().is_closed());
    assert_eq!(db.close_blocking(), 0);
}

#[test]
fn close_gives_up_after_its_deadline() {
    let folder = folder();
    let db = SqlitePool::builder(folder.path().join("t.db")).drain_timeout(Duration::from_millis(50)).open().unwrap();
    std::thread::scope(|scope| {
        let (entered, wait_entered) = channel();
        let (leave, wait_leave) = channel::<()>();
        let db = &db;
        let holder = scope.spawn(move || {
            db.write_alone(move |_| {
                entered.send(()).unwrap();
                wait_leave.recv().unwrap();
                Ok(())
            })
        });
        wait_entered.recv().unwrap();
        assert_eq!(db.close_blocking(), 1);
        leave.send(()).unwrap();
        holder.join().unwrap().unwrap();
    });
}

#[test]
fn the_last_handle_takes_threads_and_connections_with_it() {
    let folder = folder();
    let db = open(&folder);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        db.write_async(|tx| tx.execute("INSERT INTO t (v) VALUES ('a')", [])).await.unwrap();
        db.read_async(|conn| conn.query_row("SELECT 1", [], |_| Ok(()))).await.unwrap();
    });
    drop(db);
    let wal = folder.path().join("t.db-wal");
    for _ in 0..2000 {
        if !wal.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the connections are still open");
}
