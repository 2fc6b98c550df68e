//! Large results as a response's body, in constant memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use covet_pool::sqlite::SqlitePool;
use covet_pool::sqlite::rusqlite::Params;
use http_body::{Body as HttpBody, Frame};
use tokio::sync::mpsc;

use super::{RowsError, RowsJson};
use crate::service::Body;

/// Chunks that may wait for the client.
const AHEAD: usize = 4;
const CHUNK_BYTES: usize = 64 << 10;

impl RowsJson {
    /// All rows of a query as one array, sent in chunks while they are read: memory stays at a few chunks, however many rows there are.
    ///
    /// The query runs on a reader's own thread, which waits when the client is slow, and holds its connection (and its view of the data)
    /// until the body ends; the server's write time limit bounds that. Dropping the body stops it. An error after the first chunk
    /// cuts the response off, so that the client sees it as incomplete; it is also handed to `on_error`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn stream<P>(
        &self,
        db: &SqlitePool,
        sql: &'static str,
        params: P,
        on_error: impl FnOnce(&RowsError) + Send + 'static,
    ) -> Body
    where
        P: Params + Send + 'static,
    {
        let (sender, chunks) = mpsc::channel(AHEAD);
        let (db, rows, failed) = (db.clone(), self.clone(), sender.clone());
        tokio::spawn(async move {
            let read = db.read_async(move |conn| {
                Ok(rows.query_chunks(conn, sql, params, CHUNK_BYTES, |chunk| {
                    sender.blocking_send(Ok(Bytes::from(chunk))).is_ok()
                }))
            });
            let outcome = read.await.unwrap_or_else(|error| Err(error.into()));
            if let Err(error) = outcome
                && !matches!(error, RowsError::Stopped)
            {
                on_error(&error);
                let _ = failed.send(Err(error)).await;
            }
        });
        Body::new(Chunks(chunks))
    }
}

#[cfg(feature = "postgres")]
impl RowsJson {
    /// As [`RowsJson::stream`], on PostgreSQL: the server sends rows no faster than the client takes them.
    ///
    /// The connection is held until the body ends; the server's write time limit bounds that. Dropping the body stops the query.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn stream_postgres(
        &self,
        pool: &covet_pool::Pool<covet_pool::postgres::Postgres>,
        sql: &'static str,
        params: Vec<Box<dyn covet_pool::postgres::types::ToSql + Sync + Send>>,
        on_error: impl FnOnce(&RowsError) + Send + 'static,
    ) -> Body {
        let (sender, chunks) = mpsc::channel(AHEAD);
        let (pool, rows) = (pool.clone(), self.clone());
        tokio::spawn(async move {
            match rows.send_postgres(&pool, sql, &params, &sender).await {
                Ok(()) | Err(RowsError::Stopped) => {}
                Err(error) => {
                    on_error(&error);
                    let _ = sender.send(Err(error)).await;
                }
            }
        });
        Body::new(Chunks(chunks))
    }

    async fn send_postgres(
        &self,
        pool: &covet_pool::Pool<covet_pool::postgres::Postgres>,
        sql: &str,
        params: &[Box<dyn covet_pool::postgres::types::ToSql + Sync + Send>],
        sender: &mpsc::Sender<Result<Bytes, RowsError>>,
    ) -> Result<(), RowsError> {
        let conn = pool.get().await.map_err(covet_pool::postgres::Error::from)?;
        let params: Vec<&(dyn covet_pool::postgres::types::ToSql + Sync)> =
            params.iter().map(|param| &**param as _).collect();
        let mut rows = conn.query_stream(sql, &params).await?;
        let mut columns = None;
        let mut chunk = vec![b'['];
        while let Some(row) = rows.next().await {
            let row = row?;
            let columns = match &mut columns {
                None => columns.insert(self.columns_of_row(sql, &row)),
                Some(columns) => {
                    chunk.push(b',');
                    columns
                }
            };
            let start = chunk.len();
            self.encode_postgres_row(&row, columns, &mut chunk)?;
            self.check_size(chunk.len() - start)?;
            if chunk.len() >= CHUNK_BYTES {
                let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_BYTES + 1024));
                sender.send(Ok(full.into())).await.map_err(|_| RowsError::Stopped)?;
            }
        }
        chunk.push(b']');
        sender.send(Ok(chunk.into())).await.map_err(|_| RowsError::Stopped)
    }
}

struct Chunks(mpsc::Receiver<Result<Bytes, RowsError>>);

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = RowsError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, RowsError>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
