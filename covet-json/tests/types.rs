//! Every kind of type that serde knows, decoded as `serde_json` decodes it.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod common;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use common::{Chunked, at_each_level};
use serde::de::{self, DeserializeOwned, DeserializeSeed, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Number, Value};

/// Decodes with both libraries, from every source; the results agree in value or in failing.
fn check<T: DeserializeOwned + fmt::Debug + PartialEq>(json: &str) {
    at_each_level(|| {
        let ours = covet_json::from_slice::<T>(json.as_bytes());
        match (&ours, serde_json::from_slice::<T>(json.as_bytes())) {
            (Ok(ours), Ok(theirs)) => assert_eq!(*ours, theirs, "{json}"),
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{ours:?} but {theirs:?} for {json} as {}", std::any::type_name::<T>()),
        }
        let ours = ours.map_err(|error| error.to_string());
        assert_eq!(covet_json::from_str::<T>(json).map_err(|error| error.to_string()), ours);
        for step in [1, 5, 4096] {
            let read = covet_json::from_reader::<_, T>(Chunked { bytes: json.as_bytes(), step });
            assert_eq!(read.map_err(|error| error.to_string()), ours, "{json}");
        }
    });
}

#[derive(Debug, PartialEq, Deserialize)]
struct Plain {
    id: u32,
    #[serde(default)]
    name: String,
    #[serde(alias = "old")]
    new: Option<bool>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    id: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Flat {
    id: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Deserialize)]
struct Wrap(i64);

#[derive(Debug, PartialEq, Deserialize)]
struct Pair(u8, String);

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
enum External {
    Unit,
    New(u8),
    Tuple(u8, i8),
    Struct { a: u8, b: Option<u8> },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "t")]
