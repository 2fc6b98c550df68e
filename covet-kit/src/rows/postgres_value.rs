//! One PostgreSQL value, in the server's binary form, as JSON.

use covet_pool::postgres::types::{Kind, Type};

use super::RowsError;
use super::columns::{BlobFormat, write_blob, write_str};

/// Arrays in arrays (in domains, in ...) are followed this far.
const MAX_DEPTH: usize = 8;

/// Why a value could not be written.
#[derive(Debug)]
pub(super) enum Unwritten {
    NotUtf8,
    Blob,
    Type,
}

impl Unwritten {
    pub(super) fn in_column(self, column: &str, kind: &Type) -> RowsError {
        let column = column.into();
        match self {
            Self::NotUtf8 => RowsError::NotUtf8 { column },
            Self::Blob => RowsError::Blob { column },
            Self::Type => RowsError::Type { column, kind: kind.name().into() },
        }
    }
}

/// Appends a value; `None` is NULL.
pub(super) fn write_value(
    out: &mut Vec<u8>,
    kind: &Type,
    value: Option<&[u8]>,
    blobs: BlobFormat,
) -> Result<(), Unwritten> {
    match value {
        Some(bytes) => write(out, kind, bytes, blobs, 0),
        None => {
            out.extend_from_slice(b"null");
            Ok(())
        }
    }
}

