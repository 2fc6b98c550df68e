//! Tells the library which compiler and settings built it, so that a record can say so.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .unwrap_or_else(|| "unknown compiler".to_owned());
    println!("cargo::rustc-env=COVET_BENCH_RUSTC={}", version.trim());
    for (name, variable) in [
        ("COVET_BENCH_PROFILE", "PROFILE"),
        ("COVET_BENCH_OPT_LEVEL", "OPT_LEVEL"),
        ("COVET_BENCH_TARGET", "TARGET"),
        ("COVET_BENCH_TARGET_FEATURES", "CARGO_CFG_TARGET_FEATURE"),
    ] {
        println!("cargo::rustc-env={name}={}", env::var(variable).unwrap_or_default());
    }
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().replace('\u{1f}', " ");
    println!("cargo::rustc-env=COVET_BENCH_RUSTFLAGS={flags}");
}
