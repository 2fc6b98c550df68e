//! Elements out of an asynchronous stream of chunks, such as the body of a request.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;

use super::Feed;
use crate::error::{Error, Result};

/// What a stream of chunks may yield: bytes, or a result of them.
pub trait Chunk {
    /// The bytes.
    type Bytes: AsRef<[u8]>;

    /// The bytes, or why there are none.
    ///
    /// # Errors
    ///
    /// The stream failed; [`Error::is_io`](crate::Error::is_io) then holds for what [`Elements`] yields.
    fn into_chunk(self) -> io::Result<Self::Bytes>;
}

impl Chunk for Bytes {
    type Bytes = Bytes;

    fn into_chunk(self) -> io::Result<Bytes> {
        Ok(self)
    }
}

impl Chunk for Vec<u8> {
    type Bytes = Vec<u8>;

    fn into_chunk(self) -> io::Result<Vec<u8>> {
        Ok(self)
    }
}

impl<B: AsRef<[u8]>, E: Into<Box<dyn StdError + Send + Sync>>> Chunk for std::result::Result<B, E> {
    type Bytes = B;

    fn into_chunk(self) -> io::Result<B> {
        self.map_err(io::Error::other)
    }
}

pin_project! {
    /// A stream of elements, decoded by a [`Feed`] from a stream of chunks.
    ///
    /// ```
    /// use covet_json::stream::{Elements, Feed};
    ///
    /// async fn sum<S>(body: S) -> Result<u64, covet_json::Error>
    /// where
    ///     S: futures_core::Stream<Item = Result<bytes::Bytes, std::io::Error>>,
    /// {
    ///     let mut elements = std::pin::pin!(Elements::new(body, Feed::<u64>::array()));
    ///     let mut sum = 0;
    ///     // `futures_util::StreamExt::next` is shorter.
    ///     while let Some(element) = std::future::poll_fn(|cx| {
    ///         futures_core::Stream::poll_next(elements.as_mut(), cx)
    ///     }).await {
    ///         sum += element?;
    ///     }
    ///     Ok(sum)
    /// }
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Elements<S, T> {
        #[pin]
        chunks: S,
        feed: Feed<T>,
        ended: bool,
    }
}

impl<S, T> Elements<S, T> {
    /// Elements that `feed` finds in `chunks`.
    pub fn new(chunks: S, feed: Feed<T>) -> Elements<S, T> {
        Elements { chunks, feed, ended: false }
    }
}

impl<S, T> Stream for Elements<S, T>
where
    S: Stream,
    S::Item: Chunk,
    T: DeserializeOwned,
{
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        let mut this = self.project();
        loop {
            if let Some(element) = this.feed.pull() {
                *this.ended |= element.is_err();
                return Poll::Ready(Some(element));
            }
            if *this.ended {
                return Poll::Ready(None);
            }
            let pushed = match ready!(this.chunks.as_mut().poll_next(cx)) {
                Some(chunk) => chunk.into_chunk().map_err(Error::io).and_then(|bytes| this.feed.push(bytes.as_ref())),
                None => {
                    this.feed.finish();
                    *this.ended = true;
                    continue;
                }
            };
            if let Err(error) = pushed {
                *this.ended = true;
                this.feed.abandon();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}
