//! PostgreSQL through the pool beside its peers: 64 callers read one row at a time over 8 connections, each statement
//! prepared beforehand.
//!
//! It needs a server: `cargo xtask services run -- cargo bench -p covet-pool --features postgres --bench postgres_peers`.
//!
//! Every contender has 8 connections in its own default configuration and the same table. bb8-postgres has no cache of statements: its
//! manager here prepares the one statement when it connects, which is what its users do by hand. Its default asks the server
//! before every checkout whether the connection lives, so it also runs without that. tokio-postgres without any pool,
//! its 8 clients shared by hand, is there to show what pipelining alone brings.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on should stop")]

use covet_bench::latency::{Round, Scale};
use covet_bench::workload::sql::{self, Item, SCHEMA, SELECT_ONE};
use covet_bench::{Bench, Target};
use covet_pool::Pool;
use covet_pool::postgres::tokio_postgres::{self, Client, NoTls, Row, Statement};
use covet_pool::postgres::{Postgres, PostgresConfig};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::runtime::Runtime;

const ROWS: u64 = 10_000;
const CALLERS: u64 = 64;
const CONNECTIONS: usize = 8;
const OPERATIONS: u64 = 32_000;
const GROUP: &str = "PostgreSQL point select, 64 tasks on 8 connections";
const ADDRESS: &str = "COVET_POSTGRES_URL";

fn main() -> ExitCode {
    covet_bench::main("covet-pool", |bench| match std::env::var(ADDRESS) {
        Ok(address) => select(bench, &address),
        Err(_) => bench.skip(GROUP, "no PostgreSQL: start it with `cargo xtask services run -- cargo bench ...`"),
    })
}

fn item(row: &Row) -> Item {
    Item {
        id: row.get(0),
        name: row.get(1),
        category: row.get(2),
        price: row.get(3),
        quantity: row.get(4),
        active: row.get(5),
        note: row.get(6),
        created: row.get(7),
    }
}

/// What is left of a row for the answer: every column counts.
fn sum(row: &Row) -> i64 {
    let Item { id, name, category, price, quantity, active, note, created } = item(row);
    let texts = name.len() + category.len() + note.map_or(1, |note| note.len()) + created.len();
    id * 31 + quantity * 7 + (price * 100.0) as i64 + i64::from(active) + texts as i64
}

