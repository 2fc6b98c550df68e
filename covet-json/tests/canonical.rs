//! The canonical form of RFC 8785: its published example, the order of keys, and properties over arbitrary values.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

#[path = "common/any.rs"]
mod any;
mod common;

use std::collections::{BTreeMap, HashMap};

use any::{Any, value};
use common::at_each_level;
use covet_json::{to_string_canonical, to_vec_canonical};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[test]
#[allow(clippy::excessive_precision, reason = "as the RFC spells it")]
fn the_example_of_the_rfc() {
    let value = json!({
        "numbers": [333_333_333.333_333_29, 1E30, 4.50, 2e-3, 0.000_000_000_000_000_000_000_000_001],
        "string": "\u{20ac}$\u{000F}\u{000a}A'\u{0042}\u{0022}\u{005c}\\\"/",
        "literals": [null, true, false]
    });
    let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
        \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    at_each_level(|| assert_eq!(to_string_canonical(&value).unwrap(), expected));
}

#[test]
fn keys_in_the_order_of_the_rfc() {
    let names = ["\u{20ac}", "\r", "\u{fb33}", "1", "\u{1f600}", "\u{80}", "\u{f6}"];
    let map: HashMap<&str, usize> = names.iter().enumerate().map(|(n, name)| (*name, n)).collect();
    let expected = "{\"\\r\":1,\"1\":3,\"\u{80}\":5,\"\u{f6}\":6,\"\u{20ac}\":0,\"\u{1f600}\":4,\"\u{fb33}\":2}";
    assert_eq!(to_string_canonical(&map).unwrap(), expected);
}

#[test]
fn escaped_keys_sort_by_what_they_mean() {
    let keys = ["\\", "\"", "\n", "\u{1}", "\u{1f}", " ", "a", "A", "[", "]", "\u{7f}", "", "aa", "a\""];
    let mut sorted = keys.to_vec();
    sorted.sort_by_key(|key| key.encode_utf16().collect::<Vec<_>>());
    let map: HashMap<&str, ()> = keys.iter().map(|key| (*key, ())).collect();
    let entries: Vec<String> =
        sorted.iter().map(|key| format!("{}:null", serde_json::to_string(key).unwrap())).collect();
    assert_eq!(to_string_canonical(&map).unwrap(), format!("{{{}}}", entries.join(",")));
}

#[test]
fn integers_must_be_exact() {
    for (value, text) in [
        (0_i128, "0"),
        (-1, "-1"),
        (9_007_199_254_740_992, "9007199254740992"),
        (-9_007_199_254_740_992, "-9007199254740992"),
        (9_007_199_254_740_994, "9007199254740994"),
        (1 << 60, "1152921504606847000"),
        (1 << 100, "1.2676506002282294e+30"),
    ] {
        assert_eq!(to_string_canonical(&value).unwrap(), text);
        if let Ok(value) = i64::try_from(value) {
            assert_eq!(to_string_canonical(&value).unwrap(), text);
        }
        if let Ok(value) = u64::try_from(value) {
            assert_eq!(to_string_canonical(&value).unwrap(), text);
        }
    }
    for value in [9_007_199_254_740_993_i128, -9_007_199_254_740_993, i128::from(u64::MAX), i128::MAX] {
        let error = to_vec_canonical(&value).unwrap_err();
        assert!(error.is_data() && error.to_string().contains("integer"), "{error}");
    }
    assert!(to_vec_canonical(&u64::MAX).is_err());
    assert!(to_vec_canonical(&i64::MAX).is_err());
    assert_eq!(to_string_canonical(&i64::MIN).unwrap(), "-9223372036854776000");
}

/// ECMAScript prints 2^60 as an integer that is not 2^60, and not a double either.
#[test]
fn canonical_integers_can_be_written_again() {
    for shift in 53..=66 {
        for odd in [1_u128, 3, 5, 0x9544_36C8_F703] {
            let Ok(text) = to_string_canonical(&(odd << shift)) else { continue };
            let Ok(back) = text.parse::<u128>() else { continue };
            assert_eq!(to_string_canonical(&back).unwrap(), text);
            let raw = RawValue::from_string(text.clone()).unwrap();
            assert_eq!(to_string_canonical(&raw).unwrap(), text);
        }
    }
    assert_eq!(to_string_canonical(&1_152_921_504_606_847_000_u64).unwrap(), "1152921504606847000");
    assert!(to_string_canonical(&1_152_921_504_606_847_001_u64).is_err());
    assert_eq!(to_string_canonical(&-1_152_921_504_606_847_000_i64).unwrap(), "-1152921504606847000");
}

