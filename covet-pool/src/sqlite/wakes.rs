//! Waking several callers at a time.
//!
//! A caller that is woken by itself costs two switches of context: its runtime's thread wakes up, finds one task, and sleeps
//! again. Ten that are woken together cost little more. So a reader's thread keeps the wakers of those that it has served back
//! for a moment, which [`RUN`] and [`DELAY`] bound, and which ends before anything that may last: see `readers.rs`. A statement
//! that unexpectedly goes on and on wakes them in passing, from SQLite's progress handler.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;
use std::time::{Duration, Instant};

/// The most that are kept back.
const RUN: usize = 32;
/// The longest, as long as closures are as short as they used to be.
const DELAY: Duration = Duration::from_micros(100);

struct Kept {
    wakers: Vec<Waker>,
    since: Option<Instant>,
}

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept { wakers: Vec::new(), since: None }) };
}

/// Keeps a waker back, at a moment of which the caller knows what time it is.
pub(super) fn keep(waker: Waker, now: Instant) {
    let full = KEPT.with_borrow_mut(|kept| {
        kept.wakers.push(waker);
        let since = *kept.since.get_or_insert(now);
        kept.wakers.len() >= RUN || now.duration_since(since) >= DELAY
    });
    if full {
        flush();
    }
}

/// Wakes all that this thread has kept back.
pub(super) fn flush() {
    loop {
        // One by one, because waking is foreign code, which may come back here.
        let waker = KEPT.with_borrow_mut(|kept| {
            kept.since = None;
            kept.wakers.pop()
        });
        let Some(waker) = waker else { return };
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}