/// One round: tasks that call one after the other.
fn round<C, F>(runtime: &Runtime, scale: Scale, keys: &Arc<Vec<i64>>, call: C) -> Round
where
    C: Fn(i64) -> F + Clone + Send + 'static,
    F: Future<Output = i64> + Send,
{
    let each = scale.operations(OPERATIONS).div_ceil(CALLERS);
    runtime.block_on(async {
        let start = Instant::now();
        let tasks: Vec<_> = (0..CALLERS)
            .map(|task| {
                let (call, keys) = (call.clone(), Arc::clone(keys));
                tokio::spawn(async move {
                    let (mut seen, mut sum) = (Vec::with_capacity(each as usize), 0_i64);
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

async fn connect(config: &tokio_postgres::Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// bb8's manager, with the statement prepared at the connect.
struct Prepared(bb8_postgres::PostgresConnectionManager<NoTls>, String);

impl bb8::ManageConnection for Prepared {
    type Connection = (Client, Statement);
    type Error = tokio_postgres::Error;

    async fn connect(&self) -> Result<Self::Connection, Self::Error> {
        let client = self.0.connect().await?;
        let statement = client.prepare(&self.1).await?;
        Ok((client, statement))
    }

    async fn is_valid(&self, conn: &mut Self::Connection) -> Result<(), Self::Error> {
        self.0.is_valid(&mut conn.0).await
    }

    fn has_broken(&self, conn: &mut Self::Connection) -> bool {
        self.0.has_broken(&mut conn.0)
    }
}

fn select(bench: &mut Bench, address: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let keys = Arc::new(sql::keys(ROWS, 4000, 3));
    let text: Arc<str> = sql::dollars(SELECT_ONE).into();
    let driver: tokio_postgres::Config = address.parse().unwrap();
    let (runtime, keys, text) = (&runtime, &keys, &text);
    let _context = runtime.enter();
    let Some(mut group) = bench.latency_group(GROUP) else { return };
    runtime.block_on(async {
        let client = connect(&driver).await;
        client.batch_execute("DROP TABLE IF EXISTS items").await.unwrap();
        client.batch_execute(SCHEMA).await.unwrap();
        client.batch_execute(&sql::fill(ROWS)).await.unwrap();
        client.batch_execute("ANALYZE items").await.unwrap();
    });
    group.target(Target::times_as_fast(1.0, ["deadpool-postgres"]).of("covet-pool"));
    group.target(Target::times_as_fast(1.5, ["deadpool-postgres"]).of("covet-pool shared"));

    let ours = |config: PostgresConfig| {
        let pool = Pool::builder(Postgres::with(config).unwrap()).max_size(CONNECTIONS).build().unwrap();
        runtime.block_on(pool.warm_up(CONNECTIONS)).unwrap();
        pool
    };
    let pool = ours(address.parse().unwrap());
    let own = pool.clone();
    group
        .contender("covet-pool", move |scale| {
            let (pool, text) = (own.clone(), Arc::clone(text));
            round(runtime, scale, keys, move |key| {
                let (pool, text) = (pool.clone(), Arc::clone(&text));
                async move { sum(&pool.get().await.unwrap().query_one(&text, &[&key]).await.unwrap()) }
            })
        })
        .ours();
    let sharing = ours(address.parse().unwrap());
    let shared = sharing.shared();
    group
        .contender("covet-pool shared", move |scale| {
            let (shared, text) = (shared.clone(), Arc::clone(text));
            round(runtime, scale, keys, move |key| {
                let (shared, text) = (shared.clone(), Arc::clone(&text));
                async move { sum(&shared.query_one(&text, &[&key]).await.unwrap()) }
            })
        })
        .ours();
    let manager = deadpool_postgres::Manager::new(driver.clone(), NoTls);
    let peer = deadpool_postgres::Pool::builder(manager).max_size(CONNECTIONS).build().unwrap();
    group.contender("deadpool-postgres", move |scale| {
        let (pool, text) = (peer.clone(), Arc::clone(text));
        round(runtime, scale, keys, move |key| {
            let (pool, text) = (pool.clone(), Arc::clone(&text));
            async move {
                let client = pool.get().await.unwrap();
                let statement = client.prepare_cached(&text).await.unwrap();
                sum(&client.query_one(&statement, &[&key]).await.unwrap())
            }
        })
    });
    for (name, check) in [("bb8-postgres", true), ("bb8-postgres unchecked", false)] {
        let manager = bb8_postgres::PostgresConnectionManager::new(driver.clone(), NoTls);
        let manager = Prepared(manager, text.to_string());
        let builder = bb8::Pool::builder().max_size(CONNECTIONS as u32).test_on_check_out(check);
        let peer = runtime.block_on(builder.build(manager)).unwrap();
        let contender = group.contender(name, move |scale| {
            let pool = peer.clone();
            round(runtime, scale, keys, move |key| {
                let pool = pool.clone();
                async move {
                    let conn = pool.get().await.unwrap();
                    sum(&conn.0.query_one(&conn.1, &[&key]).await.unwrap())
                }
            })
        });
        contender.package("bb8-postgres");
    }
    let clients = runtime.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = connect(&driver).await;
            let statement = client.prepare(text).await.unwrap();
            clients.push((client, statement));
        }
        Arc::new(clients)
    });
    let turn = Arc::new(AtomicUsize::new(0));
    let contender = group.contender("tokio-postgres shared by hand", move |scale| {
        let (clients, turn) = (Arc::clone(&clients), Arc::clone(&turn));
        round(runtime, scale, keys, move |key| {
            let (clients, turn) = (Arc::clone(&clients), Arc::clone(&turn));
            async move {
                let (client, statement) = &clients[turn.fetch_add(1, Ordering::Relaxed) % CONNECTIONS];
                sum(&client.query_one(statement, &[&key]).await.unwrap())
            }
        })
    });
    contender.package("tokio-postgres");
    group.baseline("deadpool-postgres");
    group.run();
    runtime.block_on(async {
        pool.close().await;
        sharing.close().await;
    });
}
