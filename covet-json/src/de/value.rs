//! serde's view of the parser: which token each type wants, and what a wrong one is called.

#![forbid(unsafe_code)]

use serde::de::{self, Error as _, Unexpected, Visitor};

use super::Deserializer;
use super::access::{EnumAccess, MapAccess, SeqAccess, UnitVariant};
use super::raw;
use super::read::{Read, Reference};
use crate::error::{Code, Error, Result};
use crate::number::{self, Failure, Number};

/// Hands a string to a visitor, borrowed if it can be.
#[inline(always)]
pub(super) fn visit_reference<'de, V: Visitor<'de>>(text: Reference<'de, '_>, visitor: V) -> Result<V::Value> {
    match text {
        Reference::Borrowed(text) => visitor.visit_borrowed_str(text),
        Reference::Copied(text) => visitor.visit_str(text),
    }
}

#[inline(always)]
fn visit_number<'de, V: Visitor<'de>>(number: Number, visitor: V) -> Result<V::Value> {
    match number {
        Number::Unsigned(value) => visitor.visit_u64(value),
        Number::Signed(value) => visitor.visit_i64(value),
        Number::Float(value) => visitor.visit_f64(value),
    }
}

impl<'de, R: Read<'de>> Deserializer<R> {
    /// Takes the number at `pos` by one of the functions of [`number`].
    #[inline(always)]
    pub(super) fn number_with<T>(&mut self, parse: impl Fn(&[u8]) -> Result<(T, usize), Failure>) -> Result<T> {
        let window = self.read.window();
        match parse(window.get(self.pos..).unwrap_or_default()) {
            // A number at the end of the window may go on behind it.
            Ok((number, len)) if !R::STREAMING || self.pos + len < window.len() => {
                self.token = self.pos;
                self.pos += len;
                Ok(number)
            }
            _ => self.number_slow(parse),
        }
    }

    #[cold]
    #[inline(never)]
    fn number_slow<T>(&mut self, parse: impl Fn(&[u8]) -> Result<(T, usize), Failure>) -> Result<T> {
        if R::STREAMING {
            self.hold_number()?;
        }
        match parse(self.read.window().get(self.pos..).unwrap_or_default()) {
            Ok((number, len)) => {
                self.check_number_len(len)?;
                self.token = self.pos;
                self.pos += len;
                Ok(number)
            }
            Err((reason, at)) => Err(self.error_at(reason.into(), self.pos + at)),
        }
    }

    /// Brings the whole number at `pos` into the window.
    fn hold_number(&mut self) -> Result<()> {
        let mut len = 0;
        loop {
            let rest = self.read.window().get(self.pos + len..).unwrap_or_default();
            len +=
                rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
            if self.pos + len < self.read.window().len() {
                return Ok(());
            }
            self.check_number_len(len)?;
            if !self.refill()? {
                return Ok(());
            }
        }
    }

    fn check_number_len(&self, len: usize) -> Result<()> {
        if len > self.limits.max_string { Err(self.error(Code::StringLimit(self.limits.max_string))) } else { Ok(()) }
    }

    /// The number at `pos` in the type that holds it.
    #[inline(always)]
    pub(super) fn number(&mut self) -> Result<Number> {
        let number = self.number_with(number::parse)?;
        self.check_number_len(self.pos - self.token)?;
        Ok(number)
    }

