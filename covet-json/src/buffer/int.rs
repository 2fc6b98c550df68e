//! Integers as decimal digits, eight to a word and without tables: every digit of a word is computed at once.

#![forbid(unsafe_code)]

const E8: u64 = 100_000_000;
const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

/// The eight digits of a number below 10^8, most significant in the lowest byte, as values 0 to 9.
#[inline(always)]
const fn digits8(n: u32) -> u64 {
    debug_assert!((n as u64) < E8);
    // Two lanes of four digits, four of two, eight of one; each step divides by multiplying with a rounded reciprocal.
    let fours = (n / 10_000) as u64 | ((n % 10_000) as u64) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | (twos - tens * 10) << 8
}

/// All eight digits as text, zeros in front included.
#[inline(always)]
pub(super) const fn padded8(n: u32) -> [u8; 8] {
    (digits8(n) | ZEROS).to_le_bytes()
}

/// The digits of a number below 10^8 without zeros in front, and how many they are.
#[inline(always)]
pub(super) const fn trimmed8(n: u32) -> ([u8; 8], usize) {
    let digits = digits8(n);
    // The last digit always stays.
    let skipped = (digits | 1 << 56).trailing_zeros() & !7;
    (((digits | ZEROS) >> skipped).to_le_bytes(), 8 - skipped as usize / 8)
}

/// A number cut into pieces below 10^8, most significant first: the first is written trimmed, the others padded.
#[derive(Clone, Copy)]
pub(super) enum Pieces {
    One(u32),
    Two(u32, u32),
    Three(u32, u32, u32),
}

#[inline(always)]
pub(super) const fn pieces(n: u64) -> Pieces {
    if n < E8 {
        return Pieces::One(n as u32);
    }
    let (high, low) = (n / E8, (n % E8) as u32);
    if high < E8 {
        return Pieces::Two(high as u32, low);
    }
    Pieces::Three((high / E8) as u32, (high % E8) as u32, low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(n: u64) -> String {
        let (first, rest) = match pieces(n) {
            Pieces::One(a) => (a, vec![]),
            Pieces::Two(a, b) => (a, vec![b]),
            Pieces::Three(a, b, c) => (a, vec![b, c]),
        };
        let (word, len) = trimmed8(first);
        let mut bytes = word[..len].to_vec();
        for piece in rest {
            bytes.extend(padded8(piece));
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn all_four_digit_halves() {
        // Every low half with a fixed high half and every high half with a fixed low half covers each lane's arithmetic.
        for n in 0..10_000 {
            assert_eq!(text(n), n.to_string());
            assert_eq!(text(99_990_000 + n), (99_990_000 + n).to_string());
            assert_eq!(text(n * 10_000 + 1), (n * 10_000 + 1).to_string());
        }
    }

    #[test]
    fn powers_of_ten_and_their_neighbours() {
        for exponent in 0..20 {
            let power = 10_u64.pow(exponent);
            for n in [power - 1, power, power + 1, u64::MAX - power] {
                assert_eq!(text(n), n.to_string());
            }
        }
        assert_eq!(text(u64::MAX), u64::MAX.to_string());
    }

    proptest! {
        #[test]
        fn like_std(n in any::<u64>(), shift in 0_u32..64) {
            prop_assert_eq!(text(n >> shift), (n >> shift).to_string());
        }
    }
}
