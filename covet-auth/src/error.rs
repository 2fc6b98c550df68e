//! What can be wrong with a token, and what a service answers.
//!
//! The variants are for the service's log. The answer is made of [`AuthError::status`],
//! [`AuthError::www_authenticate`] and [`AuthError::retry_after`] alone, and those say no more than that the
//! token was refused: which check refused it would be an oracle for whoever forged it.

use std::fmt;
use std::time::Duration;

/// Why a token was refused, or why it could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthError {
    /// No token was given.
    Missing,
    /// Longer than the verifier's limit; nothing of it was decoded.
    TooLarge,
    /// Not three base64url parts, a header or claims that are no JSON object, or a member given twice.
    Malformed,
    /// The header names an algorithm that the key is not pinned to (`none` always).
    Algorithm,
    /// `crit` names an extension, or is itself malformed.
    Critical,
    /// The header's `typ` is not one the verifier accepts.
    Type,
    /// No key of this issuer has the token's `kid`.
    UnknownKey,
    /// The signature does not verify.
    Signature,
    /// `exp` has passed.
    Expired,
    /// `exp` is required and absent.
    NoExpiry,
    /// `nbf` lies in the future.
    NotYetValid,
    /// `iss` is absent or not accepted.
    Issuer,
    /// `aud` is absent or names nobody that we are.
    Audience,
    /// `exp - iat` exceeds the longest lifetime, or `iat` is absent where it must be known.
    Lifetime,
    /// The token is bound to a key (`cnf`) whose possession nobody has proved.
    Unproven,
    /// A claim has the wrong type, or the claims do not fit the caller's type.
    Claims,
    /// Revoked: by id, subject, session or key.
    Revoked,
    /// The token is good but does not carry the scope that is needed.
    Scope,
    /// No JWKS is loaded for the issuer, or the loaded one is past its maximum age.
    KeysUnavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The revocation replica cannot prove that it is current.
    RevocationsUnavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

impl AuthError {
    /// The HTTP status to answer: 401 for a refused token, 403 for a good token without the scope, 503 when
    /// the service itself cannot judge.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Scope => 403,
            Self::KeysUnavailable { .. } | Self::RevocationsUnavailable { .. } => 503,
            _ => 401,
        }
    }

    /// The value of the `WWW-Authenticate` header (RFC 6750) for a 401 or 403; `None` for a 503.
    #[must_use]
    pub const fn www_authenticate(&self) -> Option<&'static str> {
        match self {
            Self::KeysUnavailable { .. } | Self::RevocationsUnavailable { .. } => None,
            Self::Missing => Some("Bearer"),
            Self::Scope => Some("Bearer error=\"insufficient_scope\""),
            _ => Some("Bearer error=\"invalid_token\""),
        }
    }

    /// The value of the `Retry-After` header for a 503, at least one second; `None` otherwise.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::KeysUnavailable { retry_after } | Self::RevocationsUnavailable { retry_after } => {
                Some((*retry_after).max(Duration::from_secs(1)))
            }
            _ => None,
        }
    }

    /// Whether the token was judged and refused (401 or 403).
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.status() != 503
    }

    /// Whether the service could not judge (503): trying again later may succeed with the same token.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        self.status() == 503
    }

    /// Whether the token's time has passed: a client with a refresh token should use it.
    #[must_use]
    pub const fn is_expired(&self) -> bool {
        matches!(self, Self::Expired)
    }

    /// Whether the token was revoked.
    #[must_use]
    pub const fn is_revoked(&self) -> bool {
        matches!(self, Self::Revoked)
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no token was given",
            Self::TooLarge => "the token is longer than the limit",
            Self::Malformed => "the token is malformed",
            Self::Algorithm => "the token's algorithm is not the key's",
            Self::Critical => "the token has a critical header that is not understood",
            Self::Type => "the token's type is not accepted",
            Self::UnknownKey => "no key of the issuer has the token's kid",
            Self::Signature => "the token's signature does not verify",
            Self::Expired => "the token has expired",
            Self::NoExpiry => "the token has no expiry",
            Self::NotYetValid => "the token is not valid yet",
            Self::Issuer => "the token's issuer is not accepted",
            Self::Audience => "the token is for another audience",
            Self::Lifetime => "the token's lifetime is longer than the limit, or unknown",
            Self::Unproven => "the token is bound to a key whose possession was not proved",
            Self::Claims => "the token's claims do not have the expected form",
            Self::Revoked => "the token was revoked",
            Self::Scope => "the token does not carry the needed scope",
            Self::KeysUnavailable { .. } => "no current keys of the issuer are loaded",
            Self::RevocationsUnavailable { .. } => "the revocation list is not known to be current",
        })
    }
}

impl std::error::Error for AuthError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_looks_the_same_to_the_client() {
        let refusals = [
            AuthError::TooLarge,
            AuthError::Malformed,
            AuthError::Algorithm,
            AuthError::UnknownKey,
            AuthError::Signature,
            AuthError::Expired,
            AuthError::Audience,
            AuthError::Revoked,
        ];
        for refusal in refusals {
            assert_eq!(refusal.status(), 401);
            assert_eq!(refusal.www_authenticate(), Some("Bearer error=\"invalid_token\""));
            assert_eq!(refusal.retry_after(), None);
            assert!(refusal.is_refused() && !refusal.is_unavailable());
        }
        assert_eq!(AuthError::Missing.www_authenticate(), Some("Bearer"));
    }

    #[test]
    fn unavailable_is_503_with_a_retry_and_never_401() {
        let errors = [
            AuthError::KeysUnavailable { retry_after: Duration::ZERO },
            AuthError::RevocationsUnavailable { retry_after: Duration::from_millis(1) },
        ];
        for error in errors {
            assert_eq!(error.status(), 503);
            assert_eq!(error.www_authenticate(), None);
            assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
        }
    }

    #[test]
    fn scope_is_403() {
        assert_eq!(AuthError::Scope.status(), 403);
        assert!(AuthError::Scope.www_authenticate().is_some_and(|value| value.contains("insufficient_scope")));
    }
}
