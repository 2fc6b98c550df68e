//! The traps of shared commits: whatever one write does, the others of its group are told the truth.
#![cfg(all(feature = "sqlite", not(covet_loom)))]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use covet_pool::sqlite::{Conn, Error, Result, SqlitePool};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;
use tempfile::TempDir;

const SCHEMA: &str = "
    CREATE TABLE t (v TEXT PRIMARY KEY NOT NULL);
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (parent REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE strict (parent REFERENCES parent(id));
    CREATE TABLE poisoned (v TEXT);
    CREATE TRIGGER poison BEFORE INSERT ON poisoned BEGIN SELECT RAISE(ROLLBACK, 'poisoned'); END;";

fn open() -> (TempDir, SqlitePool) {
    let folder = tempfile::tempdir().unwrap();
    let db = SqlitePool::builder(folder.path().join("t.db")).group_latency(Duration::from_secs(5)).open().unwrap();
    db.write(|tx| Ok(tx.execute_batch(SCHEMA)?)).unwrap();
    (folder, db)
}

type Write = Box<dyn FnMut(&Conn) -> Result<()> + Send>;

fn write(f: impl FnMut(&Conn) -> Result<()> + Send + 'static) -> Write {
    Box::new(f)
}

fn insert(v: &'static str) -> Write {
    write(move |tx| tx.execute("INSERT INTO t VALUES (?1)", [v]).map(drop))
}

fn sql(script: &'static str) -> Write {
    write(move |tx| Ok(tx.execute_batch(script)?))
}

/// Queues the writes behind a writer that is held up, so that they come to share a transaction, in this order.
fn together(db: &SqlitePool, writes: Vec<Write>) -> Vec<Result<()>> {
    let before = db.status().writes;
    let results = std::thread::scope(|scope| {
        let (entered, wait_entered) = channel();
        let (leave, wait_leave) = channel::<()>();
        let holder = scope.spawn(move || {
            db.write_alone(move |_| {
                entered.send(()).unwrap();
                wait_leave.recv().unwrap();
                Ok(())
            })
        });
        wait_entered.recv().unwrap();
        let mut threads = Vec::new();
        for write in writes {
            threads.push(scope.spawn(move || db.write(write)));
            while db.status().queued_writes < threads.len() {
                std::thread::yield_now();
            }
        }
        leave.send(()).unwrap();
        holder.join().unwrap().unwrap();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(db.status().writes.alone, before.alone + 1);
    results
}

fn rows(db: &SqlitePool, table: &'static str) -> Vec<String> {
    let all = format!("SELECT cast(rowid || '' AS TEXT) FROM {table}");
    let all = if table == "t" { "SELECT v FROM t ORDER BY v".to_owned() } else { all };
    db.read(move |conn| conn.query_all(&all, [], |row| row.get(0))).unwrap()
}

#[test]
fn writes_that_wait_together_share_one_commit() {
    let (_folder, db) = open();
    let before = db.status().writes;
    let results = together(&db, vec![insert("a"), insert("b"), insert("c"), insert("d")]);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let writes = db.status().writes;
    assert_eq!((writes.commits - before.commits, writes.committed - before.committed), (1, 4));
    assert_eq!(writes.largest_group, 4);
    assert_eq!(rows(&db, "t"), ["a", "b", "c", "d"]);
}

#[test]
fn a_failed_write_takes_nobody_with_it() {
    let (_folder, db) = open();
    let twice = || {
        write(|tx| {
            tx.execute("INSERT INTO t VALUES ('undone')", [])?;
            tx.execute("INSERT INTO t VALUES ('a')", []).map(drop)
        })
    };
    // First, in the middle and last.
    let results = together(&db, vec![insert("a"), twice(), insert("b"), twice()]);
    let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true, false], "{results:?}");
    assert!(results[1].as_ref().unwrap_err().is_constraint());
    let results = together(&db, vec![twice(), insert("c")]);
    assert!(results[0].is_err() && results[1].is_ok(), "{results:?}");
    assert_eq!(rows(&db, "t"), ["a", "b", "c"]);
    assert_eq!(db.status().writes.rerun, 0);
}

/// So many writes go well that the next groups do without savepoints.
fn earn_trust(db: &SqlitePool) {
    for _ in 0..256 {
        db.write(|_| Ok(())).unwrap();
    }
}

#[test]
fn a_write_that_fails_without_a_savepoint_has_the_others_run_again() {
    let (_folder, db) = open();
    let failing: [fn() -> Write; 2] = [
        || write(|tx| tx.execute("INSERT INTO t VALUES ('undone'), ('a')", []).map(drop)),
        || {
            write(|tx| {
                tx.execute("INSERT INTO t VALUES ('undone')", [])?;
                Err(Error::user("mine"))
            })
        },
    ];
    for (round, fail) in failing.into_iter().enumerate() {
        earn_trust(&db);
        let before = db.status().writes;
        let results = together(&db, vec![sql("DELETE FROM t"), insert("a"), fail(), insert("b"), fail(), insert("c")]);
        let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, true, false, true, false, true], "round {round}: {results:?}");
        assert_eq!(rows(&db, "t"), ["a", "b", "c"]);
        let writes = db.status().writes;
        // The two before the first that failed; from then on there are savepoints again.
        assert_eq!((writes.rerun - before.rerun, writes.failed - before.failed, writes.lost), (2, 2, 0));
    }
}

