//! The keys that an issuer publishes: fetched by a function of the caller's, kept fresh, never trusted for ever.
//!
//! # How a set ages
//!
//! ```text
//! fetched ── refresh_after ── served, and a refresh asked for ── max_age ── closed: 503 until a fetch succeeds
//! ```
//!
//! A token that names an unknown key asks for a refresh too, but such refreshes keep `min_interval` apart, so that
//! a flood of invented names costs one fetch. Refreshes run one at a time. The set changes at once and as a whole:
//! a token is judged by the old keys or by the new ones, and a rotation that publishes a key before using it is
//! never noticed.

mod builder;
#[cfg(feature = "reqwest")]
mod fetch;
mod gate;

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

pub use builder::JwksBuilder;
#[cfg(feature = "reqwest")]
pub use fetch::FetchSetupError;

use crate::algorithm::Algorithm;
use crate::backend::Backend;
use crate::clock::Clock;
use crate::error::AuthError;
use crate::key::{KeyError, VerifyKey, parse_jwk_set};
use crate::verify::ReadyKey;
use gate::{Entry, Gate};

type BoxedError = Box<dyn StdError + Send + Sync>;
type Fetching = Pin<Box<dyn Future<Output = Result<Vec<u8>, BoxedError>> + Send>>;
type Fetch = Box<dyn Fn() -> Fetching + Send + Sync>;

/// The shortest time between two fetches after a failure.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// The key set that one issuer publishes. Clones share it.
///
/// Load it with [`refresh`](Self::refresh) before the service answers, and spawn
/// [`keep_fresh`](Self::keep_fresh) on whatever runtime there is. Without that task the set is refreshed only by
/// [`Verifier::verify_fresh`](crate::Verifier::verify_fresh).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let executor = |future: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
/// #     let mut future = future;
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     assert!(future.as_mut().poll(&mut context).is_ready());
/// # };
/// use covet_auth::{Jwks, Verifier};
///
/// let jwks = Jwks::builder("https://id.example")
///     .fetch(|| async {
///         // Any HTTP client, or a file.
///         Ok::<_, std::io::Error>(
///             r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
///         )
///     })
///     .build()?;
/// let verifier = Verifier::builder().jwks(jwks.clone()).audience("https://api.example").build()?;
/// # executor(Box::pin(async move {
/// jwks.refresh().await.expect("the first load");
/// assert_eq!(jwks.status().keys, 1);
/// # drop(verifier);
/// # }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Jwks {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    refresh_after: Duration,
    max_age: Duration,
    min_interval: Duration,
    max_keys: usize,
    max_bytes: usize,
    rsa_algorithm: Option<Algorithm>,
    set: ArcSwap<KeySet>,
    gate: Gate<Result<(), JwksError>>,
    wanted: AtomicBool,
    fetches: AtomicU64,
    schedule: Mutex<Schedule>,
}

/// The loaded keys.
pub(crate) struct KeySet {
    pub(crate) keys: Vec<Arc<ReadyKey>>,
    generation: u64,
    /// When the fetch that proved them current was sent. `None` before the first.
    proved: Option<Duration>,
    skipped: Vec<(Option<String>, KeyError)>,
}

#[derive(Default)]
struct Schedule {
    last_attempt: Option<Duration>,
    last_for_unknown: Option<Duration>,
    failures: u32,
    last_error: Option<JwksError>,
    driver: Option<Waker>,
}

/// Why a key set could not be refreshed. The keys that were loaded stay until they are too old.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum JwksError {
    /// The fetch function failed.
    Fetch(Arc<dyn StdError + Send + Sync>),
    /// The document is larger than the limit.
    TooLarge,
    /// The document is no JWK set.
    NotASet,
    /// The set has no key that can be used. An empty set does not replace a good one.
    NoUsableKey,
}

impl fmt::Display for JwksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch(error) => write!(f, "the key set could not be fetched: {error}"),
            Self::TooLarge => f.write_str("the key set is larger than the limit"),
            Self::NotASet => f.write_str("what was fetched is no JWK set"),
            Self::NoUsableKey => f.write_str("the key set has no usable key"),
        }
    }
}

impl StdError for JwksError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Fetch(error) => Some(&**error),
            _ => None,
        }
    }
}

