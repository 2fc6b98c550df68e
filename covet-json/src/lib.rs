#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod arch;
mod error;

pub use arch::{SimdLevel, simd_level};
pub use error::{Error, Result};

#[doc(hidden)]
pub use arch::force_simd_level;
