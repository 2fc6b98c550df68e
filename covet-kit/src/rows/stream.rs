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

struct Chunks(mpsc::Receiver<Result<Bytes, RowsError>>);

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = RowsError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, RowsError>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