/// What a key set is like now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JwksStatus {
    /// How many keys are loaded.
    pub keys: usize,
    /// How often the keys have changed.
    pub generation: u64,
    /// How old the proof is that the keys are current; `None` when nothing was loaded.
    pub age: Option<Duration>,
    /// Whether tokens can be verified: loaded, and younger than the maximum age.
    pub usable: bool,
    /// How many fetches were started.
    pub fetches: u64,
    /// The keys of the last set that were left out, by `kid`, and why.
    pub skipped: Vec<(Option<String>, KeyError)>,
    /// Why the last refresh failed, if it did.
    pub last_error: Option<JwksError>,
}

impl Jwks {
    /// The key set of this issuer, to be given a fetch function.
    #[must_use]
    pub fn builder(issuer: impl Into<String>) -> JwksBuilder {
        JwksBuilder::new(issuer.into())
    }

    /// Whose keys these are.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// Fetches the set now. Callers that come while a fetch is under way share its outcome.
    ///
    /// # Errors
    ///
    /// When the fetch fails or brings nothing usable. Keys that were loaded before stay loaded.
    pub async fn refresh(&self) -> Result<(), JwksError> {
        match self.inner.gate.enter().await {
            Entry::Landed(outcome) => outcome,
            Entry::Pass(pass) => {
                let outcome = self.inner.fetch_and_load().await;
                pass.land(outcome.clone());
                outcome
            }
        }
    }

    /// Refreshes the set whenever it is due or asked for, for ever. Spawn it; drop it to stop.
    ///
    /// `sleep` is the runtime's, as `tokio::time::sleep`.
    pub async fn keep_fresh<S, F>(&self, sleep: S)
    where
        S: Fn(Duration) -> F,
        F: Future<Output = ()>,
    {
        loop {
            let mut sleeping = pin!(sleep(self.inner.until_due()));
            poll_fn(|cx| {
                // Register first, or a request made in between would be slept through.
                self.inner.schedule.lock().driver = Some(cx.waker().clone());
                if self.inner.until_due().is_zero() { Poll::Ready(()) } else { sleeping.as_mut().poll(cx) }
            })
            .await;
            if self.inner.until_due().is_zero() {
                if self.inner.wanted.load(Ordering::Relaxed) {
                    self.inner.note_unknown();
                }
                // The outcome is in the status, and decides when to try again.
                let _ = self.refresh().await;
            }
        }
    }

    /// What is loaded, how old it is, what went wrong.
    #[must_use]
    pub fn status(&self) -> JwksStatus {
        let set = self.inner.set.load();
        let age = set.proved.map(|proved| self.inner.clock.elapsed().saturating_sub(proved));
        JwksStatus {
            keys: set.keys.len(),
            generation: set.generation,
            age,
            usable: age.is_some_and(|age| age < self.inner.max_age),
            fetches: self.inner.fetches.load(Ordering::Relaxed),
            skipped: set.skipped.clone(),
            last_error: self.inner.schedule.lock().last_error.clone(),
        }
    }

    /// The loaded keys, unless they are too old. Asks for a refresh when they are due.
    pub(crate) fn current(&self) -> Result<arc_swap::Guard<Arc<KeySet>>, AuthError> {
        let set = self.inner.set.load();
        let age = set.proved.map(|proved| self.inner.clock.elapsed().saturating_sub(proved));
        match age {
            Some(age) if age < self.inner.refresh_after => Ok(set),
            Some(age) if age < self.inner.max_age => {
                self.inner.wake_driver();
                Ok(set)
            }
            _ => {
                self.inner.wake_driver();
                Err(AuthError::KeysUnavailable { retry_after: FIRST_RETRY })
            }
        }
    }

    /// Says that a token names a key that is not loaded.
    pub(crate) fn ask_for_refresh(&self) {
        if !self.inner.wanted.swap(true, Ordering::Relaxed) {
            self.inner.wake_driver();
        }
    }

    /// Refreshes for a token whose key is not loaded, unless that was done a moment ago. Callers that come while a
    /// fetch is under way wait for it.
    pub(crate) async fn refresh_for_unknown_key(&self) {
        match self.inner.gate.enter().await {
            Entry::Landed(_) => {}
            Entry::Pass(pass) => {
                if self.inner.until_unknown_allowed().is_zero() {
                    self.inner.note_unknown();
                    pass.land(self.inner.fetch_and_load().await);
                }
            }
        }
    }
}

