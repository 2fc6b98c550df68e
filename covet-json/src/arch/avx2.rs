//! The run kernels with 32-byte vectors. The last bytes of a run go through the 16-byte code: nothing is read outside the
//! slice.

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
    _mm256_set1_epi8,
};

use super::run::{space_run_blocks, string_run_blocks};

const WIDTH: usize = 32;

#[inline]
#[target_feature(enable = "avx2")]
fn load(chunk: &[u8; WIDTH]) -> __m256i {
    // SAFETY: the reference proves 32 readable bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn equal(bytes: __m256i, byte: u8) -> __m256i {
    _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte.cast_signed()))
}

/// See [`super::run::string_run`].
#[target_feature(enable = "avx2")]
pub(super) fn string_run(bytes: &[u8]) -> (usize, bool) {
    let mut at = 0;
    let mut ascii = true;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<WIDTH>) {
        let chunk = load(chunk);
        let control = _mm256_cmpeq_epi8(_mm256_min_epu8(chunk, _mm256_set1_epi8(0x1F)), chunk);
        let stops = _mm256_or_si256(_mm256_or_si256(equal(chunk, b'"'), equal(chunk, b'\\')), control);
        let stops = _mm256_movemask_epi8(stops).cast_unsigned();
        let high = _mm256_movemask_epi8(chunk).cast_unsigned();
        if stops != 0 {
            let end = stops.trailing_zeros();
            return (at + end as usize, ascii & (high & ((1 << end) - 1) == 0));
        }
        ascii &= high == 0;
        at += WIDTH;
    }
    string_run_blocks(bytes, at, ascii)
}

/// See [`super::run::space_run`].
#[target_feature(enable = "avx2")]
pub(super) fn space_run(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<WIDTH>) {
        let chunk = load(chunk);
        let blank = _mm256_or_si256(equal(chunk, b' '), equal(chunk, b'\n'));
        let rest = _mm256_or_si256(equal(chunk, b'\t'), equal(chunk, b'\r'));
        let spaces = _mm256_movemask_epi8(_mm256_or_si256(blank, rest)).cast_unsigned();
        if spaces != u32::MAX {
            return at + spaces.trailing_ones() as usize;
        }
        at += WIDTH;
    }
    space_run_blocks(bytes, at)
}
