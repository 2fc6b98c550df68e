//! Issuing access tokens: which claims they carry, which key signs them, which keys are published.

mod keys;
mod signing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use signing::{SignError, SigningKey};

use crate::clock::{Clock, SystemClock};
use crate::key::{VerifyKey, export_public};
use crate::revocations::Revocations;
use crate::verify::ConfigError;
use keys::KeySchedule;

/// The claims that an access token gets from its issuer, and that nobody else may set.
const RESERVED: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid"];

/// A superseded key stays published this much longer than what it signed can live, for leeway and slow caches.
const MARGIN: Duration = Duration::from_secs(900);

/// Whom a token is about: a subject, and the session it acts in.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    sub: &'a str,
    sid: Option<&'a str>,
    since: Option<u64>,
}

impl<'a> Identity<'a> {
    /// A subject without a session.
    #[must_use]
    pub fn subject(sub: &'a str) -> Self {
        Self { sub, sid: None, since: None }
    }

    /// In this session: logging the session out then revokes the token.
    #[must_use]
    pub fn session(mut self, sid: &'a str) -> Self {
        self.sid = Some(sid);
        self
    }

    /// Since the subject logged in then, in seconds since 1970. Without it, the login counts as made just now, and
    /// a log-out-everywhere before now is not held against it.
    #[must_use]
    pub fn since(mut self, logged_in_at: u64) -> Self {
        self.since = Some(logged_in_at);
        self
    }
}

impl fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("in_session", &self.sid.is_some()).finish_non_exhaustive()
    }
}

/// Signs access tokens, rotates the keys it signs with, and publishes them.
///
/// ```
/// use covet_auth::{Algorithm, Identity, Issuer, SigningKey, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let private = SigningKey::generate_pkcs8(Algorithm::EdDSA)?;
/// let issuer = Issuer::builder("https://id.example")
///     .key(SigningKey::from_pkcs8("2026-11", Algorithm::EdDSA, &private)?)
///     .audience("https://api.example")
///     .build()?;
/// let token = issuer.access_token(Identity::subject("alice"), &serde_json::json!({"scope": "read"}))?;
///
/// let verifier = Verifier::builder()
///     .key(issuer.verify_keys().remove(0))
///     .issuer("https://id.example")
///     .audience("https://api.example")
///     .build()?;
/// let verified = verifier.verify::<serde_json::Value>(&token)?;
/// assert_eq!(verified.facts().sub(), Some("alice"));
/// assert!(verified.facts().has_scope("read"));
/// # Ok(())
/// # }
/// ```
pub struct Issuer {
    name: String,
    audiences: Vec<String>,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
    revocations: Option<Arc<dyn Revocations>>,
    keys: ArcSwap<KeySchedule>,
}

impl Issuer {
    /// An issuer of this name, the `iss` of its tokens. Tokens live 15 minutes unless told otherwise.
    #[must_use]
    pub fn builder(name: impl Into<String>) -> IssuerBuilder {
        IssuerBuilder {
            name: name.into(),
            audiences: Vec::new(),
            lifetime: Duration::from_secs(900),
            clock: SystemClock::shared(),
            revocations: None,
            keys: Vec::new(),
        }
    }

    /// The `iss` of its tokens.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long its tokens live, from `iat` to `exp`.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// The time that it stamps.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// An access token (`typ` `at+jwt`, RFC 9068) with `iss`, `sub`, `aud`, `iat`, `exp`, a random `jti`, the session's
    /// `sid`, and the caller's own claims, an object (or nothing).
    ///
    /// A token for a login after its subject was logged out everywhere is stamped past that cut-off, even when the
    /// clock has not left the second.
    ///
    /// # Errors
    ///
    /// [`SignError::Reserved`] when the claims are no object or set one of the claims above; [`SignError::Revoked`]
    /// when the session was ended, or the login lies before a cut-off of its subject.
    pub fn access_token<C: Serialize + ?Sized>(&self, who: Identity<'_>, claims: &C) -> Result<String, SignError> {
        let now = self.clock.now();
        let iat = now.max(self.earliest(who)?);
        let mut members = match serde_json::to_value(claims).map_err(SignError::Claims)? {
            Value::Object(members) if !RESERVED.iter().any(|name| members.contains_key(*name)) => members,
            Value::Null => Map::new(),
            _ => return Err(SignError::Reserved),
        };
        members.insert("iss".into(), self.name.as_str().into());
        members.insert("sub".into(), who.sub.into());
        match self.audiences.as_slice() {
            [] => {}
            [one] => drop(members.insert("aud".into(), one.as_str().into())),
            several => drop(members.insert("aud".into(), several.into())),
        }
        members.insert("iat".into(), iat.into());
        members.insert("exp".into(), iat.saturating_add(self.lifetime.as_secs()).into());
        members.insert("jti".into(), random_id()?.into());
        if let Some(sid) = who.sid {
            members.insert("sid".into(), sid.into());
        }
        let json = serde_json::to_vec(&members).map_err(SignError::Claims)?;
        self.keys.load().signing(now).ok_or(SignError::NoKey)?.sign_access(&json)
    }

