//! Several jobs in one transaction, and what becomes of each when it goes wrong.
//!
//! A job runs at most three times: in the first transaction; with its innocent companions once more, if another job rolled
//! that transaction back; and by itself, if that happened again or if the commit failed, because then nobody knows whose
//! work was to blame. By itself, whatever happens is its own outcome.

use super::config::{Committed, OnCommit};
use super::conn::Conn;
use super::error::{self, Error};
use super::job::BoxJob;
use super::status::WriteCounters;
use rusqlite::ErrorCode;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

// With a comment, so that no closure finds these in the cache by writing the same: it would get past the authorizer.
const BEGIN: &str = "BEGIN IMMEDIATE -- covet";
const COMMIT: &str = "COMMIT -- covet";
const SAVEPOINT: &str = "SAVEPOINT covet_job -- covet";
const ROLLBACK_TO: &str = "ROLLBACK TO covet_job -- covet";
const RELEASE: &str = "RELEASE covet_job -- covet";

/// Gives the next job of a transaction that holds so many already.
pub(super) type Next<'a> = &'a mut dyn FnMut(usize) -> Option<BoxJob>;

pub(super) struct Group<'a> {
    pub(super) conn: &'a Conn,
    pub(super) counters: &'a WriteCounters,
    pub(super) on_commit: Option<&'a OnCommit>,
}

/// How a transaction ended. All jobs that are not in it have been told.
enum Attempt {
    Done,
    /// One job, which has been told, rolled all of them back.
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
    /// It took the transaction with it. The error is for the job, unless its own does.
    Lost(Option<Error>),
}

impl Group<'_> {
    /// Runs the jobs to their ends. An error if not even the first could begin for want of the write lock; that one
    /// has been told.
    pub(super) fn serve(&self, next: Next<'_>) -> Result<(), rusqlite::Error> {
        let again = match self.attempt(next) {
            Attempt::Done => return Ok(()),
            Attempt::Barred(error) => return Err(error),
            Attempt::Refused(jobs) => jobs,
            Attempt::Lost(jobs) => {
                self.counters.rerun(jobs.len());
                let mut jobs = jobs.into_iter();
                match self.attempt(&mut |_| jobs.next()) {
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
            self.attempt(&mut |_| job.take());
        }
        Ok(())
    }

    fn attempt(&self, next: Next<'_>) -> Attempt {
        let (mut kept, mut tables, mut open) = (Vec::new(), BTreeSet::new(), false);
        while let Some(mut job) = next(kept.len()) {
            if !open {
                if let Err(error) = self.begin() {
                    tell(job, Some(Error::Sqlite(error::copy(&error))));
                    return Attempt::Barred(error);
                }
                open = true;
            }
            match self.step(&mut job, kept.is_empty()) {
                Step::Kept => {
                    kept.push(job);
                    tables.append(&mut self.conn.guard.take_tables());
                }
                Step::Failed => {
                    self.counters.failed(1);
                    tell(job, None);
                    open = !kept.is_empty();
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

    /// Runs one job. The first of a transaction needs no savepoint: undoing it is undoing the transaction.
    fn step(&self, job: &mut BoxJob, first: bool) -> Step {
        let conn = self.conn;
        conn.guard.take_tables();
        if !first && let Err(error) = conn.own(SAVEPOINT) {
            conn.roll_back();
            return Step::Lost(Some(Error::Sqlite(error)));
        }
        let good = job.run(conn);
        if conn.is_autocommit() {
            return Step::Lost(good.then_some(Error::RolledBack));
        }
        if first {
            if !good {
                conn.roll_back();
            }
            return if good { Step::Kept } else { Step::Failed };
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
