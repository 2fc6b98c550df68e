//! Limits hold for what is decoded and for what is skipped, from every source; errors say where.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod common;

use common::{Chunked, at_each_level};
use covet_json::{DecodeOptions, DuplicateKeys, Error, Trailing};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;

fn from_everywhere<T: DeserializeOwned>(options: &DecodeOptions, json: &str) -> Vec<Result<T, Error>> {
    let mut results = vec![options.from_slice(json.as_bytes()), options.from_str(json)];
    for step in [1, 100, 1 << 20] {
        results.push(options.from_reader(Chunked { bytes: json.as_bytes(), step }));
    }
    results
}

fn passes(options: &DecodeOptions, json: &str) {
    assert!(from_everywhere::<Value>(options, json).iter().all(Result::is_ok), "{json}");
    assert!(from_everywhere::<IgnoredAny>(options, json).iter().all(Result::is_ok), "{json}");
    assert!(from_everywhere::<Box<RawValue>>(options, json).iter().all(Result::is_ok), "{json}");
}

fn refused(options: &DecodeOptions, json: &str, why: impl Fn(&Error) -> bool) {
    let check = |error: &Error| assert!(why(error), "{error} for {json}");
    from_everywhere::<Value>(options, json).iter().for_each(|result| check(result.as_ref().unwrap_err()));
    from_everywhere::<IgnoredAny>(options, json).iter().for_each(|result| check(result.as_ref().unwrap_err()));
    from_everywhere::<Box<RawValue>>(options, json).iter().for_each(|result| check(result.as_ref().unwrap_err()));
}

#[test]
fn depth() {
    at_each_level(|| {
        let nested = |depth: usize| {
            format!("{}{}", "[{\"a\":".repeat(depth / 2), "[".repeat(depth % 2))
                + "1"
                + &"]".repeat(depth % 2)
                + &"}]".repeat(depth / 2)
        };
        let default = DecodeOptions::new();
        passes(&default, &nested(126));
        passes(&default, &nested(127));
        refused(&default, &nested(128), Error::is_limit);
        assert!(
            serde_json::from_str::<Value>(&nested(127)).is_ok() && serde_json::from_str::<Value>(&nested(128)).is_err()
        );
        let options = DecodeOptions::new().max_depth(1);
        passes(&options, "[1]");
        refused(&options, "[[]]", Error::is_limit);
        refused(&DecodeOptions::new().max_depth(0), "{}", Error::is_limit);
        passes(&DecodeOptions::new().max_depth(0), "1");
        passes(&DecodeOptions::new().max_depth(200), &nested(200));
    });
}

#[test]
fn bombs_cost_no_stack() {
    let bomb = "[".repeat(100_000_000);
    let objects = "{\"a\":".repeat(1_000_000);
    let options = DecodeOptions::new().max_depth(usize::MAX);
    for bomb in [&bomb, &objects] {
        assert!(covet_json::from_str::<Value>(bomb).unwrap_err().is_limit());
        assert!(covet_json::from_str::<IgnoredAny>(bomb).unwrap_err().is_limit());
        assert!(covet_json::from_reader::<_, Value>(bomb.as_bytes()).unwrap_err().is_limit());
        assert!(covet_json::get(bomb.as_bytes(), "/0/0/0").unwrap_err().is_limit());
    }
    // Skipping takes one bit a level, so even without a limit there is no recursion.
    assert!(options.from_str::<IgnoredAny>(&objects).unwrap_err().is_eof());
    let closed = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    assert!(options.from_str::<IgnoredAny>(&closed).is_ok());
    assert!(options.from_reader::<_, IgnoredAny>(closed.as_bytes()).is_ok());
}

#[test]
fn bytes() {
    let options = DecodeOptions::new().max_bytes(6);
    passes(&options, "[1, 2]");
    passes(&options, "123456");
    refused(&options, "[1, 2] ", Error::is_limit);
    refused(&options, "1234567", Error::is_limit);
}

