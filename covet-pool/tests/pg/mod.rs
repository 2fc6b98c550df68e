//! What the tests of PostgreSQL share: where the server is, and pools to it.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and tests unwrap")]

use covet_pool::postgres::{Conn, Postgres, PostgresConfig};
use covet_pool::{Builder, Pool};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

pub(crate) mod proxy;
pub(crate) mod server;

/// The address that `cargo xtask services run` puts into the environment.
pub(crate) fn address() -> String {
    std::env::var("COVET_POSTGRES_URL").expect("start the tests with: cargo xtask services run -- cargo test ...")
}

pub(crate) fn config() -> PostgresConfig {
    address().parse().unwrap()
}

pub(crate) fn builder(config: PostgresConfig, size: usize) -> Builder<Postgres> {
    Pool::builder(Postgres::with(config).unwrap()).max_size(size).acquire_timeout(Duration::from_secs(10))
}

pub(crate) fn pool(size: usize) -> Pool<Postgres> {
    builder(config(), size).build().unwrap()
}

/// The process that serves this session.
pub(crate) async fn pid(conn: &Conn) -> i32 {
    conn.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0)
}

/// The names of the statements that this session has prepared, but for the one that asks.
pub(crate) async fn prepared(conn: &Conn, text: &str) -> Vec<String> {
    let rows = conn.query("SELECT name FROM pg_prepared_statements WHERE statement = $1", &[&text]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !so().await {
        assert!(Instant::now() < end, "it never came to be so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Polls a future so often, with a moment between for the others, and drops it. Whether it ended before.
pub(crate) async fn abandon(future: impl Future, polls: usize) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        tokio::time::sleep(Duration::from_micros(150)).await;
    }
    false
}
