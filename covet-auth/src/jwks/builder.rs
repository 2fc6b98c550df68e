//! How a key set is put together.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::gate::Gate;
use super::{BoxedError, Fetch, Inner, Jwks, KeySet, Schedule};
use crate::algorithm::Algorithm;
use crate::clock::{Clock, SystemClock};
use crate::verify::ConfigError;

/// A key set under construction: see [`Jwks::builder`].
pub struct JwksBuilder {
    issuer: String,
    pub(super) fetch: Option<Fetch>,
    refresh_after: Duration,
    max_age: Duration,
    min_interval: Duration,
    max_keys: usize,
    pub(super) max_bytes: usize,
    rsa_algorithm: Option<Algorithm>,
    clock: Arc<dyn Clock>,
}

impl JwksBuilder {
    pub(super) fn new(issuer: String) -> Self {
        Self {
            issuer,
            fetch: None,
            refresh_after: Duration::from_secs(300),
            max_age: Duration::from_secs(3600),
            min_interval: Duration::from_secs(10),
            max_keys: 64,
            max_bytes: 256 * 1024,
            rsa_algorithm: Some(Algorithm::RS256),
            clock: SystemClock::shared(),
        }
    }

    /// Fetches the set with this function. It must come from the issuer, over TLS; it must give up by itself after a
    /// while, and should stop reading above [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub fn fetch<F, R, B, E>(mut self, fetch: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<B, E>> + Send + 'static,
        B: AsRef<[u8]>,
        E: Into<BoxedError>,
    {
        self.fetch = Some(Box::new(move || {
            let fetching = fetch();
            Box::pin(async move { fetching.await.map(|body| body.as_ref().to_vec()).map_err(Into::into) })
        }));
        self
    }

    /// The age at which the set is fetched again, while it is still served. 5 minutes by default.
    #[must_use]
    pub fn refresh_after(mut self, age: Duration) -> Self {
        self.refresh_after = age;
        self
    }

    /// The age at which the set is no longer served: a key that its issuer withdrew is trusted no longer than this,
    /// even if the issuer cannot be reached. An hour by default.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// The time between two fetches on account of unknown keys. 10 seconds by default.
    #[must_use]
    pub fn min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = interval;
        self
    }

    /// The most keys taken from a set; further ones are skipped. 64 by default.
    #[must_use]
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// The largest document, in bytes. 256 KiB by default.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The algorithm of RSA keys that do not name theirs; `None` skips them. `RS256` by default.
    #[must_use]
    pub fn rsa_algorithm(mut self, algorithm: Option<Algorithm>) -> Self {
        self.rsa_algorithm = algorithm;
        self
    }

    /// The time. The system's by default.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The key set, nothing loaded yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoKey`] without a fetch function.
    pub fn build(self) -> Result<Jwks, ConfigError> {
        let empty = KeySet { keys: Vec::new(), generation: 0, proved: None, skipped: Vec::new() };
        Ok(Jwks {
            inner: Arc::new(Inner {
                issuer: self.issuer,
                fetch: self.fetch.ok_or(ConfigError::NoKey)?,
                clock: self.clock,
                refresh_after: self.refresh_after.min(self.max_age),
                max_age: self.max_age,
                min_interval: self.min_interval,
                max_keys: self.max_keys,
                max_bytes: self.max_bytes,
                rsa_algorithm: self.rsa_algorithm,
                set: ArcSwap::from_pointee(empty),
                gate: Gate::new(),
                wanted: AtomicBool::new(false),
                fetches: AtomicU64::new(0),
                schedule: Mutex::new(Schedule::default()),
            }),
        })
    }
}

impl fmt::Debug for JwksBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksBuilder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
