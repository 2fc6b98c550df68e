//! Word-at-a-time reading of paths: segments as integers, slashes by arithmetic on eight bytes, whole blocks without a slash
//! skipped by comparisons that compilers turn into vector instructions. All of it safe and portable.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
pub(crate) const SLASHES: u64 = LOW * b'/' as u64;

/// The eight bytes from `at`, little-endian; 0 when they are not all there.
#[inline(always)]
pub(crate) fn word(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(|b| b.first_chunk::<8>()) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => 0,
    }
}

/// Up to seven bytes as an integer, the first one lowest.
#[inline]
pub(crate) fn short_word(bytes: &[u8]) -> u64 {
    let n = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (first, last) = (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)));
        return first | (last << ((8 * (n - 4)) & 63));
    }
    bytes.iter().rev().fold(0, |word, &b| (word << 8) | u64::from(b))
}

/// The end of the segment at `start <= bytes.len()`: the next slash, or the end of the path.
#[inline]
pub(crate) fn segment_end(bytes: &[u8], start: usize) -> usize {
    match bytes.len().checked_sub(8) {
        Some(last_word) if start < bytes.len() => {
            let x = xored(bytes, start, last_word);
            short_end(x).map_or_else(|| long_end(bytes, start + 8, last_word), |bit| start + (bit as usize >> 3))
        }
        _ => {
            let rest = bytes.get(start..).unwrap_or_default();
            start + rest.iter().position(|&b| b == b'/').unwrap_or(rest.len())
        }
    }
}

/// The eight bytes from `start < bytes.len()`, each xored with a slash: slashes become zero, and what is past the end is zero too.
/// `last_word` is `bytes.len() - 8`.
#[inline(always)]
pub(crate) fn xored(bytes: &[u8], start: usize, last_word: usize) -> u64 {
    if start <= last_word {
        return word(bytes, start) ^ SLASHES;
    }
    last_xored(bytes, start, last_word)
}

/// As [`xored`] where less than eight bytes are left: the last eight bytes, shifted.
#[inline(always)]
pub(crate) fn last_xored(bytes: &[u8], start: usize, last_word: usize) -> u64 {
    (word(bytes, last_word) ^ SLASHES) >> ((8 * (start - last_word)) & 63)
}

/// The highest bit of the first zero byte.
#[inline(always)]
pub(crate) fn short_end(x: u64) -> Option<u32> {
    let zeros = x.wrapping_sub(LOW) & !x & HIGH;
    if zeros == 0 { None } else { Some(zeros.trailing_zeros()) }
}

/// The key of a segment of less than eight bytes, from its xored word and the highest bit of its end: the bytes moved up so that the end is
/// the highest byte. None of them is zero and all below them are, so keys of different segments differ, whatever their lengths.
#[inline(always)]
pub(crate) fn short_key(x: u64, end_bit: u32) -> u64 {
    x << (!end_bit & 63)
}

/// The key of any segment: as [`short_key`], or the first eight bytes, xored; the highest byte of those is never zero.
#[inline]
pub(crate) fn key<const FOLD: bool>(segment: &[u8]) -> u64 {
    let fold = |word| if FOLD { fold_word(word) } else { word };
    match segment.first_chunk::<8>() {
        Some(first) => fold(u64::from_le_bytes(*first)) ^ SLASHES,
        None if segment.is_empty() => 0,
        None => {
            let unused = 8 * (8 - segment.len());
            ((fold(short_word(segment)) ^ (SLASHES >> (unused & 63))) << (unused & 63)) >> 8
        }
    }
}

/// The next slash at or after `from`, or the end of the path; for segments of eight bytes and more.
#[inline]
pub(crate) fn long_end(bytes: &[u8], from: usize, last_word: usize) -> usize {
    let mut at = from;
    loop {
        if at >= bytes.len() {
            return bytes.len();
        }
        if let Some(bit) = short_end(xored(bytes, at, last_word)) {
            return at + (bit as usize >> 3);
        }
        at += 8;
        while let Some(block) = bytes.get(at..).and_then(|b| b.first_chunk::<16>())
            && !has_slash(block)
        {
            at += 16;
        }
    }
}

/// One vector comparison where the target has vectors of sixteen bytes.
#[inline(always)]
fn has_slash(block: &[u8; 16]) -> bool {
    block.iter().fold(false, |any, &b| any | (b == b'/'))
}

/// ASCII letters in lower case.
#[inline(always)]
pub(crate) fn fold_word(word: u64) -> u64 {
    let low = word & !HIGH;
    // 0x3f + 'A' and 0x25 + '[' are 0x80.
    let at_least_a = low.wrapping_add(LOW * 0x3f);
    let beyond_z = low.wrapping_add(LOW * 0x25);
    let upper = (at_least_a & !beyond_z & !word & HIGH) >> 7;
    word | (upper << 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_cut_wherever_they_are() {
        for n in 1..70 {
            for slash in 0..=n {
                let mut path: Vec<u8> = (0..n).map(|i| b"abc\0\xaf.\x2e\x30\xff"[i % 9]).collect();
                if slash < n {
                    path[slash] = b'/';
                }
                for start in 0..=n {
                    let end = path[start..].iter().position(|&b| b == b'/').map_or(n, |i| start + i);
                    assert_eq!(segment_end(&path, start), end, "{n} {slash} {start}");
                    if n >= 8 && start < n {
                        let x = xored(&path, start, n - 8);
                        let segment = &path[start..end];
                        let fast = short_end(x).map_or(x, |bit| short_key(x, bit));
                        assert_eq!(fast, key::<false>(segment), "{n} {slash} {start}");
                        assert_eq!(short_end(x).is_some(), segment.len() < 8);
                    }
                }
            }
        }
    }

    #[test]
    fn keys_tell_segments_apart() {
        let segments: Vec<&[u8]> = vec![
            b"",
            b"\0",
            b"\0\0",
            b"a",
            b"a\0",
            b"\0a",
            b"\0\0a",
            b"abcdefg",
            b"abcdefg\0",
            b"abcdefgh",
            b"\0\0\0\0\0\0\0\0",
        ];
        for (i, a) in segments.iter().enumerate() {
            for b in &segments[..i] {
                assert_ne!(key::<false>(a), key::<false>(b), "{a:?} {b:?}");
            }
        }
        assert_eq!(key::<true>(b"AbC"), key::<false>(b"abc"));
        assert_eq!(key::<true>(b"ABCDEFGHIJ"), key::<false>(b"abcdefghij"));
    }

    #[test]
    fn folding_is_ascii() {
        for b in 0..=255u8 {
            let word = LOW * u64::from(b);
            assert_eq!(fold_word(word), LOW * u64::from(b.to_ascii_lowercase()), "{b:#x}");
        }
    }
}
