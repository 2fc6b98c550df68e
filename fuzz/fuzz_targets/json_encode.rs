//! Arbitrary values of serde's data model, encoded by covet-json and by serde_json: both fail or both write the same bytes, through
//! every sink. HTML-safe and canonical output read back as the same value.
//!
//! Allowed difference: canonical encoding refuses NaN, inexact integers and duplicate keys.

#![no_main]

use covet_json::EncodeOptions;
use libfuzzer_sys::fuzz_target;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTupleVariant, Serializer};
use serde_json::Value;

/// Takes bytes as instructions: what to write next, how long it is.
struct Script<'a> {
    bytes: std::cell::Cell<&'a [u8]>,
    depth: std::cell::Cell<u32>,
}

const NAMES: [&str; 6] = ["", "id", "a longer name of a field", "q\"uote", "line\nbreak", "<&\u{2028}"];

impl<'a> Script<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Script { bytes: bytes.into(), depth: 0.into() }
    }

    fn take<const N: usize>(&self) -> [u8; N] {
        let mut taken = [0; N];
        let bytes = self.bytes.get();
        let (now, later) = bytes.split_at(bytes.len().min(N));
        taken[..now.len()].copy_from_slice(now);
        self.bytes.set(later);
        taken
    }

    fn byte(&self) -> u8 {
        self.take::<1>()[0]
    }

    fn name(&self) -> &'static str {
        NAMES[usize::from(self.byte()) % NAMES.len()]
    }

    fn text(&self) -> String {
        let len = usize::from(self.byte());
        let bytes = self.bytes.get();
        let (now, later) = bytes.split_at(bytes.len().min(len));
        self.bytes.set(later);
        String::from_utf8_lossy(now).into_owned()
    }
}

/// One value: the next instructions of the script.
struct Next<'s, 'a>(&'s Script<'a>);

impl Serialize for Next<'_, '_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let script = self.0;
        let op = script.byte();
        if script.depth.get() > 40 {
            return s.serialize_unit();
        }
        script.depth.set(script.depth.get() + 1);
        let result = write(script, op, s);
        script.depth.set(script.depth.get() - 1);
        result
    }
}

fn write<S: Serializer>(script: &Script<'_>, op: u8, s: S) -> Result<S::Ok, S::Error> {
    let count = || script.byte() % 8;
    match op % 24 {
        0 => s.serialize_bool(op >= 128),
        1 => s.serialize_i64(i64::from_le_bytes(script.take()) >> (op / 4)),
        2 => s.serialize_u64(u64::from_le_bytes(script.take()) >> (op / 4)),
        3 => s.serialize_i128(i128::from_le_bytes(script.take()) >> (op / 2)),
        4 => s.serialize_u128(u128::from_le_bytes(script.take()) >> (op / 2)),
        5 => s.serialize_f32(f32::from_le_bytes(script.take())),
        6 => s.serialize_f64(f64::from_le_bytes(script.take())),
        7 => s.serialize_f64(f64::from(i32::from_le_bytes(script.take())) / [1.0, 10.0, 100.0, 1e9][usize::from(op / 64)]),
        8 => s.serialize_char(char::from_u32(u32::from_le_bytes(script.take()) >> 11).unwrap_or('\u{2029}')),
        9 | 10 => s.serialize_str(&script.text()),
        11 => s.serialize_str(&script.text().repeat(usize::from(op))),
        12 => s.serialize_bytes(script.text().as_bytes()),
        13 => s.serialize_none(),
        14 => s.serialize_some(&Next(script)),
        15 => s.serialize_unit_variant("E", 0, script.name()),
        16 => s.serialize_newtype_struct("N", &Next(script)),
        17 => s.serialize_newtype_variant("E", 0, script.name(), &Next(script)),
        18 => {
            let n = count();
            let mut seq = s.serialize_seq((op < 128).then_some(n.into()))?;
            for _ in 0..n {
                seq.serialize_element(&Next(script))?;
            }
            seq.end()
        }
        19 => {
            let n = count();
            let mut tuple = s.serialize_tuple_variant("E", 0, script.name(), n.into())?;
            for _ in 0..n {
                tuple.serialize_field(&Next(script))?;
            }
            tuple.end()
        }
        20 => {
            let n = count();
            let mut map = s.serialize_map((op < 128).then_some(n.into()))?;
            for _ in 0..n {
                map.serialize_entry(&Next(script), &Next(script))?;
            }
            map.end()
        }
        21 => {
            let n = count();
            let mut object = s.serialize_struct("S", n.into())?;
            for _ in 0..n {
                object.serialize_field(script.name(), &Next(script))?;
            }
            object.end()
        }
        22 => {
            let n = count();
            let mut object = s.serialize_struct_variant("E", 0, script.name(), n.into())?;
            for _ in 0..n {
                object.serialize_field(script.name(), &Next(script))?;
            }
            object.end()
        }
        _ => s.collect_str(&format_args!("{}{}", script.text(), script.text())),
    }
}

/// Reads the script from its start each time it is encoded.
struct Whole<'a>(&'a [u8]);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Next(&Script::new(self.0)).serialize(s)
    }
}

fuzz_target!(|data: &[u8]| {
    let value = Whole(data);
    let ours = covet_json::to_string(&value);
    let Ok(theirs) = serde_json::to_string(&value) else {
        assert!(ours.is_err());
        let mut buffer = b"kept".to_vec();
        assert!(covet_json::to_buf(&mut buffer, &value).is_err());
        assert_eq!(buffer, b"kept");
        return;
    };
    assert_eq!(ours.unwrap(), theirs);
    let mut buffer = bytes::BytesMut::from("x");
    covet_json::to_buf(&mut buffer, &value).unwrap();
    assert_eq!(&buffer[1..], theirs.as_bytes());
    let mut written = Vec::new();
    covet_json::to_writer(&mut written, &value).unwrap();
    assert_eq!(written, theirs.as_bytes());
    let mut serializer = covet_json::Serializer::new(Vec::new());
    value.serialize(&mut serializer).unwrap();
    assert_eq!(serializer.into_inner(), theirs.as_bytes());
    assert_eq!(covet_json::to_string_pretty(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());

    let safe = EncodeOptions::new().html_safe(true).to_string(&value).unwrap();
    assert!(!safe.contains(['<', '>', '&', '\u{2028}', '\u{2029}']));
    let back = serde_json::from_str::<Value>(&theirs).ok();
    assert_eq!(serde_json::from_str::<Value>(&safe).ok(), back);

    if let Ok(canonical) = covet_json::to_string_canonical(&value) {
        let back: Value = serde_json::from_str(&canonical).unwrap();
        // A fixed point: equal values have equal canonical text.
        assert_eq!(covet_json::to_string_canonical(&back).unwrap(), canonical);
    }
});
