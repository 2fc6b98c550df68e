//! Copying text and looking for what must be escaped, in one pass.
//!
//! Every kernel copies the bytes in front of the first special one and says how many they are. None reads outside the source
//! or writes outside as many bytes of the destination: tails are covered by loads that overlap what was copied before.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128i, __m256i, _mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8,
    _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_storeu_si128, _mm_xor_si128, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_storeu_si256,
    _mm256_xor_si256,
};

/// From this length on the AVX2 kernel is worth its call.
#[cfg(target_arch = "x86_64")]
const LONG: usize = 128;

/// Whether a byte cannot stand in a JSON string as it is. With `HTML`, also the ASCII characters that end a script element or
/// start markup, and the lead byte of U+2028 and U+2029.
#[inline(always)]
pub(crate) const fn is_special<const HTML: bool>(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || (HTML && matches!(byte, b'<' | b'>' | b'&' | 0xE2))
}

/// Copies the bytes of `src` in front of the first special one to `dst` and returns how many they are. What `dst` holds behind
/// them, within `src.len()` bytes, is unspecified.
///
/// # Safety
///
/// `dst` is valid for writes of `src.len()` bytes and does not overlap `src`.
#[inline(always)]
pub(crate) unsafe fn copy_plain<const HTML: bool>(src: &[u8], dst: *mut u8) -> usize {
    #[cfg(target_arch = "x86_64")]
    if super::inline_simd() {
        if src.len() >= LONG && super::simd_level() == super::SimdLevel::Avx2 {
            // SAFETY: the caller's promise is passed on; the level is only ever `Avx2` on a CPU that has it.
            return unsafe { copy_plain_avx2::<HTML>(src, dst) };
        }
        // SAFETY: the caller's promise is passed on.
        return unsafe { copy_plain_sse2::<HTML>(src, dst) };
    }
    // SAFETY: the caller's promise is passed on.
    let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast(), src.len()) };
    copy_plain_portable::<HTML>(src, dst)
}

/// As [`copy_plain`], for text that is known to be short.
///
/// # Safety
///
/// As [`copy_plain`].
#[inline(always)]
pub(crate) unsafe fn copy_short<const HTML: bool>(src: &[u8], dst: *mut u8) -> usize {
    debug_assert!(src.len() < 128);
    #[cfg(target_arch = "x86_64")]
    if super::inline_simd() {
        // SAFETY: the caller's promise is passed on.
        return unsafe { copy_plain_sse2::<HTML>(src, dst) };
    }
    // SAFETY: the caller's promise is passed on.
    let dst = unsafe { std::slice::from_raw_parts_mut(dst.cast(), src.len()) };
    copy_plain_portable::<HTML>(src, dst)
}

/// Eight bytes at a time in a plain integer.
fn copy_plain_portable<const HTML: bool>(src: &[u8], dst: &mut [std::mem::MaybeUninit<u8>]) -> usize {
    let mut at = 0;
    while let (Some(from), Some(to)) = (src.get(at..at + 8), dst.get_mut(at..at + 8)) {
        let Ok(word) = <[u8; 8]>::try_from(from) else { break };
        to.copy_from_slice(&word.map(std::mem::MaybeUninit::new));
        if has_special::<HTML>(u64::from_le_bytes(word)) {
            break;
        }
        at += 8;
    }
    for (from, to) in src.iter().zip(dst.iter_mut()).skip(at) {
        if is_special::<HTML>(*from) {
            break;
        }
        to.write(*from);
        at += 1;
    }
    at
}

/// Whether any of eight bytes is special. Each test carries only out of bytes that it flags, so "any" is exact.
#[inline(always)]
pub(crate) const fn has_special<const HTML: bool>(word: u64) -> bool {
    let control = word.wrapping_sub(splat(0x20)) & !word;
    let mut found = control | equals(word, b'"') | equals(word, b'\\');
    if HTML {
        found |= equals(word, b'<') | equals(word, b'>') | equals(word, b'&') | equals(word, 0xE2);
    }
    found & splat(0x80) != 0
}

