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

#[cfg(feature = "guard")]
#[doc(inline)]
pub use covet_auth as auth;
#[cfg(feature = "service")]
#[doc(inline)]
pub use covet_json as json;
#[cfg(feature = "service")]
#[doc(inline)]
pub use covet_router as router;
