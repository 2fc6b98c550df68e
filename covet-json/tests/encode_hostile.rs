//! What encoding promises when something fails: a `Serialize` that errs, lies, panics or encodes on its own; a writer that takes one byte at a
//! time or breaks.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

mod common;

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::BytesMut;
use common::at_each_level;
use covet_json::{EncodeOptions, Error, Serializer, to_buf, to_string, to_vec, to_writer};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer as _};

/// Writes `before` bytes of text in an array, and then does what its name says.
struct Then<F> {
    before: usize,
    act: F,
}

impl<F: Fn() -> Result<u8, String>> Serialize for Then<F> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(None)?;
        seq.serialize_element(&"x".repeat(self.before))?;
        let value = (self.act)().map_err(S::Error::custom)?;
        seq.serialize_element(&value)?;
        seq.end()
    }
}

fn failing(before: usize) -> Then<impl Fn() -> Result<u8, String>> {
    Then { before, act: || Err("no".to_owned()) }
}

fn panicking(before: usize) -> Then<impl Fn() -> Result<u8, String>> {
    Then { before, act: || panic!("in the middle") }
}

const SIZES: [usize; 6] = [0, 10, 1_000, 20_000, 40_000, 300_000];

#[test]
fn an_error_leaves_the_buffer_as_it_was() {
    for before in SIZES {
        let mut vec = b"kept".to_vec();
        let error = to_buf(&mut vec, &failing(before)).unwrap_err();
        assert_eq!(error.to_string(), "no");
        assert!(error.is_data());
        assert_eq!(vec, b"kept");
        to_buf(&mut vec, &1).unwrap();
        assert_eq!(vec, b"kept1");

        let mut bytes = BytesMut::from("kept");
        to_buf(&mut bytes, &failing(before)).unwrap_err();
        assert_eq!(bytes, "kept");
        to_buf(&mut bytes, &"after").unwrap();
        assert_eq!(bytes, "kept\"after\"");

        EncodeOptions::pretty().to_buf(&mut bytes, &failing(before)).unwrap_err();
        covet_json::to_buf_canonical(&mut bytes, &failing(before)).unwrap_err();
        assert_eq!(bytes, "kept\"after\"");
    }
}

#[test]
fn a_panic_leaves_the_buffer_as_it_was() {
    for before in SIZES {
        let mut vec = b"kept".to_vec();
        catch_unwind(AssertUnwindSafe(|| to_buf(&mut vec, &panicking(before)))).unwrap_err();
        assert_eq!(vec, b"kept");
        let mut bytes = BytesMut::from("kept");
        catch_unwind(AssertUnwindSafe(|| to_buf(&mut bytes, &panicking(before)))).unwrap_err();
        assert_eq!(bytes, "kept");
        catch_unwind(|| to_vec(&panicking(before))).unwrap_err();
        catch_unwind(AssertUnwindSafe(|| to_writer(io::sink(), &panicking(before)))).unwrap_err();
        // The thread's scratch memory is in order.
        assert_eq!(to_string(&[1, 2]).unwrap(), "[1,2]");
    }
}

/// Ignores that an element failed and goes on.
struct Careless<T>(T);

impl<T: Serialize> Serialize for Careless<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(None)?;
        seq.serialize_element("before")?;
        let _ = seq.serialize_element(&self.0);
        let _ = seq.serialize_element("after");
        seq.end()
    }
}

#[test]
fn an_ignored_error_still_fails() {
    for before in SIZES {
        let value = Careless(failing(before));
        let mut vec = b"kept".to_vec();
        let error = to_buf(&mut vec, &value).unwrap_err();
        assert!(error.to_string().contains("ignored"), "{error}");
        assert_eq!(vec, b"kept");
        assert!(to_vec(&value).is_err() && to_string(&value).is_err());
        assert!(covet_json::to_vec_canonical(&value).is_err());
        assert!(covet_json::to_vec_pretty(&value).is_err());
        assert!(to_writer(io::sink(), &value).is_err());
        assert!(value.serialize(&mut Serializer::new(io::sink())).is_err());
    }
    let nested = Careless(Careless(std::collections::HashMap::from([((), ())])));
    assert!(to_vec(&nested).is_err());
}

/// Catches the panic of an element and goes on.
struct Stubborn<T>(T);

impl<T: Serialize> Serialize for Stubborn<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(None)?;
        seq.serialize_element("before")?;
        let _ = catch_unwind(AssertUnwindSafe(|| seq.serialize_element(&self.0)));
        seq.serialize_element("after")?;
        seq.end()
    }
}

