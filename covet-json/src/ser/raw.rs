//! Text that is JSON already: `serde_json`'s `RawValue`, and its `Number` when a program turns on `arbitrary_precision`.
//!
//! Both serialize as a struct of a reserved name with one field of the same name that holds the text.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;
use serde::ser::{Error as _, Impossible};

use super::mode::Mode;
use super::refuse::{refuse, refuse_compounds};
use crate::buffer::{Cursor, Room};
use crate::error::Error;

const RAW_VALUE: &str = "$serde_json::private::RawValue";
const NUMBER: &str = "$serde_json::private::Number";

/// Whether a struct of this name holds text to be written as it is. Folds for the literal names of derived types.
#[inline(always)]
pub(super) fn is_raw_token(name: &str) -> bool {
    // Spelled out so that unequal lengths decide it at compile time.
    (name.len() == RAW_VALUE.len() && name == RAW_VALUE) || (name.len() == NUMBER.len() && name == NUMBER)
}

#[cold]
pub(super) fn broken() -> Error {
    Error::custom("raw JSON must be one field that holds a string")
}

/// Writes the text that `value` holds.
#[inline(never)]
pub(super) fn put_raw<M: Mode, T: Serialize + ?Sized>(room: Room<'_, '_>, value: &T) -> Result<Cursor, Error> {
    value.serialize(TextSerializer::<M>::new(room))
}

/// Takes a string and nothing else.
pub(super) struct TextSerializer<'a, 's, M> {
    room: Room<'a, 's>,
    mode: PhantomData<M>,
}

impl<'a, 's, M: Mode> TextSerializer<'a, 's, M> {
    pub(super) fn new(room: Room<'a, 's>) -> Self {
        TextSerializer { room, mode: PhantomData }
    }
}

impl<M: Mode> serde::Serializer for TextSerializer<'_, '_, M> {
    type Ok = Cursor;
    type Error = Error;

    fn serialize_str(self, text: &str) -> Result<Cursor, Error> {
        M::raw(self.room, text)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<Cursor, Error> {
        M::raw(self.room, &value.to_string())
    }

    refuse_compounds!(broken);

    refuse! { broken:
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _value: &T) -> Result<Cursor, Error> {
        Err(broken())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, _value: &T) -> Result<Cursor, Error> {
        Err(broken())
    }
}
