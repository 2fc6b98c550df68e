//! A query-result cache: encoded answers by key, loaded once however many ask, and invalidated by what they were read from.
//!
//! Values are encoded [`Bytes`], so a hit costs a look-up and a reference count. What sets it apart from a map with a time to live:
//!
//! - **Coalescing with a detached leader.** Requests for one missing key share one load, which runs as a task of its own: a caller
//!   that is cancelled or runs out of time never fails the others. Each caller has its own deadline; all get the same error.
//! - **Invalidation that wins races.** An answer carries tags (`"user:7"`, `"table:users"`); [`QueryCache::invalidate`] makes every
//!   answer with the tag invalid, also one whose load began before and ends after.
//! - **No stampede at expiry.** Times to live are jittered, a popular answer is refreshed shortly before it expires, and
//!   loads of different keys queue behind one limit.
//! - **Stale answers by choice**: while a refresh runs, or when it fails. Absence can be remembered for a shorter time.
//!
//! Needs a tokio runtime. Memory is bounded by [`CacheBuilder::capacity_bytes`]; [moka](https://docs.rs/moka) holds the entries and decides which to drop.
//!
//! ```
//! use bytes::Bytes;
//! use covet_kit::cache::{CacheKey, QueryCache};
//!
//! # #[derive(Debug)] struct DbError;
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let cache = QueryCache::<DbError>::builder().build()?;
//! let key = CacheKey::new("user").param(7_u64).build();
//!
//! let user = cache.entry(&key).tags(&["table:users"]).load(|| async { Ok(Some(Bytes::from("{}"))) }).await.unwrap();
//! assert_eq!(user.body.as_deref(), Some(&b"{}"[..]));
//!
//! cache.invalidate("table:users"); // after the transaction that changed it has committed
//! # Ok::<(), covet_kit::cache::ConfigError>(()) }).unwrap();
//! ```

mod config;
mod entry;
mod flight;
mod key;
mod stats;
mod tags;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant as StdInstant};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use config::{CacheBuilder, ConfigError};
pub use entry::{Cached, Entry, Source};
pub use key::{CacheKey, CacheKeyBuilder, KeyPart};
pub use stats::CacheStats;

use flight::Flights;
use stats::Counters;
use tags::{Stamp, Tags};

/// A cache of encoded query results. Clones share one cache.
///
/// `E` is the error of the loaders; every request that waited for a failed load gets the same [`Arc`] of it.
pub struct QueryCache<E> {
    shared: Arc<Shared<E>>,
}

/// Why a request got no answer.
#[non_exhaustive]
pub enum CacheError<E> {
    /// The loader ended with this error, shared by every request that waited for it. It is not cached.
    Load(Arc<E>),
    /// The request's deadline passed; the load goes on, and a later request may find its answer.
    Timeout,
    /// The loader panicked.
    Panicked,
    /// The load was dropped unfinished, because its runtime shut down.
    Aborted,
    /// The loader asked for the key that it is itself loading, which would wait for ever.
    Reentrant,
}

struct Shared<E> {
    settings: CacheBuilder<E>,
    /// The origin of the millisecond clock in [`Answer::refresh_after`].
    epoch: Instant,
    answers: moka::sync::Cache<CacheKey, Arc<Answer>>,
    flights: Flights<E>,
    loads: Semaphore,
    tags: Tags,
    counters: Counters,
}

/// One held answer. It is valid while its stamp is, and of use until `on_error_until`.
struct Answer {
    /// `None`: the loader found nothing.
    body: Option<Bytes>,
    stamp: Stamp,
    fresh_until: Instant,
    stale_until: Instant,
    on_error_until: Instant,
    /// How long the loader took: the δ of early refresh.
    load_time: Duration,
    /// No load for this answer starts before this many milliseconds after the cache's epoch.
    refresh_after: AtomicU64,
}

/// What may be done with an answer at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fresh,
    /// Fresh, and due for a refresh in the background.
    Early,
    /// Past its time; to be served while a background load replaces it.
    Stale,
    /// Past its time; to be served if a load fails.
    OnError,
    Dead,
}

impl<E: Send + Sync + 'static> QueryCache<E> {
    /// The settings, with their defaults.
    pub fn builder() -> CacheBuilder<E> {
        CacheBuilder::default()
    }

    fn with_settings(settings: CacheBuilder<E>) -> Self {
        let answers = moka::sync::Cache::builder()
            .max_capacity(settings.capacity_bytes)
            .weigher(|key: &CacheKey, answer: &Arc<Answer>| weight(key, answer))
            .expire_after(UntilUseless)
            .build();
        Self {
            shared: Arc::new(Shared {
                epoch: Instant::now(),
                answers,
                flights: Flights::default(),
                loads: Semaphore::new(settings.max_loads),
                tags: Tags::default(),
                counters: Counters::default(),
                settings,
            }),
        }
    }

    /// One request for the answer named by `key`; end it with [`Entry::load`] or [`Entry::get`].
    pub fn entry<'a>(&'a self, key: &'a CacheKey) -> Entry<'a, E> {
        Entry::new(self, key)
    }

    /// Makes every answer with this tag invalid, at once, also those still being loaded. By convention a table's tag is
    /// `table:NAME`.
    ///
    /// Call it after the change has committed: an invalidation before the commit lets a load read the old rows after it.
    /// Costs one hash look-up, however many answers carry the tag.
    pub fn invalidate(&self, tag: &str) {
        self.shared.tags.bump(tag);
    }

    /// Makes every answer invalid and drops the held ones.
    pub fn clear(&self) {
        self.shared.tags.bump_all();
        self.shared.answers.invalidate_all();
    }

    /// What the cache has done so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        self.shared.counters.read(self.shared.answers.entry_count(), self.shared.answers.weighted_size())
    }
}

