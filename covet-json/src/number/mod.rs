//! Numbers from text: integers exactly, floats correctly rounded.
//!
//! Digits are taken eight at a time as one word. A decimal with up to nineteen digits is an exact 64-bit integer times a
//! power of ten, which [`decimal`] rounds; longer ones go to the standard library's parser, which is exact as well.

#![forbid(unsafe_code)]

mod decimal;
mod powers;

use crate::error::Code;

/// A JSON number in the narrowest of the three types that hold it, as `serde_json` chooses them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// An integer from 0 to `u64::MAX`.
    Unsigned(u64),
    /// An integer from `i64::MIN` to -1.
    Signed(i64),
    /// Everything else, including `-0`.
    Float(f64),
}

/// Digits that a `u64` holds whatever they are.
const EXACT_DIGITS: usize = 19;

/// Powers of ten that a `u64` holds.
const TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut i = 1;
    while i < 20 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Why a token is not a number. As small as can be: the type is in the result of every number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Eof,
    Invalid,
    OutOfRange,
}

impl From<Reason> for Code {
    fn from(reason: Reason) -> Code {
        match reason {
            Reason::Eof => Code::EofInValue,
            Reason::Invalid => Code::InvalidNumber,
            Reason::OutOfRange => Code::NumberOutOfRange,
        }
    }
}

/// Why a token is not a number, and how many bytes in that shows.
pub(crate) type Failure = (Reason, usize);

/// The parts of a number's text: `0.mantissa` digits and where the point stands.
#[derive(Clone, Copy)]
struct Parts {
    negative: bool,
    /// All digits as one integer; meaningful while `digits <= EXACT_DIGITS`.
    mantissa: u64,
    /// Number of digits read, leading zeros of the fraction included.
    digits: usize,
    /// Whether there is a fraction or an exponent.
    float: bool,
    /// The power of ten that scales `mantissa`.
    exponent: i64,
    /// Length of the text.
    len: usize,
}

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The values of eight characters as if they were digits, and flags in the bytes that are none; the lowest flag is always right.
#[inline(always)]
fn characters(chunk: [u8; 8]) -> (u64, u64) {
    let values = u64::from_le_bytes(chunk) ^ ZEROS;
    // A carry out of a byte can only come from one that is no digit, and only upwards.
    (values, (values.wrapping_add(0x0606_0606_0606_0606) | values) & 0xF0F0_F0F0_F0F0_F0F0)
}

/// The number that eight digit values make, the first in the lowest byte: in pairs, then fours, then all.
#[inline(always)]
fn eight(values: u64) -> u64 {
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let even = (pairs & 0x0000_00FF_0000_00FF).wrapping_mul(0x000F_4240_0000_0064);
    let odd = ((pairs >> 16) & 0x0000_00FF_0000_00FF).wrapping_mul(0x0000_2710_0000_0001);
    even.wrapping_add(odd) >> 32
}

/// The number that the first `count` of eight digit values make, of at least one.
#[inline(always)]
fn first(values: u64, count: usize) -> u64 {
    // Shifted so that the digits end the word; the zeros in front count for nothing.
    eight(values << (64 - 8 * count as u32))
}

/// Reads digits from `at` on into `mantissa`; returns where they end. Wraps beyond nineteen digits.
#[inline(always)]
fn digits(text: &[u8], mut at: usize, mantissa: &mut u64) -> usize {
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let (values, flags) = characters(*chunk);
        if flags != 0 {
            let count = (flags.trailing_zeros() / 8) as usize;
            if count != 0 {
                *mantissa = mantissa.wrapping_mul(TEN[count]).wrapping_add(first(values, count));
            }
            return at + count;
        }
        *mantissa = mantissa.wrapping_mul(TEN[8]).wrapping_add(eight(values));
        at += 8;
    }
    few_digits(text, at, usize::MAX, mantissa)
}

/// The same, one by one and `most` at most.
#[inline(always)]
fn few_digits(text: &[u8], start: usize, most: usize, mantissa: &mut u64) -> usize {
    let mut at = start;
    while at - start < most
        && let Some(byte) = text.get(at)
        && byte.is_ascii_digit()
    {
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        at += 1;
    }
    at
}

