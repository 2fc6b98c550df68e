//! A stack of tower layers, tower-http's and Covet's, around routes that are plain async functions.
//!
//! `cargo run --release -p covet-kit --example tower` prints a token and what to try with it.

use std::sync::Arc;
use std::time::Duration;

use covet_kit::auth::{
    Algorithm, Blacklist, BlacklistConfig, Guard, Identity, Issuer, Revocations, SigningKey, Verifier,
};
use covet_kit::server::{RequestBody, Server};
use covet_kit::service::{Body, Claims, Problem, Routes, SharedGuard, json, path_params};
use covet_kit::tower::{NormalizePathLayer, TokenLayer};
use http::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

/// The claims beyond the registered ones.
#[derive(Serialize, Deserialize)]
pub(crate) struct Extra {
    pub(crate) scope: String,
}

#[derive(Serialize)]
struct Share {
    of: String,
    parts: u64,
    each: u64,
}

async fn share(request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let parts: u64 = path_params(&request).and_then(|params| params.parse("parts").ok()).ok_or(Problem::not_found())?;
    let who = request.extensions().get::<Claims<Extra>>().and_then(|claims| claims.facts().sub()).unwrap_or("nobody");
    // Dividing by zero panics: the layer around it answers, and the connection goes on.
    Ok(json(StatusCode::OK, &Share { of: who.to_owned(), parts, each: 1000 / parts }))
}

/// Routes in their layers: what stands first sees a request first.
pub(crate) fn stack(
    guard: SharedGuard,
) -> Result<
    impl Service<Request<RequestBody>, Response = Response<Body>, Error = std::convert::Infallible, Future: Send>
    + Clone
    + Send
    + 'static,
    covet_kit::service::RoutesError,
> {
    let routes = Routes::new().get("/shares/{parts:u64}", share).build()?;
    let stack = ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(10)))
        .layer(CatchPanicLayer::custom(|_panic: Box<dyn std::any::Any + Send>| Problem::internal().into_response()))
        .layer(NormalizePathLayer::new())
        .layer(TokenLayer::<Extra>::new(guard).scope("read"))
        .service(routes);
    Ok(stack)
}

/// A guard over an empty blacklist, and the issuer of the tokens that it accepts.
pub(crate) fn tokens() -> Result<(SharedGuard, Issuer), Box<dyn std::error::Error>> {
    let (name, hour) = ("https://shares.example", Duration::from_secs(3600));
    let key = SigningKey::from_pkcs8("k1", Algorithm::ES256, &SigningKey::generate_pkcs8(Algorithm::ES256)?)?;
    let verifier =
        Verifier::builder().key(key.verify_key()).issuer(name).audience("shares").max_lifetime(hour).build()?;
    let revoked: Arc<dyn Revocations> = Arc::new(Blacklist::new(BlacklistConfig::new().max_lifetime(hour))?);
    let issuer = Issuer::builder(name).key(key).audience("shares").lifetime(hour).build()?;
    Ok((Arc::new(Guard::new(verifier, revoked)?), issuer))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (guard, issuer) = tokens()?;
    let token = issuer.access_token(Identity::subject("ada"), &Extra { scope: "read".to_owned() })?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("TOKEN={token}");
    for path in ["/shares/4", "/%73hares/4", "/shares/0", "/shares//4"] {
        println!(r#"curl -i -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080{path}"#);
    }
    Server::new().serve(listener, stack(guard)?, async { tokio::signal::ctrl_c().await.unwrap_or(()) }).await;
    Ok(())
}
