//! Any bytes as a streamed document, cut into pieces that the input chooses: readers and feeds give what decoding the whole document
//! gives.

#![no_main]

use covet_json::stream::{ArrayReader, Feed, LinesReader};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// All elements, or `None` after an error or an early end.
fn feed(mut feed: Feed<Value>, json: &[u8], step: usize) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    for piece in json.chunks(step) {
        feed.push(piece).ok()?;
        while let Some(value) = feed.pull() {
            values.push(value.ok()?);
        }
    }
    feed.finish();
    while let Some(value) = feed.pull() {
        values.push(value.ok()?);
    }
    feed.is_done().then_some(values)
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, json)) = input.split_first() else { return };
    let step = usize::from(first) % 24 + 1;
    let whole = covet_json::from_slice::<Value>(json).ok();

    let array = whole.as_ref().and_then(Value::as_array).cloned();
    assert_eq!(ArrayReader::new(json).collect::<Result<Vec<Value>, _>>().ok(), array);
    assert_eq!(feed(Feed::array(), json, step), array);

    for pointer in ["/a", "/0", "/a/1"] {
        let read = ArrayReader::at(json, pointer).collect::<Result<Vec<Value>, _>>().ok();
        assert_eq!(feed(Feed::array_at(pointer), json, step), read);
        if let Some(elements) = &read {
            // With duplicate keys, a stream follows the first and a tree keeps the last.
            let whole = whole.as_ref().expect("a stream validates the whole document");
            let found = whole.pointer(pointer).and_then(Value::as_array);
            if covet_json::DecodeOptions::new()
                .duplicate_keys(covet_json::DuplicateKeys::Reject)
                .from_slice::<Value>(json)
                .is_ok()
            {
                assert_eq!(found, Some(elements));
            }
        }
    }

    let values = covet_json::Deserializer::from_slice(json).into_iter().collect::<Result<Vec<Value>, _>>().ok();
    assert_eq!(LinesReader::new(json).collect::<Result<Vec<Value>, _>>().ok(), values);
    assert_eq!(feed(Feed::lines(), json, step), values);
});