    #[inline(always)]
    fn visit_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let number = match number::short_integer(self.quick_rest()) {
            Some(found) => Number::Unsigned(self.take(found)),
            None => self.integer_slow(&visitor)?,
        };
        visit_number(number, visitor).map_err(|error| self.fix_token(error))
    }

    /// What can be taken from `pos` on without questions.
    #[inline(always)]
    fn quick_rest(&self) -> &[u8] {
        self.read.quick().get(self.pos..).unwrap_or_default()
    }

    /// Takes the scalar of `len` bytes at `pos`.
    #[inline(always)]
    fn take<T>(&mut self, (value, len): (T, usize)) -> T {
        self.token = self.pos;
        self.pos += len;
        value
    }

    #[inline(never)]
    fn integer_slow(&mut self, expected: &dyn de::Expected) -> Result<Number> {
        match self.peek()? {
            b'0'..=b'9' | b'-' => self.number(),
            _ => Err(self.invalid_type(expected)),
        }
    }

    /// The double at `pos`; whether it is written as an integer is forgotten only if that changes nothing.
    #[inline(always)]
    fn double(&mut self, expected: &dyn de::Expected) -> Result<f64> {
        match number::double(self.quick_rest()) {
            Some(found) => Ok(self.take(found)),
            None => self.double_slow(expected),
        }
    }

    #[inline(never)]
    fn double_slow(&mut self, expected: &dyn de::Expected) -> Result<f64> {
        if !matches!(self.peek()?, b'0'..=b'9' | b'-') {
            return Err(self.invalid_type(expected));
        }
        let value = self.number_with(number::parse_f64)?;
        self.check_number_len(self.pos - self.token)?;
        Ok(value)
    }

    /// Takes a number that may need 128 bits.
    pub(super) fn visit_wide<V: Visitor<'de>>(&mut self, visitor: V, signed: bool) -> Result<V::Value> {
        if !matches!(self.peek()?, b'0'..=b'9' | b'-') {
            return Err(self.invalid_type(&visitor));
        }
        let (negative, magnitude) =
            self.number_with(|text| number::parse_128(text).map(|(negative, value, len)| ((negative, value), len)))?;
        self.check_number_len(self.pos - self.token)?;
        let result = if signed {
            let value = if negative { 0i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() };
            value.map(|value| visitor.visit_i128(value))
        } else {
            (!negative).then(|| visitor.visit_u128(magnitude))
        };
        match result {
            Some(result) => result.map_err(|error| self.fix_token(error)),
            None => Err(self.error_at(Code::NumberOutOfRange, self.token)),
        }
    }

    /// Takes the string that should stand behind whitespace at `pos`.
    #[inline(always)]
    pub(super) fn visit_string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let text = match self.read.quick_str(self.pos) {
            Some(text) => {
                self.token = self.pos;
                self.pos += text.as_str().len() + 2;
                text
            }
            None => match self.expect_str(&visitor)? {
                Ok(text) => text,
                Err(at) => return Err(self.error_at(Code::InvalidUtf8, at)),
            },
        };
        visit_reference(text, visitor).map_err(|error| self.fix_token(error))
    }

    #[inline(never)]
    fn expect_str<'s>(&'s mut self, expected: &dyn de::Expected) -> Result<Result<Reference<'de, 's>, usize>> {
        if self.peek()? == b'"' { self.str() } else { Err(self.invalid_type(expected)) }
    }

    fn visit_bytes_string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        // Strings without escapes are borrowed as bytes just as they are as text.
        let start = self.pos + 1;
        let (len, text) = self.read.run(start);
        let result = match text {
            Some(text) if len <= self.limits.max_string && self.read.window().get(start + len) == Some(&b'"') => {
                self.token = self.pos;
                self.pos = start + len + 1;
                match text {
                    Reference::Borrowed(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
                    Reference::Copied(text) => visitor.visit_bytes(text.as_bytes()),
                }
            }
            _ => {
                let bytes = self.bytes_slow()?;
                if R::STREAMING || self.pos - self.token - 2 != bytes.len() {
                    visitor.visit_byte_buf(bytes)
                } else {
                    // Equal length means no escapes: the text is in the input as it is.
                    match self.read.text(self.token + 1, self.pos - 1) {
                        Ok(Reference::Borrowed(text)) => visitor.visit_borrowed_bytes(text.as_bytes()),
                        _ => visitor.visit_byte_buf(bytes),
                    }
                }
            }
        };
        result.map_err(|error| self.fix_token(error))
    }

    /// Opens the array at `pos`, lets the visitor read it, closes it.
    #[inline(always)]
    fn visit_array<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.enter()?;
        let result = visitor.visit_seq(SeqAccess::new(self));
        self.depth -= 1;
        let value = result.map_err(|error| self.fix(error))?;
        self.end_array()?;
        Ok(value)
    }

    /// Opens the object at `pos`, lets the visitor read it, closes it.
    #[inline(always)]
    fn visit_object<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.enter()?;
        let result = visitor.visit_map(MapAccess::new(self));
        self.depth -= 1;
        let value = result.map_err(|error| self.fix(error))?;
        self.end_object()?;
        Ok(value)
    }

    #[inline(always)]
    fn end_array(&mut self) -> Result<()> {
        if self.peek()? == b']' {
            self.pos += 1;
            return Ok(());
        }
        Err(self.bad_array_end())
    }

    #[cold]
    #[inline(never)]
    fn bad_array_end(&mut self) -> Error {
        match self.peek() {
            Ok(b',') => match self.peek_behind_comma() {
                Ok(b']') => self.error(Code::TrailingComma),
                Ok(_) => self.error(Code::TrailingCharacters),
                Err(error) => error,
            },
            Ok(_) => self.unexpected(Code::ExpectedCommaOrBracket, Code::EofInArray),
            Err(error) => error,
        }
    }

    fn peek_behind_comma(&mut self) -> Result<u8> {
        self.pos += 1;
        self.peek()
    }

    #[inline(always)]
    fn end_object(&mut self) -> Result<()> {
        if self.peek()? == b'}' {
            self.pos += 1;
            return Ok(());
        }
        let code = if self.peek()? == b',' { Code::TrailingCharacters } else { Code::ExpectedCommaOrBrace };
        Err(self.unexpected(code, Code::EofInObject))
    }

    /// The error for a value of the wrong type; the value is read so that the message can name it.
    #[cold]
    #[inline(never)]
    pub(super) fn invalid_type(&mut self, expected: &dyn de::Expected) -> Error {
        self.token = self.pos;
        let error = match self.peek() {
            Err(error) => return error,
            Ok(b'n') => match self.literal(b"null") {
                Ok(()) => Error::invalid_type(Unexpected::Unit, expected),
                Err(error) => error,
            },
            Ok(b't') => match self.literal(b"true") {
                Ok(()) => Error::invalid_type(Unexpected::Bool(true), expected),
                Err(error) => error,
            },
            Ok(b'f') => match self.literal(b"false") {
                Ok(()) => Error::invalid_type(Unexpected::Bool(false), expected),
                Err(error) => error,
            },
            Ok(b'0'..=b'9' | b'-') => match self.number() {
                Ok(Number::Unsigned(value)) => Error::invalid_type(Unexpected::Unsigned(value), expected),
                Ok(Number::Signed(value)) => Error::invalid_type(Unexpected::Signed(value), expected),
                Ok(Number::Float(value)) => Error::invalid_type(Unexpected::Float(value), expected),
                Err(error) => error,
            },
            Ok(b'"') => {
                let result: Result<()> =
                    self.with_str(|text| Err(Error::invalid_type(Unexpected::Str(text.as_str()), expected)));
                match result {
                    Ok(()) => self.error(Code::ExpectedValue),
                    Err(error) => error,
                }
            }
            Ok(b'[') => Error::invalid_type(Unexpected::Seq, expected),
            Ok(b'{') => Error::invalid_type(Unexpected::Map, expected),
            Ok(_) => self.unexpected(Code::ExpectedValue, Code::EofInValue),
        };
        self.fix_token(error)
    }
}

