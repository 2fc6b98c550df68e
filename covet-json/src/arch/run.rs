//! Run kernels: how far a run of plain string content, or of whitespace, reaches. Chosen by [`simd_level`] per call, which
//! is one load and a branch that always goes the same way; callers come here only when a run outlasts the inline blocks.

use super::block::{BLOCK, is_space, is_string_stop, nonspace_mask, string_masks};

/// Length of the plain string content at the start of `bytes` (up to a quote, a backslash or a control character), and
/// whether all of it is ASCII.
#[inline(never)]
pub(crate) fn string_run(bytes: &[u8]) -> (usize, bool) {
    #[cfg(target_arch = "x86_64")]
    if super::simd_level() == super::SimdLevel::Avx2 {
        // SAFETY: the level is only ever AVX2 on a CPU that has it.
        return unsafe { super::avx2::string_run(bytes) };
    }
    string_run_blocks(bytes, 0, true)
}

/// The same in blocks of 16 bytes, from `at` on.
#[inline(always)]
pub(super) fn string_run_blocks(bytes: &[u8], mut at: usize, mut ascii: bool) -> (usize, bool) {
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        let masks = string_masks(block);
        if masks.stops != 0 {
            let end = masks.stops.trailing_zeros();
            return (at + end as usize, ascii & (masks.high & ((1 << end) - 1) == 0));
        }
        ascii &= masks.high == 0;
        at += BLOCK;
    }
    while let Some(&byte) = bytes.get(at)
        && !is_string_stop(byte)
    {
        ascii &= byte < 0x80;
        at += 1;
    }
    (at, ascii)
}

/// Length of the whitespace at the start of `bytes`.
#[inline(never)]
pub(crate) fn space_run(bytes: &[u8]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if super::simd_level() == super::SimdLevel::Avx2 {
        // SAFETY: the level is only ever AVX2 on a CPU that has it.
        return unsafe { super::avx2::space_run(bytes) };
    }
    space_run_blocks(bytes, 0)
}

/// The same in blocks of 16 bytes, from `at` on.
#[inline(always)]
pub(super) fn space_run_blocks(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        let mask = nonspace_mask(block);
        if mask != 0 {
            return at + mask.trailing_zeros() as usize;
        }
        at += BLOCK;
    }
    while let Some(&byte) = bytes.get(at)
        && is_space(byte)
    {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8]) {
        let len = bytes.iter().position(|&b| is_string_stop(b)).unwrap_or(bytes.len());
        let string = (len, bytes[..len].is_ascii());
        let space = bytes.iter().position(|&b| !is_space(b)).unwrap_or(bytes.len());
        assert_eq!(string_run_blocks(bytes, 0, true), string);
        assert_eq!(space_run_blocks(bytes, 0), space);
        assert_eq!(string_run(bytes), string);
        assert_eq!(space_run(bytes), space);
    }

    #[test]
    fn every_length_and_stop() {
        for len in 0..150 {
            for (fill, stops) in [(b'a', [b'"', b'\\', 0x1F, 0xC3]), (b' ', [b'x', 0, 0x0B, 0xA0])] {
                let bytes = vec![fill; len];
                check(&bytes);
                for at in 0..len {
                    for stop in stops {
                        let mut bytes = bytes.clone();
                        bytes[at] = stop;
                        check(&bytes);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes(bytes in prop::collection::vec(prop_oneof![
            8 => Just(b' '), 8 => b'a'..=b'z', 1 => any::<u8>()], 0..200))
        {
            check(&bytes);
        }
    }
}