#[inline(always)]
const fn splat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// High bits set where (at least) the lowest byte of `word` equal to `byte` is.
#[inline(always)]
const fn equals(word: u64, byte: u8) -> u64 {
    let zero = word ^ splat(byte);
    zero.wrapping_sub(splat(1)) & !zero
}

/// A bit for each of 16 bytes: whether it is special.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn special16<const HTML: bool>(bytes: __m128i) -> u32 {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { special16_sse2::<HTML>(bytes) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn special16_sse2<const HTML: bool>(bytes: __m128i) -> u32 {
    // With bit 1 flipped the quote (0x22) becomes 0x20, the controls stay below it, and the space leaves: one comparison.
    let folded = _mm_xor_si128(bytes, _mm_set1_epi8(0x02));
    let low = _mm_cmpeq_epi8(_mm_min_epu8(folded, _mm_set1_epi8(0x20)), folded);
    let mut found = _mm_or_si128(low, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8)));
    if HTML {
        // `<` and `>` differ in bit 1 only.
        let angle = _mm_cmpeq_epi8(_mm_or_si128(bytes, _mm_set1_epi8(0x02)), _mm_set1_epi8(b'>' as i8));
        let ampersand = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'&' as i8));
        let lead = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0xE2_u8 as i8));
        found = _mm_or_si128(found, _mm_or_si128(angle, _mm_or_si128(ampersand, lead)));
    }
    _mm_movemask_epi8(found) as u32
}

/// # Safety
///
/// As [`copy_plain`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn copy_plain_sse2<const HTML: bool>(src: &[u8], dst: *mut u8) -> usize {
    let n = src.len();
    if n < 16 {
        // SAFETY: the caller's promise is passed on.
        return unsafe { copy_plain_short::<HTML>(src, dst) };
    }
    // SAFETY: `n >= 16`.
    let first = unsafe { copy16::<HTML>(src.as_ptr(), dst, 0) };
    // The last block overlaps those before it.
    // SAFETY: the last 16 bytes of `n`.
    let last = unsafe { copy16::<HTML>(src.as_ptr(), dst, n - 16) };
    if n <= 32 {
        // Both blocks cover everything: one branch for both.
        if first | last == 0 {
            return n;
        }
        return if first != 0 { first.trailing_zeros() as usize } else { n - 16 + last.trailing_zeros() as usize };
    }
    if first != 0 {
        return first.trailing_zeros() as usize;
    }
    let mut at = 16;
    while at < n - 16 {
        // SAFETY: `at + 16 < n`.
        let found = unsafe { copy16::<HTML>(src.as_ptr(), dst, at) };
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 16;
    }
    if last != 0 { n - 16 + last.trailing_zeros() as usize } else { n }
}

/// Copies 16 bytes at offset `at` and flags the special ones.
///
/// # Safety
///
/// `at + 16` bytes are readable at `src` and writable at `dst`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn copy16<const HTML: bool>(src: *const u8, dst: *mut u8, at: usize) -> u32 {
    // SAFETY: within the readable bytes.
    let from = unsafe { src.add(at) }.cast();
    // SAFETY: within the writable bytes.
    let to = unsafe { dst.add(at) }.cast();
    // SAFETY: 16 bytes are readable there; the load has no alignment.
    let bytes = unsafe { _mm_loadu_si128(from) };
    // SAFETY: 16 bytes are writable there; the store has no alignment.
    unsafe { _mm_storeu_si128(to, bytes) };
    special16::<HTML>(bytes)
}

