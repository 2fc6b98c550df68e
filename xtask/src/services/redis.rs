//! How redis-server is started and recognised.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use super::server::{Plan, Server, Started};
use super::signals::Signals;

const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn start(binary: &Path, dir: &Path, durable: bool, signals: &mut Signals) -> Result<Started> {
    let data = dir.join("redis");
    fs::create_dir(&data)?;
    let command = |port: u16| {
        let mut command = Command::new(binary);
        command.current_dir(&data).args(["--bind", "127.0.0.1", "--port", &port.to_string()]).arg("--dir").arg(&data);
        command.args(["--daemonize", "no", "--save", ""]);
        if durable {
            command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        }
        command
    };
    let plan = Plan {
        name: "redis-server",
        log: &dir.join("redis.log"),
        stop_signal: Signal::TERM,
        command: &command,
        // Another server could have taken the port: only our own knows our process id.
        ready: &|pid, port| serves(port, pid),
    };
    let (server, port) = Server::start(&plan, signals)?;
    Ok(Started { server, url: format!("redis://127.0.0.1:{port}/") })
}

/// Whether the redis-server on `port` is the process `pid`.
pub(super) fn serves(port: u16, pid: u32) -> bool {
    info(port).is_ok_and(|info| info.lines().any(|line| line.trim_end() == format!("process_id:{pid}")))
}

/// The answer to `INFO server`.
fn info(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"INFO server\r\nQUIT\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
