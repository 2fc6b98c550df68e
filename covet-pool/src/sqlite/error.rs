//! What can go wrong between a caller and SQLite.

use crate::error::PoolError;
use rusqlite::ErrorCode;
use std::fmt;

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a read or write did not do what it should.
///
/// Whatever the reason, nothing of a failed write remains in the database.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// SQLite's answer.
    Sqlite(rusqlite::Error),
    /// The closure ran well, but the commit that was to hold its work failed.
    Commit(rusqlite::Error),
    /// The closure said `Ok`, but its transaction had been rolled back underneath it (`OR ROLLBACK`, `RAISE(ROLLBACK)`, a
    /// full disk), and it had overlooked the error of that statement.
    RolledBack,
    /// There was no connection for the caller: its time was over, too many wait, or the pool is closed.
    Pool(PoolError<rusqlite::Error>),
    /// A write was asked for inside a write of the same pool; it would wait for itself. With one connection only
    /// (`:memory:`) the same goes for reads.
    Nested,
    /// The file cannot be used as asked.
    Unusable(String),
    /// A thread could not be started.
    Thread(std::io::Error),
    /// The closure's own error.
    User(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Wraps an error of the caller's own, to get out of a closure and undo its write.
    ///
    /// ```
    /// use covet_pool::sqlite::{Error, SqlitePool};
    ///
    /// let db = SqlitePool::open(":memory:")?;
    /// let refused = db.write(|_| Err::<(), _>(Error::user("insufficient funds"))).unwrap_err();
    /// assert_eq!(refused.to_string(), "insufficient funds");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn user(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::User(error.into())
    }

    /// The closure's own error, if it is one of this type.
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::User(error) => error.downcast_ref(),
            _ => None,
        }
    }

    /// SQLite's error, wherever it came up.
    pub fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            Self::Sqlite(error) | Self::Commit(error) | Self::Pool(PoolError::Connect(error)) => Some(error),
            _ => None,
        }
    }

    fn code(&self) -> Option<ErrorCode> {
        self.sqlite().and_then(rusqlite::Error::sqlite_error_code)
    }

    /// Whether another process (or a connection outside this pool) held a lock for longer than the busy timeout.
    pub fn is_busy(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Whether a constraint was violated, at once or at the commit.
    pub fn is_constraint(&self) -> bool {
        self.code() == Some(ErrorCode::ConstraintViolation)
    }

    /// Whether the disk, or the file's allowed size, is full.
    pub fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }

    /// Whether the pool's rules forbid it: a write in a reader, or `COMMIT` and the like in a shared write.
    pub fn is_refused(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::AuthorizationForStatementDenied | ErrorCode::ReadOnly))
    }

    /// Whether a query that was to return a row returned none.
    pub fn is_no_rows(&self) -> bool {
        matches!(self.sqlite(), Some(rusqlite::Error::QueryReturnedNoRows))
    }

    /// Whether the caller's time limit was over before its turn came.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Pool(error) if error.is_timeout())
    }

    /// Whether too many callers waited already.
    pub fn is_queue_full(&self) -> bool {
        matches!(self, Self::Pool(error) if error.is_queue_full())
    }

    /// Whether the pool is closed.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Pool(error) if error.is_closed())
    }

    pub(super) fn closed() -> Self {
        Self::Pool(PoolError::Closed)
    }
}

/// The same error once more, for another caller that it befell.
pub(super) fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => rusqlite::Error::SqliteFailure(*code, message.clone()),
        other => rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(1), Some(other.to_string())),
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<PoolError<rusqlite::Error>> for Error {
    fn from(error: PoolError<rusqlite::Error>) -> Self {
        Self::Pool(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_busy() {
            f.write_str("another process holds the lock of the database for longer than the busy timeout: ")?;
        }
        match self {
            Self::Sqlite(error) => error.fmt(f),
            Self::Commit(error) => write!(f, "the commit failed, and nothing of this write remains: {error}"),
            Self::RolledBack => {
                f.write_str("a statement rolled the transaction back, and nothing of this write remains")
            }
            Self::Pool(error) => error.fmt(f),
            Self::Nested => f.write_str("this closure already holds the connection that is asked for"),
            Self::Unusable(why) => f.write_str(why),
            Self::Thread(error) => write!(f, "cannot start a thread for the database: {error}"),
            Self::User(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sqlite(error) | Self::Commit(error) => Some(error),
            Self::Pool(error) => Some(error),
            Self::Thread(error) => Some(error),
            Self::User(error) => Some(&**error),
            Self::RolledBack | Self::Nested | Self::Unusable(_) => None,
        }
    }
}