/// Fewer than 16 bytes: two words that overlap, or single bytes.
///
/// # Safety
///
/// As [`copy_plain`].
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn copy_plain_short<const HTML: bool>(src: &[u8], dst: *mut u8) -> usize {
    let n = src.len();
    if n >= 8 {
        // SAFETY: `n >= 8`.
        let head = unsafe { copy_word::<8>(src.as_ptr(), dst, 0) };
        // SAFETY: the last eight bytes of `n`.
        let tail = unsafe { copy_word::<8>(src.as_ptr(), dst, n - 8) };
        let (head, tail) = (i64::from_le_bytes(head), i64::from_le_bytes(tail));
        // SAFETY: SSE2 is part of x86-64.
        let found = special16::<HTML>(unsafe { _mm_set_epi64x(tail, head) });
        return place(found, 8, n);
    }
    if n >= 4 {
        // SAFETY: `n >= 4`.
        let head = unsafe { copy_word::<4>(src.as_ptr(), dst, 0) };
        // SAFETY: the last four bytes of `n`.
        let tail = unsafe { copy_word::<4>(src.as_ptr(), dst, n - 4) };
        let both = u64::from(u32::from_le_bytes(head)) | u64::from(u32::from_le_bytes(tail)) << 32;
        // SAFETY: SSE2 is part of x86-64.
        let found = special16::<HTML>(unsafe { _mm_cvtsi64_si128(both as i64) }) & 0xFF;
        return place(found, 4, n);
    }
    // One to three bytes: the first, the middle and the last one are all of them.
    let (Some(&first), Some(&middle), Some(&last)) = (src.first(), src.get(n / 2), src.last()) else { return 0 };
    // SAFETY: `n >= 1`.
    unsafe { dst.write(first) };
    // SAFETY: `n / 2 < n`.
    let to = unsafe { dst.add(n / 2) };
    // SAFETY: as above.
    unsafe { to.write(middle) };
    // SAFETY: `n - 1 < n`.
    let to = unsafe { dst.add(n - 1) };
    // SAFETY: as above.
    unsafe { to.write(last) };
    let word = u64::from(first) | u64::from(middle) << 8 | u64::from(last) << 16 | splat(b' ') << 24;
    if !has_special::<HTML>(word) {
        return n;
    }
    src.iter().position(|&byte| is_special::<HTML>(byte)).unwrap_or(n)
}

/// Where in `n` bytes the first flag of two words of `half` bytes is, the second of which covers the last `half`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn place(found: u32, half: usize, n: usize) -> usize {
    if found == 0 {
        return n;
    }
    let at = found.trailing_zeros() as usize;
    if at < half { at } else { at + n - 2 * half }
}

/// Copies `N` bytes at offset `at` and returns them.
///
/// # Safety
///
/// `at + N` bytes are readable at `src` and writable at `dst`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn copy_word<const N: usize>(src: *const u8, dst: *mut u8, at: usize) -> [u8; N] {
    // SAFETY: within the readable bytes.
    let from = unsafe { src.add(at) }.cast::<[u8; N]>();
    // SAFETY: within the writable bytes.
    let to = unsafe { dst.add(at) }.cast::<[u8; N]>();
    // SAFETY: `N` bytes are readable there; arrays of bytes have alignment 1.
    let word = unsafe { from.read() };
    // SAFETY: `N` bytes are writable there.
    unsafe { to.write(word) };
    word
}

/// 32 bytes at a time.
///
/// # Safety
///
/// As [`copy_plain`]; `src` is at least 32 bytes long.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[target_feature(enable = "avx2")]
unsafe fn copy_plain_avx2<const HTML: bool>(src: &[u8], dst: *mut u8) -> usize {
    debug_assert!(src.len() >= 32);
    let n = src.len();
    let mut at = 0;
    loop {
        // SAFETY: `at + 32 <= n`, in the loop's first pass because `n >= 32`, later because `at` is at most `n - 32`.
        let found = unsafe { copy32::<HTML>(src.as_ptr(), dst, at) };
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 32;
        if at >= n {
            return n;
        }
        at = at.min(n - 32);
    }
}

/// Copies 32 bytes at offset `at` and flags the special ones.
///
/// # Safety
///
/// `at + 32` bytes are readable at `src` and writable at `dst`.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn copy32<const HTML: bool>(src: *const u8, dst: *mut u8, at: usize) -> u32 {
    // SAFETY: within the readable bytes.
    let from = unsafe { src.add(at) }.cast();
    // SAFETY: within the writable bytes.
    let to = unsafe { dst.add(at) }.cast();
    // SAFETY: 32 bytes are readable there; the load has no alignment.
    let bytes: __m256i = unsafe { _mm256_loadu_si256(from) };
    // SAFETY: 32 bytes are writable there; the store has no alignment.
    unsafe { _mm256_storeu_si256(to, bytes) };
    let folded = _mm256_xor_si256(bytes, _mm256_set1_epi8(0x02));
    let low = _mm256_cmpeq_epi8(_mm256_min_epu8(folded, _mm256_set1_epi8(0x20)), folded);
    let mut found = _mm256_or_si256(low, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\' as i8)));
    if HTML {
        let angle = _mm256_cmpeq_epi8(_mm256_or_si256(bytes, _mm256_set1_epi8(0x02)), _mm256_set1_epi8(b'>' as i8));
        let ampersand = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'&' as i8));
        let lead = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(0xE2_u8 as i8));
        found = _mm256_or_si256(found, _mm256_or_si256(angle, _mm256_or_si256(ampersand, lead)));
    }
    _mm256_movemask_epi8(found) as u32
}