#[test]
fn a_deferred_foreign_key_fails_its_own_write_only() {
    let (_folder, db) = open();
    let results = together(
        &db,
        vec![
            insert("a"),
            sql("INSERT INTO child VALUES (404)"),
            insert("b"),
            // Within one write the order does not matter.
            sql("INSERT INTO child VALUES (1); INSERT INTO parent VALUES (1)"),
        ],
    );
    let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true, true], "{results:?}");
    let error = results[1].as_ref().unwrap_err();
    assert!(matches!(error, Error::Commit(_)) && error.is_constraint(), "{error}");
    assert_eq!(rows(&db, "t"), ["a", "b"]);
    assert_eq!(rows(&db, "child").len(), 1);
    assert!(db.status().writes.refused > 0);
}

#[test]
fn one_write_cannot_defer_the_foreign_keys_of_another() {
    let (_folder, db) = open();
    let results = together(
        &db,
        vec![
            sql("PRAGMA defer_foreign_keys = 1; INSERT INTO t VALUES ('a')"),
            sql("INSERT INTO strict VALUES (404)"),
            insert("b"),
        ],
    );
    let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true], "{results:?}");
    assert_eq!(rows(&db, "t"), ["a", "b"]);
    assert!(rows(&db, "strict").is_empty());
}

#[test]
fn or_rollback_takes_the_group_down_and_the_others_run_again() {
    let (_folder, db) = open();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let results = together(
        &db,
        vec![
            write(move |tx| {
                counted.fetch_add(1, Ordering::Relaxed);
                tx.execute("INSERT INTO t VALUES ('a')", []).map(drop)
            }),
            insert("b"),
            sql("INSERT OR ROLLBACK INTO t VALUES ('a')"),
            insert("c"),
        ],
    );
    let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false, true], "{results:?}");
    assert!(results[2].as_ref().unwrap_err().is_constraint());
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(rows(&db, "t"), ["a", "b", "c"]);
    let writes = db.status().writes;
    assert_eq!((writes.lost, writes.rerun), (1, 2));
}

#[test]
fn raise_rollback_takes_the_group_down_and_the_others_run_again() {
    let (_folder, db) = open();
    let results = together(&db, vec![insert("a"), sql("INSERT INTO poisoned VALUES ('x')"), insert("b")]);
    let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true], "{results:?}");
    assert!(results[1].as_ref().unwrap_err().to_string().contains("poisoned"));
    assert_eq!(rows(&db, "t"), ["a", "b"]);
}

