//! Streams give what decoding the whole document gives, however the bytes are cut.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod common;

use common::{Chunked, at_each_level, split_at};
use covet_json::stream::{ArrayReader, Feed, LinesReader};
use covet_json::{DecodeOptions, DuplicateKeys, Error};
use serde_json::Value;

const ARRAY: &str = r#" [ 1 , -2.5e3, "plain", "esc\"\\\u00e9\ud83d\ude00 é日本語", [], {}, [[1], {"a": [true, null]}], {"k": "v"}, false, 12345678901234567890 ] "#;
const NESTED: &str = r#"{"skip": [1, {"deep": "\u00e9é"}], "a": [{"x": 1}, {"": 2, "items": [1, "two", {"three": [3]}], "after": [{}]}], "z": "end", "n": -1}"#;
const LINES: &str = "{\"a\": 1}\n[2, 3]\r\n\"é\\n\"  4\n\n true null{}[]\"x\"5.5e1\n";

fn feed_in_pieces(mut feed: Feed<Value>, pieces: &[&[u8]]) -> Result<Vec<Value>, Error> {
    let mut values = Vec::new();
    for piece in pieces {
        feed.push(piece)?;
        while let Some(value) = feed.pull() {
            values.push(value?);
        }
    }
    feed.finish();
    while let Some(value) = feed.pull() {
        values.push(value?);
    }
    assert!(feed.is_done());
    Ok(values)
}

fn bytes_of(text: &str) -> Vec<&[u8]> {
    text.as_bytes().chunks(1).collect()
}

#[test]
fn arrays_at_every_split() {
    let expected: Vec<Value> = serde_json::from_str(ARRAY).unwrap();
    at_each_level(|| {
        for split in 0..=ARRAY.len() {
            let read = ArrayReader::<_, Value>::new(split_at(ARRAY.as_bytes(), split));
            assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), expected);
            let (head, tail) = ARRAY.as_bytes().split_at(split);
            assert_eq!(feed_in_pieces(Feed::array(), &[head, tail]).unwrap(), expected);
        }
        assert_eq!(feed_in_pieces(Feed::array(), &bytes_of(ARRAY)).unwrap(), expected);
    });
}

#[test]
fn nested_arrays_at_every_split() {
    let document: Value = serde_json::from_str(NESTED).unwrap();
    let expected = document.pointer("/a/1/items").unwrap().as_array().unwrap();
    at_each_level(|| {
        for split in 0..=NESTED.len() {
            let read = ArrayReader::<_, Value>::at(split_at(NESTED.as_bytes(), split), "/a/1/items");
            assert_eq!(&read.collect::<Result<Vec<_>, _>>().unwrap(), expected);
            let (head, tail) = NESTED.as_bytes().split_at(split);
            assert_eq!(&feed_in_pieces(Feed::array_at("/a/1/items"), &[head, tail]).unwrap(), expected);
        }
        assert_eq!(&feed_in_pieces(Feed::array_at("/a/1/items"), &bytes_of(NESTED)).unwrap(), expected);
    });
}

#[test]
fn lines_at_every_split() {
    let expected: Vec<Value> = serde_json::Deserializer::from_str(LINES).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(expected.len(), 10);
    let ours = covet_json::Deserializer::from_str(LINES).into_iter::<Value>();
    assert_eq!(ours.collect::<Result<Vec<_>, _>>().unwrap(), expected);
    at_each_level(|| {
        for split in 0..=LINES.len() {
            let read = LinesReader::<_, Value>::new(split_at(LINES.as_bytes(), split));
            assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), expected);
            let (head, tail) = LINES.as_bytes().split_at(split);
            assert_eq!(feed_in_pieces(Feed::lines(), &[head, tail]).unwrap(), expected);
        }
        assert_eq!(feed_in_pieces(Feed::lines(), &bytes_of(LINES)).unwrap(), expected);
    });
}

#[test]
fn truncation_is_an_error() {
    for (text, pointer) in [(ARRAY.trim(), ""), (NESTED, "/a/1/items")] {
        for end in 0..text.len() {
            let cut = &text.as_bytes()[..end];
            let read = ArrayReader::<_, Value>::at(cut, pointer).collect::<Result<Vec<_>, _>>();
            let error = read.expect_err("cut off");
            if std::str::from_utf8(cut).is_ok() {
                assert!(error.is_eof(), "{error} at {end}");
            }
            assert!(feed_in_pieces(Feed::array_at(pointer), &[cut]).is_err());
        }
    }
}

#[test]
fn what_stands_around_the_array_is_validated() {
    for text in [
        r#"{"x": tru, "items": []}"#,
        r#"{"items": [1] "x": 1}"#,
        r#"{"items": [1], "x": [}"#,
        r#"{"items": [1], "x": "\q"}"#,
        r#"{"items": [1]} x"#,
        r#"{"items": [1,]}"#,
        r#"{"items": [1 2]}"#,
        r#"{"items": {"0": 1}}"#,
        r#"{"other": []}"#,
        r#"[{"items": []}]"#,
        "17",
        "",
        r#"{"items" []}"#,
        r#"{"items": [1],}"#,
        r#"{"a": [1, 2,], "items": []}"#,
    ] {
        assert!(ArrayReader::<_, Value>::at(text.as_bytes(), "/items").any(|item| item.is_err()), "{text}");
        assert!(feed_in_pieces(Feed::array_at("/items"), &[text.as_bytes()]).is_err(), "{text}");
        assert!(feed_in_pieces(Feed::array_at("/items"), &bytes_of(text)).is_err(), "{text}");
    }
    assert!(ArrayReader::<_, Value>::at("[]".as_bytes(), "no pointer").next().unwrap().unwrap_err().is_data());
}

