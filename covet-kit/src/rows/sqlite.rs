//! SQLite rows as JSON.

use std::sync::Arc;

use covet_pool::sqlite::Conn;
use covet_pool::sqlite::rusqlite::types::ValueRef;
use covet_pool::sqlite::rusqlite::{Params, Row, Statement};

use super::columns::{Columns, write_blob, write_str};
use super::{RowsError, RowsJson};

impl RowsJson {
    /// Runs a query through the connection's statement cache and encodes all its rows as one array.
    ///
    /// Integers and reals become numbers (an infinity becomes `null`), text a string, NULL `null`, blobs what
    /// [`RowsJson::blobs`] says.
    ///
    /// # Errors
    ///
    /// What SQLite reports; text that is not UTF-8; a blob under [`BlobFormat::Refuse`](super::BlobFormat::Refuse); a result past
    /// [`RowsJson::max_bytes`].
    ///
    /// ```
    /// use covet_kit::pool::sqlite::SqlitePool;
    /// use covet_kit::rows::RowsJson;
    ///
    /// let db = SqlitePool::open(":memory:")?;
    /// db.write_alone(|conn| {
    ///     Ok(conn.execute_batch("CREATE TABLE user (id INTEGER, name TEXT); INSERT INTO user VALUES (7, 'Ada'), (8, NULL)")?)
    /// })?;
    ///
    /// let rows = RowsJson::objects();
    /// let json = db.read(|conn| Ok(rows.query(conn, "SELECT id, name FROM user ORDER BY id", [])?))?;
    /// assert_eq!(json, br#"[{"id":7,"name":"Ada"},{"id":8,"name":null}]"#);
    /// # Ok::<(), covet_kit::pool::sqlite::Error>(())
    /// ```
    pub fn query<P: Params>(&self, conn: &Conn, sql: &str, params: P) -> Result<Vec<u8>, RowsError> {
        let mut out = Vec::new();
        let columns = self.encode_rows(&mut *conn.prepare_cached(sql)?, sql, params, |row, columns| {
            if out.is_empty() {
                columns.make_room(&mut out);
                out.push(b'[');
            } else {
                out.push(b',');
            }
            self.encode_row(row, columns, &mut out)?;
            self.check_size(out.len())
        })?;
        match columns {
            Some(columns) => {
                out.push(b']');
                columns.remember(out.len());
            }
            None => out.extend_from_slice(b"[]"),
        }
        Ok(out)
    }

    /// Runs a query of which the first row alone is wanted; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`RowsJson::query`].
    pub fn query_one<P: Params>(&self, conn: &Conn, sql: &str, params: P) -> Result<Option<Vec<u8>>, RowsError> {
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let columns = self.columns_of(sql, row.as_ref());
        let mut out = Vec::with_capacity(256);
        self.encode_row(row, &columns, &mut out)?;
        self.check_size(out.len())?;
        Ok(Some(out))
    }

    /// Runs a query and hands its rows on in chunks of about `chunk_bytes`, which together are one array: constant memory, however
    /// many rows there are. `send` returns whether to go on.
    ///
    /// When an error ends the rows early the array is never closed, so that what was sent cannot be taken for the whole.
    ///
    /// # Errors
    ///
    /// As [`RowsJson::query`]; [`RowsJson::max_bytes`] bounds each row and not the whole.
    pub fn query_chunks<P: Params>(
        &self,
        conn: &Conn,
        sql: &str,
        params: P,
        chunk_bytes: usize,
        mut send: impl FnMut(Vec<u8>) -> bool,
    ) -> Result<(), RowsError> {
        let mut chunk = Vec::with_capacity(chunk_bytes + 1024);
        chunk.push(b'[');
        let mut is_first = true;
        let mut is_wanted = true;
        self.encode_rows(&mut *conn.prepare_cached(sql)?, sql, params, |row, columns| {
            if !std::mem::take(&mut is_first) {
                chunk.push(b',');
            }
            let start = chunk.len();
            self.encode_row(row, columns, &mut chunk)?;
            self.check_size(chunk.len() - start)?;
            if chunk.len() >= chunk_bytes {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(chunk_bytes + 1024));
                is_wanted = send(full);
            }
            if is_wanted { Ok(()) } else { Err(RowsError::Stopped) }
        })?;
        chunk.push(b']');
        send(chunk);
        Ok(())
    }

    fn encode_rows<P: Params>(
        &self,
        statement: &mut Statement<'_>,
        sql: &str,
        params: P,
        mut each: impl FnMut(&Row<'_>, &Columns) -> Result<(), RowsError>,
    ) -> Result<Option<Arc<Columns>>, RowsError> {
        let mut rows = statement.query(params)?;
        let Some(first) = rows.next()? else {
            return Ok(None);
        };
        // After the first step: SQLite may have prepared the statement anew, with other columns.
        let columns = self.columns_of(sql, first.as_ref());
        each(first, &columns)?;
        while let Some(row) = rows.next()? {
            each(row, &columns)?;
        }
        Ok(Some(columns))
    }

    fn columns_of(&self, sql: &str, statement: &Statement<'_>) -> Arc<Columns> {
        let names = || (0..statement.column_count()).map(|index| statement.column_name(index).unwrap_or(""));
        self.columns(sql, |known| known.are(names()), |shape| Columns::new(names(), shape))
    }

    #[inline]
    fn encode_row(&self, row: &Row<'_>, columns: &Columns, out: &mut Vec<u8>) -> Result<(), RowsError> {
        columns.write_row(out, |index, out| {
            match row.get_ref(index)? {
                ValueRef::Null => out.extend_from_slice(b"null"),
                // Numbers always encode, and a vector takes all.
                ValueRef::Integer(number) => drop(covet_json::to_buf(out, &number)),
                ValueRef::Real(number) => drop(covet_json::to_buf(out, &number)),
                ValueRef::Text(text) => match std::str::from_utf8(text) {
                    Ok(text) => write_str(out, text),
                    Err(_) => return Err(RowsError::NotUtf8 { column: columns.name(index).into() }),
                },
                ValueRef::Blob(blob) if write_blob(out, blob, self.blobs) => {}
                ValueRef::Blob(_) => return Err(RowsError::Blob { column: columns.name(index).into() }),
            }
            Ok(())
        })
    }
}