/// Splits a number. The text may go on behind it.
#[inline(always)]
fn split(text: &[u8]) -> Result<Parts, Failure> {
    let negative = text.first() == Some(&b'-');
    let start = usize::from(negative);
    let mut mantissa = 0;
    // What comes here is a fraction more often than a long integer, and then the part in front of the point is short.
    let mut at = few_digits(text, start, 3, &mut mantissa);
    if at - start == 3 {
        at = digits(text, at, &mut mantissa);
    }
    let mut digit_count = at - start;
    if digit_count == 0 {
        let reason = if at < text.len() { Reason::Invalid } else { Reason::Eof };
        return Err((reason, at));
    }
    if digit_count > 1 && text[start] == b'0' {
        return Err((Reason::Invalid, start + 1));
    }
    let mut exponent = 0;
    let mut float = false;
    if text.get(at) == Some(&b'.') {
        float = true;
        let fraction = at + 1;
        at = digits(text, fraction, &mut mantissa);
        if at == fraction {
            let reason = if at < text.len() { Reason::Invalid } else { Reason::Eof };
            return Err((reason, at));
        }
        digit_count += at - fraction;
        exponent = -((at - fraction) as i64);
    }
    if let Some(b'e' | b'E') = text.get(at) {
        float = true;
        let (explicit, end) = exponent_part(text, at + 1)?;
        exponent += explicit;
        at = end;
    }
    Ok(Parts { negative, mantissa, digits: digit_count, float, exponent, len: at })
}

/// The exponent behind the `e`, held within a range that decides every rounding, and where it ends.
fn exponent_part(text: &[u8], mut at: usize) -> Result<(i64, usize), Failure> {
    let negative = text.get(at) == Some(&b'-');
    if let Some(b'-' | b'+') = text.get(at) {
        at += 1;
    }
    let start = at;
    let mut value: i64 = 0;
    while let Some(byte) = text.get(at)
        && byte.is_ascii_digit()
    {
        if value < 1 << 40 {
            value = value * 10 + i64::from(byte - b'0');
        }
        at += 1;
    }
    if at == start {
        let reason = if at < text.len() { Reason::Invalid } else { Reason::Eof };
        return Err((reason, at));
    }
    Ok((if negative { -value } else { value }, at))
}

/// The number at the start of `text` if it is an integer of up to fifteen digits without a sign, as most are: one or two words.
#[inline(always)]
pub(crate) fn short_integer(text: &[u8]) -> Option<(u64, usize)> {
    let (low, rest) = text.split_first_chunk::<8>()?;
    let (values, flags) = characters(*low);
    if flags != 0 {
        let count = (flags.trailing_zeros() / 8) as usize;
        let whole = count != 0 && !matches!(low[count], b'.' | b'e' | b'E') && (low[0] != b'0' || count == 1);
        return if whole { Some((first(values, count), count)) } else { None };
    }
    let next = rest.first_chunk::<8>()?;
    let (more, flags) = characters(*next);
    let count = (flags.trailing_zeros() / 8) as usize;
    if flags == 0 || matches!(next[count], b'.' | b'e' | b'E') || low[0] == b'0' {
        return None;
    }
    let head = eight(values);
    Some((if count == 0 { head } else { head * TEN[count] + first(more, count) }, 8 + count))
}

/// Powers of ten as doubles, for the digits behind a point.
const SCALE: [f64; 8] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];

/// The number at the start of `text` if it is a decimal without sign and exponent of up to seven characters: one word.
#[inline(always)]
pub(crate) fn short_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let word = text.first_chunk::<8>()?;
    let (values, flags) = characters(*word);
    let point = (flags.trailing_zeros() / 8) as usize;
    if flags == 0 || word[point] != b'.' { None } else { behind_point(*word, values, flags, point) }
}

