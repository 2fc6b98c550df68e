#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "actix-web-4")]
pub mod actix;
#[cfg(feature = "axum-0.8")]
pub mod axum;
#[cfg(feature = "cache")]
pub mod cache;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "service")]
pub mod service;
