//! How a blacklist is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

use super::audit::{AuditEvent, AuditHook};
use super::error::BlacklistError;
use super::fingerprint::FingerprintKey;
use super::table::Keep;

/// How many bits of a fingerprint are kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FingerprintBits {
    /// 8 bytes of fingerprint per token. With `n` tokens that expire close together, a check of a good token
    /// refuses it wrongly with odds of `n / 2^64`: at 10 million and 100,000 checks a second, once in half a year
    /// if all of them share one bucket, once in centuries if they are spread over an hour.
    #[default]
    Bits64,
    /// 16 bytes per token. A wrong refusal then has odds of `n / 2^128`.
    Bits128,
}

/// What is done about tokens that never expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NoExpiry {
    /// Every check refuses them.
    #[default]
    Refuse,
    /// They are accepted until revoked, and a revocation of one is kept for ever, as are all cut-offs and
    /// revocations by id: memory is then bounded by the ceiling alone.
    KeepForever,
}

/// The settings of a [`Blacklist`](super::Blacklist).
///
/// ```
/// use covet_auth::{Blacklist, BlacklistConfig};
/// use std::time::Duration;
///
/// let blacklist = Blacklist::new(
///     BlacklistConfig::new().leeway(Duration::from_secs(30)).max_lifetime(Duration::from_secs(30 * 86_400)),
/// )?;
/// assert!(blacklist.is_empty());
/// # Ok::<(), covet_auth::BlacklistError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct BlacklistConfig {
    pub(crate) bits: FingerprintBits,
    pub(crate) key: Option<FingerprintKey>,
    pub(crate) leeway: Duration,
    pub(crate) skew: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) no_expiry: NoExpiry,
    pub(crate) max_entries: usize,
    pub(crate) max_keys: usize,
    pub(crate) reader_cache: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) audit: Option<AuditHook>,
}

impl BlacklistConfig {
    /// The defaults: 64-bit fingerprints under a fresh random key, a leeway of 60 seconds, a skew of 5, a longest
    /// lifetime of 90 days, tokens without expiry refused, 16 million entries, 1024 keys, the system's clock.
    pub fn new() -> Self {
        Self {
            bits: FingerprintBits::default(),
            key: None,
            leeway: Duration::from_secs(60),
            skew: Duration::from_secs(5),
            max_lifetime: Duration::from_secs(90 * 86_400),
            no_expiry: NoExpiry::default(),
            max_entries: 16 << 20,
            max_keys: 1024,
            reader_cache: 24 << 20,
            clock: SystemClock::shared(),
            audit: None,
        }
    }

    /// How many bits of each fingerprint to hold. A store holds 128 in any case.
    pub fn fingerprint_bits(mut self, bits: FingerprintBits) -> Self {
        self.bits = bits;
        self
    }

    /// The key of the fingerprints. Needed when revocations are stored or shared; without one, a blacklist makes
    /// its own and forgets it.
    pub fn key(mut self, key: FingerprintKey) -> Self {
        self.key = Some(key);
        self
    }

    /// For how long after `exp` a verifier may still accept a token. Must be no less than any verifier's leeway.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// By how much the clocks of issuers and verifiers may differ. Entries are kept, and cut-offs reach, that
    /// much further.
    pub fn skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// The longest time from `iat` to `exp` of any token, refresh tokens included. Cut-offs and revocations by id
    /// alone are kept that long; tokens that live longer are refused.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// What to do about tokens without `exp`.
    pub fn no_expiry(mut self, policy: NoExpiry) -> Self {
        self.no_expiry = policy;
        self
    }

    /// The ceiling: with so many tokens, ids and cut-offs held, a further revocation fails.
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries;
        self
    }

    /// The ceiling of revoked keys, which are kept for ever.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Up to how many bytes of blacklist each thread may go on holding after they were replaced, until it checks
    /// again or ends. Spares a check two atomic exchanges. Zero: threads hold nothing.
    pub fn reader_cache(mut self, bytes: usize) -> Self {
        self.reader_cache = bytes;
        self
    }

    /// The time that lapses are judged by. Must be the verifier's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Calls `hook` after each revocation made through this blacklist. It runs on the revoking thread, outside
    /// of any lock.
    pub fn audit(mut self, hook: impl Fn(&AuditEvent<'_>) + Send + Sync + 'static) -> Self {
        self.audit = Some(Arc::new(hook));
        self
    }

    pub(crate) fn keep(&self) -> Result<Keep, BlacklistError> {
        if self.max_lifetime.is_zero() {
            return Err(BlacklistError::Config("the longest lifetime is zero"));
        }
        if self.max_entries == 0 {
            return Err(BlacklistError::Config("the ceiling is zero"));
        }
        let day = Duration::from_secs(86_400);
        if self.leeway > day || self.skew > day {
            return Err(BlacklistError::Config("a leeway or skew of more than a day accepts dead tokens"));
        }
        // Whoever compares with whole seconds accepts a token throughout the second `exp + leeway`.
        let after_expiry = whole(self.leeway) + 1 + whole(self.skew);
        let lapses = self.no_expiry == NoExpiry::Refuse;
        Ok(Keep { after_expiry, lifetime: whole(self.max_lifetime), lapses })
    }
}

/// Seconds, rounded up.
pub(crate) fn whole(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

impl Default for BlacklistConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BlacklistConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlacklistConfig")
            .field("bits", &self.bits)
            .field("key", &self.key)
            .field("leeway", &self.leeway)
            .field("skew", &self.skew)
            .field("max_lifetime", &self.max_lifetime)
            .field("no_expiry", &self.no_expiry)
            .field("max_entries", &self.max_entries)
            .field("max_keys", &self.max_keys)
            .field("reader_cache", &self.reader_cache)
            .field("clock", &self.clock)
            .field("audit", &self.audit.is_some())
            .finish()
    }
}