/// The decimal at the start of `word`, of which the point is known.
#[inline(always)]
fn behind_point(word: [u8; 8], values: u64, flags: u64, point: usize) -> Option<(f64, usize)> {
    // What follows the point; nothing if it ends the word.
    let behind = flags.unbounded_shr(8 * (point as u32 + 1));
    let fraction = (behind.trailing_zeros() / 8) as usize;
    let end = point + 1 + fraction;
    if behind == 0 || point == 0 || fraction == 0 || matches!(word[end % 8], b'e' | b'E') {
        return None;
    }
    if word[0] == b'0' && point != 1 {
        return None;
    }
    // The digits behind the point move over it. Both parts of the quotient are exact, so it is rounded once.
    let whole = (1 << (8 * point)) - 1;
    let mantissa = first(values & whole | (values >> 8) & !whole, point + fraction);
    Some((mantissa as f64 / SCALE[fraction % 8], end))
}

/// The number at the start of `text` as a double, if the text goes on behind it.
#[inline(always)]
pub(crate) fn double(text: &[u8]) -> Option<(f64, usize)> {
    if let Some(word) = text.first_chunk::<8>() {
        let (values, flags) = characters(*word);
        let count = (flags.trailing_zeros() / 8) as usize;
        if flags != 0 && count != 0 {
            match word[count] {
                b'.' => {
                    if let Some(found) = behind_point(*word, values, flags, count) {
                        return Some(found);
                    }
                }
                b'e' | b'E' => {}
                _ if word[0] == b'0' && count != 1 => {}
                _ => return Some((first(values, count) as f64, count)),
            }
        }
    }
    match decimal(text) {
        (_, 0) => None,
        found => Some(found),
    }
}

/// What [`parse_f64`] says of a number behind which the text goes on; length 0 for its errors, so that the result fits in registers.
#[inline(never)]
fn decimal(text: &[u8]) -> (f64, usize) {
    if let Some(found) = plain_decimal(text) {
        return found;
    }
    match parse_f64(text) {
        Ok((value, len)) if len < text.len() => (value, len),
        _ => (0.0, 0),
    }
}

/// A number with a point after one to seven digits, without exponent, of up to nineteen digits.
#[inline(always)]
fn plain_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let negative = text.first() == Some(&b'-');
    let start = usize::from(negative);
    let word = text.get(start..)?.first_chunk::<8>()?;
    let (values, flags) = characters(*word);
    let point = (flags.trailing_zeros() / 8) as usize;
    if flags == 0 || word[point] != b'.' || point == 0 || (word[0] == b'0' && point != 1) {
        return None;
    }
    let mut mantissa = first(values, point);
    let fraction = start + point + 1;
    let end = digits(text, fraction, &mut mantissa);
    if end == fraction || point + end - fraction > EXACT_DIGITS || matches!(text.get(end)?, b'e' | b'E') {
        return None;
    }
    let magnitude = decimal::to_f64(mantissa, fraction as i64 - end as i64)?;
    Some((if negative { -magnitude } else { magnitude }, end))
}

/// What [`short_integer`] or [`short_decimal`] knows.
#[inline(always)]
pub(crate) fn short(text: &[u8]) -> Option<(Number, usize)> {
    match short_integer(text) {
        Some((value, len)) => Some((Number::Unsigned(value), len)),
        None => short_decimal(text).map(|(value, len)| (Number::Float(value), len)),
    }
}

/// Parses the number at the start of `text` and returns it with its length.
///
/// # Errors
///
/// `text` starts with no number that RFC 8259 knows, or with one that overflows a double.
#[inline]
pub(crate) fn parse(text: &[u8]) -> Result<(Number, usize), Failure> {
    match short_integer(text) {
        Some((value, len)) => Ok((Number::Unsigned(value), len)),
        None => parse_any(text),
    }
}

#[inline(never)]
fn parse_any(text: &[u8]) -> Result<(Number, usize), Failure> {
    let parts = split(text)?;
    if parts.float {
        return Ok((Number::Float(float(text, &parts)?), parts.len));
    }
    if parts.digits > EXACT_DIGITS
        && (parts.negative || parts.digits > EXACT_DIGITS + 1 || !fits_u64(&text[..parts.len]))
    {
        return Ok((Number::Float(float(text, &parts)?), parts.len));
    }
    let number = match (parts.negative, parts.mantissa) {
        (false, value) => Number::Unsigned(value),
        (true, 0) => Number::Float(-0.0),
        (true, value) if value <= i64::MIN.unsigned_abs() => Number::Signed(value.wrapping_neg().cast_signed()),
        (true, _) => Number::Float(float(text, &parts)?),
    };
    Ok((number, parts.len))
}

