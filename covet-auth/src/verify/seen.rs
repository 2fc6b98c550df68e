//! The signatures that were verified before, so that an expensive one is verified once.
//!
//! A hit replaces the arithmetic of the signature and nothing else: time, audience, issuer, type and revocation are
//! judged again each time. What is remembered is a 128-bit keyed BLAKE3 tag over the whole token, signature
//! included, and over the key that verified it with the generation of its key set. The tag's own key is random for
//! each verifier, so neither another configuration nor another process can be made to agree with it, and nobody
//! outside can compute a tag.
//!
//! # Layout
//!
//! A fixed table of sets of four tags, two words each. Lookups and insertions take no lock. A reader may see one
//! word of one tag and the other word of another while a slot is overwritten; for that to equal the tag it looks
//! for, both words must match, 64 bits each, so the odds of a false match stay at 2^-128 per comparison. Nothing is
//! published through the table but the tags themselves, so relaxed ordering is enough.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

const WAYS: usize = 4;

/// The verified signatures of one verifier.
pub(crate) struct SeenSignatures {
    key: [u8; 32],
    sets: Vec<[[AtomicU64; 2]; WAYS]>,
}

/// The tag of a token under a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag([u64; 2]);

impl SeenSignatures {
    /// Room for about `capacity` tokens, 16 bytes each, allocated at once. `None` without randomness.
    pub(crate) fn new(capacity: usize) -> Option<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok()?;
        let sets = capacity.div_ceil(WAYS).clamp(1, 1 << 28).next_power_of_two();
        Some(Self { key, sets: (0..sets).map(|_| Default::default()).collect() })
    }

    /// One pass of BLAKE3 over the token and 32 bytes.
    pub(crate) fn tag(&self, key_digest: &[u8; 32], token: &[u8]) -> Tag {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(key_digest);
        hasher.update(token);
        let hash = hasher.finalize();
        let word = |at: usize| {
            let bytes = hash.as_bytes().get(at..).and_then(|rest| rest.first_chunk::<8>());
            bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        // An empty slot is zero.
        Tag([word(0) | u64::from(word(0) == 0), word(8)])
    }

    pub(crate) fn contains(&self, tag: Tag) -> bool {
        self.set(tag)
            .iter()
            .any(|slot| slot[0].load(Ordering::Relaxed) == tag.0[0] && slot[1].load(Ordering::Relaxed) == tag.0[1])
    }

    /// Remembers the tag in place of an empty slot, or of one that the tag picks.
    pub(crate) fn insert(&self, tag: Tag) {
        let set = self.set(tag);
        let empty = set.iter().find(|slot| slot[0].load(Ordering::Relaxed) == 0);
        let slot = empty.unwrap_or(&set[(tag.0[1] >> 62) as usize % WAYS]);
        slot[0].store(tag.0[0], Ordering::Relaxed);
        slot[1].store(tag.0[1], Ordering::Relaxed);
    }

    pub(crate) fn memory(&self) -> usize {
        self.sets.capacity() * size_of::<[[AtomicU64; 2]; WAYS]>()
    }

    fn set(&self, tag: Tag) -> &[[AtomicU64; 2]; WAYS] {
        // The number of sets is a power of two.
        &self.sets[tag.0[1] as usize & (self.sets.len() - 1)]
    }
}

impl fmt::Debug for SeenSignatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenSignatures").field("bytes", &self.memory()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_covers_the_token_the_key_and_the_set() {
        let seen = SeenSignatures::new(100).unwrap();
        let tag = seen.tag(&[1; 32], b"a.b.c");
        assert!(!seen.contains(tag));
        seen.insert(tag);
        assert!(seen.contains(tag));
        assert!(!seen.contains(seen.tag(&[1; 32], b"a.b.d")));
        assert!(!seen.contains(seen.tag(&[2; 32], b"a.b.c")));
        let other = SeenSignatures::new(100).unwrap();
        assert!(other.tag(&[1; 32], b"a.b.c") != tag);
    }

    #[test]
    fn memory_is_fixed_and_a_flood_keeps_most_recent() {
        let seen = SeenSignatures::new(1000).unwrap();
        let before = seen.memory();
        for token in 0..100_000u32 {
            let tag = seen.tag(&[0; 32], &token.to_le_bytes());
            seen.insert(tag);
            assert!(seen.contains(tag));
        }
        assert_eq!(seen.memory(), before);
        assert!(before <= 2 * 16 * 1024);
    }
}
