//! How a verifier is put together, and what is refused while it is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::header::{HeaderMemory, TypePolicy};
use super::keyring::ReadyKey;
use super::seen::SeenSignatures;
use super::{IssuerKeys, Verifier};
use crate::backend::Backend;
use crate::clock::{Clock, SystemClock};
use crate::jwks::Jwks;
use crate::key::{KeyError, VerifyKey};

/// Why a verifier could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// No cryptographic backend was compiled in.
    NoBackend,
    /// Neither a key nor a JWKS was given.
    NoKey,
    /// No issuer was given. [`VerifierBuilder::any_issuer`] says that none is meant.
    NoIssuer,
    /// No audience was given. [`VerifierBuilder::any_audience`] says that none is meant.
    NoAudience,
    /// Several issuers are accepted, and a key does not say whose it is.
    UnscopedKey,
    /// Any issuer is accepted, and yet one is named.
    AnyIssuerAndOne,
    /// Two JWKS for one issuer.
    TwoSets,
    /// A key of this `kid` is there already, and a name is never used twice.
    DuplicateKid,
    /// The leeway exceeds ten minutes.
    Leeway,
    /// The operating system gave no randomness.
    NoRandomness,
    /// A key was refused.
    Key(KeyError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBackend => "no cryptographic backend: enable the feature `aws-lc-rs` or `rust-crypto`",
            Self::NoKey => "a verifier needs a key or a JWKS",
            Self::NoIssuer => "name the issuers that are accepted, or call `any_issuer`",
            Self::NoAudience => "name the audiences that are accepted, or call `any_audience`",
            Self::UnscopedKey => "with several issuers, every key must name its own with `VerifyKey::issuer`",
            Self::AnyIssuerAndOne => "`any_issuer` excludes named issuers, keys of an issuer, and JWKS",
            Self::TwoSets => "an issuer can have one JWKS",
            Self::DuplicateKid => "a key of this kid is there already",
            Self::Leeway => "a leeway of more than ten minutes is no clock skew",
            Self::NoRandomness => "the operating system gave no random bytes",
            Self::Key(error) => return error.fmt(f),
        })
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Key(error) => Some(error),
            _ => None,
        }
    }
}

impl From<KeyError> for ConfigError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

/// A verifier under construction: see [`Verifier::builder`].
#[derive(Debug)]
pub struct VerifierBuilder {
    backend: Option<Backend>,
    keys: Vec<VerifyKey>,
    sets: Vec<Jwks>,
    issuers: Vec<String>,
    any_issuer: bool,
    audiences: Vec<String>,
    any_audience: bool,
    leeway: Duration,
    max_lifetime: Option<Duration>,
    require_exp: bool,
    max_len: usize,
    types: TypePolicy,
    seen: usize,
    clock: Arc<dyn Clock>,
}

impl VerifierBuilder {
    pub(super) fn new() -> Self {
        Self {
            backend: Backend::preferred(),
            keys: Vec::new(),
            sets: Vec::new(),
            issuers: Vec::new(),
            any_issuer: false,
            audiences: Vec::new(),
            any_audience: false,
            leeway: Duration::from_secs(30),
            max_lifetime: None,
            require_exp: true,
            max_len: 8 * 1024,
            types: TypePolicy::Usual,
            seen: 0,
            clock: SystemClock::shared(),
        }
    }

    /// Who does the cryptography. [`Backend::preferred`] by default.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Accepts tokens verified by this key. Call it once per key: during a rotation, for the old one and the new.
    #[must_use]
    pub fn key(mut self, key: VerifyKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Accepts tokens of the set's issuer, verified by the keys that it publishes.
    #[must_use]
    pub fn jwks(mut self, jwks: Jwks) -> Self {
        self.sets.push(jwks);
        self
    }

    /// Accepts this `iss`. Issuers of a JWKS, and those that keys are scoped to, are accepted without it.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// Accepts any `iss`, and none.
    #[must_use]
    pub fn any_issuer(mut self) -> Self {
        self.any_issuer = true;
        self
    }

    /// Accepts tokens whose `aud` names this audience. Call it once per audience.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts any `aud`, and none. Where one issuer serves several services, a token for one of them then opens
    /// the others.
    #[must_use]
    pub fn any_audience(mut self) -> Self {
        self.any_audience = true;
        self
    }

    /// How far clocks may be apart: `exp` and `nbf` are judged with so much grace. 30 seconds by default, at most
    /// ten minutes; the fraction of a second is cut off.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Refuses tokens that live longer than this from `iat` to `exp`, and tokens without `iat`. A
    /// [`Guard`](crate::Guard) needs it: revocations are not kept for ever.
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Accepts tokens without `exp`, which never expire.
    #[must_use]
    pub fn allow_missing_exp(mut self) -> Self {
        self.require_exp = false;
        self
    }

    /// The longest token, in bytes; longer ones are refused before anything is decoded. 8192 by default.
    #[must_use]
    pub fn max_token_len(mut self, bytes: usize) -> Self {
        self.max_len = bytes;
        self
    }

    /// Accepts only tokens whose `typ` is one of these, as `["at+jwt"]`; compared without case, `application/`
    /// implied. By default `typ` may be absent, `JWT` or `at+jwt`.
    #[must_use]
    pub fn token_types<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.types = TypePolicy::Only(types.into_iter().map(Into::into).collect());
        self
    }

