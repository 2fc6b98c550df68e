//! Two processes of the example service on one PostgreSQL and one Redis: what one of them revokes, the other refuses.
#![cfg(all(feature = "cache", feature = "postgres", feature = "redis", feature = "server"))]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

#[path = "support/process.rs"]
mod process;

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use covet_kit::pool::Pool;
use covet_kit::pool::postgres::Postgres;
use process::{Service, json, refused};

fn server(name: &str) -> String {
    std::env::var(name).expect("start the tests with: cargo xtask services run -- cargo test ...")
}

/// A database of the test's own.
async fn database(name: &str) -> String {
    let url = server("COVET_POSTGRES_URL");
    let pool = Pool::builder(Postgres::new(&url).unwrap()).max_size(1).build().unwrap();
    let conn = pool.get().await.unwrap();
    conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
    conn.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    // The server of the tests may be set up for speed, which the stores refuse.
    conn.batch_execute(&format!("ALTER DATABASE {name} SET synchronous_commit = on")).await.unwrap();
    let (before, query) = url.split_once('?').map_or((url.as_str(), None), |(url, query)| (url, Some(query)));
    let (server, _) = before.rsplit_once('/').unwrap();
    format!("{server}/{name}{}", query.map(|query| format!("?{query}")).unwrap_or_default())
}

/// An empty database of Redis, by its number.
fn redis(number: u8) -> String {
    let url = server("COVET_REDIS_URL");
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "SELECT {number}\r\nFLUSHDB\r\nQUIT\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "+OK\r\n+OK\r\n+OK\r\n");
    format!("redis://{address}/{number}")
}

/// Waits until a token is refused: the other process hears of it a moment later.
fn refused_soon(service: &Service, token: &str) {
    let began = Instant::now();
    while service.send("GET", "/users/7", token, "").0 != 401 {
        assert!(began.elapsed() < Duration::from_secs(10), "the other process goes on accepting the token");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn accepts(service: &Service, token: &str) {
    assert_eq!(json(&service.send("GET", "/users/7", token, "").1)["name"], "User 7");
}

#[tokio::test]
#[ignore = "needs PostgreSQL and Redis"]
async fn two_processes_honour_each_others_logouts() {
    let (database, redis) = (database("covet_kit_shared").await, redis(7));
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let args: [&OsStr; 6] = [
        "--database".as_ref(),
        database.as_ref(),
        "--redis".as_ref(),
        redis.as_ref(),
        "--secret-file".as_ref(),
        secret.as_ref(),
    ];
    let first = Service::start(&args);
    let second = Service::start(&args);
    assert!(second.password.is_none(), "the second process made the database anew");

    // Tokens of either process are good at both, and so is the session of a log-in.
    let login = format!(r#"{{"name":"ada","password":"{}"}}"#, first.password.as_deref().unwrap());
    let (status, grant) = second.send("POST", "/login", "", &login);
    assert_eq!(status, 200, "{grant}");
    let grant = json(&grant);
    let kept = grant["access_token"].as_str().unwrap();
    for token in [&first.token, &second.token, kept] {
        accepts(&first, token);
        accepts(&second, token);
    }
    let refresh = format!(r#"{{"refresh_token":{}}}"#, grant["refresh_token"]);
    assert_eq!(first.send("POST", "/refresh", "", &refresh).0, 200);

    // A log-out here holds there, in both directions, and touches no other session.
    assert_eq!(first.send("POST", "/logout", &first.token, "").0, 204);
    assert_eq!(first.send("GET", "/users/7", &first.token, "").0, 401);
    refused_soon(&second, &first.token);
    accepts(&first, kept);
    accepts(&second, kept);
    assert_eq!(second.send("POST", "/logout", &second.token, "").0, 204);
    refused_soon(&first, &second.token);
    accepts(&first, kept);
    accepts(&second, kept);

    // Both are killed and one comes back: from the database alone, and without Redis's memory.
    let (of_first, of_second) = (first.token.clone(), second.token.clone());
    drop((first, second));
    self::redis(7);
    let third = Service::start(&args);
    assert_eq!(third.send("GET", "/users/7", &of_first, "").0, 401);
    assert_eq!(third.send("GET", "/users/7", &of_second, "").0, 401);
    accepts(&third, kept);

    // A process with keys of its own must not start: it would miss every revocation.
    let other = folder.path().join("other");
    let (database, redis): (&OsStr, &OsStr) = (database.as_ref(), redis.as_ref());
    let text = refused(&[
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
        "--admin".as_ref(),
        "off".as_ref(),
        "--database".as_ref(),
        database,
        "--redis".as_ref(),
        redis,
        "--secret-file".as_ref(),
        other.as_ref(),
    ]);
    assert!(text.contains("key"), "{text}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn every_route_works_on_postgresql() {
    let database = database("covet_kit_routes").await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    let service =
        Service::start(&["--database".as_ref(), database.as_ref(), "--secret-file".as_ref(), secret.as_ref()]);
    let token = &service.token;
    for path in ["/plaintext", "/json", "/db", "/queries?n=3", "/updates?n=2", "/cached?n=3", "/health", "/ready"] {
        assert_eq!(service.send("GET", path, "", "").0, 200, "{path}");
    }
    assert_eq!(json(&service.send("GET", "/users?limit=3", token, "").1).as_array().unwrap().len(), 3);
    assert_eq!(json(&service.send("GET", "/users/7", token, "").1)["active"], false);
    assert_eq!(json(&service.send("GET", "/users/export", token, "").1).as_array().unwrap().len(), 50);
    let (status, added) = service.send("POST", "/users", token, r#"{"name":"Grace","email":"grace@example.com"}"#);
    assert_eq!((status, &json(&added)["id"]), (201, &51.into()));
    assert_eq!(service.send("POST", "/users", token, r#"{"name":"Grace","email":"grace@example.com"}"#).0, 409);
    assert_eq!(service.send("PUT", "/users/51", token, r#"{"name":"G","email":"g@example.com"}"#).0, 204);
    assert_eq!(json(&service.send("GET", "/users/51", token, "").1)["name"], "G");
    assert_eq!(service.send("PUT", "/users/99", token, r#"{"name":"G","email":"h@example.com"}"#).0, 404);
    assert_eq!(service.send("GET", "/users/99", token, "").0, 404);
}
