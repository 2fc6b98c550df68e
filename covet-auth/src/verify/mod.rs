//! Verification: from the bytes of a token to its claims, in the order that costs an attacker most and us least.
//!
//! Length, three parts, header (remembered or parsed), claims located, key found, signature, then time, audience,
//! lifetime, binding, and at last the caller's type. Nothing that a claim says is believed before the signature,
//! except `iss`, and that only picks which issuer's keys may verify it.

mod builder;
mod claims;
mod header;
mod keyring;
mod scan;
mod seen;
#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
mod wycheproof;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::de::DeserializeOwned;

pub use builder::{ConfigError, VerifierBuilder};
pub(crate) use keyring::ReadyKey;

use crate::algorithm::Algorithm;
use crate::backend::{Backend, Prepared};
use crate::clock::Clock;
use crate::error::AuthError;
use crate::jwks::Jwks;
use crate::token::{Span, TokenFacts, Verified};
use claims::Claims;
use header::{Header, HeaderMemory, TypePolicy};
use keyring::Search;
use seen::SeenSignatures;

/// The longest signature: RSA with a modulus of 8192 bits.
const MAX_SIGNATURE: usize = 1024;

/// Verifies tokens: signature, algorithm, type, time, issuer, audience, lifetime.
///
/// Built once, shared by reference; verifying takes no lock and never waits. Whether a token was revoked is the
/// [`Guard`](crate::Guard)'s question.
///
/// ```
/// use covet_auth::{Algorithm, Verifier, VerifyKey};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::builder()
///     .key(VerifyKey::secret(Algorithm::HS256, &[7; 32])?.kid("2026-11"))
///     .issuer("https://id.example")
///     .audience("https://api.example")
///     .build()?;
/// let refused = verifier.verify::<serde_json::Value>("no.token.this").unwrap_err();
/// assert_eq!(refused.status(), 401);
/// # Ok(())
/// # }
/// ```
pub struct Verifier {
    backend: Backend,
    issuers: Vec<IssuerKeys>,
    any_issuer: bool,
    audiences: Vec<String>,
    leeway: u64,
    max_lifetime: Option<Duration>,
    require_exp: bool,
    max_len: usize,
    types: TypePolicy,
    headers: HeaderMemory,
    seen: Option<SeenSignatures>,
    clock: Arc<dyn Clock>,
}

/// An accepted issuer and the keys that are trusted for it.
#[derive(Debug)]
struct IssuerKeys {
    name: String,
    keys: Vec<Arc<ReadyKey>>,
    remote: Option<Jwks>,
}

impl IssuerKeys {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), keys: Vec::new(), remote: None }
    }
}

/// A token taken apart, nothing of it decoded.
struct Parts<'a> {
    token: &'a [u8],
    header: &'a [u8],
    payload: &'a [u8],
    signing_input: &'a str,
    signature: &'a [u8],
}

/// What is left of a token when every check has passed but the caller's type.
struct Checked<'a> {
    facts: TokenFacts,
    payload: usize,
    algorithm: Algorithm,
    /// The key set whose key verified it.
    remote: Option<&'a Jwks>,
}

/// A refusal, and the key set that might lift it once it is refreshed.
struct Failure<'a> {
    error: AuthError,
    remote: Option<&'a Jwks>,
}

impl From<AuthError> for Failure<'_> {
    fn from(error: AuthError) -> Self {
        Self { error, remote: None }
    }
}

impl Verifier {
    /// A verifier with the defaults: leeway 30 s, `exp` required, tokens of at most 8 KiB, `typ` absent, `JWT` or
    /// `at+jwt`. Keys, issuer and audience must be given.
    #[must_use]
    pub fn builder() -> VerifierBuilder {
        VerifierBuilder::new()
    }

    /// Checks everything about the token and parses its claims into `C`, any type that serde can make of a JSON
    /// object.
    ///
    /// A token bound to a key (`cnf`) is refused: see [`Verifier::verify_bound`]. When the keys are remote and the
    /// token names one that is not loaded, a refresh is asked for and the token refused;
    /// [`Verifier::verify_fresh`] waits for it.
    ///
    /// Cost: one allocation besides what `C` needs, and the signature.
    ///
    /// # Errors
    ///
    /// See [`AuthError`]. All but the unavailable ones answer the same 401.
    #[inline]
    pub fn verify<C: DeserializeOwned>(&self, token: &str) -> Result<Verified<C>, AuthError> {
        finish(self.check(token, None).map_err(|failure| failure.error)?)
    }

    /// As [`Verifier::verify`], for tokens bound to a key (RFC 7800): `proof` is handed the value of `cnf` in JSON,
    /// and says whether the client has proved that it holds that key (mutual TLS, `DPoP`). A token without `cnf` is
    /// not bound, and passes without asking.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`]; [`AuthError::Unproven`] when `proof` says no.
    pub fn verify_bound<C: DeserializeOwned>(
        &self,
        token: &str,
        mut proof: impl FnMut(&str) -> bool,
    ) -> Result<Verified<C>, AuthError> {
        finish(self.check(token, Some(&mut proof)).map_err(|failure| failure.error)?)
    }

