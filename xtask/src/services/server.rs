//! One server process: started on a free port, known to be ready, stopped for certain.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::signals::Signals;
use crate::process;

/// Generous, because the machine may be building with all its cores.
const READY_WITHIN: Duration = Duration::from_secs(120);
const STOP_WITHIN: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);
/// Between our finding a free port and the server's taking it, another process may.
const PORT_ATTEMPTS: usize = 5;

/// A running server, leader of its own process group (Ctrl-C on the terminal is for the command, not for it).
pub(super) struct Server {
    name: &'static str,
    child: Child,
    stop_signal: Signal,
    stopped: bool,
}

/// A server and the address that clients use.
pub(super) struct Started {
    pub(super) server: Server,
    pub(super) url: String,
}

/// A server that lives on without us: what is needed to stop it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Detached {
    pub(super) name: String,
    pub(super) pid: i32,
}

/// How a server is started and recognised.
pub(super) struct Plan<'a> {
    pub(super) name: &'static str,
    pub(super) log: &'a Path,
    pub(super) stop_signal: Signal,
    /// The command for a port.
    pub(super) command: &'a dyn Fn(u16) -> Command,
    /// Whether the process with this id serves on this port.
    pub(super) ready: &'a dyn Fn(u32, u16) -> bool,
}

impl Server {
    /// Starts the server of `plan` and waits until it is ready.
    pub(super) fn start(plan: &Plan<'_>, signals: &mut Signals) -> Result<(Self, u16)> {
        for _ in 0..PORT_ATTEMPTS {
            let port = free_port()?;
            let mut server = Self::spawn(plan, port)?;
            if server.wait_until_ready(plan, port, signals)? {
                return Ok((server, port));
            }
        }
        let log = fs::read_to_string(plan.log).unwrap_or_default();
        bail!("{} ended at once, {PORT_ATTEMPTS} times; its log says:\n{}", plan.name, log.trim_end())
    }

    fn spawn(plan: &Plan<'_>, port: u16) -> Result<Self> {
        let log = File::create(plan.log).with_context(|| format!("cannot create {}", plan.log.display()))?;
        let mut command = (plan.command)(port);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start `{}`", process::display(&command)))?;
        Ok(Self { name: plan.name, child, stop_signal: plan.stop_signal, stopped: false })
    }

    /// `false` if the server ended instead.
    fn wait_until_ready(&mut self, plan: &Plan<'_>, port: u16, signals: &mut Signals) -> Result<bool> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            signals.fail_if_raised()?;
            let ready = (plan.ready)(self.child.id(), port);
            if self.child.try_wait()?.is_some() {
                self.stopped = true;
                return Ok(false);
            }
            if ready {
                return Ok(true);
            }
            if Instant::now() > deadline {
                let log = fs::read_to_string(plan.log).unwrap_or_default();
                bail!("{} is not ready after {READY_WITHIN:?}; its log says:\n{}", self.name, log.trim_end());
            }
            thread::sleep(POLL);
        }
    }

    pub(super) fn pid(&self) -> i32 {
        // Process ids are positive and fit: the kernel's own type is a signed int.
        i32::try_from(self.child.id()).unwrap_or(i32::MAX)
    }

    /// Asks the server to end, and kills it if it does not.
    pub(super) fn stop(&mut self) {
        if self.stopped {
            return;
        }
        self.stopped = true;
        let Some(pid) = Pid::from_raw(self.pid()) else { return };
        // Errors mean that it is already gone.
        let _ = kill_process(pid, self.stop_signal);
        let deadline = Instant::now() + STOP_WITHIN;
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(POLL);
        }
        eprintln!("{} did not stop within {STOP_WITHIN:?}: killed", self.name);
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = self.child.wait();
    }

    pub(super) fn detach(mut self) -> Detached {
        self.stopped = true;
        Detached { name: self.name.to_owned(), pid: self.pid() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A loopback port that nobody listens on right now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free loopback port")?;
    Ok(listener.local_addr()?.port())
}
