//! Arrays written element by element: the bytes of the whole array, constant chunks, and an open end when something fails.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping it")]

#[path = "common/any.rs"]
mod any;
mod common;

use std::collections::HashMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use any::value;
use covet_json::stream::{ArrayWriter, encode_chunks};
use proptest::prelude::*;
use serde::Serialize;
use serde::ser::Error as _;

struct Fails;

impl Serialize for Fails {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("no"))
    }
}

struct Panics;

impl Serialize for Panics {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in an element")
    }
}

proptest! {
    #[test]
    fn as_the_whole_array(values in proptest::collection::vec(value(), 0..20), size in 0_usize..300) {
        let expected = serde_json::to_vec(&values).unwrap();
        let mut array = ArrayWriter::new(Vec::new());
        for value in &values {
            array.write(value).unwrap();
        }
        prop_assert_eq!(array.end().unwrap(), &expected[..]);

        let chunks: Vec<_> = encode_chunks(&values, size).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(chunks.concat(), &expected[..]);
        let (last, full) = chunks.split_last().unwrap();
        prop_assert!(full.iter().all(|chunk| chunk.len() == size.max(1)));
        prop_assert!((1..=size.max(1)).contains(&last.len()));
    }
}

#[test]
fn empty_arrays_are_closed() {
    assert_eq!(ArrayWriter::new(Vec::new()).end().unwrap(), b"[]");
    let chunks: Vec<_> = encode_chunks(std::iter::empty::<u8>(), 100).map(Result::unwrap).collect();
    assert_eq!(chunks, ["[]"]);
}

#[test]
fn a_dropped_writer_leaves_the_array_open() {
    let mut out = Vec::new();
    let mut array = ArrayWriter::new(&mut out);
    for n in 0..20_000 {
        array.write(&n).unwrap();
    }
    drop(array);
    assert!(out.len() > 32_768);
    assert!(serde_json::from_slice::<Vec<u32>>(&out).unwrap_err().is_eof());

    let mut out = Vec::new();
    let mut array = ArrayWriter::new(&mut out);
    array.write(&1).unwrap();
    array.flush().unwrap();
    array.write(&2).unwrap();
    drop(array);
    assert_eq!(out, b"[1");
}

#[test]
fn an_element_that_fails_is_left_out() {
    let mut array = ArrayWriter::new(Vec::new());
    assert_eq!(array.write(&Fails).unwrap_err().to_string(), "no");
    array.write("a").unwrap();
    array.write(&("b", Fails)).unwrap_err();
    catch_unwind(AssertUnwindSafe(|| array.write(&Panics))).unwrap_err();
    array.write(&HashMap::from([((), ())])).unwrap_err();
    array.write("c").unwrap();
    assert_eq!(array.end().unwrap(), br#"["a","c"]"#);
    let mut array = ArrayWriter::new(Vec::new());
    array.write(&Fails).unwrap_err();
    assert_eq!(array.end().unwrap(), b"[]");
}

#[derive(Debug)]
struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_broken_writer_breaks_the_array() {
    let mut array = ArrayWriter::new(Broken);
    array.write(&1).unwrap();
    assert_eq!(array.flush().unwrap_err().io_error_kind(), Some(io::ErrorKind::BrokenPipe));
    assert!(array.write(&2).unwrap_err().is_io());
    assert!(array.flush().unwrap_err().is_io());
    assert!(array.end().unwrap_err().is_io());
    let mut array = ArrayWriter::new(Broken);
    assert!(array.write(&"x".repeat(100_000)).unwrap_err().is_io());
    assert!(array.end().is_err());
}

#[test]
fn an_element_that_fails_ends_the_chunks() {
    let elements = [Some(1), Some(2), Some(3), None, Some(5)];
    let mut chunks = encode_chunks(elements.iter().map(|n| n.ok_or(Fails).map_or_else(Element::Bad, Element::Good)), 4);
    assert_eq!(chunks.next().unwrap().unwrap(), "[1,2");
    assert_eq!(chunks.next().unwrap().unwrap_err().to_string(), "no");
    assert!(chunks.next().is_none());
    assert!(chunks.next().is_none());
}

enum Element {
    Good(u8),
    Bad(Fails),
}

impl Serialize for Element {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Element::Good(value) => value.serialize(s),
            Element::Bad(fails) => fails.serialize(s),
        }
    }
}

#[test]
fn elements_are_taken_only_when_a_chunk_needs_them() {
    let mut taken = 0;
    let mut chunks = encode_chunks((0..1_000_000).inspect(|_| taken += 1), 1_000);
    for _ in 0..3 {
        assert_eq!(chunks.next().unwrap().unwrap().len(), 1_000);
    }
    drop(chunks);
    assert!(taken < 2_000, "{taken}");
}

#[test]
fn an_element_larger_than_a_chunk_is_cut() {
    let text = "x".repeat(10_000);
    let chunks: Vec<_> = encode_chunks([&text, &text], 1_024).map(Result::unwrap).collect();
    assert_eq!(chunks.len(), 20);
    assert_eq!(chunks.concat(), serde_json::to_vec(&[&text, &text]).unwrap());
}
