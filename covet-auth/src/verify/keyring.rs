//! The keys that a token may be verified with, by issuer, algorithm and `kid`.

use std::fmt;
use std::sync::OnceLock;

use crate::algorithm::Algorithm;
use crate::backend::{Backend, Prepared};
use crate::error::AuthError;
use crate::key::{KeyError, VerifyKey};

/// At most so many keys are tried for one token: a set without `kid`s must not multiply an attacker's cost to us.
const MAX_TRIES: usize = 4;

/// A key with its parsed forms, shared by every verifier that uses it.
pub(crate) struct ReadyKey {
    pub(crate) key: VerifyKey,
    /// Names the key and the generation of the set it came in.
    pub(crate) digest: [u8; 32],
    prepared: [OnceLock<Option<Prepared>>; Backend::AVAILABLE.len()],
}

impl ReadyKey {
    pub(crate) fn new(key: VerifyKey, generation: u64) -> Self {
        let mut hasher = key.digest();
        hasher.update(&generation.to_le_bytes());
        let digest = *hasher.finalize().as_bytes();
        Self { key, digest, prepared: [const { OnceLock::new() }; Backend::AVAILABLE.len()] }
    }

    /// The key as this backend parsed it, once; `None` when the backend refuses it.
    pub(crate) fn prepared(&self, backend: Backend) -> Option<&Prepared> {
        let index = Backend::AVAILABLE.iter().position(|&available| available == backend)?;
        self.prepared[index].get_or_init(|| Prepared::new(backend, &self.key).ok()).as_ref()
    }

    /// Parses the key now.
    pub(crate) fn prepare(&self, backend: Backend) -> Result<(), KeyError> {
        match self.prepared(backend) {
            Some(_) => Ok(()),
            // Ask again for the reason; the answer is the same.
            None => Prepared::new(backend, &self.key).map(drop),
        }
    }
}

impl fmt::Debug for ReadyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

/// The result of looking for the key of a token.
pub(crate) enum Search<'a> {
    Found(&'a ReadyKey),
    /// Keys fitted, and none of them verified.
    BadSignature,
    /// The named key exists and is of another algorithm.
    WrongAlgorithm,
    Unknown,
}

impl Search<'_> {
    pub(crate) fn error(&self) -> AuthError {
        match self {
            Self::Found(_) | Self::BadSignature => AuthError::Signature,
            Self::WrongAlgorithm => AuthError::Algorithm,
            Self::Unknown => AuthError::UnknownKey,
        }
    }
}

/// Finds the key that `verifies`, among those that fit the header.
///
/// A key with a `kid` fits a token with the same one, or one that names none as long as no other key fits it. A key
/// without `kid` fits every token of its algorithm.
pub(crate) fn search<'a, K: std::ops::Deref<Target = ReadyKey>>(
    keys: &'a [K],
    algorithm: Algorithm,
    kid: Option<&str>,
    mut verifies: impl FnMut(&ReadyKey) -> bool,
) -> Search<'a> {
    let mut outcome = Search::Unknown;
    let mut tries = 0;
    for ready in keys {
        let key = &ready.key;
        let named = match (key.kid.as_deref(), kid) {
            (Some(ours), Some(theirs)) if ours == theirs => true,
            (Some(_), Some(_)) => continue,
            (Some(_), None) if keys.iter().filter(|other| other.key.algorithm == key.algorithm).count() > 1 => continue,
            _ => false,
        };
        if key.algorithm != algorithm {
            if named && matches!(outcome, Search::Unknown) {
                outcome = Search::WrongAlgorithm;
            }
            continue;
        }
        if tries == MAX_TRIES {
            break;
        }
        tries += 1;
        if verifies(ready) {
            return Search::Found(ready);
        }
        outcome = Search::BadSignature;
    }
    outcome
}
