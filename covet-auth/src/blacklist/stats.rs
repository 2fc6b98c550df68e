//! What a blacklist tells of itself.

use super::table::Counts;

/// The bytes a blacklist holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// Everything: tables, directories, what waits to be freed.
    pub bytes: usize,
    /// The part of lapsed buckets that is not yet given back: see [`Blacklist::expire`](super::Blacklist::expire).
    pub retired_bytes: usize,
}

/// Counts and estimates, for metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BlacklistStats {
    /// Revoked tokens that a verifier might still accept.
    pub live: usize,
    /// Revoked tokens that have lapsed and are not yet dropped.
    pub expired: usize,
    /// Ids revoked without their token.
    pub ids: usize,
    /// Cut-offs of subjects and sessions.
    pub cutoffs: usize,
    /// Revoked keys.
    pub keys: usize,
    /// Buckets held.
    pub buckets: usize,
    /// The odds that a check refuses a good token, at worst: the largest bucket's share of all fingerprints.
    pub false_refusal: f64,
    /// Every `exp` below is refused, in seconds since 1970: entries of such tokens may have been freed.
    pub horizon: u64,
    /// The bytes held.
    pub memory: Memory,
}

impl BlacklistStats {
    pub(crate) fn new(counts: Counts, bits: i32) -> Self {
        // Counts are far below 2^53.
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let false_refusal = (counts.largest + counts.ids) as f64 / 2f64.powi(bits);
        Self {
            live: counts.tokens,
            expired: counts.lapsed,
            ids: counts.ids,
            cutoffs: counts.cutoffs,
            keys: counts.keys / 2,
            buckets: counts.buckets,
            false_refusal,
            horizon: counts.horizon,
            memory: Memory { bytes: counts.bytes, retired_bytes: counts.retired_bytes },
        }
    }
}
