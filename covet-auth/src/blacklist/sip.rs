//! SipHash-2-4 with 128 bits of output, over a whole text at once.
//!
//! A check of a blacklist that fits the processor's cache is mostly this hash. The state under the key is kept, no
//! buffer is filled, and whoever needs 64 bits stops there: the second word costs four rounds more. Checked
//! against the crate `siphasher`, which hashes everything that is not on that path.

/// The state under a key.
#[derive(Clone, Copy)]
pub(crate) struct Sip([u64; 4]);

impl Sip {
    pub(crate) fn new(key: [u64; 2]) -> Self {
        Self([
            key[0] ^ 0x736f_6d65_7073_6575,
            key[1] ^ 0x646f_7261_6e64_6f6d ^ 0xee,
            key[0] ^ 0x6c79_6765_6e65_7261,
            key[1] ^ 0x7465_6462_7974_6573,
        ])
    }

    /// The first 64 bits of the hash.
    #[inline]
    pub(crate) fn first(&self, text: &[u8]) -> u64 {
        let state = self.absorb(text);
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }

    /// All 128 bits of the hash.
    #[inline]
    pub(crate) fn both(&self, text: &[u8]) -> [u64; 2] {
        let mut state = self.absorb(text);
        let first = state[0] ^ state[1] ^ state[2] ^ state[3];
        state[1] ^= 0xdd;
        for _ in 0..4 {
            round(&mut state);
        }
        [first, state[0] ^ state[1] ^ state[2] ^ state[3]]
    }

    #[inline]
    fn absorb(&self, text: &[u8]) -> [u64; 4] {
        let mut state = self.0;
        let (words, tail) = text.as_chunks::<8>();
        for word in words {
            mix(&mut state, u64::from_le_bytes(*word));
        }
        let mut last = (text.len() as u64) << 56;
        match text.last_chunk::<8>() {
            // The tail, from the last eight bytes at once: what comes before it is shifted out.
            Some(end) if !tail.is_empty() => last |= u64::from_le_bytes(*end) >> (64 - 8 * tail.len()),
            Some(_) => {}
            None => {
                for (place, byte) in tail.iter().enumerate() {
                    last |= u64::from(*byte) << (8 * place);
                }
            }
        }
        mix(&mut state, last);
        state[2] ^= 0xee;
        for _ in 0..4 {
            round(&mut state);
        }
        state
    }
}

#[inline]
fn mix(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    round(state);
    round(state);
    state[0] ^= word;
}

#[inline]
fn round(state: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *state;
    a = a.wrapping_add(b);
    c = c.wrapping_add(d);
    b = b.rotate_left(13) ^ a;
    d = d.rotate_left(16) ^ c;
    a = a.rotate_left(32).wrapping_add(d);
    c = c.wrapping_add(b);
    d = d.rotate_left(21) ^ a;
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    *state = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use siphasher::sip128::SipHasher24;

    proptest! {
        #[test]
        fn equals_siphasher(key in any::<[u64; 2]>(), text in prop::collection::vec(any::<u8>(), 0..100)) {
            let (first, second) = SipHasher24::new_with_keys(key[0], key[1]).hash(&text).as_u64();
            prop_assert_eq!(Sip::new(key).both(&text), [first, second]);
            prop_assert_eq!(Sip::new(key).first(&text), first);
        }
    }
}
