//! SQLite behind the pool: one writer whose callers share commits, several readers, threads and tasks alike.
//!
//! ```
//! use covet_pool::sqlite::SqlitePool;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("shop.db");
//! let db = SqlitePool::open(&path)?; // or ":memory:"
//! db.write(|tx| Ok(tx.execute_batch("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")?))?;
//! db.write(|tx| tx.execute("INSERT INTO item (name) VALUES (?1)", ["chair"]))?;
//! let name: String = db.read(|conn| conn.query_row("SELECT name FROM item WHERE id = ?1", [1], |row| row.get(0)))?;
//! assert_eq!(name, "chair");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | | on this thread | from a task |
//! |---|---|---|
//! | read | [`read`](SqlitePool::read) | [`read_async`](SqlitePool::read_async) on a reader thread; [`read_inline`](SqlitePool::read_inline) right here, for reads that are over at once |
//! | write, sharing a commit | [`write`](SqlitePool::write) | [`write_async`](SqlitePool::write_async) |
//! | VACUUM, PRAGMA, own transactions | [`write_alone`](SqlitePool::write_alone) | [`write_alone_async`](SqlitePool::write_alone_async) |
//! | close | [`close_blocking`](SqlitePool::close_blocking) | [`close`](SqlitePool::close) |
//!
//! # What a write promises
//!
//! A closure given to `write` runs in a transaction (`BEGIN IMMEDIATE`) that other callers' writes may share. Its caller gets
//! `Ok` only after the `COMMIT` that holds its work; an `Err`, or a panic, means that nothing of it remains. It has a
//! savepoint of its own, unless the last 256 writes have all gone well. One job can take the whole transaction down
//! (`OR ROLLBACK`, `RAISE(ROLLBACK)`, a full disk, a deferred foreign key that fails the commit, any failure without a
//! savepoint); the others' closures are then **run again**, which is why they are `FnMut`: let them do nothing but SQL. A closure cannot end the transaction itself: `BEGIN`, `COMMIT` and `ROLLBACK` are refused.
//!
//! # Errors and panics
//!
//! Closures return [`Result<T>`](Result); `?` converts SQLite's errors, and [`Error::user`] wraps your own, which undoes the
//! write. A panic in a closure is resumed on its caller, once the connection is clean again; nobody else notices.

mod call;
mod config;
mod conn;
mod error;
mod group;
mod guard;
mod inbox;
mod job;
mod manager;
mod pool;
mod readers;
mod status;
mod wakes;
mod writer;

pub use config::{Committed, SqliteBuilder, Synchronous};
pub use conn::Conn;
pub use error::{Error, Result};
pub use pool::SqlitePool;
pub use rusqlite;
pub use status::{SqliteStatus, WriteStats};
