//! Decoding beside `serde_json`: the same texts are accepted, and the same values come out, from slices, text and readers, at each
//! SIMD level. Floats are compared closely here and exactly (against `str::parse`) in the number tests.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod common;

use common::{Chunked, at_each_level};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Equal but for the last bits of floats, which `serde_json` does not round correctly by default.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && same(a, b))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a.is_sign_negative() == b.is_sign_negative() && (a - b).abs() <= a.abs() * 1e-14 + f64::MIN_POSITIVE * 1e-10
        }
        _ => ours == theirs,
    }
}

/// Depth of the text's brackets: beyond 127 skipping refuses what `serde_json` lets pass.
fn check(json: &[u8]) {
    let ours = covet_json::from_slice::<Value>(json);
    let theirs = serde_json::from_slice::<Value>(json);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert!(same(ours, theirs), "{}", String::from_utf8_lossy(json)),
        (Err(error), Err(_)) => {
            assert!(error.offset() <= json.len() && error.line() > 0);
            // Cutting text short is the only way to an early end.
            assert!(!error.is_data() && !error.is_io(), "{error}");
        }
        _ => panic!("{ours:?} but {theirs:?} for {:?}", String::from_utf8_lossy(json)),
    }
    // Every other way to read the same text agrees with the first one exactly.
    let accepted = ours.is_ok();
    assert_eq!(
        covet_json::from_slice::<IgnoredAny>(json).is_ok(),
        accepted,
        "skip {:?}",
        String::from_utf8_lossy(json)
    );
    if let Ok(text) = std::str::from_utf8(json) {
        assert_eq!(covet_json::from_str::<Value>(text).ok(), ours.as_ref().ok().cloned());
    }
    match (covet_json::from_slice::<&RawValue>(json), accepted) {
        (Ok(raw), true) => {
            assert_eq!(raw.get(), std::str::from_utf8(json).unwrap().trim_matches([' ', '\n', '\r', '\t']));
        }
        (Err(_), false) => {}
        (raw, _) => panic!("{raw:?} for {:?}", String::from_utf8_lossy(json)),
    }
    for step in [1, 3, 7, 64] {
        let read = covet_json::from_reader::<_, Value>(Chunked { bytes: json, step });
        match (&read, &ours) {
            (Ok(read), Ok(ours)) => assert_eq!(read, ours),
            (Err(read), Err(ours)) => {
                assert_eq!(read.to_string(), ours.to_string(), "{:?}", String::from_utf8_lossy(json));
            }
            _ => panic!("{read:?} but {ours:?} for {:?}", String::from_utf8_lossy(json)),
        }
        assert_eq!(covet_json::from_reader::<_, IgnoredAny>(Chunked { bytes: json, step }).is_ok(), accepted);
        let raw = covet_json::from_reader::<_, Box<RawValue>>(Chunked { bytes: json, step });
        assert_eq!(raw.is_ok(), accepted);
    }
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000i64..1000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z ]{0,40}".prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{0,12}|\\PC{0,6}", inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("COVET_PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(96);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn arbitrary_trees_compact_and_pretty() {
    at_each_level(|| {
        proptest!(cases(), |(value in tree())| {
            check(&serde_json::to_vec(&value).unwrap());
            check(&serde_json::to_vec_pretty(&value).unwrap());
        });
    });
}

#[test]
fn mutated_documents() {
    at_each_level(|| {
        proptest!(cases(), |(value in tree(), pretty: bool, edits in prop::collection::vec(
            (any::<prop::sample::Index>(), prop_oneof![
                any::<u8>().boxed(),
                prop::sample::select(br#"{}[]",:\/0e-+.tfnu \n"#.as_slice()).boxed(),
            ], 0..3u8), 1..4))|
        {
            let mut json = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            for (index, byte, kind) in edits {
                if json.is_empty() {
                    break;
                }
                let at = index.index(json.len());
                match kind {
                    0 => json[at] = byte,
                    1 => json.insert(at, byte),
                    _ => drop(json.remove(at)),
                }
            }
            check(&json);
        });
    });
}

#[test]
fn arbitrary_bytes() {
    at_each_level(|| {
        proptest!(cases(), |(json: Vec<u8>)| check(&json));
    });
}

#[test]
fn token_soup() {
    const TOKENS: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\u{e9}\"",
        "1",
        "-0",
        "1.5e3",
        "01",
        "1e999",
        "true",
        "false",
        "null",
        " ",
        "\n",
        "\t",
        "nul",
        "\"",
        "\\",
        "1.",
        "-",
    ];
    at_each_level(|| {
        proptest!(cases(), |(picks in prop::collection::vec(prop::sample::select(TOKENS), 0..14))| {
            check(picks.concat().as_bytes());
        });
    });
}

#[test]
fn truncated_everywhere() {
    let json = r#" {"key" : [1, -2.5e+3, "text", "esc\"\\\u00e9\ud83d\ude00", true, false, null, {"é": "日本語"}], "long key that fills more than one block": "a long string that fills more than one block, too: 0123456789012345678901234567890123456789"} "#;
    at_each_level(|| {
        for end in 0..=json.len() {
            let cut = &json.as_bytes()[..end];
            check(cut);
            if let Err(error) = covet_json::from_slice::<Value>(cut)
                && std::str::from_utf8(cut).is_ok()
            {
                assert!(error.is_eof(), "{error} for {:?}", String::from_utf8_lossy(cut));
            }
        }
    });
}

#[test]
fn every_byte_after_every_prefix() {
    let json = br#"{"k":[1,"a\n",true]}"#;
    at_each_level(|| {
        for at in 0..json.len() {
            for byte in 0..=u8::MAX {
                let mut json = json.to_vec();
                json[at] = byte;
                check(&json);
            }
        }
    });
}
