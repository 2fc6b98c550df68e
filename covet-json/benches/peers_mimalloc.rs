//! The table of `peers` with mimalloc as the allocator of every contender.

#[path = "peers.rs"]
mod peers;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    peers::main()
}
