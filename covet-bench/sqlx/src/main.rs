//! The endpoints of the service example on actix-web, serde_json, sqlx, jsonwebtoken and moka, each used the way its own
//! documents show. Reads share a pool of ten connections (sqlx's default); writes have a pool of one, so that none of them waits
//! in SQLite's busy loop.
//!
//! Settings come from the environment: `LISTEN`, `DATABASE`, `JWKS` (a file).

#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::env;
use std::error::Error;
use std::fmt;
use std::fs;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{self, Data, Json, Path, Query};
use actix_web::{App, FromRequest, HttpRequest, HttpResponse, HttpServer, ResponseError, error};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use moka::future::Cache;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{FromRow, Sqlite, SqliteConnection, Transaction};

const WORLDS: u32 = 10_000;
const READ: &str = "SELECT id, random_number FROM world WHERE id = ?";

struct State {
    readers: SqlitePool,
    writer: SqlitePool,
    cache: Cache<u32, World>,
    key: DecodingKey,
    validation: Validation,
    revoked: RwLock<HashSet<String>>,
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Clone, Copy, FromRow, Serialize)]
struct World {
    id: u32,
    random_number: u32,
}

#[derive(FromRow, Serialize)]
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
#[derive(Debug)]
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service failed")
    }
}

impl ResponseError for Failure {
    fn error_response(&self) -> HttpResponse {
        eprintln!("error: {}", self.0);
        HttpResponse::InternalServerError().body(self.to_string())
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        eprintln!("{error}");
        Self(error.to_string())
    }
}

/// The caller, once the token is verified and found not to be revoked.
struct SignedIn;

#[derive(Deserialize)]
struct Claims {
    jti: String,
}

impl FromRequest for SignedIn {
    type Error = actix_web::Error;
    type Future = std::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(signed_in(request).ok_or_else(|| error::ErrorUnauthorized("no valid token")))
    }
}

fn signed_in(request: &HttpRequest) -> Option<SignedIn> {
    let state = request.app_data::<Data<State>>()?;
    let token = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let claims = jsonwebtoken::decode::<Claims>(token, &state.key, &state.validation).ok()?.claims;
    let revoked = state.revoked.read().unwrap_or_else(PoisonError::into_inner);
    (!revoked.contains(&claims.jti)).then_some(SignedIn)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let database = env::var("DATABASE")?;
    let (key, validation) = verification(&fs::read_to_string(env::var("JWKS")?)?)?;
    let state = Data::new(State {
        readers: pool(&database, 10).await?,
        writer: pool(&database, 1).await?,
        cache: Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(10)).build(),
        key,
        validation,
        revoked: RwLock::default(),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/plaintext", web::get().to(|| async { "Hello, World!" }))
            .route("/json", web::get().to(|| async { Json(Message { message: "Hello, World!" }) }))
            .route("/db", web::get().to(db))
            .route("/queries", web::get().to(queries))
            .route("/updates", web::get().to(updates))
            .route("/cached", web::get().to(cached))
            .route("/users/{id}", web::get().to(user))
            .route("/users", web::post().to(add))
    });
    server.bind_auto_h2c(env::var("LISTEN")?)?.run().await?;
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

async fn pool(database: &str, size: u32) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    SqlitePoolOptions::new().max_connections(size).connect_with(options).await
}

async fn db(state: Data<State>) -> Result<Json<World>, Failure> {
    Ok(Json(read(&state.readers, random_id()).await?))
}

async fn queries(state: Data<State>, count: Query<Count>) -> Result<Json<Vec<World>>, Failure> {
    let mut conn = state.readers.acquire().await?;
    let mut worlds = Vec::with_capacity(count.get() as usize);
    for _ in 0..count.get() {
        worlds.push(read(&mut *conn, random_id()).await?);
    }
    Ok(Json(worlds))
}

async fn updates(state: Data<State>, count: Query<Count>) -> Result<Json<Vec<World>>, Failure> {
    let mut tx: Transaction<'_, Sqlite> = state.writer.begin_with("BEGIN IMMEDIATE").await?;
    let mut worlds = Vec::with_capacity(count.get() as usize);
    for _ in 0..count.get() {
        worlds.push(update(&mut tx).await?);
    }
    tx.commit().await?;
    for world in &worlds {
        state.cache.invalidate(&world.id).await;
    }
    Ok(Json(worlds))
}

async fn cached(state: Data<State>, count: Query<Count>) -> Result<Json<Vec<World>>, Failure> {
    let mut worlds = Vec::with_capacity(count.get() as usize);
    for _ in 0..count.get() {
        let id = random_id();
        let world = state.cache.try_get_with(id, read(&state.readers, id)).await;
        worlds.push(world.map_err(|error| Failure(error.to_string()))?);
    }
    Ok(Json(worlds))
}

async fn user(state: Data<State>, _: SignedIn, id: Path<i64>) -> Result<HttpResponse, Failure> {
    let sql = "SELECT id, name, email, score, active FROM user WHERE id = ?";
    let found: Option<User> = sqlx::query_as(sql).bind(*id).fetch_optional(&state.readers).await?;
    Ok(found.map_or_else(|| HttpResponse::NotFound().finish(), |user| HttpResponse::Ok().json(user)))
}

async fn add(state: Data<State>, _: SignedIn, new: Json<NewUser>) -> Result<HttpResponse, Failure> {
    let sql = "INSERT INTO user (name, email, score, active) VALUES (?, ?, ?, ?)";
    let insert = sqlx::query(sql).bind(&new.name).bind(&new.email).bind(new.score).bind(new.active);
    match insert.execute(&state.writer).await {
        Ok(done) => {
            let id = done.last_insert_rowid();
            let location = (header::LOCATION, format!("/users/{id}"));
            Ok(HttpResponse::Created().insert_header(location).json(Id { id }))
        }
        Err(error) if error.as_database_error().is_some_and(|error| error.is_unique_violation()) => {
            Ok(HttpResponse::Conflict().finish())
        }
        Err(error) => Err(error.into()),
    }
}

async fn read<'c>(conn: impl sqlx::SqliteExecutor<'c>, id: u32) -> Result<World, sqlx::Error> {
    sqlx::query_as(READ).bind(id).fetch_one(conn).await
}

async fn update(conn: &mut SqliteConnection) -> Result<World, sqlx::Error> {
    let world = World { random_number: random_id(), ..read(&mut *conn, random_id()).await? };
    let write = sqlx::query("UPDATE world SET random_number = ? WHERE id = ?").bind(world.random_number).bind(world.id);
    write.execute(conn).await?;
    Ok(world)
}

fn random_id() -> u32 {
    fastrand::u32(1..=WORLDS)
}
