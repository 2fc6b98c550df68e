//! Reading along: what the bytes between driver and server say about the state of a session.
//!
//! The driver does not tell whether a transaction is open, and its requests are queued where nobody can see them. But every
//! byte passes through the stream that it is given, and that stream is ours. It walks over the headers of the messages,
//! never over their contents, and notes three things: how many answers are still owed, in which transaction state the
//! last one left the session, and whether the session's prepared statements were thrown away. So it does not matter who
//! ran a `BEGIN`, and how: a method of `Conn`, a batch of statements or the bare driver.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// The state of a session's transaction, as the server reported it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    /// No transaction is open: each statement commits by itself.
    Idle,
    /// A transaction is open.
    Open,
    /// A transaction is open and has failed: the server refuses everything until it is rolled back.
    Failed,
}

/// What is known of one connection. Written by the task that moves its bytes, read by everybody.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// Requests written for which the server owes a "ready for query".
    asked: AtomicU64,
    /// The tag of the last of them.
    last_asked: AtomicU8,
    /// Those that have come.
    answered: AtomicU64,
    /// The last one's transaction state; zero before the first.
    status: AtomicU8,
    /// How often the session's prepared statements were thrown away.
    forgotten: AtomicU32,
    /// Whether the last command that completed was a rollback.
    rolled_back: AtomicBool,
    /// The bytes made no sense, so nothing is known.
    lost: AtomicBool,
    closed: AtomicBool,
    /// Those who wait for all answers: nobody is woken unless somebody is there.
    waiting: AtomicUsize,
    settled: Notify,
}

impl Wire {
    pub(super) fn status(&self) -> TransactionStatus {
        match self.status.load(Ordering::Acquire) {
            b'I' => TransactionStatus::Idle,
            b'T' => TransactionStatus::Open,
            _ => TransactionStatus::Failed,
        }
    }

    /// Whether no answer is owed and no transaction is open.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_settled() && self.status.load(Ordering::Acquire) == b'I' && !self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn is_settled(&self) -> bool {
        self.answered.load(Ordering::SeqCst) >= self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn forgotten(&self) -> u32 {
        self.forgotten.load(Ordering::Acquire)
    }

    pub(super) fn last_rolled_back(&self) -> bool {
        self.rolled_back.load(Ordering::Acquire)
    }

    /// Waits until every request that has been written is answered, or the connection is gone.
    pub(super) async fn settle(&self) {
        if self.is_settled() {
            return;
        }
        let _leave = self.enter();
        loop {
            let mut woken = std::pin::pin!(self.settled.notified());
            woken.as_mut().enable();
            if self.is_settled() || self.closed.load(Ordering::SeqCst) {
                return;
            }
            woken.await;
        }
    }

    fn enter(&self) -> impl Drop + '_ {
        struct Leave<'w>(&'w Wire);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.waiting.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Leave(self)
    }

    fn sent(&self, tag: u8) {
        // Query, Sync, FunctionCall; and the first message, which has no tag.
        if matches!(tag, b'Q' | b'S' | b'F' | 0) {
            self.last_asked.store(tag, Ordering::Relaxed);
            self.asked.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn received(&self, tag: u8, body: &[u8]) {
        match tag {
            b'Z' => {
                self.status.store(body.first().copied().unwrap_or(0), Ordering::Release);
                self.answered.fetch_add(1, Ordering::SeqCst);
                self.wake();
            }
            b'C' => {
                self.rolled_back.store(body.starts_with(b"ROLLBACK"), Ordering::Release);
                if body.starts_with(b"DISCARD ALL") || body.starts_with(b"DEALLOCATE ALL") {
                    self.forgotten.fetch_add(1, Ordering::AcqRel);
                }
            }
            // Data are awaited. The driver has sent a "sync" with the request, which the server ignores in this state; it sends
            // another behind the data. If it was a batch of statements that asked for data, none will ever come.
            b'G' if self.last_asked.load(Ordering::Relaxed) == b'S' => {
                self.answered.fetch_add(1, Ordering::SeqCst);
            }
            b'G' | b'W' => self.lose(),
            _ => {}
        }
    }

    fn wake(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.settled.notify_waiters();
        }
    }

    fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake();
    }
}

/// As much of a message's body as is ever looked at.
const GLANCE: usize = 15;

/// A walk over the messages of one direction, in whatever pieces they come.
#[derive(Debug)]
struct Walk {
    /// Whether the next message begins with a tag; the very first one of a client does not.
    tagged: bool,
    head: [u8; 5],
    have: usize,
    /// Bytes of the body still to come.
    left: usize,
    glance: [u8; GLANCE],
    seen: usize,
}

impl Walk {
    fn new(tagged: bool) -> Self {
        Self { tagged, head: [0; 5], have: usize::from(!tagged), left: 0, glance: [0; GLANCE], seen: 0 }
    }

