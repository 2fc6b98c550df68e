//! Bearer tokens: as an extractor for one handler, as a layer for many.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts, Request};
use axum_core::response::{IntoResponse, Response};
use covet_auth::{Revocations, Verified};
use http::request::Parts;
use serde::de::DeserializeOwned;
use tower_layer::Layer;
use tower_service::Service;

use crate::service::{Claims, Gate, Problem, SharedGuard, authenticate, authorization};

/// A request's verified token, with claims of type `C`. Extracting it demands a good `Authorization: Bearer` header: a request
/// without one never reaches the handler.
///
/// The state gives the [`SharedGuard`] through [`FromRef`]. Behind a [`TokenLayer`] the token is not verified a second time. `Option<Authenticated<C>>`
/// is `None` for a request without a token, and still refuses a bad one.
///
/// The rejection is a [`Problem`]: 401, 403 or 503 as [`AuthError`](covet_auth::AuthError) says, with `WWW-Authenticate` or `Retry-After`.
///
/// ```
/// use axum::extract::FromRef;
/// use axum::{Router, routing::get};
/// use covet_kit::axum::Authenticated;
/// use covet_kit::service::{Problem, SharedGuard};
///
/// #[derive(Clone)]
/// struct AppState {
///     guard: SharedGuard,
/// }
///
/// impl FromRef<AppState> for SharedGuard {
///     fn from_ref(state: &AppState) -> Self {
///         state.guard.clone()
///     }
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Staff {
///     department: String,
/// }
///
/// async fn department(user: Authenticated<Staff>) -> Result<String, Problem> {
///     user.require_scope("read")?;
///     Ok(user.claims().department.clone())
/// }
///
/// let app: Router<AppState> = Router::new().route("/department", get(department));
/// ```
pub struct Authenticated<C>(pub Claims<C>);

impl<S, C> FromRequestParts<S> for Authenticated<C>
where
    S: Send + Sync,
    SharedGuard: FromRef<S>,
    C: DeserializeOwned + Send + Sync + 'static,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if let Some(claims) = parts.extensions.get::<Claims<C>>() {
            return Ok(Self(claims.clone()));
        }
        let claims = authenticate(&SharedGuard::from_ref(state), authorization(&parts.headers)).await?;
        parts.extensions.insert::<Claims<C>>(claims.clone());
        Ok(Self(claims))
    }
}

impl<S, C> OptionalFromRequestParts<S> for Authenticated<C>
where
    S: Send + Sync,
    SharedGuard: FromRef<S>,
    C: DeserializeOwned + Send + Sync + 'static,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        if !parts.headers.contains_key(http::header::AUTHORIZATION) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}

impl<C> Deref for Authenticated<C> {
    type Target = Verified<C>;

    fn deref(&self) -> &Verified<C> {
        &self.0
    }
}

impl<C> Clone for Authenticated<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Never prints the token or its claims.
impl<C> fmt::Debug for Authenticated<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authenticated").field(&self.0).finish()
    }
}

/// Lets requests through that carry a good bearer token, for [`Router::layer`] and [`Router::route_layer`]; the others are answered
/// with a [`Problem`].
///
/// Handlers behind it take the token as [`Authenticated<C>`], or as `Extension<Claims<C>>` where the state has no guard.
///
/// ```
/// use axum::{Extension, Router, routing::get};
/// use covet_kit::axum::TokenLayer;
/// use covet_kit::service::{Claims, SharedGuard};
///
/// #[derive(serde::Deserialize)]
/// struct Extra {}
///
/// fn admin(guard: SharedGuard) -> Router {
///     let who = async |Extension(user): Extension<Claims<Extra>>| user.facts().sub().unwrap_or("nobody").to_owned();
///     Router::new().route("/who", get(who)).route_layer(TokenLayer::<Extra>::new(guard).scope("admin"))
/// }
/// ```
///
/// [`Router::layer`]: https://docs.rs/axum/0.8/axum/struct.Router.html#method.layer
/// [`Router::route_layer`]: https://docs.rs/axum/0.8/axum/struct.Router.html#method.route_layer
pub struct TokenLayer<C> {
    gate: Arc<Gate<Arc<dyn Revocations>>>,
    claims: PhantomData<fn() -> C>,
}

impl<C> TokenLayer<C> {
    /// Any good token is let through.
    #[must_use]
    pub fn new(guard: SharedGuard) -> Self {
        Self { gate: Arc::new(Gate { guard, scopes: Vec::new() }), claims: PhantomData }
    }

    /// The token must also have this scope; several calls ask for several scopes.
    #[must_use]
    pub fn scope(self, scope: &str) -> Self {
        let mut scopes = self.gate.scopes.clone();
        scopes.push(scope.to_owned());
        Self { gate: Arc::new(Gate { guard: self.gate.guard.clone(), scopes }), claims: PhantomData }
    }
}

impl<C> Clone for TokenLayer<C> {
    fn clone(&self) -> Self {
        Self { gate: self.gate.clone(), claims: PhantomData }
    }
}

impl<C> fmt::Debug for TokenLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenLayer").field("scopes", &self.gate.scopes).finish_non_exhaustive()
    }
}

impl<S, C> Layer<S> for TokenLayer<C> {
    type Service = TokenService<S, C>;

    fn layer(&self, service: S) -> TokenService<S, C> {
        TokenService { service, layer: self.clone() }
    }
}

/// A service behind a [`TokenLayer`].
pub struct TokenService<S, C> {
    service: S,
    layer: TokenLayer<C>,
}

impl<S, C> Service<Request> for TokenService<S, C>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
    C: DeserializeOwned + Send + Sync + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The clone takes this service's place; the one that was polled ready answers.
        let clone = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, clone);
        let gate = self.layer.gate.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match gate.admit::<C>(authorization(&parts.headers)).await {
                Ok(claims) => {
                    parts.extensions.insert(claims);
                    service.call(Request::from_parts(parts, body)).await.map(IntoResponse::into_response)
                }
                Err(error) => Ok(IntoResponse::into_response(Problem::from(error))),
            }
        })
    }
}

impl<S: Clone, C> Clone for TokenService<S, C> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), layer: self.layer.clone() }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for TokenService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService").field("service", &self.service).field("layer", &self.layer).finish()
    }
}