#[test]
fn a_caught_panic_cannot_break_anything() {
    for before in SIZES {
        let value = Stubborn(panicking(before));
        // Text in any case; what is in it after such an abuse is unspecified.
        let _ = to_string(&value).map(|text| assert!(text.chars().count() > 0));
        let mut out = Vec::new();
        let _ = to_writer(&mut out, &value);
        let _ = covet_json::to_vec_canonical(&value);
        let _ = EncodeOptions::pretty().to_string(&value);
        let _ = value.serialize(&mut Serializer::new(Vec::new()));
    }
}

/// Announces another number of elements than it writes.
struct Liar {
    announced: usize,
    written: usize,
}

impl Serialize for Liar {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut object = s.serialize_struct("Liar", self.announced)?;
        for _ in 0..self.written {
            object.serialize_field("k", &LiarSeq(self.announced, self.written))?;
        }
        object.end()
    }
}

struct LiarSeq(usize, usize);

impl Serialize for LiarSeq {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(Some(self.0))?;
        for n in 0..self.1 {
            seq.serialize_element(&n)?;
        }
        seq.end()
    }
}

#[test]
fn announced_lengths_do_not_matter() {
    for (announced, written) in [(0, 0), (0, 1), (1, 0), (7, 2), (usize::MAX, 1)] {
        let text = to_string(&Liar { announced, written }).unwrap();
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back.as_object().unwrap().len(), written.min(1));
        assert_eq!(to_string(&LiarSeq(announced, 3)).unwrap(), "[0,1,2]");
    }
}

/// Uses the encoder while it is being encoded.
struct Nested(u32);

impl Serialize for Nested {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if self.0 == 0 {
            return s.serialize_str("core");
        }
        let inner = to_string(&Nested(self.0 - 1)).map_err(S::Error::custom)?;
        let mut written = Vec::new();
        to_writer(&mut written, &Nested(self.0 - 1)).map_err(S::Error::custom)?;
        assert_eq!(inner.as_bytes(), written);
        s.collect_str(&inner)
    }
}

#[test]
fn encoding_inside_encoding() {
    fn expected(level: u32) -> String {
        if level == 0 {
            return "\"core\"".to_owned();
        }
        serde_json::to_string(&expected(level - 1)).unwrap()
    }
    assert_eq!(to_string(&Nested(6)).unwrap(), expected(6));
}

/// Fails to display, after some text.
struct NoDisplay;

impl fmt::Display for NoDisplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("some text")?;
        Err(fmt::Error)
    }
}

impl Serialize for NoDisplay {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[test]
fn a_display_that_fails_is_an_error() {
    let mut vec = b"kept".to_vec();
    let error = to_buf(&mut vec, &[&NoDisplay]).unwrap_err();
    assert!(error.to_string().contains("Display"), "{error}");
    assert_eq!(vec, b"kept");
    assert!(NoDisplay.serialize(&mut Serializer::new(io::sink())).is_err());
}

/// Raw JSON that is not one string field.
struct NotRaw(bool);

impl Serialize for NotRaw {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        const NAME: &str = "$serde_json::private::RawValue";
        let mut object = s.serialize_struct(NAME, 1)?;
        if self.0 {
            object.serialize_field(NAME, &5)?;
        } else {
            object.serialize_field("other", "5")?;
        }
        object.end()
    }
}

#[test]
fn broken_raw_values_are_errors() {
    for value in [NotRaw(true), NotRaw(false)] {
        assert!(to_vec(&value).is_err());
        assert!(covet_json::to_vec_canonical(&value).is_err());
        assert!(value.serialize(&mut Serializer::new(Vec::new())).is_err());
    }
}

/// Takes at most `step` bytes at a time, `limit` in all.
struct Slow<'a> {
    taken: &'a mut Vec<u8>,
    step: usize,
    limit: usize,
}

impl Write for Slow<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.taken.len() >= self.limit {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "full"));
        }
        let n = bytes.len().min(self.step).min(self.limit - self.taken.len());
        self.taken.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn document() -> Vec<(String, u64)> {
    (0..6_000).map(|n| (format!("text {n} \"quoted\" {}", "é".repeat(n % 50)), n as u64)).collect()
}

