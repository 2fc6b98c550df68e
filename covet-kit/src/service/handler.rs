//! What a route leads to: an async function from request to response, or any tower service, behind one pointer.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as HttpBody;
use tower_service::Service;

use super::{Body, Problem};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Turns the result of an async function into a response.
///
/// Implemented for responses with any body, [`Problem`], [`StatusCode`], [`Body`], text and bytes, and `Result`s of these.
pub trait IntoResponse {
    /// The response.
    fn into_response(self) -> Response<Body>;
}

/// A route's end: a service that takes a request with body `B` and always answers. Clones share one handler.
pub struct Route<B> {
    handler: Arc<dyn Handler<B>>,
}

/// A future that ends with a response.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

trait Handler<B>: Send + Sync {
    fn call(&self, request: Request<B>) -> ResponseFuture;
}

impl<B: Send + 'static> Route<B> {
    /// A route that an async function answers.
    ///
    /// ```
    /// use covet_kit::service::{Body, Route};
    /// use http::Request;
    ///
    /// let route = Route::<Body>::from_fn(async |request: Request<Body>| request.uri().path().to_owned());
    /// ```
    pub fn from_fn<F, Fut>(function: F) -> Self
    where
        F: Fn(Request<B>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoResponse,
    {
        Self { handler: Arc::new(Function(function)) }
    }

    /// A route that a tower service answers, for example one with layers around it. It is cloned for each request and waited for until ready.
    pub fn from_service<S, R>(service: S) -> Self
    where
        S: Service<Request<B>, Response = Response<R>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send,
        Response<R>: IntoResponse,
    {
        Self { handler: Arc::new(Tower(service)) }
    }
}

impl<B> Service<Request<B>> for Route<B> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        self.handler.call(request)
    }
}

impl<B> Clone for Route<B> {
    fn clone(&self) -> Self {
        Self { handler: self.handler.clone() }
    }
}

impl<B> fmt::Debug for Route<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").finish_non_exhaustive()
    }
}

struct Function<F>(F);

impl<B, F, Fut> Handler<B> for Function<F>
where
    F: Fn(Request<B>) -> Fut + Send + Sync,
    Fut: Future + Send + 'static,
    Fut::Output: IntoResponse,
{
    fn call(&self, request: Request<B>) -> ResponseFuture {
        let response = (self.0)(request);
        Box::pin(async move { Ok(response.await.into_response()) })
    }
}

struct Tower<S>(S);

impl<B, S, R> Handler<B> for Tower<S>
where
    B: Send + 'static,
    S: Service<Request<B>, Response = Response<R>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    Response<R>: IntoResponse,
{
    fn call(&self, request: Request<B>) -> ResponseFuture {
        let mut service = self.0.clone();
        Box::pin(async move {
            let Ok(()) = std::future::poll_fn(|cx| service.poll_ready(cx)).await;
            let Ok(response) = service.call(request).await;
            Ok(response.into_response())
        })
    }
}

impl<R> IntoResponse for Response<R>
where
    R: HttpBody + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    fn into_response(self) -> Response<Body> {
        self.map(Body::new)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        self.into_response()
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self;
        response
    }
}

impl IntoResponse for Body {
    fn into_response(self) -> Response<Body> {
        Response::new(self)
    }
}

macro_rules! text_or_bytes {
    ($($type:ty => $content_type:literal,)*) => {$(
        impl IntoResponse for $type {
            fn into_response(self) -> Response<Body> {
                let mut response = Response::new(Body::from(self));
                let content_type = http::HeaderValue::from_static($content_type);
                response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
                response
            }
        }
    )*};
}

text_or_bytes! {
    &'static str => "text/plain; charset=utf-8",
    String => "text/plain; charset=utf-8",
    Bytes => "application/octet-stream",
    Vec<u8> => "application/octet-stream",
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response<Body> {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

impl IntoResponse for Infallible {
    fn into_response(self) -> Response<Body> {
        match self {}
    }
}
