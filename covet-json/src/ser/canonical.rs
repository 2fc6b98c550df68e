//! The canonical form of RFC 8785: keys sorted by their UTF-16 code units, numbers as ECMAScript prints them, no spaces.
//!
//! An object's entries are written in the order in which they come and put in order when the object ends, inside the buffer;
//! so canonical encoding needs the whole document in memory.

#![forbid(unsafe_code)]

use serde::Serialize;

use super::mode::{Mode, Object};
use super::node::Node;
use super::value::ValueSerializer;
use crate::buffer::{Cursor, Room, Spot};
use crate::error::{Code, Error};

/// The mode.
pub(crate) struct Canonical;

/// Integers up to here are doubles, and print as themselves in ECMAScript.
const EXACT: u64 = 1 << 53;

/// Whether a double holds `value` exactly: at most 53 bits from the first to the last that is set.
fn is_exact(value: u128) -> bool {
    value == 0 || 128 - value.leading_zeros() - value.trailing_zeros() <= f64::MANTISSA_DIGITS
}

/// An integer beyond [`EXACT`]. It is written as the double that it is; one that is no double passes only if that text says the same
/// integer, so that canonical text which was read as integers can be written again.
fn integer(room: Room<'_, '_>, negative: bool, magnitude: u128) -> Result<Cursor, Error> {
    let value = magnitude as f64;
    if !is_exact(magnitude) {
        let text = Ecma::new(zmij::Buffer::new().format_finite(value));
        if text.as_str() != itoa::Buffer::new().format(magnitude) {
            return Err(Error::new(Code::InexactInteger));
        }
    }
    number(room, if negative { -value } else { value })
}

impl Mode for Canonical {
    const STYLED: bool = false;
    type Object = Entries;

    fn unsigned(room: Room<'_, '_>, value: u64) -> Result<Cursor, Error> {
        if value <= EXACT { Ok(room.unsigned(value)) } else { integer(room, false, value.into()) }
    }

    fn signed(room: Room<'_, '_>, value: i64) -> Result<Cursor, Error> {
        if value.unsigned_abs() <= EXACT {
            return Ok(room.signed(value));
        }
        integer(room, value < 0, value.unsigned_abs().into())
    }

    fn unsigned_wide(room: Room<'_, '_>, value: u128) -> Result<Cursor, Error> {
        match u64::try_from(value) {
            Ok(value) => Self::unsigned(room, value),
            Err(_) => integer(room, false, value),
        }
    }

    fn signed_wide(room: Room<'_, '_>, value: i128) -> Result<Cursor, Error> {
        match i64::try_from(value) {
            Ok(value) => Self::signed(room, value),
            Err(_) => integer(room, value < 0, value.unsigned_abs()),
        }
    }

    fn double(room: Room<'_, '_>, value: f64) -> Result<Cursor, Error> {
        if !value.is_finite() {
            return Err(Error::new(Code::NotFinite));
        }
        number(room, value)
    }

    fn single(room: Room<'_, '_>, value: f32) -> Result<Cursor, Error> {
        if !value.is_finite() {
            return Err(Error::new(Code::NotFinite));
        }
        // The shortest digits of the single are what `to_vec` writes, and also the shortest digits of the double that they name.
        Ok(room.digits(Ecma::new(zmij::Buffer::new().format_finite(value)).as_str()))
    }

    fn raw(room: Room<'_, '_>, json: &str) -> Result<Cursor, Error> {
        crate::from_str::<Node>(json)?.serialize(ValueSerializer::<Canonical>::new(room))
    }
}

/// A finite double as ECMAScript prints it.
fn number(room: Room<'_, '_>, value: f64) -> Result<Cursor, Error> {
    Ok(room.digits(Ecma::new(zmij::Buffer::new().format_finite(value)).as_str()))
}

/// The text of a number, put together in place.
struct Ecma {
    bytes: [u8; 40],
    len: usize,
}

