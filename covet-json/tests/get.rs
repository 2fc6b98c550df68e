//! Lookup by pointer agrees with `serde_json::Value::pointer`.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod common;

use common::at_each_level;
use covet_json::{RawJson, get, get_unchecked};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Every pointer that leads somewhere in a value, and a few beside it.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    for beside in ["0", "1", "-", "01", "+1", "x", "", "~01", "99999999999999999999"] {
        out.push(format!("{at}/{beside}"));
    }
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{index}"), out);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                pointers(member, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        _ => {}
    }
}

fn check(json: &str) {
    let value: Value = serde_json::from_str(json).unwrap();
    let mut all = vec!["x".to_owned(), "x/y".to_owned()];
    pointers(&value, "", &mut all);
    for pointer in all {
        let found = get(json.as_bytes(), &pointer).unwrap();
        let found_value = found.map(|raw| raw.decode::<Value>().unwrap());
        assert_eq!(found_value.as_ref(), value.pointer(&pointer), "{pointer} in {json}");
        if let Some(raw) = found {
            assert!(json.contains(raw.as_str()));
            assert_eq!(raw, RawJson::from_slice(raw.as_bytes()).unwrap());
        }
    }
}

#[test]
fn agrees_with_value_pointer() {
    at_each_level(|| {
        check(
            r#"{"a": {"b": [1, 2, {"c": null}], "": 3}, "~": {"/": [[]]}, "01": 1, "0": "zero", "\u00e9\n": "x", "é": 5}"#,
        );
        check(r#"[[0, [1, [2, "deep", [[[[]]]]]]], "s", -1.5e3, true, {"1": 1}]"#);
        check("17");
        check(r#" "text" "#);
    });
}

#[test]
fn the_last_duplicate_counts() {
    at_each_level(|| {
        check(r#"{"a": {"b": 1}, "a": {"c": 2}}"#);
        check(r#"{"a": {"b": 1}, "a": 5}"#);
        check(r#"{"a": 5, "\u0061": {"b": {"x": 1, "x": 2}}}"#);
    });
    assert_eq!(get_unchecked(br#"{"a": 1, "a": 2}"#, "/a").unwrap().unwrap().as_str(), "1");
}

#[test]
fn the_whole_document_is_validated() {
    for json in
        [r#"{"a": 1"#, r#"{"a": 1} x"#, r#"{"a": 1, "b": tru}"#, r#"{"a": 1, "b": "\x"}"#, "{\"a\": 1, \"b\": 1e999}"]
    {
        for pointer in ["/a", "", "/b", "/z", "no pointer"] {
            assert!(get(json.as_bytes(), pointer).is_err(), "{pointer} in {json}");
        }
        assert_eq!(get_unchecked(json.as_bytes(), "/a").unwrap().unwrap().as_str(), "1");
    }
    assert!(get(b"{\"a\": \"\xFF\"}", "/b").is_err());
    assert!(get_unchecked(b"{\"a\": \"\xFF\"}", "/a").is_err());
}

#[test]
fn unchecked_finds_what_checked_finds() {
    let json = br#"{"x": [10, {"y": ["\"", {}]}, 12], "z": null}"#;
    for pointer in ["", "/x", "/x/0", "/x/1/y/0", "/x/2", "/z", "/x/3", "/q", "/x/1/q", "/z/0", "pointer"] {
        assert_eq!(get(json, pointer).unwrap(), get_unchecked(json, pointer).unwrap(), "{pointer}");
    }
}

#[test]
fn depth_is_limited() {
    let deep = format!("{}1{}", "[".repeat(127), "]".repeat(127));
    let pointer = "/0".repeat(127);
    assert_eq!(get(deep.as_bytes(), &pointer).unwrap().unwrap().as_str(), "1");
    let deeper = format!("[{deep}]");
    assert!(get(deeper.as_bytes(), &format!("{pointer}/0")).unwrap_err().is_limit());
    assert!(get(deeper.as_bytes(), "/1").unwrap_err().is_limit());
    let bomb = "[".repeat(200_000);
    assert!(get(bomb.as_bytes(), &"/0".repeat(200_000)).unwrap_err().is_limit());
}

#[test]
fn raw_values_pass_through_other_types() {
    let json = r#"{"a": [1, 2], "b": {"c": "d"}}"#;
    let map: std::collections::BTreeMap<String, RawJson<'_>> = covet_json::from_str(json).unwrap();
    assert_eq!(map["a"].as_str(), "[1, 2]");
    assert_eq!(map["b"].get("/c").unwrap().unwrap().decode::<&str>().unwrap(), "d");
    assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"a":[1, 2],"b":{"c": "d"}}"#);
    let theirs: std::collections::BTreeMap<String, RawJson<'_>> = serde_json::from_str(json).unwrap();
    assert_eq!(map, theirs);
    assert!(covet_json::from_reader::<_, std::collections::BTreeMap<String, Value>>(json.as_bytes()).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_trees(keys in prop::collection::vec("[a~/]{0,3}|[0-9]{1,2}|\\PC{0,3}", 1..5), numbers: Vec<i32>) {
        let inner: Value = keys.iter().zip(&numbers).map(|(k, n)| (k.clone(), json!(n))).collect::<serde_json::Map<_, _>>().into();
        let outer: Value = keys.iter().map(|k| (k.clone(), json!([inner, numbers]))).collect::<serde_json::Map<_, _>>().into();
        check(&outer.to_string());
        check(&serde_json::to_string_pretty(&outer).unwrap());
    }
}
