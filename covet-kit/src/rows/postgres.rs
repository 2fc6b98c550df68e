//! PostgreSQL rows as JSON, from the driver's binary values.

use std::error::Error as StdError;

use covet_pool::postgres::tokio_postgres::Row;
use covet_pool::postgres::types::{FromSql, Type};
use covet_pool::postgres::{Conn, Params};

use super::columns::Columns;
use super::postgres_value::write_value;
use super::{RowsError, RowsJson};

/// A value as the server sent it.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl RowsJson {
    /// Runs a query, prepared once per connection, and encodes all its rows as one array, in the order in which they come.
    ///
    /// | type | JSON |
    /// |---|---|
    /// | `bool`, `int2`, `int4`, `int8`, `oid` | as they are |
    /// | `float4`, `float8` | a number; NaN and infinities become `null` |
    /// | `numeric` | a number with all its digits; NaN and infinities become `null` |
    /// | `text`, `varchar`, `char(n)`, `name`, `citext`, enums | a string |
    /// | `uuid` | a string in lower case, with hyphens |
    /// | `date`, `time`, `timestamp`, `timestamptz` | a string as ISO 8601 has it; `timestamptz` in UTC, with `+00:00` |
    /// | `json`, `jsonb` | itself |
    /// | `bytea` | what [`RowsJson::blobs`] says |
    /// | arrays and domains of these | arrays; as what they are made of |
    /// | NULL | `null` |
    ///
    /// # Errors
    ///
    /// What the server reports; [`RowsError::Type`] for a column of any other type; a `bytea` under
    /// [`BlobFormat::Refuse`](super::BlobFormat::Refuse); a result past [`RowsJson::max_bytes`].
    ///
    /// ```no_run
    /// use covet_kit::pool::Pool;
    /// use covet_kit::pool::postgres::Postgres;
    /// use covet_kit::rows::RowsJson;
    ///
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::builder(Postgres::new("postgres://shop:secret@localhost/shop")?).max_size(8).build()?;
    /// let rows = RowsJson::objects();
    /// let conn = pool.get().await?;
    /// let json = rows.query_postgres(&conn, "SELECT id, name FROM item WHERE price < $1", &[&9.5]).await?;
    /// # Ok(()) }
    /// ```
    pub async fn query_postgres(&self, conn: &Conn, sql: &str, params: Params<'_>) -> Result<Vec<u8>, RowsError> {
        let mut out = Vec::with_capacity(self.max_bytes.min(4096));
        out.push(b'[');
        let mut rows = conn.query_stream(sql, params).await?;
        let mut columns = None;
        while let Some(row) = rows.next().await {
            let row = row?;
            if out.len() > 1 {
                out.push(b',');
            }
            let columns = columns.get_or_insert_with(|| self.columns_of_row(sql, &row));
            self.encode_postgres_row(&row, columns, &mut out)?;
            self.check_size(out.len())?;
        }
        out.push(b']');
        Ok(out)
    }

    /// Runs a query that gives one row, or none.
    ///
    /// # Errors
    ///
    /// As [`RowsJson::query_postgres`]; the server's rows must not be more than one.
    pub async fn query_one_postgres(
        &self,
        conn: &Conn,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Vec<u8>>, RowsError> {
        let Some(row) = conn.query_opt(sql, params).await? else {
            return Ok(None);
        };
        let mut out = Vec::with_capacity(256);
        self.encode_postgres_row(&row, &self.columns_of_row(sql, &row), &mut out)?;
        self.check_size(out.len())?;
        Ok(Some(out))
    }

    pub(super) fn columns_of_row(&self, sql: &str, row: &Row) -> std::sync::Arc<Columns> {
        let names = || row.columns().iter().map(|column| column.name());
        self.columns(sql, |known| known.are(names()), |shape| Columns::new(names(), shape))
    }

    pub(super) fn encode_postgres_row(&self, row: &Row, columns: &Columns, out: &mut Vec<u8>) -> Result<(), RowsError> {
        columns.write_row(out, |index, out| {
            let kind = row.columns()[index].type_();
            let value = row.try_get::<_, Option<Raw<'_>>>(index).map_err(|error| RowsError::Postgres(error.into()))?;
            let value = value.map(|Raw(bytes)| bytes);
            write_value(out, kind, value, self.blobs)
                .map_err(|unwritten| unwritten.in_column(columns.name(index), kind))
        })
    }
}
