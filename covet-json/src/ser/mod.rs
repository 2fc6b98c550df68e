//! Encoding: the functions that `serde_json` has under the same names, and `to_buf` for callers who own the buffer.

#![forbid(unsafe_code)]

mod canonical;
mod compound;
mod key;
mod mode;
mod node;
mod options;
mod raw;
mod refuse;
mod serializer;
mod value;

pub use mode::{Compact, Style, Styled};
pub use options::EncodeOptions;
pub use serializer::{Compound, Serializer};

use std::io;

use serde::Serialize;

use crate::buffer::{self, Buffer, Cursor, Layout, Room};
use crate::error::Error;
use canonical::Canonical;
use value::ValueSerializer;

/// Encodes into the place that `buffer` offers.
#[inline(always)]
fn write<M: mode::Mode, T: Serialize + ?Sized>(value: &T) -> impl FnOnce(Room<'_, '_>) -> Result<Cursor, Error> {
    move |room| value.serialize(ValueSerializer::<M>::new(room))
}

/// Encodes `value` into a new vector that has no spare capacity unless the document is large.
///
/// The bytes are what `serde_json::to_vec` writes. Costs one pass over the value and, up to 32 KiB, one allocation.
///
/// # Errors
///
/// A `Serialize` implementation failed, or a map has a key that is no string, number, boolean or character.
///
/// ```
/// assert_eq!(covet_json::to_vec(&[1, 2]).unwrap(), b"[1,2]");
/// ```
#[inline]
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    buffer::encode_to_vec(Layout::COMPACT, write::<Compact, T>(value))
}

/// Encodes `value` into a new string; see [`to_vec`].
///
/// # Errors
///
/// As [`to_vec`].
///
/// ```
/// assert_eq!(covet_json::to_string("a\"b").unwrap(), r#""a\"b""#);
/// ```
#[inline]
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    buffer::encode_string(Layout::COMPACT, write::<Compact, T>(value))
}

/// Appends the encoding of `value` to `buf`, a `Vec<u8>` or [`bytes::BytesMut`], which grows as needed: the fastest way
/// when the buffer is reused. On an error, and on a panic in a `Serialize` implementation, the content of `buf` is as before.
///
/// # Errors
///
/// As [`to_vec`].
///
/// ```
/// let mut body = bytes::BytesMut::from("data: ");
/// covet_json::to_buf(&mut body, &true).unwrap();
/// assert_eq!(&body[..], b"data: true");
/// ```
#[inline]
pub fn to_buf<B: Buffer, T: Serialize + ?Sized>(buf: &mut B, value: &T) -> Result<(), Error> {
    buffer::encode_into(buf, Layout::COMPACT, write::<Compact, T>(value))
}

/// Writes the encoding of `value` to `writer`, in blocks of up to 32 KiB; everything has been handed to the writer when the
/// function returns, but the writer itself is not flushed.
///
/// Memory stays constant however large the document is. A document below the size of a block is written only if all of it could
/// be encoded; of a larger one, the writer may have received a part when an error is returned.
///
/// # Errors
///
/// As [`to_vec`], and the writer's failures as they are.
///
/// ```
/// let mut out = Vec::new();
/// covet_json::to_writer(&mut out, &Some(1.5)).unwrap();
/// assert_eq!(out, b"1.5");
/// ```
#[inline]
pub fn to_writer<W: io::Write, T: Serialize + ?Sized>(mut writer: W, value: &T) -> Result<(), Error> {
    buffer::encode_to_writer(&mut writer, Layout::COMPACT, write::<Compact, T>(value))
}

/// Encodes with line breaks and two spaces of indentation a level; other indentations through [`EncodeOptions`].
///
/// # Errors
///
/// As [`to_vec`].
pub fn to_vec_pretty<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    EncodeOptions::pretty().to_vec(value)
}

/// Encodes with line breaks and two spaces of indentation a level; other indentations through [`EncodeOptions`].
///
/// # Errors
///
/// As [`to_vec`].
///
/// ```
/// assert_eq!(covet_json::to_string_pretty(&[1]).unwrap(), "[\n  1\n]");
/// ```
pub fn to_string_pretty<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    EncodeOptions::pretty().to_string(value)
}

/// Writes with line breaks and two spaces of indentation a level; otherwise as [`to_writer`].
///
/// # Errors
///
/// As [`to_writer`].
pub fn to_writer_pretty<W: io::Write, T: Serialize + ?Sized>(writer: W, value: &T) -> Result<(), Error> {
    EncodeOptions::pretty().to_writer(writer, value)
}

/// Encodes in the canonical form of RFC 8785 (JCS), for signatures and hashes: keys sorted by UTF-16 code units, numbers as
/// ECMAScript prints them (`1.0` is `1`, `-0.0` is `0`), no spaces. The same value always gives the same bytes.
///
/// Costs a sort for every object, and memory for the whole document.
///
/// # Errors
///
/// As [`to_vec`], and for what has no canonical form: NaN and infinities, integers that no double holds exactly (except such as canonical text
/// itself contains), a key
/// that occurs twice in an object.
///
/// ```
/// let value = std::collections::HashMap::from([("b", 1e21), ("a", -0.0)]);
/// assert_eq!(covet_json::to_vec_canonical(&value).unwrap(), br#"{"a":0,"b":1e+21}"#);
/// assert!(covet_json::to_vec_canonical(&f64::NAN).is_err());
/// ```
pub fn to_vec_canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    buffer::encode_to_vec(Layout::COMPACT, write::<Canonical, T>(value))
}

/// Encodes in canonical form into a new string; see [`to_vec_canonical`].
///
/// # Errors
///
/// As [`to_vec_canonical`].
pub fn to_string_canonical<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    buffer::encode_string(Layout::COMPACT, write::<Canonical, T>(value))
}

/// Appends the canonical form to `buf`, which stays as it was on an error; see [`to_vec_canonical`].
///
/// # Errors
///
/// As [`to_vec_canonical`].
pub fn to_buf_canonical<B: Buffer, T: Serialize + ?Sized>(buf: &mut B, value: &T) -> Result<(), Error> {
    buffer::encode_into(buf, Layout::COMPACT, write::<Canonical, T>(value))
}

/// Writes the canonical form to `writer`, in one piece when all of it is known; see [`to_vec_canonical`].
///
/// # Errors
///
/// As [`to_vec_canonical`], and the writer's failures as they are.
pub fn to_writer_canonical<W: io::Write, T: Serialize + ?Sized>(mut writer: W, value: &T) -> Result<(), Error> {
    writer.write_all(&to_vec_canonical(value)?).map_err(Error::io)
}
