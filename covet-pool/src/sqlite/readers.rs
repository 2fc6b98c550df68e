//! Threads that read for tasks. Each takes the longest-waiting read and a connection, and tells the task itself: one hand-over
//! there, one wake-up back, and no thread in between.
//!
//! Under load a thread keeps its connection as long as nobody else waits for one, and what would cost as much as a short read
//! is shared by those who stand in line together: the read transaction (see [`Conn::snapshot`]) and the wake-up of their
//! runtime's thread (see `wakes.rs`).

use super::call::Ticket;
use super::config::Settings;
use super::conn::{Conn, Role};
use super::error::{self, Error, Result};
use super::inbox::{Call, Inbox, Line, Waiting};
use super::job::guarded;
use super::manager::Sqlite;
use super::wakes;
use super::writer::{Writer, holding};
use crate::error::PoolError;
use crate::pool::Pool;
use parking_lot::MutexGuard;
use std::any::TypeId;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

/// How often a thread looks for work before it sleeps, yielding the processor in between.
const YIELDS: u32 = 8;
/// How many others in line make a snapshot worth while.
const COMPANY: usize = 2;
/// A read that takes less is short.
const SHORT: Duration = Duration::from_micros(50);
/// After how many short runs in a row a closure is expected to be short.
const PROVED: u8 = 8;

/// A read of some type.
pub(super) trait ReadJob: Call + Send {
    /// Runs it. What is left to do comes back.
    fn run(self: Box<Self>, conn: &Conn) -> Ran;
    fn fail(self: Box<Self>, error: Error);
    /// Which closure it is, not with what values.
    fn kind(&self) -> TypeId;
}

/// What is left to do after a read.
#[derive(Default)]
pub(super) struct Ran {
    waker: Option<Waker>,
    /// The connection has to be made clean.
    interrupted: bool,
}

pub(super) struct Read<T, F> {
    pub(super) closure: F,
    pub(super) ticket: Ticket<T>,
}

impl<T, F> Call for Read<T, F> {
    fn is_gone(&self) -> bool {
        self.ticket.is_gone()
    }
}

impl<T, F> ReadJob for Read<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Conn) -> Result<T> + Send + 'static,
{
    fn run(self: Box<Self>, conn: &Conn) -> Ran {
        if !self.ticket.begin(Some(&conn.stop)) {
            return Ran::default();
        }
        let Self { closure, ticket } = *self;
        let outcome = conn.set_query_only(true).map_or_else(|error| Ok(Err(error.into())), |()| guarded(conn, closure));
        let (waker, interrupted) = ticket.finish_unheard(outcome);
        Ran { waker, interrupted }
    }

    fn fail(self: Box<Self>, error: Error) {
        self.ticket.finish(Ok(Err(error)));
    }

    fn kind(&self) -> TypeId {
        TypeId::of::<F>()
    }
}

impl Call for Box<dyn ReadJob> {
    fn is_gone(&self) -> bool {
        (**self).is_gone()
    }
}

type Job = Waiting<Box<dyn ReadJob>>;

#[derive(Default)]
pub(super) struct Threads {
    started: usize,
    sleeping: usize,
}

pub(super) struct Readers {
    pub(super) pool: Pool<Sqlite>,
    settings: Arc<Settings>,
    inbox: Inbox<Box<dyn ReadJob>, Threads>,
    /// Declared, and so dropped, after the readers: the last connection cleans the log up, and only the writer may.
    _writer: Arc<Writer>,
}

impl Readers {
    pub(super) fn new(pool: Pool<Sqlite>, settings: Arc<Settings>, writer: Arc<Writer>) -> Self {
        Self { pool, settings, inbox: Inbox::new(), _writer: writer }
    }

    pub(super) fn queued(&self) -> usize {
        self.inbox.len()
    }

    pub(super) fn submit(self: &Arc<Self>, job: Box<dyn ReadJob>) -> Result<()> {
        let mut line = self.inbox.lock();
        line.check_room(self.settings.max_waiting)?;
        let threads = &mut line.staff;
        if threads.sleeping == 0 && threads.started < self.pool.config().max_size {
            let readers = Arc::clone(self);
            let name = format!("covet-sqlite-read-{}", threads.started);
            match thread::Builder::new().name(name).spawn(move || readers.serve()) {
                Ok(_) => threads.started += 1,
                // Those that exist will do.
                Err(_) if threads.started > 0 => {}
                Err(error) => return Err(Error::Thread(error)),
            }
        }
        let wake = threads.sleeping > 0;
        threads.sleeping -= usize::from(wake);
        line.push(job);
        drop(line);
        if wake {
            self.inbox.filled.notify_one();
        }
        Ok(())
    }

