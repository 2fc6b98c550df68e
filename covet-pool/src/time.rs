//! Time limits for futures, where there is a timer; without one a limit never strikes.

#[cfg(feature = "tokio")]
use std::pin::Pin;
use std::pin::pin;
use std::task::{Context, Poll};

/// Something that strikes once.
#[cfg(feature = "tokio")]
#[derive(Debug)]
pub(crate) struct Alarm(pub(crate) Pin<Box<tokio::time::Sleep>>);

/// Something that strikes once; without a timer there is none.
#[cfg(not(feature = "tokio"))]
#[derive(Debug)]
pub(crate) enum Alarm {}

impl Alarm {
    #[cfg(feature = "tokio")]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }

    #[cfg(not(feature = "tokio"))]
    pub(crate) fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        match *self {}
    }
}

/// Runs a future until it is ready or the alarm strikes; `None` if the alarm came first.
pub(crate) async fn limited<F: Future>(mut alarm: Option<Alarm>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(move |cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        match &mut alarm {
            Some(alarm) => alarm.poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}
