//! JSON bodies in and out, and the crate's own responses as axum's.

use axum_core::extract::{FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::service::{Body, JsonBodies, Problem, json};

/// A JSON body: as an extractor the request's, as a response its own.
///
/// The limits are those of the [`JsonBodies`] among the request's extensions, or its defaults. Rejections are [`Problem`]s, as
/// [`JsonBodies::read`] lists them. A response that cannot be encoded is a 500.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct Json<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let read = match parts.extensions.get::<JsonBodies>() {
            Some(bodies) => bodies.read(&parts.headers, body).await,
            None => JsonBodies::default().read(&parts.headers, body).await,
        };
        read.map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0).into_response()
    }
}

impl<T> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Self::into_response(self).map(axum_core::body::Body::new)
    }
}

impl IntoResponse for Body {
    fn into_response(self) -> Response {
        Response::new(axum_core::body::Body::new(self))
    }
}