/// Whether twenty digits make a `u64`; then the wrapping sum did not wrap.
fn fits_u64(digits: &[u8]) -> bool {
    digits <= b"18446744073709551615".as_slice()
}

/// Parses the number at the start of `text` as a double, whatever it looks like.
///
/// # Errors
///
/// As [`parse`].
#[inline]
pub(crate) fn parse_f64(text: &[u8]) -> Result<(f64, usize), Failure> {
    let parts = split(text)?;
    if parts.float || parts.digits > EXACT_DIGITS {
        return Ok((float(text, &parts)?, parts.len));
    }
    let value = parts.mantissa as f64;
    Ok((if parts.negative { -value } else { value }, parts.len))
}

/// Rounds a split number to the nearest double.
#[inline(always)]
fn float(text: &[u8], parts: &Parts) -> Result<f64, Failure> {
    let magnitude = if parts.digits <= EXACT_DIGITS { decimal::to_f64(parts.mantissa, parts.exponent) } else { None };
    let magnitude = match magnitude {
        Some(magnitude) => magnitude,
        None => slow(&text[usize::from(parts.negative)..parts.len]),
    };
    if magnitude.is_infinite() {
        return Err((Reason::OutOfRange, 0));
    }
    Ok(if parts.negative { -magnitude } else { magnitude })
}

/// The standard library's exact parser, for what nineteen digits cannot decide.
#[cold]
#[inline(never)]
fn slow<F: std::str::FromStr + Default>(token: &[u8]) -> F {
    // Every token that comes here is ASCII in a syntax that the parser knows.
    std::str::from_utf8(token).ok().and_then(|token| token.parse().ok()).unwrap_or_default()
}

/// The nearest `f32` to the number in `token`, which is the text that gave the finite double `double`: rounding the double again
/// would round twice.
pub(crate) fn narrow(token: &[u8], double: f64) -> f32 {
    let bits = double.to_bits() & 0x1FFF_FFFF;
    // A double exactly between two singles may have come from either side; below the normal range the tie lies elsewhere.
    if bits == 0x1000_0000 || double.abs() < f64::from(f32::MIN_POSITIVE) { slow(token) } else { double as f32 }
}

/// Checks a number without computing it, as far as that decides whether [`parse`] accepts it. Returns its length.
///
/// # Errors
///
/// As [`parse`].
#[inline]
pub(crate) fn skip(text: &[u8]) -> Result<usize, Failure> {
    if let Some((_, len)) = short_integer(text) {
        return Ok(len);
    }
    skip_any(text)
}

#[inline(never)]
fn skip_any(text: &[u8]) -> Result<usize, Failure> {
    let parts = split(text)?;
    // Only numbers of this size can overflow; with fewer digits and without an exponent they cannot.
    if parts.digits as i64 + parts.exponent.max(0) > 300 {
        float(text, &parts)?;
    }
    Ok(parts.len)
}

/// Parses the integer at the start of `text`: sign, magnitude, length. Stops before a fraction or exponent, which is then what
/// follows the value.
///
/// # Errors
///
/// No integer there, or one beyond 128 bits.
pub(crate) fn parse_128(text: &[u8]) -> Result<(bool, u128, usize), Failure> {
    let negative = text.first() == Some(&b'-');
    let start = usize::from(negative);
    let len = text[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = &text[start..start + len];
    if digits.is_empty() {
        let reason = if start < text.len() { Reason::Invalid } else { Reason::Eof };
        return Err((reason, start));
    }
    if len > 1 && digits[0] == b'0' {
        return Err((Reason::Invalid, start + 1));
    }
    let mut value: u128 = 0;
    for digit in digits {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u128::from(digit - b'0')))
            .ok_or((Reason::OutOfRange, 0))?;
    }
    Ok((negative, value, start + len))
}

#[cfg(test)]
mod tests;