enum Internal {
    Unit,
    New(BTreeMap<String, u8>),
    Struct { a: f64 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    New(u8),
    Tuple(u8, u8),
    Struct { a: String },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Null,
    Int(i32),
    Float(f64),
    Text(String),
    List(Vec<Untagged>),
    Struct { a: u8 },
    Map(BTreeMap<String, Untagged>),
}

#[test]
fn structs() {
    for json in [
        r#"{"id": 1, "name": "x", "new": true}"#,
        r#"{"new":null,"old":null,"id":1}"#,
        r#"{"name":"x","id":7,"unknown":{"a":[1,"\u0041"]}}"#,
        r#"{"id":1,"id":2}"#,
        r#"{"id":-1}"#,
        r#"{"id":"1"}"#,
        r#"{"id":4294967296}"#,
        r#"{"id":1.0}"#,
        "{}",
        r#"[1,"x",false]"#,
        "[1]",
        "[1,\"x\",null,4]",
        r#"{"id":1,}"#,
        r#"{"id":1 "name":"x"}"#,
        "null",
        "17",
        r#""text""#,
        r#"{"i\u0064": 5, "old": false}"#,
    ] {
        check::<Plain>(json);
        check::<Strict>(json);
        check::<Flat>(json);
        check::<Option<Plain>>(json);
    }
    for json in ["null", "5", "[5]", "[1,\"a\"]", "[1]", "[1,\"a\",2]", "{}", "[]", "-0", "[null]"] {
        check::<Unit>(json);
        check::<()>(json);
        check::<Wrap>(json);
        check::<Pair>(json);
        check::<(u8,)>(json);
        check::<[u8; 1]>(json);
        check::<Option<Wrap>>(json);
    }
}

#[test]
fn enums_in_all_representations() {
    for json in [
        r#""Unit""#,
        r#"{"Unit":null}"#,
        r#"{"Unit":1}"#,
        r#"{"New":5}"#,
        r#"{"New":[5]}"#,
        r#""New""#,
        r#"{"Tuple":[1,-2]}"#,
        r#"{"Tuple":[1]}"#,
        r#"{"Struct":{"a":1}}"#,
        r#"{"Struct":{"a":1,"b":2}}"#,
        r#"{"Struct":[1,2]}"#,
        r#"{"Other":1}"#,
        r#""Other""#,
        "{}",
        r#"{"New":5,"Unit":null}"#,
        r#"{"t":"Unit"}"#,
        r#"{"t":"New","x":5}"#,
        r#"{"x":5,"t":"New"}"#,
        r#"{"a":1.5,"t":"Struct"}"#,
        r#"{"t":"Struct","a":1}"#,
        r#"{"t":"No"}"#,
        r#"{"t":"New","c":5}"#,
        r#"{"c":5,"t":"New"}"#,
        r#"{"c":[1,2],"t":"Tuple"}"#,
        r#"{"t":"Struct","c":{"a":"é\n"}}"#,
        r#"{"t":"Unit","c":null}"#,
        "null",
        "1",
        "-1.5",
        "1e3",
        "4294967296",
        r#""text""#,
        r#"[1,["x",{"a":5}],null]"#,
        r#"{"a":300}"#,
        r#"{"a":{"a":{"b":[]}}}"#,
        "true",
        r#"{"New" : 5 }"#,
        r#"{"New":5"#,
        r#"{"New"}"#,
        r#"{New:5}"#,
        r#"{"Tuple":[1,-2],}"#,
        r#"{1:5}"#,
    ] {
        check::<External>(json);
        check::<Internal>(json);
        check::<Adjacent>(json);
        check::<Untagged>(json);
        check::<Vec<External>>(&format!("[{json} , {json}]"));
    }
}

#[test]
fn numbers() {
    for json in [
        "0",
        "-0",
        "1",
        "-1",
        "127",
        "128",
        "255",
        "256",
        "-128",
        "-129",
        "65535",
        "65536",
        "2147483648",
        "4294967295",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "170141183460469231731687303715884105727",
        "170141183460469231731687303715884105728",
        "-170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455",
        "340282366920938463463374607431768211456",
        "1.0",
        "1e2",
        "01",
        "-",
        "1.",
        "+1",
        "1e400",
        "-1e400",
        "1e39",
        "16777217",
        "0.5",
        "-0.0",
        "1e-400",
        " 7 ",
        "7 7",
        "\"7\"",
        "null",
        "1x",
        "[",
        "00",
    ] {
        check::<u8>(json);
        check::<u16>(json);
        check::<u32>(json);
        check::<u64>(json);
        check::<u128>(json);
        check::<i8>(json);
        check::<i16>(json);
        check::<i32>(json);
        check::<i64>(json);
        check::<i128>(json);
        check::<f32>(json);
        check::<f64>(json);
        check::<Number>(json);
        check::<Value>(json);
    }
    // Rounded once, not to a double first.
    assert_eq!(covet_json::from_str::<f32>("1.00000005960464477539062500001").unwrap(), 1.000_000_1);
    assert!(covet_json::from_str::<f64>("-0").unwrap().is_sign_negative());
    assert!(covet_json::from_str::<f64>("-0.0e5").unwrap().is_sign_negative());
}

#[test]
fn text() {
    for json in [
        r#""""#,
        r#""a""#,
        r#""ab""#,
        r#""é""#,
        r#""\u00e9""#,
        r#""\ud83d\ude00""#,
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\ud83dx""#,
        r#""\ud83d\n""#,
        r#""\ud83d\ud83d\ude00""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\x""#,
        "\"\u{0}\"",
        "\"a\nb\"",
        "\"\u{1f}\"",
        "\"\u{7f}\"",
        r#""\"\\\/\b\f\n\r\t""#,
        r#""unclosed"#,
        r#""\"#,
        r#""\u"#,
        r#""long enough to leave the first block, then \"escaped\", then long enough again: 0123456789abcdef""#,
        "'a'",
        "a",
        "1",
        "null",
        "[]",
        "[97, 98]",
        "[1, 300]",
        r#""日本語のテキスト、十六バイトより長い""#,
    ] {
        check::<String>(json);
        check::<char>(json);
        check::<Box<str>>(json);
        check::<Cow<'static, str>>(json);
        check::<Option<String>>(json);
        check::<Vec<u8>>(json);
        // `serde_json` lets control characters pass when it reads bytes.
        if !json.contains(|c: char| c < ' ') {
            check::<serde_bytes_like::Bytes>(json);
        }
    }
}

/// `Vec<u8>` through `deserialize_byte_buf`.
mod serde_bytes_like {
    use super::*;

    #[derive(Debug, PartialEq)]
    pub(super) struct Bytes(pub(super) Vec<u8>);

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
            struct AsBytes;

            impl<'de> Visitor<'de> for AsBytes {
                type Value = Bytes;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("bytes")
                }

                fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes(bytes.to_vec()))
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes, A::Error> {
                    let mut bytes = Vec::new();
                    while let Some(byte) = seq.next_element()? {
                        bytes.push(byte);
                    }
                    Ok(Bytes(bytes))
                }
            }

            deserializer.deserialize_byte_buf(AsBytes)
        }
    }
}

