//! SQLite through the pool beside its peers: what the pool costs on a thread, what 64 tasks get from a file, and what sharing
//! commits brings when 64 tasks write.
//!
//! Every contender has its own file with the same rows, a write-ahead log, its own default number of connections and its
//! statement cache; peers that have no such setting are given the pragmas by hand. Writing peers have one connection: with
//! more they fail each other with "database is locked". sqlx links another version of SQLite and cannot share this build.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on should stop")]

use covet_bench::latency::{Round, Scale};
use covet_bench::workload::sql::{self, INSERT, Item, SCHEMA, SELECT_100, SELECT_ONE};
use covet_bench::{Answer, Bench, Metric, Target};
use covet_pool::sqlite::{SqlitePool, Synchronous, rusqlite};
use rusqlite::{Connection, Row, params};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use tokio::runtime::Runtime;

const ROWS: u64 = 10_000;
const CALLERS: u64 = 64;
const PEERS: [&str; 3] = ["tokio-rusqlite", "deadpool-sqlite", "async-sqlite"];
const SQLX: (&str, &str) = ("sqlx", "it links another version of SQLite, and a build can link only one");

fn main() -> ExitCode {
    covet_bench::main("covet-pool", |bench| {
        blocking_select(bench);
        select(bench, "SQLite point select, 64 tasks", Query::One);
        select(bench, "SQLite 100-row select, 64 tasks", Query::Hundred);
        insert(bench, "SQLite durable insert, 64 tasks, synchronous FULL", Synchronous::Full);
        insert(bench, "SQLite durable insert, 64 tasks, synchronous NORMAL", Synchronous::Normal);
    })
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A folder with a filled database for each contender.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, rows: u64) -> PathBuf {
        let path = self.0.path().join(name);
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL").unwrap();
        conn.execute_batch(SCHEMA).unwrap();
        conn.execute_batch(&format!("BEGIN; {} COMMIT", sql::fill(rows))).unwrap();
        path
    }
}

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        id: row.get(0)?,
        name: row.get(1)?,
        category: row.get(2)?,
        price: row.get(3)?,
        quantity: row.get(4)?,
        active: row.get(5)?,
        note: row.get(6)?,
        created: row.get(7)?,
    })
}

fn blocking_select(bench: &mut Bench) {
    let files = Files::new();
    let keys = sql::keys(ROWS, 1000, 1);
    let raw = Connection::open(files.file("raw.db", ROWS)).unwrap();
    let db = SqlitePool::open(files.file("covet.db", ROWS)).unwrap();
    let Some(mut group) = bench.group("SQLite cached point select, blocking") else { return };
    group.target(Target::at_most_times(Metric::Cost, 1.15, ["rusqlite prepare_cached"]));
    let ours = |key: &i64| db.read(|conn| conn.query_row(SELECT_ONE, [*key], item)).unwrap();
    group.contender_each("covet-pool", &keys, ours, Answer::debug).ours();
    let bare = |key: &i64| raw.prepare_cached(SELECT_ONE).unwrap().query_row([*key], item).unwrap();
    group.contender_each("rusqlite prepare_cached", &keys, bare, Answer::debug).package("rusqlite");
    group.baseline("rusqlite prepare_cached");
    group.run();
}

#[derive(Clone, Copy)]
enum Query {
    One,
    Hundred,
}

impl Query {
    /// Reads, and gives the sum of the keys that came.
    fn run(self, conn: &Connection, key: i64) -> rusqlite::Result<i64> {
        match self {
            Self::One => Ok(conn.prepare_cached(SELECT_ONE)?.query_row([key], item)?.id),
            Self::Hundred => {
                let mut statement = conn.prepare_cached(SELECT_100)?;
                let items = statement.query_map([key], item)?.collect::<rusqlite::Result<Vec<Item>>>()?;
                Ok(items.iter().map(|item| item.id).sum())
            }
        }
    }

    fn pooled(self, conn: &covet_pool::sqlite::Conn, key: i64) -> covet_pool::sqlite::Result<i64> {
        match self {
            Self::One => Ok(conn.query_row(SELECT_ONE, [key], item)?.id),
            Self::Hundred => Ok(conn.query_all(SELECT_100, [key], item)?.iter().map(|item| item.id).sum()),
        }
    }

