//! The users: listed, looked up, added, changed, exported.

use std::sync::Arc;

use covet_kit::pool::sqlite::Error;
use covet_kit::pool::sqlite::rusqlite::params;
use covet_kit::server::RequestBody;
use covet_kit::service::{Body, Problem, json, json_bytes, path_params};
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::failed;
use crate::query::number;

const COLUMNS: &str = "SELECT id, name, email, score, active FROM user ORDER BY id";
const MAX_LIMIT: u32 = 1000;

#[derive(Serialize, Deserialize)]
struct NewUser {
    name: String,
    email: String,
    #[serde(default)]
    score: f64,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize)]
struct Id {
    id: i64,
}

/// `GET /users?limit=100&after=0`: the rows go from the statement straight to JSON.
pub(crate) async fn list(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let limit = number(request.uri(), "limit").unwrap_or(100).min(MAX_LIMIT);
    let after = number(request.uri(), "after").unwrap_or(0);
    let rows = app.rows.clone();
    let list = app.db.read_async(move |conn| {
        let sql = "SELECT id, name, email, score, active FROM user WHERE id > ? ORDER BY id LIMIT ?";
        Ok(rows.query(conn, sql, params![after, limit])?)
    });
    let list = list.await.map_err(|error| failed("listing users", &error))?;
    Ok(json_bytes(StatusCode::OK, list.into()))
}

/// `GET /users/{id:u64}`: a point read, short enough to run in the task itself.
pub(crate) async fn one(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let id = id(&request)?;
    let found = app.db.read_inline(|conn| {
        Ok(app.rows.query_one(conn, "SELECT id, name, email, score, active FROM user WHERE id = ?", [id])?)
    });
    match found.await.map_err(|error| failed("reading a user", &error))? {
        Some(user) => Ok(json_bytes(StatusCode::OK, user.into())),
        None => Err(Problem::not_found()),
    }
}

/// `POST /users`: answered when the commit that holds the row is done; concurrent requests share commits.
pub(crate) async fn add(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let NewUser { name, email, score, active } = app.bodies.read(&parts.headers, body).await?;
    let id = app.db.write_async(move |conn| {
        conn.execute(
            "INSERT INTO user (name, email, score, active) VALUES (?, ?, ?, ?)",
            params![name, email, score, active],
        )?;
        Ok(conn.last_insert_rowid())
    });
    let id = id.await.map_err(|error| taken_or_failed(&error))?;
    let mut response = json(StatusCode::CREATED, &Id { id });
    let location = HeaderValue::try_from(format!("/users/{id}")).map_err(|error| failed("a location", &error))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// `PUT /users/{id:u64}`.
pub(crate) async fn change(app: Arc<App>, request: Request<RequestBody>) -> Result<StatusCode, Problem> {
    let id = id(&request)?;
    let (parts, body) = request.into_parts();
    let NewUser { name, email, score, active } = app.bodies.read(&parts.headers, body).await?;
    let changed = app.db.write_async(move |conn| {
        let sql = "UPDATE user SET name = ?, email = ?, score = ?, active = ? WHERE id = ?";
        conn.execute(sql, params![name, email, score, active, id])
    });
    match changed.await.map_err(|error| taken_or_failed(&error))? {
        0 => Err(Problem::not_found()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// `GET /users/export`: all rows as one array, in constant memory.
pub(crate) async fn export(app: Arc<App>, _: Request<RequestBody>) -> Response<Body> {
    let body = app.rows.stream(&app.db, COLUMNS, [], |error| drop(failed("exporting users", error)));
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn id(request: &Request<RequestBody>) -> Result<i64, Problem> {
    path_params(request).and_then(|params| params.parse("id").ok()).ok_or(Problem::not_found())
}

fn taken_or_failed(error: &Error) -> Problem {
    if error.is_constraint() {
        return Problem::new(StatusCode::CONFLICT, "email-taken", "Another user has this address");
    }
    failed("writing a user", error)
}
