//! Threads that read for tasks. Each takes the longest-waiting read and a connection, and tells the task itself: one hand-over
//! there, one wake-up back, and no thread in between.

use super::call::{Ticket, timed_out};
use super::config::Settings;
use super::conn::{Conn, Role};
use super::error::{self, Error, Result};
use super::job::guarded;
use super::manager::Sqlite;
use super::writer::{Writer, holding};
use crate::clock;
use crate::error::PoolError;
use crate::pool::Pool;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A read of some type.
pub(super) trait ReadJob: Send {
    fn is_gone(&self) -> bool;
    fn run(self: Box<Self>, conn: &Conn);
    fn fail(self: Box<Self>, error: Error);
}

pub(super) struct Read<T, F> {
    pub(super) closure: F,
    pub(super) ticket: Ticket<T>,
}

impl<T, F> ReadJob for Read<T, F>
where
    T: Send,
    F: FnOnce(&Conn) -> Result<T> + Send,
{
    fn is_gone(&self) -> bool {
        self.ticket.is_gone()
    }

    fn run(self: Box<Self>, conn: &Conn) {
        if !self.ticket.begin(Some(&conn.stop)) {
            return;
        }
        let Self { closure, ticket } = *self;
        let outcome = conn.set_query_only(true).map_or_else(|error| Ok(Err(error.into())), |()| guarded(conn, closure));
        if ticket.finish(outcome) {
            conn.quarantine();
        }
    }

    fn fail(self: Box<Self>, error: Error) {
        self.ticket.finish(Ok(Err(error)));
    }
}

struct Waiting {
    job: Box<dyn ReadJob>,
    since: u64,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Waiting>,
    closed: bool,
    threads: usize,
    sleeping: usize,
    active: usize,
}

pub(super) struct Readers {
    pub(super) pool: Pool<Sqlite>,
    settings: Arc<Settings>,
    queue: Mutex<Queue>,
    filled: Condvar,
    drained: Condvar,
    /// Declared, and so dropped, after the readers: the last connection cleans the log up, and only the writer may.
    _writer: Arc<Writer>,
}

impl Readers {
    pub(super) fn new(pool: Pool<Sqlite>, settings: Arc<Settings>, writer: Arc<Writer>) -> Self {
        let (filled, drained) = (Condvar::new(), Condvar::new());
        Self { pool, settings, queue: Mutex::default(), filled, drained, _writer: writer }
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.lock().jobs.len()
    }

    pub(super) fn submit(self: &Arc<Self>, job: Box<dyn ReadJob>) -> Result<()> {
        let mut queue = self.queue.lock();
        if queue.closed {
            return Err(Error::closed());
        }
        if queue.jobs.len() >= self.settings.max_waiting {
            queue.jobs.retain(|waiting| !waiting.job.is_gone());
            if queue.jobs.len() >= self.settings.max_waiting {
                return Err(Error::Pool(PoolError::QueueFull));
            }
        }
        if queue.sleeping == 0 && queue.threads < self.pool.config().max_size {
            let readers = Arc::clone(self);
            let name = format!("covet-sqlite-read-{}", queue.threads);
            match std::thread::Builder::new().name(name).spawn(move || readers.serve()) {
                Ok(_) => queue.threads += 1,
                // Those that exist will do.
                Err(_) if queue.threads > 0 => {}
                Err(error) => return Err(Error::Thread(error)),
            }
        }
        queue.jobs.push_back(Waiting { job, since: clock::coarse() });
        let wake = queue.sleeping > 0;
        queue.sleeping -= usize::from(wake);
        drop(queue);
        if wake {
            self.filled.notify_one();
        }
        Ok(())
    }

    fn serve(&self) {
        let mut busy = false;
        while let Some(Waiting { job, since }) = self.take(busy) {
            busy = true;
            let waited = Duration::from_millis(clock::coarse().saturating_sub(since));
            if self.settings.acquire_timeout.is_some_and(|limit| waited > limit) {
                job.fail(timed_out(waited));
            } else {
                match self.pool.get_blocking() {
                    Ok(conn) => self.run(job, &conn),
                    Err(PoolError::Connect(error)) => job.fail(Error::Sqlite(error::copy(&error))),
                    Err(error) => job.fail(Error::Pool(error)),
                }
            }
        }
    }

    /// What may panic here is a waker, or what the closure's value does when it is dropped: no reason to lose the thread.
    fn run(&self, job: Box<dyn ReadJob>, conn: &Conn) {
        let run = || catch_unwind(AssertUnwindSafe(|| job.run(conn)));
        let _ = if conn.role == Role::Single { holding(&self.settings, run) } else { run() };
    }

    /// Ends the thread's last job, if it had one, and takes the next.
    fn take(&self, busy: bool) -> Option<Waiting> {
        let mut queue = self.queue.lock();
        queue.active -= usize::from(busy);
        loop {
            if let Some(waiting) = queue.jobs.pop_front() {
                queue.active += 1;
                return Some(waiting);
            }
            if queue.closed {
                drop(queue);
                self.drained.notify_all();
                return None;
            }
            // Whoever wakes it counts it out, so that the next job finds another thread.
            queue.sleeping += 1;
            self.filled.wait(&mut queue);
        }
    }

    pub(super) fn close(&self) {
        self.queue.lock().closed = true;
        self.filled.notify_all();
    }

    /// As the writer's.
    pub(super) fn drain(&self, end: Option<Instant>) -> usize {
        let mut queue = self.queue.lock();
        while queue.active > 0 || !queue.jobs.is_empty() {
            match end {
                None => self.drained.wait(&mut queue),
                Some(end) => {
                    if self.drained.wait_until(&mut queue, end).timed_out() {
                        break;
                    }
                }
            }
        }
        let left = std::mem::take(&mut queue.jobs);
        let active = queue.active;
        drop(queue);
        drop(left);
        active
    }
}
