#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(feature = "actix-web-4")]
pub mod actix;
#[cfg(feature = "axum-0.8")]
pub mod axum;
#[cfg(feature = "cache")]
pub mod cache;
#[cfg(feature = "revocations")]
pub mod revocations;
#[cfg(feature = "rows")]
pub mod rows;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "tower")]
pub mod tower;

#[cfg(any(feature = "guard", feature = "revocations"))]
#[doc(inline)]
pub use covet_auth as auth;
#[cfg(any(feature = "rows", feature = "service"))]
#[doc(inline)]
pub use covet_json as json;
#[cfg(any(feature = "pool", feature = "revocations", feature = "rows"))]
#[doc(inline)]
pub use covet_pool as pool;
#[cfg(feature = "service")]
#[doc(inline)]
pub use covet_router as router;