#[test]
fn strings() {
    at_each_level(|| {
        let options = DecodeOptions::new().max_string(20);
        passes(&options, &format!(r#"{{"{0}": "{0}"}}"#, "k".repeat(20)));
        passes(&options, &format!(r#"["{}", "{}", 12345678901234567890]"#, "é".repeat(10), "\\n".repeat(10)));
        for text in ["x".repeat(21), "é".repeat(11), "\\n".repeat(10) + "x", "y".repeat(5000)] {
            refused(&options, &format!(r#"["{text}"]"#), Error::is_limit);
            refused(&options, &format!(r#"{{"{text}": 1}}"#), Error::is_limit);
        }
        refused(&options, "[123456789012345678901]", Error::is_limit);
        refused(&options, &format!("0.{}", "1".repeat(10_000)), Error::is_limit);
        assert!(options.from_str::<f64>("0.123456789012345678901").unwrap_err().is_limit());
        assert!(options.from_str::<u128>("123456789012345678901").unwrap_err().is_limit());
    });
}

#[test]
fn items() {
    let options = DecodeOptions::new().max_items(2);
    passes(&options, r#"[[1, 2], {"a": 1, "b": [1, 2]}]"#);
    for json in [
        "[1, 2, 3]",
        r#"{"a": 1, "b": 2, "c": 3}"#,
        "[[], [1, 2, [3]], 4]",
        "[[1, 2, 3]]",
        r#"{"a": [{"x": [1, [], {}]}]}"#,
    ] {
        refused(&options, json, Error::is_limit);
    }
    passes(&DecodeOptions::new().max_items(0), "[{}, []]".trim_start_matches('[').split(',').next().unwrap());
    refused(&DecodeOptions::new().max_items(0), "[1]", Error::is_limit);
}

#[test]
fn duplicate_keys() {
    let options = DecodeOptions::new().duplicate_keys(DuplicateKeys::Reject);
    passes(&options, r#"{"a": {"a": 1, "b": 2}, "b": [{"a": 1}, {"a": 2}]}"#);
    for json in
        [r#"{"a": 1, "a": 2}"#, r#"{"a": 1, "b": [{"x": 1, "x": 1}]}"#, r#"{"a": 1, "\u0061": 2}"#, r#"{"": 1, "": 1}"#]
    {
        refused(&options, json, Error::is_data);
        assert!(covet_json::from_str::<Value>(json).is_ok());
    }
    let error = options.from_str::<Value>(r#"{"a": 1, "b": [{"x": 1, "x": 1}]}"#).unwrap_err();
    assert_eq!((error.offset(), error.path().as_str()), (24, "$.b[0]"));
    assert!(error.to_string().starts_with("duplicate key \"x\""));
}

#[test]
fn trailing_text() {
    let options = DecodeOptions::new().trailing(Trailing::Allow);
    assert_eq!(options.from_str::<Vec<u8>>("[1] and then").unwrap(), [1]);
    assert_eq!(options.from_slice::<u8>(b"1 \xFF").unwrap(), 1);
    assert!(DecodeOptions::new().from_str::<Vec<u8>>("[1] and then").unwrap_err().is_syntax());
    assert!(covet_json::from_str::<u8>("1\0").unwrap_err().is_syntax());
    assert!(covet_json::from_str::<u8>("\u{feff}1").unwrap_err().is_syntax());
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "only errors are looked at")]
struct Team {
    users: Vec<User>,
    #[serde(default)]
    shape: Option<Shape>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "only errors are looked at")]
struct User {
    email: String,
    #[serde(default)]
    scores: std::collections::HashMap<String, (u8, u8)>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "only errors are looked at")]
enum Shape {
    Circle { radius: f64 },
    Line(u8, u8),
}

#[test]
fn errors_say_where() {
    at_each_level(|| {
        for (json, path, at) in [
            (r#"{"users": [{"email": "a"}, {"email": 5}]}"#, "$.users[1].email", "5}"),
            ("{\"users\": [\n  {\"email\":\n null}]}", "$.users[0].email", "null"),
            (
                r#"{"users": [{"email": "a", "scores": {"odd \"key\"": [1, 300]}}]}"#,
                r#"$.users[0].scores["odd \"key\""][1]"#,
                "300",
            ),
            (r#"{"users": [{"email": "a", "scores": {"k": [1]}}]}"#, "$.users[0].scores.k", "]}}"),
            (r#"{"users": [{"scores": {}}]}"#, "$.users[0]", "}]}"),
            (r#"{"users": [], "shape": {"Circle": {"radius": "x"}}}"#, "$.shape.Circle.radius", "\"x\""),
            (r#"{"users": [], "shape": {"Line": [1, 2.5]}}"#, "$.shape.Line[1]", "2.5"),
            (r#"{"users": [], "shape": "Square"}"#, "$.shape", "\"Square\""),
            (r#"{"users": [{"email": "a\q"}]}"#, "$.users[0].email", "q\""),
            (r#"{"users": [{"email": "a"} {}]}"#, "$.users", "{}]"),
            (r#"{"users": [{"email": "a""#, "$.users[0]", ""),
            (r#"{"users": [{"email" "a"}]}"#, "$.users[0]", "\"a\"}"),
            (r#"{"users": {}}"#, "$.users", "{}"),
            ("17", "$", "17"),
        ] {
            let offset = if at.is_empty() { json.len() } else { json.find(at).unwrap() };
            let head = &json[..offset];
            let line = head.matches('\n').count() + 1;
            let column = offset - head.rfind('\n').map_or(0, |newline| newline + 1) + 1;
            let mut errors = vec![covet_json::from_str::<Team>(json).unwrap_err()];
            errors.extend(
                [1, 9, 4096].map(|step| {
                    covet_json::from_reader::<_, Team>(Chunked { bytes: json.as_bytes(), step }).unwrap_err()
                }),
            );
            for error in errors {
                assert_eq!(error.path(), path, "{error} for {json}");
                assert_eq!(
                    (error.offset(), error.line(), error.column()),
                    (offset, line, column),
                    "{error} for {json}"
                );
            }
        }
    });
    let error = covet_json::from_str::<Team>("{\"users\":\n[{\"email\": 5}]}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid type: integer `5`, expected a string at line 2 column 12 ($.users[0].email)"
    );
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn reader_failures_come_through() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        }
    }
    let error = covet_json::from_reader::<_, Value>(std::io::Read::chain(&b"[1, "[..], Broken)).unwrap_err();
    assert!(error.is_io());
    assert_eq!(error.io_error_kind(), Some(std::io::ErrorKind::ConnectionReset));
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn long_keys_are_shortened_in_paths() {
    let json = format!(r#"{{"{}": "x"}}"#, "é".repeat(10_000));
    let error = covet_json::from_str::<std::collections::BTreeMap<String, u8>>(&json).unwrap_err();
    assert!(error.path().len() < 200 && error.path().contains("é..."));
}
