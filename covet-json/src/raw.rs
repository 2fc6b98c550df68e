//! A value kept as its text.

#![forbid(unsafe_code)]

use std::fmt;

use serde::de::{self, Deserialize, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::de::{Deserializer, SliceRead, TOKEN};
use crate::error::{Code, Result};
use crate::get::{get, search};

/// One JSON value as text, known to be valid: what [`get`](crate::get) finds, and a type for fields that are to be decoded later or
/// passed on as they are.
///
/// ```
/// use covet_json::RawJson;
///
/// let fields: std::collections::BTreeMap<&str, RawJson<'_>> = covet_json::from_str(r#"{"kind": "a", "body": [1,  2]}"#)?;
/// assert_eq!(fields["body"].as_str(), "[1,  2]");
/// assert_eq!(fields["body"].decode::<Vec<u8>>()?, [1, 2]);
/// # Ok::<(), covet_json::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawJson<'a> {
    text: &'a str,
}

impl<'a> RawJson<'a> {
    /// Takes text that must be one valid JSON value; whitespace around it is cut off.
    ///
    /// # Errors
    ///
    /// It is not, or it nests deeper than 127 levels.
    pub fn from_slice(json: &'a [u8]) -> Result<RawJson<'a>> {
        match get(json, "")? {
            Some(whole) => Ok(whole),
            // The empty pointer always leads to the whole document.
            None => Err(Deserializer::from_slice(json).error(Code::ExpectedValue)),
        }
    }

    pub(crate) fn trusted(text: &'a str) -> RawJson<'a> {
        RawJson { text }
    }

    /// The text, without whitespace around it.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// The text as bytes.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.text.as_bytes()
    }

    /// Finds a value inside; see [`get`](crate::get).
    ///
    /// # Errors
    ///
    /// None for text that came from this crate.
    pub fn get(self, pointer: &str) -> Result<Option<RawJson<'a>>> {
        search(Deserializer::<SliceRead<'a>>::from_str(self.text), pointer)
    }

    /// Decodes the value; strings can be borrowed from the text.
    ///
    /// # Errors
    ///
    /// The value does not fit `T`.
    pub fn decode<T: Deserialize<'a>>(self) -> Result<T> {
        crate::from_str(self.text)
    }
}

impl fmt::Display for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl fmt::Debug for RawJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawJson").field(&self.text).finish()
    }
}

/// Writes the text as it is, with this crate's serializer and with `serde_json`'s if its feature `raw_value` is on.
impl Serialize for RawJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(TOKEN, 1)?;
        fields.serialize_field(TOKEN, self.text)?;
        fields.end()
    }
}

/// Takes the text of the value, from a slice or text.
impl<'de> Deserialize<'de> for RawJson<'de> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<RawJson<'de>, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = RawJson<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value, borrowed from the input")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawJson<'de>, A::Error> {
                if map.next_key::<&str>()? != Some(TOKEN) {
                    return Err(de::Error::invalid_type(de::Unexpected::Map, &self));
                }
                Ok(RawJson { text: map.next_value()? })
            }
        }

        deserializer.deserialize_newtype_struct(TOKEN, Text)
    }
}