    pub(super) fn close(&self) {
        self.inbox.close();
    }

    /// As the writer's.
    pub(super) fn drain(&self, end: Option<Instant>) -> usize {
        self.inbox.drain(end)
    }

    fn serve(&self) {
        let mut habits = Habits::default();
        while let Some(first) = self.wait() {
            match self.pool.get_blocking() {
                Ok(conn) if conn.role == Role::Single => {
                    holding(&self.settings, || self.turn(first, &conn, &mut habits));
                }
                Ok(conn) => self.turn(first, &conn, &mut habits),
                Err(PoolError::Connect(error)) => first.job.job.fail(Error::Sqlite(error::copy(&error))),
                Err(error) => first.job.job.fail(Error::Pool(error)),
            }
            wakes::flush();
            self.inbox.ended();
        }
    }

    /// Waits for a job and counts this thread as active.
    fn wait(&self) -> Option<Next> {
        let mut line = self.inbox.lock();
        for _ in 0..YIELDS {
            if line.len() > 0 {
                break;
            }
            MutexGuard::unlocked(&mut line, thread::yield_now);
        }
        loop {
            if let Some(next) = Next::of(&mut line) {
                line.begin();
                return Some(next);
            }
            if line.is_closed() {
                return None;
            }
            // Whoever wakes it counts it out, so that the next job finds another thread.
            line.staff.sleeping += 1;
            self.inbox.filled.wait(&mut line);
        }
    }

    /// Serves until the line is empty, or until somebody else waits for the connection.
    fn turn(&self, first: Next, conn: &Conn, habits: &mut Habits) {
        let mut next = Some(first);
        while let Some(Next { job, behind }) = next {
            let interrupted = match behind {
                Some(last) if conn.role != Role::Single => conn.snapshot(|| self.stretch(job, last, conn, habits)),
                _ => self.run(job, conn, habits),
            };
            if interrupted {
                conn.quarantine();
            }
            // What cannot be used as it is goes back, to be replaced.
            let ends = !conn.is_clean() || self.pool.is_contended();
            next = if ends { None } else { Next::of(&mut self.inbox.lock()) };
        }
    }

    /// Serves those who were in line when the snapshot was taken: it holds all that was committed before they came.
    fn stretch(&self, mut job: Job, last: u64, conn: &Conn, habits: &mut Habits) -> bool {
        loop {
            if self.run(job, conn, habits) {
                return true;
            }
            if self.pool.is_contended() {
                return false;
            }
            match self.inbox.lock().pop_before(last) {
                Some(next) => job = next,
                None => return false,
            }
        }
    }

    /// Returns whether it was interrupted.
    fn run(&self, job: Job, conn: &Conn, habits: &mut Habits) -> bool {
        if let Some(error) = job.overdue(self.settings.acquire_timeout) {
            job.job.fail(error);
            return false;
        }
        let kind = job.job.kind();
        if !habits.is_short(kind) {
            wakes::flush();
        }
        let begun = Instant::now();
        // What may panic here is what the closure's value does when it is dropped: no reason to lose the thread.
        let ran = catch_unwind(AssertUnwindSafe(|| job.job.run(conn))).unwrap_or_default();
        let now = Instant::now();
        habits.note(kind, now.duration_since(begun));
        if !ran.interrupted {
            conn.roll_back();
        }
        if let Some(waker) = ran.waker {
            wakes::keep(waker, now);
        }
        ran.interrupted
    }
}

/// A job, and the number of the last in the line behind it, if they are enough for a snapshot to pay.
struct Next {
    job: Job,
    behind: Option<u64>,
}

impl Next {
    fn of(line: &mut Line<Box<dyn ReadJob>, Threads>) -> Option<Self> {
        let job = line.pop()?;
        Some(Self { job, behind: (line.len() >= COMPANY).then(|| line.entered()) })
    }
}

/// How long closures have been taking, on one thread: as many entries as the program has closures to read with.
#[derive(Default)]
struct Habits(HashMap<TypeId, u8>);

impl Habits {
    fn is_short(&self, kind: TypeId) -> bool {
        self.0.get(&kind).is_some_and(|&runs| runs >= PROVED)
    }

    fn note(&mut self, kind: TypeId, took: Duration) {
        let runs = self.0.entry(kind).or_default();
        *runs = if took < SHORT { runs.saturating_add(1) } else { 0 };
    }
}
