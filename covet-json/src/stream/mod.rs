//! Documents that are never whole in memory.

mod write;

pub use write::{ArrayWriter, EncodeChunks, encode_chunks};
