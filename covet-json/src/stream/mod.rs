//! Documents that are larger than memory, or that arrive in pieces.
//!
//! | to read | from | use |
//! |---|---|---|
//! | the elements of one array, top level or at a pointer | any [`io::Read`](std::io::Read) | [`ArrayReader`] |
//! | NDJSON, or values one after the other | any [`io::Read`](std::io::Read) | [`LinesReader`] |
//! | either | bytes pushed in as they come | [`Feed`] |
//! | either | a `futures_core::Stream` of chunks (feature `async`) | `Elements` |
//!
//! To write, [`ArrayWriter`] and [`encode_chunks`] encode an array element by element; one that is dropped early never closes it, so
//! that truncation stays visible.
//!
//! Memory is a block of the input plus one element, whatever the length of the document. All of them walk the document with the same
//! machine, which validates everything on the way, in front of the array and behind it too.

#![forbid(unsafe_code)]

#[cfg(feature = "async")]
mod asynchronous;
mod feed;
mod reader;
mod walk;
mod write;

#[cfg(feature = "async")]
pub use self::asynchronous::{Chunk, Elements};
pub use self::feed::Feed;
pub use self::reader::{ArrayReader, LinesReader};
pub use self::write::{ArrayWriter, EncodeChunks, encode_chunks};

/// Limit on one element unless told otherwise: 16 MiB.
const MAX_ELEMENT: usize = 16 << 20;