#[test]
fn who_overlooks_a_rollback_is_told_and_writes_nothing_behind_it() {
    let (_folder, db) = open();
    let results = together(
        &db,
        vec![
            insert("a"),
            write(|tx| {
                let _ = tx.execute("INSERT INTO poisoned VALUES ('x')", []);
                // The transaction is over: this would commit by itself.
                let _ = tx.execute("INSERT INTO t VALUES ('stray')", []);
                Ok(())
            }),
            insert("b"),
        ],
    );
    assert!(matches!(results[1], Err(Error::RolledBack)), "{results:?}");
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert_eq!(rows(&db, "t"), ["a", "b"]);
}

#[test]
fn nobody_ends_the_transaction_but_the_pool() {
    let (_folder, db) = open();
    for script in
        ["COMMIT", "END", "ROLLBACK", "BEGIN", "SAVEPOINT covet_job", "RELEASE Covet_Job", "ROLLBACK TO covet_job"]
    {
        let results = together(&db, vec![insert("a"), sql(script), insert("b")]);
        assert!(results[1].as_ref().is_err_and(Error::is_refused), "{script}: {results:?}");
        assert!(results[0].is_ok() && results[2].is_ok(), "{script}: {results:?}");
        assert!(db.write(sql(script)).unwrap_err().is_refused());
        db.write(sql("DELETE FROM t")).unwrap();
    }
    assert_eq!(db.status().writes.rerun, 0);
    // Savepoints of their own are theirs.
    let own =
        sql("SAVEPOINT mine; INSERT INTO t VALUES ('x'); ROLLBACK TO mine; RELEASE mine; INSERT INTO t VALUES ('y')");
    assert!(together(&db, vec![insert("a"), own]).iter().all(Result::is_ok));
    assert_eq!(rows(&db, "t"), ["a", "y"]);
}

#[test]
fn a_commit_prepared_alone_cannot_be_used_in_a_group() {
    let (_folder, db) = open();
    db.write_alone(|conn| {
        conn.prepare_cached("COMMIT")?;
        Ok(())
    })
    .unwrap();
    let commits = write(|tx| tx.execute("COMMIT", []).map(drop));
    let results = together(&db, vec![insert("a"), commits, insert("b")]);
    assert!(results[1].as_ref().is_err_and(Error::is_refused), "{results:?}");
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
}

#[test]
fn a_commit_that_gets_past_the_authorizer_is_rolled_back() {
    let (_folder, db) = open();
    let pierced = write(|tx| {
        let nobody: Option<fn(rusqlite::hooks::AuthContext<'_>) -> _> = None;
        tx.authorizer(nobody)?;
        tx.execute("INSERT INTO t VALUES ('stray')", [])?;
        tx.execute_batch("COMMIT").map_err(Error::from)
    });
    let results = together(&db, vec![insert("a"), pierced, insert("b")]);
    let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true], "{results:?}");
    assert_eq!(rows(&db, "t"), ["a", "b"]);
}

#[test]
fn a_panicking_write_takes_nobody_with_it() {
    let (_folder, db) = open();
    std::thread::scope(|scope| {
        let db = &db;
        let panicking: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    db.write(|tx| -> Result<()> {
                        tx.execute("INSERT INTO t VALUES ('undone')", [])?;
                        panic!("in a group")
                    })
                })
            })
            .collect();
        let good: Vec<_> = (0..8)
            .map(|i| scope.spawn(move || db.write(move |tx| tx.execute("INSERT INTO t VALUES (?1)", [i]))))
            .collect();
        panicking.into_iter().for_each(|thread| drop(thread.join().unwrap_err()));
        good.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap().unwrap(), 1));
    });
    assert_eq!(rows(&db, "t").len(), 8);
}

