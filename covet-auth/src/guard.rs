//! The one call that a service makes for each request: verified, and not revoked.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::error::AuthError;
use crate::revocations::Revocations;
use crate::token::Verified;
use crate::verify::Verifier;

/// A verifier and the revocations it is to respect, known to agree about time.
pub struct Guard<R> {
    verifier: Verifier,
    revocations: R,
}

/// Why a verifier and revocations do not go together: revoked tokens would be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardError {
    /// They read different clocks.
    Clocks,
    /// The verifier accepts tokens for longer after `exp` than revocations are kept.
    Leeway,
    /// The verifier does not limit `exp - iat`, or not to what revocations outlast.
    MaxLifetime,
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clocks => "the verifier and the revocations must read the same clock",
            Self::Leeway => "the verifier's leeway must not exceed that of the revocations",
            Self::MaxLifetime => "the verifier needs a `max_lifetime` that does not exceed that of the revocations",
        })
    }
}

impl std::error::Error for GuardError {}

impl<R: Revocations> Guard<R> {
    /// Joins them, if no token that one of them accepts can outlive what the other remembers.
    ///
    /// # Errors
    ///
    /// See [`GuardError`].
    pub fn new(verifier: Verifier, revocations: R) -> Result<Self, GuardError> {
        let retention = revocations.retention();
        if verifier.clock().source() != revocations.clock().source() {
            return Err(GuardError::Clocks);
        }
        if verifier.leeway() > retention.leeway {
            return Err(GuardError::Leeway);
        }
        if verifier.max_lifetime().is_none_or(|lifetime| lifetime > retention.max_lifetime) {
            return Err(GuardError::MaxLifetime);
        }
        Ok(Self { verifier, revocations })
    }

    /// Verifies the token and checks that it was not revoked. Never waits, neither for the network nor for a lock.
    ///
    /// # Errors
    ///
    /// See [`AuthError`], which also says what to answer.
    #[inline]
    pub fn authenticate<C: DeserializeOwned>(&self, token: &str) -> Result<Verified<C>, AuthError> {
        self.admit(self.verifier.verify(token)?)
    }

    /// As [`Guard::authenticate`], waiting for the issuer's keys when the token names one that is not loaded: see
    /// [`Verifier::verify_fresh`].
    ///
    /// # Errors
    ///
    /// As [`Guard::authenticate`].
    pub async fn authenticate_fresh<C: DeserializeOwned>(&self, token: &str) -> Result<Verified<C>, AuthError> {
        self.admit(self.verifier.verify_fresh(token).await?)
    }

    /// As [`Guard::authenticate`], for tokens bound to a key: see [`Verifier::verify_bound`].
    ///
    /// # Errors
    ///
    /// As [`Guard::authenticate`].
    pub fn authenticate_bound<C: DeserializeOwned>(
        &self,
        token: &str,
        proof: impl FnMut(&str) -> bool,
    ) -> Result<Verified<C>, AuthError> {
        self.admit(self.verifier.verify_bound(token, proof)?)
    }

    /// The verifier.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The revocations.
    #[must_use]
    pub fn revocations(&self) -> &R {
        &self.revocations
    }

    #[inline]
    fn admit<C>(&self, verified: Verified<C>) -> Result<Verified<C>, AuthError> {
        self.revocations.check(verified.facts())?;
        Ok(verified)
    }
}

impl<R> fmt::Debug for Guard<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750).
///
/// ```
/// use covet_auth::{AuthError, bearer};
///
/// assert_eq!(bearer(Some("Bearer abc")), Ok("abc"));
/// assert_eq!(bearer(None), Err(AuthError::Missing));
/// assert_eq!(bearer(Some("Basic abc")), Err(AuthError::Missing));
/// ```
///
/// # Errors
///
/// [`AuthError::Missing`] without a header, or with one of another scheme.
pub fn bearer(authorization: Option<&str>) -> Result<&str, AuthError> {
    let (scheme, token) = authorization.and_then(|value| value.split_once(' ')).ok_or(AuthError::Missing)?;
    let token = token.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty() { Ok(token) } else { Err(AuthError::Missing) }
}
