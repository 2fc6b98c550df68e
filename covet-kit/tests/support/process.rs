//! The example service as a process of its own, used over HTTP.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// target/PROFILE/deps/THIS-TEST -> target/PROFILE/examples/service
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().join("examples").join("service")
}

/// Runs it to its end: with arguments that it refuses.
pub(crate) fn refused(args: &[&OsStr]) -> String {
    let Output { status, stderr, .. } = Command::new(program()).args(args).output().unwrap();
    assert_eq!(status.code(), Some(1));
    String::from_utf8(stderr).unwrap()
}

/// The running service; killed when dropped, as by `kill -9`.
pub(crate) struct Service {
    process: Child,
    pub(crate) address: String,
    pub(crate) admin: String,
    pub(crate) password: Option<String>,
    pub(crate) token: String,
}

impl Service {
    /// Starts it on free ports with few users.
    pub(crate) fn start(args: &[&OsStr]) -> Self {
        let program = program();
        let mut process = Command::new(&program)
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--users", "50"])
            .args(args)
            .stdout(Stdio::piped())
            // Only why it could not start, or failed.
            .env("RUST_LOG", "error")
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

    pub(crate) fn send(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
        exchange(&self.address, method, path, token, body)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn exchange(address: &str, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
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

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