#[test]
fn errors_end_the_stream_and_name_the_place() {
    let text = r#"{"list": [{"items": [{"n": 1}, {"n": 2}, {"n": "x"}, {"n": 4}]}]}"#;
    type Item = std::collections::BTreeMap<String, u8>;
    let mut read = ArrayReader::<_, Item>::at(Chunked { bytes: text.as_bytes(), step: 5 }, "/list/0/items");
    assert_eq!(read.next().unwrap().unwrap()["n"], 1);
    assert_eq!(read.next().unwrap().unwrap()["n"], 2);
    let error = read.next().unwrap().unwrap_err();
    assert_eq!(error.path(), "$.list[0].items[2].n");
    assert_eq!(error.offset(), text.find("\"x\"").unwrap());
    assert!(read.next().is_none());

    let mut feed = Feed::<Item>::array_at("/list/0/items");
    for byte in text.bytes() {
        feed.push(&[byte]).unwrap();
    }
    assert!(feed.pull().unwrap().is_ok() && feed.pull().unwrap().is_ok());
    let from_feed = feed.pull().unwrap().unwrap_err();
    assert_eq!(from_feed.to_string(), error.to_string());
    assert!(feed.pull().is_none() && !feed.is_done());
}

#[test]
fn elements_are_limited() {
    let text = format!(r#"["{}", "{}"]"#, "a".repeat(100), "b".repeat(5000));
    for step in [1, 64, 100_000] {
        let mut read = ArrayReader::<_, String>::new(Chunked { bytes: text.as_bytes(), step }).max_element(1000);
        assert!(read.next().unwrap().is_ok());
        assert!(read.next().unwrap().unwrap_err().is_limit());
        let mut feed = Feed::<String>::array().max_element(1000);
        let mut results = Vec::new();
        for piece in text.as_bytes().chunks(step) {
            feed.push(piece).unwrap();
            results.extend(std::iter::from_fn(|| feed.pull()));
        }
        assert!(results.len() == 2 && results[0].is_ok() && results[1].as_ref().unwrap_err().is_limit());
    }
    // Skipped values take no memory, so they are not limited.
    let text = format!(r#"{{"skip": [{}1], "items": [1]}}"#, "1, ".repeat(5000));
    let mut feed = Feed::<u8>::array_at("/items").max_element(100);
    let mut seen = Vec::new();
    for piece in text.as_bytes().chunks(10) {
        feed.push(piece).unwrap();
        seen.extend(feed.pull().transpose().unwrap());
    }
    assert!(
        feed.is_done() || {
            feed.finish();
            feed.pull().is_none() && feed.is_done()
        }
    );
    assert_eq!(seen, [1]);
}

#[test]
fn options_hold_for_streams() {
    let options = DecodeOptions::new().max_items(2).max_bytes(40).duplicate_keys(DuplicateKeys::Reject);
    for text in ["[1, 2, 3]", r#"[{"a": 1, "a": 2}]"#, r#"[[1, 2, 3]]"#, &format!("[1{}]", " ".repeat(60))] {
        let read = ArrayReader::<_, Value>::new(text.as_bytes()).options(&options);
        assert!(read.collect::<Result<Vec<_>, _>>().is_err(), "{text}");
        for step in [1, 100] {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(step).collect();
            assert!(feed_in_pieces(Feed::array().options(&options), &pieces).is_err(), "{text}");
        }
    }
    let fine = r#"[{"a": [1, 2], "b": 2}]"#;
    for step in [1, 100] {
        let pieces: Vec<&[u8]> = fine.as_bytes().chunks(step).collect();
        assert_eq!(feed_in_pieces(Feed::array().options(&options), &pieces).unwrap().len(), 1);
    }
}

#[test]
fn long_documents_move_through_a_small_window() {
    let items: Vec<String> = (0..20_000).map(|n| format!("item number {n} with some é text")).collect();
    let text = serde_json::to_string_pretty(&items).unwrap();
    for step in [7, 1000, 65536, 1 << 20] {
        let read = ArrayReader::<_, String>::new(Chunked { bytes: text.as_bytes(), step });
        assert_eq!(read.collect::<Result<Vec<_>, _>>().unwrap(), items);
        let whole: Vec<String> = covet_json::from_reader(Chunked { bytes: text.as_bytes(), step }).unwrap();
        assert_eq!(whole, items);
    }
    let mut feed = Feed::<String>::array();
    let mut seen = Vec::new();
    for piece in text.as_bytes().chunks(1500) {
        feed.push(piece).unwrap();
        seen.extend(std::iter::from_fn(|| feed.pull()).map(Result::unwrap));
    }
    assert_eq!(seen, items);
}

#[cfg(feature = "async")]
mod asynchronous {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use covet_json::stream::{Elements, Feed};
    use futures_core::Stream;

    struct Pieces<'a>(std::slice::Chunks<'a, u8>, bool);

    impl<'a> Stream for Pieces<'a> {
        type Item = Result<&'a [u8], std::io::Error>;

        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.1 = !self.1;
            if self.1 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(self.0.next().map(Ok))
        }
    }

    #[test]
    fn elements_of_a_stream() {
        let text = r#"[1, 22, 333, 4444]"#;
        for size in 1..text.len() {
            let mut elements = pin!(Elements::new(Pieces(text.as_bytes().chunks(size), false), Feed::<u32>::array()));
            let mut cx = Context::from_waker(Waker::noop());
            let mut seen = Vec::new();
            loop {
                match elements.as_mut().poll_next(&mut cx) {
                    Poll::Ready(Some(element)) => seen.push(element.unwrap()),
                    Poll::Ready(None) => break,
                    Poll::Pending => {}
                }
            }
            assert_eq!(seen, [1, 22, 333, 4444]);
        }
    }
}
