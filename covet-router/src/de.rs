//! Deserialization of parameters through serde: structs and maps by name, tuples and sequences by position, a plain value
//! from the only parameter. Every failure names its parameter.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::percent;

/// Why parameters do not fit a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeserializeError {
    param: Option<String>,
    message: String,
}

impl DeserializeError {
    /// The parameter at fault, if it is a single one.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    fn in_param(mut self, name: &str) -> Self {
        self.param.get_or_insert_with(|| name.to_owned());
        self
    }

    fn new(message: impl Into<String>) -> Self {
        Self { param: None, message: message.into() }
    }
}

impl fmt::Display for DeserializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.param {
            Some(name) => write!(f, "parameter `{name}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for DeserializeError {}

impl de::Error for DeserializeError {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::new(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self { param: Some(field.to_owned()), message: "missing".to_owned() }
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self { param: Some(field.to_owned()), message: "not expected".to_owned() }
    }
}

/// Deserializes from names and raw values.
pub(crate) fn from_pairs<'n, 'de, T: de::Deserialize<'de>>(
    pairs: Vec<(&'n str, &'de str)>,
) -> Result<T, DeserializeError> {
    T::deserialize(Pairs { pairs })
}

struct Pairs<'n, 'de> {
    pairs: Vec<(&'n str, &'de str)>,
}

impl<'n, 'de> Pairs<'n, 'de> {
    /// The only parameter, for types that are one value.
    fn single(&self) -> Result<Value<'n, 'de>, DeserializeError> {
        match self.pairs.as_slice() {
            [(name, raw)] => Ok(Value { name, raw }),
            pairs => Err(DeserializeError::new(format!(
                "a single value is wanted, and there are {} parameters",
                pairs.len()
            ))),
        }
    }
}

macro_rules! single {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.single()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Pairs<'_, 'de> {
    type Error = DeserializeError;

    single! {
        deserialize_bool deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_map(Entries { pairs: self.pairs.into_iter(), value: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.pairs.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_seq(Elements(self.pairs.into_iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Self::Error> {
        if self.pairs.len() != len {
            let found = self.pairs.len();
            return Err(DeserializeError::new(format!("{len} values are wanted, and there are {found} parameters")));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.single()?.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! { map struct ignored_any }
}

struct Entries<'n, 'de> {
    pairs: std::vec::IntoIter<(&'n str, &'de str)>,
    value: Option<Value<'n, 'de>>,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = DeserializeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let Some((name, raw)) = self.pairs.next() else {
            return Ok(None);
        };
        self.value = Some(Value { name, raw });
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Self::Error> {
        let value = self.value.take().ok_or_else(|| DeserializeError::new("a value before its key"))?;
        let name = value.name;
        seed.deserialize(value).map_err(|e| e.in_param(name))
    }
}

struct Elements<'n, 'de>(std::vec::IntoIter<(&'n str, &'de str)>);

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = DeserializeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Self::Error> {
        let Some((name, raw)) = self.0.next() else {
            return Ok(None);
        };
        seed.deserialize(Value { name, raw }).map_err(|e| e.in_param(name)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// One parameter.
struct Value<'n, 'de> {
    name: &'n str,
    raw: &'de str,
}

impl<'de> Value<'_, 'de> {
    fn decoded(&self) -> Result<Cow<'de, str>, DeserializeError> {
        percent::decode(self.raw).map_err(|e| {
            let message = match e {
                percent::Undecodable::Escape(_) => "`%` without two hexadecimal digits",
                percent::Undecodable::Utf8 => "not UTF-8 after decoding",
            };
            DeserializeError::new(message).in_param(self.name)
        })
    }

    fn parsed<N: std::str::FromStr>(&self, what: &str) -> Result<N, DeserializeError> {
        let text = self.decoded()?;
        text.parse().map_err(|_| DeserializeError::new(format!("`{text}` is not {what}")).in_param(self.name))
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $what:literal)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            visitor.$visit(self.parsed($what)?).map_err(|e: DeserializeError| e.in_param(self.name))
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = DeserializeError;

    parsed! {
        deserialize_bool visit_bool "`true` or `false`"
        deserialize_char visit_char "one character"
        deserialize_i8 visit_i8 "an 8-bit integer"
        deserialize_i16 visit_i16 "a 16-bit integer"
        deserialize_i32 visit_i32 "a 32-bit integer"
        deserialize_i64 visit_i64 "a 64-bit integer"
        deserialize_i128 visit_i128 "a 128-bit integer"
        deserialize_u8 visit_u8 "an unsigned 8-bit integer"
        deserialize_u16 visit_u16 "an unsigned 16-bit integer"
        deserialize_u32 visit_u32 "an unsigned 32-bit integer"
        deserialize_u64 visit_u64 "an unsigned 64-bit integer"
        deserialize_u128 visit_u128 "an unsigned 128-bit integer"
        deserialize_f32 visit_f32 "a number"
        deserialize_f64 visit_f64 "a number"
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let result = match self.decoded()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        };
        result.map_err(|e: DeserializeError| e.in_param(self.name))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.decoded()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            Cow::Owned(text) => visitor.visit_byte_buf(text.into_bytes()),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let name = self.name;
        visitor.visit_enum(Unit(self.decoded()?)).map_err(|e| e.in_param(name))
    }

    forward_to_deserialize_any! { str string unit_struct seq tuple tuple_struct map struct identifier ignored_any }
}

/// The name of a unit variant.
struct Unit<'de>(Cow<'de, str>);

impl<'de> EnumAccess<'de> for Unit<'de> {
    type Error = DeserializeError;
    type Variant = Nothing;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Nothing), Self::Error> {
        seed.deserialize(self.0.into_deserializer()).map(|value| (value, Nothing))
    }
}

/// A variant without data; nothing else can stand in a path.
struct Nothing;

impl<'de> VariantAccess<'de> for Nothing {
    type Error = DeserializeError;

    fn unit_variant(self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Self::Error> {
        Err(DeserializeError::new("a variant with data cannot be a parameter"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Self::Error> {
        Err(DeserializeError::new("a variant with data cannot be a parameter"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Self::Error> {
        Err(DeserializeError::new("a variant with data cannot be a parameter"))
    }
}
