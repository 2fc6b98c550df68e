//! The example service as a stranger meets it: started as a process, used over HTTP, killed and started again.
#![cfg(all(
    feature = "cache",
    feature = "guard",
    feature = "revocations",
    feature = "rows",
    feature = "server",
    feature = "service"
))]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// The running service; killed when dropped, as by `kill -9`.
struct Service {
    process: Child,
    address: String,
    admin: String,
    password: Option<String>,
    token: String,
}

impl Service {
    fn start(database: &Path) -> Self {
        let test = std::env::current_exe().unwrap();
        // target/PROFILE/deps/THIS-TEST -> target/PROFILE/examples/service
        let program = test.parent().and_then(Path::parent).unwrap().join("examples").join("service");
        let mut process = Command::new(&program)
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--users", "50", "--database"])
            .arg(database)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; `cargo test` builds it", program.display()));
        let mut said = String::new();
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if line.contains("Ctrl-C") {
                break;
            }
            said.push_str(&line);
            said.push('\n');
        }
        let after = |words: &str| {
            said.lines().find_map(|line| line.trim_start().strip_prefix(words)).map(|rest| rest.trim().to_owned())
        };
        Self {
            process,
            address: after("listening on").unwrap().replace("http://", ""),
            admin: after("status page").unwrap().replace("http://", "").replace('/', ""),
            password: after("demo login").unwrap().split_once(" / ").map(|(_, password)| password.to_owned()),
            token: after("TOKEN=").unwrap(),
        }
    }

    fn send(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
        exchange(&self.address, method, path, token, body)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn exchange(address: &str, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    (status, if chunked { unchunk(body) } else { body.to_owned() })
}

fn unchunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        body.push_str(&after[..length]);
        rest = &after[length + 2..];
        if length == 0 {
            return body;
        }
    }
    panic!("the chunked body was cut off: {body}");
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_curl_lines_of_its_welcome_work() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("db.sqlite3"));
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
    let first = Service::start(&database);
    let login = format!(r#"{{"name":"ada","password":"{}"}}"#, first.password.as_deref().unwrap());
    let (status, other) = first.send("POST", "/login", "", &login);
    assert_eq!(status, 200);
    let other = json(&other);
    let (logged_out, kept) = (first.token.clone(), other["access_token"].as_str().unwrap());
    let refresh = format!(r#"{{"refresh_token":{}}}"#, other["refresh_token"]);
    assert_eq!(first.send("POST", "/logout", &logged_out, "").0, 204);
    assert_eq!(first.send("GET", "/users/7", &logged_out, "").0, 401);
    drop(first);

    let second = Service::start(&database);
    assert!(second.password.is_none(), "the database was made anew");
    assert_eq!(second.send("GET", "/users/7", &logged_out, "").0, 401);
    assert_eq!(second.send("GET", "/users/7", kept, "").0, 200);
    assert_eq!(second.send("POST", "/login", "", &login).0, 200);
    assert_eq!(second.send("POST", "/refresh", "", &refresh).0, 200);
    assert_eq!(second.send("POST", "/login", "", r#"{"name":"ada","password":"wrong"}"#).0, 401);
    assert_eq!(second.send("POST", "/login", "", r#"{"name":"nobody","password":"wrong"}"#).0, 401);
}

#[test]
fn a_taken_port_and_a_bad_option_are_told_clearly() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("examples").join("service");
    let run = |args: &[&str]| {
        let output = Command::new(&program).args(args).arg("--database").arg(folder.path().join("x")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = run(&["--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(code == Some(1) && text.contains("cannot listen on"), "{text}");
    let (code, text) = run(&["--admin", "0.0.0.0:0"]);
    assert!(code == Some(1) && text.contains("loopback"), "{text}");
    let (code, text) = run(&["--port", "80"]);
    assert!(code == Some(1) && text.contains("--help"), "{text}");
}
