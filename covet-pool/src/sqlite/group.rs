//! Several jobs in one transaction, and what becomes of each when it goes wrong.
//!
//! A job runs at most three times: in the first transaction; with its innocent companions once more, if another job rolled
//! that transaction back or failed without a savepoint; and by itself, if that happened again or if the commit failed, because then nobody knows whose
//! work was to blame. By itself, whatever happens is its own outcome.

use super::config::{Committed, OnCommit};
use super::conn::Conn;
use super::error::{self, Error};
use super::job::BoxJob;
use super::status::WriteCounters;
use rusqlite::ErrorCode;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};

// With a comment, so that no closure finds these in the cache by writing the same: it would get past the authorizer.
const BEGIN: &str = "BEGIN IMMEDIATE -- covet";
const COMMIT: &str = "COMMIT -- covet";
const SAVEPOINT: &str = "SAVEPOINT covet_job -- covet";
const ROLLBACK_TO: &str = "ROLLBACK TO covet_job -- covet";
const RELEASE: &str = "RELEASE covet_job -- covet";

/// After how many writes without a failure savepoints are left out: as many as share a commit at most, so that running a group
/// again costs no more than what had been saved on the way.
const TRUSTED: u32 = 256;

/// Gives the next job of a transaction that holds so many already.
pub(super) type Next<'a> = &'a mut dyn FnMut(usize) -> Option<BoxJob>;

pub(super) struct Group<'a> {
    pub(super) conn: &'a Conn,
    pub(super) counters: &'a WriteCounters,
    /// How many writes in a row have gone well, up to [`TRUSTED`].
    pub(super) streak: &'a AtomicU32,
    pub(super) on_commit: Option<&'a OnCommit>,
}

/// How a transaction ended. All jobs that are not in it have been told.
enum Attempt {
    Done,
    /// One job, which has been told, rolled all of them back, or had to be undone and had no savepoint.
    Lost(Vec<BoxJob>),
    /// The commit failed, and any of them may be why.
    Refused(Vec<BoxJob>),
    /// It could not begin.
    Barred(rusqlite::Error),
}

enum Step {
    Kept,
    /// It is undone, and the transaction goes on.
    Failed,
    /// It is undone, and with it the transaction.
    Undone,
    /// It took the transaction with it. The error is for the job, unless its own does.
    Lost(Option<Error>),
}

