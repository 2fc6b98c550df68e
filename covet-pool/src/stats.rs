//! Counters, and the picture of a pool that they give.

use crate::hooks::CloseReason;
use crate::statements::StatementStats;
use crate::sync::stat::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets of a [`Histogram`]: powers of two of microseconds.
pub const BUCKETS: usize = 32;

/// How durations were distributed. Bucket `i` counts those below `2^i` microseconds and not below `2^(i-1)`; the last one
/// counts everything longer too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Histogram {
    /// The counts.
    pub buckets: [u64; BUCKETS],
}

impl Histogram {
    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// An upper bound of the duration that the given part (0 to 1) of all stayed below; `None` if there are none.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let total = self.count();
        let rank = ((total as f64 * part.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        self.buckets.iter().enumerate().find_map(|(bucket, count)| {
            seen += count;
            (*count > 0 && seen >= rank).then(|| Duration::from_micros(1 << bucket))
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Recorder([AtomicU64; BUCKETS]);

impl Recorder {
    pub(crate) fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.0[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Histogram {
        Histogram { buckets: std::array::from_fn(|bucket| self.0[bucket].load(Ordering::Relaxed)) }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) created: AtomicU64,
    pub(crate) connect_failures: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) queue_full: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) leaks: AtomicU64,
    pub(crate) wait_time: Recorder,
    pub(crate) connect_time: Recorder,
    closed: [AtomicU64; CloseReason::ALL.len()],
    /// Checkouts of connections that are closed now.
    past_uses: AtomicU64,
}

impl Counters {
    pub(crate) fn closed(&self, reason: CloseReason, uses: u64) {
        self.closed[reason as usize].fetch_add(1, Ordering::Relaxed);
        self.past_uses.fetch_add(uses, Ordering::Relaxed);
    }

    pub(crate) fn closed_by_reason(&self) -> ClosedBy {
        ClosedBy(std::array::from_fn(|reason| self.closed[reason].load(Ordering::Relaxed)))
    }

    pub(crate) fn past_uses(&self) -> u64 {
        self.past_uses.load(Ordering::Relaxed)
    }
}

/// How many connections were closed, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClosedBy([u64; CloseReason::ALL.len()]);

impl ClosedBy {
    /// How many for this reason.
    pub fn count(&self, reason: CloseReason) -> u64 {
        self.0[reason as usize]
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// All reasons with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (CloseReason, u64)> + '_ {
        CloseReason::ALL.iter().map(|&reason| (reason, self.count(reason)))
    }
}

/// A picture of a pool.
///
/// The counts of the first group belong together: they were taken at one moment, while no waiter could come or go.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// The most connections allowed now.
    pub max_size: usize,
    /// Connections that exist or are being opened: never more than `max_size`, but for the rest of a `resize` downwards.
    pub size: usize,
    /// Connections that nobody uses.
    pub idle: usize,
    /// Connections that callers hold, or that are being checked, reset or closed.
    pub in_use: usize,
    /// Connections being opened.
    pub connecting: usize,
    /// Callers that wait.
    pub waiting: usize,
    /// Whether the pool is closed.
    pub closed: bool,

    /// Connections opened since the pool was built.
    pub created: u64,
    /// Attempts to open one that failed.
    pub connect_failures: u64,
    /// Connections closed, by reason.
    pub closed_by: ClosedBy,
    /// Connections handed out. Those of this moment may be missing.
    pub checkouts: u64,
    /// Per open connection, how often it has been handed out.
    pub uses: Vec<u64>,
    /// Callers whose time was over.
    pub timeouts: u64,
    /// Callers turned away because too many waited.
    pub queue_full: u64,
    /// Connections taken past somebody who waited: none under [`Fairness::Strict`](crate::Fairness::Strict).
    pub overtakes: u64,
    /// Panics of the manager or of hooks, caught.
    pub panics: u64,
    /// Checkouts reported because they lasted longer than `leak_after`.
    pub leaks: u64,
    /// How long callers slept in the queue, of one in eight of those that did; time-outs are not in it.
    pub wait_time: Histogram,
    /// How long it took to open connections.
    pub connect_time: Histogram,
    /// What the statement caches have counted.
    pub statements: StatementStats,
}
