//! Inline kernels over one block of 16 bytes: which bytes end a run. SSE2 on x86-64, eight-byte words elsewhere.
//!
//! Bit `i` of a mask speaks of byte `i` of the block.

#[cfg(target_arch = "x86_64")]
use super::inline_simd;

/// Bytes handled at once.
pub(crate) const BLOCK: usize = 16;

/// Bytes that end a run of plain string content: the quote, the backslash and control characters.
#[inline(always)]
pub(crate) const fn is_string_stop(byte: u8) -> bool {
    byte == b'"' || byte == b'\\' || byte < 0x20
}

/// Whether RFC 8259 calls the byte whitespace.
#[inline(always)]
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// What a block holds, seen as string content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StringMasks {
    /// Bytes for which [`is_string_stop`] holds.
    pub(crate) stops: u32,
    /// Bytes that are not ASCII.
    pub(crate) high: u32,
}

/// Classifies a block as string content.
#[inline(always)]
pub(crate) fn string_masks(block: &[u8; BLOCK]) -> StringMasks {
    #[cfg(target_arch = "x86_64")]
    if inline_simd() {
        // SAFETY: SSE2 is part of x86-64.
        return unsafe { sse2::string_masks(block) };
    }
    portable::string_masks(block)
}

/// The bytes of a block that are not plain ASCII string content: those for which [`is_string_stop`] holds, and non-ASCII ones.
#[inline(always)]
pub(crate) fn special_mask(block: &[u8; BLOCK]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if inline_simd() {
        // SAFETY: SSE2 is part of x86-64.
        return unsafe { sse2::special_mask(block) };
    }
    portable::special_mask(block)
}

/// The bytes of a block that are not whitespace.
#[inline(always)]
pub(crate) fn nonspace_mask(block: &[u8; BLOCK]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if inline_simd() {
        // SAFETY: SSE2 is part of x86-64.
        return unsafe { sse2::nonspace_mask(block) };
    }
    portable::nonspace_mask(block)
}

/// The bytes of a block that are the space itself.
#[inline(always)]
pub(crate) fn blank_mask(block: &[u8; BLOCK]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if inline_simd() {
        // SAFETY: SSE2 is part of x86-64.
        return unsafe { sse2::blank_mask(block) };
    }
    portable::blank_mask(block)
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8, _mm_xor_si128,
    };

    use super::{BLOCK, StringMasks};

    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(block: &[u8; BLOCK]) -> __m128i {
        // SAFETY: the reference proves 16 readable bytes; the load needs no alignment.
        unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn string_masks(block: &[u8; BLOCK]) -> StringMasks {
        let bytes = load(block);
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"'.cast_signed()));
        let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed()));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
        let stops = _mm_or_si128(_mm_or_si128(quote, backslash), control);
        StringMasks { stops: _mm_movemask_epi8(stops).cast_unsigned(), high: _mm_movemask_epi8(bytes).cast_unsigned() }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn special_mask(block: &[u8; BLOCK]) -> u32 {
        // With bit 1 flipped the quote is next to the control characters, and as signed numbers all that is not ASCII is
        // below them: one comparison finds the three.
        let flipped = _mm_xor_si128(load(block), _mm_set1_epi8(2));
        let low = _mm_cmplt_epi8(flipped, _mm_set1_epi8(0x21));
        let backslash = _mm_cmpeq_epi8(flipped, _mm_set1_epi8((b'\\' ^ 2).cast_signed()));
        _mm_movemask_epi8(_mm_or_si128(low, backslash)).cast_unsigned()
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn blank_mask(block: &[u8; BLOCK]) -> u32 {
        let blanks = _mm_cmpeq_epi8(load(block), _mm_set1_epi8(b' '.cast_signed()));
        _mm_movemask_epi8(blanks).cast_unsigned()
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn nonspace_mask(block: &[u8; BLOCK]) -> u32 {
        let bytes = load(block);
        let space = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b' '.cast_signed()));
        let newline = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n'.cast_signed()));
        let tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\t'.cast_signed()));
        let carriage = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\r'.cast_signed()));
        let spaces = _mm_or_si128(_mm_or_si128(space, newline), _mm_or_si128(tab, carriage));
        !_mm_movemask_epi8(spaces).cast_unsigned() & 0xFFFF
    }
}