    /// As [`Verifier::verify`], but when the keys are remote and the token's is not among them, refreshes them first:
    /// at most one fetch at a time, however many callers wait, and no more often than the set allows. When the keys are
    /// due for a refresh and no task keeps them fresh, one caller fetches them and the others go on with those loaded.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`].
    pub async fn verify_fresh<C: DeserializeOwned>(&self, token: &str) -> Result<Verified<C>, AuthError> {
        let remote = match self.check(token, None) {
            Ok(checked) => {
                if let Some(remote) = checked.remote {
                    remote.refresh_if_due().await;
                }
                return finish(checked);
            }
            Err(Failure { error, remote: None }) => return Err(error),
            Err(Failure { remote: Some(remote), .. }) => remote,
        };
        remote.refresh_for_unknown_key().await;
        self.verify(token)
    }

    /// How long after `exp` a token is still accepted.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        Duration::from_secs(self.leeway)
    }

    /// The longest accepted `exp - iat`, if there is a limit.
    #[must_use]
    pub fn max_lifetime(&self) -> Option<Duration> {
        self.max_lifetime
    }

    /// Whether a token without `exp` is accepted.
    #[must_use]
    pub fn accepts_missing_exp(&self) -> bool {
        !self.require_exp
    }

    /// The time that tokens are judged by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The backend that was chosen.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// The bytes that remembered signatures take: fixed when the verifier is built.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.seen.as_ref().map_or(0, SeenSignatures::memory)
    }

    fn check(&self, token: &str, proof: Option<&mut dyn FnMut(&str) -> bool>) -> Result<Checked<'_>, Failure<'_>> {
        let parts = self.split(token)?;
        let known = self.headers.recall(parts.header);
        let parsed;
        let (header, new): (&Header, bool) = match known.as_deref() {
            Some(Some(known)) => (&known.header, false),
            _ => {
                parsed = header::parse(parts.header, &self.types)?;
                (&parsed, true)
            }
        };
        let algorithm = header.algorithm.ok_or(AuthError::Algorithm)?;

        let text = decode_payload(parts.payload)?;
        let claims = Claims::scan(&text)?;
        let issuer = self.issuer(&claims)?;
        let (kid, remote) = self.authenticate(issuer, algorithm, header.kid.as_deref(), &parts)?;
        if new {
            self.headers.remember(parts.header, Header { algorithm: header.algorithm, kid: header.kid.clone() });
        }

        self.judge(&claims, proof)?;
        let places = claims.places()?;
        let payload = text.len();
        let mut facts = places.facts(text);
        if !self.any_issuer {
            // `iss` chose the key, so it is the key's.
            facts.key_issuer = facts.iss;
        }
        if let Some(kid) = kid {
            facts.kid = facts.append(&kid);
        }
        if facts.jti().is_none() {
            facts.signing_input = facts.append(parts.signing_input);
        }
        Ok(Checked { facts, payload, algorithm, remote })
    }

    /// Three parts that are not empty, and no more.
    #[inline]
    fn split<'a>(&self, token: &'a str) -> Result<Parts<'a>, AuthError> {
        if token.len() > self.max_len {
            return Err(AuthError::TooLarge);
        }
        if token.is_empty() {
            return Err(AuthError::Missing);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(AuthError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(AuthError::Malformed)?;
        // A fourth dot is none of base64's characters: decoding the payload refuses it.
        Ok(Parts {
            token: token.as_bytes(),
            header: header.as_bytes(),
            payload: payload.as_bytes(),
            signing_input,
            signature: signature.as_bytes(),
        })
    }

    fn issuer(&self, claims: &Claims<'_>) -> Result<&IssuerKeys, AuthError> {
        if self.any_issuer {
            return self.issuers.first().ok_or(AuthError::Issuer);
        }
        let name = claims.iss.ok_or(AuthError::Issuer)?.unescape()?;
        let found = self.issuers.binary_search_by(|issuer| issuer.name.as_str().cmp(&name));
        found.ok().and_then(|index| self.issuers.get(index)).ok_or(AuthError::Issuer)
    }

    /// Finds the issuer's key that signed, and returns its name and the set it came from.
    fn authenticate<'a>(
        &self,
        issuer: &'a IssuerKeys,
        algorithm: Algorithm,
        kid: Option<&str>,
        parts: &Parts<'_>,
    ) -> Result<(Option<Cow<'a, str>>, Option<&'a Jwks>), Failure<'a>> {
        let verifies = |ready: &ReadyKey| self.verifies(ready, parts);
        let local = keyring::search(&issuer.keys, algorithm, kid, verifies);
        if let Search::Found(ready) = local {
            return Ok((ready.key.kid.as_deref().map(Cow::Borrowed), None));
        }
        let Some(remote) = &issuer.remote else { return Err(local.error().into()) };
        let set = remote.current().map_err(|error| Failure { error, remote: Some(remote) })?;
        match keyring::search(&set.keys, algorithm, kid, verifies) {
            Search::Found(ready) => Ok((ready.key.kid.clone().map(Cow::Owned), Some(remote))),
            Search::Unknown if matches!(local, Search::Unknown) => {
                remote.ask_for_refresh();
                Err(Failure { error: AuthError::UnknownKey, remote: Some(remote) })
            }
            Search::Unknown => Err(local.error().into()),
            other => Err(other.error().into()),
        }
    }

    fn verifies(&self, ready: &ReadyKey, parts: &Parts<'_>) -> bool {
        let Some(prepared) = ready.prepared(self.backend) else { return false };
        // Verifying an HMAC costs no more than the tag would.
        let seen = self.seen.as_ref().filter(|_| !ready.key.algorithm.is_symmetric());
        let Some(seen) = seen else { return verifies_signature(prepared, parts) };
        let tag = seen.tag(&ready.digest, parts.token);
        if seen.contains(tag) {
            return true;
        }
        let good = verifies_signature(prepared, parts);
        if good {
            seen.insert(tag);
        }
        good
    }

    /// The claims of a token whose signature is good.
    fn judge(&self, claims: &Claims<'_>, proof: Option<&mut dyn FnMut(&str) -> bool>) -> Result<(), AuthError> {
        let now = self.clock.now();
        match claims.exp {
            // On or after this second it must not be accepted (RFC 7519 section 4.1.4).
            Some(exp) if now >= exp.saturating_add(self.leeway) => return Err(AuthError::Expired),
            None if self.require_exp => return Err(AuthError::NoExpiry),
            _ => {}
        }
        if claims.nbf.is_some_and(|nbf| now.saturating_add(self.leeway) < nbf) {
            return Err(AuthError::NotYetValid);
        }
        if let Some(limit) = self.max_lifetime {
            let lifetime = match (claims.iat, claims.exp) {
                (Some(iat), Some(exp)) => exp.checked_sub(iat),
                // A token without end has no lifetime to be limited; that it is accepted was decided above.
                (Some(_), None) => Some(0),
                (None, _) => None,
            };
            if lifetime.is_none_or(|lifetime| lifetime > limit.as_secs()) {
                return Err(AuthError::Lifetime);
            }
        }
        if !self.audiences.is_empty() && !claims.names_audience(&self.audiences)? {
            return Err(AuthError::Audience);
        }
        let proved = claims.cnf.is_none_or(|cnf| proof.is_some_and(|proof| proof(cnf)));
        if proved { Ok(()) } else { Err(AuthError::Unproven) }
    }
}