fn write(out: &mut Vec<u8>, kind: &Type, bytes: &[u8], blobs: BlobFormat, depth: usize) -> Result<(), Unwritten> {
    match *kind {
        Type::BOOL => out.extend_from_slice(if fixed::<1>(bytes)? == [0] { b"false" } else { b"true" }),
        Type::INT2 => number(out, i16::from_be_bytes(fixed(bytes)?)),
        Type::INT4 => number(out, i32::from_be_bytes(fixed(bytes)?)),
        Type::INT8 => number(out, i64::from_be_bytes(fixed(bytes)?)),
        Type::OID => number(out, u32::from_be_bytes(fixed(bytes)?)),
        Type::FLOAT4 => number(out, f32::from_be_bytes(fixed(bytes)?)),
        Type::FLOAT8 => number(out, f64::from_be_bytes(fixed(bytes)?)),
        Type::NUMERIC => numeric(out, bytes)?,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => write_str(out, utf8(bytes)?),
        Type::JSON => out.extend_from_slice(utf8(bytes)?.as_bytes()),
        // The first byte is the version of the format.
        Type::JSONB => match bytes.split_first() {
            Some((1, document)) => out.extend_from_slice(utf8(document)?.as_bytes()),
            _ => return Err(Unwritten::Type),
        },
        Type::UUID => uuid(out, fixed(bytes)?),
        Type::BYTEA => {
            if !write_blob(out, bytes, blobs) {
                return Err(Unwritten::Blob);
            }
        }
        Type::DATE => {
            let days = i32::from_be_bytes(fixed(bytes)?);
            quoted(out, |text| date_or_end(text, days));
        }
        Type::TIME => {
            let micros = i64::from_be_bytes(fixed(bytes)?);
            quoted(out, |text| time(text, micros));
        }
        Type::TIMESTAMP => timestamp(out, i64::from_be_bytes(fixed(bytes)?), ""),
        Type::TIMESTAMPTZ => timestamp(out, i64::from_be_bytes(fixed(bytes)?), "+00:00"),
        _ if depth == MAX_DEPTH => return Err(Unwritten::Type),
        _ => match kind.kind() {
            Kind::Enum(_) => write_str(out, utf8(bytes)?),
            Kind::Domain(of) => write(out, of, bytes, blobs, depth + 1)?,
            Kind::Array(of) => array(out, of, bytes, blobs, depth + 1)?,
            _ if kind.name() == "citext" => write_str(out, utf8(bytes)?),
            _ => return Err(Unwritten::Type),
        },
    }
    Ok(())
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Unwritten> {
    bytes.try_into().map_err(|_| Unwritten::Type)
}

fn utf8(bytes: &[u8]) -> Result<&str, Unwritten> {
    std::str::from_utf8(bytes).map_err(|_| Unwritten::NotUtf8)
}

fn number(out: &mut Vec<u8>, number: impl serde::Serialize) {
    // Numbers always encode, and a vector takes all.
    let _ = covet_json::to_buf(out, &number);
}

/// A decimal number: a sign, a scale, and digits to the base of ten thousand.
fn numeric(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Unwritten> {
    let mut words = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let mut next = || words.next().ok_or(Unwritten::Type);
    let (count, weight, sign, scale) = (next()?, next()?.cast_signed(), next()?, usize::from(next()?));
    match sign {
        0 => {}
        0x4000 => out.push(b'-'),
        // NaN and the infinities.
        _ => {
            out.extend_from_slice(b"null");
            return Ok(());
        }
    }
    let digits: Vec<u16> = words.collect();
    if digits.len() != usize::from(count) || digits.iter().any(|digit| *digit > 9999) {
        return Err(Unwritten::Type);
    }
    // Groups before the point: from `weight` down to 0; groups that are not there are zeros.
    let group = |power: i32| {
        let index = i32::from(weight) - power;
        usize::try_from(index).ok().and_then(|index| digits.get(index)).copied().unwrap_or(0)
    };
    let text = |group: u16| [1000, 100, 10, 1].map(|unit| b'0' + (group / unit % 10) as u8);
    let start = out.len();
    for power in (0..=i32::from(weight.max(0))).rev() {
        out.extend_from_slice(&text(group(power)));
    }
    let zeros = out[start..].iter().take_while(|digit| **digit == b'0').count().min(out.len() - start - 1);
    out.drain(start..start + zeros);
    if scale > 0 {
        out.push(b'.');
        let end = out.len() + scale;
        let mut power = -1;
        while out.len() < end {
            out.extend_from_slice(&text(group(power)));
            power -= 1;
        }
        out.truncate(end);
    }
    Ok(())
}

fn uuid(out: &mut Vec<u8>, bytes: [u8; 16]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    out.push(b'"');
}

fn array(out: &mut Vec<u8>, of: &Type, bytes: &[u8], blobs: BlobFormat, depth: usize) -> Result<(), Unwritten> {
    let mut rest = bytes;
    let dimensions = int(&mut rest)?;
    // Whether there are NULLs, and the type of the elements, which the column's type says too.
    let (_, _) = (int(&mut rest)?, int(&mut rest)?);
    if !(0..=6).contains(&dimensions) {
        return Err(Unwritten::Type);
    }
    let mut lengths = Vec::with_capacity(6);
    for _ in 0..dimensions {
        lengths.push(usize::try_from(int(&mut rest)?).map_err(|_| Unwritten::Type)?);
        // Where its subscripts begin.
        int(&mut rest)?;
    }
    if lengths.is_empty() {
        out.extend_from_slice(b"[]");
        return Ok(());
    }
    nested(out, of, &lengths, &mut rest, blobs, depth)
}

fn nested(
    out: &mut Vec<u8>,
    of: &Type,
    lengths: &[usize],
    rest: &mut &[u8],
    blobs: BlobFormat,
    depth: usize,
) -> Result<(), Unwritten> {
    let Some((length, inner)) = lengths.split_first() else {
        let length = int(rest)?;
        if length == -1 {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        let length = usize::try_from(length).map_err(|_| Unwritten::Type)?;
        let (element, after) = rest.split_at_checked(length).ok_or(Unwritten::Type)?;
        *rest = after;
        return write(out, of, element, blobs, depth);
    };
    out.push(b'[');
    for index in 0..*length {
        if index > 0 {
            out.push(b',');
        }
        nested(out, of, inner, rest, blobs, depth)?;
    }
    out.push(b']');
    Ok(())
}

fn int(rest: &mut &[u8]) -> Result<i32, Unwritten> {
    let (bytes, after) = rest.split_first_chunk().ok_or(Unwritten::Type)?;
    *rest = after;
    Ok(i32::from_be_bytes(*bytes))
}

const DAY: i64 = 86_400_000_000;

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// Microseconds since the beginning of 2000.
fn timestamp(out: &mut Vec<u8>, micros: i64, zone: &str) {
    quoted(out, |text| {
        if let Some(end) = end_of_time(micros == i64::MAX, micros == i64::MIN) {
            text.extend_from_slice(end);
            return;
        }
        let is_bc = date(text, micros.div_euclid(DAY));
        text.push(b'T');
        time(text, micros.rem_euclid(DAY));
        text.extend_from_slice(zone.as_bytes());
        if is_bc {
            text.extend_from_slice(b" BC");
        }
    });
}

fn date_or_end(text: &mut Vec<u8>, days: i32) {
    if let Some(end) = end_of_time(days == i32::MAX, days == i32::MIN) {
        text.extend_from_slice(end);
    } else if date(text, days.into()) {
        text.extend_from_slice(b" BC");
    }
}

fn end_of_time(is_last: bool, is_first: bool) -> Option<&'static [u8]> {
    match (is_last, is_first) {
        (true, _) => Some(b"infinity"),
        (_, true) => Some(b"-infinity"),
        _ => None,
    }
}

/// Days since the beginning of 2000, in the Gregorian calendar; true if the year is before Christ, which is written after the time.
fn date(text: &mut Vec<u8>, days: i64) -> bool {
    // Counted from March of the year 0, so that a leap day is the last of its year (Howard Hinnant's `civil_from_days`).
    let days = days + 730_425;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + carry;
    let is_bc = year <= 0;
    let year = if is_bc { 1 - year } else { year };
    text.extend_from_slice(format!("{year:04}-{month:02}-{day:02}").as_bytes());
    is_bc
}

/// Microseconds since midnight.
fn time(text: &mut Vec<u8>, micros: i64) {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    text.extend_from_slice(format!("{hours:02}:{minutes:02}:{seconds:02}").as_bytes());
    if fraction != 0 {
        let fraction = format!(".{fraction:06}");
        text.extend_from_slice(fraction.trim_end_matches('0').as_bytes());
    }
}
