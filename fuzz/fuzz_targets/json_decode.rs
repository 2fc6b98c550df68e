//! Any bytes, decoded by covet-json and by serde_json (with its exact floats): both refuse them or both give the same value. All ways to
//! decode the same bytes with covet-json agree: slice, text, reader in small pieces, skipping, raw text, and each SIMD level.
//!
//! Allowed difference: skipping refuses what decoding refuses, so it is compared with decoding and not with serde_json's skipping.

#![no_main]

use covet_json::{DecodeOptions, DuplicateKeys, SimdLevel, force_simd_level};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

struct Pieces<'a>(&'a [u8], usize);

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let len = self.1.min(buf.len()).min(self.0.len());
        let (now, later) = self.0.split_at(len);
        buf[..len].copy_from_slice(now);
        self.0 = later;
        Ok(len)
    }
}

fuzz_target!(|json: &[u8]| {
    let theirs = serde_json::from_slice::<Value>(json).ok();
    for level in [SimdLevel::Portable, SimdLevel::Sse2, SimdLevel::Avx2] {
        if !force_simd_level(level) {
            continue;
        }
        let ours = covet_json::from_slice::<Value>(json);
        assert_eq!(ours.as_ref().ok(), theirs.as_ref());
        let skipped = covet_json::from_slice::<IgnoredAny>(json);
        assert_eq!(skipped.is_ok(), ours.is_ok());
        if let Ok(text) = std::str::from_utf8(json) {
            assert_eq!(covet_json::from_str::<Value>(text).ok(), theirs);
        }
        if let (Err(skipped), Err(decoded)) = (&skipped, &ours) {
            assert!(skipped.offset() <= json.len() && decoded.offset() <= json.len());
        }
    }
    let ours = covet_json::from_slice::<Value>(json);
    let step = json.first().map_or(1, |byte| usize::from(*byte) % 40 + 1);
    let read = covet_json::from_reader::<_, Value>(Pieces(json, step));
    match (&ours, &read) {
        (Ok(ours), Ok(read)) => assert_eq!(ours, read),
        (Err(ours), Err(read)) => assert_eq!(ours.to_string(), read.to_string()),
        _ => panic!("{ours:?} but {read:?} from a reader"),
    }
    // Limits only ever refuse more, the same in what is skipped.
    let options = DecodeOptions::new().max_depth(4).max_string(12).max_items(5).duplicate_keys(DuplicateKeys::Reject);
    let limited = options.from_slice::<Value>(json);
    assert_eq!(limited.is_ok(), options.from_slice::<IgnoredAny>(json).is_ok());
    assert_eq!(limited.is_ok(), options.from_reader::<_, Value>(Pieces(json, step)).is_ok());
    if let Ok(limited) = limited {
        assert_eq!(Some(limited), theirs);
    }
});
