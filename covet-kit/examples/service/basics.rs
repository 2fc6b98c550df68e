//! The small endpoints that load tests know: plain text, JSON, one row, many rows, updates, cached rows.

use std::sync::Arc;

use covet_kit::cache::CacheKey;
use covet_kit::pool::sqlite::rusqlite::{Row, params};
use covet_kit::pool::sqlite::{Conn, Error, rusqlite};
use covet_kit::server::RequestBody;
use covet_kit::service::{Body, Problem, json, json_bytes};
use http::{Request, Response, StatusCode};
use serde::Serialize;

use crate::app::App;
use crate::database::WORLDS;
use crate::failed;
use crate::query::number;

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Serialize)]
struct World {
    id: u32,
    random_number: u32,
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
    let world = app.db.read_inline(|conn| read(conn, random_id())).await;
    Ok(json(StatusCode::OK, &world.map_err(|error| failed("reading a world", &error))?))
}

/// `GET /queries?n=20`: one query for each of n random rows.
pub(crate) async fn queries(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let count = count(&request);
    let worlds =
        app.db.read_async(move |conn| (0..count).map(|_| read(conn, random_id())).collect::<Result<Vec<_>, _>>()).await;
    Ok(json(StatusCode::OK, &worlds.map_err(|error| failed("reading worlds", &error))?))
}

/// `GET /updates?n=20`: reads n random rows and writes a new number to each.
pub(crate) async fn updates(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let count = count(&request);
    let worlds = app.db.write_async(move |conn| {
        (0..count)
            .map(|_| {
                let world = World { random_number: random_id(), ..read(conn, random_id())? };
                conn.execute(
                    "UPDATE world SET random_number = ? WHERE id = ?",
                    params![world.random_number, world.id],
                )?;
                Ok(world)
            })
            .collect::<Result<Vec<_>, Error>>()
    });
    Ok(json(StatusCode::OK, &worlds.await.map_err(|error| failed("updating worlds", &error))?))
}

/// `GET /cached?n=20`: n random rows from the cache; a commit that changes the table makes them invalid.
pub(crate) async fn cached(app: Arc<App>, request: Request<RequestBody>) -> Result<Response<Body>, Problem> {
    let mut list = vec![b'['];
    for index in 0..count(&request) {
        let id = random_id();
        let key = CacheKey::new("world").param(id).build();
        let (db, rows) = (app.db.clone(), app.rows.clone());
        let load = move || async move {
            let sql = "SELECT id, random_number FROM world WHERE id = ?";
            Ok(db.read_inline(|conn| Ok(rows.query_one(conn, sql, [id])?)).await?.map(Into::into))
        };
        let world = app.cache.entry(&key).tags(&["table:world"]).load(load).await;
        let world = world.map_err(|error| failed("reading a world", &error))?.body.ok_or(Problem::not_found())?;
        if index > 0 {
            list.push(b',');
        }
        list.extend_from_slice(&world);
    }
    list.push(b']');
    Ok(json_bytes(StatusCode::OK, list.into()))
}

fn read(conn: &Conn, id: u32) -> Result<World, Error> {
    conn.query_row("SELECT id, random_number FROM world WHERE id = ?", [id], world)
}

fn world(row: &Row<'_>) -> rusqlite::Result<World> {
    Ok(World { id: row.get(0)?, random_number: row.get(1)? })
}

fn random_id() -> u32 {
    fastrand::u32(1..=WORLDS)
}

/// `n`, from 1 to 500; 1 when it is missing or no number.
fn count(request: &Request<RequestBody>) -> u32 {
    number(request.uri(), "n").unwrap_or(1).clamp(1, 500)
}
