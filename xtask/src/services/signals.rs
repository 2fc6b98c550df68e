//! Signals as an ordinary end: they set a flag, and whoever waits looks at it.

use std::process::{Child, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

const POLL: Duration = Duration::from_millis(20);
/// How long a command may take to end after a signal.
const GRACE: Duration = Duration::from_secs(10);

/// The last signal that asked us to end and was not yet acted upon.
pub(super) struct Signals {
    raised: Arc<AtomicUsize>,
}

impl Signals {
    /// From now on SIGINT, SIGTERM and SIGHUP no longer end the process by themselves.
    pub(super) fn watch() -> Result<Self> {
        let raised = Arc::new(AtomicUsize::new(0));
        for (signal, value) in [(SIGINT, 2), (SIGTERM, 15), (SIGHUP, 1)] {
            signal_hook::flag::register_usize(signal, Arc::clone(&raised), value)
                .context("cannot watch for signals")?;
        }
        Ok(Self { raised })
    }

    fn take(&mut self) -> Option<Signal> {
        match self.raised.swap(0, Ordering::SeqCst) {
            0 => None,
            1 => Some(Signal::HUP),
            2 => Some(Signal::INT),
            _ => Some(Signal::TERM),
        }
    }

    /// An error if a signal asked us to end.
    pub(super) fn fail_if_raised(&mut self) -> Result<()> {
        if let Some(signal) = self.take() {
            bail!("stopped by signal {}", signal.as_raw());
        }
        Ok(())
    }

    /// Waits for `child`, handing on the signals we get, and gives the exit code that a shell would give.
    ///
    /// `own_group`: the child leads a process group of its own, and the signals are for all of it. Otherwise it
    /// shares our terminal, which sends it Ctrl-C by itself.
    pub(super) fn wait_for(&mut self, mut child: Child, own_group: bool) -> Result<ExitCode> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id that is none")?;
        let send = |signal| if own_group { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
        let mut kill_at = None;
        loop {
            if let Some(status) = child.try_wait()? {
                if kill_at.is_some() && own_group {
                    // What it started may outlive it: nothing of it should outlive the servers.
                    let _ = send(Signal::KILL);
                }
                return Ok(exit_code(status));
            }
            if let Some(signal) = self.take() {
                if kill_at.is_some() {
                    let _ = send(Signal::KILL);
                } else if own_group || signal != Signal::INT {
                    // An error means that it has just ended.
                    let _ = send(signal);
                }
                kill_at.get_or_insert_with(|| Instant::now() + GRACE);
            }
            if kill_at.is_some_and(|at| Instant::now() > at) && own_group {
                let _ = send(Signal::KILL);
            }
            thread::sleep(POLL);
        }
    }
}

fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
