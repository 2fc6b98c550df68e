//! covet-kit beside its peers: a whole hot path, the same with one part swapped at a time, rows to JSON, and JSON in axum.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on should stop")]

#[path = "peers/axum_json.rs"]
mod axum_json;
#[path = "peers/hot_path.rs"]
mod hot_path;
#[path = "peers/parts.rs"]
mod parts;
#[path = "peers/rows.rs"]
mod rows;

use std::process::ExitCode;

fn main() -> ExitCode {
    covet_bench::main("covet-kit", |bench| {
        bench.note("simd", format!("{:?}", covet_kit::json::simd_level()));
        hot_path::point_select(bench);
        hot_path::cached(bench);
        hot_path::one_part_at_a_time(bench);
        rows::a_hundred(bench);
        axum_json::encode(bench);
        axum_json::decode(bench);
    })
}
