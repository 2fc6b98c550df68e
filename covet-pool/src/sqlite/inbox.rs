//! What the queues in front of the readers and of the writer have in common: who is let in, how one waits for the end of all
//! that was let in, and which of those who wait have waited too long.

use super::call::timed_out;
use super::error::{Error, Result};
use crate::clock;
use crate::error::PoolError;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A job whose caller may go away.
pub(super) trait Call {
    fn is_gone(&self) -> bool;
}

/// A job and when it came, on the coarse clock.
pub(super) struct Waiting<J> {
    pub(super) job: J,
    since: u64,
}

impl<J> Waiting<J> {
    pub(super) fn waited(&self) -> Duration {
        Duration::from_millis(clock::coarse().saturating_sub(self.since))
    }

    /// What to tell a caller who has waited longer than this.
    pub(super) fn overdue(&self, limit: Option<Duration>) -> Option<Error> {
        let limit = limit?;
        let waited = self.waited();
        (waited > limit).then(|| timed_out(waited))
    }
}

/// What the lock of an inbox guards. `S` is what the threads that serve it keep there.
pub(super) struct Line<J, S> {
    jobs: VecDeque<Waiting<J>>,
    closed: bool,
    /// Who is at work on jobs that were taken out, or on one that never was in: what `drain` waits for.
    active: usize,
    /// How many jobs have ever been put in.
    entered: u64,
    pub(super) staff: S,
}

impl<J: Call, S> Line<J, S> {
    /// Refuses if it is closed, or holds so many already.
    pub(super) fn check_room(&mut self, most: usize) -> Result<()> {
        if self.closed {
            return Err(Error::closed());
        }
        if self.jobs.len() >= most {
            // Those whose callers have gone do not count.
            self.jobs.retain(|waiting| !waiting.job.is_gone());
            if self.jobs.len() >= most {
                return Err(Error::Pool(PoolError::QueueFull));
            }
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn push(&mut self, job: J) {
        self.entered += 1;
        self.jobs.push_back(Waiting { job, since: clock::coarse() });
    }

    pub(super) fn pop(&mut self) -> Option<Waiting<J>> {
        self.jobs.pop_front()
    }

    /// How many jobs have ever been put in.
    pub(super) fn entered(&self) -> u64 {
        self.entered
    }

    /// The next job, if it was put in before the one that got this number.
    pub(super) fn pop_before(&mut self, entered: u64) -> Option<Waiting<J>> {
        if self.entered - self.jobs.len() as u64 >= entered { None } else { self.pop() }
    }

    /// Takes out those at the head who have waited this long.
    pub(super) fn pop_overdue(&mut self, limit: Duration) -> Vec<Waiting<J>> {
        std::iter::from_fn(|| self.jobs.pop_front_if(|waiting| waiting.waited() >= limit)).collect()
    }

    pub(super) fn begin(&mut self) {
        self.active += 1;
    }
}

pub(super) struct Inbox<J, S> {
    line: Mutex<Line<J, S>>,
    pub(super) filled: Condvar,
    drained: Condvar,
}

impl<J: Call, S: Default> Inbox<J, S> {
    pub(super) fn new() -> Self {
        let line = Line { jobs: VecDeque::new(), closed: false, active: 0, entered: 0, staff: S::default() };
        Self { line: Mutex::new(line), filled: Condvar::new(), drained: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Line<J, S>> {
        self.line.lock()
    }

    pub(super) fn len(&self) -> usize {
        self.line.lock().len()
    }

    /// Those who were active are so no more.
    pub(super) fn ended(&self) {
        let mut line = self.line.lock();
        line.active -= 1;
        if line.closed && line.active == 0 && line.jobs.is_empty() {
            self.drained.notify_all();
        }
    }

    /// Accepts nothing more. What has been accepted is still done.
    pub(super) fn close(&self) {
        self.line.lock().closed = true;
        self.filled.notify_all();
    }

    /// Waits until everything accepted is done, or until the given moment; then the rest fails. Returns how many are
    /// still at work.
    pub(super) fn drain(&self, end: Option<Instant>) -> usize {
        let mut line = self.line.lock();
        while line.active > 0 || !line.jobs.is_empty() {
            match end {
                None => self.drained.wait(&mut line),
                Some(end) => {
                    if self.drained.wait_until(&mut line, end).timed_out() {
                        break;
                    }
                }
            }
        }
        let left = std::mem::take(&mut line.jobs);
        let active = line.active;
        drop(line);
        drop(left);
        active
    }
}
