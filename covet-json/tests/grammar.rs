//! The productions of RFC 8259 by hand: what each allows, and what stands next to it and is not allowed. Each text is decoded, skipped and
//! read from a reader.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod common;

use common::{Chunked, at_each_level};
use serde::de::IgnoredAny;
use serde_json::Value;

fn verdicts(json: &[u8]) -> [bool; 4] {
    [
        covet_json::from_slice::<Value>(json).is_ok(),
        covet_json::from_slice::<IgnoredAny>(json).is_ok(),
        covet_json::from_reader::<_, Value>(Chunked { bytes: json, step: 1 }).is_ok(),
        covet_json::get(json, "/x").is_ok(),
    ]
}

fn accepted(texts: &[&[u8]]) {
    at_each_level(|| {
        for json in texts {
            assert_eq!(verdicts(json), [true; 4], "{:?}", String::from_utf8_lossy(json));
        }
    });
}

fn refused(texts: &[&[u8]]) {
    at_each_level(|| {
        for json in texts {
            assert_eq!(verdicts(json), [false; 4], "{:?}", String::from_utf8_lossy(json));
        }
    });
}

#[test]
fn whitespace() {
    accepted(&[b" 1", b"\t1", b"\n1", b"\r1", b"1 \t\r\n", b" [ 1 , 2 ] ", b"{ \"a\" : 1 }", b"\r\n\t [\r\n\t ]"]);
    refused(&[
        b"",
        b" ",
        b"\x0B1",
        b"\x0C1",
        b"1\x00",
        b"\x001",
        b"\xC2\xA01",
        b"\xEF\xBB\xBF1",
        b"1\xE2\x80\xA8",
        b"[1\x0C]",
        b"[\x00]",
        b"//\n1",
        b"/**/1",
        b"1#",
        b"\xE3\x80\x801",
        b"\x7F1",
        b"\xA01",
        b"1\x85",
    ]);
}

#[test]
fn literals() {
    accepted(&[b"true", b"false", b"null", b"[true,false,null]"]);
    refused(&[
        b"True",
        b"TRUE",
        b"tru",
        b"truee",
        b"nul",
        b"nulll",
        b"Null",
        b"fals",
        b"falsy",
        b"t",
        b"f",
        b"n",
        b"undefined",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"[true false]",
        b"truefalse",
        b"nan",
        b"None",
        b"true1",
    ]);
}

#[test]
fn numbers() {
    accepted(&[
        b"0",
        b"-0",
        b"1",
        b"-1",
        b"10",
        b"0.0",
        b"-0.0",
        b"1.5",
        b"0e0",
        b"0E+0",
        b"1e-1",
        b"1E1",
        b"1e+01",
        b"1.5e10",
        b"123456789012345678901234567890",
        b"1e308",
        b"-1e308",
        b"1e-999999999999999999999",
        b"0e999999999999999999999",
        b"0.000000000000000000000000000000000000000000000000001",
    ]);
    refused(&[
        b"-",
        b"+1",
        b"01",
        b"-01",
        b"00",
        b".5",
        b"-.5",
        b"1.",
        b"1.e1",
        b"1e",
        b"1e+",
        b"1e-",
        b"1ee1",
        b"1e1.5",
        b"1.5.5",
        b"--1",
        b"0x10",
        b"1_000",
        b"1,000",
        b"1e400",
        b"-1e400",
        b"1e999999999999999999999",
        b"[1e400]",
        b"1f",
        b"\xD9\xA1",
        b"1 2",
        b"- 1",
        b"1. 5",
        b"1e 5",
        b"1/2",
        b"Inf",
        b"0b1",
        b"1:",
        b"-x",
    ]);
}

#[test]
fn strings() {
    accepted(&[
        br#""""#,
        br#""\"\\\/\b\f\n\r\t""#,
        br#""\u0000""#,
        br#""\u001F\u007f""#,
        br#""\uD834\uDD1E""#,
        br#""\ud83d\uDE00""#,
        b"\"\x7F\"",
        "\"\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}\"".as_bytes(),
        "\"\u{2028}\u{2029}\u{FEFF}\"".as_bytes(),
        br#""\uFFFF\uE000\uD7FF""#,
        br#""/""#,
    ]);
    refused(&[
        b"\"",
        b"\"a",
        b"'a'",
        b"\"\x00\"",
        b"\"\x1F\"",
        b"\"\n\"",
        b"\"\t\"",
        br#""\a""#,
        br#""\'""#,
        br#""\0""#,
        br#""\x41""#,
        br#""\u""#,
        br#""\u1""#,
        br#""\u12""#,
        br#""\u123""#,
        br#""\u123g""#,
        br#""\U0041""#,
        br#""\u+123""#,
        br#""\uD800""#,
        br#""\uDC00""#,
        br#""\uDC00\uD800""#,
        br#""\uD800\uD800""#,
        br#""\uD800x""#,
        br#""\uD800\n""#,
        br#""\uD800\u0041""#,
        br#""\uDBFF\uDBFF\uDFFF""#,
        br#""\"#,
        br#""\\\""#,
        br#""a"b"#,
        br#""\u 041""#,
    ]);
}