    fn operations(self) -> u64 {
        match self {
            Self::One => 32_000,
            Self::Hundred => 6_400,
        }
    }
}

/// One round: tasks that call one after the other. The answer is the sum of what the calls gave.
fn round<C, F>(runtime: &Runtime, operations: u64, keys: &Arc<Vec<i64>>, call: C) -> Round
where
    C: Fn(i64) -> F + Clone + Send + 'static,
    F: Future<Output = i64> + Send,
{
    let each = operations.div_ceil(CALLERS);
    runtime.block_on(async {
        let start = Instant::now();
        let tasks: Vec<_> = (0..CALLERS)
            .map(|task| {
                let (call, keys) = (call.clone(), Arc::clone(keys));
                tokio::spawn(async move {
                    let (mut seen, mut sum) = (Vec::with_capacity(each as usize), 0);
                    for i in 0..each {
                        let key = keys[((task * each + i) % keys.len() as u64) as usize];
                        let one = Instant::now();
                        sum += call(key).await;
                        seen.push(one.elapsed());
                    }
                    (seen, sum)
                })
            })
            .collect();
        let mut ended = Vec::with_capacity(CALLERS as usize);
        for task in tasks {
            ended.push(task.await.unwrap());
        }
        let wall = start.elapsed();
        let sum: i64 = ended.iter().map(|(_, sum)| sum).sum();
        Round::from_durations(wall, ended.into_iter().flat_map(|(seen, _)| seen)).answer(sum)
    })
}

fn select(bench: &mut Bench, name: &str, query: Query) {
    let (files, runtime) = (Files::new(), runtime());
    let keys = Arc::new(sql::keys(ROWS - 100, 4000, 2));
    let (runtime, keys) = (&runtime, &keys);
    // deadpool-sqlite closes its connections on the runtime that it finds.
    let _context = runtime.enter();
    let Some(mut group) = bench.latency_group(name) else { return };
    let factor = match query {
        Query::One => 3.0,
        Query::Hundred => 1.2,
    };
    group.target(Target::times_as_fast(factor, PEERS).of("covet-pool read_inline"));
    group.target(Target::times_as_fast(factor, PEERS).of("covet-pool read_async"));
    group.unable(SQLX.0, SQLX.1);

    let ours = SqlitePool::open(files.file("covet.db", ROWS)).unwrap();
    for inline in [true, false] {
        let db = ours.clone();
        let contender = if inline { "covet-pool read_inline" } else { "covet-pool read_async" };
        group
            .contender(contender, move |scale: Scale| {
                let db = db.clone();
                round(runtime, scale.operations(query.operations()), keys, move |key| {
                    let db = db.clone();
                    async move {
                        if inline {
                            db.read_inline(|conn| query.pooled(conn, key)).await.unwrap()
                        } else {
                            db.read_async(move |conn| query.pooled(conn, key)).await.unwrap()
                        }
                    }
                })
            })
            .ours();
    }
    let path = files.file("tokio-rusqlite.db", ROWS);
    let peer = runtime.block_on(tokio_rusqlite::Connection::open(path)).unwrap();
    group.contender("tokio-rusqlite", move |scale| {
        let peer = peer.clone();
        round(runtime, scale.operations(query.operations()), keys, move |key| {
            let peer = peer.clone();
            async move { peer.call(move |conn| query.run(conn, key)).await.unwrap() }
        })
    });
    let path = files.file("deadpool.db", ROWS);
    let peer = deadpool_sqlite::Config::new(path).create_pool(deadpool_sqlite::Runtime::Tokio1).unwrap();
    group.contender("deadpool-sqlite", move |scale| {
        let peer = peer.clone();
        round(runtime, scale.operations(query.operations()), keys, move |key| {
            let peer = peer.clone();
            async move { peer.get().await.unwrap().interact(move |conn| query.run(conn, key)).await.unwrap().unwrap() }
        })
    });
    let path = files.file("async-sqlite.db", ROWS);
    let peer = runtime.block_on(async_sqlite::PoolBuilder::new().path(path).open()).unwrap();
    group.contender("async-sqlite", move |scale| {
        let peer = peer.clone();
        round(runtime, scale.operations(query.operations()), keys, move |key| {
            let peer = peer.clone();
            async move { peer.conn(move |conn| query.run(conn, key)).await.unwrap() }
        })
    });
    group.baseline("tokio-rusqlite");
    group.run();
    ours.close_blocking();
}