/// What stands for a special ASCII byte: up to seven bytes of text, lowest first, and their number in the top byte.
pub(crate) static ESCAPES: [u64; 128] = escapes();

const fn escapes() -> [u64; 128] {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        let short = match byte as u8 {
            b'"' => b'"',
            b'\\' => b'\\',
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0C => b'f',
            b'\r' => b'r',
            _ => 0,
        };
        table[byte] = if short != 0 {
            u64::from_le_bytes([b'\\', short, 0, 0, 0, 0, 0, 2])
        } else {
            let hex = b"0123456789abcdef";
            u64::from_le_bytes([b'\\', b'u', b'0', b'0', hex[byte >> 4], hex[byte & 15], 0, 6])
        };
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs one kernel on `src` with guard bytes around the destination.
    fn run(src: &[u8], kernel: impl Fn(&[u8], *mut u8) -> usize) -> usize {
        let mut dst = vec![0xAA; src.len() + 32];
        let n = kernel(src, dst[16..].as_mut_ptr());
        assert_eq!(&dst[16..16 + n], &src[..n]);
        assert!(dst[..16].iter().chain(&dst[16 + src.len()..]).all(|&byte| byte == 0xAA), "wrote outside");
        n
    }

    fn check<const HTML: bool>(src: &[u8]) {
        let expected = src.iter().position(|&byte| is_special::<HTML>(byte)).unwrap_or(src.len());
        let portable = run(src, |src, dst| {
            // SAFETY: `run` gives a destination of at least that many bytes.
            copy_plain_portable::<HTML>(src, unsafe { std::slice::from_raw_parts_mut(dst.cast(), src.len()) })
        });
        assert_eq!(portable, expected);
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: `run` gives a destination of at least that many bytes.
            assert_eq!(run(src, |src, dst| unsafe { copy_plain_sse2::<HTML>(src, dst) }), expected);
            if src.len() >= 32 && std::arch::is_x86_feature_detected!("avx2") {
                // SAFETY: as above; the feature was detected.
                assert_eq!(run(src, |src, dst| unsafe { copy_plain_avx2::<HTML>(src, dst) }), expected);
            }
        }
    }

    #[test]
    fn every_byte_at_every_place_of_every_length() {
        for n in 0..=100 {
            let mut text = vec![b'a'; n];
            check::<false>(&text);
            check::<true>(&text);
            for at in 0..n {
                for byte in [0, 0x1F, 0x20, 0x21, b'"', b'#', b'\\', b'<', b'=', b'>', b'&', 0x7F, 0x80, 0xE2, 0xFF] {
                    text[at] = byte;
                    check::<false>(&text);
                    check::<true>(&text);
                }
                text[at] = b'a';
            }
        }
        for byte in 0..=255 {
            for n in [1, 5, 9, 17, 40] {
                let mut text = vec![b'z'; n];
                text[n / 2] = byte;
                check::<false>(&text);
                check::<true>(&text);
            }
        }
    }

    proptest! {
        #[test]
        fn kernels_agree_on_random_bytes(src in proptest::collection::vec(any::<u8>(), 0..200)) {
            check::<false>(&src);
            check::<true>(&src);
        }

        #[test]
        fn words_are_flagged_exactly(bytes in any::<[u8; 8]>()) {
            let word = u64::from_le_bytes(bytes);
            prop_assert_eq!(has_special::<false>(word), bytes.iter().any(|&byte| is_special::<false>(byte)));
            prop_assert_eq!(has_special::<true>(word), bytes.iter().any(|&byte| is_special::<true>(byte)));
        }
    }
}
