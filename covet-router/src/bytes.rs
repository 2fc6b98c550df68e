//! Word-at-a-time reading of paths: segments as integers, slashes by arithmetic on eight bytes, whole blocks without a slash
//! skipped by comparisons that compilers turn into vector instructions. All of it safe and portable.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
const SLASHES: u64 = LOW * b'/' as u64;

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
        return first | (last << (8 * (n - 4) & 63));
    }
    bytes.iter().rev().fold(0, |word, &b| (word << 8) | u64::from(b))
}

/// A segment that begins at `start`: where it ends, and its first eight bytes (zeros after its end).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    pub(crate) end: usize,
    pub(crate) word: u64,
}

/// Finds the end of the segment at `start <= bytes.len()`: the next slash, or the end of the path.
#[inline(always)]
pub(crate) fn cut(bytes: &[u8], start: usize) -> Cut {
    let n = bytes.len();
    if start >= n {
        return Cut { end: n, word: 0 };
    }
    match n.checked_sub(8) {
        Some(last_word) => cut_before(bytes, start, last_word),
        None => {
            let x = short_word(&bytes[start..]) ^ (SLASHES >> (8 * (8 - (n - start)) & 63));
            cut_at(bytes, start, x)
        }
    }
}

/// As [`cut`], for `start < bytes.len()` and `last_word == bytes.len() - 8`.
#[inline(always)]
pub(crate) fn cut_before(bytes: &[u8], start: usize, last_word: usize) -> Cut {
    // Every byte that is a slash becomes zero. Near the end, the last eight bytes are read and shifted, so that what is
    // past the end looks like slashes too.
    let at = start.min(last_word);
    cut_at(bytes, start, (word(bytes, at) ^ SLASHES) >> (8 * (start - at) & 63))
}

#[inline(always)]
fn cut_at(bytes: &[u8], start: usize, x: u64) -> Cut {
    // The high bit of the first zero byte, and maybe of later bytes.
    let zeros = x.wrapping_sub(LOW) & !x & HIGH;
    let first = zeros & zeros.wrapping_neg();
    let word = (x ^ SLASHES) & (first >> 7).wrapping_sub(1);
    let end = if zeros == 0 { long(bytes, start + 8) } else { start + (first.trailing_zeros() as usize >> 3) };
    Cut { end, word }
}

/// The next slash at or after `from`, or the end of the path; for segments of eight bytes and more.
#[inline(never)]
fn long(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(block) = bytes.get(at..).and_then(|b| b.first_chunk::<16>()) {
        if has_slash(block) {
            break;
        }
        at += 16;
    }
    loop {
        let Some(chunk) = bytes.get(at..).and_then(|b| b.first_chunk::<8>()) else {
            let rest = bytes.get(at..).unwrap_or_default();
            return at + rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
        };
        let x = u64::from_le_bytes(*chunk) ^ SLASHES;
        let zeros = x.wrapping_sub(LOW) & !x & HIGH;
        if zeros != 0 {
            return at + (zeros.trailing_zeros() as usize >> 3);
        }
        at += 8;
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
    let at_least_a = low.wrapping_add(LOW * (0x80 - b'A' as u64));
    let beyond_z = low.wrapping_add(LOW * (0x7f - b'Z' as u64));
    let upper = (at_least_a & !beyond_z & !word & HIGH) >> 7;
    word | (upper << 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_cut_wherever_they_are() {
        for n in 0..70 {
            for slash in 0..=n {
                let mut path: Vec<u8> = (0..n).map(|i| b"abc\0\xaf.\x2e\x30\xff"[i % 9]).collect();
                if slash < n {
                    path[slash] = b'/';
                }
                for start in 0..=n {
                    let end = path[start..].iter().position(|&b| b == b'/').map_or(n, |i| start + i);
                    let mut first = [0; 8];
                    let len = (end - start).min(8);
                    first[..len].copy_from_slice(&path[start..start + len]);
                    assert_eq!(cut(&path, start), Cut { end, word: u64::from_le_bytes(first) }, "{n} {slash} {start}");
                }
            }
        }
    }

    #[test]
    fn folding_is_ascii() {
        for b in 0..=255u8 {
            let word = LOW * u64::from(b);
            assert_eq!(fold_word(word), LOW * u64::from(b.to_ascii_lowercase()), "{b:#x}");
        }
    }
}
