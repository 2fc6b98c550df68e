//! Map keys: what JSON writes as a string. The rules are `serde_json`'s.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;
use serde::ser::Impossible;

use super::compound::styled;
use super::mode::{Compact, Mode};
use super::refuse::{refuse, refuse_compounds};
use crate::buffer::{Cursor, Room};
use crate::error::{Code, Error};

/// Writes one key: strings, characters and unit variants as they are, numbers and booleans in quotes; nothing else.
///
/// A number in quotes is a string, so it looks the same in every mode.
pub(crate) struct KeySerializer<'a, 's, M> {
    room: Room<'a, 's>,
    mode: PhantomData<M>,
}

impl<'a, 's, M: Mode> KeySerializer<'a, 's, M> {
    #[inline(always)]
    pub(super) fn new(room: Room<'a, 's>) -> Self {
        KeySerializer { room, mode: PhantomData }
    }
}

#[cold]
fn not_a_string() -> Error {
    Error::new(Code::KeyMustBeString)
}

macro_rules! integers {
    ($($method:ident $type:ty => $write:ident as $wide:ty;)*) => { $(
        fn $method(self, value: $type) -> Result<Cursor, Error> {
            self.room.in_quotes(|room| Compact::$write(room, <$wide>::from(value)))
        }
    )* };
}

impl<M: Mode> serde::Serializer for KeySerializer<'_, '_, M> {
    type Ok = Cursor;
    type Error = Error;

    refuse_compounds!(not_a_string);

    refuse! { not_a_string:
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
    }

    integers! {
        serialize_u8 u8 => unsigned as u64;
        serialize_u16 u16 => unsigned as u64;
        serialize_u32 u32 => unsigned as u64;
        serialize_u64 u64 => unsigned as u64;
        serialize_u128 u128 => unsigned_wide as u128;
        serialize_i8 i8 => signed as i64;
        serialize_i16 i16 => signed as i64;
        serialize_i32 i32 => signed as i64;
        serialize_i64 i64 => signed as i64;
        serialize_i128 i128 => signed_wide as i128;
    }

    fn serialize_bool(self, value: bool) -> Result<Cursor, Error> {
        self.serialize_str(if value { "true" } else { "false" })
    }

    fn serialize_f32(self, value: f32) -> Result<Cursor, Error> {
        if !value.is_finite() {
            return Err(Error::new(Code::KeyMustBeFinite));
        }
        self.room.in_quotes(|room| Compact::single(room, value))
    }

    fn serialize_f64(self, value: f64) -> Result<Cursor, Error> {
        if !value.is_finite() {
            return Err(Error::new(Code::KeyMustBeFinite));
        }
        self.room.in_quotes(|room| Compact::double(room, value))
    }

    fn serialize_char(self, value: char) -> Result<Cursor, Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<Cursor, Error> {
        styled!(M, self.room, str(value))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Cursor, Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<Cursor, Error> {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<Cursor, Error> {
        value.serialize(self)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<Cursor, Error> {
        styled!(M, self.room, display(format_args!("{value}")))
    }
}
