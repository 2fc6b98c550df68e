//! Transactions that end well or not at all.

use super::conn::Conn;
use super::error::{Error, Result};
use super::wire::TransactionStatus;
use std::fmt;
use std::ops::Deref;
use tokio_postgres::IsolationLevel;

/// How a transaction begins. Made by [`Conn::build_transaction`].
#[derive(Debug)]
#[must_use = "nothing happens until `begin`"]
pub struct TransactionBuilder<'c> {
    conn: &'c mut Conn,
    isolation: Option<IsolationLevel>,
    read_only: Option<bool>,
    deferrable: Option<bool>,
}

impl<'c> TransactionBuilder<'c> {
    pub(super) fn new(conn: &'c mut Conn) -> Self {
        Self { conn, isolation: None, read_only: None, deferrable: None }
    }

    /// The isolation level. Default: the server's, which is `READ COMMITTED` unless it is configured otherwise.
    pub fn isolation_level(mut self, level: IsolationLevel) -> Self {
        self.isolation = Some(level);
        self
    }

    /// Whether writing is refused.
    pub fn read_only(mut self, yes: bool) -> Self {
        self.read_only = Some(yes);
        self
    }

    /// Whether a serializable transaction that only reads waits until it cannot fail.
    pub fn deferrable(mut self, yes: bool) -> Self {
        self.deferrable = Some(yes);
        self
    }

    /// Begins it. One round trip.
    ///
    /// # Errors
    ///
    /// The server's, and those of a connection that is lost.
    pub async fn begin(self) -> Result<Transaction<'c>> {
        let mut sql = String::from("BEGIN");
        if let Some(level) = self.isolation {
            sql.push_str(match level {
                IsolationLevel::ReadUncommitted => " ISOLATION LEVEL READ UNCOMMITTED",
                IsolationLevel::ReadCommitted => " ISOLATION LEVEL READ COMMITTED",
                IsolationLevel::RepeatableRead => " ISOLATION LEVEL REPEATABLE READ",
                _ => " ISOLATION LEVEL SERIALIZABLE",
            });
        }
        if let Some(yes) = self.read_only {
            sql.push_str(if yes { " READ ONLY" } else { " READ WRITE" });
        }
        if let Some(yes) = self.deferrable {
            sql.push_str(if yes { " DEFERRABLE" } else { " NOT DEFERRABLE" });
        }
        self.conn.batch_execute(&sql).await?;
        Ok(Transaction { conn: self.conn, depth: 0, done: false })
    }
}

/// A transaction, or a savepoint within one. It dereferences to [`Conn`], for its `query` and the rest.
///
/// Dropping it without [`commit`](Self::commit) rolls it back: the request is sent at once, and the connection goes to nobody
/// before the server has confirmed it.
#[must_use = "a transaction is rolled back when it is dropped"]
pub struct Transaction<'c> {
    conn: &'c mut Conn,
    /// How many savepoints deep; zero is the transaction itself.
    depth: u32,
    done: bool,
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl Deref for Transaction<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.conn
    }
}

impl Transaction<'_> {
    /// Makes it permanent; for a savepoint, makes it a part of what surrounds it. One round trip.
    ///
    /// # Errors
    ///
    /// The server's: nothing of it remains then. [`Error::RolledBack`] if a statement had failed before; PostgreSQL itself says
    /// nothing of it. If the connection is lost meanwhile, nobody knows whether it is permanent.
    pub async fn commit(mut self) -> Result<()> {
        if self.depth > 0 {
            self.conn.batch_execute(&format!("RELEASE covet_{}", self.depth)).await?;
            self.done = true;
            return Ok(());
        }
        let ended = self.conn.batch_execute("COMMIT").await;
        // A commit that fails ends the transaction too.
        self.done = self.conn.transaction_status() == TransactionStatus::Idle;
        ended?;
        if self.conn.wire().last_rolled_back() { Err(Error::RolledBack) } else { Ok(()) }
    }

    /// Undoes it. As dropping it, but waits for the server's word.
    ///
    /// # Errors
    ///
    /// Those of a connection that is lost; nothing remains then either.
    pub async fn rollback(mut self) -> Result<()> {
        self.conn.batch_execute(&self.undo()).await?;
        self.done = true;
        Ok(())
    }

    /// Begins a savepoint: a part that can be undone by itself. One round trip.
    ///
    /// # Errors
    ///
    /// The server's, and those of a connection that is lost.
    pub async fn transaction(&mut self) -> Result<Transaction<'_>> {
        let depth = self.depth + 1;
        self.conn.batch_execute(&format!("SAVEPOINT covet_{depth}")).await?;
        Ok(Transaction { conn: self.conn, depth, done: false })
    }

    fn undo(&self) -> String {
        match self.depth {
            0 => "ROLLBACK".to_owned(),
            depth => format!("ROLLBACK TO covet_{depth}; RELEASE covet_{depth}"),
        }
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.conn.fire(&self.undo());
        }
    }
}
