//! Rows as they come.

use super::conn::Pending;
use super::error::Result;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio_postgres::{Row, RowStream};

/// The rows of a query, one by one. Made by [`Conn::query_stream`](super::Conn::query_stream).
///
/// It is a [`Stream`]; [`next`](Self::next) needs no other crate. Dropping it early is safe: the connection goes to nobody
/// before the rest has come or has been cancelled.
#[must_use = "rows are not read unless they are asked for"]
pub struct Rows<'c> {
    stream: Pin<Box<RowStream>>,
    /// Until the last row has come.
    pending: Option<Pending<'c>>,
}

impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("finished", &self.pending.is_none()).finish_non_exhaustive()
    }
}

impl<'c> Rows<'c> {
    pub(super) fn new(stream: RowStream, pending: Pending<'c>) -> Self {
        Self { stream: Box::pin(stream), pending: Some(pending) }
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    ///
    /// The server's, and those of a connection that is lost.
    pub async fn next(&mut self) -> Option<Result<Row>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// How many rows the statement changed or read, once the last has come.
    pub fn rows_affected(&self) -> Option<u64> {
        self.stream.rows_affected()
    }
}

impl Stream for Rows<'_> {
    type Item = Result<Row>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Row>>> {
        let this = self.get_mut();
        if this.pending.is_none() {
            return Poll::Ready(None);
        }
        let next = ready!(this.stream.as_mut().poll_next(cx));
        match &next {
            Some(Ok(_)) => {}
            // What the server says after an error is still on its way: the connection is looked after on its return.
            Some(Err(_)) => drop(this.pending.take()),
            None => {
                if let Some(pending) = this.pending.take() {
                    pending.done();
                }
            }
        }
        Poll::Ready(next.map(|row| row.map_err(Into::into)))
    }
}
