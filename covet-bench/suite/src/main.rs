//! What no single crate's benchmark can show: peers that only one table needs, the cache, the four crates composed.
//!
//! Each crate's own `benches/peers.rs` defines the tables it can; nothing here repeats them. `cargo xtask bench` runs both.

#![forbid(unsafe_code)]

mod blacklist;
mod cache;
mod composed;
mod json;
mod router;
mod tokens;

use std::process::ExitCode;

fn main() -> ExitCode {
    covet_bench::main("suite", |bench| {
        bench.note("simd", covet_json::simd_level().to_string());
        json::groups(bench);
        router::groups(bench);
        tokens::groups(bench);
        blacklist::groups(bench);
        cache::groups(bench);
        composed::groups(bench);
    })
}
