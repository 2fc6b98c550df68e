//! Arbitrary values of serde's whole data model.

use std::fmt;

use proptest::prelude::*;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// Names of fields and variants: short, long, at the edges of the blocks, with characters to escape.
pub(crate) const NAMES: [&str; 16] = [
    "",
    "a",
    "id",
    "name",
    "seven77",
    "eight888",
    "nine99999",
    "sixteen_16161616",
    "seventeen_1717171",
    "a\"quote",
    "b\\slash",
    "line\nbreak_in_a_key",
    "ünï",
    "thirty_two_thirty_two_thirty_two",
    "thirty_three_thirty_three_thirty_t",
    "<script>&\u{2028}",
];

/// A value, written through one method of `Serializer` each.
#[derive(Clone, Debug)]
pub(crate) enum Any {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    F32(f32),
    F64(f64),
    Char(char),
    Str(String),
    Bytes(Vec<u8>),
    None,
    Some(Box<Any>),
    Unit,
    UnitStruct,
    UnitVariant(&'static str),
    NewtypeStruct(Box<Any>),
    NewtypeVariant(&'static str, Box<Any>),
    Seq(Vec<Any>, bool),
    Tuple(Vec<Any>),
    TupleStruct(Vec<Any>),
    TupleVariant(&'static str, Vec<Any>),
    Map(Vec<(Any, Any)>, bool),
    Struct(Vec<(&'static str, Any)>),
    StructVariant(&'static str, Vec<(&'static str, Any)>),
    Collected(Vec<String>),
}

/// Displays its pieces one by one.
struct Pieces<'a>(&'a [String]);

impl fmt::Display for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| f.write_str(piece))
    }
}

impl Serialize for Any {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Any::Bool(value) => s.serialize_bool(*value),
            Any::I8(value) => s.serialize_i8(*value),
            Any::I16(value) => s.serialize_i16(*value),
            Any::I32(value) => s.serialize_i32(*value),
            Any::I64(value) => s.serialize_i64(*value),
            Any::I128(value) => s.serialize_i128(*value),
            Any::U8(value) => s.serialize_u8(*value),
            Any::U16(value) => s.serialize_u16(*value),
            Any::U32(value) => s.serialize_u32(*value),
            Any::U64(value) => s.serialize_u64(*value),
            Any::U128(value) => s.serialize_u128(*value),
            Any::F32(value) => s.serialize_f32(*value),
            Any::F64(value) => s.serialize_f64(*value),
            Any::Char(value) => s.serialize_char(*value),
            Any::Str(value) => s.serialize_str(value),
            Any::Bytes(value) => s.serialize_bytes(value),
            Any::None => s.serialize_none(),
            Any::Some(value) => s.serialize_some(value),
            Any::Unit => s.serialize_unit(),
            Any::UnitStruct => s.serialize_unit_struct("Unit"),
            Any::UnitVariant(name) => s.serialize_unit_variant("E", 0, name),
            Any::NewtypeStruct(value) => s.serialize_newtype_struct("N", value),
            Any::NewtypeVariant(name, value) => s.serialize_newtype_variant("E", 1, name, value),
            Any::Seq(values, known) => {
                let mut seq = s.serialize_seq(known.then_some(values.len()))?;
                values.iter().try_for_each(|value| seq.serialize_element(value))?;
                seq.end()
            }
            Any::Tuple(values) => {
                let mut tuple = s.serialize_tuple(values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_element(value))?;
                tuple.end()
            }
            Any::TupleStruct(values) => {
                let mut tuple = s.serialize_tuple_struct("T", values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_field(value))?;
                tuple.end()
            }
            Any::TupleVariant(name, values) => {
                let mut tuple = s.serialize_tuple_variant("E", 2, name, values.len())?;
                values.iter().try_for_each(|value| tuple.serialize_field(value))?;
                tuple.end()
            }
            Any::Map(entries, known) => {
                let mut map = s.serialize_map(known.then_some(entries.len()))?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index % 2 == 0 {
                        map.serialize_entry(key, value)?;
                    } else {
                        map.serialize_key(key)?;
                        map.serialize_value(value)?;
                    }
                }
                map.end()
            }
            Any::Struct(fields) => {
                let mut object = s.serialize_struct("S", fields.len())?;
                fields.iter().try_for_each(|(key, value)| object.serialize_field(key, value))?;
                object.end()
            }
            Any::StructVariant(name, fields) => {
                let mut object = s.serialize_struct_variant("E", 3, name, fields.len())?;
                fields.iter().try_for_each(|(key, value)| object.serialize_field(key, value))?;
                object.end()
            }
            Any::Collected(pieces) => s.collect_str(&Pieces(pieces)),
        }
    }
}