impl Jwks {
    /// Fetches the set if it is due and nobody else is fetching it.
    pub(crate) async fn refresh_if_due(&self) {
        if self.inner.until_due().is_zero()
            && let Some(pass) = self.inner.gate.try_enter()
        {
            pass.land(self.inner.fetch_and_load().await);
        }
    }
}

impl Inner {
    async fn fetch_and_load(&self) -> Result<(), JwksError> {
        let sent = self.clock.elapsed();
        self.schedule.lock().last_attempt = Some(sent);
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let fetched = (self.fetch)().await.map_err(|error| JwksError::Fetch(Arc::from(error)));
        let outcome = fetched.and_then(|json| self.load(&json, sent));
        let mut schedule = self.schedule.lock();
        schedule.failures = if outcome.is_ok() { 0 } else { schedule.failures.saturating_add(1) };
        schedule.last_error = outcome.as_ref().err().cloned();
        outcome
    }

    /// Replaces the set. Only one flight is under way, so nobody else does.
    fn load(&self, json: &[u8], sent: Duration) -> Result<(), JwksError> {
        if json.len() > self.max_bytes {
            return Err(JwksError::TooLarge);
        }
        let (keys, mut skipped) =
            parse_jwk_set(json, self.max_keys, self.rsa_algorithm).map_err(|_| JwksError::NotASet)?;
        let old = self.set.load();
        let generation = old.generation + 1;
        let mut ready = Vec::with_capacity(keys.len());
        for key in keys {
            let key = ReadyKey::new(key, generation);
            match Backend::preferred().map_or(Ok(()), |backend| key.prepare(backend)) {
                Ok(()) => ready.push(Arc::new(key)),
                Err(error) => skipped.push((key.key.kid, error)),
            }
        }
        if ready.is_empty() {
            return Err(JwksError::NoUsableKey);
        }
        let digest = |key: &VerifyKey| *key.digest().finalize().as_bytes();
        let same = |(new, old): (&Arc<ReadyKey>, &Arc<ReadyKey>)| digest(&new.key) == digest(&old.key);
        // Unchanged keys stay as they are, parsed and with their generation.
        let set = if ready.len() == old.keys.len() && ready.iter().zip(&old.keys).all(same) {
            KeySet { keys: old.keys.clone(), generation: old.generation, proved: Some(sent), skipped }
        } else {
            KeySet { keys: ready, generation, proved: Some(sent), skipped }
        };
        self.set.store(Arc::new(set));
        self.wanted.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// How long until a refresh should start: because the set ages, because the last attempt failed, or because an
    /// unknown key was named.
    fn until_due(&self) -> Duration {
        let now = self.clock.elapsed();
        let age = self.set.load().proved.map(|proved| now.saturating_sub(proved));
        let mut due = age.map_or(Duration::ZERO, |age| self.refresh_after.saturating_sub(age));
        {
            let schedule = self.schedule.lock();
            if let (1.., Some(last)) = (schedule.failures, schedule.last_attempt) {
                let wait = FIRST_RETRY.saturating_mul(1 << (schedule.failures - 1).min(16)).min(self.refresh_after);
                due = due.max(wait.saturating_sub(now.saturating_sub(last)));
            }
        }
        if self.wanted.load(Ordering::Relaxed) { due.min(self.until_unknown_allowed()) } else { due }
    }

    fn until_unknown_allowed(&self) -> Duration {
        let now = self.clock.elapsed();
        let schedule = self.schedule.lock();
        let loaded = self.set.load().proved.is_some();
        let interval = if loaded { self.min_interval } else { self.min_interval.min(FIRST_RETRY) };
        schedule.last_for_unknown.map_or(Duration::ZERO, |last| interval.saturating_sub(now.saturating_sub(last)))
    }

    fn note_unknown(&self) {
        self.schedule.lock().last_for_unknown = Some(self.clock.elapsed());
    }

    fn wake_driver(&self) {
        let driver = self.schedule.lock().driver.take();
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("issuer", &self.inner.issuer).field("status", &self.status()).finish()
    }
}
