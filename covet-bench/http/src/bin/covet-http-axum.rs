//! The endpoints of the service example on axum, `serde_json`, deadpool-sqlite, jsonwebtoken and moka, each used the way its own
//! documents show. Reads share a pool of the default size; writes have a pool of one connection, so that none of them waits
//! in SQLite's busy loop.
//!
//! Settings come from the environment: `LISTEN`, `DATABASE`, `JWKS` (a file).

#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::env;
use std::error::Error;
use std::fs;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use deadpool_sqlite::{Config, Hook, HookError, Pool, Runtime};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use moka::future::Cache;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

const WORLDS: u32 = 10_000;

#[derive(Clone)]
struct App {
    readers: Pool,
    writer: Pool,
    cache: Cache<u32, World>,
    key: Arc<DecodingKey>,
    validation: Arc<Validation>,
    revoked: Arc<RwLock<HashSet<String>>>,
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Clone, Copy, Serialize)]
struct World {
    id: u32,
    random_number: u32,
}

#[derive(Serialize)]
struct User {
    id: i64,
    name: String,
    email: String,
    score: f64,
    active: i64,
}

#[derive(Deserialize)]
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

#[derive(Deserialize)]
struct Count {
    n: Option<u32>,
}

impl Count {
    fn get(&self) -> u32 {
        self.n.unwrap_or(1).clamp(1, 500)
    }
}

/// A failure of the service's own: logged, and answered without its text.
struct Failure(String);

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        eprintln!("{}", self.0);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// The caller, once the token is verified and found not to be revoked.
struct SignedIn;

#[derive(Deserialize)]
struct Claims {
    jti: String,
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, StatusCode> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)?;
        let verified = jsonwebtoken::decode::<Claims>(token, &app.key, &app.validation);
        let claims = verified.map_err(|_| StatusCode::UNAUTHORIZED)?.claims;
        let revoked = app.revoked.read().unwrap_or_else(PoisonError::into_inner);
        if revoked.contains(&claims.jti) { Err(StatusCode::UNAUTHORIZED) } else { Ok(Self) }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = env::var("DATABASE")?;
    let (key, validation) = verification(&fs::read_to_string(env::var("JWKS")?)?)?;
    let app = App {
        readers: pool(&database, None)?,
        writer: pool(&database, Some(1))?,
        cache: Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(10)).build(),
        key: Arc::new(key),
        validation: Arc::new(validation),
        revoked: Arc::default(),
    };
    let routes = Router::new()
        .route("/plaintext", get(|| async { "Hello, World!" }))
        .route("/json", get(|| async { Json(Message { message: "Hello, World!" }) }))
        .route("/db", get(db))
        .route("/queries", get(queries))
        .route("/updates", get(updates))
        .route("/cached", get(cached))
        .route("/users/{id}", get(user))
        .route("/users", axum::routing::post(add))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind(env::var("LISTEN")?).await?;
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("TCP_NODELAY: {error}");
        }
    });
    axum::serve(listener, routes).await?;
    Ok(())
}

fn verification(jwks: &str) -> Result<(DecodingKey, Validation), Box<dyn Error>> {
    let keys: JwkSet = serde_json::from_str(jwks)?;
    let key = DecodingKey::from_jwk(keys.keys.first().ok_or("no key")?)?;
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&["https://service.example"]);
    validation.set_audience(&["service"]);
    Ok((key, validation))
}

fn pool(database: &str, size: Option<usize>) -> Result<Pool, Box<dyn Error>> {
    let mut builder = Config::new(database).builder(Runtime::Tokio1)?;
    if let Some(size) = size {
        builder = builder.max_size(size);
    }
    let settings = Hook::async_fn(|conn: &mut _, _| {
        Box::pin(async move {
            let set = conn.interact(|conn| {
                conn.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            });
            let done = set.await.map_err(|error| HookError::message(error.to_string()))?;
            done.map_err(|error| HookError::message(error.to_string()))
        })
    });
    Ok(builder.post_create(settings).build()?)
}