impl Group<'_> {
    /// Runs the jobs to their ends. An error if not even the first could begin for want of the write lock; that one
    /// has been told.
    pub(super) fn serve(&self, next: Next<'_>) -> Result<(), rusqlite::Error> {
        let trusting = self.streak.load(Ordering::Relaxed) >= TRUSTED;
        let again = match self.attempt(next, trusting) {
            Attempt::Done => return Ok(()),
            Attempt::Barred(error) => return Err(error),
            Attempt::Refused(jobs) => jobs,
            Attempt::Lost(jobs) => {
                self.counters.rerun(jobs.len());
                let mut jobs = jobs.into_iter();
                match self.attempt(&mut |_| jobs.next(), false) {
                    Attempt::Lost(more) | Attempt::Refused(more) => more.into_iter().chain(jobs).collect(),
                    Attempt::Done => Vec::new(),
                    Attempt::Barred(error) => {
                        jobs.for_each(|job| tell(job, Some(Error::Sqlite(error::copy(&error)))));
                        Vec::new()
                    }
                }
            }
        };
        self.counters.rerun(again.len());
        for job in again {
            let mut job = Some(job);
            // By itself, a job is told in any case.
            self.attempt(&mut |_| job.take(), false);
        }
        Ok(())
    }

    /// `trusting`: without savepoints.
    fn attempt(&self, next: Next<'_>, trusting: bool) -> Attempt {
        let (mut kept, mut tables, mut open) = (Vec::new(), BTreeSet::new(), false);
        while let Some(mut job) = next(kept.len()) {
            if !open {
                if let Err(error) = self.begin() {
                    tell(job, Some(Error::Sqlite(error::copy(&error))));
                    return Attempt::Barred(error);
                }
                open = true;
            }
            match self.step(&mut job, kept.is_empty(), trusting) {
                Step::Kept => {
                    kept.push(job);
                    tables.append(&mut self.conn.guard.take_tables());
                }
                Step::Failed => {
                    self.counters.failed(1);
                    tell(job, None);
                    open = !kept.is_empty();
                }
                Step::Undone => {
                    self.counters.failed(1);
                    tell(job, None);
                    return Attempt::Lost(kept);
                }
                Step::Lost(instead) => {
                    self.counters.failed(1);
                    self.counters.lost();
                    tell(job, instead);
                    return Attempt::Lost(kept);
                }
            }
        }
        if kept.is_empty() {
            return Attempt::Done;
        }
        self.commit(kept, tables)
    }

    fn begin(&self) -> rusqlite::Result<()> {
        self.conn.set_query_only(false)?;
        self.conn.own(BEGIN)
    }

    /// Runs one job. The first of a transaction needs no savepoint: undoing it is undoing the transaction. The others get
    /// one each, unless so many in a row have gone well that it is cheaper to run them again when one does not.
    fn step(&self, job: &mut BoxJob, first: bool, trusting: bool) -> Step {
        let conn = self.conn;
        conn.guard.take_tables();
        let saved = !first && !trusting;
        if saved && let Err(error) = conn.own(SAVEPOINT) {
            conn.roll_back();
            return Step::Lost(Some(Error::Sqlite(error)));
        }
        let good = job.run(conn);
        let lost = conn.is_autocommit();
        self.rate(good && !lost);
        if lost {
            return Step::Lost(good.then_some(Error::RolledBack));
        }
        if !saved {
            if good {
                return Step::Kept;
            }
            conn.roll_back();
            return if first { Step::Failed } else { Step::Undone };
        }
        let undone = if good { Ok(()) } else { conn.own(ROLLBACK_TO) };
        match undone.and_then(|()| conn.own(RELEASE)) {
            Ok(()) if good => Step::Kept,
            Ok(()) => Step::Failed,
            Err(error) => {
                conn.roll_back();
                Step::Lost(good.then_some(Error::Sqlite(error)))
            }
        }
    }

    fn rate(&self, good: bool) {
        let streak = self.streak.load(Ordering::Relaxed);
        if !good {
            self.streak.store(0, Ordering::Relaxed);
        } else if streak < TRUSTED {
            self.streak.store(streak + 1, Ordering::Relaxed);
        }
    }

    fn commit(&self, mut kept: Vec<BoxJob>, tables: BTreeSet<String>) -> Attempt {
        let Err(error) = self.conn.own(COMMIT) else {
            self.counters.committed(kept.len());
            self.announce(tables);
            kept.into_iter().for_each(|job| tell(job, None));
            return Attempt::Done;
        };
        self.conn.roll_back();
        self.counters.refused();
        let by_content =
            matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation | ErrorCode::DiskFull));
        if by_content && kept.len() > 1 {
            return Attempt::Refused(kept);
        }
        self.counters.failed(kept.len());
        kept.drain(..).for_each(|job| tell(job, Some(Error::Commit(error::copy(&error)))));
        Attempt::Done
    }

    /// Has the connection used by one job alone, and leaves no transaction behind.
    pub(super) fn alone(&self, mut job: BoxJob) {
        let conn = self.conn;
        conn.guard.take_tables();
        if let Err(error) = conn.set_query_only(false) {
            return tell(job, Some(Error::Sqlite(error)));
        }
        job.run(conn);
        conn.roll_back();
        conn.flush();
        self.counters.alone();
        self.announce(conn.guard.take_tables());
        tell(job, None);
    }

    fn announce(&self, tables: BTreeSet<String>) {
        if let Some(hook) = self.on_commit
            && !tables.is_empty()
        {
            // What it was told is true in any case; its panic is reported by the panic hook and hurts no writer.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(&Committed { tables })));
        }
    }
}

/// Waking a caller, and dropping what a caller gave or no longer wants, runs foreign code. If it panics, the others are
/// told all the same.
pub(super) fn tell(job: BoxJob, instead: Option<Error>) {
    let _ = catch_unwind(AssertUnwindSafe(|| job.settle(instead)));
}
