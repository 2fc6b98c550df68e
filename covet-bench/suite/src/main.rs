//! The benchmark suite over every peer.

fn main() {}