async fn db(State(app): State<App>) -> Result<Json<World>, Failure> {
    let conn = app.readers.get().await?;
    Ok(Json(conn.interact(|conn| read(conn, random_id())).await??))
}

async fn queries(State(app): State<App>, Query(count): Query<Count>) -> Result<Json<Vec<World>>, Failure> {
    let conn = app.readers.get().await?;
    let count = count.get();
    let worlds = conn.interact(move |conn| (0..count).map(|_| read(conn, random_id())).collect::<Result<Vec<_>, _>>());
    Ok(Json(worlds.await??))
}

async fn updates(State(app): State<App>, Query(count): Query<Count>) -> Result<Json<Vec<World>>, Failure> {
    let conn = app.writer.get().await?;
    let count = count.get();
    let worlds = conn.interact(move |conn| {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let worlds = (0..count).map(|_| update(&tx)).collect::<Result<Vec<_>, _>>()?;
        tx.commit()?;
        Ok::<_, rusqlite::Error>(worlds)
    });
    let worlds = worlds.await??;
    for world in &worlds {
        app.cache.invalidate(&world.id).await;
    }
    Ok(Json(worlds))
}

async fn cached(State(app): State<App>, Query(count): Query<Count>) -> Result<Json<Vec<World>>, Failure> {
    let mut worlds = Vec::with_capacity(count.get() as usize);
    for _ in 0..count.get() {
        let id = random_id();
        let load = async {
            let conn = app.readers.get().await.map_err(|error| error.to_string())?;
            let world = conn.interact(move |conn| read(conn, id)).await.map_err(|error| error.to_string())?;
            world.map_err(|error| error.to_string())
        };
        worlds.push(app.cache.try_get_with(id, load).await.map_err(|error| Failure(error.to_string()))?);
    }
    Ok(Json(worlds))
}

async fn user(State(app): State<App>, _: SignedIn, Path(id): Path<i64>) -> Result<Response, Failure> {
    let conn = app.readers.get().await?;
    let found = conn.interact(move |conn| {
        let mut statement = conn.prepare_cached("SELECT id, name, email, score, active FROM user WHERE id = ?")?;
        statement
            .query_row([id], |row| {
                let (id, name, email) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(User { id, name, email, score: row.get(3)?, active: row.get(4)? })
            })
            .optional()
    });
    Ok(found.await??.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |user| Json(user).into_response()))
}

async fn add(State(app): State<App>, _: SignedIn, Json(new): Json<NewUser>) -> Result<Response, Failure> {
    let conn = app.writer.get().await?;
    let inserted = conn.interact(move |conn| {
        let sql = "INSERT INTO user (name, email, score, active) VALUES (?, ?, ?, ?)";
        conn.prepare_cached(sql)?.insert(params![new.name, new.email, new.score, new.active])
    });
    match inserted.await? {
        Ok(id) => {
            let location = [(header::LOCATION, format!("/users/{id}"))];
            Ok((StatusCode::CREATED, location, Json(Id { id })).into_response())
        }
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Ok(StatusCode::CONFLICT.into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn read(conn: &Connection, id: u32) -> rusqlite::Result<World> {
    conn.prepare_cached("SELECT id, random_number FROM world WHERE id = ?")?.query_row([id], world)
}

fn update(conn: &Connection) -> rusqlite::Result<World> {
    let world = World { random_number: random_id(), ..read(conn, random_id())? };
    let mut statement = conn.prepare_cached("UPDATE world SET random_number = ? WHERE id = ?")?;
    statement.execute(params![world.random_number, world.id])?;
    Ok(world)
}

fn world(row: &Row<'_>) -> rusqlite::Result<World> {
    Ok(World { id: row.get(0)?, random_number: row.get(1)? })
}

fn random_id() -> u32 {
    fastrand::u32(1..=WORLDS)
}
