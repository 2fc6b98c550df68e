//! The last resort: a shell that stops the servers if we end without having done so.
//!
//! It reads a pipe whose other end only we hold. `done` means that all is in order; the pipe's end without it means
//! that we are gone (killed, or out of memory), and the servers are still there, and the command too.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::server::Server;

// INT is a fast shutdown for PostgreSQL and an orderly end for Redis.
const SCRIPT: &str = r#"
dir=$1; shift
group=
while read -r word; do
    [ "$word" = done ] && exit 0
    group=$word
done
[ "$group" ] && kill -TERM "-$group"
for pid; do kill -INT "$pid"; done
for _ in 1 2 3 4 5 6 7 8 9 10; do
    alive=
    for pid; do kill -0 "$pid" && alive=1; done
    [ "$alive" ] || break
    sleep 1
done
for pid in "$@" $group; do kill -KILL "-$pid"; done
rm -rf -- "$dir"
"#;

pub(super) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    pub(super) fn over(servers: &[Server], dir: &Path) -> Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT, "covet-services-watchdog"]).arg(dir);
        command.args(servers.iter().map(|server| server.pid().to_string()));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).current_dir("/");
        let shell = command.spawn().context("cannot start /bin/sh")?;
        Ok(Self { shell })
    }

    /// Names a process group that is to end with us.
    pub(super) fn also_ends(&mut self, group: u32) {
        if let Some(pipe) = &mut self.shell.stdin {
            // An error means that someone killed the watchdog: the servers still stop in the ordinary way.
            let _ = writeln!(pipe, "{group}");
        }
    }

    /// Tells it that there is nothing left to do.
    pub(super) fn dismiss(mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.shell.wait();
    }
}
