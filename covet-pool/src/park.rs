//! Waiting on a thread: a waker that unparks it.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

/// Lends out this thread's waker.
pub(crate) fn with_waker<R>(f: impl FnOnce(&Waker) -> R) -> R {
    let waker = WAKER.try_with(Waker::clone).unwrap_or_else(|_| Waker::from(Arc::new(Unpark(thread::current()))));
    f(&waker)
}

/// Sleeps until woken or until the given moment. Returns whether that moment has passed. Wakes up early at times.
pub(crate) fn until(end: Option<Instant>) -> bool {
    let Some(end) = end else {
        thread::park();
        return false;
    };
    match end.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => {
            thread::park_timeout(left);
            false
        }
        _ => true,
    }
}
