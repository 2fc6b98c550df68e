//! The binary for what no single crate's benchmark can show: every peer at once, the crates composed, HTTP, records and the report.
//!
//! None of that is here yet. Each crate is measured beside its peers by `cargo bench -p <crate> --bench peers`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    eprintln!(
        "covet-bench-suite: nothing is composed here yet; measure a crate with `cargo bench -p covet-json --bench peers`"
    );
    ExitCode::FAILURE
}