#[test]
fn floats_print_as_ecmascript_does() {
    for (value, text) in [
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (1e21, "1e+21"),
        (123_456_789_012_345_680_000.0, "123456789012345680000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
    ] {
        assert_eq!(to_string_canonical(&value).unwrap(), text);
    }
    assert_eq!(to_string_canonical(&0.1_f32).unwrap(), "0.1");
    assert_eq!(to_string_canonical(&f32::MAX).unwrap(), "3.4028235e+38");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(to_vec_canonical(&value).unwrap_err().to_string().contains("canonical"));
        assert!(to_vec_canonical(&(value as f32)).is_err());
    }
}

#[test]
fn equal_keys_are_refused() {
    let twice = Any::Map(
        vec![(Any::U8(1), Any::Unit), (Any::Str("b".into()), Any::Unit), (Any::Str("1".into()), Any::Unit)],
        true,
    );
    let error = to_vec_canonical(&twice).unwrap_err();
    assert_eq!(error.to_string(), "duplicate key \"1\"");
    let mut buffer = b"kept".to_vec();
    covet_json::to_buf_canonical(&mut buffer, &twice).unwrap_err();
    assert_eq!(buffer, b"kept");
}

#[test]
fn numbers_as_keys_are_strings() {
    let map = Any::Map(vec![(Any::F64(1.0), Any::F64(1.0)), (Any::U64(u64::MAX), Any::Unit)], true);
    assert_eq!(to_string_canonical(&map).unwrap(), r#"{"1.0":1,"18446744073709551615":null}"#);
}

#[test]
fn raw_json_is_written_anew() {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let value = [raw("{ \"b\" : [1.0, 2e0], \"a\": \"\\u0041\\/\" }"), raw("-0")];
    assert_eq!(to_string_canonical(&value).unwrap(), r#"[{"a":"A/","b":[1,2]},0]"#);
    assert!(to_vec_canonical(&raw("9007199254740993")).is_err());
    assert!(to_vec_canonical(&raw("{\"a\":1,\"\\u0061\":2}")).is_err());
}

#[test]
fn every_sink_takes_it() {
    let map = BTreeMap::from([("b", 2.0), ("a", 1.0)]);
    let mut buffer = bytes::BytesMut::from("x");
    covet_json::to_buf_canonical(&mut buffer, &map).unwrap();
    assert_eq!(buffer, "x{\"a\":1,\"b\":2}");
    let mut written = Vec::new();
    covet_json::to_writer_canonical(&mut written, &map).unwrap();
    assert_eq!(written, to_vec_canonical(&map).unwrap());
}

/// Keys in order everywhere, as a reader sees them.
fn is_sorted(value: &Value, text: &str) -> bool {
    // `Value` sorts its keys, so the order is taken from the text of each key.
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by_key(|key| key.encode_utf16().collect::<Vec<_>>());
            let places: Vec<Option<usize>> =
                keys.iter().map(|key| text.find(&format!("{}:", serde_json::to_string(key).unwrap()))).collect();
            map.values().all(|value| is_sorted(value, text)) && places.iter().all(Option::is_some)
        }
        Value::Array(values) => values.iter().all(|value| is_sorted(value, text)),
        _ => true,
    }
}

proptest! {
    #[test]
    fn canonical_text_is_a_fixed_point(value in value()) {
        let Ok(text) = to_string_canonical(&value) else { return Ok(()) };
        let back: Value = covet_json::from_str(&text).unwrap();
        prop_assert!(is_sorted(&back, &text));
        prop_assert_eq!(&to_string_canonical(&back).unwrap(), &text);
        let raw = RawValue::from_string(serde_json::to_string(&value).unwrap()).unwrap();
        if let Ok(of_raw) = to_string_canonical(&raw) {
            prop_assert_eq!(of_raw, text);
        }
    }

    #[test]
    fn keys_sort_by_utf16(keys in proptest::collection::hash_set(any::<String>(), 0..20)) {
        let map: HashMap<&str, ()> = keys.iter().map(|key| (key.as_str(), ())).collect();
        let mut sorted: Vec<&str> = map.keys().copied().collect();
        sorted.sort_by_key(|key| key.encode_utf16().collect::<Vec<_>>());
        let entries: Vec<String> =
            sorted.iter().map(|key| format!("{}:null", serde_json::to_string(key).unwrap())).collect();
        prop_assert_eq!(to_string_canonical(&map).unwrap(), format!("{{{}}}", entries.join(",")));
    }

    #[test]
    fn numbers_read_back_exactly(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        if value.is_finite() {
            let text = to_string_canonical(&value).unwrap();
            let back: f64 = text.parse().unwrap();
            prop_assert_eq!(back, value);
            // The number of digits is the least possible.
            let digits = |text: &str| {
                let mantissa = text.split('e').next().unwrap_or_default();
                let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
                digits.trim_matches('0').len()
            };
            prop_assert_eq!(digits(&text), digits(&format!("{value:e}")));
        }
    }
}
