//! Layers for any stack of tower services over `http` types; they stand beside tower-http's in a `ServiceBuilder`.
//!
//! | | |
//! |---|---|
//! | [`NormalizePathLayer`] | one spelling of each path, before a router or a guard inside sees it |
//! | [`TokenLayer`] | bearer tokens, verified and not revoked, with scopes |
//!
//! [`RouteService`](crate::service::RouteService) normalizes paths by itself; other routers need the layer, or a guard that looks at paths
//! can be walked around with `/%61dmin`.
//!
//! ```
//! use covet_kit::service::{Body, SharedGuard};
//! use covet_kit::tower::{NormalizePathLayer, TokenLayer};
//! use http::{Request, Response};
//! use tower::{Service, ServiceBuilder};
//!
//! #[derive(serde::Deserialize)]
//! struct Extra {}
//!
//! fn service(guard: SharedGuard) -> impl Service<Request<Body>, Response = Response<Body>> {
//!     ServiceBuilder::new()
//!         .layer(NormalizePathLayer::new())
//!         // TimeoutLayer, TraceLayer, CompressionLayer and others go where they are wanted.
//!         .layer(TokenLayer::<Extra>::new(guard).scope("read"))
//!         .service_fn(async |_request: Request<Body>| Ok::<_, std::io::Error>(Response::new(Body::from("hello"))))
//! }
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use covet_auth::Revocations;
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::service::{Body, GuardLayer, IntoResponse, normalize_path};

/// Lets requests through that carry a good bearer token, and puts its [`Claims`](crate::service::Claims) into the extensions; made
/// from a [`SharedGuard`](crate::service::SharedGuard).
pub type TokenLayer<C> = GuardLayer<C, Arc<dyn Revocations>>;

/// Brings the path of every request into its one canonical form, as [`covet_router::normalize`] defines it: escaped unreserved characters are
/// decoded. A path with a malformed escape, a control character, `//`, or a `.` or `..` segment is answered with 400 `path-malformed`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NormalizePathLayer(());

impl NormalizePathLayer {
    /// The layer; it has no settings.
    #[must_use]
    pub fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for NormalizePathLayer {
    type Service = NormalizePath<S>;

    fn layer(&self, service: S) -> NormalizePath<S> {
        NormalizePath { service }
    }
}

/// A service behind a [`NormalizePathLayer`].
#[derive(Debug, Clone)]
pub struct NormalizePath<S> {
    service: S,
}

impl<S, B, T> Service<Request<B>> for NormalizePath<S>
where
    S: Service<Request<B>, Response = Response<T>>,
    Response<T>: IntoResponse,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = NormalizePathFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match normalize_path(request.uri_mut()) {
            Ok(()) => NormalizePathFuture { answer: Some(self.service.call(request)), refusal: None },
            Err(problem) => NormalizePathFuture { answer: None, refusal: Some(problem.into_response()) },
        }
    }
}

pin_project_lite::pin_project! {
    /// The future of a [`NormalizePath`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct NormalizePathFuture<F> {
        #[pin]
        answer: Option<F>,
        refusal: Option<Response<Body>>,
    }
}

impl<F, T, E> Future for NormalizePathFuture<F>
where
    F: Future<Output = Result<Response<T>, E>>,
    Response<T>: IntoResponse,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(answer) = this.answer.as_pin_mut() {
            return answer.poll(cx).map_ok(IntoResponse::into_response);
        }
        match this.refusal.take() {
            Some(refusal) => Poll::Ready(Ok(refusal)),
            None => Poll::Pending,
        }
    }
}