impl<E> Shared<E> {
    /// The answer held under `key`, if nothing it was read from has changed.
    fn held(&self, key: &CacheKey) -> Option<Arc<Answer>> {
        self.answers.get(key).filter(|answer| answer.stamp.is_valid())
    }

    fn judge(&self, answer: &Answer, now: Instant) -> Verdict {
        if now < answer.fresh_until {
            let beta = self.settings.early_refresh;
            // Beyond this no random number brings the refresh forward, and none is drawn: -ln(2^-53) is below 37.
            if answer.fresh_until - now > answer.load_time.mul_f64(beta * 37.0) {
                return Verdict::Fresh;
            }
            // `1 - f64()` is in (0, 1], so the logarithm is finite and not positive.
            let head_start = answer.load_time.mul_f64(beta * -(1.0 - fastrand::f64()).ln());
            return if beta > 0.0 && now + head_start >= answer.fresh_until { Verdict::Early } else { Verdict::Fresh };
        }
        match now {
            _ if now < answer.stale_until => Verdict::Stale,
            _ if now < answer.on_error_until => Verdict::OnError,
            _ => Verdict::Dead,
        }
    }

    /// Takes the right to start a load for `answer`; false within [`CacheBuilder::retry_after`] of the last one.
    fn claim_refresh(&self, answer: &Answer, now: Instant) -> bool {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let at = millis(now - self.epoch);
        let after = answer.refresh_after.load(Ordering::Relaxed);
        at >= after
            && answer
                .refresh_after
                .compare_exchange(after, at + millis(self.settings.retry_after), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Holds what a load found, unless its time to live is zero.
    fn store(&self, key: CacheKey, body: Option<Bytes>, stamp: Stamp, ttl: Duration, load_time: Duration) {
        let ttl = if body.is_some() { ttl } else { self.settings.negative_ttl };
        if ttl.is_zero() || !stamp.is_valid() {
            return;
        }
        let fresh_until = Instant::now() + ttl.mul_f64(1.0 - self.settings.jitter * fastrand::f64());
        let stale_until = fresh_until + self.settings.stale_while_revalidate;
        let on_error_until = stale_until.max(fresh_until + self.settings.stale_if_error);
        let refresh_after = AtomicU64::new(0);
        self.answers.insert(
            key,
            Arc::new(Answer { body, stamp, fresh_until, stale_until, on_error_until, load_time, refresh_after }),
        );
    }
}

/// Bytes that an entry takes: its key twice (the cache's index keeps one), its body, and the fixed parts around them.
fn weight(key: &CacheKey, answer: &Answer) -> u32 {
    const FIXED: usize = size_of::<Answer>() + 160;
    let body = answer.body.as_ref().map_or(0, Bytes::len);
    u32::try_from(FIXED + key.len() + body).unwrap_or(u32::MAX)
}

/// Lets the store drop an answer when it can no longer be served in any way.
struct UntilUseless;

impl moka::Expiry<CacheKey, Arc<Answer>> for UntilUseless {
    fn expire_after_create(&self, _: &CacheKey, answer: &Arc<Answer>, _: StdInstant) -> Option<Duration> {
        Some(answer.on_error_until.saturating_duration_since(Instant::now()))
    }

    fn expire_after_update(
        &self,
        key: &CacheKey,
        answer: &Arc<Answer>,
        now: StdInstant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(key, answer, now)
    }
}

impl<E> Clone for QueryCache<E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<E> fmt::Debug for QueryCache<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryCache").field("entries", &self.shared.answers.entry_count()).finish_non_exhaustive()
    }
}

impl<E> Clone for CacheError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Load(error) => Self::Load(error.clone()),
            Self::Timeout => Self::Timeout,
            Self::Panicked => Self::Panicked,
            Self::Aborted => Self::Aborted,
            Self::Reentrant => Self::Reentrant,
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for CacheError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => f.debug_tuple("Load").field(error).finish(),
            Self::Timeout => f.write_str("Timeout"),
            Self::Panicked => f.write_str("Panicked"),
            Self::Aborted => f.write_str("Aborted"),
            Self::Reentrant => f.write_str("Reentrant"),
        }
    }
}

impl<E: fmt::Display> fmt::Display for CacheError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => write!(f, "loading the answer failed: {error}"),
            Self::Timeout => f.write_str("the answer was not loaded before the request's deadline"),
            Self::Panicked => f.write_str("the loader panicked"),
            Self::Aborted => f.write_str("the load was dropped unfinished: its runtime shut down"),
            Self::Reentrant => f.write_str("the loader asked the cache for the key that it is loading"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CacheError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Load(error) => Some(&**error),
            _ => None,
        }
    }
}
