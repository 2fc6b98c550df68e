//! A table of routes as one tower service: dispatch, 404 and 405, HEAD and OPTIONS, and the facts of the match in the request.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use covet_router::{BuildError, InsertError, Match, Miss, Router, RouterBuilder, Target, normalize};
use http::header::{ALLOW, CONTENT_LENGTH, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;

use super::handler::ResponseFuture;
use super::{Body, IntoResponse, Problem, Route};

/// The pattern of the route that a request matched, as it was written: `/users/{id:u64}`. In the request's extensions, and in
/// the response's, where metrics find it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RoutePattern(Arc<str>);

/// The path parameters of a request, in its extensions; see [`covet_router::OwnedParams`].
pub type PathParams = covet_router::OwnedParams;

/// The path parameters of a request that a [`RouteService`] dispatched; `None` for any other.
#[must_use]
pub fn path_params<B>(request: &Request<B>) -> Option<&PathParams> {
    request.extensions().get()
}

impl RoutePattern {
    /// The pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RoutePattern").field(&&*self.0).finish()
    }
}

/// Collects routes for a [`RouteService`]. `B` is the type of the requests' bodies.
///
/// The order in which routes are added never matters: covet-router's precedence decides.
#[must_use = "routes do nothing until they are built"]
pub struct Routes<B> {
    entries: Vec<Entry<B>>,
    fallback: Option<Route<B>>,
}

struct Entry<B> {
    method: Option<Method>,
    pattern: String,
    name: Option<String>,
    route: Route<B>,
}

impl<B: Send + 'static> Routes<B> {
    /// No routes.
    pub fn new() -> Self {
        Self { entries: Vec::new(), fallback: None }
    }

    /// An async function for GET (and HEAD) at a pattern.
    pub fn get<F, Fut>(self, pattern: &str, function: F) -> Self
    where
        F: Fn(Request<B>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoResponse,
    {
        self.route(Method::GET, pattern, Route::from_fn(function))
    }

    /// An async function for POST at a pattern.
    pub fn post<F, Fut>(self, pattern: &str, function: F) -> Self
    where
        F: Fn(Request<B>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoResponse,
    {
        self.route(Method::POST, pattern, Route::from_fn(function))
    }

    /// An async function for PUT at a pattern.
    pub fn put<F, Fut>(self, pattern: &str, function: F) -> Self
    where
        F: Fn(Request<B>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoResponse,
    {
        self.route(Method::PUT, pattern, Route::from_fn(function))
    }

    /// An async function for DELETE at a pattern.
    pub fn delete<F, Fut>(self, pattern: &str, function: F) -> Self
    where
        F: Fn(Request<B>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoResponse,
    {
        self.route(Method::DELETE, pattern, Route::from_fn(function))
    }

    /// A route for one method at a pattern.
    pub fn route(mut self, method: Method, pattern: &str, route: Route<B>) -> Self {
        self.entries.push(Entry { method: Some(method), pattern: pattern.to_owned(), name: None, route });
        self
    }

    /// A route for every method that has none of its own at the pattern.
    pub fn any(mut self, pattern: &str, route: Route<B>) -> Self {
        self.entries.push(Entry { method: None, pattern: pattern.to_owned(), name: None, route });
        self
    }

    /// Names the route added last, for [`Router::url_for`] on [`RouteService::router`].
    pub fn name(mut self, name: &str) -> Self {
        if let Some(last) = self.entries.last_mut() {
            last.name = Some(name.to_owned());
        }
        self
    }

    /// Adds all routes of `other`, their patterns behind `prefix`. Its fallback is not taken over.
    pub fn nest(mut self, prefix: &str, other: Self) -> Self {
        let prefix = prefix.trim_end_matches('/');
        self.entries.extend(other.entries.into_iter().map(|entry| {
            let pattern = if entry.pattern == "/" && !prefix.is_empty() {
                prefix.to_owned()
            } else {
                format!("{prefix}{}", entry.pattern)
            };
            Entry { pattern, ..entry }
        }));
        self
    }

    /// Wraps a layer around every route added so far; routes added later stay without it. What has no route (404, 405) is not wrapped:
    /// wrap the built service for that.
    pub fn layer<L, R>(mut self, layer: &L) -> Self
    where
        L: Layer<Route<B>>,
        L::Service: Service<Request<B>, Response = Response<R>, Error = Infallible> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request<B>>>::Future: Send,
        Response<R>: IntoResponse,
    {
        for entry in &mut self.entries {
            entry.route = Route::from_service(layer.layer(entry.route.clone()));
        }
        self
    }

    /// What answers where no route matches, in place of a 404 problem.
    pub fn fallback<F, Fut>(mut self, function: F) -> Self
    where
        F: Fn(Request<B>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoResponse,
    {
        self.fallback = Some(Route::from_fn(function));
        self
    }

    /// Builds the service.
    ///
    /// # Errors
    ///
    /// The first pattern that is malformed or in conflict with another, or why the whole cannot be built.
    pub fn build(self) -> Result<RouteService<B>, RoutesError> {
        self.build_with(Router::builder())
    }

    /// Builds the service on a builder with policies (trailing slash, case), registered predicates or limits of its own.
    ///
    /// # Errors
    ///
    /// As [`Routes::build`].
    pub fn build_with(self, mut builder: RouterBuilder<Endpoint<B>>) -> Result<RouteService<B>, RoutesError> {
        for Entry { method, pattern, name, route } in self.entries {
            let endpoint = Endpoint { pattern: RoutePattern(pattern.as_str().into()), route };
            let id = match &method {
                Some(method) => builder.route(method, &pattern, endpoint),
                None => builder.insert(&pattern, endpoint),
            }
            .map_err(RoutesError::Insert)?;
            if let Some(name) = name {
                builder.name(id, &name).map_err(RoutesError::Insert)?;
            }
        }
        let router = builder.build().map_err(RoutesError::Build)?;
        Ok(RouteService { router, fallback: self.fallback })
    }
}

impl<B: Send + 'static> Default for Routes<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B> fmt::Debug for Routes<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| (&entry.method, &entry.pattern))).finish()
    }
}

/// What the router of a [`RouteService`] holds for each route.
#[derive(Debug, Clone)]
pub struct Endpoint<B> {
    pattern: RoutePattern,
    route: Route<B>,
}

/// Why routes could not be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum RoutesError {
    /// A pattern is malformed, or in conflict with another.
    Insert(InsertError),
    /// The table as a whole is past a limit.
    Build(BuildError),
}

impl fmt::Display for RoutesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insert(error) => error.fmt(f),
            Self::Build(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RoutesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Insert(error) => Some(error),
            Self::Build(error) => Some(error),
        }
    }
}

