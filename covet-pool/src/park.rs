//! Waiting on a thread: a waker that unparks it.
//!
//! A hand-over usually comes after a few microseconds, which is less than it costs to put a thread to sleep and to wake it. So a
//! waiting thread first yields the processor a few times: to the one that holds what it waits for, as likely as not.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// How often a waiting thread yields before it sleeps.
const YIELDS: u32 = 16;

const AWAKE: u8 = 0;
const NOTIFIED: u8 = 1;
const ASLEEP: u8 = 2;

struct Parker {
    thread: Thread,
    state: AtomicU8,
}

impl Parker {
    fn notify(&self) {
        // The thread's own token would do for correctness; the state saves the system call while it is still awake.
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == ASLEEP {
            self.thread.unpark();
        }
    }

    /// Takes a notification if there is one.
    fn notified(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NOTIFIED
            && self.state.compare_exchange(NOTIFIED, AWAKE, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn wait(&self, end: Option<Instant>) -> bool {
        for _ in 0..YIELDS {
            if self.notified() {
                return false;
            }
            thread::yield_now();
        }
        if self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return !self.notified();
        }
        let over = sleep(end);
        // Awake again, for whatever reason; a notification that came in between is taken by looking, not by waiting.
        self.state.swap(AWAKE, Ordering::AcqRel);
        over
    }
}

/// Sleeps until unparked or until the given moment. Returns whether that moment has passed.
fn sleep(end: Option<Instant>) -> bool {
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

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}

/// A parker of this thread, as itself and as a waker.
pub(crate) struct Parking {
    parker: Arc<Parker>,
    waker: Waker,
}

thread_local! {
    /// The last one, for the next wait. Two waits of one thread (one inside the other's connect) never share one, or the
    /// inner could take the outer's notification.
    static LAST: Cell<Option<Parking>> = const { Cell::new(None) };
}

impl Parking {
    fn new() -> Self {
        let parker = Arc::new(Parker { thread: thread::current(), state: AtomicU8::new(AWAKE) });
        Self { waker: Waker::from(Arc::clone(&parker)), parker }
    }

    /// Lends one of this thread's to a wait.
    pub(crate) fn lend<R>(wait: impl FnOnce(&Self) -> R) -> R {
        let parking = LAST.try_with(Cell::take).ok().flatten().unwrap_or_else(Self::new);
        let result = wait(&parking);
        // When the thread is on its way out there is nowhere to keep it.
        let _ = LAST.try_with(|last| last.set(Some(parking)));
        result
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Waits until woken or until the given moment. Returns whether that moment has passed. Wakes up early at times.
    pub(crate) fn wait(&self, end: Option<Instant>) -> bool {
        self.parker.wait(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_wake_before_during_or_after_falling_asleep_is_never_lost() {
        for delay in [0_u64, 0, 1, 20, 200, 2000] {
            for _ in 0..20 {
                let other = Parking::lend(|parking| {
                    let waker = parking.waker().clone();
                    let done = Arc::new(AtomicU8::new(0));
                    let flag = Arc::clone(&done);
                    let other = thread::spawn(move || {
                        thread::sleep(Duration::from_micros(delay));
                        flag.store(1, Ordering::SeqCst);
                        waker.wake();
                    });
                    while done.load(Ordering::SeqCst) == 0 {
                        assert!(!parking.wait(Instant::now().checked_add(Duration::from_secs(60))), "a wake was lost");
                    }
                    other
                });
                other.join().unwrap();
            }
        }
    }

    #[test]
    fn the_moment_comes() {
        let end = Instant::now() + Duration::from_millis(20);
        while !Parking::lend(|parking| parking.wait(Some(end))) {}
        assert!(Instant::now() >= end);
    }
}
