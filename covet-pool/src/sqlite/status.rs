//! What a database pool has counted.

use crate::statements::StatementStats;
use crate::stats::Status;
use std::sync::atomic::{AtomicU64, Ordering};

/// A picture of a [`SqlitePool`](super::SqlitePool).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SqliteStatus {
    /// The pool of readers (of `:memory:`: of the only connection).
    pub readers: Status,
    /// Reads of tasks that wait for a thread.
    pub queued_reads: usize,
    /// Writes that wait for the writer.
    pub queued_writes: usize,
    /// What the writer has done.
    pub writes: WriteStats,
    /// The statement caches of all connections. An eviction is a miss of a full cache; a re-preparation (by SQLite, after the
    /// schema has changed) is seen when the statement is used next.
    pub statements: StatementStats,
}

/// What the writer of a pool has done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteStats {
    /// Commits.
    pub commits: u64,
    /// Writes acknowledged by them; divided by `commits`, the size of a group.
    pub committed: u64,
    /// The most writes that shared a commit.
    pub largest_group: u64,
    /// Writes that failed and were undone.
    pub failed: u64,
    /// Times that a write was run again because another one had taken its transaction down.
    pub rerun: u64,
    /// Transactions rolled back by one of their writes.
    pub lost: u64,
    /// Commits that SQLite refused.
    pub refused: u64,
    /// Uses of `write_alone`.
    pub alone: u64,
}

#[derive(Debug, Default)]
pub(super) struct WriteCounters {
    commits: AtomicU64,
    committed: AtomicU64,
    largest_group: AtomicU64,
    failed: AtomicU64,
    rerun: AtomicU64,
    lost: AtomicU64,
    refused: AtomicU64,
    alone: AtomicU64,
}

impl WriteCounters {
    pub(super) fn committed(&self, jobs: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.committed.fetch_add(jobs as u64, Ordering::Relaxed);
        self.largest_group.fetch_max(jobs as u64, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, jobs: usize) {
        self.failed.fetch_add(jobs as u64, Ordering::Relaxed);
    }

    pub(super) fn rerun(&self, jobs: usize) {
        self.rerun.fetch_add(jobs as u64, Ordering::Relaxed);
    }

    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn alone(&self) {
        self.alone.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> WriteStats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WriteStats {
            commits: of(&self.commits),
            committed: of(&self.committed),
            largest_group: of(&self.largest_group),
            failed: of(&self.failed),
            rerun: of(&self.rerun),
            lost: of(&self.lost),
            refused: of(&self.refused),
            alone: of(&self.alone),
        }
    }
}
