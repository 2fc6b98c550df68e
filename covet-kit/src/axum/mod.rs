//! Extractors, responders and layers for axum 0.8.
//!
//! | | |
//! |---|---|
//! | [`Json`] | bodies in and out, with covet-json's speed, limits and error positions |
//! | `Authenticated`, `TokenLayer` (feature `guard`) | bearer tokens, verified and not revoked |
//! | `Conn` (feature `pool`) | a connection of a pool, given back however the request ends |
//!
//! Failures are [`Problem`](crate::service::Problem)s. [`Body`](crate::service::Body) is a response too, so that
//! `RowsJson::stream` can be returned as it is.
//!
//! ```
//! use axum::{Router, routing::post};
//! use covet_kit::axum::Json;
//! use covet_kit::service::JsonBodies;
//!
//! async fn double(Json(numbers): Json<Vec<i64>>) -> Json<Vec<i64>> {
//!     Json(numbers.into_iter().map(|number| number.wrapping_mul(2)).collect())
//! }
//!
//! let app: Router = Router::new()
//!     .route("/double", post(double))
//!     // Optional: other limits than the defaults.
//!     .layer(axum::Extension(JsonBodies::default().max_bytes(64 << 10)));
//! ```

#[cfg(feature = "pool")]
mod conn;
mod json;
#[cfg(feature = "guard")]
mod token;

#[cfg(feature = "pool")]
pub use conn::Conn;
pub use json::Json;
#[cfg(feature = "guard")]
pub use token::{Authenticated, TokenLayer, TokenService};
