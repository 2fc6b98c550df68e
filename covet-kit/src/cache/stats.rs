//! What the cache has done so far, as plain counters that any metrics system can read.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A reading of the cache's counters; each only rises, except `entries` and `bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheStats {
    /// Answers served from the cache while fresh, the remembered absences among them.
    pub hits: u64,
    /// Requests that started a load and waited for it.
    pub misses: u64,
    /// Requests that waited for a load which another request had started.
    pub coalesced: u64,
    /// Answers served past their time to live, because a refresh was under way or had failed.
    pub stale: u64,
    /// Loads started in the background for an answer that was served meanwhile.
    pub refreshes: u64,
    /// Loads that the loader ended with an error, or that panicked.
    pub load_errors: u64,
    /// Requests whose deadline passed while their load went on.
    pub timeouts: u64,
    /// Answers held, fresh and stale (lags behind by a moment).
    pub entries: u64,
    /// Bytes that the held answers weigh: keys, bodies and bookkeeping (lags behind by a moment).
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) coalesced: Counter,
    pub(super) stale: Counter,
    pub(super) refreshes: Counter,
    pub(super) load_errors: Counter,
    pub(super) timeouts: Counter,
}

/// A count in stripes, each on cache lines of its own: threads that count at the same time do not wait for each other's.
#[derive(Debug, Default)]
pub(super) struct Counter([Stripe; STRIPES]);

const STRIPES: usize = 16;

#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

impl Counter {
    pub(super) fn add_one(&self) {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        // While a thread ends it has no number any more.
        let stripe = THREAD.try_with(|number| number % STRIPES).unwrap_or(0);
        self.0[stripe].0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}

impl Counters {
    pub(super) fn read(&self, entries: u64, bytes: u64) -> CacheStats {
        CacheStats {
            hits: self.hits.get(),
            misses: self.misses.get(),
            coalesced: self.coalesced.get(),
            stale: self.stale.get(),
            refreshes: self.refreshes.get(),
            load_errors: self.load_errors.get(),
            timeouts: self.timeouts.get(),
            entries,
            bytes,
        }
    }
}
