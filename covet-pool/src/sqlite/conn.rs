//! The connection that closures get: rusqlite's, with every statement prepared once and counted.

use super::error::Result;
use super::guard::{Guard, Mode};
use super::wakes;
use rusqlite::{CachedStatement, Connection, InterruptHandle, Params, Row, StatementStatus, TransactionState};
use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Writer,
    /// Both, for a database that is private to its connection.
    Single,
}

/// After how many instructions of its virtual machine SQLite looks whether it is to stop: some tens of microseconds.
const STOP_CHECK: i32 = 1000;

/// Has a second row whatever the database holds.
const HALF_READ: &str = "SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1 FROM sqlite_schema -- covet";

/// Stops a read whose caller has gone.
///
/// SQLite's own interrupt stops the statement that runs at that moment, and is forgotten when there is none; the flag
/// stops those that the closure begins later.
pub(super) struct Stop {
    asked: AtomicBool,
    handle: InterruptHandle,
}

impl Stop {
    pub(super) fn stop(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.handle.interrupt();
    }
}

/// Counted by one connection since its last return.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) hits: Cell<u64>,
    pub(super) misses: Cell<u64>,
    pub(super) evictions: Cell<u64>,
    pub(super) reprepares: Cell<u64>,
}

/// A connection, lent to a closure.
///
/// It dereferences to [`rusqlite::Connection`], so everything of rusqlite that takes `&Connection` works. Its own `execute`,
/// `query_row`, `query_opt`, `query_all` and `prepare_cached` keep their statements prepared, and count them.
pub struct Conn {
    inner: Connection,
    pub(super) role: Role,
    pub(super) guard: Guard,
    pub(super) stop: Arc<Stop>,
    pub(super) tally: Tally,
    /// Statements that still fit before one has to go.
    room: Cell<usize>,
    capacity: usize,
    query_only: Cell<bool>,
    broken: Cell<bool>,
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").field("role", &self.role).field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Deref for Conn {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.inner
    }
}

impl Conn {
    pub(super) fn new(inner: Connection, role: Role, guard: Guard, capacity: usize) -> rusqlite::Result<Self> {
        inner.set_prepared_statement_cache_capacity(capacity);
        let stop = Arc::new(Stop { asked: AtomicBool::new(false), handle: inner.get_interrupt_handle() });
        let asked = Arc::clone(&stop);
        inner.progress_handler(
            STOP_CHECK,
            Some(move || {
                wakes::flush();
                asked.asked.load(Ordering::Relaxed)
            }),
        )?;
        Ok(Self {
            inner,
            role,
            guard,
            stop,
            tally: Tally::default(),
            room: Cell::new(capacity),
            capacity,
            query_only: Cell::new(false),
            broken: Cell::new(false),
        })
    }

    /// Prepares a statement, or takes it from the connection's cache, and counts which of the two.
    ///
    /// A statement counts as found if it has been run before.
    ///
    /// # Errors
    ///
    /// SQLite's, if it is no statement or not allowed here.
    pub fn prepare_cached(&self, sql: &str) -> Result<CachedStatement<'_>> {
        let statement = self.inner.prepare_cached(sql)?;
        let tally = &self.tally;
        if statement.get_status(StatementStatus::Run) == 0 {
            self.count_miss();
        } else {
            tally.hits.set(tally.hits.get() + 1);
            let again = statement.reset_status(StatementStatus::RePrepare);
            if again != 0 {
                tally.reprepares.set(tally.reprepares.get() + u64::from(again.unsigned_abs()));
            }
        }
        Ok(statement)
    }

    #[cold]
    fn count_miss(&self) {
        self.tally.misses.set(self.tally.misses.get() + 1);
        match self.room.get() {
            0 => self.tally.evictions.set(self.tally.evictions.get() + 1),
            room => self.room.set(room - 1),
        }
    }

    /// Runs a statement and returns how many rows it changed.
    ///
    /// # Errors
    ///
    /// SQLite's; also if the statement returns rows.
    pub fn execute<P: Params>(&self, sql: &str, params: P) -> Result<usize> {
        Ok(self.prepare_cached(sql)?.execute(params)?)
    }

    /// The first row of a query.
    ///
    /// # Errors
    ///
    /// SQLite's and those of `map`; [`is_no_rows`](super::Error::is_no_rows) if there is none.
    pub fn query_row<T, P: Params>(
        &self,
        sql: &str,
        params: P,
        map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        Ok(self.prepare_cached(sql)?.query_row(params, map)?)
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    ///
    /// SQLite's and those of `map`.
    pub fn query_opt<T, P: Params>(
        &self,
        sql: &str,
        params: P,
        map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        Ok(rows.next()?.map(map).transpose()?)
    }

    /// All rows of a query.
    ///
    /// # Errors
    ///
    /// SQLite's and those of `map`.
    pub fn query_all<T, P: Params>(
        &self,
        sql: &str,
        params: P,
        mut map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(map(row)?);
        }
        Ok(all)
    }

    /// A statement of the pool's own: not counted, not judged.
    pub(super) fn own(&self, sql: &str) -> rusqlite::Result<()> {
        self.guard.set(Mode::Own);
        let outcome = self.inner.prepare_cached(sql).and_then(|mut statement| statement.execute([]).map(drop));
        self.guard.set(Mode::Free);
        outcome
    }

    /// Forgets the prepared statements: one that was allowed to a caller alone must not be found by a shared job.
    pub(super) fn flush(&self) {
        self.inner.flush_prepared_statement_cache();
        self.room.set(self.capacity);
    }

    /// Forbids or allows writing, where one connection does both.
    pub(super) fn set_query_only(&self, only: bool) -> rusqlite::Result<()> {
        if self.role == Role::Single && self.query_only.get() != only {
            self.own(if only { "PRAGMA query_only = 1 -- covet" } else { "PRAGMA query_only = 0 -- covet" })?;
            self.query_only.set(only);
        }
        Ok(())
    }

    /// Runs what reads while a statement is half read, so that the read transaction outlives each of its own statements:
    /// to open and to close one costs as much as to look a row up. Nobody inside notices: there is no `BEGIN`, so one of
    /// their own is allowed.
    pub(super) fn snapshot<R>(&self, work: impl FnOnce() -> R) -> R {
        let mut statement = self.inner.prepare_cached(HALF_READ).ok();
        let mut rows = statement.as_mut().and_then(|statement| statement.query([]).ok());
        // If it cannot be read, nothing can, and whoever reads will hear why.
        let _ = rows.as_mut().map(|rows| rows.next().is_ok());
        work()
    }

    /// Whether no transaction is open and no statement is half read.
    pub(super) fn is_clean(&self) -> bool {
        self.inner.is_autocommit()
            && matches!(self.inner.transaction_state(None::<&str>), Ok(TransactionState::None))
            && !self.broken.get()
    }

    /// Ends whatever transaction is open.
    pub(super) fn roll_back(&self) {
        if !self.inner.is_autocommit() && self.own("ROLLBACK -- covet").is_err() && !self.inner.is_autocommit() {
            self.broken.set(true);
        }
    }

    /// After an interrupt: makes sure that it hits nobody who comes later. SQLite forgets an interrupt when the next
    /// statement starts while no other is active, so one that ends well is the proof.
    pub(super) fn quarantine(&self) {
        self.stop.asked.store(false, Ordering::Relaxed);
        self.roll_back();
        if !(0..3).any(|_| self.own_probe().is_ok()) {
            self.broken.set(true);
        }
    }

    fn own_probe(&self) -> rusqlite::Result<()> {
        self.inner.prepare_cached("SELECT 1")?.query_row([], |_| Ok(()))
    }
}
