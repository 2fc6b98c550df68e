//! The life of signing keys: published before they sign, published until nothing they signed is alive.
//!
//! ```text
//! announced ──── lead ──── signs ──── superseded ──── longest lifetime + margin ──── gone
//! |<------------------- in the JWKS ------------------------------------------------>|
//! ```
//!
//! Which key signs and which are published are functions of the list and of the time: nothing has to be run when
//! a moment comes.

use std::sync::Arc;

use super::signing::SigningKey;

/// One key, and when it begins to sign.
#[derive(Clone, Debug)]
pub(super) struct Scheduled {
    pub(super) key: Arc<SigningKey>,
    signs_from: u64,
}

/// The keys in the order in which they begin to sign.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySchedule {
    keys: Vec<Scheduled>,
}

impl KeySchedule {
    /// Adds a key that signs from then on.
    pub(super) fn add(&mut self, key: Arc<SigningKey>, signs_from: u64) {
        let at = self.keys.partition_point(|other| other.signs_from <= signs_from);
        self.keys.insert(at, Scheduled { key, signs_from });
    }

    pub(super) fn remove(&mut self, kid: &str) -> bool {
        let before = self.keys.len();
        self.keys.retain(|scheduled| scheduled.key.kid() != kid);
        self.keys.len() != before
    }

    /// The key that signs now: the one that began last.
    pub(super) fn signing(&self, now: u64) -> Option<&Arc<SigningKey>> {
        self.keys.iter().rev().find(|scheduled| scheduled.signs_from <= now).map(|scheduled| &scheduled.key)
    }

    /// The keys that may have signed a living token, or soon will. `keep` is how long after its successor took over
    /// a key is still published.
    pub(super) fn published(&self, now: u64, keep: u64) -> impl Iterator<Item = &Arc<SigningKey>> {
        let first = self.first_published(now, keep);
        self.keys.iter().skip(first).map(|scheduled| &scheduled.key)
    }

    /// Drops the keys that are no longer published.
    pub(super) fn prune(&mut self, now: u64, keep: u64) {
        self.keys.drain(..self.first_published(now, keep));
    }

    pub(super) fn contains(&self, kid: &str) -> bool {
        self.keys.iter().any(|scheduled| scheduled.key.kid() == kid)
    }

    fn first_published(&self, now: u64, keep: u64) -> usize {
        let retired = |pair: &&[Scheduled]| pair[1].signs_from.saturating_add(keep) <= now;
        self.keys.windows(2).take_while(retired).count()
    }
}