#[test]
fn bytes_of_strings() {
    use serde_bytes_like::Bytes;
    // As serde_json: a lone surrogate has bytes, though it is no text.
    check::<Bytes>(r#""\ud801 \udc01 \ud801\ud801 \ud801\udc01""#);
    assert!(covet_json::from_str::<String>(r#""\ud801""#).is_err());
    // Unlike serde_json: what is no JSON stays none when it is read as bytes.
    assert!(covet_json::from_slice::<Bytes>(b"\"\xE5\"").is_err());
    assert!(covet_json::from_slice::<Bytes>(b"\"a\nb\"").is_err());
    let borrowed: &[u8] = covet_json::from_str(r#""plain and é""#).unwrap();
    assert_eq!(borrowed, "plain and é".as_bytes());
    assert!(covet_json::from_str::<&[u8]>(r#""not plain\n""#).is_err());
}

#[test]
fn borrowed_text() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Borrowing<'a> {
        a: &'a str,
        #[serde(borrow)]
        b: Cow<'a, str>,
        #[serde(borrow)]
        c: Cow<'a, str>,
        d: &'a [u8],
        e: &'a str,
    }
    let json = r#"{"a":"é plain","b":"borrowed","c":"own\ned","d":"bytes","e":"x"}"#.to_owned();
    at_each_level(|| {
        for value in
            [covet_json::from_slice::<Borrowing<'_>>(json.as_bytes()).unwrap(), covet_json::from_str(&json).unwrap()]
        {
            assert_eq!((value.a, value.d, value.e), ("é plain", b"bytes".as_slice(), "x"));
            assert!(matches!(value.b, Cow::Borrowed("borrowed")));
            assert!(matches!(&value.c, Cow::Owned(text) if text == "own\ned"));
        }
    });
    assert!(covet_json::from_str::<&str>(r#""esc\n""#).unwrap_err().is_data());
}

#[test]
fn maps_and_their_keys() {
    for json in [
        r#"{"1":1,"2":2}"#,
        r#"{"-1":1}"#,
        r#"{"1.5":1}"#,
        r#"{"true":1,"false":0}"#,
        r#"{"truex":1}"#,
        r#"{"tru":1}"#,
        r#"{"a":1}"#,
        r#"{"":1}"#,
        r#"{"1 ":1}"#,
        r#"{" 1":1}"#,
        r#"{"01":1}"#,
        r#"{"\u0031":1}"#,
        r#"{"300":1}"#,
        r#"{"Unit":1}"#,
        r#"{1:1}"#,
        r#"{null:1}"#,
        r#"{"é":1,"\u00e9":2}"#,
        r#"{"a":1,"a":2}"#,
        "{}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{,}"#,
        r#"{"1":1,"1":2}"#,
        r#"{"340282366920938463463374607431768211455":1}"#,
        r#"{"1e2":1}"#,
        r#"{"-":1}"#,
        r#"{"1"#,
        r#"{"null":1}"#,
    ] {
        check::<BTreeMap<String, u8>>(json);
        check::<HashMap<u8, u8>>(json);
        check::<HashMap<i64, u8>>(json);
        check::<HashMap<u128, u8>>(json);
        check::<HashMap<bool, u8>>(json);
        check::<HashMap<char, u8>>(json);
        check::<HashMap<Option<u8>, u8>>(json);
        check::<BTreeMap<External, u8>>(json);
        check::<Vec<(Float, u8)>>(json);
        check::<Value>(json);
        check::<Pairs>(json);
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Float(f64);

/// A map with float keys, as pairs.
#[derive(Debug, PartialEq)]
struct Pairs(Vec<(f64, u8)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[test]
fn raw_values() {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        a: &'a RawValue,
        b: Box<RawValue>,
    }
    let json = r#"{"a" : [1,  {"x": "\n é"}] , "b": -1.50e+3 }"#;
    at_each_level(|| {
        let raw: Raw<'_> = covet_json::from_str(json).unwrap();
        assert_eq!((raw.a.get(), raw.b.get()), (r#"[1,  {"x": "\n é"}]"#, "-1.50e+3"));
        for step in 1..json.len() {
            let map: BTreeMap<String, Box<RawValue>> =
                covet_json::from_reader(Chunked { bytes: json.as_bytes(), step }).unwrap();
            assert_eq!((map["a"].get(), map["b"].get()), (raw.a.get(), raw.b.get()));
        }
    });
    let keys: HashMap<Box<str>, &RawValue> = covet_json::from_str(r#"{"k": null}"#).unwrap();
    assert_eq!(keys["k"].get(), "null");
}

#[test]
fn seeds() {
    struct Sum<'a>(&'a mut u64);

    impl<'de> DeserializeSeed<'de> for Sum<'_> {
        type Value = usize;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
            deserializer.deserialize_seq(self)
        }
    }

    impl<'de> Visitor<'de> for Sum<'_> {
        type Value = usize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("numbers")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<usize, A::Error> {
            let mut count = 0;
            while let Some(number) = seq.next_element::<u64>()? {
                *self.0 += number;
                count += 1;
            }
            Ok(count)
        }
    }

    let mut sum = 0;
    let mut de = covet_json::Deserializer::from_str("[1, 2, 3] ");
    assert_eq!(Sum(&mut sum).deserialize(&mut de).unwrap(), 3);
    de.end().unwrap();
    assert_eq!(sum, 6);
}

#[test]
fn visitors_that_stop_early_are_refused() {
    check::<(u8,)>("[1, 2]");
    check::<(u8, u8)>("[1, 2, 3]");
    check::<(u8, u8)>("[1, 2,]");
    check::<IgnoredTail>("[1, 2]");
}

#[derive(Debug, PartialEq)]
struct IgnoredTail;

impl<'de> Deserialize<'de> for IgnoredTail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IgnoredTail, D::Error> {
        struct First;

        impl<'de> Visitor<'de> for First {
            type Value = IgnoredTail;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<IgnoredTail, A::Error> {
                seq.next_element::<IgnoredAny>()?;
                Ok(IgnoredTail)
            }
        }

        deserializer.deserialize_seq(First)
    }
}
