//! Requests to routes and back, as [`tower_service::Service`]s over `http` types: no framework, state is the caller's.
//!
//! [`Routes`] collects async functions and services under patterns, [`RouteService`] dispatches to them. [`JsonBodies`] and [`json`]
//! read and write JSON bodies, [`Problem`] is every failure's response. Timeouts, panic catching, compression and tracing are
//! [tower-http](https://docs.rs/tower-http)'s: its layers fit around a route, around all of them, or around the service.

mod body;
#[cfg(feature = "guard")]
mod guard;
mod handler;
mod json;
#[cfg(feature = "pool")]
mod pool;
mod problem;
mod routes;

pub use body::Body;
#[cfg(feature = "guard")]
pub use guard::{Claims, GuardLayer, Guarded, SharedGuard};
pub use handler::{IntoResponse, ResponseFuture, Route};
pub use json::{JsonBodies, json, json_bytes};
pub use problem::Problem;
pub use routes::{Dispatched, Endpoint, PathParams, RoutePattern, RouteService, Routes, RoutesError, path_params};

#[cfg(all(feature = "guard", feature = "axum-0.8"))]
pub(crate) use guard::authorization;
#[cfg(all(feature = "guard", any(feature = "axum-0.8", feature = "actix-web-4")))]
pub(crate) use guard::{Gate, authenticate};
#[cfg(feature = "tower")]
pub(crate) use routes::normalize_path;

#[cfg(feature = "actix-web-4")]
pub(crate) use json::{WholeBody, expect_json, incomplete, too_large};
