#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod arch;
mod de;
mod error;
mod number;

pub use arch::{SimdLevel, simd_level};
pub use de::{
    DecodeOptions, Deserializer, DuplicateKeys, IoRead, Read, SliceRead, Trailing, Values, from_reader, from_slice,
    from_str,
};
pub use error::{Error, Result};

#[doc(hidden)]
pub use arch::force_simd_level;
