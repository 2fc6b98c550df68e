//! Why a revocation was not kept. Every one of these means that the token is still accepted.

use std::fmt;

/// A blacklist that could not be made, or a revocation that was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BlacklistError {
    /// The configured ceiling is reached. Nothing is evicted to make room: raise the ceiling, or revoke by
    /// subject, session or key, which cost one entry for many tokens.
    Full {
        /// The ceiling that was reached.
        limit: usize,
    },
    /// Hundreds of fingerprints are held that are all but equal. Names do not give such under a secret key: the store
    /// that they came from was written to by someone else.
    Crowded,
    /// The token expires later than the longest lifetime allows.
    Lifetime,
    /// The token has neither `jti` nor a signing input to be named by.
    Unnamed,
    /// The system gave no randomness for the key of the fingerprints.
    Random,
    /// The configuration contradicts itself.
    Config(&'static str),
}

impl BlacklistError {
    /// Whether a ceiling was reached.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Whether the token itself cannot be revoked by its id.
    #[must_use]
    pub const fn is_token(&self) -> bool {
        matches!(self, Self::Lifetime | Self::Unnamed)
    }
}

impl fmt::Display for BlacklistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { limit } => write!(f, "the blacklist holds its limit of {limit} revocations"),
            Self::Crowded => {
                f.write_str("fingerprints that no key makes crowd the blacklist: is the store's content ours?")
            }
            Self::Lifetime => f.write_str("the token expires later than the blacklist's longest lifetime allows"),
            Self::Unnamed => f.write_str("the token has no jti and no signing input to be revoked by"),
            Self::Random => f.write_str("the system gave no randomness for the fingerprint key"),
            Self::Config(what) => write!(f, "the blacklist's configuration: {what}"),
        }
    }
}

impl std::error::Error for BlacklistError {}
