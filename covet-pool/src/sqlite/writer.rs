//! The queue in front of the one connection that writes.
//!
//! A thread takes the jobs from it, transaction by transaction. While one commits, the next fills up: that is what makes
//! groups. A caller on a thread of its own that finds nobody before it runs its write itself, without a hand-over.

use super::config::Settings;
use super::conn::Conn;
use super::error::{self, Error, Result};
use super::group::{Group, tell};
use super::job::BoxJob;
use super::manager::Sqlite;
use super::status::{WriteCounters, WriteStats};
use crate::clock;
use crate::error::PoolError;
use crate::guard::PooledConn;
use crate::pool::Pool;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
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

struct Waiting {
    job: BoxJob,
    since: u64,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Waiting>,
    closed: bool,
    /// The thread exists.
    manned: bool,
    /// The thread sleeps until there are so many jobs; 0 while it is awake.
    wanted: usize,
    /// Jobs taken out whose callers have not been told yet, or callers who run their own: what `close` waits for.
    active: usize,
}

pub(super) struct Writer {
    pub(super) pool: Pool<Sqlite>,
    settings: Arc<Settings>,
    queue: Mutex<Queue>,
    filled: Condvar,
    drained: Condvar,
    counters: WriteCounters,
}

impl Writer {
    pub(super) fn new(pool: Pool<Sqlite>, settings: Arc<Settings>) -> Self {
        Self {
            pool,
            settings,
            queue: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            counters: WriteCounters::default(),
        }
    }

    pub(super) fn stats(&self) -> WriteStats {
        self.counters.snapshot()
    }

    pub(super) fn queued(&self) -> usize {
        self.queue.lock().jobs.len()
    }

    /// Puts a job into the queue.
    pub(super) fn submit(self: &Arc<Self>, job: BoxJob) -> Result<()> {
        if is_held_here(&self.settings) {
            return Err(Error::Nested);
        }
        let queue = self.queue.lock();
        self.push(queue, job)
    }

    /// Runs a job here and now if nobody is before it; else puts it into the queue.
    pub(super) fn run_or_submit(self: &Arc<Self>, job: BoxJob) -> Result<()> {
        if is_held_here(&self.settings) {
            return Err(Error::Nested);
        }
        let mut queue = self.queue.lock();
        if queue.closed || !queue.jobs.is_empty() {
            return self.push(queue, job);
        }
        let Ok(conn) = self.pool.try_get() else { return self.push(queue, job) };
        queue.active += 1;
        drop(queue);
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
        self.ended();
        Ok(())
    }

    fn push(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>, job: BoxJob) -> Result<()> {
        if queue.closed {
            return Err(Error::closed());
        }
        if queue.jobs.len() >= self.settings.max_waiting {
            // Those whose callers have gone do not count.
            queue.jobs.retain(|waiting| !waiting.job.is_gone());
            if queue.jobs.len() >= self.settings.max_waiting {
                return Err(Error::Pool(PoolError::QueueFull));
            }
        }
        if !queue.manned {
            let writer = Arc::clone(self);
            std::thread::Builder::new()
                .name("covet-sqlite-write".to_owned())
                .spawn(move || writer.serve())
                .map_err(Error::Thread)?;
            queue.manned = true;
        }
        queue.jobs.push_back(Waiting { job, since: clock::coarse() });
        if queue.wanted != 0 && queue.jobs.len() >= queue.wanted {
            queue.wanted = 0;
            drop(queue);
            self.filled.notify_one();
        }
        Ok(())
    }

    /// The thread: transaction after transaction, until the pool is closed and the queue is empty.
    fn serve(&self) {
        let mut pace = Pace { company: 1, commit: Duration::ZERO };
        while self.await_work(&pace) {
            let conn = match self.pool.get_blocking() {
                Ok(conn) => conn,
                Err(error) => {
                    self.fail_all(&error);
                    self.ended();
                    continue;
                }
            };
            self.transaction(&conn, &mut pace);
            drop(conn);
            self.ended();
        }
    }

    /// Sleeps until there is work; counts it as active. If the last transaction was shared, gives the same company
    /// a chance to come together again.
    fn await_work(&self, pace: &Pace) -> bool {
        let mut queue = self.queue.lock();
        while queue.jobs.is_empty() {
            if queue.closed {
                return false;
            }
            queue.wanted = 1;
            self.filled.wait(&mut queue);
        }
        let patience = pace.patience(self.settings.group_latency);
        if queue.jobs.len() < pace.company && !patience.is_zero() && !queue.closed {
            queue.wanted = pace.company;
            self.filled.wait_for(&mut queue, patience);
        }
        queue.wanted = 0;
        queue.active += 1;
        true
    }

    fn transaction(&self, conn: &PooledConn<Sqlite>, pace: &mut Pace) {
        let begun = Instant::now();
        let limit = self.settings.group_latency;
        let (mut taken, mut alone, mut late) = (0, None, false);
        let before = self.queued();
        let barred = self.on(conn, |group| {
            group.serve(&mut |kept| {
                late = late || (taken > 0 && begun.elapsed() >= limit);
                if alone.is_some() || late || kept >= self.settings.group_size {
                    return None;
                }
                let job = self.take()?;
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
        pace.commit = begun.elapsed();
        if let Some(job) = alone {
            self.on(conn, |group| group.alone(job));
        }
    }

    fn on<R>(&self, conn: &Conn, work: impl FnOnce(&Group<'_>) -> R) -> R {
        let group = Group { conn, counters: &self.counters, on_commit: self.settings.on_commit.as_deref() };
        holding(&self.settings, || work(&group))
    }

    /// The next job whose caller still waits and whose time is not over.
    fn take(&self) -> Option<BoxJob> {
        loop {
            let Waiting { job, since } = self.queue.lock().jobs.pop_front()?;
            if !job.begin() {
                continue;
            }
            let waited = Duration::from_millis(clock::coarse().saturating_sub(since));
            match self.settings.acquire_timeout {
                Some(limit) if waited > limit => tell(job, Some(super::call::timed_out(waited))),
                _ => return Some(job),
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
            let (limit, now) = (self.settings.acquire_timeout.map_or(u64::MAX, clock::millis), clock::coarse());
            let mut queue = self.queue.lock();
            let late = |waiting: &Waiting| now.saturating_sub(waiting.since) >= limit;
            let expired: Vec<_> = std::iter::from_fn(|| queue.jobs.pop_front_if(|waiting| late(waiting))).collect();
            drop(queue);
            for Waiting { job, since } in expired {
                tell(job, Some(super::call::timed_out(Duration::from_millis(now.saturating_sub(since)))));
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

    fn ended(&self) {
        let mut queue = self.queue.lock();
        queue.active -= 1;
        if queue.closed && queue.active == 0 && queue.jobs.is_empty() {
            self.drained.notify_all();
        }
    }

    /// Accepts nothing more. What has been accepted is still done.
    pub(super) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        drop(queue);
        self.filled.notify_all();
    }

    /// Waits until everything accepted is done, or until the given moment; then the rest fails. Returns how many are
    /// still at work.
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