impl Ecma {
    /// Sets out the digits of `shortest`, the shortest decimal form of a float in any notation, by the rules of
    /// ECMAScript's `Number::toString`.
    fn new(shortest: &str) -> Ecma {
        let mut text = Ecma { bytes: [0; 40], len: 0 };
        let (negative, rest) = match shortest.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, shortest),
        };
        let (mantissa, exponent) = rest.split_once('e').unwrap_or((rest, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));

        // The digits that matter, and where the decimal point is among them: value = 0.digits * 10^point.
        let mut digits = [0; 40];
        let mut count = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            if let Some(slot) = digits.get_mut(count) {
                *slot = digit;
                count += 1;
            }
        }
        let digits = &digits[..count];
        let leading = digits.iter().take_while(|&&digit| digit == b'0').count();
        let trailing = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
        if leading == count {
            text.push(b"0");
            return text;
        }
        let point = exponent + whole.len() as i32 - leading as i32;
        let digits = &digits[leading..count - trailing];
        if negative {
            text.push(b"-");
        }
        text.set_out(digits, point);
        text
    }

    fn set_out(&mut self, digits: &[u8], point: i32) {
        let count = digits.len() as i32;
        match point {
            1..=21 if count <= point => {
                self.push(digits);
                self.zeros(point - count);
            }
            1..=21 => {
                let (whole, fraction) = digits.split_at(point as usize);
                self.push(whole);
                self.push(b".");
                self.push(fraction);
            }
            -5..=0 => {
                self.push(b"0.");
                self.zeros(-point);
                self.push(digits);
            }
            _ => {
                let (first, fraction) = digits.split_at(1);
                self.push(first);
                if !fraction.is_empty() {
                    self.push(b".");
                    self.push(fraction);
                }
                self.push(if point > 0 { b"e+" } else { b"e-" });
                self.push(itoa::Buffer::new().format((point - 1).unsigned_abs()).as_bytes());
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if let Some(slot) = self.bytes.get_mut(self.len) {
                *slot = byte;
                self.len += 1;
            }
        }
    }

    fn zeros(&mut self, count: i32) {
        for _ in 0..count {
            self.push(b"0");
        }
    }

    fn as_str(&self) -> &str {
        // Only ASCII was pushed.
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

/// Where each entry of an object starts: the position of its key's opening quote.
#[derive(Default)]
pub(crate) struct Entries {
    starts: Vec<usize>,
}

impl Object for Entries {
    fn key(&mut self, spot: &Spot<'_, '_>) {
        // A bracket or comma comes first.
        self.starts.push(spot.position() + 1);
    }

    fn end(self, spot: &mut Spot<'_, '_>) -> Result<(), Error> {
        let Some(&first) = self.starts.first() else { return Ok(()) };
        let text = spot.written(first);
        let mut entries: Vec<&[u8]> = Vec::with_capacity(self.starts.len());
        for (index, &start) in self.starts.iter().enumerate() {
            // Up to the comma in front of the next entry, or to the end.
            let end = self.starts.get(index + 1).map_or(text.len(), |&next| next - first - 1);
            // Empty only if an error in the entry was ignored, and then the whole encoding fails.
            entries.push(text.get(start - first..end).unwrap_or_default());
        }
        let sorted = entries.is_sorted_by(|a, b| units(a).lt(units(b)));
        if sorted {
            return Ok(());
        }
        entries.sort_by(|a, b| units(a).cmp(units(b)));
        if let Some(twins) = entries.windows(2).find(|pair| units(pair[0]).eq(units(pair[1]))) {
            let key = char::decode_utf16(units(twins[0])).map(|unit| unit.unwrap_or('\u{FFFD}')).collect::<String>();
            return Err(Error::new(Code::DuplicateKey(key.into_boxed_str())));
        }
        let ordered = entries.join(&b',');
        if let Some(place) = text.get_mut(..ordered.len()) {
            place.copy_from_slice(&ordered);
        }
        Ok(())
    }
}

/// The UTF-16 code units of the key at the start of an entry, as this crate wrote it.
fn units(entry: &[u8]) -> impl Iterator<Item = u16> {
    let text = std::str::from_utf8(entry).unwrap_or_default();
    let mut chars = text.chars().skip(1);
    let mut low = None;
    std::iter::from_fn(move || {
        if low.is_some() {
            return low.take();
        }
        let unit = match chars.next()? {
            '"' => return None,
            '\\' => match chars.next()? {
                'b' => 0x08,
                't' => 0x09,
                'n' => 0x0A,
                'f' => 0x0C,
                'r' => 0x0D,
                'u' => chars.by_ref().take(4).fold(0, |unit, digit| unit << 4 | digit.to_digit(16).unwrap_or(0) as u16),
                same => same as u16,
            },
            char => {
                let mut pair = [0; 2];
                let pair = char.encode_utf16(&mut pair);
                low = pair.get(1).copied();
                pair[0]
            }
        };
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ecma(value: f64) -> String {
        Ecma::new(zmij::Buffer::new().format_finite(value)).as_str().to_owned()
    }

    /// The sample of RFC 8785, appendix B.
    #[test]
    fn numbers_of_the_rfc() {
        for (bits, text) in [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let printed = ecma(f64::from_bits(bits));
            assert_eq!(printed, text, "{bits:#018x}");
        }
    }

    #[test]
    fn every_digit_survives_the_notation() {
        for exponent in -330..=308 {
            for mantissa in ["1", "1.5", "9.007199254740993", "1.2345678901234567"] {
                let value: f64 = format!("{mantissa}e{exponent}").parse().unwrap();
                let back: f64 = ecma(value).parse().unwrap();
                assert_eq!(back.to_bits(), value.to_bits());
            }
        }
    }

    #[test]
    fn exactness() {
        for exact in [0, 1, (1 << 53) - 1, 1 << 53, (1 << 53) + 2, 1 << 127, u128::from(u64::MAX) + 1] {
            assert!(is_exact(exact), "{exact}");
        }
        for inexact in [(1 << 53) + 1, u128::from(u64::MAX), u128::MAX, (1 << 60) + 1] {
            assert!(!is_exact(inexact), "{inexact}");
        }
    }
}
