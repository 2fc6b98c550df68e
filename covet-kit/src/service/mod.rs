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
mod problem;
mod routes;

pub use body::Body;
#[cfg(feature = "guard")]
pub use guard::{Claims, GuardLayer, Guarded};
pub use handler::{IntoResponse, ResponseFuture, Route};
pub use json::{JsonBodies, json, json_bytes};
pub use problem::Problem;
pub use routes::{Dispatched, Endpoint, PathParams, RoutePattern, RouteService, Routes, RoutesError, path_params};

#[cfg(feature = "actix-web-4")]
pub(crate) use json::{WholeBody, expect_json, incomplete, too_large};
