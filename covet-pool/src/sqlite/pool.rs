//! The handle that everybody has.

use super::call::{Pending, call};
use super::config::{Settings, SqliteBuilder};
use super::conn::{Conn, Role};
use super::error::{Error, Result};
use super::job::{Alone, BoxJob, Shared, guarded};
use super::manager::{Sqlite, Statements};
use super::readers::{Read, Readers};
use super::status::SqliteStatus;
use super::writer::{Writer, holding, is_held_here};
use crate::guard::PooledConn;
use crate::park::Parking;
use crate::pool::Pool;
use std::fmt;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::task::Context;
use std::time::Instant;

/// A database: one connection that writes, several that read, for threads and tasks.
///
/// Cloning it is cheap and gives another handle to the same database. When the last handle is dropped, threads and
/// connections go away by themselves; to wait for that, [`close`](Self::close).
#[derive(Clone)]
pub struct SqlitePool {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<Settings>,
    statements: Arc<Statements>,
    readers: Arc<Readers>,
    writer: Arc<Writer>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.readers.close();
        self.writer.close();
    }
}

impl fmt::Debug for SqlitePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlitePool")
            .field("path", &self.inner.settings.path)
            .field("readers", &self.inner.readers.pool)
            .finish_non_exhaustive()
    }
}

impl SqlitePool {
    /// Opens a database with the default settings; `":memory:"` is one that lives in a single connection.
    ///
    /// # Errors
    ///
    /// As [`SqliteBuilder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder(path).open()
    }

    /// Begins to configure a database.
    pub fn builder(path: impl AsRef<Path>) -> SqliteBuilder {
        SqliteBuilder::new(path.as_ref().to_owned())
    }

    /// Opens on a thread of its own: inside a runtime, the pools would hand their connects to a runtime that this call blocks.
    pub(super) fn start(settings: Settings) -> Result<Self> {
        let opening = std::thread::Builder::new()
            .name("covet-sqlite-open".to_owned())
            .spawn(move || Self::start_here(settings))
            .map_err(Error::Thread)?;
        opening.join().unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn start_here(settings: Settings) -> Result<Self> {
        let settings = Arc::new(settings);
        let statements = Arc::new(Statements::default());
        let manager = |role| Sqlite::new(Arc::clone(&settings), role, Arc::clone(&statements));
        let single = settings.single();
        let role = if single { Role::Single } else { Role::Writer };
        let writer = manager(role).pool("sqlite-writer", 1)?;
        let readers =
            if single { writer.clone() } else { manager(Role::Reader).pool("sqlite-readers", settings.readers)? };
        if !single {
            let conn = writer.get_blocking()?;
            let mode: String = (**conn).query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            if !mode.eq_ignore_ascii_case("wal") {
                let path = settings.path.display();
                return Err(Error::Unusable(format!("{path}: no write-ahead log here, but journal mode {mode}")));
            }
        }
        let writer = Arc::new(Writer::new(writer, Arc::clone(&settings)));
        let readers = Arc::new(Readers::new(readers, Arc::clone(&settings), Arc::clone(&writer)));
        let inner = Inner { settings, statements, readers, writer };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Reads, on this thread, with a reader of the pool. Waits in the same queue as everybody.
    ///
    /// Each statement sees the newest commit; for one view over several statements, begin with
    /// `let tx = conn.unchecked_transaction()?` and read from `tx`. A transaction left open is rolled back.
    ///
    /// Cost beyond the closure's: one compare-and-swap each way.
    ///
    /// # Errors
    ///
    /// The closure's; [`Error::Pool`] if there is no connection in time. Writing is refused.
    pub fn read<T>(&self, closure: impl FnOnce(&Conn) -> Result<T>) -> Result<T> {
        self.check_nesting()?;
        let conn = self.inner.readers.pool.get_blocking()?;
        self.read_with(conn, closure)
    }

    /// Reads, in this task, with a reader of the pool: for reads that are over in microseconds, such as the look-up of a row.
    /// A longer one keeps the runtime's thread from its other tasks: that is what [`read_async`](Self::read_async) is for.
    ///
    /// Dropping the future while it waits loses nothing.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn read_inline<T>(&self, closure: impl FnOnce(&Conn) -> Result<T>) -> Result<T> {
        self.check_nesting()?;
        let conn = self.inner.readers.pool.get().await?;
        self.read_with(conn, closure)
    }

    /// Reads, on a reader's thread.
    ///
    /// The closure sees every write that was acknowledged before the call. Its statements may all see one and the same
    /// moment, which it then shares with others that wait in line; to be sure of that, begin with
    /// `let tx = conn.unchecked_transaction()?` and read from `tx`. It should do nothing but SQL: while it blocks, its
    /// thread serves nobody else, and may owe a wake-up to those whom it has served just before.
    ///
    /// Dropping the future while it waits takes the read back; dropping it while the closure runs interrupts its statement,
    /// whose connection is used again once it is clean.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn read_async<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Conn) -> Result<T> + Send + 'static,
    {
        self.check_nesting()?;
        let (ticket, pending) = call();
        self.inner.readers.submit(Box::new(Read { closure, ticket }))?;
        pending.await
    }

    /// Writes, waiting on this thread. Returns after the commit that holds the work, which other callers' writes may share.
    ///
    /// The closure may run more than once, because another write can take the shared transaction down, and one that fails
    /// sometimes does; only its last run counts. An `Err`, or a panic, undoes what it did.
    ///
    /// # Errors
    ///
    /// The closure's; [`Error::Commit`], [`Error::RolledBack`]; [`Error::Pool`] if its turn does not come in time;
    /// [`Error::Nested`] inside another write; [`is_busy`](Error::is_busy) if another process holds the lock.
    pub fn write<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Conn) -> Result<T> + Send + 'static,
    {
        let (ticket, pending) = call();
        self.write_blocking(Box::new(Shared::new(closure, ticket)), pending)
    }

    /// As [`write`](Self::write), for tasks.
    ///
    /// Dropping the future takes the write back if it has not begun. If it has, it is carried to its end: a transaction that
    /// others share is never interrupted.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn write_async<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Conn) -> Result<T> + Send + 'static,
    {
        let (ticket, pending) = call();
        self.inner.writer.submit(Box::new(Shared::new(closure, ticket)))?;
        pending.await
    }

    /// Has the writer for itself, outside any transaction: for `VACUUM`, `PRAGMA`, `ATTACH`, checkpoints, transactions of
    /// one's own. Waits on this thread.
    ///
    /// A transaction left open is rolled back. What a `PRAGMA` sets holds for everybody's writes from then on. The
    /// writer's prepared statements are forgotten.
    ///
    /// # Errors
    ///
    /// The closure's, and as [`write`](Self::write).
    pub fn write_alone<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Conn) -> Result<T> + Send + 'static,
    {
        let (ticket, pending) = call();
        self.write_blocking(Box::new(Alone::new(closure, ticket)), pending)
    }

    /// As [`write_alone`](Self::write_alone), for tasks; cancelled as [`write_async`](Self::write_async) is.
    ///
    /// # Errors
    ///
    /// As [`write_alone`](Self::write_alone).
    pub async fn write_alone_async<T, F>(&self, closure: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Conn) -> Result<T> + Send + 'static,
    {
        let (ticket, pending) = call();
        self.inner.writer.submit(Box::new(Alone::new(closure, ticket)))?;
        pending.await
    }

    /// Closes the database: refuses what comes from now on, does what has been accepted, closes the connections. Waits
    /// for that on this thread, but no longer than `drain_timeout`; what has not begun by then fails.
    ///
    /// Returns how many calls were still at work. It must not be called from a closure.
    pub fn close_blocking(&self) -> usize {
        let inner = &self.inner;
        let end = inner.settings.drain_timeout.and_then(|limit| Instant::now().checked_add(limit));
        inner.readers.close();
        inner.writer.close();
        let left = inner.readers.drain(end) + inner.writer.drain(end);
        // The readers first: the last connection that may write cleans the log up.
        let held = close_pool(&inner.readers.pool, end);
        // Of a database with one connection, that was the writer too.
        let held = if inner.settings.single() { held } else { held + close_pool(&inner.writer.pool, end) };
        left.max(held)
    }

    /// As [`close_blocking`](Self::close_blocking), for tasks: a thread waits for them. Closing goes on if the future is
    /// dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Thread`] if there can be no such thread.
    pub async fn close(&self) -> Result<usize> {
        let (ticket, pending) = call();
        let pool = self.clone();
        std::thread::Builder::new()
            .name("covet-sqlite-close".to_owned())
            .spawn(move || ticket.finish(Ok(Ok(pool.close_blocking()))))
            .map_err(Error::Thread)?;
        pending.await
    }

    /// A picture of the pool; takes its locks for a moment.
    pub fn status(&self) -> SqliteStatus {
        let inner = &self.inner;
        SqliteStatus {
            readers: inner.readers.pool.status(),
            queued_reads: inner.readers.queued(),
            queued_writes: inner.writer.queued(),
            writes: inner.writer.stats(),
            statements: inner.statements.snapshot(),
        }
    }

    fn write_blocking<T>(&self, job: BoxJob, pending: Pending<T>) -> Result<T> {
        self.inner.writer.run_or_submit(job)?;
        pending.wait(self.inner.settings.acquire_timeout)
    }

    fn check_nesting(&self) -> Result<()> {
        if self.inner.settings.single() && is_held_here(&self.inner.settings) { Err(Error::Nested) } else { Ok(()) }
    }

    fn read_with<T>(&self, conn: PooledConn<Sqlite>, closure: impl FnOnce(&Conn) -> Result<T>) -> Result<T> {
        conn.set_query_only(true)?;
        let outcome = match conn.role {
            Role::Single => holding(&self.inner.settings, || guarded(&conn, closure)),
            Role::Reader | Role::Writer => guarded(&conn, closure),
        };
        // Given back before a panic goes on: one that is given back by a panicking thread counts as damaged.
        drop(conn);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Closes a pool and waits until its connections have come back. Returns how many have not.
fn close_pool(pool: &Pool<Sqlite>, end: Option<Instant>) -> usize {
    let mut closing = std::pin::pin!(pool.close_within(None));
    Parking::lend(|parking| {
        let mut cx = Context::from_waker(parking.waker());
        while closing.as_mut().poll(&mut cx).is_pending() && !parking.wait(end) {}
    });
    pool.status().size
}