/// New rows: what items there are, under keys of their own.
struct Supply {
    items: Vec<Item>,
    next: AtomicI64,
}

impl Supply {
    fn new() -> Arc<Self> {
        Arc::new(Self { items: sql::items(1000).collect(), next: AtomicI64::new(1_000_000) })
    }

    fn item(&self) -> Item {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        Item { id, ..self.items[id as usize % self.items.len()].clone() }
    }
}

fn store(conn: &Connection, item: &Item) -> rusqlite::Result<i64> {
    let Item { id, name, category, price, quantity, active, note, created } = item;
    let changed =
        conn.prepare_cached(INSERT)?.execute(params![id, name, category, price, quantity, active, note, created])?;
    Ok(changed as i64)
}

fn insert(bench: &mut Bench, name: &str, synchronous: Synchronous) {
    let (files, runtime) = (Files::new(), runtime());
    let full = matches!(synchronous, Synchronous::Full);
    let operations = if full { 1280 } else { 6400 };
    let pragma = if full { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
    let keys = Arc::new(vec![0]);
    let (runtime, keys) = (&runtime, &keys);
    // deadpool-sqlite closes its connections on the runtime that it finds.
    let _context = runtime.enter();
    let Some(mut group) = bench.latency_group(name) else { return };
    group.target(Target::times_as_fast(8.0, PEERS));
    group.unable(SQLX.0, SQLX.1);

    let ours = SqlitePool::builder(files.file("covet.db", 0)).synchronous(synchronous).open().unwrap();
    let (db, supply) = (ours.clone(), Supply::new());
    group
        .contender("covet-pool write_async", move |scale| {
            let (pool, supply, before) = (db.clone(), Arc::clone(&supply), db.status().writes);
            let round = round(runtime, scale.operations(operations), keys, move |_| {
                let (db, item) = (pool.clone(), supply.item());
                async move { db.write_async(move |tx| Ok(store(tx, &item)?)).await.unwrap() }
            });
            let writes = db.status().writes;
            let group = (writes.committed - before.committed) as f64 / (writes.commits - before.commits) as f64;
            round.counter("writes per commit", group)
        })
        .ours();
    let path = files.file("tokio-rusqlite.db", 0);
    let peer = runtime.block_on(tokio_rusqlite::Connection::open(path)).unwrap();
    runtime.block_on(peer.call(move |conn| conn.execute_batch(pragma))).unwrap();
    let supply = Supply::new();
    group.contender("tokio-rusqlite", move |scale| {
        let (peer, supply) = (peer.clone(), Arc::clone(&supply));
        round(runtime, scale.operations(operations), keys, move |_| {
            let (peer, item) = (peer.clone(), supply.item());
            async move { peer.call(move |conn| store(conn, &item)).await.unwrap() }
        })
    });
    let config = deadpool_sqlite::Config::new(files.file("deadpool.db", 0));
    let peer = config.builder(deadpool_sqlite::Runtime::Tokio1).unwrap().max_size(1).build().unwrap();
    runtime.block_on(async {
        peer.get().await.unwrap().interact(move |conn| conn.execute_batch(pragma)).await.unwrap().unwrap();
    });
    let supply = Supply::new();
    group.contender("deadpool-sqlite", move |scale| {
        let (peer, supply) = (peer.clone(), Arc::clone(&supply));
        round(runtime, scale.operations(operations), keys, move |_| {
            let (peer, item) = (peer.clone(), supply.item());
            async move { peer.get().await.unwrap().interact(move |conn| store(conn, &item)).await.unwrap().unwrap() }
        })
    });
    let path = files.file("async-sqlite.db", 0);
    let peer = runtime.block_on(async_sqlite::ClientBuilder::new().path(path).open()).unwrap();
    runtime.block_on(peer.conn(move |conn| conn.execute_batch(pragma))).unwrap();
    let supply = Supply::new();
    group.contender("async-sqlite", move |scale| {
        let (peer, supply) = (peer.clone(), Arc::clone(&supply));
        round(runtime, scale.operations(operations), keys, move |_| {
            let (peer, item) = (peer.clone(), supply.item());
            async move { peer.conn(move |conn| store(conn, &item)).await.unwrap() }
        })
    });
    group.baseline("tokio-rusqlite");
    group.run();
    ours.close_blocking();
}
