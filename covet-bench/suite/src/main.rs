//! The benchmark suite over every peer.

#![forbid(unsafe_code)]

fn main() {}
