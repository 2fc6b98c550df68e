//! The users: listed, looked up, added, changed, exported.

use std::sync::Arc;

use covet_kit::server::RequestBody;
use covet_kit::service::{Body, Problem, json, json_bytes, path_params};
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde::Serialize;

use crate::app::App;
use crate::database::{Failure, NewUser};
use crate::failed;
use crate::query::number;

const MAX_LIMIT: u32 = 1000;

#[derive(Serialize)]
struct Id {
    id: i64,
}

/// `GET /users?limit=100&after=0`: the rows go from the statement straight to JSON.
pub(crate) async fn list(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let limit = number(request.uri(), "limit").unwrap_or(100).min(MAX_LIMIT);
    let after = number(request.uri(), "after").unwrap_or(0);
    let list = app.db.users(after, limit).await.map_err(|error| failed("listing users", &error))?;
    Ok(json_bytes(StatusCode::OK, list.into()))
}

/// `GET /users/{id:u64}`.
pub(crate) async fn one(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let user = app.db.user(id(&request)?).await;
    match user.map_err(|error| failed("reading a user", &error))? {
        Some(user) => Ok(json_bytes(StatusCode::OK, user.into())),
        None => Err(Problem::not_found()),
    }
}

/// `POST /users`: answered when the commit that holds the row is done; concurrent requests share commits.
pub(crate) async fn add(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let user: NewUser = app.bodies.read(&parts.headers, body).await?;
    let id = app.db.add_user(user).await.map_err(|error| taken_or_failed(&error))?;
    let mut response = json(StatusCode::CREATED, &Id { id });
    let location = HeaderValue::try_from(format!("/users/{id}")).map_err(|error| failed("a location", &error))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// `PUT /users/{id:u64}`.
pub(crate) async fn change(app: Arc<App>, request: Request<RequestBody>) -> Result<StatusCode, Problem> {
    let id = id(&request)?;
    let (parts, body) = request.into_parts();
    let user: NewUser = app.bodies.read(&parts.headers, body).await?;
    match app.db.change_user(id, user).await.map_err(|error| taken_or_failed(&error))? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found()),
    }
}

/// `GET /users/export`: all rows as one array, in constant memory.
pub(crate) async fn export(app: Arc<App>, _: Request<RequestBody>) -> Response<Body> {
    let mut response = Response::new(app.db.export());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn id(request: &Request<RequestBody>) -> Result<i64, Problem> {
    path_params(request).and_then(|params| params.parse("id").ok()).ok_or(Problem::not_found())
}

fn taken_or_failed(error: &Failure) -> Problem {
    if error.is_taken() {
        return Problem::new(StatusCode::CONFLICT, "email-taken", "Another user has this address");
    }
    failed("writing a user", error)
}
