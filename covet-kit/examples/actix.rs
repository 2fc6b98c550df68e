//! Notes over HTTP with actix-web: its macros, its app data, its scopes; tokens, connections and JSON are Covet's.
//!
//! `cargo run --release -p covet-kit --features actix-web-4 --example actix` prints a token and what to try with it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, Responder, delete, get, post, web};
use covet_kit::actix::{Authenticated, Json, TokenMiddleware};
use covet_kit::auth::{
    Algorithm, Blacklist, BlacklistConfig, Guard, Identity, Issuer, Revocations, SigningKey, Verifier,
};
use covet_kit::pool::sqlite::{self, SqlitePool};
use covet_kit::rows::RowsJson;
use covet_kit::service::{Body, JsonBodies, Problem, SharedGuard};
use serde::{Deserialize, Serialize};

/// The claims beyond the registered ones.
#[derive(Serialize, Deserialize)]
pub(crate) struct Extra {
    pub(crate) scope: String,
}

#[derive(Deserialize)]
struct NewNote {
    text: String,
}

#[derive(Serialize)]
struct Note {
    id: i64,
    text: String,
}

/// The data and the routes; a worker of actix-web calls it once.
pub(crate) fn configure(config: &mut web::ServiceConfig, db: &SqlitePool, rows: &RowsJson, guard: &SharedGuard) {
    config
        .app_data(web::Data::new(db.clone()))
        .app_data(web::Data::new(rows.clone()))
        .app_data(web::Data::from(guard.clone()))
        .app_data(JsonBodies::default().max_bytes(64 << 10))
        .service(list)
        .service(add)
        .service(web::scope("/admin").wrap(TokenMiddleware::<Extra>::new(guard.clone()).scope("edit")).service(remove));
}

/// All notes, streamed from the statement to the socket in constant memory.
#[get("/notes")]
async fn list(_user: Authenticated<Extra>, db: web::Data<SqlitePool>, rows: web::Data<RowsJson>) -> Body {
    let failed = |error: &_| eprintln!("listing notes: {error}");
    rows.stream(&db, "SELECT id, author, text FROM note ORDER BY id", [], failed)
}

/// Answered when the commit that holds the note is done; concurrent requests share commits.
#[post("/notes")]
async fn add(
    user: Authenticated<Extra>,
    db: web::Data<SqlitePool>,
    Json(note): Json<NewNote>,
) -> Result<impl Responder, Problem> {
    let author = user.facts().sub().unwrap_or_default().to_owned();
    let added = db.write_async(move |tx| {
        tx.execute("INSERT INTO note (author, text) VALUES (?, ?)", [&author, &note.text])?;
        Ok(Note { id: tx.last_insert_rowid(), text: note.text.clone() })
    });
    let note = added.await.map_err(|error| failed(&error))?;
    Ok(Json(note).customize().with_status(actix_web::http::StatusCode::CREATED))
}

#[delete("/notes/{id}")]
async fn remove(db: web::Data<SqlitePool>, id: web::Path<i64>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let removed = db.write_async(move |tx| tx.execute("DELETE FROM note WHERE id = ?", [id])).await;
    match removed.map_err(|error| failed(&error))? {
        0 => Err(Problem::not_found()),
        _ => Ok(HttpResponse::NoContent().finish()),
    }
}

/// Logs what failed and tells the client nothing of it.
fn failed(error: &sqlite::Error) -> Problem {
    eprintln!("the database: {error}");
    Problem::internal()
}

type Setup<T> = Result<T, Box<dyn std::error::Error>>;

/// Opens the database; makes the table if it is missing.
pub(crate) fn open(database: &Path) -> Setup<SqlitePool> {
    let db = SqlitePool::open(database)?;
    let table = "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, author TEXT NOT NULL, text TEXT NOT NULL)";
    db.write(move |tx| tx.execute(table, []))?;
    Ok(db)
}

/// A guard over an empty blacklist, and the issuer of the tokens that it accepts.
pub(crate) fn tokens() -> Setup<(SharedGuard, Issuer)> {
    let (name, hour) = ("https://notes.example", Duration::from_secs(3600));
    let key = SigningKey::from_pkcs8("k1", Algorithm::ES256, &SigningKey::generate_pkcs8(Algorithm::ES256)?)?;
    let verifier =
        Verifier::builder().key(key.verify_key()).issuer(name).audience("notes").max_lifetime(hour).build()?;
    let revoked: Arc<dyn Revocations> = Arc::new(Blacklist::new(BlacklistConfig::new().max_lifetime(hour))?);
    let issuer = Issuer::builder(name).key(key).audience("notes").lifetime(hour).build()?;
    Ok((Arc::new(Guard::new(verifier, revoked)?), issuer))
}

#[actix_web::main]
async fn main() -> Setup<()> {
    let db = open(&std::env::temp_dir().join("covet-notes.sqlite3"))?;
    let (guard, issuer) = tokens()?;
    let token = issuer.access_token(Identity::subject("ada"), &Extra { scope: "edit".to_owned() })?;
    println!("TOKEN={token}");
    println!(
        r#"curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"text":"hello"}}' http://127.0.0.1:8080/notes"#
    );
    println!(r#"curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/notes"#);
    println!(r#"curl -X DELETE -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/admin/notes/1"#);
    let rows = RowsJson::objects();
    let server = HttpServer::new(move || App::new().configure(|config| configure(config, &db, &rows, &guard)));
    // A client that hangs up takes its handler with it; by default actix-web would finish it for nobody.
    server.h1_allow_half_closed(false).bind(("127.0.0.1", 8080))?.run().await?;
    Ok(())
}