#[test]
fn writers_may_take_little_at_a_time() {
    let value = document();
    let expected = serde_json::to_vec(&value).unwrap();
    assert!(expected.len() > 400_000);
    at_each_level(|| {
        for step in [1, 7, 4096, 100_000] {
            let mut taken = Vec::new();
            to_writer(Slow { taken: &mut taken, step, limit: usize::MAX }, &value).unwrap();
            assert!(taken == expected);
            taken.clear();
            value.serialize(&mut Serializer::new(Slow { taken: &mut taken, step, limit: usize::MAX })).unwrap();
            assert!(taken == expected);
        }
    });
}

#[test]
fn a_broken_writer_ends_the_encoding() {
    let value = document();
    let expected = serde_json::to_vec(&value).unwrap();
    for limit in [0, 1, 5_000, 32_768, 100_000, expected.len() - 1] {
        let mut taken = Vec::new();
        let error = to_writer(Slow { taken: &mut taken, step: 1000, limit }, &value).unwrap_err();
        assert_eq!(error.io_error_kind(), Some(io::ErrorKind::StorageFull));
        assert_eq!(io::Error::from(error).to_string(), "full");
        assert!(taken == expected[..limit]);
        taken.clear();
        let error = value.serialize(&mut Serializer::new(Slow { taken: &mut taken, step: 1000, limit })).unwrap_err();
        assert!(error.is_io());
        assert!(taken == expected[..limit]);
    }
    let mut taken = Vec::new();
    to_writer(Slow { taken: &mut taken, step: 1000, limit: expected.len() }, &value).unwrap();
}

/// An endless array that notices when nobody listens any more.
struct Endless(Cell<u64>);

impl Serialize for Endless {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(None)?;
        loop {
            seq.serialize_element("another element of the endless array")?;
            self.0.set(self.0.get() + 1);
        }
    }
}

#[test]
fn a_broken_writer_is_noticed_soon() {
    let value = Endless(Cell::new(0));
    let mut taken = Vec::new();
    assert!(to_writer(Slow { taken: &mut taken, step: 4096, limit: 200_000 }, &value).unwrap_err().is_io());
    assert!(value.0.get() < 10_000);
}

/// Remembers the largest block it was given.
struct Largest(usize);

impl Write for &mut Largest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn long_strings_reach_a_writer_in_blocks() {
    let text = "a long text \n ".repeat(1_000_000);
    let mut largest = Largest(0);
    to_writer(&mut largest, &text).unwrap();
    assert!((4_096..=64 * 1024).contains(&largest.0), "{}", largest.0);
    let raw = serde_json::value::RawValue::from_string(to_string(&text).unwrap()).unwrap();
    let mut largest = Largest(0);
    to_writer(&mut largest, &raw).unwrap();
    assert!((4_096..=64 * 1024).contains(&largest.0), "{}", largest.0);
}

#[test]
fn small_documents_reach_a_writer_whole_or_not_at_all() {
    let mut taken = Vec::new();
    to_writer(&mut taken, &failing(1_000)).unwrap_err();
    assert!(taken.is_empty());
}

#[test]
fn the_serializer_writes_document_after_document() {
    let mut serializer = Serializer::new(Vec::new());
    1.serialize(&mut serializer).unwrap();
    [2].serialize(&mut serializer).unwrap();
    let mut map = serializer.serialize_map(None).unwrap();
    map.serialize_entry("k", "v").unwrap();
    map.serialize_key(&3).unwrap();
    map.serialize_value(&()).unwrap();
    SerializeMap::end(map).unwrap();
    // An array that is never ended stays open.
    let mut seq = serializer.serialize_seq(None).unwrap();
    seq.serialize_element(&"z".repeat(40_000)).unwrap();
    drop(seq);
    let text = String::from_utf8(serializer.into_inner()).unwrap();
    let rest = text.strip_prefix("1[2]{\"k\":\"v\",\"3\":null}").unwrap();
    assert!(!rest.ends_with(']'));
}

#[test]
fn growing_a_shared_bytes_mut_keeps_its_other_half() {
    let mut whole = BytesMut::with_capacity(64);
    whole.extend_from_slice(b"first half|");
    let mut second = whole.split_off(11);
    for n in 0..50 {
        to_buf(&mut second, &format!("element {n} \n")).unwrap();
    }
    assert_eq!(whole, "first half|");
    let expected: Vec<u8> = (0..50).flat_map(|n| serde_json::to_vec(&format!("element {n} \n")).unwrap()).collect();
    assert_eq!(second, expected[..]);
}

#[test]
fn errors_are_small_and_can_cross_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Error>();
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}
