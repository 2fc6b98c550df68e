//! Arrays, objects and enums as serde reads them, element by element.
//!
//! Each access knows the index or key that it is at, in one word; a path is made of that only when an element fails.

#![forbid(unsafe_code)]

use std::collections::HashSet;

use serde::de::{self, DeserializeSeed, Error as _, Unexpected, Visitor};

use super::Deserializer;
use super::key::KeyDeserializer;
use super::read::Read;
use crate::error::{Code, Error, Result};

/// The elements of an array.
pub(super) struct SeqAccess<'a, R> {
    de: &'a mut Deserializer<R>,
    index: usize,
}

impl<'a, R> SeqAccess<'a, R> {
    #[inline(always)]
    pub(super) fn new(de: &'a mut Deserializer<R>) -> Self {
        SeqAccess { de, index: 0 }
    }
}

impl<'de, R: Read<'de>> Deserializer<R> {
    /// The two bytes at `pos`, if they can be taken without questions.
    #[inline(always)]
    fn quick_pair(&self) -> Option<[u8; 2]> {
        self.read.quick().get(self.pos..)?.first_chunk().copied()
    }

    /// Goes to the next element of an array in which `index` were read. `false` at its bracket, which is not taken.
    #[inline(never)]
    pub(crate) fn next_element(&mut self, index: usize) -> Result<bool> {
        let mut byte = self.peek()?;
        if byte == b']' {
            return Ok(false);
        }
        if index != 0 {
            if byte != b',' {
                return Err(self.unexpected(Code::ExpectedCommaOrBracket, Code::EofInArray));
            }
            self.pos += 1;
            byte = self.peek()?;
            if byte == b']' {
                return Err(self.error(Code::TrailingComma));
            }
        }
        if byte == 0 && self.at_end() {
            return Err(self.error(Code::EofInArray));
        }
        self.check_items(index)?;
        Ok(true)
    }

    /// Goes to the next key of an object in which `count` were read. `false` at its brace, which is not taken.
    #[inline(never)]
    pub(crate) fn next_key(&mut self, count: usize) -> Result<bool> {
        let mut byte = self.peek()?;
        if byte == b'}' {
            return Ok(false);
        }
        if count != 0 {
            if byte != b',' {
                return Err(self.unexpected(Code::ExpectedCommaOrBrace, Code::EofInObject));
            }
            self.pos += 1;
            byte = self.peek()?;
            if byte == b'}' {
                return Err(self.error(Code::TrailingComma));
            }
        }
        if byte != b'"' {
            return Err(self.unexpected(Code::ExpectedKey, Code::EofInObject));
        }
        self.check_items(count)?;
        Ok(true)
    }

    /// Takes the colon behind a key.
    #[inline(always)]
    pub(crate) fn colon(&mut self) -> Result<()> {
        if self.read.window().get(self.pos) != Some(&b':') && self.peek()? != b':' {
            return Err(self.unexpected(Code::ExpectedColon, Code::EofInObject));
        }
        self.pos += 1;
        // One space is how most writers go on.
        if self.read.window().get(self.pos) == Some(&b' ') {
            self.pos += 1;
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn check_items(&self, count: usize) -> Result<()> {
        if count >= self.limits.max_items { Err(self.error(Code::ItemsLimit(self.limits.max_items))) } else { Ok(()) }
    }

    #[cold]
    #[inline(never)]
    fn in_element(&self, error: Error, index: usize) -> Error {
        let mut error = self.fix(error);
        error.push_index(index);
        error
    }

    #[cold]
    #[inline(never)]
    fn in_member(&self, error: Error, mark: usize) -> Error {
        let mut error = self.fix(error);
        let mut key = Deserializer::from_slice(self.read.key(mark));
        let pushed = key.with_str(|key| {
            error.push_key(key.as_str());
            Ok(())
        });
        if pushed.is_err() {
            error.push_key("?");
        }
        error
    }
}

impl<'de, R: Read<'de>> de::SeqAccess<'de> for SeqAccess<'_, R> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let de = &mut *self.de;
        match de.quick_pair() {
            Some([b']', _]) => return Ok(None),
            Some([b',', next]) if self.index != 0 && next > b' ' && next != b']' => de.pos += 1,
            Some([first, _]) if self.index == 0 && first > b' ' => {}
            Some([first, _]) => match de.quick_line(usize::from(first == b',')) {
                Some((len, b']')) if first != b',' => {
                    de.pos += len;
                    return Ok(None);
                }
                Some((len, byte)) if (first == b',') == (self.index != 0) && byte != b']' => de.pos += len,
                _ if !de.next_element(self.index)? => return Ok(None),
                _ => {}
            },
            None if !de.next_element(self.index)? => return Ok(None),
            None => {}
        }
        match seed.deserialize(&mut *self.de) {
            Ok(value) => {
                self.index += 1;
                Ok(Some(value))
            }
            Err(error) => Err(self.de.in_element(error, self.index)),
        }
    }
}

/// The keys of one object, kept only to refuse duplicates.
#[derive(Debug, Default)]
pub(super) struct Seen(HashSet<Box<str>>);

impl Seen {
    /// Notes the key whose raw text is `raw`; an error if it was there before.
    #[cold]
    #[inline(never)]
    pub(super) fn add(&mut self, raw: &[u8]) -> Result<()> {
        let key: Box<str> = Deserializer::from_slice(raw).with_str(|key| Ok(key.as_str().into()))?;
        if self.0.contains(&key) {
            return Err(Error::new(Code::DuplicateKey(key)));
        }
        self.0.insert(key);
        Ok(())
    }
}

