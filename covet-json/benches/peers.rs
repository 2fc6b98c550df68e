//! Encoding and decoding beside `serde_json`, `sonic-rs` and `simd-json`, each used as its documentation recommends.
//!
//! `simd-json` parses in place: its contender gets a fresh copy of the text for every call, the copy is timed, and its
//! `Buffers` are reused. The others read the text where it is.

mod corpus;
mod decode;
mod encode;
mod lookup;
mod reader;

use std::process::ExitCode;

fn main() -> ExitCode {
    covet_bench::main("covet-json", |bench| {
        bench.note("simd", covet_json::simd_level().to_string());
        encode::groups(bench);
        decode::groups(bench);
        lookup::groups(bench);
        reader::groups(bench);
    })
}
