//! What the tests of the adapters share: a client, and connections whose transactions can be looked at.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use covet_pool::sqlite::rusqlite::{self, Connection};
use covet_pool::{Manager, Pool, Return};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Fails unless it is a problem document with this code.
    pub(crate) fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.header("content-type")), (status, "application/problem+json"), "{self:?}");
        assert!(self.text.contains(&format!(r#""code":"{code}""#)), "{self:?}");
    }
}

/// One request over a connection of its own; `Err` if the server hung up instead of answering.
pub(crate) async fn try_send(
    address: SocketAddr,
    method: Method,
    path: &str,
    token: Option<&str>,
    json: Option<&str>,
) -> Result<Answer, hyper::Error> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "test");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if json.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let body = Full::new(Bytes::from(json.unwrap_or("").to_owned()));
    let (parts, body) = sender.send_request(request.body(body).unwrap()).await?.into_parts();
    let text = String::from_utf8(body.collect().await?.to_bytes().to_vec()).unwrap();
    connection.abort();
    Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, text })
}

/// One request that is answered.
pub(crate) async fn send(
    address: SocketAddr,
    method: Method,
    path: &str,
    token: Option<&str>,
    json: Option<&str>,
) -> Answer {
    try_send(address, method, path, token, json).await.unwrap()
}

pub(crate) fn ok(answer: Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.text
}

/// Connections to a SQLite file, whose open transactions are rolled back when they come back.
pub(crate) struct Sqlite {
    database: PathBuf,
}

impl Manager for Sqlite {
    type Conn = Connection;
    type Error = rusqlite::Error;

    async fn connect(&self) -> rusqlite::Result<Connection> {
        Connection::open(&self.database)
    }

    fn on_return(&self, conn: &mut Connection) -> Return {
        if conn.is_autocommit() { Return::Ready } else { Return::Reset }
    }

    async fn reset(&self, conn: &mut Connection) -> rusqlite::Result<()> {
        conn.execute_batch("ROLLBACK")
    }
}

/// A pool of one connection to a file with an empty table `t`.
pub(crate) fn one_connection(folder: &Path) -> Pool<Sqlite> {
    let database = folder.join("db");
    Connection::open(&database).unwrap().execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").unwrap();
    Pool::builder(Sqlite { database }).max_size(1).acquire_timeout(Some(Duration::from_secs(10))).build().unwrap()
}

/// Opens a transaction and leaves a row in it.
pub(crate) fn begin(conn: &Connection) {
    conn.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)").unwrap();
    assert!(!conn.is_autocommit());
}

pub(crate) fn count(conn: &Connection) -> String {
    conn.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap().to_string()
}

/// Waits until a condition holds, for as long as a loaded machine may need.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
