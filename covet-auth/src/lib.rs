#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "aws-lc-rs", feature = "rust-crypto")),
    allow(unused, reason = "without a backend nothing signs or verifies: revocation alone is of use")
)]

mod algorithm;
mod backend;
mod blacklist;
mod clock;
mod error;
mod family;
mod guard;
mod issuer;
mod jwks;
mod key;
mod revocations;
pub mod store;
mod token;
mod verify;

pub use algorithm::Algorithm;
pub use backend::Backend;
pub use blacklist::{
    AuditEvent, AuditKind, Blacklist, BlacklistConfig, BlacklistError, BlacklistStats, Fingerprint, FingerprintBits,
    FingerprintKey, Memory, NoExpiry, Revoked,
};
pub use clock::{Clock, ClockSource, ManualClock, SystemClock};
pub use error::AuthError;
pub use family::{Families, FamiliesBuilder, FamiliesError, Family, FamilyStore, Grant, MemoryFamilies, RefreshError};
pub use guard::{Guard, GuardError, bearer};
pub use issuer::{Identity, Issuer, IssuerBuilder, SignError, SigningKey};
#[cfg(feature = "reqwest")]
pub use jwks::FetchSetupError;
pub use jwks::{Jwks, JwksBuilder, JwksError, JwksStatus};
pub use key::{KeyError, VerifyKey};
pub use revocations::{Retention, Revocations, Revoke};
pub use store::{MemoryStore, Record, RevocationStore, StoredBlacklist, StoredError};
pub use token::{TokenFacts, TokenFactsBuilder, TokenId, Verified};
pub use verify::{ConfigError, Verifier, VerifierBuilder};

/// How this crate differs from its peers, when to choose one of them, and how to move over from it.
#[cfg(any(doc, doctest))]
pub mod comparison {
    #![doc = include_str!("../COMPARISON.md")]
}
