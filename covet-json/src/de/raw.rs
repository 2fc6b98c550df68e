//! Values kept as text: `serde_json::value::RawValue` and [`RawJson`](crate::RawJson), which ask for it by the same name.

#![forbid(unsafe_code)]

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Visitor};

use super::Deserializer;
use super::read::{Read, Reference};
use crate::error::{Code, Error, Result};

/// The name of the newtype struct, and of its one field, by which `serde_json` asks for text.
pub(crate) const TOKEN: &str = "$serde_json::private::RawValue";

impl<'de, R: Read<'de>> Deserializer<R> {
    /// Checks the value at `pos` and hands its text to the visitor, as a map of one member.
    pub(super) fn visit_raw<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        self.peek()?;
        self.read.pin(self.pos);
        let skipped = self.skip_value();
        let start = self.read.unpin();
        skipped?;
        self.token = start;
        let result = match self.read.text(start, self.pos) {
            Ok(text) => visitor.visit_map(RawAccess { text: Some(text) }),
            Err(at) => Err(self.error_at(Code::InvalidUtf8, at)),
        };
        result.map_err(|error| self.fix_token(error))
    }
}

struct RawAccess<'de, 's> {
    text: Option<Reference<'de, 's>>,
}

impl<'de> de::MapAccess<'de> for RawAccess<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.text.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(TOKEN)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        match self.text.take() {
            Some(Reference::Borrowed(text)) => seed.deserialize(BorrowedStrDeserializer::new(text)),
            Some(Reference::Copied(text)) => seed.deserialize(StrDeserializer::new(text)),
            None => Err(de::Error::custom("a raw value has one member")),
        }
    }
}
