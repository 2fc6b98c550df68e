//! The public serializer: for code that wants a `serde::Serializer` to hand on, or writes a document piece by piece.

#![forbid(unsafe_code)]

use std::fmt::{self, Display};
use std::io;
use std::marker::PhantomData;

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant,
};

use super::compound::{put_element, put_field, put_key, put_value, styled};
use super::mode::{Compact, Style, Styled};
use super::options::EncodeOptions;
use super::raw::{broken, is_raw_token, put_raw};
use super::value::ValueSerializer;
use crate::buffer::{self, Cursor, Parked, Room, Spot};
use crate::error::Error;

/// Writes JSON to an [`io::Write`], in blocks of up to 32 KiB; everything has reached the writer when a value ends.
///
/// [`to_writer`](crate::to_writer) and [`to_buf`](crate::to_buf) do the same for whole values and are faster.
///
/// ```
/// use serde::ser::{SerializeSeq, Serializer as _};
///
/// let mut serializer = covet_json::Serializer::new(Vec::new());
/// let mut array = serializer.serialize_seq(None).unwrap();
/// array.serialize_element("a").unwrap();
/// array.serialize_element(&1).unwrap();
/// array.end().unwrap();
/// assert_eq!(serializer.into_inner(), br#"["a",1]"#);
/// ```
pub struct Serializer<W, S = Compact> {
    writer: W,
    options: EncodeOptions,
    style: PhantomData<S>,
}

impl<W: io::Write> Serializer<W> {
    /// Writes to `writer` on one line.
    pub const fn new(writer: W) -> Self {
        Serializer { writer, options: EncodeOptions::new(), style: PhantomData }
    }
}

impl<W: io::Write> Serializer<W, Styled> {
    /// Writes to `writer` with two spaces of indentation a level.
    pub const fn pretty(writer: W) -> Self {
        Serializer { writer, options: EncodeOptions::pretty(), style: PhantomData }
    }

    /// Writes to `writer` as `options` say.
    pub const fn with_options(writer: W, options: EncodeOptions) -> Self {
        Serializer { writer, options, style: PhantomData }
    }
}

impl<W, S> Serializer<W, S> {
    /// The writer.
    pub fn into_inner(self) -> W {
        self.writer
    }
}

impl<W, S> fmt::Debug for Serializer<W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serializer").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<W: io::Write, S: Style> Serializer<W, S> {
    fn write(&mut self, encode: impl FnOnce(Room<'_, '_>) -> Result<Cursor, Error>) -> Result<(), Error> {
        buffer::encode_to_writer(&mut self.writer, self.options.layout(), encode)
    }

    fn open(&mut self, open: u8) -> Compound<'_, S> {
        let parked = Parked::open(&mut self.writer, self.options.layout(), open);
        Compound { state: State::Open { parked, end: open + 2, variant: false }, style: PhantomData }
    }

    fn open_variant(&mut self, name: &'static str, open: u8) -> Result<Compound<'_, S>, Error> {
        let mut parked = Parked::open(&mut self.writer, self.options.layout(), b'{');
        parked.with(|spot| styled!(S, spot, nest(name, open)))?;
        Ok(Compound { state: State::Open { parked, end: open + 2, variant: true }, style: PhantomData })
    }
}

/// An array, object or struct that a [`Serializer`] is writing.
///
/// Dropped without `end`, it leaves the document as it is: cut short, so that no reader takes it for whole.
pub struct Compound<'a, S> {
    state: State<'a>,
    style: PhantomData<S>,
}

enum State<'a> {
    Open {
        parked: Parked<'a>,
        /// The closing bracket.
        end: u8,
        /// Whether this is the content of an enum variant, inside an object of its own.
        variant: bool,
    },
    /// A struct that holds text which is JSON already.
    Raw { writer: &'a mut dyn io::Write, options: &'a EncodeOptions, token: &'static str, done: bool },
}

impl<S> fmt::Debug for Compound<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compound").finish_non_exhaustive()
    }
}

impl<S: Style> Compound<'_, S> {
    fn with(&mut self, write: impl FnOnce(&mut Spot<'_, '_>) -> Result<(), Error>) -> Result<(), Error> {
        match &mut self.state {
            State::Open { parked, .. } => parked.with(write),
            State::Raw { .. } => Err(broken()),
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        match &mut self.state {
            State::Open { parked, .. } => parked.with(|spot| put_field::<S, T>(spot, key, value)),
            State::Raw { writer, options, token, done } if key == *token && !*done => {
                *done = true;
                buffer::encode_to_writer(writer, options.layout(), |room| put_raw::<S, T>(room, value))
            }
            State::Raw { .. } => Err(broken()),
        }
    }

    fn close(self) -> Result<(), Error> {
        match self.state {
            State::Open { parked, end, variant: false } => parked.finish(|spot| styled!(S, spot, close(end))),
            State::Open { parked, end, variant: true } => parked.finish(|spot| styled!(S, spot, close_variant(end))),
            State::Raw { done: true, .. } => Ok(()),
            State::Raw { .. } => Err(broken()),
        }
    }
}

macro_rules! scalars {
    ($($method:ident($($name:ident: $type:ty),*);)*) => { $(
        fn $method(self, $($name: $type),*) -> Result<(), Error> {
            self.write(|room| ValueSerializer::<S>::new(room).$method($($name),*))
        }
    )* };
}

impl<'a, W: io::Write, S: Style> serde::Serializer for &'a mut Serializer<W, S> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Compound<'a, S>;
    type SerializeTuple = Compound<'a, S>;
    type SerializeTupleStruct = Compound<'a, S>;
    type SerializeTupleVariant = Compound<'a, S>;
    type SerializeMap = Compound<'a, S>;
    type SerializeStruct = Compound<'a, S>;
    type SerializeStructVariant = Compound<'a, S>;

    scalars! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.write(|room| ValueSerializer::<S>::new(room).serialize_newtype_variant(name, index, variant, value))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Compound<'a, S>, Error> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Compound<'a, S>, Error> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Compound<'a, S>, Error> {
        Ok(self.open(b'['))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Compound<'a, S>, Error> {
        self.open_variant(variant, b'[')
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Compound<'a, S>, Error> {
        Ok(self.open(b'{'))
    }

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Compound<'a, S>, Error> {
        if is_raw_token(name) {
            let Serializer { writer, options, .. } = self;
            return Ok(Compound {
                state: State::Raw { writer, options, token: name, done: false },
                style: PhantomData,
            });
        }
        Ok(self.open(b'{'))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Compound<'a, S>, Error> {
        self.open_variant(variant, b'{')
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.write(|room| ValueSerializer::<S>::new(room).collect_str(value))
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident;)*) => { $(
        impl<S: Style> $trait for Compound<'_, S> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.with(|spot| put_element::<S, T>(spot, value))
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )* };
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

impl<S: Style> SerializeMap for Compound<'_, S> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.with(|spot| put_key::<S, T>(spot, key))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.with(|spot| put_value::<S, T>(spot, value))
    }

    fn end(self) -> Result<(), Error> {
        self.close()
    }
}

macro_rules! fields {
    ($($trait:ident;)*) => { $(
        impl<S: Style> $trait for Compound<'_, S> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), Error> {
                self.close()
            }
        }
    )* };
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}
