//! Encoding beside `serde_json`: the same bytes for every value, through every sink and style, at each SIMD level.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

#[path = "common/any.rs"]
mod any;
mod common;

use std::collections::{BTreeMap, HashMap};

use any::{Any, string, value};
use bytes::BytesMut;
use common::at_each_level;
use covet_json::{EncodeOptions, Serializer};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::value::RawValue;

/// Checks every compact way to encode against `serde_json`.
fn check<T: Serialize + ?Sized>(value: &T) {
    let expected = serde_json::to_vec(value).unwrap();
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    at_each_level(|| {
        let ours = covet_json::to_vec(value).unwrap();
        assert_eq!(show(&ours), show(&expected));
        assert_eq!(covet_json::to_string(value).unwrap().as_bytes(), expected);

        let mut buffer = b"prefix".to_vec();
        covet_json::to_buf(&mut buffer, value).unwrap();
        assert_eq!(buffer, [b"prefix", &expected[..]].concat());
        let mut buffer = BytesMut::from(&b"prefix"[..]);
        covet_json::to_buf(&mut buffer, value).unwrap();
        assert_eq!(buffer, [b"prefix", &expected[..]].concat());

        let mut written = Vec::new();
        covet_json::to_writer(&mut written, value).unwrap();
        assert_eq!(show(&written), show(&expected));
        let mut serializer = Serializer::new(Vec::new());
        value.serialize(&mut serializer).unwrap();
        assert_eq!(show(&serializer.into_inner()), show(&expected));
        assert_eq!(EncodeOptions::new().to_vec(value).unwrap(), expected);
    });
    check_pretty(value);
}

/// Checks indented output with several indentations.
fn check_pretty<T: Serialize + ?Sized>(value: &T) {
    let expected = serde_json::to_string_pretty(value).unwrap();
    assert_eq!(covet_json::to_string_pretty(value).unwrap(), expected);
    assert_eq!(covet_json::to_vec_pretty(value).unwrap(), expected.as_bytes());
    let mut written = Vec::new();
    covet_json::to_writer_pretty(&mut written, value).unwrap();
    assert_eq!(written, expected.as_bytes());
    let mut serializer = Serializer::pretty(Vec::new());
    value.serialize(&mut serializer).unwrap();
    assert_eq!(String::from_utf8(serializer.into_inner()).unwrap(), expected);
    for indent in ["", "\t", "        "] {
        let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
        let mut theirs = serde_json::Serializer::with_formatter(Vec::new(), formatter);
        value.serialize(&mut theirs).unwrap();
        let ours = EncodeOptions::new().indent(indent).to_vec(value).unwrap();
        assert_eq!(ours, theirs.into_inner(), "indent {indent:?}");
    }
}

/// What HTML-safe output must be: the characters can only occur in strings, where an escape means the same.
fn escape_html(json: &str) -> String {
    let mut escaped = String::new();
    for c in json.chars() {
        if matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}') {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("COVET_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400),
    ))]

    #[test]
    fn any_value(value in value()) {
        check(&value);
    }

    #[test]
    fn any_value_html_safe(value in value()) {
        for options in [EncodeOptions::new(), EncodeOptions::pretty()] {
            let expected = escape_html(&options.to_string(&value).unwrap());
            at_each_level(|| {
                assert_eq!(options.clone().html_safe(true).to_string(&value).unwrap(), expected);
            });
        }
    }

    #[test]
    fn any_string(text in string()) {
        check(text.as_str());
        check(&BTreeMap::from([(text.as_str(), 1)]));
    }

    #[test]
    fn any_float(bits in any::<u64>(), exponent in 0_u64..2048, integer in any::<i64>(), shift in 0..64) {
        for value in [
            f64::from_bits(bits),
            f64::from_bits(bits & !(0x7FF << 52) | exponent << 52),
            (integer >> shift) as f64,
            (integer >> shift) as f64 / 1000.0,
        ] {
            check(&value);
        }
    }

    #[test]
    fn any_single(bits in any::<u32>(), integer in any::<i32>(), shift in 0..32) {
        check(&f32::from_bits(bits));
        check(&((integer >> shift) as f32));
    }

    #[test]
    fn any_json_value(text in "[ -~]{0,40}", number in any::<f64>(), integer in any::<i64>()) {
        check(&serde_json::json!({ "text": text, "list": [number, integer, null, { "": {} }, []], "flag": true }));
    }
}

