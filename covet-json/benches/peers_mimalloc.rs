//! The table of `peers` with mimalloc as the allocator of every contender.

#[path = "peers.rs"]
mod peers;

use std::process::ExitCode;

covet_bench::global_allocator!(mimalloc::MiMalloc, mimalloc::MiMalloc);

fn main() -> ExitCode {
    peers::main()
}
