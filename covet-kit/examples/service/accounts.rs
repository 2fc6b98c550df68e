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
    let stored = password_of(&app, name.clone()).await?;
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
    app.revoked.revoke_facts(claims.facts()).await.map_err(|error| failed("revoking a token", &error))?;
    if let Some(session) = claims.facts().sid() {
        app.sessions.end_session(session).await.map_err(|error| not_granted(&error))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn password_of(app: &App, name: String) -> Result<Option<String>, Problem> {
    let stored = app
        .db
        .read_inline(|conn| conn.query_opt("SELECT password FROM login WHERE name = ?", [name], |row| row.get(0)))
        .await;
    stored.map_err(|error| failed("reading a login", &error))
}

async fn tokens(app: &App, grant: &Grant) -> Result<Response<Body>, Problem> {
    let name = grant.subject.clone();
    let scope = app
        .db
        .read_inline(|conn| conn.query_opt("SELECT scope FROM login WHERE name = ?", [name], |row| row.get(0)))
        .await;
    // A session of a login that has been deleted since.
    let scope: String =
        scope.map_err(|error| failed("reading a login", &error))?.ok_or_else(|| not_granted(&RefreshError::Invalid))?;
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
