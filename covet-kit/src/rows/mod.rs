//! SQL rows straight to JSON bytes: no struct, no map, no second pass.
//!
//! A [`RowsJson`] knows how rows are to look; it escapes the column names of each statement once and keeps them.

mod columns;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_value;
mod sqlite;
#[cfg(feature = "service")]
mod stream;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use covet_pool::sqlite::{Error as SqliteError, rusqlite};
use parking_lot::Mutex;

pub use columns::{BlobFormat, RowShape};

use columns::Columns;

/// Statements whose columns are remembered. Past it the memory is emptied and fills again: SQL text that is made per request
/// must not grow it.
const MAX_STATEMENTS: usize = 1024;

/// Encodes the rows of queries as JSON. Clones share what is remembered of the statements.
#[derive(Clone)]
pub struct RowsJson {
    shape: RowShape,
    blobs: BlobFormat,
    max_bytes: usize,
    statements: Arc<Mutex<HashMap<Box<str>, Arc<Columns>>>>,
}

impl RowsJson {
    /// Rows as objects: `[{"id":7,"name":"Ada"}]`.
    #[must_use]
    pub fn objects() -> Self {
        Self::with_shape(RowShape::Object)
    }

    /// Rows as arrays: `[[7,"Ada"]]`.
    #[must_use]
    pub fn arrays() -> Self {
        Self::with_shape(RowShape::Array)
    }

    fn with_shape(shape: RowShape) -> Self {
        Self { shape, blobs: BlobFormat::default(), max_bytes: 64 << 20, statements: Arc::default() }
    }

    /// How blobs are written; by default they are an error.
    #[must_use]
    pub fn blobs(mut self, format: BlobFormat) -> Self {
        self.blobs = format;
        self
    }

    /// Bytes that one result may have, 64 MiB by default; of a chunked one, one row.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    fn columns(&self, sql: &str, are: impl Fn(&Columns) -> bool, make: impl Fn(RowShape) -> Columns) -> Arc<Columns> {
        let mut statements = self.statements.lock();
        if let Some(known) = statements.get(sql).filter(|known| are(known)) {
            return known.clone();
        }
        if statements.len() >= MAX_STATEMENTS {
            statements.clear();
        }
        let columns = Arc::new(make(self.shape));
        statements.insert(sql.into(), columns.clone());
        columns
    }

    fn check_size(&self, bytes: usize) -> Result<(), RowsError> {
        if bytes <= self.max_bytes { Ok(()) } else { Err(RowsError::TooLarge { limit: self.max_bytes }) }
    }
}

impl fmt::Debug for RowsJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowsJson")
            .field("shape", &self.shape)
            .field("blobs", &self.blobs)
            .field("max_bytes", &self.max_bytes)
            .field("statements", &self.statements.lock().len())
            .finish()
    }
}

/// Why rows could not be encoded. Its text names columns, never values.
#[derive(Debug)]
#[non_exhaustive]
pub enum RowsError {
    /// SQLite's own error.
    Sqlite(SqliteError),
    /// PostgreSQL's own error.
    #[cfg(feature = "postgres")]
    Postgres(covet_pool::postgres::Error),
    /// A column of PostgreSQL has a type that has no form here: cast it in the query.
    #[cfg(feature = "postgres")]
    Type {
        /// The column's name.
        column: Box<str>,
        /// The type's name.
        kind: Box<str>,
    },
    /// A text value is not UTF-8.
    NotUtf8 {
        /// The column's name.
        column: Box<str>,
    },
    /// A blob was selected and no format for blobs is set.
    Blob {
        /// The column's name.
        column: Box<str>,
    },
    /// The result is larger than [`RowsJson::max_bytes`].
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The receiver of chunks wanted no more.
    Stopped,
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => error.fmt(f),
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => error.fmt(f),
            #[cfg(feature = "postgres")]
            Self::Type { column, kind } => {
                write!(f, "column `{column}` is of type `{kind}`, which has no form as JSON here: cast it in the query")
            }
            Self::NotUtf8 { column } => write!(f, "column `{column}` holds text that is not UTF-8"),
            Self::Blob { column } => {
                write!(f, "column `{column}` holds a blob: choose a format with `RowsJson::blobs`")
            }
            Self::TooLarge { limit } => {
                write!(f, "the result is larger than {limit} bytes: raise `RowsJson::max_bytes`, or stream it")
            }
            Self::Stopped => f.write_str("the receiver wanted no more rows"),
        }
    }
}

impl std::error::Error for RowsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sqlite(error) => Some(error),
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(feature = "postgres")]
impl From<covet_pool::postgres::Error> for RowsError {
    fn from(error: covet_pool::postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<SqliteError> for RowsError {
    fn from(error: SqliteError) -> Self {
        Self::Sqlite(error)
    }
}

impl From<rusqlite::Error> for RowsError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.into())
    }
}

/// So that `?` works in the closures of [`covet_pool::sqlite::SqlitePool`].
impl From<RowsError> for SqliteError {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Sqlite(error) => error,
            other => Self::user(other),
        }
    }
}
