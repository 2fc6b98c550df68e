//! The serializer of one value.
//!
//! It is passed by value, two words wide, and returns the position where encoding goes on as its `Ok`: between the calls of a
//! derived `Serialize` that position stays in a register.

#![forbid(unsafe_code)]

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;

use super::compound::{Array, Map, Struct, Variant};
use super::mode::Mode;
use crate::buffer::{Cursor, Room};
use crate::error::Error;

/// Writes one value into a [`Room`].
pub(crate) struct ValueSerializer<'a, 's, M> {
    pub(super) room: Room<'a, 's>,
    mode: PhantomData<M>,
}

impl<'a, 's, M: Mode> ValueSerializer<'a, 's, M> {
    #[inline(always)]
    pub(crate) fn new(room: Room<'a, 's>) -> Self {
        ValueSerializer { room, mode: PhantomData }
    }
}

macro_rules! integers {
    ($($method:ident $type:ty => $write:ident as $wide:ty;)*) => { $(
        #[inline]
        fn $method(self, value: $type) -> Result<Cursor, Error> {
            M::$write(self.room, <$wide>::from(value))
        }
    )* };
}

impl<'a, 's, M: Mode> serde::Serializer for ValueSerializer<'a, 's, M> {
    type Ok = Cursor;
    type Error = Error;
    type SerializeSeq = Array<'a, 's, M>;
    type SerializeTuple = Array<'a, 's, M>;
    type SerializeTupleStruct = Array<'a, 's, M>;
    type SerializeTupleVariant = Variant<Array<'a, 's, M>>;
    type SerializeMap = Map<'a, 's, M>;
    type SerializeStruct = Struct<'a, 's, M>;
    type SerializeStructVariant = Variant<Map<'a, 's, M>>;

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

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<Cursor, Error> {
        Ok(self.room.bool(value))
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<Cursor, Error> {
        M::single(self.room, value)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<Cursor, Error> {
        M::double(self.room, value)
    }

    fn serialize_char(self, value: char) -> Result<Cursor, Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<Cursor, Error> {
        if M::STYLED { self.room.str::<true>(value) } else { self.room.str::<false>(value) }
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Cursor, Error> {
        if M::STYLED { self.room.bytes::<true>(value) } else { self.room.bytes::<false>(value) }
    }

    #[inline]
    fn serialize_none(self) -> Result<Cursor, Error> {
        Ok(self.room.null())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Cursor, Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<Cursor, Error> {
        Ok(self.room.null())
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Result<Cursor, Error> {
        Ok(self.room.null())
    }

    #[inline]
    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<Cursor, Error> {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<Cursor, Error> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Cursor, Error> {
        let write = |room: Room<'_, 's>| value.serialize(ValueSerializer::<M>::new(room));
        if M::STYLED { self.room.variant::<true>(variant, write) } else { self.room.variant::<false>(variant, write) }
    }

    #[inline(always)]
    fn serialize_seq(self, _len: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        Ok(Array::new(self.open(b'[')))
    }

    #[inline(always)]
    fn serialize_tuple(self, _len: usize) -> Result<Self::SerializeTuple, Error> {
        Ok(Array::new(self.open(b'[')))
    }

    #[inline(always)]
    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Self::SerializeTupleStruct, Error> {
        Ok(Array::new(self.open(b'[')))
    }

    #[inline(always)]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Ok(Variant(Array::new(self.open_variant(variant, b'[')?)))
    }

    #[inline(always)]
    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, Error> {
        Ok(Map::new(self.open(b'{')))
    }

    #[inline(always)]
    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Self::SerializeStruct, Error> {
        Ok(Struct::new(self.room, name))
    }

    #[inline(always)]
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Ok(Variant(Map::new(self.open_variant(variant, b'{')?)))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<Cursor, Error> {
        if M::STYLED {
            self.room.display::<true>(format_args!("{value}"))
        } else {
            self.room.display::<false>(format_args!("{value}"))
        }
    }
}
