//! What a guard and an issuer need of revocation, whatever keeps the revocations: one machine's memory or a
//! replica of a shared list. The check is synchronous, because it must never leave the machine.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::AuthError;
use crate::token::TokenFacts;

/// Answers whether a verified token is revoked.
pub trait Revocations: Send + Sync {
    /// Passes a token that is not revoked.
    ///
    /// # Errors
    ///
    /// [`AuthError::Revoked`]; [`AuthError::RevocationsUnavailable`] when the answer is not known to be current;
    /// [`AuthError::Lifetime`] or [`AuthError::NoExpiry`] for a token outside of what is retained.
    fn check(&self, token: &TokenFacts) -> Result<(), AuthError>;

    /// The smallest `iat` that no live cut-off of this subject or session refuses; `None` when there is none.
    /// An issuer stamps new tokens with it when it lies ahead of the clock.
    fn not_before(&self, iss: &str, sub: Option<&str>, sid: Option<&str>) -> Option<u64>;

    /// The time that expiries are judged by.
    fn clock(&self) -> &Arc<dyn Clock>;

    /// How long revocations are kept.
    fn retention(&self) -> Retention;
}

/// How long revocations are kept: a verifier that accepts more than this would accept revoked tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// How long after `exp` a revocation is still kept: at least any verifier's leeway.
    pub leeway: Duration,
    /// The longest `exp - iat` that cut-offs and id revocations outlast.
    pub max_lifetime: Duration,
}

impl Retention {
    /// A retention of `leeway` past `exp`, for tokens that live no longer than `max_lifetime`.
    #[must_use]
    pub const fn new(leeway: Duration, max_lifetime: Duration) -> Self {
        Self { leeway, max_lifetime }
    }
}

/// Revokes by cut-off: what logging out and reuse detection need.
pub trait Revoke: Send + Sync {
    /// Why a revocation could not be kept.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Refuses every token of the session that was issued until now. Returns when the revocation holds as far
    /// as the store promises.
    fn revoke_session(&self, iss: &str, sid: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Refuses every token of the subject that was issued until now.
    fn revoke_subject(&self, iss: &str, sub: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

impl<T: Revocations + ?Sized> Revocations for Arc<T> {
    fn check(&self, token: &TokenFacts) -> Result<(), AuthError> {
        (**self).check(token)
    }

    fn not_before(&self, iss: &str, sub: Option<&str>, sid: Option<&str>) -> Option<u64> {
        (**self).not_before(iss, sub, sid)
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        (**self).clock()
    }

    fn retention(&self) -> Retention {
        (**self).retention()
    }
}

impl<T: Revoke + ?Sized> Revoke for Arc<T> {
    type Error = T::Error;

    fn revoke_session(&self, iss: &str, sid: &str) -> impl Future<Output = Result<(), Self::Error>> + Send {
        (**self).revoke_session(iss, sid)
    }

    fn revoke_subject(&self, iss: &str, sub: &str) -> impl Future<Output = Result<(), Self::Error>> + Send {
        (**self).revoke_subject(iss, sub)
    }
}