#[test]
fn floats_at_the_edges() {
    for value in [
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        1e15,
        9_007_199_254_740_991.0,
        9_007_199_254_740_992.0,
        9_007_199_254_740_993.0,
        1e16,
        1e17,
        1e21,
        1e22,
        1e-5,
        1e-6,
        1e-7,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        check(&value);
        check(&(value as f32));
    }
    for value in [16_777_215.0_f32, 16_777_216.0, 16_777_217.0, 123_456_789.0, 1e10, 1e16, f32::MAX, f32::MIN_POSITIVE]
    {
        check(&value);
    }
}

#[test]
fn everyday_floats() {
    let mut buffer = Vec::new();
    let mut check = |value: f64| {
        buffer.clear();
        covet_json::to_buf(&mut buffer, &value).unwrap();
        let expected = serde_json::to_vec(&value).unwrap();
        assert_eq!(String::from_utf8_lossy(&buffer), String::from_utf8_lossy(&expected));
    };
    // Every exponent around the range that has a path of its own, both signs, round and arbitrary fractions.
    for exponent in 1023 - 24..1023 + 60_u64 {
        let mut fraction = 0x9E37_79B9_7F4A_7C15_u64;
        for round in 0..400 {
            fraction = fraction.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(exponent << 52 | (fraction >> 12) >> (round % 53) << (round % 53));
            check(value);
            check(-value);
        }
    }
    for places in 0..12 {
        for number in (1..2_000).chain([99_999, 100_000, 123_456_789, 999_999_999_999_u64]) {
            check(number as f64 / 10_f64.powi(places));
            check(-(number as f64) / 10_f64.powi(places));
        }
    }
}

#[test]
fn integers_of_every_length() {
    let mut value: u128 = 0;
    for digit in 0..39 {
        value = value.wrapping_mul(10) + digit % 9 + 1;
        check(&value);
        check(&(value as i128));
        check(&(value as i128).wrapping_neg());
        check(&(value as u64));
        check(&(value as i64).wrapping_neg());
    }
    check(&(u64::MAX, i64::MIN, i64::MAX, u128::MAX, i128::MIN, i128::MAX));
    check(&(i8::MIN, i16::MIN, i32::MIN, u8::MAX, u16::MAX, u32::MAX));
}

#[test]
fn every_character_below_a_page() {
    let all: String = (0..0x3000).filter_map(char::from_u32).collect();
    check(all.as_str());
    for c in (0..0x100).filter_map(char::from_u32) {
        check(&c);
        for place in [0, 1, 7, 8, 15, 16, 31, 32, 63] {
            let mut text = "x".repeat(64);
            text.replace_range(place..=place, &c.to_string());
            check(text.as_str());
        }
    }
}

#[test]
fn strings_around_every_size() {
    for n in (0..300).chain([4095, 8191, 8192, 8193, 32_767, 32_768, 32_769, 100_000]) {
        let plain = "p".repeat(n);
        check(plain.as_str());
        let mut escape = plain.clone();
        escape.push('"');
        check(escape.as_str());
        if n < 40_000 {
            check("\u{1}".repeat(n).as_str());
            check("é\n".repeat(n / 3).as_str());
        }
    }
}

#[test]
fn html_safe_strings_across_blocks() {
    let options = EncodeOptions::new().html_safe(true);
    for n in (0..100).chain([8190, 8191, 8192, 32_766, 32_767]) {
        for special in ["\u{2028}", "\u{2030}", "</", "&\u{2029}"] {
            let text = format!("{}{special}{}", "x".repeat(n), "y".repeat(20));
            let expected = escape_html(&serde_json::to_string(&text).unwrap());
            assert_eq!(options.to_string(&text).unwrap(), expected);
            let mut written = Vec::new();
            options.to_writer(&mut written, &text).unwrap();
            assert_eq!(written, expected.as_bytes());
        }
    }
}

#[derive(serde_derive::Serialize)]
struct Derived<'a> {
    id: u64,
    #[serde(rename = "with \"quotes\"")]
    quoted: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<u8>,
    nested: Vec<Inner>,
    #[serde(flatten)]
    flat: Inner,
    #[serde(flatten)]
    more: BTreeMap<String, f32>,
    a_name_that_is_longer_than_thirty_two_bytes: (),
}

#[derive(Clone, serde_derive::Serialize)]
struct Inner {
    x: f32,
    y: Option<bool>,
}

#[derive(serde_derive::Serialize)]
enum External {
    Unit,
    New(Inner),
    Tuple(u8, String),
    Struct { a: i32 },
}

