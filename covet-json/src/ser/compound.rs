//! Arrays, objects, structs and the variants that hold them.

#![forbid(unsafe_code)]

use std::marker::PhantomData;

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant,
};

use super::key::KeySerializer;
use super::mode::{Mode, Object};
use super::raw::{broken, is_raw_token, put_raw};
use super::value::ValueSerializer;
use crate::buffer::{Cursor, Room, Spot};
use crate::error::Error;

/// Calls a method of a spot or room with the mode's layout; `M::STYLED` cannot be a generic argument itself.
macro_rules! styled {
    ($mode:ty, $object:expr, $method:ident($($argument:expr),*)) => {
        if <$mode>::STYLED { $object.$method::<true>($($argument),*) } else { $object.$method::<false>($($argument),*) }
    };
}
pub(super) use styled;

impl<'a, 's, M: Mode> ValueSerializer<'a, 's, M> {
    #[inline(always)]
    pub(super) fn open(self, open: u8) -> Spot<'a, 's> {
        styled!(M, self.room, open(open))
    }

    #[inline(always)]
    pub(super) fn open_variant(self, name: &'static str, open: u8) -> Result<Spot<'a, 's>, Error> {
        styled!(M, self.room, open_variant(name, open))
    }
}

/// Writes the next element of an array.
#[inline(always)]
pub(super) fn put_element<M: Mode, T: Serialize + ?Sized>(spot: &mut Spot<'_, '_>, value: &T) -> Result<(), Error> {
    let room = styled!(M, spot, element())?;
    let written = value.serialize(ValueSerializer::<M>::new(room));
    spot.accept(written)
}

/// Writes an entry whose key is known at compile time.
#[inline(always)]
pub(super) fn put_field<M: Mode, T: Serialize + ?Sized>(
    spot: &mut Spot<'_, '_>,
    key: &'static str,
    value: &T,
) -> Result<(), Error> {
    let room = styled!(M, spot, key(key))?;
    let written = value.serialize(ValueSerializer::<M>::new(room));
    spot.accept(written)
}

/// Writes the key of an entry.
#[inline(always)]
pub(super) fn put_key<M: Mode, T: Serialize + ?Sized>(spot: &mut Spot<'_, '_>, key: &T) -> Result<(), Error> {
    let room = styled!(M, spot, element())?;
    let written = key.serialize(KeySerializer::<M>::new(room));
    spot.accept(written)
}

/// Writes the value of an entry.
#[inline(always)]
pub(super) fn put_value<M: Mode, T: Serialize + ?Sized>(spot: &mut Spot<'_, '_>, value: &T) -> Result<(), Error> {
    let room = styled!(M, spot, colon())?;
    let written = value.serialize(ValueSerializer::<M>::new(room));
    spot.accept(written)
}

/// An array.
pub(crate) struct Array<'a, 's, M> {
    spot: Spot<'a, 's>,
    mode: PhantomData<M>,
}

impl<'a, 's, M: Mode> Array<'a, 's, M> {
    #[inline(always)]
    pub(super) fn new(spot: Spot<'a, 's>) -> Self {
        Array { spot, mode: PhantomData }
    }

    #[inline(always)]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        put_element::<M, T>(&mut self.spot, value)
    }

    #[inline(always)]
    fn close(self) -> Result<Cursor, Error> {
        styled!(M, self.spot, close(b']'))
    }
}

/// Arrays, tuples and tuple structs differ in the names of serde's traits alone.
macro_rules! arrays {
    ($($trait:ident $method:ident;)*) => { $(
        impl<M: Mode> $trait for Array<'_, '_, M> {
            type Ok = Cursor;
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<Cursor, Error> {
                self.close()
            }
        }
    )* };
}

arrays! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
}

/// An object.
pub(crate) struct Map<'a, 's, M: Mode> {
    spot: Spot<'a, 's>,
    object: M::Object,
}

impl<'a, 's, M: Mode> Map<'a, 's, M> {
    #[inline(always)]
    pub(super) fn new(spot: Spot<'a, 's>) -> Self {
        Map { spot, object: M::Object::default() }
    }

    /// An entry whose key is known at compile time.
    #[inline(always)]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.object.key(&self.spot);
        put_field::<M, T>(&mut self.spot, key, value)
    }
}

impl<M: Mode> SerializeMap for Map<'_, '_, M> {
    type Ok = Cursor;
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.object.key(&self.spot);
        put_key::<M, T>(&mut self.spot, key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        put_value::<M, T>(&mut self.spot, value)
    }

    #[inline]
    fn end(mut self) -> Result<Cursor, Error> {
        self.object.end(&mut self.spot)?;
        styled!(M, self.spot, close(b'}'))
    }
}

/// A struct: an object, or text that is JSON already in the disguise that `serde_json`'s `RawValue` and `Number` wear.
///
/// Both live in the same fields and nothing takes their address, so that the compiler, which knows the name of a derived struct,
/// drops the disguise and keeps the position in a register.
pub(crate) struct Struct<'a, 's, M: Mode> {
    map: Map<'a, 's, M>,
    /// The reserved name, if this is raw text.
    token: Option<&'static str>,
    /// Whether the raw text is written.
    written: bool,
}

impl<'a, 's, M: Mode> Struct<'a, 's, M> {
    #[inline(always)]
    pub(super) fn new(room: Room<'a, 's>, name: &'static str) -> Self {
        let token = is_raw_token(name).then_some(name);
        Struct { map: Map::new(ValueSerializer::<M>::new(room).open(b'{')), token, written: false }
    }
}

impl<M: Mode> SerializeStruct for Struct<'_, '_, M> {
    type Ok = Cursor;
    type Error = Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        let Some(token) = self.token else { return self.map.field(key, value) };
        if self.written || key != token {
            return Err(broken());
        }
        self.written = true;
        let written = put_raw::<M, T>(self.map.spot.instead()?, value);
        self.map.spot.accept(written)
    }

    #[inline(always)]
    fn end(self) -> Result<Cursor, Error> {
        match self.token {
            None => SerializeMap::end(self.map),
            Some(_) if self.written => Ok(self.map.spot.leave()),
            Some(_) => Err(broken()),
        }
    }
}

/// The content of an enum variant, inside the object that names the variant.
pub(crate) struct Variant<C>(pub(super) C);

impl<M: Mode> SerializeTupleVariant for Variant<Array<'_, '_, M>> {
    type Ok = Cursor;
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.0.element(value)
    }

    #[inline]
    fn end(self) -> Result<Cursor, Error> {
        styled!(M, self.0.spot, close_variant(b']'))
    }
}

impl<M: Mode> SerializeStructVariant for Variant<Map<'_, '_, M>> {
    type Ok = Cursor;
    type Error = Error;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.0.field(key, value)
    }

    #[inline]
    fn end(mut self) -> Result<Cursor, Error> {
        self.0.object.end(&mut self.0.spot)?;
        styled!(M, self.0.spot, close_variant(b'}'))
    }
}
