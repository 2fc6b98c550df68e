//! A call on its way between its caller, thread or task, and the thread that runs it.
//!
//! One lock orders everything that matters: a caller that goes away while its read runs interrupts it under the lock, and the
//! runner ends the call under the lock. So an interrupt hits the call that it was meant for, or nothing.

use super::conn::Stop;
use super::error::{Error, Result};
use crate::error::{PoolError, Timeout};
use crate::park::Parking;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// How a closure ended: its result, or its panic.
pub(super) type Outcome<T> = thread::Result<Result<T>>;

enum Stage<T> {
    Queued(Option<Waker>),
    /// With what stops it, if it may be stopped.
    Running(Option<Waker>, Option<Arc<Stop>>),
    Done(Outcome<T>),
    /// The caller has its result, or went away.
    Gone {
        interrupted: bool,
    },
}

struct Slot<T>(Mutex<Stage<T>>);

/// The runner's end.
pub(super) struct Ticket<T>(Arc<Slot<T>>);

/// The caller's end: a future; dropping it takes the call back as far as that is possible.
pub(super) struct Pending<T>(Arc<Slot<T>>);

pub(super) fn call<T>() -> (Ticket<T>, Pending<T>) {
    let slot = Arc::new(Slot(Mutex::new(Stage::Queued(None))));
    (Ticket(Arc::clone(&slot)), Pending(slot))
}

impl<T> Ticket<T> {
    /// Whether nobody waits for the result any more.
    pub(super) fn is_gone(&self) -> bool {
        matches!(&*self.0.0.lock(), Stage::Gone { .. })
    }

    /// The closure is about to run. False if the caller has gone: then it must not.
    pub(super) fn begin(&self, stop: Option<&Arc<Stop>>) -> bool {
        let mut stage = self.0.0.lock();
        match &mut *stage {
            Stage::Queued(waker) => {
                *stage = Stage::Running(waker.take(), stop.cloned());
                true
            }
            Stage::Running(..) => true,
            Stage::Done(_) | Stage::Gone { .. } => false,
        }
    }

    /// The result, and the caller is woken. For calls that are never interrupted.
    pub(super) fn finish(&self, outcome: Outcome<T>) {
        if let (Some(waker), _) = self.finish_unheard(outcome) {
            waker.wake();
        }
    }

    /// The result. Returns who is to be woken, and whether the call was interrupted, in which case the connection has to be
    /// made clean.
    pub(super) fn finish_unheard(&self, outcome: Outcome<T>) -> (Option<Waker>, bool) {
        let mut stage = self.0.0.lock();
        let waker = match &mut *stage {
            Stage::Queued(waker) | Stage::Running(waker, _) => waker.take(),
            Stage::Done(_) => None,
            Stage::Gone { interrupted } => {
                let interrupted = *interrupted;
                drop(stage);
                // The value's own business, on a thread that others need.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(outcome)));
                return (None, interrupted);
            }
        };
        *stage = Stage::Done(outcome);
        (waker, false)
    }
}

impl<T> Drop for Ticket<T> {
    /// A call that nobody will run: the pool was closed, or its thread is gone.
    fn drop(&mut self) {
        let open = matches!(&*self.0.0.lock(), Stage::Queued(_) | Stage::Running(..));
        if open {
            self.finish(Ok(Err(Error::closed())));
        }
    }
}

impl<T> Pending<T> {
    /// Waits on this thread; the limit holds until the closure begins to run.
    pub(super) fn wait(mut self, limit: Option<Duration>) -> Result<T> {
        let since = Instant::now();
        let mut end = limit.and_then(|limit| since.checked_add(limit));
        Parking::lend(|parking| {
            let mut cx = Context::from_waker(parking.waker());
            loop {
                if let Poll::Ready(result) = Pin::new(&mut self).poll(&mut cx) {
                    return result;
                }
                if parking.wait(end) {
                    if self.withdraw() {
                        return Err(timed_out(since.elapsed()));
                    }
                    end = None;
                }
            }
        })
    }

    /// Takes the call back if it has not begun.
    fn withdraw(&self) -> bool {
        let mut stage = self.0.0.lock();
        let queued = matches!(&*stage, Stage::Queued(_));
        if queued {
            *stage = Stage::Gone { interrupted: false };
        }
        queued
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        let mut stage = self.0.0.lock();
        match &mut *stage {
            Stage::Queued(waker) | Stage::Running(waker, _) => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            Stage::Gone { .. } => Poll::Pending,
            Stage::Done(_) => {
                let Stage::Done(outcome) = std::mem::replace(&mut *stage, Stage::Gone { interrupted: false }) else {
                    return Poll::Pending;
                };
                drop(stage);
                match outcome {
                    Ok(result) => Poll::Ready(result),
                    Err(panic) => resume_unwind(panic),
                }
            }
        }
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        let mut stage = self.0.0.lock();
        let interrupted = match &*stage {
            Stage::Running(_, Some(stop)) => {
                stop.stop();
                true
            }
            Stage::Gone { .. } => return,
            _ => false,
        };
        let old = std::mem::replace(&mut *stage, Stage::Gone { interrupted });
        drop(stage);
        drop(old);
    }
}

/// The error of a caller whose turn did not come in time.
pub(super) fn timed_out(waited: Duration) -> Error {
    Error::Pool(PoolError::Timeout(Timeout { waited, ..Timeout::default() }))
}
