//! The small endpoints that load tests know: plain text, JSON, one row, many rows, updates, cached rows.

use std::sync::Arc;

use covet_kit::cache::CacheKey;
use covet_kit::server::RequestBody;
use covet_kit::service::{Body, Problem, json, json_bytes};
use http::{Request, Response, StatusCode};
use serde::Serialize;

use crate::app::App;
use crate::database::{WORLDS, World};
use crate::failed;
use crate::query::number;

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

/// `GET /plaintext`.
pub(crate) async fn plaintext(_: Arc<App>, _: Request<RequestBody>) -> &'static str {
    "Hello, World!"
}

/// `GET /json`.
pub(crate) async fn message(_: Arc<App>, _: Request<RequestBody>) -> Response<Body> {
    json(StatusCode::OK, &Message { message: "Hello, World!" })
}

/// `GET /db`: one random row.
pub(crate) async fn db(app: Arc<App>, _: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let world = app.db.world(random_id()).await.map_err(|error| failed("reading a world", &error))?;
    Ok(json(StatusCode::OK, &world))
}

/// `GET /queries?n=20`: one query for each of n random rows.
pub(crate) async fn queries(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let ids = (0..count(&request)).map(|_| random_id()).collect();
    let worlds = app.db.worlds(ids).await.map_err(|error| failed("reading worlds", &error))?;
    Ok(json(StatusCode::OK, &worlds))
}

/// `GET /updates?n=20`: reads n random rows and writes a new number to each.
pub(crate) async fn updates(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let changes = (0..count(&request)).map(|_| World { id: random_id(), random_number: random_id() }).collect();
    let worlds = app.db.update_worlds(changes).await.map_err(|error| failed("updating worlds", &error))?;
    Ok(json(StatusCode::OK, &worlds))
}

/// `GET /cached?n=20`: n random rows from the cache; a commit that changes the table makes them invalid.
pub(crate) async fn cached(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let mut list = vec![b'['];
    for index in 0..count(&request) {
        let id = random_id();
        let key = CacheKey::new("world").param(id).build();
        let load = move |app: Arc<App>| async move { Ok(app.db.world_json(id).await?.map(Into::into)) };
        let world = app.cache.entry(&key).tags(&["table:world"]).load_with(&app, load).await;
        let world = world.map_err(|error| failed("reading a world", &error))?.body.ok_or(Problem::not_found())?;
        if index > 0 {
            list.push(b',');
        }
        list.extend_from_slice(&world);
    }
    list.push(b']');
    Ok(json_bytes(StatusCode::OK, list.into()))
}

fn random_id() -> u32 {
    fastrand::u32(1..=WORLDS)
}

/// `n`, from 1 to 500; 1 when it is missing or no number.
fn count(request: &Request<RequestBody>) -> u32 {
    number(request.uri(), "n").unwrap_or(1).clamp(1, 500)
}
