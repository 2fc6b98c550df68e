//! The queue in front of the one connection that writes.
//!
//! A thread takes the jobs from it, transaction by transaction. While one commits, the next fills up: that is what makes
//! groups. A caller on a thread of its own that finds nobody before it runs its write itself, without a hand-over.

use super::call::timed_out;
use super::config::Settings;
use super::conn::Conn;
use super::error::{self, Error, Result};
use super::group::{Group, tell};
use super::inbox::Inbox;
use super::job::BoxJob;
use super::manager::Sqlite;
use super::status::{WriteCounters, WriteStats};
use crate::error::PoolError;
use crate::guard::PooledConn;
use crate::pool::Pool;
use parking_lot::MutexGuard;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

thread_local! {
    /// The pool whose only connection for the purpose this thread holds.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

fn id(settings: &Arc<Settings>) -> usize {
    Arc::as_ptr(settings).addr()
}

/// Whether this thread is inside a closure that holds the connection which writes in this pool.
pub(super) fn is_held_here(settings: &Arc<Settings>) -> bool {
    HELD.get() == id(settings)
}

/// Marks this thread as the holder of that connection while `work` runs.
pub(super) fn holding<R>(settings: &Arc<Settings>, work: impl FnOnce() -> R) -> R {
    let before = HELD.replace(id(settings));
    let result = work();
    HELD.set(before);
    result
}

/// How often the writer's thread looks for more before it sleeps, yielding the processor in between.
const YIELDS: u32 = 8;

/// What the writer's thread keeps beside the line.
#[derive(Default)]
pub(super) struct Thread {
    /// It exists.
    manned: bool,
    /// It sleeps until there are so many jobs; 0 while it is awake.
    wanted: usize,
}

type Line = super::inbox::Line<BoxJob, Thread>;

pub(super) struct Writer {
    pub(super) pool: Pool<Sqlite>,
    settings: Arc<Settings>,
    inbox: Inbox<BoxJob, Thread>,
    counters: WriteCounters,
    /// How many writes in a row have gone well.
    streak: AtomicU32,
}

impl Writer {
    pub(super) fn new(pool: Pool<Sqlite>, settings: Arc<Settings>) -> Self {
        Self { pool, settings, inbox: Inbox::new(), counters: WriteCounters::default(), streak: AtomicU32::new(0) }
    }

    pub(super) fn stats(&self) -> WriteStats {
        self.counters.snapshot()
    }

    pub(super) fn queued(&self) -> usize {
        self.inbox.len()
    }

    /// Puts a job into the queue.
    pub(super) fn submit(self: &Arc<Self>, job: BoxJob) -> Result<()> {
        if is_held_here(&self.settings) {
            return Err(Error::Nested);
        }
        let line = self.inbox.lock();
        self.push(line, job)
    }

    /// Runs a job here and now if nobody is before it; else puts it into the queue.
    pub(super) fn run_or_submit(self: &Arc<Self>, job: BoxJob) -> Result<()> {
        if is_held_here(&self.settings) {
            return Err(Error::Nested);
        }
        let mut line = self.inbox.lock();
        if line.is_closed() || line.len() > 0 {
            return self.push(line, job);
        }
        let Ok(conn) = self.pool.try_get() else { return self.push(line, job) };
        line.begin();
        drop(line);
        if job.begin() {
            let mut job = Some(job);
            if job.as_ref().is_some_and(|job| job.is_alone()) {
                self.on(&conn, |group| job.take().map_or((), |job| group.alone(job)));
            } else {
                // An error has been told already.
                let _ = self.on(&conn, |group| group.serve(&mut |_| job.take()));
            }
        }
        drop(conn);
        self.inbox.ended();
        Ok(())
    }

    fn push(self: &Arc<Self>, mut line: MutexGuard<'_, Line>, job: BoxJob) -> Result<()> {
        line.check_room(self.settings.max_waiting)?;
        if !line.staff.manned {
            let writer = Arc::clone(self);
            std::thread::Builder::new()
                .name("covet-sqlite-write".to_owned())
                .spawn(move || writer.serve())
                .map_err(Error::Thread)?;
            line.staff.manned = true;
        }
        line.push(job);
        if line.staff.wanted != 0 && line.len() >= line.staff.wanted {
            line.staff.wanted = 0;
            drop(line);
            self.inbox.filled.notify_one();
        }
        Ok(())
    }

    /// The thread: transaction after transaction, until the pool is closed and the queue is empty.
    fn serve(&self) {
        let mut pace = Pace { company: 1, commit: Duration::ZERO };
        while self.await_work() {
            let conn = match self.pool.get_blocking() {
                Ok(conn) => conn,
                Err(error) => {
                    self.fail_all(&error);
                    self.inbox.ended();
                    continue;
                }
            };
            self.transaction(&conn, &mut pace);
            drop(conn);
            self.inbox.ended();
        }
    }

    /// Sleeps until there is work, and counts it as active.
    fn await_work(&self) -> bool {
        let mut line = self.inbox.lock();
        while line.len() == 0 {
            if line.is_closed() {
                return false;
            }
            line.staff.wanted = 1;
            self.inbox.filled.wait(&mut line);
        }
        line.staff.wanted = 0;
        line.begin();
        true
    }

    fn transaction(&self, conn: &PooledConn<Sqlite>, pace: &mut Pace) {
        let begun = Instant::now();
        let limit = self.settings.group_latency;
        let (mut taken, mut alone, mut late, mut idle) = (0, None, false, Duration::ZERO);
        let before = self.queued();
        let barred = self.on(conn, |group| {
            group.serve(&mut |kept| {
                late = late || (taken > 0 && begun.elapsed() >= limit);
                if alone.is_some() || late || kept >= self.settings.group_size {
                    return None;
                }
                let job = self.take().or_else(|| self.linger(pace, taken, begun, &mut idle))?;
                if job.is_alone() {
                    alone = Some(job);
                    return None;
                }
                taken += 1;
                Some(job)
            })
        });
        if let Err(error) = barred {
            self.fail_first(before.saturating_sub(taken), &error);
        }
        pace.company = taken.clamp(1, self.settings.group_size);
        pace.commit = begun.elapsed().saturating_sub(idle);
        if let Some(job) = alone {
            self.on(conn, |group| group.alone(job));
        }
    }

    /// If the last transaction was shared, gives the same company a chance to come together again. The transaction is
    /// open meanwhile: those who are there already have been served while the others were on their way.
    fn linger(&self, pace: &Pace, taken: usize, begun: Instant, idle: &mut Duration) -> Option<BoxJob> {
        let missing = pace.company.saturating_sub(taken);
        let so_far = begun.elapsed();
        let patience = pace.patience(self.settings.group_latency).saturating_sub(so_far);
        if missing == 0 || patience.is_zero() {
            return None;
        }
        let job = self.await_company(missing, patience);
        *idle += begun.elapsed().saturating_sub(so_far);
        job
    }

    fn await_company(&self, missing: usize, patience: Duration) -> Option<BoxJob> {
        for _ in 0..YIELDS {
            std::thread::yield_now();
            if let Some(job) = self.take() {
                return Some(job);
            }
        }
        let mut line = self.inbox.lock();
        if line.len() < missing && !line.is_closed() {
            line.staff.wanted = missing;
            self.inbox.filled.wait_for(&mut line, patience);
            line.staff.wanted = 0;
        }
        drop(line);
        self.take()
    }

    fn on<R>(&self, conn: &Conn, work: impl FnOnce(&Group<'_>) -> R) -> R {
        let on_commit = self.settings.on_commit.as_deref();
        let group = Group { conn, counters: &self.counters, streak: &self.streak, on_commit };
        holding(&self.settings, || work(&group))
    }

    /// The next job whose caller still waits and whose time is not over.
    fn take(&self) -> Option<BoxJob> {
        loop {
            let waiting = self.inbox.lock().pop()?;
            if !waiting.job.begin() {
                continue;
            }
            match waiting.overdue(self.settings.acquire_timeout) {
                None => return Some(waiting.job),
                error => tell(waiting.job, error),
            }
        }
    }

    /// The write lock could not be had: those who waited as long hear the same, instead of waiting once more each.
    fn fail_first(&self, how_many: usize, error: &rusqlite::Error) {
        for _ in 0..how_many {
            let Some(job) = self.take() else { return };
            tell(job, Some(Error::Sqlite(error::copy(error))));
        }
    }

    /// There is no connection. If somebody just holds it for long, only those are told whose time is over.
    fn fail_all(&self, error: &PoolError<rusqlite::Error>) {
        if matches!(error, PoolError::Timeout(_)) {
            let limit = self.settings.acquire_timeout.unwrap_or(Duration::MAX);
            let overdue = self.inbox.lock().pop_overdue(limit);
            for waiting in overdue {
                let waited = waiting.waited();
                tell(waiting.job, Some(timed_out(waited)));
            }
            return;
        }
        while let Some(job) = self.take() {
            let error = match error {
                PoolError::Connect(error) => Error::Sqlite(error::copy(error)),
                _ => Error::closed(),
            };
            tell(job, Some(error));
        }
    }

    pub(super) fn close(&self) {
        self.inbox.close();
    }

    pub(super) fn drain(&self, end: Option<Instant>) -> usize {
        self.inbox.drain(end)
    }
}

/// How the last transaction went: whom to expect, and how long waiting for them is worth while.
struct Pace {
    company: usize,
    commit: Duration,
}

impl Pace {
    /// No longer than the last transaction took: then waiting at most doubles it, and usually the group is complete
    /// much sooner.
    fn patience(&self, limit: Duration) -> Duration {
        if self.company < 2 { Duration::ZERO } else { limit.min(self.commit.max(Duration::from_micros(50))) }
    }
}