/// Dispatches requests to routes. A [`tower_service::Service`] that is always ready and cheap to clone.
///
/// The path is normalized first, so that `/%61dmin` reaches the routes and guards of `/admin`, and the request that a route sees has
/// the normalized path. A matched request carries its [`RoutePattern`] and [`PathParams`] in its extensions; so does the response
/// the pattern.
///
/// | request | answer |
/// |---|---|
/// | path with a malformed escape, a control character, `//`, or a `.` or `..` segment | 400 `path-malformed` |
/// | path past the router's limit | 414 `path-too-long` |
/// | no route | the fallback, or 404 `not-found` |
/// | another form of the path has a route, under a redirect policy | 308 with `Location` |
/// | a route, but not for this method | 405 `method-not-allowed` with `Allow` |
/// | `OPTIONS` without a route of its own | 204 with `Allow` |
/// | `HEAD` without a route of its own | the GET route's answer, without its body |
///
/// ```
/// use covet_kit::service::{Body, Routes, path_params};
/// use http::Request;
/// use tower::ServiceExt;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let double = async |request: Request<Body>| {
///     let number: Option<u64> = path_params(&request).and_then(|params| params.parse("n").ok());
///     number.unwrap_or(0).wrapping_mul(2).to_string()
/// };
/// let service = Routes::new().get("/double/{n:u64}", double).build()?;
///
/// let response = service.clone().oneshot(Request::get("/double/21").body(Body::empty()).unwrap()).await.unwrap();
/// assert_eq!(response.status(), 200);
/// let response = service.oneshot(Request::post("/double/21").body(Body::empty()).unwrap()).await.unwrap();
/// assert_eq!((response.status().as_u16(), response.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD, OPTIONS"));
/// # Ok::<(), covet_kit::service::RoutesError>(()) }).unwrap();
/// ```
pub struct RouteService<B> {
    router: Router<Endpoint<B>>,
    fallback: Option<Route<B>>,
}

impl<B> RouteService<B> {
    /// The router: to build URLs, to list and explain routes.
    #[must_use]
    pub fn router(&self) -> &Router<Endpoint<B>> {
        &self.router
    }

