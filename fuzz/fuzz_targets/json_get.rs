//! Any document and pointer: `get` agrees with `serde_json::Value::pointer`, and refuses exactly the documents that do not decode.

#![no_main]

use covet_json::{get, get_unchecked};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    // The pointer stands in front of the first line break.
    let Some(end) = input.iter().position(|&byte| byte == b'\n') else { return };
    let (pointer, json) = (&input[..end], &input[end + 1..]);
    let Ok(pointer) = std::str::from_utf8(pointer) else { return };
    let whole = covet_json::from_slice::<Value>(json);
    let found = get(json, pointer);
    assert_eq!(found.is_ok(), whole.is_ok());
    if let (Ok(found), Ok(whole)) = (found, whole) {
        let value = found.map(|raw| raw.decode::<Value>().expect("what is found was validated"));
        assert_eq!(value.as_ref(), whole.pointer(pointer));
    }
    if let Ok(Some(raw)) = get_unchecked(json, pointer) {
        raw.decode::<Value>().expect("the value itself is validated");
    }
});
