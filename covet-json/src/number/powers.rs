//! Powers of five to 128 bits, for rounding decimals: computed by the compiler, checked against big-integer arithmetic below.

/// Smallest power of ten in the table: a 64-bit integer times less than that is below half the smallest double.
pub(super) const MIN_POWER: i64 = -342;
/// Largest power of ten in the table: anything times more than that is infinite.
pub(super) const MAX_POWER: i64 = 308;

const COUNT: usize = (MAX_POWER - MIN_POWER + 1) as usize;

/// Words of the numbers that the table is computed with: 5^342 has 795 bits, and 128 bits of its reciprocal are wanted.
const WORDS: usize = 18;

/// The 128 leading bits of `5^power`, upper word first. Positive powers are cut off; negative powers down to -27 are rounded up, the
/// others cut off.
pub(super) static POWERS: [(u64, u64); COUNT] = table();

const fn table() -> [(u64, u64); COUNT] {
    let mut table = [(0, 0); COUNT];
    let zero = (-MIN_POWER) as usize;

    let mut power = [0; WORDS];
    power[0] = 1;
    let mut i = 0;
    while i <= MAX_POWER as usize {
        table[zero + i] = leading(&power);
        power = times_five(power);
        i += 1;
    }

    // floor(floor(x / 5) / 5) is floor(x / 25): dividing a power of two again and again stays exact.
    let mut reciprocal = [0; WORDS];
    reciprocal[WORDS - 1] = 1 << 63;
    let mut i = 1;
    while i <= zero {
        reciprocal = divided_by_five(reciprocal);
        let (upper, lower) = leading(&reciprocal);
        let bits = (upper as u128) << 64 | lower as u128;
        let bits = if i <= 27 { bits + 1 } else { bits };
        table[zero - i] = ((bits >> 64) as u64, bits as u64);
        i += 1;
    }
    table
}

/// Words are in little-endian order.
const fn times_five(mut number: [u64; WORDS]) -> [u64; WORDS] {
    let mut carry = 0;
    let mut i = 0;
    while i < WORDS {
        let product = number[i] as u128 * 5 + carry;
        number[i] = product as u64;
        carry = product >> 64;
        i += 1;
    }
    number
}

const fn divided_by_five(mut number: [u64; WORDS]) -> [u64; WORDS] {
    let mut remainder = 0;
    let mut i = WORDS;
    while i > 0 {
        i -= 1;
        let dividend = remainder << 64 | number[i] as u128;
        number[i] = (dividend / 5) as u64;
        remainder = dividend % 5;
    }
    number
}

/// The 128 bits that start at the highest set bit.
const fn leading(number: &[u64; WORDS]) -> (u64, u64) {
    let mut top = WORDS - 1;
    while number[top] == 0 {
        top -= 1;
    }
    let shift = number[top].leading_zeros();
    let second = if top >= 1 { number[top - 1] } else { 0 };
    let third = if top >= 2 { number[top - 2] } else { 0 };
    if shift == 0 {
        return (number[top], second);
    }
    (number[top] << shift | second >> (64 - shift), second << shift | third >> (64 - shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares two big integers given as little-endian words.
    fn less_or_equal(a: &[u64], b: &[u64]) -> bool {
        let len = a.len().max(b.len());
        let word = |n: &[u64], i: usize| n.get(i).copied().unwrap_or(0);
        for i in (0..len).rev() {
            if word(a, i) != word(b, i) {
                return word(a, i) < word(b, i);
            }
        }
        true
    }

    fn multiply(a: &[u64], b: &[u64]) -> Vec<u64> {
        let mut out = vec![0u64; a.len() + b.len()];
        for (i, &x) in a.iter().enumerate() {
            let mut carry = 0u128;
            for (j, &y) in b.iter().enumerate() {
                let sum = u128::from(x) * u128::from(y) + u128::from(out[i + j]) + carry;
                out[i + j] = sum as u64;
                carry = sum >> 64;
            }
            out[i + b.len()] = carry as u64;
        }
        out
    }

    fn power_of_two(bits: usize) -> Vec<u64> {
        let mut out = vec![0; bits / 64 + 1];
        out[bits / 64] = 1 << (bits % 64);
        out
    }

    fn bit_length(n: &[u64]) -> usize {
        n.iter().rposition(|&w| w != 0).map_or(0, |i| 64 * i + 64 - n[i].leading_zeros() as usize)
    }

    fn entry(power: i64) -> u128 {
        let (upper, lower) = POWERS[(power - MIN_POWER) as usize];
        u128::from(upper) << 64 | u128::from(lower)
    }

    fn words(n: u128) -> Vec<u64> {
        vec![n as u64, (n >> 64) as u64]
    }

    #[test]
    fn every_entry_brackets_its_power() {
        let mut five = vec![1u64];
        for power in 0..=-MIN_POWER {
            let length = bit_length(&five);
            if power <= MAX_POWER {
                // entry * 2^(length - 128) <= 5^power < (entry + 1) * 2^(length - 128)
                let c = entry(power);
                assert_eq!(c.leading_zeros(), 0);
                let (scale_c, scale_p) = (power_of_two(length), power_of_two(128));
                assert!(less_or_equal(&multiply(&words(c), &scale_c), &multiply(&five, &scale_p)), "{power}");
                if let Some(next) = c.checked_add(1) {
                    let upper = multiply(&words(next), &scale_c);
                    assert!(!less_or_equal(&upper, &multiply(&five, &scale_p)), "{power}");
                }
            }
            if power > 0 {
                // With b so that 2^b / 5^power has 128 bits: entry - up <= 2^b / 5^power < entry - up + 1.
                let c = entry(-power);
                assert_eq!(c.leading_zeros(), 0);
                let up = u128::from(power <= 27);
                let scaled = power_of_two(length + 127);
                assert!(less_or_equal(&multiply(&words(c - up), &five), &scaled), "{power}");
                assert!(!less_or_equal(&multiply(&words(c - up + 1), &five), &scaled), "{power}");
            }
            five = multiply(&five, &[5]);
        }
    }
}