    /// Remembers about so many verified signatures, 16 bytes each, so that a token that comes again is not verified
    /// again. Everything else about it is judged each time. Of use for asymmetric keys alone: HMAC tokens are
    /// verified each time, which costs no more. Off by default.
    #[must_use]
    pub fn remember_signatures(mut self, tokens: usize) -> Self {
        self.seen = tokens;
        self
    }

    /// The time. The system's by default.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The verifier, with every key parsed.
    ///
    /// # Errors
    ///
    /// When the parts do not fit together, or the backend refuses a key. The message says what to do.
    pub fn build(self) -> Result<Verifier, ConfigError> {
        let backend = self.backend.ok_or(ConfigError::NoBackend)?;
        if self.audiences.is_empty() && !self.any_audience {
            return Err(ConfigError::NoAudience);
        }
        if self.leeway > Duration::from_secs(600) {
            return Err(ConfigError::Leeway);
        }
        let issuers = self.group_keys(backend)?;
        let seen = match self.seen {
            0 => None,
            capacity => Some(SeenSignatures::new(capacity).ok_or(ConfigError::NoRandomness)?),
        };
        Ok(Verifier {
            backend,
            issuers,
            any_issuer: self.any_issuer,
            audiences: if self.any_audience { Vec::new() } else { self.audiences },
            leeway: self.leeway.as_secs(),
            max_lifetime: self.max_lifetime,
            require_exp: self.require_exp,
            max_len: self.max_len.min(u32::MAX as usize / 2),
            types: self.types,
            headers: HeaderMemory::new(),
            seen,
            clock: self.clock,
        })
    }

    /// Every accepted issuer with its keys, sorted by name. With any issuer, one entry without a name.
    fn group_keys(&self, backend: Backend) -> Result<Vec<IssuerKeys>, ConfigError> {
        if self.keys.is_empty() && self.sets.is_empty() {
            return Err(ConfigError::NoKey);
        }
        let scoped = self.keys.iter().filter_map(|key| key.issuer.as_deref());
        let named = self.issuers.iter().map(String::as_str).chain(scoped).chain(self.sets.iter().map(Jwks::issuer));
        let mut names: Vec<&str> = named.collect();
        names.sort_unstable();
        names.dedup();
        match (self.any_issuer, names.is_empty()) {
            (false, true) => return Err(ConfigError::NoIssuer),
            (true, false) => return Err(ConfigError::AnyIssuerAndOne),
            (true, true) => names.push(""),
            (false, false) => {}
        }
        if names.len() > 1 && self.keys.iter().any(|key| key.issuer.is_none()) {
            return Err(ConfigError::UnscopedKey);
        }
        let mut issuers: Vec<IssuerKeys> = names.into_iter().map(IssuerKeys::new).collect();
        for key in &self.keys {
            let ready = ReadyKey::new(key.clone(), 0);
            ready.prepare(backend)?;
            let name = key.issuer.as_deref();
            let owner = issuers.iter_mut().find(|issuer| name.is_none_or(|name| issuer.name == name));
            owner.ok_or(ConfigError::NoIssuer)?.keys.push(Arc::new(ready));
        }
        for set in &self.sets {
            let owner = issuers.iter_mut().find(|issuer| issuer.name == set.issuer()).ok_or(ConfigError::NoIssuer)?;
            if owner.remote.replace(set.clone()).is_some() {
                return Err(ConfigError::TwoSets);
            }
        }
        Ok(issuers)
    }
}
