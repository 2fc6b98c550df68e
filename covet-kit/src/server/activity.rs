//! What a connection is doing, as far as its time limits need to know. Shared by the stream (which sees bytes), the service (which
//! sees requests) and the watchdog (which decides).

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// All times are milliseconds since `opened`, plus one; zero means never. One connection's tasks run one after another or hand over
/// through the runtime, so relaxed orderings are enough: a reading that is late by one event moves a time limit by that event.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Requests whose response has not been sent to its end.
    in_flight: AtomicUsize,
    /// Whether any request has come.
    greeted: AtomicBool,
    /// HTTP/2 clients send frames between requests (pings, settings), which are no request's head.
    http2: AtomicBool,
    /// When the last request ended.
    quiet_since: AtomicU64,
    /// When the first byte of the next request's head came.
    head_since: AtomicU64,
    /// A request began or ended: the watchdog's deadline has moved.
    changed: Notify,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            opened: Instant::now(),
            in_flight: AtomicUsize::new(0),
            greeted: AtomicBool::new(false),
            http2: AtomicBool::new(false),
            quiet_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            changed: Notify::new(),
        }
    }

    /// Bytes have come.
    pub(super) fn received(&self) {
        if self.in_flight.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(self.now(), Ordering::Relaxed);
            self.changed.notify_one();
        }
    }

    pub(super) fn request_began(&self, http2: bool) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.greeted.store(true, Ordering::Relaxed);
        self.http2.store(http2, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        self.changed.notify_one();
    }

    pub(super) fn request_ended(&self) {
        self.quiet_since.store(self.now(), Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Completes when the connection has outstayed its time between requests.
    pub(super) async fn outstayed(&self, header_timeout: Duration, idle_timeout: Duration) {
        loop {
            let Some(deadline) = self.deadline(header_timeout, idle_timeout) else {
                self.changed.notified().await;
                continue;
            };
            if Instant::now() >= deadline {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// When the connection is to be closed if nothing happens; never while a request is in flight.
    fn deadline(&self, header_timeout: Duration, idle_timeout: Duration) -> Option<Instant> {
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let head_since = self.head_since.load(Ordering::Relaxed);
        if !self.greeted.load(Ordering::Relaxed) {
            return Some(self.instant(head_since) + header_timeout);
        }
        if head_since != 0 && !self.http2.load(Ordering::Relaxed) {
            return Some(self.instant(head_since) + header_timeout);
        }
        Some(self.instant(self.quiet_since.load(Ordering::Relaxed)) + idle_timeout)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn instant(&self, time: u64) -> Instant {
        self.opened + Duration::from_millis(time.saturating_sub(1))
    }
}