/// Strings with every class of character that escaping knows, of lengths around all block sizes.
pub(crate) fn string() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        20 => proptest::char::range(' ', '~'),
        1 => proptest::char::range('\0', '\u{1f}'),
        1 => proptest::sample::select(vec!['"', '\\', '/', '<', '>', '&', '\'', '\u{7f}', '\u{2028}', '\u{2029}', '\u{2030}']),
        1 => any::<char>(),
    ];
    prop_oneof![
        4 => "[a-z ]{0,40}",
        1 => Just("long enough for the widest kernel, ".repeat(12)),
        3 => proptest::collection::vec(character, 0..180).prop_map(|chars| chars.into_iter().collect::<String>()),
    ]
}

fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&NAMES[..])
}

fn leaf() -> impl Strategy<Value = Any> {
    prop_oneof![
        any::<bool>().prop_map(Any::Bool),
        any::<i8>().prop_map(Any::I8),
        any::<i16>().prop_map(Any::I16),
        any::<i32>().prop_map(Any::I32),
        (any::<i64>(), 0..64).prop_map(|(value, shift)| Any::I64(value >> shift)),
        (any::<i128>(), 0..128).prop_map(|(value, shift)| Any::I128(value >> shift)),
        any::<u8>().prop_map(Any::U8),
        any::<u16>().prop_map(Any::U16),
        any::<u32>().prop_map(Any::U32),
        (any::<u64>(), 0..64).prop_map(|(value, shift)| Any::U64(value >> shift)),
        (any::<u128>(), 0..128).prop_map(|(value, shift)| Any::U128(value >> shift)),
        any::<u32>().prop_map(|bits| Any::F32(f32::from_bits(bits))),
        any::<u64>().prop_map(|bits| Any::F64(f64::from_bits(bits))),
        any::<i32>().prop_map(|value| Any::F64(f64::from(value))),
        any::<i32>().prop_map(|value| Any::F64(f64::from(value) / 100.0)),
        any::<i16>().prop_map(|value| Any::F32(f32::from(value))),
        any::<char>().prop_map(Any::Char),
        string().prop_map(Any::Str),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Any::Bytes),
        Just(Any::None),
        Just(Any::Unit),
        Just(Any::UnitStruct),
        name().prop_map(Any::UnitVariant),
        proptest::collection::vec(string(), 0..4).prop_map(Any::Collected),
    ]
}

/// Map keys: mostly such as JSON can write, sometimes not.
fn key() -> impl Strategy<Value = Any> {
    prop_oneof![
        8 => string().prop_map(Any::Str),
        20 => leaf().prop_filter("no key", |leaf| match leaf {
            Any::F32(value) => value.is_finite(),
            Any::F64(value) => value.is_finite(),
            Any::Bytes(_) | Any::None | Any::Unit | Any::UnitStruct => false,
            _ => true,
        }),
        2 => any::<u64>().prop_map(|value| Any::NewtypeStruct(Box::new(Any::U64(value)))),
        2 => string().prop_map(|value| Any::Some(Box::new(Any::Str(value)))),
    ]
}

/// Any value; `key` says which map keys may occur.
pub(crate) fn value() -> impl Strategy<Value = Any> {
    leaf().prop_recursive(4, 48, 6, |inner| {
        let values = proptest::collection::vec(inner.clone(), 0..6);
        let fields = proptest::collection::vec((name(), inner.clone()), 0..6).boxed();
        prop_oneof![
            inner.clone().prop_map(|value| Any::Some(Box::new(value))),
            inner.clone().prop_map(|value| Any::NewtypeStruct(Box::new(value))),
            (name(), inner.clone()).prop_map(|(name, value)| Any::NewtypeVariant(name, Box::new(value))),
            (values.clone(), any::<bool>()).prop_map(|(values, known)| Any::Seq(values, known)),
            values.clone().prop_map(Any::Tuple),
            values.clone().prop_map(Any::TupleStruct),
            (name(), values).prop_map(|(name, values)| Any::TupleVariant(name, values)),
            (proptest::collection::vec((key(), inner), 0..6), any::<bool>())
                .prop_map(|(entries, known)| Any::Map(entries, known)),
            fields.clone().prop_map(Any::Struct),
            (name(), fields).prop_map(|(name, fields)| Any::StructVariant(name, fields)),
        ]
    })
}
