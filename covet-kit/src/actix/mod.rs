//! Extractors, responders and middleware for actix-web 4.
//!
//! | | |
//! |---|---|
//! | [`Json`] | bodies in and out, with covet-json's speed, limits and error positions |
//! | `Authenticated`, `TokenMiddleware` (feature `guard`) | bearer tokens, verified and not revoked |
//! | `Conn` (feature `pool`) | a connection of a pool, given back however the request ends |
//!
//! Failures are [`Problem`](crate::service::Problem)s. [`Body`](crate::service::Body) is a responder too, so that
//! `RowsJson::stream` can be returned as it is.
//!
//! ```
//! use actix_web::{App, web};
//! use covet_kit::actix::Json;
//! use covet_kit::service::JsonBodies;
//!
//! async fn double(Json(numbers): Json<Vec<i64>>) -> Json<Vec<i64>> {
//!     Json(numbers.into_iter().map(|number| number.wrapping_mul(2)).collect())
//! }
//!
//! let app = App::new()
//!     // Optional: other limits than the defaults.
//!     .app_data(JsonBodies::default().max_bytes(64 << 10))
//!     .route("/double", web::post().to(double));
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
pub use token::{Authenticated, TokenMiddleware, TokenService};

/// The app's data lacks what an extractor looks for: a mistake of the service's, which its first test finds.
#[cfg(any(feature = "guard", feature = "pool"))]
fn not_configured() -> crate::service::Problem {
    let status = http::StatusCode::INTERNAL_SERVER_ERROR;
    crate::service::Problem::new(status, "not-configured", "The service lacks a part of its set-up")
}
