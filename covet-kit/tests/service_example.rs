//! The example service as a stranger meets it: started as a process, used over HTTP, killed and started again.
#![cfg(all(feature = "cache", feature = "postgres", feature = "redis", feature = "server"))]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

#[path = "support/process.rs"]
mod process;

use std::ffi::OsStr;
use std::path::Path;

use process::{Service, exchange, json, refused};

fn start(database: &Path) -> Service {
    Service::start(&["--database".as_ref(), database.as_ref()])
}

#[test]
fn the_curl_lines_of_its_welcome_work() {
    let folder = tempfile::tempdir().unwrap();
    let service = start(&folder.path().join("db.sqlite3"));
    let token = &service.token;
    for path in ["/plaintext", "/json", "/db", "/queries?n=3", "/updates?n=2", "/cached?n=3", "/health", "/ready"] {
        assert_eq!(service.send("GET", path, "", "").0, 200, "{path}");
    }
    assert_eq!(json(&service.send("GET", "/users?limit=3", token, "").1).as_array().unwrap().len(), 3);
    assert_eq!(json(&service.send("GET", "/users/7", token, "").1)["name"], "User 7");
    assert_eq!(json(&service.send("GET", "/users/export", token, "").1).as_array().unwrap().len(), 50);
    let (status, added) = service.send("POST", "/users", token, r#"{"name":"Grace","email":"grace@example.com"}"#);
    assert_eq!((status, &json(&added)["id"]), (201, &51.into()));
    assert_eq!(service.send("POST", "/users", token, r#"{"name":"Grace","email":"grace@example.com"}"#).0, 409);
    assert_eq!(service.send("PUT", "/users/51", token, r#"{"name":"G","email":"g@example.com"}"#).0, 204);
    assert_eq!(json(&service.send("GET", "/users/51", token, "").1)["name"], "G");
    for (method, path, status) in [
        ("GET", "/users/999", 404),
        ("GET", "/users/ada", 404),
        ("DELETE", "/users/7", 405),
        ("GET", "/%2e%2e/users", 400),
    ] {
        assert_eq!(service.send(method, path, token, "").0, status, "{method} {path}");
    }
    assert_eq!(service.send("GET", "/users/7", "", "").0, 401);
    assert_eq!(service.send("GET", "/%75sers/7", "", "").0, 401);

    let (status, metrics) = exchange(&service.admin, "GET", "/metrics", "", "");
    assert_eq!(status, 200);
    assert!(metrics.contains(r#"http_request_duration_seconds_count{route="/users/{id:u64}"}"#), "{metrics}");
    assert!(!metrics.contains("/users/7"), "a path became a label");
    let (status, page) = exchange(&service.admin, "GET", "/", "", "");
    assert!(status == 200 && page.contains("/users/{id:u64}"));
}

#[test]
fn a_logout_survives_kill_9_and_touches_no_other_session() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("db.sqlite3");
    let first = start(&database);
    let login = format!(r#"{{"name":"ada","password":"{}"}}"#, first.password.as_deref().unwrap());
    let (status, other) = first.send("POST", "/login", "", &login);
    assert_eq!(status, 200);
    let other = json(&other);
    let (logged_out, kept) = (first.token.clone(), other["access_token"].as_str().unwrap());
    let refresh = format!(r#"{{"refresh_token":{}}}"#, other["refresh_token"]);
    assert_eq!(first.send("POST", "/logout", &logged_out, "").0, 204);
    assert_eq!(first.send("GET", "/users/7", &logged_out, "").0, 401);
    drop(first);

    let second = start(&database);
    assert!(second.password.is_none(), "the database was made anew");
    assert_eq!(second.send("GET", "/users/7", &logged_out, "").0, 401);
    assert_eq!(second.send("GET", "/users/7", kept, "").0, 200);
    assert_eq!(second.send("POST", "/login", "", &login).0, 200);
    assert_eq!(second.send("POST", "/refresh", "", &refresh).0, 200);
    assert_eq!(second.send("POST", "/login", "", r#"{"name":"ada","password":"wrong"}"#).0, 401);
    assert_eq!(second.send("POST", "/login", "", r#"{"name":"nobody","password":"wrong"}"#).0, 401);
}

#[test]
fn what_it_cannot_start_with_is_told_clearly() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).into_os_string().into_string().unwrap();
    let (database, key, damaged) = (path("x"), path("x.key"), path("damaged"));
    std::fs::write(&damaged, "too short").unwrap();
    std::fs::write(path("no-database"), "this is no SQLite database, and long enough to be looked at as one").unwrap();
    // Ports that are not taken, so that it gets as far as each case wants.
    let free = ["--listen", "127.0.0.1:0", "--admin", "off", "--users", "1"];
    let no_database = path("no-database");
    let no_folder = path("x.key/deeper/db");
    std::fs::write(&key, "too short").unwrap();
    for (args, expected) in [
        (vec!["--listen", &taken, "--database", &damaged], "cannot listen on"),
        (vec!["--admin", "0.0.0.0:0"], "loopback"),
        (vec!["--port", "80"], "--help"),
        (vec!["--listen", "somewhere"], "--listen wants an address"),
        (vec!["--database", "mysql://root:hunter2@localhost/x"], "--database wants a file or postgres://"),
        (vec!["--database", "postgres://u:hunter2@localhost/x"], "--secret-file"),
        (vec!["--database", &database, "--redis", "redis://127.0.0.1:1"], "--secret-file"),
        (vec!["--database", &database, "--redis", "http://x"], "--redis wants redis://"),
        (vec!["--database", &database], "is damaged"),
        (
            vec!["--database", &database, "--secret-file", folder.path().to_str().unwrap()],
            "cannot read the secret file",
        ),
        (vec!["--database", &no_database, "--secret-file", &path("k")], "no-database"),
        (vec!["--database", &no_folder], "cannot make the folder"),
        (vec!["--database", &database, "--secret-file", &path("k"), "--redis", "redis://127.0.0.1:1"], "Redis"),
        (
            vec!["--database", "postgres://u:hunter2@127.0.0.1:1/x", "--secret-file", &path("k")],
            "cannot reach the database",
        ),
        (vec!["--database", "postgres://u:hunter2@127.0.0.1:port/x", "--secret-file", &path("k")], "--database"),
    ] {
        let args: Vec<&OsStr> = free.iter().chain(&args).map(OsStr::new).collect();
        let text = refused(&args);
        assert!(text.contains(expected), "{args:?}: {text}");
        assert!(!text.contains("hunter2"), "a password was printed: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}
