//! Bearer tokens: as an extractor for one handler, as middleware for many.

use std::fmt;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError};
use covet_auth::{Guard, Revocations, Verified};
use serde::de::DeserializeOwned;

use super::not_configured;
use crate::service::{Claims, Gate, Problem, SharedGuard, authenticate};

/// A request's verified token, with claims of type `C`. Extracting it demands a good `Authorization: Bearer` header: a request
/// without one never reaches the handler.
///
/// The [`SharedGuard`] comes from the app's data, as `web::Data::from(guard)`. Behind [`TokenMiddleware`] the token is not verified a second
/// time. `Option<Authenticated<C>>` is `None` for any request without a good token.
///
/// The error is a [`Problem`]: 401, 403 or 503 as [`AuthError`](covet_auth::AuthError) says, with `WWW-Authenticate` or `Retry-After`.
///
/// ```
/// use actix_web::{App, get, web};
/// use covet_kit::actix::Authenticated;
/// use covet_kit::service::{Problem, SharedGuard};
///
/// #[derive(serde::Deserialize)]
/// struct Staff {
///     department: String,
/// }
///
/// #[get("/department")]
/// async fn department(user: Authenticated<Staff>) -> Result<String, Problem> {
///     user.require_scope("read")?;
///     Ok(user.claims().department.clone())
/// }
///
/// fn configure(config: &mut web::ServiceConfig, guard: SharedGuard) {
///     config.app_data(web::Data::from(guard)).service(department);
/// }
/// ```
pub struct Authenticated<C>(pub Claims<C>);

impl<C: DeserializeOwned + 'static> FromRequest for Authenticated<C> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if let Some(claims) = request.extensions().get::<Claims<C>>() {
            return Box::pin(ready(Ok(Self(claims.clone()))));
        }
        let request = request.clone();
        Box::pin(async move {
            let guard = request.app_data::<Data<Guard<Arc<dyn Revocations>>>>().ok_or_else(not_configured)?;
            let claims = authenticate::<C, _>(guard, authorization(&request)).await?;
            request.extensions_mut().insert(claims.clone());
            Ok(Self(claims))
        })
    }
}

fn authorization(request: &HttpRequest) -> Option<&str> {
    request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok())
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

/// Lets requests through that carry a good bearer token, for `App::wrap` and `Scope::wrap`; the others are answered with a
/// [`Problem`]. Handlers behind it take the token as [`Authenticated<C>`].
///
/// ```
/// use actix_web::{Scope, get, web};
/// use covet_kit::actix::{Authenticated, TokenMiddleware};
/// use covet_kit::service::SharedGuard;
///
/// #[derive(serde::Deserialize)]
/// struct Extra {}
///
/// #[get("/who")]
/// async fn who(user: Authenticated<Extra>) -> String {
///     user.facts().sub().unwrap_or("nobody").to_owned()
/// }
///
/// fn admin(guard: SharedGuard) -> impl actix_web::dev::HttpServiceFactory {
///     web::scope("/admin").wrap(TokenMiddleware::<Extra>::new(guard).scope("admin")).service(who)
/// }
/// ```
pub struct TokenMiddleware<C> {
    gate: Arc<Gate<Arc<dyn Revocations>>>,
    claims: PhantomData<fn() -> C>,
}

impl<C> TokenMiddleware<C> {
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

impl<C> Clone for TokenMiddleware<C> {
    fn clone(&self) -> Self {
        Self { gate: self.gate.clone(), claims: PhantomData }
    }
}

impl<C> fmt::Debug for TokenMiddleware<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenMiddleware").field("scopes", &self.gate.scopes).finish_non_exhaustive()
    }
}

impl<S, B, C> Transform<S, ServiceRequest> for TokenMiddleware<C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
    C: DeserializeOwned + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = TokenService<S, C>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(TokenService { service: Rc::new(service), middleware: self.clone() }))
    }
}

/// A service behind [`TokenMiddleware`].
pub struct TokenService<S, C> {
    service: Rc<S>,
    middleware: TokenMiddleware<C>,
}

impl<S, B, C> Service<ServiceRequest> for TokenService<S, C>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
    C: DeserializeOwned + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (service, gate) = (self.service.clone(), self.middleware.gate.clone());
        Box::pin(async move {
            match gate.admit::<C>(authorization(request.request())).await {
                Ok(claims) => {
                    request.extensions_mut().insert::<Claims<C>>(claims);
                    service.call(request).await.map(ServiceResponse::map_into_left_body)
                }
                // A response and not an error, so that the middleware around this one sees it as any other.
                Err(error) => {
                    let response = Problem::from(error).error_response();
                    Ok(request.into_response(response).map_into_right_body())
                }
            }
        })
    }
}

impl<S: fmt::Debug, C> fmt::Debug for TokenService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService").field("service", &self.service).field("middleware", &self.middleware).finish()
    }
}