    /// Calls `on` with the tag and the beginning of the body of each message that is complete. Returns whether the lengths
    /// make sense.
    fn feed(&mut self, mut bytes: &[u8], mut on: impl FnMut(u8, &[u8])) -> bool {
        loop {
            if self.have < 5 {
                let part = bytes.len().min(5 - self.have);
                self.head[self.have..self.have + part].copy_from_slice(&bytes[..part]);
                self.have += part;
                bytes = &bytes[part..];
                if self.have < 5 {
                    return true;
                }
                let length = u32::from_be_bytes([self.head[1], self.head[2], self.head[3], self.head[4]]);
                let Some(left) = length.checked_sub(4) else { return false };
                self.left = left as usize;
                self.seen = 0;
            }
            let part = bytes.len().min(self.left);
            let glance = part.min(GLANCE - self.seen);
            self.glance[self.seen..self.seen + glance].copy_from_slice(&bytes[..glance]);
            self.seen += glance;
            self.left -= part;
            bytes = &bytes[part..];
            if self.left > 0 {
                return true;
            }
            on(if self.tagged { self.head[0] } else { 0 }, &self.glance[..self.seen]);
            self.tagged = true;
            self.have = 0;
        }
    }
}

/// A stream that reads along.
#[derive(Debug)]
pub(super) struct Tap<S> {
    stream: S,
    wire: std::sync::Arc<Wire>,
    from_server: Walk,
    from_client: Walk,
}

impl<S> Tap<S> {
    pub(super) fn new(stream: S, wire: std::sync::Arc<Wire>) -> Self {
        Self { stream, wire, from_server: Walk::new(true), from_client: Walk::new(false) }
    }

    #[cfg(feature = "postgres-tls")]
    pub(super) fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S> Drop for Tap<S> {
    fn drop(&mut self) {
        self.wire.close();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = polled {
            let wire = &*this.wire;
            let fresh = buf.filled().get(before..).unwrap_or_default();
            if !this.from_server.feed(fresh, |tag, body| wire.received(tag, body)) {
                wire.lose();
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            let wire = &*this.wire;
            let fresh = bytes.get(..written).unwrap_or(bytes);
            if !this.from_client.feed(fresh, |tag, _| wire.sent(tag)) {
                wire.lose();
            }
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use proptest::prelude::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        bytes.extend((body.len() as u32 + 4).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_session_is_followed() {
        let wire = Wire::default();
        let (mut client, mut server) = (Walk::new(false), Walk::new(true));
        assert!(client.feed(&[0, 0, 0, 8, 0, 3, 0, 0], |tag, _| wire.sent(tag)));
        assert!(!wire.is_settled());
        let mut hear = |bytes: &[u8]| assert!(server.feed(bytes, |tag, body| wire.received(tag, body)));
        hear(&message(b'R', &[0; 4]));
        hear(&message(b'Z', b"I"));
        assert!(wire.is_quiet());

        let batch = [message(b'B', b"bind"), message(b'E', b"run"), message(b'S', b"")].concat();
        assert!(client.feed(&batch, |tag, _| wire.sent(tag)));
        assert!(!wire.is_settled());
        hear(&[message(b'2', b""), message(b'D', &[7; 5000]), message(b'C', b"BEGIN\0")].concat());
        hear(&message(b'Z', b"T"));
        assert!(wire.is_settled() && !wire.is_quiet());
        assert_eq!(wire.status(), TransactionStatus::Open);

        hear(&message(b'C', b"ROLLBACK\0"));
        assert!(wire.last_rolled_back());
        hear(&message(b'C', b"DISCARD ALL\0"));
        hear(&message(b'C', b"DEALLOCATE ALL\0"));
        hear(&message(b'C', b"DEALLOCATE\0"));
        assert_eq!(wire.forgotten(), 2);
    }

    #[test]
    fn nonsense_is_noticed() {
        let mut walk = Walk::new(true);
        assert!(!walk.feed(&[b'Z', 0, 0, 0, 3, b'I'], |_, _| panic!("no message")));
    }

    proptest! {
        /// However the bytes are cut, the same messages come out.
        #[test]
        fn pieces_do_not_matter(
            messages in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..20),
            cuts in prop::collection::vec(1..30usize, 1..20),
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|(tag, body)| message(*tag, body)).collect();
            let mut seen = Vec::new();
            let (mut walk, mut rest, mut cuts) = (Walk::new(true), &bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (head, tail) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                prop_assert!(walk.feed(head, |tag, body| seen.push((tag, body.to_vec()))));
                rest = tail;
            }
            let expected: Vec<_> =
                messages.iter().map(|(tag, body)| (*tag, body[..body.len().min(GLANCE)].to_vec())).collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