/// Methods that want an integer.
macro_rules! integers {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.visit_integer(visitor)
        }
    )*};
}

impl<'de, R: Read<'de>> de::Deserializer<'de> for &mut Deserializer<R> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek()? {
            b'"' => self.visit_string(visitor),
            b'0'..=b'9' | b'-' => {
                let number = match number::short(self.quick_rest()) {
                    Some(found) => self.take(found),
                    None => self.number()?,
                };
                visit_number(number, visitor).map_err(|error| self.fix_token(error))
            }
            b'{' => self.visit_object(visitor),
            b'[' => self.visit_array(visitor),
            b't' => {
                self.literal(b"true")?;
                visitor.visit_bool(true).map_err(|error| self.fix_token(error))
            }
            b'f' => {
                self.literal(b"false")?;
                visitor.visit_bool(false).map_err(|error| self.fix_token(error))
            }
            b'n' => {
                self.literal(b"null")?;
                visitor.visit_unit().map_err(|error| self.fix_token(error))
            }
            _ => Err(self.unexpected(Code::ExpectedValue, Code::EofInValue)),
        }
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let value = match self.peek()? {
            b't' => {
                self.literal(b"true")?;
                true
            }
            b'f' => {
                self.literal(b"false")?;
                false
            }
            _ => return Err(self.invalid_type(&visitor)),
        };
        visitor.visit_bool(value).map_err(|error| self.fix_token(error))
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    #[inline]
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_wide(visitor, true)
    }

    #[inline]
    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_wide(visitor, false)
    }

    #[inline]
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if !matches!(self.peek()?, b'0'..=b'9' | b'-') {
            return Err(self.invalid_type(&visitor));
        }
        // The text is needed once more where rounding to a double first would round twice.
        let value = self.number_with(|text| {
            number::parse_f64(text)
                .map(|(value, len)| (number::narrow(text.get(..len).unwrap_or_default(), value), len))
        })?;
        self.check_number_len(self.pos - self.token)?;
        visitor.visit_f32(value).map_err(|error| self.fix_token(error))
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let value = self.double(&visitor)?;
        visitor.visit_f64(value).map_err(|error| self.fix_token(error))
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_string(visitor)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek()? {
            b'"' => self.visit_bytes_string(visitor),
            b'[' => self.visit_array(visitor),
            _ => Err(self.invalid_type(&visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.peek()? == b'n' {
            self.literal(b"null")?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.peek()? != b'n' {
            return Err(self.invalid_type(&visitor));
        }
        self.literal(b"null")?;
        visitor.visit_unit().map_err(|error| self.fix_token(error))
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name == raw::TOKEN {
            return self.visit_raw(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.peek()? == b'[' { self.visit_array(visitor) } else { Err(self.invalid_type(&visitor)) }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.peek()? == b'{' { self.visit_object(visitor) } else { Err(self.invalid_type(&visitor)) }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.peek()? {
            b'{' => self.visit_object(visitor),
            b'[' => self.visit_array(visitor),
            _ => Err(self.invalid_type(&visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.peek()? {
            b'"' => visitor.visit_enum(UnitVariant::new(self)).map_err(|error| self.fix_token(error)),
            b'{' => {
                self.enter()?;
                let result = visitor.visit_enum(EnumAccess::new(self));
                self.depth -= 1;
                let value = result.map_err(|error| self.fix(error))?;
                if self.peek()? != b'}' {
                    return Err(self.unexpected(Code::ExpectedBraceAfterVariant, Code::EofInObject));
                }
                self.pos += 1;
                Ok(value)
            }
            _ => Err(self.unexpected(Code::ExpectedVariant, Code::EofInValue)),
        }
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.skip_value()?;
        visitor.visit_unit()
    }
}