/// Allowed pages stand in for a full disk: SQLite takes the same way out.
#[test]
fn a_full_disk_fails_the_write_that_does_not_fit() {
    let (_folder, db) = open();
    let pages: i64 = db.read(|conn| conn.query_row("PRAGMA page_count", [], |row| row.get(0))).unwrap();
    db.write_alone(move |conn| Ok(conn.execute_batch(&format!("PRAGMA max_page_count = {}", pages + 4))?)).unwrap();
    let big = || write(|tx| tx.execute("INSERT INTO t VALUES (hex(randomblob(200000)))", []).map(drop));
    let results = together(&db, vec![insert("a"), big(), insert("b"), big(), insert("c")]);
    let good: Vec<bool> = results.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, true, false, true], "{results:?}");
    assert!(results[1].as_ref().unwrap_err().is_full(), "{results:?}");
    assert_eq!(rows(&db, "t"), ["a", "b", "c"]);
    db.write_alone(|conn| Ok(conn.execute_batch("PRAGMA max_page_count = 1000000")?)).unwrap();
    db.write(big()).unwrap();
}

#[test]
fn alone_stands_between_groups_in_its_place() {
    let (_folder, db) = open();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = |name: &'static str| {
        let order = Arc::clone(&order);
        move || {
            order.lock().unwrap().push(name);
            Ok(())
        }
    };
    std::thread::scope(|scope| {
        let db = &db;
        let (entered, wait_entered) = channel();
        let (leave, wait_leave) = channel::<()>();
        scope.spawn(move || {
            db.write_alone(move |_| {
                entered.send(()).unwrap();
                wait_leave.recv().unwrap();
                Ok(())
            })
        });
        wait_entered.recv().unwrap();
        let queued = |n: usize| {
            while db.status().queued_writes < n {
                std::thread::yield_now();
            }
        };
        let (first, alone, last) = (log("first"), log("alone"), log("last"));
        scope.spawn(move || db.write(move |_| first()).unwrap());
        queued(1);
        scope.spawn(move || {
            db.write_alone(move |conn| {
                assert!(conn.is_autocommit());
                alone()
            })
            .unwrap();
        });
        queued(2);
        scope.spawn(move || db.write(move |_| last()).unwrap());
        queued(3);
        leave.send(()).unwrap();
    });
    assert_eq!(*order.lock().unwrap(), ["first", "alone", "last"]);
}

#[test]
fn random_groups_agree_with_one_write_at_a_time() {
    // Each write is given a fate; whatever the grouping, exactly the good ones are there in the end.
    let (_folder, db) = open();
    let mut state = 7_u64;
    let mut random = move |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut expected = Vec::new();
    for round in 0..40 {
        if round % 2 == 1 {
            earn_trust(&db);
        }
        let mut fates = Vec::new();
        let writes: Vec<Write> = (0..1 + random(12))
            .map(|i| {
                let key = format!("{round:03}-{i:03}");
                let fate = random(9);
                fates.push(fate >= 4);
                if fate >= 4 {
                    expected.push(key.clone());
                }
                write(move |tx| {
                    tx.execute("INSERT INTO t VALUES (?1)", [&key])?;
                    match fate {
                        0 => Err(Error::user("mine")),
                        1 => tx.execute("INSERT OR ROLLBACK INTO t VALUES (?1)", [&key]).map(drop),
                        2 => tx.execute("INSERT INTO child VALUES (404)", []).map(drop),
                        3 => tx.execute("INSERT INTO poisoned VALUES ('x')", []).or(Ok(0)).map(drop),
                        _ => Ok(()),
                    }
                })
            })
            .collect();
        let good: Vec<bool> = together(&db, writes).iter().map(Result::is_ok).collect();
        assert_eq!(good, fates, "round {round}");
    }
    assert_eq!(rows(&db, "t"), expected);
    assert!(rows(&db, "child").is_empty());
}
