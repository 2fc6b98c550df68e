//! The nearest double to `mantissa * 10^exponent`, in one or two multiplications.
//!
//! Small cases are exact in floating point. The rest is the algorithm of Eisel and Lemire ("Number Parsing at a Gigabyte per
//! Second", 2021): the mantissa times the 128 leading bits of the power of five decides the rounding of every 64-bit mantissa but for a
//! few that could be ties, for which the answer is `None`.

use super::powers::{MAX_POWER, MIN_POWER, POWERS};

/// Bits of a double behind the leading one.
const MANTISSA_BITS: u32 = 52;
const INFINITE_EXPONENT: i64 = 0x7FF;
const EXPONENT_BIAS: i64 = 1023;

/// Powers of ten that a double holds exactly.
const EXACT: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The double nearest to `mantissa * 10^exponent`, ties to even, infinite beyond the range; `None` if it takes more bits to decide.
#[inline(always)]
pub(super) fn to_f64(mantissa: u64, exponent: i64) -> Option<f64> {
    // Both operands exact means one rounding, which is IEEE's.
    if mantissa <= 1 << (MANTISSA_BITS + 1) {
        if (-22..=0).contains(&exponent) {
            return Some(mantissa as f64 / EXACT[exponent.unsigned_abs() as usize]);
        }
        if (0..=22).contains(&exponent) {
            return Some(mantissa as f64 * EXACT[exponent as usize]);
        }
    }
    eisel_lemire(mantissa, exponent)
}

#[inline(always)]
fn eisel_lemire(mantissa: u64, exponent: i64) -> Option<f64> {
    if mantissa == 0 || exponent < MIN_POWER {
        return Some(0.0);
    }
    if exponent > MAX_POWER {
        return Some(f64::INFINITY);
    }
    let shift = mantissa.leading_zeros();
    let (upper, lower) = product(mantissa << shift, exponent);
    if lower == u64::MAX && !(-27..=55).contains(&exponent) {
        // The bits below might carry.
        return None;
    }
    let top = (upper >> 63) as u32;
    // One bit more than a double holds, for rounding.
    let cut = top + 64 - MANTISSA_BITS - 3;
    let mut significand = upper >> cut;
    let mut power = binary_exponent(exponent) + i64::from(top) - i64::from(shift) + EXPONENT_BIAS;
    if power <= 0 {
        return Some(subnormal(significand, 1 - power));
    }
    // Exactly half way: only with few digits and a small power, when the product is exact.
    if lower <= 1 && (-4..=23).contains(&exponent) && significand & 3 == 1 && significand << cut == upper {
        significand &= !1;
    }
    significand = (significand + (significand & 1)) >> 1;
    if significand >= 2 << MANTISSA_BITS {
        significand = 1 << MANTISSA_BITS;
        power += 1;
    }
    if power >= INFINITE_EXPONENT {
        return Some(f64::INFINITY);
    }
    let fraction = significand & ((1 << MANTISSA_BITS) - 1);
    Some(f64::from_bits((power as u64) << MANTISSA_BITS | fraction))
}

/// A result below the normal range, `down` binary places too low.
#[cold]
fn subnormal(significand: u64, down: i64) -> f64 {
    if down >= 64 {
        return 0.0;
    }
    let significand = significand >> down;
    // Rounding up into the normal range sets the exponent bit by itself.
    f64::from_bits((significand + (significand & 1)) >> 1)
}

/// floor(log2(10^exponent)) + 63, for the table's range.
#[inline(always)]
fn binary_exponent(exponent: i64) -> i64 {
    ((exponent * (152_170 + 65_536)) >> 16) + 63
}

/// The 128 leading bits of `mantissa * 5^exponent`: exact where the upper word alone decides, else from the whole table entry.
#[inline(always)]
fn product(mantissa: u64, exponent: i64) -> (u64, u64) {
    let (power_upper, power_lower) = POWERS[(exponent - MIN_POWER) as usize];
    let first = u128::from(mantissa) * u128::from(power_upper);
    let (mut upper, mut lower) = ((first >> 64) as u64, first as u64);
    // Bits below those that a double and its rounding need; unless all are set, what is left out cannot carry into them.
    let undecided = u64::MAX >> (MANTISSA_BITS + 3);
    if upper & undecided == undecided {
        let second = (u128::from(mantissa) * u128::from(power_lower)) >> 64;
        let (sum, carry) = lower.overflowing_add(second as u64);
        lower = sum;
        upper += u64::from(carry);
    }
    (upper, lower)
}
