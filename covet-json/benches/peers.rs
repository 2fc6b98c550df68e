//! Encoding and decoding beside `serde_json`, `sonic-rs` and `simd-json`, each used as its documentation recommends.
//!
//! `simd-json` parses in place: its contender gets a fresh copy of the text for every call, the copy is timed, and its
//! `Buffers` are reused. The others read the text where it is.
//!
//! The default build is what counts. Other builds of the same table, with `COVET_CORPUS` set as for this one:
//!
//! ```sh
//! CARGO_PROFILE_BENCH_LTO=fat CARGO_PROFILE_BENCH_CODEGEN_UNITS=1 \
//!     cargo bench -p covet-json --bench peers --target-dir target/lto            # fat LTO
//! RUSTFLAGS="-C target-cpu=native" \
//!     cargo bench -p covet-json --bench peers --target-dir target/native         # every contender for this CPU
//! cargo bench -p covet-json --bench peers_mimalloc                               # every contender with mimalloc
//! cargo bench -p covet-json --bench peers -- 'at each level'                     # each SIMD level of covet-json
//! cargo bench -p covet-json --bench peers -- flattened untagged                  # types that serde buffers
//! ```

mod corpus;
mod decode;
mod encode;
mod lookup;
mod reader;

use std::process::ExitCode;

use covet_json::{SimdLevel, force_simd_level};

pub(crate) fn main() -> ExitCode {
    covet_bench::main("covet-json", |bench| {
        // `cargo xtask bench` measures at each level; without the variable, what the CPU has runs.
        if let Ok(wanted) = std::env::var("COVET_JSON_SIMD")
            && !force(&wanted)
        {
            bench.fail(format!("COVET_JSON_SIMD: this machine has no level `{wanted}`"));
        }
        bench.note("simd", covet_json::simd_level().to_string());
        encode::groups(bench);
        decode::groups(bench);
        lookup::groups(bench);
        reader::groups(bench);
    })
}

fn force(wanted: &str) -> bool {
    let levels = [SimdLevel::Portable, SimdLevel::Sse2, SimdLevel::Avx2];
    levels.into_iter().any(|level| level.as_str() == wanted && force_simd_level(level))
}