/// The members of an object.
pub(super) struct MapAccess<'a, R> {
    de: &'a mut Deserializer<R>,
    /// Members read; if there are no limits it is only known whether there were any.
    count: usize,
    /// What the source needs to find the key again.
    mark: usize,
    seen: Option<Box<Seen>>,
}

impl<'a, R> MapAccess<'a, R> {
    #[inline(always)]
    pub(super) fn new(de: &'a mut Deserializer<R>) -> Self {
        let seen = if de.limits.reject_duplicates { Some(Box::default()) } else { None };
        MapAccess { de, count: 0, mark: 0, seen }
    }
}

impl<'de, R: Read<'de>> MapAccess<'_, R> {
    /// Behind a key without its colon: refuses a duplicate and takes the colon.
    #[inline(never)]
    fn end_key(&mut self) -> Result<()> {
        if let Some(seen) = &mut self.seen {
            let raw = &self.de.read.window()[self.de.token..self.de.pos];
            seen.add(raw).map_err(|error| self.de.fix_token(error))?;
        }
        self.de.colon()
    }
}

impl<'de, R: Read<'de>> de::MapAccess<'de> for MapAccess<'_, R> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let de = &mut *self.de;
        match de.quick_pair() {
            Some([b',', b'"']) if self.count != 0 => de.pos += 1,
            Some([b'}', _]) => return Ok(None),
            Some([b'"', _]) if self.count == 0 => self.count = 1,
            Some([first, _]) => match de.quick_line(usize::from(first == b',')) {
                Some((len, b'}')) if first != b',' => {
                    de.pos += len;
                    return Ok(None);
                }
                Some((len, b'"')) if (first == b',') == (self.count != 0) => {
                    de.pos += len;
                    self.count = 1;
                }
                _ if !de.next_key(self.count)? => return Ok(None),
                _ => self.count += 1,
            },
            None if !de.next_key(self.count)? => return Ok(None),
            None => self.count += 1,
        }
        let mut colon = false;
        let key = seed.deserialize(KeyDeserializer::new(self.de, &mut colon))?;
        // The end is only looked at by sources whose window moves, and then the colon does no harm.
        self.mark = self.de.read.remember_key(self.de.token, self.de.pos);
        if !colon {
            self.end_key()?;
        }
        Ok(Some(key))
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        match seed.deserialize(&mut *self.de) {
            Ok(value) => {
                self.de.read.forget_key(self.mark);
                Ok(value)
            }
            Err(error) => Err(self.de.in_member(error, self.mark)),
        }
    }
}

/// An enum as `{"Variant": content}`.
pub(super) struct EnumAccess<'a, R> {
    de: &'a mut Deserializer<R>,
    mark: usize,
}

impl<'a, R> EnumAccess<'a, R> {
    pub(super) fn new(de: &'a mut Deserializer<R>) -> Self {
        EnumAccess { de, mark: 0 }
    }
}

impl<'de, R: Read<'de>> EnumAccess<'_, R> {
    fn content<T>(self, read: impl FnOnce(&mut Deserializer<R>) -> Result<T>) -> Result<T> {
        match read(&mut *self.de) {
            Ok(value) => {
                self.de.read.forget_key(self.mark);
                Ok(value)
            }
            Err(error) => Err(self.de.in_member(error, self.mark)),
        }
    }
}

impl<'de, R: Read<'de>> de::EnumAccess<'de> for EnumAccess<'_, R> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(mut self, seed: V) -> Result<(V::Value, Self)> {
        if self.de.peek()? != b'"' {
            return Err(self.de.unexpected(Code::ExpectedKey, Code::EofInObject));
        }
        self.de.token = self.de.pos;
        let variant = seed.deserialize(&mut *self.de)?;
        self.mark = self.de.read.remember_key(self.de.token, self.de.pos);
        self.de.colon()?;
        Ok((variant, self))
    }
}

impl<'de, R: Read<'de>> de::VariantAccess<'de> for EnumAccess<'_, R> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        self.content(|de| de::Deserialize::deserialize(de))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        self.content(|de| seed.deserialize(de))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        self.content(|de| de::Deserializer::deserialize_seq(de, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.content(|de| de::Deserializer::deserialize_struct(de, "", fields, visitor))
    }
}

/// An enum as `"Variant"`.
pub(super) struct UnitVariant<'a, R> {
    de: &'a mut Deserializer<R>,
}

impl<'a, R> UnitVariant<'a, R> {
    pub(super) fn new(de: &'a mut Deserializer<R>) -> Self {
        UnitVariant { de }
    }
}

impl<'de, R: Read<'de>> de::EnumAccess<'de> for UnitVariant<'_, R> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let variant = seed.deserialize(&mut *self.de)?;
        Ok((variant, self))
    }
}

impl<'de, R: Read<'de>> de::VariantAccess<'de> for UnitVariant<'_, R> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _seed: T) -> Result<T::Value> {
        Err(Error::invalid_type(Unexpected::UnitVariant, &"newtype variant"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, _visitor: V) -> Result<V::Value> {
        Err(Error::invalid_type(Unexpected::UnitVariant, &"tuple variant"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], _visitor: V) -> Result<V::Value> {
        Err(Error::invalid_type(Unexpected::UnitVariant, &"struct variant"))
    }
}
