//! Logging in, refreshing, logging out.

use std::sync::Arc;

use covet_kit::auth::{Grant, RefreshError};
use covet_kit::server::RequestBody;
use covet_kit::service::{Body, Claims, Problem, json};
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::failed;
use crate::passwords::Refused;

/// The claims of an access token beyond the registered ones.
#[derive(Serialize, Deserialize)]
pub(crate) struct Scope {
    pub(crate) scope: String,
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
}

#[derive(Deserialize)]
struct Refresh {
    refresh_token: String,
}

/// The answer of RFC 6749, section 5.1.
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
}

/// `POST /login` with `{"name": .., "password": ..}`.
pub(crate) async fn login(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let Login { name, password } = app.bodies.read(&parts.headers, body).await?;
    let stored = app.db.login(&name).await.map_err(|error| failed("reading a login", &error))?;
    let stored = stored.map(|login| login.password);
    let is_right = app.passwords.verify(&name, stored, password).await.map_err(|refused| answer(&refused))?;
    if !is_right {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "login-failed", "The name or the password is wrong"));
    }
    let grant = app.sessions.start(&name).await.map_err(|error| not_granted(&error))?;
    tokens(&app, &grant).await
}

/// `POST /refresh` with `{"refresh_token": ..}`.
pub(crate) async fn refresh(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let Refresh { refresh_token } = app.bodies.read(&parts.headers, body).await?;
    let grant = app.sessions.rotate(&refresh_token).await.map_err(|error| not_granted(&error))?;
    tokens(&app, &grant).await
}

/// `POST /logout` with an access token: the session ends, with every token of it. Answered when the database has it.
pub(crate) async fn logout(app: Arc<App>, request: Request<RequestBody>) -> Result<StatusCode, Problem> {
    let Some(claims) = request.extensions().get::<Claims<Scope>>() else {
        return Err(Problem::internal());
    };
    app.revoked.revoke(claims.facts()).await.map_err(|error| failed("revoking a token", &error))?;
    if let Some(session) = claims.facts().sid() {
        app.sessions.end_session(session).await.map_err(|error| not_granted(&error))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn tokens(app: &App, grant: &Grant) -> Result<Response<Body>, Problem> {
    let login = app.db.login(&grant.subject).await.map_err(|error| failed("reading a login", &error))?;
    // None: a session of a login that has been deleted since.
    let scope = login.ok_or_else(|| not_granted(&RefreshError::Invalid))?.scope;
    let issuer = app.sessions.issuer();
    let access_token =
        issuer.access_token(grant.identity(), &Scope { scope }).map_err(|error| failed("signing a token", &error))?;
    let tokens = Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: issuer.lifetime().as_secs(),
        refresh_token: grant.refresh_token.clone(),
    };
    let mut response = json(StatusCode::OK, &tokens);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn answer(refused: &Refused) -> Problem {
    let pause = match refused {
        Refused::Throttled { retry_after } => retry_after.as_secs() + 1,
        Refused::Busy => 1,
    };
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-logins", "Try again later")
        .header(header::RETRY_AFTER, pause.into())
}

fn not_granted(error: &RefreshError) -> Problem {
    if error.is_unavailable() {
        return failed("a session", error);
    }
    if error.is_reuse() {
        tracing::warn!("a refresh token was used twice; its session has been ended");
    }
    Problem::new(StatusCode::UNAUTHORIZED, "refresh-failed", "The session has ended: log in again")
}
