//! Private servers live as long as the command, however it ends.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(180);

/// `xtask services run -- ARGS` without a terminal.
fn services_run(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["services", "run", "--"]).args(args).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// `NAME=value` lines up to the one that says `ready`.
fn environment(reader: &mut impl BufRead) -> HashMap<String, String> {
    let lines = reader.lines().map(Result::unwrap).take_while(|line| line != "ready");
    lines.filter_map(|line| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))).collect()
}

fn address(env: &HashMap<String, String>, variable: &str) -> SocketAddr {
    let url = &env[variable];
    let host = url.split("://").nth(1).unwrap().split('/').next().unwrap();
    host.rsplit('@').next().unwrap().parse().unwrap()
}

fn answers(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(10)).is_ok()
}

/// Whether nobody answers, now or soon.
fn falls_silent(address: SocketAddr) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while answers(address) {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
    true
}

/// Starts servers around a command that does not end by itself.
fn endless() -> (Child, HashMap<String, String>) {
    // Many short sleeps: a shell acts on SIGINT when its foreground command has ended, and that one may be too young
    // to have got the signal.
    let script = "env; echo ready; while :; do sleep 0.1; done";
    let mut child = services_run(&["sh", "-c", script]).spawn().unwrap();
    let env = environment(&mut BufReader::new(child.stdout.as_mut().unwrap()));
    (child, env)
}

fn end_by(signal: &str) -> (Option<i32>, HashMap<String, String>) {
    let (mut child, env) = endless();
    assert!(answers(address(&env, "COVET_REDIS_URL")) && answers(address(&env, "COVET_POSTGRES_URL")));
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let code = child.wait().unwrap().code();
    (code, env)
}

#[test]
#[ignore = "needs Redis and PostgreSQL installed"]
fn both_servers_answer_and_stop_with_the_command() {
    let child = services_run(&["sh", "-c", "env; exec redis-cli -u $COVET_REDIS_URL ping"]).output().unwrap();
    let output = String::from_utf8(child.stdout).unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    assert!(output.ends_with("PONG\n"), "{output}");
    let env = environment(&mut output.as_bytes());
    for variable in ["COVET_REDIS_URL", "COVET_POSTGRES_URL"] {
        assert!(falls_silent(address(&env, variable)), "{variable}");
    }
}

#[test]
#[ignore = "needs Redis and PostgreSQL installed"]
fn postgres_accepts_the_password_in_its_address_and_no_other() {
    let psql = |url: &str| {
        let child =
            services_run(&["sh", "-c", &format!("psql \"{url}\" -Atc 'select current_user'")]).output().unwrap();
        (child.status.code(), String::from_utf8(child.stdout).unwrap())
    };
    assert_eq!(psql("$COVET_POSTGRES_URL"), (Some(0), "covet\n".into()));
    let (code, _) = psql("$(echo $COVET_POSTGRES_URL | sed s/covet:/covet:x/)");
    assert_eq!(code, Some(2));
}

#[test]
#[ignore = "needs Redis and PostgreSQL installed"]
fn the_exit_code_is_the_commands() {
    assert_eq!(services_run(&["sh", "-c", "exit 42"]).status().unwrap().code(), Some(42));
    assert_eq!(services_run(&["sh", "-c", "kill -9 $$"]).status().unwrap().code(), Some(128 + 9));
}

#[test]
#[ignore = "needs Redis and PostgreSQL installed"]
fn a_signal_ends_command_and_servers() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let (ended, env) = end_by(signal);
        assert_eq!(ended, Some(code));
        assert!(falls_silent(address(&env, "COVET_REDIS_URL")) && falls_silent(address(&env, "COVET_POSTGRES_URL")));
    }
}

#[test]
#[ignore = "needs Redis and PostgreSQL installed"]
fn even_a_kill_leaves_no_server() {
    let (ended, env) = end_by("-KILL");
    assert_eq!(ended, None);
    assert!(falls_silent(address(&env, "COVET_REDIS_URL")) && falls_silent(address(&env, "COVET_POSTGRES_URL")));
}

#[test]
#[ignore = "needs Redis and PostgreSQL installed"]
fn redis_keeps_what_it_is_told() {
    let (mut child, env) = endless();
    let mut stream = TcpStream::connect(address(&env, "COVET_REDIS_URL")).unwrap();
    stream.write_all(b"SET a 1\r\nGET a\r\nQUIT\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "+OK\r\n$1\r\n1\r\n+OK\r\n");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    child.wait().unwrap();
}
