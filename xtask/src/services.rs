//! Private servers for tests: started on free loopback ports in a temporary folder, stopped with the command.
//!
//! The life of the servers is tied to ours in three ways, so that a crash leaves nothing behind: [`Services`] stops
//! them when it is dropped (the end of the command, an error, a panic), signals are turned into that normal end
//! ([`signals`]), and a [`watchdog`] does it if we are killed outright.

mod binaries;
mod postgres;
mod redis;
mod server;
mod signals;
mod state;
mod watchdog;

use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use self::server::Server;
use self::signals::Signals;
use self::watchdog::Watchdog;
use crate::process;

pub(crate) const HELP: &str = "\
Usage: cargo xtask services run [--durable] -- CMD [ARGS]
       cargo xtask services up [--durable]
       cargo xtask services down

Starts a redis-server and a postgres of its own on free loopback ports in a temporary folder.

  run    runs CMD with their addresses in its environment and ends with its exit code; the servers stop with it, also
         when the command fails, on Ctrl-C, and when xtask itself is killed
  up     leaves them running and prints `export` lines: eval \"$(cargo xtask services up)\"
  down   stops what `up` started

CMD sees:
  COVET_REDIS_URL        redis://127.0.0.1:PORT/
  COVET_POSTGRES_URL     postgres://covet:PASSWORD@127.0.0.1:PORT/postgres (a superuser)
  COVET_REDIS_SERVER     the redis-server executable, for tests that start (and kill) a server of their own
  COVET_PG_BIN           the folder with initdb and postgres, for the same
  COVET_PG_UID, _GID     set only when run as root, which PostgreSQL refuses: run its programs as this user

COVET_REDIS_SERVER and COVET_PG_BIN are also read: they choose other programs than those on PATH or in the usual
places. The servers answer on loopback only and keep nothing; fsync is off, for speed, unless --durable is given.
";

