//! Keys of objects: strings, which may hold a number or a boolean for map types that are keyed by those.

#![forbid(unsafe_code)]

use serde::de::{self, Visitor};

use super::Deserializer;
use super::raw;
use super::read::Read;
use super::value::visit_reference;
use crate::error::{Code, Error, Result};

/// Reads a key whose quote was seen.
pub(super) struct KeyDeserializer<'a, R> {
    de: &'a mut Deserializer<R>,
    /// Set when the colon behind the key was taken with it.
    colon: &'a mut bool,
}

impl<'a, R> KeyDeserializer<'a, R> {
    #[inline(always)]
    pub(super) fn new(de: &'a mut Deserializer<R>, colon: &'a mut bool) -> Self {
        KeyDeserializer { de, colon }
    }
}

impl<'de, R: Read<'de>> KeyDeserializer<'_, R> {
    #[inline(always)]
    fn visit_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let de = self.de;
        let text = match de.read.quick_key(de.pos) {
            Some((text, len)) => {
                de.token = de.pos;
                de.pos += len;
                *self.colon = true;
                text
            }
            None => match de.str()? {
                Ok(text) => text,
                Err(at) => return Err(de.error_at(Code::InvalidUtf8, at)),
            },
        };
        visit_reference(text, visitor).map_err(|error| de.fix_token(error))
    }

    /// Reads what stands between the quotes as a value of its own.
    fn quoted<T>(self, first: &[u8], read: impl FnOnce(&mut Deserializer<R>) -> Result<T>) -> Result<T> {
        // The whole key is brought into the window first, so that its raw text is there when it has been read.
        self.de.skip_str()?;
        let token = self.de.token;
        let start = self.de.pos;
        self.de.pos = token + 1;
        if !self.de.read.window().get(self.de.pos).is_some_and(|byte| first.contains(byte)) {
            return Err(self.de.error(Code::ExpectedNumericKey));
        }
        let value = read(&mut *self.de)?;
        if self.de.pos + 1 != start {
            return Err(self.de.error(Code::ExpectedQuoteAfterKey));
        }
        self.de.pos = start;
        self.de.token = token;
        Ok(value)
    }
}

/// Methods that want a number between the quotes.
macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.quoted(b"0123456789-", |de| de::Deserializer::$method(de, visitor))
        }
    )*};
}

impl<'de, R: Read<'de>> de::Deserializer<'de> for KeyDeserializer<'_, R> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_string(visitor)
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if !matches!(self.de.peek_in_key()?, b't' | b'f') {
            return Err(self.de.invalid_type(&visitor));
        }
        self.quoted(b"tf", |de| de::Deserializer::deserialize_bool(de, visitor))
    }

    /// Keys cannot be null.
    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name == raw::TOKEN {
            return self.de.visit_raw(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        de::Deserializer::deserialize_enum(self.de, name, variants, visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_bytes(self.de, visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_bytes(self.de, visitor)
    }

    serde::forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de, R: Read<'de>> Deserializer<R> {
    /// The byte behind the quote at `pos`.
    fn peek_in_key(&mut self) -> Result<u8> {
        self.ensure(2)?;
        Ok(self.read.window().get(self.pos + 1).copied().unwrap_or_default())
    }
}