mod portable {
    use super::{BLOCK, StringMasks};

    const HIGH: u64 = 0x8080_8080_8080_8080;
    const LOW7: u64 = !HIGH;

    /// The byte in each place of a word.
    const fn spread(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }

    /// Sets the high bit of each byte that is zero; exact for every byte, unlike the subtract-and-borrow trick.
    const fn zeros(word: u64) -> u64 {
        !(((word & LOW7) + LOW7) | word | LOW7)
    }

    /// Gathers the high bits of eight bytes into the low eight bits.
    const fn gather(high_bits: u64) -> u32 {
        (((high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080)) >> 56) as u32
    }

    fn words(block: &[u8; BLOCK]) -> [u64; 2] {
        let all = u128::from_le_bytes(*block);
        [all as u64, (all >> 64) as u64]
    }

    fn per_word(block: &[u8; BLOCK], classify: impl Fn(u64) -> u64) -> u32 {
        let [low, high] = words(block);
        gather(classify(low)) | gather(classify(high)) << 8
    }

    pub(super) fn string_masks(block: &[u8; BLOCK]) -> StringMasks {
        let stops = per_word(block, |word| {
            let quote = zeros(word ^ spread(b'"'));
            let backslash = zeros(word ^ spread(b'\\'));
            // A byte below 0x20 has its three upper bits clear.
            let control = zeros(word & spread(0xE0));
            quote | backslash | control
        });
        StringMasks { stops, high: per_word(block, |word| word & HIGH) }
    }

    pub(super) fn special_mask(block: &[u8; BLOCK]) -> u32 {
        let masks = string_masks(block);
        masks.stops | masks.high
    }

    pub(super) fn blank_mask(block: &[u8; BLOCK]) -> u32 {
        per_word(block, |word| zeros(word ^ spread(b' ')))
    }

    pub(super) fn nonspace_mask(block: &[u8; BLOCK]) -> u32 {
        let spaces = per_word(block, |word| {
            zeros(word ^ spread(b' '))
                | zeros(word ^ spread(b'\n'))
                | zeros(word ^ spread(b'\t'))
                | zeros(word ^ spread(b'\r'))
        });
        !spaces & 0xFFFF
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expected_string_masks(block: &[u8; BLOCK]) -> StringMasks {
        let mut masks = StringMasks { stops: 0, high: 0 };
        for (i, &byte) in block.iter().enumerate() {
            masks.stops |= u32::from(is_string_stop(byte)) << i;
            masks.high |= u32::from(byte >= 0x80) << i;
        }
        masks
    }

    fn expected_nonspace(block: &[u8; BLOCK]) -> u32 {
        block.iter().enumerate().fold(0, |mask, (i, &byte)| mask | u32::from(!is_space(byte)) << i)
    }

    fn expected_blanks(block: &[u8; BLOCK]) -> u32 {
        block.iter().enumerate().fold(0, |mask, (i, &byte)| mask | u32::from(byte == b' ') << i)
    }

    fn expected_special(block: &[u8; BLOCK]) -> u32 {
        let masks = expected_string_masks(block);
        masks.stops | masks.high
    }

    fn check(block: &[u8; BLOCK]) {
        assert_eq!(portable::special_mask(block), expected_special(block));
        assert_eq!(portable::blank_mask(block), expected_blanks(block));
        assert_eq!(portable::string_masks(block), expected_string_masks(block));
        assert_eq!(portable::nonspace_mask(block), expected_nonspace(block));
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: SSE2 is part of x86-64.
            assert_eq!(unsafe { sse2::string_masks(block) }, expected_string_masks(block));
            // SAFETY: as above.
            assert_eq!(unsafe { sse2::special_mask(block) }, expected_special(block));
            // SAFETY: as above.
            assert_eq!(unsafe { sse2::blank_mask(block) }, expected_blanks(block));
            // SAFETY: as above.
            assert_eq!(unsafe { sse2::nonspace_mask(block) }, expected_nonspace(block));
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for fill in [b'a', 0, 0xFF, b'"', b' '] {
            for place in 0..BLOCK {
                for byte in 0..=u8::MAX {
                    let mut block = [fill; BLOCK];
                    block[place] = byte;
                    check(&block);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_blocks(block: [u8; BLOCK]) {
            check(&block);
        }
    }
}