    /// Publishes a key now, and signs with it after `lead`: long enough for every verifier to have fetched the set
    /// since. The key it supersedes stays published until nothing that it signed is alive.
    ///
    /// # Errors
    ///
    /// [`ConfigError::DuplicateKid`] when a key of that `kid` is there already: a name is never used twice.
    pub fn rotate(&self, key: SigningKey, lead: Duration) -> Result<(), ConfigError> {
        let now = self.clock.now();
        let key = Arc::new(key);
        let mut taken = false;
        self.keys.rcu(|keys| {
            let mut keys = KeySchedule::clone(keys);
            taken = keys.contains(key.kid());
            if !taken {
                keys.prune(now, self.published_after_use());
                keys.add(Arc::clone(&key), now.saturating_add(lead.as_secs()));
            }
            keys
        });
        if taken { Err(ConfigError::DuplicateKid) } else { Ok(()) }
    }

    /// Takes a key out at once, because it was stolen: it neither signs nor is published. Revoke it too, or verifiers
    /// trust it until they fetch the set again. Says whether there was such a key.
    pub fn withdraw(&self, kid: &str) -> bool {
        let mut removed = false;
        self.keys.rcu(|keys| {
            let mut keys = KeySchedule::clone(keys);
            removed = keys.remove(kid);
            keys
        });
        removed
    }

    /// The published keys as a JWK set (RFC 7517), to be served at `jwks_uri`. Shared secrets are left out.
    #[must_use]
    pub fn jwks(&self) -> String {
        let keys = self.keys.load();
        let published = keys.published(self.clock.now(), self.published_after_use());
        let members: Vec<Value> = published.filter_map(|key| export_public(&key.verify_key())).collect();
        json!({ "keys": members }).to_string()
    }

    /// The keys that verify its tokens, secrets included, for a verifier in the same process.
    #[must_use]
    pub fn verify_keys(&self) -> Vec<VerifyKey> {
        let keys = self.keys.load();
        let published = keys.published(self.clock.now(), self.published_after_use());
        published.map(|key| key.verify_key().issuer(&self.name)).collect()
    }

    /// The first second that a token for this login may be stamped with.
    fn earliest(&self, who: Identity<'_>) -> Result<u64, SignError> {
        let Some(revocations) = &self.revocations else { return Ok(0) };
        // A session that was cut off has ended: nothing new belongs to it.
        if who.sid.is_some() && revocations.not_before(&self.name, None, who.sid).is_some() {
            return Err(SignError::Revoked);
        }
        let earliest = revocations.not_before(&self.name, Some(who.sub), None).unwrap_or(0);
        if who.since.is_some_and(|since| since < earliest) { Err(SignError::Revoked) } else { Ok(earliest) }
    }

    fn published_after_use(&self) -> u64 {
        (self.lifetime + MARGIN).as_secs()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("lifetime", &self.lifetime)
            .field("keys", &self.keys.load())
            .finish_non_exhaustive()
    }
}

/// An issuer under construction: see [`Issuer::builder`].
pub struct IssuerBuilder {
    name: String,
    audiences: Vec<String>,
    lifetime: Duration,
    clock: Arc<dyn Clock>,
    revocations: Option<Arc<dyn Revocations>>,
    keys: Vec<SigningKey>,
}

impl IssuerBuilder {
    /// Signs with this key. When called more than once, the last one signs and the others are published.
    #[must_use]
    pub fn key(mut self, key: SigningKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Puts this audience into every token. Call it once per audience.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How long access tokens live, in whole seconds. 15 minutes by default.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The revocations whose cut-offs new tokens are stamped past.
    #[must_use]
    pub fn revocations(mut self, revocations: impl Revocations + 'static) -> Self {
        self.revocations = Some(Arc::new(revocations));
        self
    }

    /// The time. The system's by default.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The issuer.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoKey`] without a key, [`ConfigError::DuplicateKid`] with two of one name.
    pub fn build(self) -> Result<Issuer, ConfigError> {
        let now = self.clock.now();
        let mut keys = KeySchedule::default();
        for key in self.keys {
            if keys.contains(key.kid()) {
                return Err(ConfigError::DuplicateKid);
            }
            keys.add(Arc::new(key), now);
        }
        if keys.signing(now).is_none() {
            return Err(ConfigError::NoKey);
        }
        Ok(Issuer {
            name: self.name,
            audiences: self.audiences,
            lifetime: self.lifetime,
            clock: self.clock,
            revocations: self.revocations,
            keys: ArcSwap::from_pointee(keys),
        })
    }
}

impl fmt::Debug for IssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerBuilder").field("name", &self.name).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// 128 random bits in base64url.
pub(crate) fn random_id() -> Result<String, SignError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| SignError::Randomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
