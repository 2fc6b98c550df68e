#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod arch;
mod buffer;
mod de;
mod error;
mod get;
mod number;
mod pointer;
mod raw;
mod ser;
pub mod stream;

pub use arch::{SimdLevel, simd_level};
pub use buffer::Buffer;
pub use de::{
    DecodeOptions, Deserializer, DuplicateKeys, IoRead, Read, SliceRead, Trailing, Values, from_reader, from_slice,
    from_str,
};
pub use error::{Error, Result};
pub use get::{get, get_unchecked};
pub use raw::RawJson;
pub use ser::{
    Compact, Compound, EncodeOptions, Serializer, Style, Styled, to_buf, to_buf_canonical, to_string,
    to_string_canonical, to_string_pretty, to_vec, to_vec_canonical, to_vec_pretty, to_writer, to_writer_canonical,
    to_writer_pretty,
};

#[doc(hidden)]
pub use arch::force_simd_level;

/// How this crate differs from its peers, when to choose one of them, and how to move over from it.
#[cfg(any(doc, doctest))]
pub mod comparison {
    #![doc = include_str!("../COMPARISON.md")]
}
