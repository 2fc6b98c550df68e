//! The servers: how each is started, on the server's processor, and stopped.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use covet_bench::record::Role;
use rustix::process::{Pid, Signal, kill_process};

use crate::load::{self, Protocol};
use crate::pin::Cores;
use crate::proc;

/// What was built or installed, as far as it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    /// The service example.
    pub(crate) service: Option<PathBuf>,
    pub(crate) axum: Option<PathBuf>,
    pub(crate) sqlx: Option<PathBuf>,
    /// The `bin` folder of the virtual environment.
    pub(crate) python: Option<PathBuf>,
    /// The folder with the Python servers.
    pub(crate) apps: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Server {
    Covet,
    Axum,
    Actix,
    FastApi,
    Flask,
    Django,
}

impl Server {
    pub(crate) const ALL: [Self; 6] = [Self::Covet, Self::Axum, Self::Actix, Self::FastApi, Self::Flask, Self::Django];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Covet => "covet",
            Self::Axum => "axum",
            Self::Actix => "actix-web",
            Self::FastApi => "fastapi",
            Self::Flask => "flask",
            Self::Django => "django",
        }
    }

    /// What stands behind the name.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Covet => {
                "the service example of covet-kit; verified signatures are remembered, concurrent writes share commits"
            }
            Self::Axum => "axum, serde_json, deadpool-sqlite, jsonwebtoken, moka",
            Self::Actix => "actix-web, serde_json, sqlx, jsonwebtoken, moka",
            Self::FastApi => {
                "FastAPI with response models on uvicorn (uvloop, httptools), one process; sqlite3, PyJWT, cachetools"
            }
            Self::Flask => "Flask on gunicorn, 3 processes with 4 threads; sqlite3, PyJWT, cachetools",
            Self::Django => "Django with its ORM on gunicorn, 3 processes with 4 threads; PyJWT, cachetools",
        }
    }

    pub(crate) fn find(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|server| server.name() == name);
        found.with_context(|| format!("no server `{name}`; there are {}", Self::ALL.map(Self::name).join(", ")))
    }

    pub(crate) fn role(self) -> Role {
        if self == Self::Covet { Role::Ours } else { Role::Peer }
    }

    /// Whether it speaks this protocol without TLS.
    pub(crate) fn speaks(self, protocol: Protocol) -> bool {
        protocol == Protocol::Http1 || matches!(self, Self::Covet | Self::Axum | Self::Actix)
    }

    /// The packages whose versions make its version, and whether they are Python's.
    pub(crate) fn packages(self) -> (&'static [&'static str], bool) {
        match self {
            Self::Covet => (&["covet-kit"], false),
            Self::Axum => (&["axum", "deadpool-sqlite"], false),
            Self::Actix => (&["actix-web", "sqlx"], false),
            Self::FastApi => (&["fastapi", "uvicorn"], true),
            Self::Flask => (&["Flask", "gunicorn"], true),
            Self::Django => (&["Django", "gunicorn"], true),
        }
    }

    /// The program to start, or why there is none.
    fn command(self, programs: &Programs, address: SocketAddr, place: &Place) -> Result<Command> {
        let missing = || format!("{} was not built", self.name());
        let python = |program: &str| programs.python.as_ref().map(|bin| Command::new(bin.join(program)));
        let mut command = match self {
            Self::Covet => Command::new(programs.service.as_ref().with_context(missing)?),
            Self::Axum => Command::new(programs.axum.as_ref().with_context(missing)?),
            Self::Actix => Command::new(programs.sqlx.as_ref().with_context(missing)?),
            Self::FastApi => python("uvicorn").with_context(missing)?,
            Self::Flask | Self::Django => python("gunicorn").with_context(missing)?,
        };
        let at = address.to_string();
        match self {
            Self::Covet => {
                command.args(["--admin", "off", "--listen", &at, "--database"]).arg(&place.database);
            }
            Self::Axum | Self::Actix => {}
            Self::FastApi => {
                let (host, port) = (address.ip().to_string(), address.port().to_string());
                command.args(["fastapi_app:app", "--host", &host, "--port", &port, "--workers", "1"]);
                command.args(["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]);
            }
            Self::Flask | Self::Django => {
                let app = if self == Self::Flask { "flask_app:app" } else { "django_app:app" };
                command.args([app, "--bind", &at, "--worker-class", "gthread", "--workers", "3", "--threads", "4"]);
                command.args(["--keep-alive", "75", "--log-level", "warning"]);
            }
        }
        if self.packages().1 {
            command.current_dir(&programs.apps).env("PYTHONDONTWRITEBYTECODE", "1");
        }
        command.env("LISTEN", &at).env("DATABASE", &place.database).env("JWKS", &place.jwks);
        Ok(command)
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn start(self, programs: &Programs, cores: Cores, place: &Place) -> Result<Running> {
        let address = free_address()?;
        let mut command = self.command(programs, address, place)?;
        let log = place.database.with_extension("log");
        let output = fs::File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        let process = cores.start_server(&mut command)?;
        let mut running = Running { process, address, log };
        running.wait_until_it_answers().await.with_context(|| self.name())?;
        Ok(running)
    }
}

/// The files of one run of one server.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) database: PathBuf,
    pub(crate) jwks: PathBuf,
}

/// A server that runs; stopped when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    process: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
}

impl Running {
    /// A process of ours that serves, such as the trivial server.
    pub(crate) async fn of(process: Child, address: SocketAddr, log: &Path) -> Result<Self> {
        let mut running = Self { process, address, log: log.to_owned() };
        running.wait_until_it_answers().await?;
        Ok(running)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn memory(&self) -> u64 {
        proc::memory(self.id())
    }

    /// The end of what it printed.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// A server may listen long before it answers. One that does not answer yet keeps the request.
    async fn answers(&self) -> bool {
        let mut request = http::Request::new(http_body_util::Full::default());
        *request.uri_mut() = http::Uri::from_static("/plaintext");
        request.headers_mut().insert(http::header::HOST, http::HeaderValue::from_static("localhost"));
        let answer = tokio::time::timeout(Duration::from_secs(10), load::once(self.address, request)).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|(status, ..)| status.is_success()))
    }

    async fn wait_until_it_answers(&mut self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        while !self.answers().await {
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended ({status}):\n{}", self.last_words());
            }
            if Instant::now() > end {
                bail!("the server does not answer on {}:\n{}", self.address, self.last_words());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

/// Asks a process to end, and makes it after five seconds.
pub(crate) fn stop(process: &mut Child) {
    if let Some(id) = i32::try_from(process.id()).ok().and_then(Pid::from_raw) {
        // It may have ended already.
        let _ = kill_process(id, Signal::TERM);
    }
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        if !matches!(process.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = process.kill();
    let _ = process.wait();
}

/// A loopback address that nobody listens on at this moment.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
