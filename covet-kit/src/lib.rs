#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "cache")]
pub mod cache;
#[cfg(feature = "server")]
pub mod server;