/// Parses the claims into the caller's type, which also proves the payload to be JSON.
fn finish<C: DeserializeOwned>(checked: Checked<'_>) -> Result<Verified<C>, AuthError> {
    let Checked { facts, payload, algorithm, .. } = checked;
    let json = Span::new(0, payload).of(&facts.text).unwrap_or_default();
    let claims = serde_json::from_str(json).map_err(|_| AuthError::Claims)?;
    Ok(Verified::new(claims, facts, payload, algorithm))
}

fn decode_payload(encoded: &[u8]) -> Result<String, AuthError> {
    // Room for the key's name behind the payload, so that the facts need no second allocation.
    let mut json = Vec::with_capacity(encoded.len() / 4 * 3 + 64);
    BASE64.decode_vec(encoded, &mut json).map_err(|_| AuthError::Malformed)?;
    String::from_utf8(json).map_err(|_| AuthError::Malformed)
}

fn verifies_signature(key: &Prepared, parts: &Parts<'_>) -> bool {
    // Most signatures are short, and clearing a buffer for the longest would cost more than decoding them.
    if parts.signature.len() <= 192 {
        verifies_decoded(key, parts, &mut [0; 144])
    } else {
        verifies_decoded(key, parts, &mut [0; MAX_SIGNATURE])
    }
}

fn verifies_decoded(key: &Prepared, parts: &Parts<'_>, buffer: &mut [u8]) -> bool {
    let Ok(len) = BASE64.decode_slice(parts.signature, buffer) else { return false };
    buffer.get(..len).is_some_and(|signature| key.verifies(parts.signing_input.as_bytes(), signature))
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("backend", &self.backend)
            .field("issuers", &self.issuers)
            .field("audiences", &self.audiences)
            .field("leeway", &self.leeway)
            .field("max_lifetime", &self.max_lifetime)
            .finish_non_exhaustive()
    }
}
