//! Notes over HTTP with axum: its router, its extractors, its WebSocket; tokens, connections and JSON are Covet's.
//!
//! `cargo run --release -p covet-kit --features axum-0.8 --example axum` prints a token and what to try with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRef, Path as PathParam, State};
use axum::response::Response;
use axum::routing::{delete, get};
use axum::{Router, response::IntoResponse};
use covet_kit::auth::{
    Algorithm, Blacklist, BlacklistConfig, Guard, Identity, Issuer, Revocations, SigningKey, Verifier,
};
use covet_kit::axum::{Authenticated, Conn, Json, TokenLayer};
use covet_kit::pool::sqlite::rusqlite::{self, Connection};
use covet_kit::pool::sqlite::{self, SqlitePool};
use covet_kit::pool::{Manager, Pool, Return};
use covet_kit::rows::RowsJson;
use covet_kit::service::{Body, Problem, SharedGuard};
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: SqlitePool,
    pub(crate) imports: Pool<Imports>,
    pub(crate) guard: SharedGuard,
    pub(crate) rows: RowsJson,
}

impl FromRef<App> for SharedGuard {
    fn from_ref(app: &App) -> Self {
        app.guard.clone()
    }
}

impl FromRef<App> for Pool<Imports> {
    fn from_ref(app: &App) -> Self {
        app.imports.clone()
    }
}

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

/// The routes.
pub(crate) fn app(app: App) -> Router {
    let editors = TokenLayer::<Extra>::new(app.guard.clone()).scope("edit");
    Router::new()
        .route("/notes/{id}", delete(remove))
        .route_layer(editors)
        .route("/notes", get(list).post(add))
        .route("/import", get(import))
        .with_state(app)
}

/// All notes, streamed from the statement to the socket in constant memory.
async fn list(_: Authenticated<Extra>, State(app): State<App>) -> Body {
    let failed = |error: &_| eprintln!("listing notes: {error}");
    app.rows.stream(&app.db, "SELECT id, author, text FROM note ORDER BY id", [], failed)
}

/// Answered when the commit that holds the note is done; concurrent requests share commits.
async fn add(
    user: Authenticated<Extra>,
    State(app): State<App>,
    Json(note): Json<NewNote>,
) -> Result<impl IntoResponse, Problem> {
    let author = user.facts().sub().unwrap_or_default().to_owned();
    let added = app.db.write_async(move |tx| {
        tx.execute("INSERT INTO note (author, text) VALUES (?, ?)", [&author, &note.text])?;
        Ok(Note { id: tx.last_insert_rowid(), text: note.text.clone() })
    });
    Ok((StatusCode::CREATED, Json(added.await.map_err(|error| failed(&error))?)))
}

async fn remove(State(app): State<App>, PathParam(id): PathParam<i64>) -> Result<StatusCode, Problem> {
    let removed = app.db.write_async(move |tx| tx.execute("DELETE FROM note WHERE id = ?", [id])).await;
    match removed.map_err(|error| failed(&error))? {
        0 => Err(Problem::not_found()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// A WebSocket that takes one note per message and keeps all of them or none: `done` commits. A client that goes away before, in
/// the middle of a message or between two, leaves nothing behind.
async fn import(user: Authenticated<Extra>, conn: Conn<Imports>, upgrade: WebSocketUpgrade) -> Response {
    let author = user.facts().sub().unwrap_or_default().to_owned();
    upgrade.max_message_size(64 << 10).on_upgrade(async move |mut socket| {
        if let Err(error) = import_all(&mut socket, conn, &author).await {
            let _ = socket.send(Message::text(format!("nothing was imported: {error}"))).await;
        }
    })
}

async fn import_all(
    socket: &mut WebSocket,
    conn: Conn<Imports>,
    author: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let mut count = 0;
    loop {
        // The transaction keeps other writers waiting, so a silent client is not waited for.
        let Some(message) = tokio::time::timeout(Duration::from_secs(10), socket.recv()).await? else {
            return Ok(());
        };
        match message? {
            Message::Text(text) if text == "done" => break,
            Message::Text(text) => {
                conn.execute("INSERT INTO note (author, text) VALUES (?, ?)", [author, text.as_str()])?;
                count += 1;
                socket.send(Message::text(count.to_string())).await?;
            }
            Message::Close(_) => return Ok(()),
            _ => {}
        }
    }
    conn.execute_batch("COMMIT")?;
    socket.send(Message::text(format!("{count} imported"))).await?;
    Ok(())
}

/// Opens connections for transactions that last over several messages. What has an end in sight belongs to [`SqlitePool`].
pub(crate) struct Imports {
    pub(crate) database: PathBuf,
}

impl Manager for Imports {
    type Conn = Connection;
    type Error = rusqlite::Error;

    async fn connect(&self) -> rusqlite::Result<Connection> {
        let conn = Connection::open(&self.database)?;
        conn.busy_timeout(Duration::from_secs(1))?;
        Ok(conn)
    }

    fn on_return(&self, conn: &mut Connection) -> Return {
        if conn.is_autocommit() { Return::Ready } else { Return::Reset }
    }

    async fn reset(&self, conn: &mut Connection) -> rusqlite::Result<()> {
        conn.execute_batch("ROLLBACK")
    }
}

/// Logs what failed and tells the client nothing of it.
fn failed(error: &sqlite::Error) -> Problem {
    eprintln!("the database: {error}");
    Problem::internal()
}

type Setup<T> = Result<T, Box<dyn std::error::Error>>;

impl App {
    /// Opens the database; makes the table if it is missing.
    pub(crate) fn open(database: &Path, guard: SharedGuard) -> Setup<Self> {
        let db = SqlitePool::open(database)?;
        let table =
            "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, author TEXT NOT NULL, text TEXT NOT NULL)";
        db.write(move |tx| tx.execute(table, []))?;
        let imports = Pool::builder(Imports { database: database.to_owned() }).max_size(4).build()?;
        Ok(Self { db, imports, guard, rows: RowsJson::objects() })
    }
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

#[tokio::main]
async fn main() -> Setup<()> {
    let database = std::env::temp_dir().join("covet-notes.sqlite3");
    let (guard, issuer) = tokens()?;
    let token = issuer.access_token(Identity::subject("ada"), &Extra { scope: "edit".to_owned() })?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("TOKEN={token}");
    println!(
        r#"curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"text":"hello"}}' http://127.0.0.1:8080/notes"#
    );
    println!(r#"curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/notes"#);
    println!(r#"websocat -H "Authorization: Bearer $TOKEN" ws://127.0.0.1:8080/import"#);
    axum::serve(listener, app(App::open(&database, guard)?)).await?;
    Ok(())
}
