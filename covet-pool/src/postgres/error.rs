//! What can go wrong between a caller and PostgreSQL.

use super::parse::ConfigError;
use crate::error::PoolError;
use std::fmt;
use tokio_postgres::error::{DbError, SqlState};

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a connection could not be opened, or a statement not be run.
///
/// No message holds a password or a parameter's value of our own making; what the server says is passed on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The settings make no sense.
    Config(ConfigError),
    /// The server could not be reached, or did not let us in.
    Connect {
        /// Where to, and as whom.
        target: String,
        /// What the driver says.
        source: tokio_postgres::Error,
    },
    /// The driver's error: [`as_db_error`](Self::as_db_error) if it is the server's answer.
    Postgres(tokio_postgres::Error),
    /// A query gave this many rows where one was asked for, or one at most.
    RowCount(u64),
    /// A statement was given another number of parameters than it has.
    Parameters {
        /// How many it has.
        expected: usize,
        /// How many were given.
        given: usize,
    },
    /// `commit` was called on a transaction that had failed before, so the server rolled it back.
    RolledBack,
    /// The statement changes the state of the session, and the connection is shared.
    NotShared(&'static str),
    /// The connection could not be brought back into a state in which it can be used again.
    Unclean(&'static str),
    /// There was no connection for the caller: its time was over, too many wait, or the pool is closed.
    Pool(Box<PoolError<Error>>),
}

impl Error {
    /// The driver's error, wherever it came up.
    pub fn postgres(&self) -> Option<&tokio_postgres::Error> {
        match self {
            Self::Postgres(error) | Self::Connect { source: error, .. } => Some(error),
            Self::Pool(error) => match &**error {
                PoolError::Connect(error) => error.postgres(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The server's answer, if it is one.
    pub fn as_db_error(&self) -> Option<&DbError> {
        self.postgres().and_then(tokio_postgres::Error::as_db_error)
    }

    /// The server's five-character code.
    pub fn code(&self) -> Option<&SqlState> {
        self.as_db_error().map(DbError::code)
    }

    /// Whether a unique constraint was violated.
    pub fn is_unique_violation(&self) -> bool {
        self.code() == Some(&SqlState::UNIQUE_VIOLATION)
    }

    /// Whether any integrity constraint was violated: unique, foreign key, not null, check, exclusion.
    pub fn is_constraint(&self) -> bool {
        self.code().is_some_and(|code| code.code().starts_with("23"))
    }

    /// Whether the whole transaction may succeed if it is run again: a serialization failure or a deadlock.
    pub fn is_retryable(&self) -> bool {
        matches!(self.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED))
    }

    /// Whether the statement was cancelled, by `statement_timeout` for instance.
    pub fn is_cancelled(&self) -> bool {
        self.code() == Some(&SqlState::QUERY_CANCELED)
    }

    /// Whether a query gave another number of rows than the one or none that was asked for.
    pub fn is_row_count(&self) -> bool {
        matches!(self, Self::RowCount(_))
    }

    /// Whether the connection is gone. What was asked may or may not have been done.
    pub fn is_closed(&self) -> bool {
        match self {
            Self::Pool(error) => error.is_closed(),
            _ => self.postgres().is_some_and(|error| {
                let io = std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
                let shutdown = error.code().is_some_and(|code| {
                    [&SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN, &SqlState::CANNOT_CONNECT_NOW]
                        .contains(&code)
                });
                error.is_closed() || io || shutdown
            }),
        }
    }

    /// Whether there was no connection in time.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Pool(error) if error.is_timeout())
    }

    /// Whether too many callers waited for a connection already.
    pub fn is_queue_full(&self) -> bool {
        matches!(self, Self::Pool(error) if error.is_queue_full())
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<PoolError<Error>> for Error {
    fn from(error: PoolError<Error>) -> Self {
        Self::Pool(Box::new(error))
    }
}

/// The driver's message and what caused it: by itself it says no more than "db error".
struct Whole<'e>(&'e tokio_postgres::Error);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_db_error() {
            Some(error) => {
                write!(f, "{error} (SQLSTATE {})", error.code().code())
            }
            None => {
                self.0.fmt(f)?;
                match std::error::Error::source(self.0) {
                    Some(source) => write!(f, ": {source}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Connect { target, source } => {
                write!(f, "cannot connect to PostgreSQL at {target}: {}", Whole(source))
            }
            Self::Postgres(error) => Whole(error).fmt(f),
            Self::RowCount(rows) => write!(f, "one row was expected, and {rows} came"),
            Self::Parameters { expected, given } => {
                write!(f, "the statement has {expected} parameters, and {given} were given")
            }
            Self::RolledBack => f.write_str("the transaction had failed before, and the server rolled it back"),
            Self::NotShared(word) => {
                write!(f, "`{word}` changes the state of the session, which others share: get a connection of your own")
            }
            Self::Unclean(why) => f.write_str(why),
            Self::Pool(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Postgres(error) | Self::Connect { source: error, .. } => std::error::Error::source(error),
            Self::Pool(error) => Some(&**error),
            Self::RowCount(_) | Self::Parameters { .. } | Self::RolledBack | Self::NotShared(_) | Self::Unclean(_) => {
                None
            }
        }
    }
}