#[derive(serde_derive::Serialize)]
#[serde(tag = "t")]
enum Internal {
    Unit,
    New(Inner),
    Struct { a: i32 },
}

#[derive(serde_derive::Serialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    New(Inner),
    Tuple(u8, String),
    Struct { a: i32 },
}

#[derive(serde_derive::Serialize)]
#[serde(untagged)]
enum Untagged {
    Unit,
    New(Inner),
    Tuple(u8, String),
    Struct { a: i32 },
}

#[test]
fn derived_types_in_every_representation() {
    let inner = Inner { x: 1.5, y: None };
    check(&Derived {
        id: 7,
        quoted: "\\",
        absent: None,
        nested: vec![inner.clone(), Inner { x: f32::NAN, y: Some(true) }],
        flat: inner.clone(),
        more: BTreeMap::from([("k".to_owned(), 0.1), ("\n".to_owned(), -0.0)]),
        a_name_that_is_longer_than_thirty_two_bytes: (),
    });
    let text = || "s".to_owned();
    check(&[External::Unit, External::New(inner.clone()), External::Tuple(1, text()), External::Struct { a: -1 }]);
    check(&[Internal::Unit, Internal::New(inner.clone()), Internal::Struct { a: -1 }]);
    check(&[Adjacent::Unit, Adjacent::New(inner.clone()), Adjacent::Tuple(1, text()), Adjacent::Struct { a: -1 }]);
    check(&[Untagged::Unit, Untagged::New(inner), Untagged::Tuple(1, text()), Untagged::Struct { a: -1 }]);
    // Each alone too: then the public serializer is asked for the variant itself.
    check(&External::Tuple(1, text()));
    check(&External::Struct { a: -1 });
    check(&HashMap::from([(Some(3_i8), ())]));
}

#[test]
fn empty_containers() {
    check(&Vec::<u8>::new());
    check(&BTreeMap::<u8, u8>::new());
    check(&[[(); 0]; 2]);
    check(&Any::Struct(vec![]));
    check(&Any::TupleVariant("v", vec![]));
    check(&Any::StructVariant("v", vec![]));
    check(&Any::Seq(vec![Any::Map(vec![], false), Any::Seq(vec![], false)], false));
}

#[test]
fn deep_nesting() {
    let mut value = Any::Seq(vec![], true);
    for level in 0..100 {
        value = if level % 2 == 0 { Any::Seq(vec![value], true) } else { Any::Struct(vec![("k", value)]) };
    }
    check(&value);
}

#[test]
fn raw_values_are_copied() {
    let raw = RawValue::from_string("{ \"a\" : [1 , \"<\u{2028}\"] }".to_owned()).unwrap();
    check(&raw);
    check(&BTreeMap::from([("raw", &raw)]));
    check(&vec![&raw; 2000]);
    let safe = EncodeOptions::new().html_safe(true).to_string(&raw).unwrap();
    assert_eq!(safe, "{ \"a\" : [1 , \"\\u003c\\u2028\"] }");
}

#[test]
fn keys_that_json_cannot_write() {
    let tuple = HashMap::from([((1, 2), 3)]);
    let error = covet_json::to_vec(&tuple).unwrap_err();
    assert_eq!(error.to_string(), "key must be a string");
    assert!(error.is_data());
    for key in
        [Any::Unit, Any::None, Any::UnitStruct, Any::Bytes(vec![1]), Any::Seq(vec![], true), Any::Map(vec![], true)]
    {
        let map = Any::Map(vec![(key, Any::Unit)], true);
        assert!(serde_json::to_vec(&map).is_err());
        assert_eq!(covet_json::to_vec(&map).unwrap_err().to_string(), "key must be a string");
        assert!(map.serialize(&mut Serializer::new(Vec::new())).is_err());
    }
    for key in [Any::F64(f64::NAN), Any::F32(f32::INFINITY)] {
        let error = covet_json::to_vec(&Any::Map(vec![(key, Any::Unit)], true)).unwrap_err();
        assert_eq!(error.to_string(), "float key must be finite");
    }
}

#[test]
fn indentation_is_only_ever_white_space() {
    let options = EncodeOptions::new().indent("-\u{a0} \"\t");
    assert_eq!(options.to_string(&[1]).unwrap(), "[\n \t1\n]");
}

#[test]
fn documents_larger_than_every_block() {
    let many: Vec<Any> =
        (0..20_000).map(|n| Any::Struct(vec![("id", Any::U64(n)), ("text", Any::Str("é\"".repeat(3)))])).collect();
    check(&many);
}
