//! Bearer tokens in front of routes: verified, not revoked, with the scopes that the route wants.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use covet_auth::{AuthError, Guard, Revocations, Verified, bearer};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use tower_layer::Layer;
use tower_service::Service;

use super::{Body, IntoResponse, Problem};

/// A guard whose kind of revocations is not in its type: what applications keep in their state, and what the adapters' extractors and
/// layers look for.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use covet_kit::auth::{Algorithm, Blacklist, BlacklistConfig, Guard, Revocations, SigningKey, Verifier};
/// use covet_kit::service::SharedGuard;
///
/// let key = SigningKey::secret("k1", Algorithm::HS256, b"0123456789abcdef0123456789abcdef")?;
/// let hour = Duration::from_secs(3600);
/// let verifier =
///     Verifier::builder().key(key.verify_key()).issuer("https://id.example").audience("api").max_lifetime(hour).build()?;
/// let revoked: Arc<dyn Revocations> = Arc::new(Blacklist::new(BlacklistConfig::new().max_lifetime(hour))?);
/// let guard: SharedGuard = Arc::new(Guard::new(verifier, revoked)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type SharedGuard = Arc<Guard<Arc<dyn Revocations>>>;

/// The verified token of a request, put into its extensions by [`GuardLayer`]. Clones share it.
pub struct Claims<C>(Arc<Verified<C>>);

impl<C> std::ops::Deref for Claims<C> {
    type Target = Verified<C>;

    fn deref(&self) -> &Verified<C> {
        &self.0
    }
}

impl<C> Clone for Claims<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Never prints the token or its claims.
impl<C> fmt::Debug for Claims<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claims").field(self.0.facts()).finish()
    }
}

/// Lets requests through that carry a good bearer token; the others are answered with a [`Problem`]: 401, 403 or 503 as
/// [`AuthError`] says, with `WWW-Authenticate` or `Retry-After`.
///
/// `C` is the type of the claims; the request's extensions get [`Claims<C>`]. It fits around one route, all routes of a nest
/// ([`Routes::layer`](super::Routes::layer)), or any other tower service.
pub struct GuardLayer<C, R> {
    gate: Arc<Gate<R>>,
    claims: PhantomData<fn() -> C>,
}

/// A guard, and the scopes that are wanted.
pub(crate) struct Gate<R> {
    pub(crate) guard: Arc<Guard<R>>,
    pub(crate) scopes: Vec<String>,
}

impl<C, R: Revocations> GuardLayer<C, R> {
    /// Any good token is let through.
    #[must_use]
    pub fn new(guard: Arc<Guard<R>>) -> Self {
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

impl<R: Revocations> Gate<R> {
    /// Waits only when the token names a key that has to be fetched.
    pub(crate) async fn admit<C: DeserializeOwned>(&self, authorization: Option<&str>) -> Result<Claims<C>, AuthError> {
        let claims = authenticate(&self.guard, authorization).await?;
        let has_all = self.scopes.iter().all(|scope| claims.facts().has_scope(scope));
        if has_all { Ok(claims) } else { Err(AuthError::Scope) }
    }
}

/// Judges an `Authorization` header. Waits only when the token names a key that has to be fetched.
pub(crate) async fn authenticate<C: DeserializeOwned, R: Revocations>(
    guard: &Guard<R>,
    authorization: Option<&str>,
) -> Result<Claims<C>, AuthError> {
    let token = bearer(authorization)?;
    let verified = match guard.authenticate(token) {
        Err(AuthError::UnknownKey | AuthError::KeysUnavailable { .. }) => guard.authenticate_fresh(token).await,
        judged => judged,
    }?;
    Ok(Claims(Arc::new(verified)))
}

/// The text of a request's `Authorization` header.
pub(crate) fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok())
}

impl<S, C, R> Layer<S> for GuardLayer<C, R> {
    type Service = Guarded<S, C, R>;

    fn layer(&self, service: S) -> Guarded<S, C, R> {
        Guarded { service, layer: self.clone() }
    }
}

/// A service behind a [`GuardLayer`].
pub struct Guarded<S, C, R> {
    service: S,
    layer: GuardLayer<C, R>,
}

impl<S, B, T, C, R> Service<Request<B>> for Guarded<S, C, R>
where
    S: Service<Request<B>, Response = Response<T>> + Clone + Send + 'static,
    S::Future: Send,
    Response<T>: IntoResponse,
    B: Send + 'static,
    C: DeserializeOwned + Send + Sync + 'static,
    R: Revocations + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone takes this service's place; the one that was polled ready answers.
        let clone = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, clone);
        let gate = self.layer.gate.clone();
        Box::pin(async move {
            // Only the headers go into the future that may wait: the body need not be `Sync`.
            let (mut parts, body) = request.into_parts();
            match gate.admit::<C>(authorization(&parts.headers)).await {
                Ok(claims) => {
                    parts.extensions.insert(claims);
                    service.call(Request::from_parts(parts, body)).await.map(IntoResponse::into_response)
                }
                Err(error) => Ok(Problem::from(error).into_response()),
            }
        })
    }
}

/// What [`AuthError`] tells the client, and nothing of which check failed.
impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let problem = match error.status() {
            403 => Self::new(StatusCode::FORBIDDEN, "forbidden", "The token does not allow this"),
            503 => Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The token cannot be judged now"),
            _ => Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "A valid token is needed"),
        };
        let problem = match error.www_authenticate() {
            Some(challenge) => problem.header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge)),
            None => problem,
        };
        match error.retry_after() {
            Some(pause) => problem.header(RETRY_AFTER, pause.as_secs().max(1).into()),
            None => problem,
        }
    }
}

impl<C, R> Clone for GuardLayer<C, R> {
    fn clone(&self) -> Self {
        Self { gate: self.gate.clone(), claims: PhantomData }
    }
}

impl<C, R> fmt::Debug for GuardLayer<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer").field("scopes", &self.gate.scopes).finish_non_exhaustive()
    }
}

impl<S: Clone, C, R> Clone for Guarded<S, C, R> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), layer: self.layer.clone() }
    }
}

impl<S: fmt::Debug, C, R> fmt::Debug for Guarded<S, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("service", &self.service).field("layer", &self.layer).finish()
    }
}
