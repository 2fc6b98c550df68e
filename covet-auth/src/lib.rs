#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod algorithm;
mod blacklist;
mod clock;
mod error;
mod revocations;
pub mod store;
mod token;

pub use algorithm::Algorithm;
pub use blacklist::{
    AuditEvent, AuditKind, Blacklist, BlacklistConfig, BlacklistError, BlacklistStats, Fingerprint, FingerprintBits,
    FingerprintKey, Memory, NoExpiry, Revoked,
};
pub use clock::{Clock, ClockSource, ManualClock, SystemClock};
pub use error::AuthError;
pub use revocations::{Retention, Revocations, Revoke};
pub use store::{MemoryStore, Record, RevocationStore, StoredBlacklist, StoredError};
pub use token::{TokenFacts, TokenFactsBuilder, TokenId, Verified};
