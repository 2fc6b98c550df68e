#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod arch;
mod de;
mod error;
mod get;
mod number;
mod pointer;
mod raw;
pub mod stream;

pub use arch::{SimdLevel, simd_level};
pub use de::{
    DecodeOptions, Deserializer, DuplicateKeys, IoRead, Read, SliceRead, Trailing, Values, from_reader, from_slice,
    from_str,
};
pub use error::{Error, Result};
pub use get::{get, get_unchecked};
pub use raw::RawJson;

#[doc(hidden)]
pub use arch::force_simd_level;