/// Both servers, their folder and their addresses. Dropping it stops them and removes the folder.
struct Services {
    // Fields drop in this order: servers first, then the folder they write to, then the watchdog over both.
    servers: Vec<Server>,
    env: Vec<(&'static str, OsString)>,
    dir: Option<TempDir>,
    watchdog: Option<Watchdog>,
}

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::{Long, Value};
    let mut durable = false;
    let mut action = None;
    while let Some(arg) = args.next()? {
        match arg {
            Long("durable") => durable = true,
            Value(word) if action.is_none() => {
                action = Some(word.to_string_lossy().into_owned());
                if action.as_deref() == Some("run") {
                    return run_command(args, durable);
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    match action.as_deref() {
        Some("up") => up(durable),
        Some("down") => down(),
        Some(other) => bail!("`services {other}` is not one of up, down, run"),
        None => bail!("`services` wants one of up, down, run"),
    }
}

fn run_command(mut args: lexopt::Parser, mut durable: bool) -> Result<ExitCode> {
    let mut raw = args.raw_args()?;
    if raw.next_if(|arg| arg == "--durable").is_some() {
        durable = true;
    }
    raw.next_if(|arg| arg == "--");
    let Some(program) = raw.next() else { bail!("`services run` wants a command: cargo xtask services run -- CMD") };

    let mut signals = Signals::watch()?;
    let mut services = Services::start(durable, &mut signals)?;
    let mut command = Command::new(&program);
    command.args(raw).envs(services.env.iter().map(|(key, value)| (key, value)));
    process::scrub(&mut command);
    // On a terminal the command shares our process group, so that it can read it. Elsewhere it gets its own group,
    // so that a signal to us reaches all that it started.
    let own_group = !std::io::stdin().is_terminal();
    if own_group {
        command.process_group(0);
    }
    let child = command.spawn().with_context(|| format!("cannot start `{}`", program.to_string_lossy()))?;
    if let Some(watchdog) = services.watchdog.as_mut().filter(|_| own_group) {
        watchdog.also_ends(child.id());
    }
    let status = signals.wait_for(child, own_group)?;
    drop(services);
    Ok(status)
}

fn up(durable: bool) -> Result<ExitCode> {
    let file = state::file();
    if let Some(state) = state::State::load(&file)? {
        if state.is_up() {
            eprintln!("already up in {}", state.dir.display());
            print!("{}", state.export_lines());
            return Ok(ExitCode::SUCCESS);
        }
        state.stop()?;
    }
    let mut signals = Signals::watch()?;
    let services = Services::start(durable, &mut signals)?;
    let state = services.detach()?;
    state.save(&file)?;
    print!("{}", state.export_lines());
    eprintln!("up in {}; `cargo xtask services down` stops them", state.dir.display());
    Ok(ExitCode::SUCCESS)
}

fn down() -> Result<ExitCode> {
    let file = state::file();
    match state::State::load(&file)? {
        Some(state) => {
            state.stop()?;
            fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
            eprintln!("stopped");
        }
        None => eprintln!("nothing is up"),
    }
    Ok(ExitCode::SUCCESS)
}

impl Services {
    fn start(durable: bool, signals: &mut Signals) -> Result<Self> {
        let redis_server = binaries::redis_server()?;
        let pg_bin = binaries::postgres_dir()?;
        let account = postgres::account()?;
        let dir = temporary_dir()?;

        let redis = redis::start(&redis_server, dir.path(), durable, signals)?;
        let mut services = Self { servers: vec![redis.server], env: Vec::new(), dir: Some(dir), watchdog: None };
        let path = services.path();
        let postgres = postgres::start(&pg_bin, &path, account, durable, signals)?;
        services.servers.push(postgres.server);
        services.watchdog = Some(Watchdog::over(&services.servers, &path)?);

        services.env.push(("COVET_REDIS_URL", redis.url.into()));
        services.env.push(("COVET_POSTGRES_URL", postgres.url.into()));
        services.env.push(("COVET_REDIS_SERVER", redis_server.into()));
        services.env.push(("COVET_PG_BIN", pg_bin.into()));
        if let Some(account) = account {
            services.env.push(("COVET_PG_UID", account.uid.to_string().into()));
            services.env.push(("COVET_PG_GID", account.gid.to_string().into()));
        }
        Ok(services)
    }

    fn path(&self) -> PathBuf {
        self.dir.as_ref().map(|dir| dir.path().to_path_buf()).unwrap_or_default()
    }

    /// Lets the servers outlive us.
    fn detach(mut self) -> Result<state::State> {
        let dir = self.dir.take().context("the folder is already given away")?.keep();
        let servers = self.servers.drain(..).map(Server::detach).collect();
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.dismiss();
        }
        let env = self.env.drain(..).map(|(key, value)| (key.to_owned(), value.to_string_lossy().into_owned()));
        Ok(state::State { dir, servers, env: env.collect() })
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        for server in &mut self.servers {
            server.stop();
        }
        self.dir.take();
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.dismiss();
        }
    }
}

/// A folder that other accounts can enter (root's PostgreSQL runs under another one), though not write to.
fn temporary_dir() -> Result<TempDir> {
    let preferred = std::env::temp_dir();
    let candidates = [preferred.as_path(), Path::new("/tmp"), Path::new("/var/tmp")];
    let root = rustix::process::geteuid().is_root();
    let parent = candidates.into_iter().find(|dir| dir.is_dir() && (!root || everyone_may_enter(dir)));
    let parent = parent.context("no temporary folder that every account may enter; set TMPDIR")?;
    let dir = tempfile::Builder::new().prefix("covet-services-").tempdir_in(parent);
    let dir = dir.with_context(|| format!("cannot create a folder in {}", parent.display()))?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
    Ok(dir)
}

fn everyone_may_enter(dir: &Path) -> bool {
    let Ok(dir) = dir.canonicalize() else { return false };
    dir.ancestors().all(|dir| dir.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0))
}
