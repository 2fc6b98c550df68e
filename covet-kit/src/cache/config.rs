//! The cache's settings, and what each is for.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::QueryCache;

/// Settings of a [`QueryCache`]; start from [`QueryCache::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct CacheBuilder<E> {
    pub(super) capacity_bytes: u64,
    pub(super) ttl: Duration,
    pub(super) jitter: f64,
    pub(super) negative_ttl: Duration,
    pub(super) stale_while_revalidate: Duration,
    pub(super) stale_if_error: Duration,
    pub(super) early_refresh: f64,
    pub(super) retry_after: Duration,
    pub(super) deadline: Duration,
    pub(super) max_loads: usize,
    pub(super) error: PhantomData<fn() -> E>,
}

impl<E> Default for CacheBuilder<E> {
    fn default() -> Self {
        Self {
            capacity_bytes: 64 << 20,
            ttl: Duration::from_secs(60),
            jitter: 0.1,
            negative_ttl: Duration::from_secs(5),
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            early_refresh: 1.0,
            retry_after: Duration::from_secs(1),
            deadline: Duration::from_secs(30),
            max_loads: 256,
            error: PhantomData,
        }
    }
}

impl<E: Send + Sync + 'static> CacheBuilder<E> {
    /// Bytes that all answers may weigh together: keys, bodies and bookkeeping. Default 64 MiB.
    pub fn capacity_bytes(mut self, bytes: u64) -> Self {
        self.capacity_bytes = bytes;
        self
    }

    /// How long an answer is fresh. Default 60 s; [`Entry::ttl`](super::Entry::ttl) overrides it for one query.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The random share by which each time to live is shortened, from 0 to 1, so that answers loaded together do not expire
    /// together. Default 0.1.
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = share;
        self
    }

    /// How long "there is no such row" is remembered. Default 5 s; zero never remembers it.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = ttl;
        self
    }

    /// How long past its time to live an answer is still served while one background load replaces it. Default zero: never.
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = window;
        self
    }

    /// How long past its time to live an answer is still served when loading a new one fails. Default zero: never.
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// The β of probabilistic early refresh (Vattani, Chierichetti, Lowenstein 2015): a hit starts a background load when
    /// `now - load_time * β * ln(random) >= expiry`, so that a popular answer is replaced shortly before it expires.
    /// Default 1; zero turns it off, more than one refreshes earlier.
    pub fn early_refresh(mut self, beta: f64) -> Self {
        self.early_refresh = beta;
        self
    }

    /// The least time between two background loads of one answer, so that a failing origin is not asked by every hit. Default 1 s.
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = pause;
        self
    }

    /// How long one request waits for a load before it gives up with [`CacheError::Timeout`](super::CacheError::Timeout); the load goes on
    /// for the others. Default 30 s; [`Entry::deadline`](super::Entry::deadline) overrides it for one request.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many loads may run at once, over all keys. Default 256. Loads of different keys that expire together queue here and
    /// not at the database.
    pub fn max_loads(mut self, loads: usize) -> Self {
        self.max_loads = loads;
        self
    }

    /// Makes the cache.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the setting that is out of its range.
    pub fn build(self) -> Result<QueryCache<E>, ConfigError> {
        check("jitter", "between 0 and 1", (0.0..=1.0).contains(&self.jitter))?;
        check("early_refresh", "between 0 and 1000", (0.0..=1000.0).contains(&self.early_refresh))?;
        check("ttl", "longer than zero", !self.ttl.is_zero())?;
        check("max_loads", "between 1 and 1,000,000", (1..=1_000_000).contains(&self.max_loads))?;
        let year = Duration::from_secs(366 * 24 * 3600);
        let windows = [
            self.ttl,
            self.negative_ttl,
            self.stale_while_revalidate,
            self.stale_if_error,
            self.retry_after,
            self.deadline,
        ];
        check("each duration", "at most a year", windows.iter().all(|window| *window <= year))?;
        Ok(QueryCache::with_settings(self))
    }
}

impl<E> fmt::Debug for CacheBuilder<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("capacity_bytes", &self.capacity_bytes)
            .field("ttl", &self.ttl)
            .field("max_loads", &self.max_loads)
            .finish_non_exhaustive()
    }
}

fn check(setting: &'static str, range: &'static str, holds: bool) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError { setting, range }) }
}

/// A setting of the cache is out of its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: &'static str,
    range: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cache setting `{}` must be {}", self.setting, self.range)
    }
}

impl std::error::Error for ConfigError {}
