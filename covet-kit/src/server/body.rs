//! Bodies on their way through the server: a request's, which must not stall, and a response's, whose end is the request's end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use super::activity::Activity;

pin_project! {
    /// The body of a request. It ends with [`BodyError::Stalled`] when its next piece takes longer than
    /// [`Server::body_timeout`](super::Server::body_timeout); its size is not limited here.
    pub struct RequestBody {
        #[pin]
        incoming: Incoming,
        timeout: Duration,
        // Set only while a piece is awaited: a body that is there costs no timer.
        #[pin]
        waiting: Option<Sleep>,
    }
}

/// Why a request's body ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// No piece came within the time limit.
    Stalled,
    /// The connection failed, or the client broke the protocol.
    Connection(hyper::Error),
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, timeout: Duration) -> Self {
        Self { incoming, timeout, waiting: None }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut this = self.project();
        if let Poll::Ready(frame) = this.incoming.poll_frame(cx) {
            this.waiting.set(None);
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Connection)));
        }
        if this.waiting.is_none() {
            this.waiting.set(Some(sleep(*this.timeout)));
        }
        match this.waiting.as_mut().as_pin_mut().map(|waiting| waiting.poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Some(Err(BodyError::Stalled))),
            _ => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("size_hint", &self.incoming.size_hint()).finish_non_exhaustive()
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stalled => f.write_str("the request's body stalled"),
            Self::Connection(_) => f.write_str("the request's body was cut off"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Stalled => None,
            Self::Connection(error) => Some(error),
        }
    }
}

/// Counts a request as in flight until it is dropped.
pub(super) struct InFlight(Arc<Activity>);

impl InFlight {
    pub(super) fn begin(activity: &Arc<Activity>, http2: bool) -> Self {
        activity.request_began(http2);
        Self(activity.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.request_ended();
    }
}

pin_project! {
    /// A response's body; the request is in flight until it is dropped.
    pub(super) struct Tracked<B> {
        #[pin]
        body: B,
        in_flight: InFlight,
    }
}

impl<B> Tracked<B> {
    pub(super) fn new(body: B, in_flight: InFlight) -> Self {
        Self { body, in_flight }
    }
}

impl<B: Body> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