    fn dispatch(&self, mut request: Request<B>) -> Dispatched {
        if let Err(problem) = normalize_path(request.uri_mut()) {
            return Dispatched::answer(problem.into_response());
        }
        let target = Target::from_request_parts(request.method(), request.uri(), request.headers());
        let found = match self.router.lookup(&target) {
            Ok(found) => found,
            Err(miss) => return self.missed(&miss, request),
        };
        let Match { value: Endpoint { pattern, route }, ref params, .. } = found;
        let params = params.to_owned();
        let mut route = route.clone();
        let pattern = pattern.clone();
        let is_head = *request.method() == Method::HEAD && found.method() != Some(&Method::HEAD);
        request.extensions_mut().insert(pattern.clone());
        request.extensions_mut().insert(params);
        Dispatched { response: route.call(request), pattern: Some(pattern), is_head }
    }

    fn missed(&self, miss: &Miss<'_>, request: Request<B>) -> Dispatched {
        let status = miss.status(request.method());
        Dispatched::answer(match miss {
            Miss::MethodNotAllowed { allow } if status == StatusCode::NO_CONTENT => {
                with_header(status, ALLOW, (*allow).clone())
            }
            Miss::MethodNotAllowed { allow } => {
                Problem::new(status, "method-not-allowed", "This path has other methods")
                    .header(ALLOW, (*allow).clone())
                    .into_response()
            }
            Miss::TooLong { .. } => Problem::new(status, "path-too-long", "The path is too long").into_response(),
            Miss::Redirect { location } => match redirect_target(location, request.uri()) {
                Some(location) => with_header(status, LOCATION, location),
                None => Problem::not_found().into_response(),
            },
            _ => match &self.fallback {
                Some(fallback) => {
                    return Dispatched { response: fallback.clone().call(request), pattern: None, is_head: false };
                }
                None => Problem::not_found().into_response(),
            },
        })
    }
}

impl<B: Send + 'static> Service<Request<B>> for RouteService<B> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Dispatched;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Dispatched {
        self.dispatch(request)
    }
}

impl<B> Clone for RouteService<B> {
    fn clone(&self) -> Self {
        Self { router: self.router.clone(), fallback: self.fallback.clone() }
    }
}

impl<B> fmt::Debug for RouteService<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteService").field("routes", &self.router.len()).finish_non_exhaustive()
    }
}

/// The future of a [`RouteService`].
#[must_use = "futures do nothing unless polled"]
pub struct Dispatched {
    response: ResponseFuture,
    pattern: Option<RoutePattern>,
    is_head: bool,
}

impl Dispatched {
    fn answer(response: Response<Body>) -> Self {
        Self { response: Box::pin(std::future::ready(Ok(response))), pattern: None, is_head: false }
    }
}

impl Future for Dispatched {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(mut response) = std::task::ready!(self.response.as_mut().poll(cx));
        if let Some(pattern) = self.pattern.take() {
            response.extensions_mut().insert(pattern);
        }
        Poll::Ready(Ok(if self.is_head { without_body(response) } else { response }))
    }
}

impl fmt::Debug for Dispatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatched").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}

/// Brings the path into its one canonical form, or refuses it.
pub(crate) fn normalize_path(uri: &mut Uri) -> Result<(), Problem> {
    let malformed = || Problem::new(StatusCode::BAD_REQUEST, "path-malformed", "The path is malformed");
    let path = uri.path();
    // The authority form (CONNECT) and the asterisk form (OPTIONS) have no path.
    if !path.starts_with('/') {
        return Ok(());
    }
    let std::borrow::Cow::Owned(path) = normalize(path).map_err(|_| malformed())? else {
        return Ok(());
    };
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).map_err(|_| malformed())?);
    *uri = Uri::from_parts(parts).map_err(|_| malformed())?;
    Ok(())
}

fn redirect_target(location: &str, uri: &Uri) -> Option<HeaderValue> {
    let target = match uri.query() {
        Some(query) => format!("{location}?{query}"),
        None => location.to_owned(),
    };
    HeaderValue::try_from(target).ok()
}

fn with_header(status: StatusCode, name: http::HeaderName, value: HeaderValue) -> Response<Body> {
    let mut response = status.into_response();
    response.headers_mut().insert(name, value);
    response
}

/// The answer to HEAD: what GET would have answered, with the length of its body and not the body.
fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
    Response::from_parts(parts, Body::empty())
}