#[test]
fn utf8() {
    let mut bad: Vec<Vec<u8>> = Vec::new();
    for sequence in [
        b"\x80".as_slice(),
        b"\xBF",
        b"\xC0\x80",
        b"\xC1\xBF",
        b"\xC2",
        b"\xC2\x41",
        b"\xE0\x80\x80",
        b"\xE0\x9F\xBF",
        b"\xE1\x80",
        b"\xED\xA0\x80",
        b"\xED\xBF\xBF",
        b"\xF0\x80\x80\x80",
        b"\xF0\x8F\xBF\xBF",
        b"\xF0\x90\x80",
        b"\xF4\x90\x80\x80",
        b"\xF5\x80\x80\x80",
        b"\xFE",
        b"\xFF",
        b"\xFB\xBF\xBF\xBF\xBF",
    ] {
        // In front of, and behind, more or less text; as a key; outside of strings; behind an escape.
        for padding in [0, 1, 15, 16, 17, 31, 32, 33, 70, 20_000] {
            let text = "a".repeat(padding);
            let parts: [(&[u8], &[u8]); 5] =
                [(b"\"", b"\""), (b"\"\\n", b"\""), (b"[\"", b"\",1]"), (b"{\"", b"\":1}"), (b"{\"x\":\"", b"\"}")];
            for (before, after) in parts {
                bad.push([before, text.as_bytes(), sequence, after].concat());
                bad.push([before, sequence, text.as_bytes(), after].concat());
                bad.push([before, "é".as_bytes(), text.as_bytes(), sequence, after].concat());
            }
        }
        bad.push([b"[1", sequence, b"]"].concat());
        bad.push([b"[1]", sequence].concat());
    }
    let texts: Vec<&[u8]> = bad.iter().map(Vec::as_slice).collect();
    for json in &texts {
        let expected = [false; 4];
        // One byte at a time takes long for the long ones.
        if json.len() < 200 {
            assert_eq!(verdicts(json), expected);
        }
        assert!(covet_json::from_slice::<Value>(json).is_err() && covet_json::from_slice::<IgnoredAny>(json).is_err());
        assert!(covet_json::from_reader::<_, Value>(*json).is_err());
    }
    // Invalid text behind a valid value is only seen if somebody looks there.
    let two = b"\"\xC3\xA9\" \"\xFF\"";
    let mut values = covet_json::Deserializer::from_slice(two).into_iter::<String>();
    assert_eq!(values.next().unwrap().unwrap(), "é");
    assert!(values.next().unwrap().is_err() && values.next().is_none());
}

#[test]
fn arrays() {
    accepted(&[b"[]", b"[ ]", b"[1]", b"[1,2]", b"[[],[[]]]", b"[{},1,\"\",null]"]);
    refused(&[
        b"[",
        b"]",
        b"[1",
        b"[1,",
        b"[1,]",
        b"[,1]",
        b"[1,,2]",
        b"[1 2]",
        b"[1]]",
        b"[1}",
        b"[1:2]",
        b"[[]",
        b"[1;2]",
        b"[]1",
        b"[,]",
        b"[\"a\":1]",
        b"(1)",
    ]);
}

#[test]
fn objects() {
    accepted(&[
        b"{}",
        b"{ }",
        br#"{"a":1}"#,
        br#"{"a":1,"b":{}}"#,
        br#"{"":0}"#,
        br#"{"a":1,"a":2}"#,
        br#"{"\u0061\n":[]}"#,
    ]);
    refused(&[
        b"{",
        b"}",
        br#"{"a""#,
        br#"{"a":"#,
        br#"{"a":1"#,
        br#"{"a":1,"#,
        br#"{"a":1,}"#,
        br#"{,"a":1}"#,
        br#"{"a" 1}"#,
        br#"{"a":1 "b":2}"#,
        b"{1:1}",
        b"{a:1}",
        b"{'a':1}",
        br#"{"a":}"#,
        br#"{:1}"#,
        br#"{"a"}"#,
        br#"{"a":1,,"b":2}"#,
        br#"{"a"::1}"#,
        br#"{"a":1]"#,
        br#"{"a":1}}"#,
        b"{null:1}",
        b"{[]:1}",
        br#"{"a","b"}"#,
    ]);
}

#[test]
fn invalid_utf8_is_named_and_placed() {
    for json in [b"[\"abc\", \"d\xFFe\"]".as_slice(), b"[\"\xC3\xA9\", \"\xFFe\"]", b"[\"\\n\xFF\"]"] {
        let at = json.iter().position(|&byte| byte == 0xFF).unwrap();
        for error in [
            covet_json::from_slice::<Value>(json).unwrap_err(),
            covet_json::from_slice::<IgnoredAny>(json).unwrap_err(),
            covet_json::from_reader::<_, Value>(json).unwrap_err(),
        ] {
            assert!(error.is_syntax() && error.to_string().starts_with("invalid UTF-8"), "{error}");
            assert_eq!(error.offset(), at);
        }
    }
}
