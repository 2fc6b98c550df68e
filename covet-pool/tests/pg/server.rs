//! A server of the test's own, for tests that kill it or configure it.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) struct Server {
    dir: tempfile::TempDir,
    pub(crate) port: u16,
    settings: Vec<String>,
    child: Option<Child>,
}

fn env_id(name: &str) -> Option<u32> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

impl Server {
    /// Makes a cluster whose users log in by `auth`, and starts it. The user is `covet`, the password `secret word`.
    pub(crate) fn start(auth: &str, settings: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("covet-pg-").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = settings.iter().map(|text| (*text).to_owned()).collect();
        let mut server = Self { dir, port, settings, child: None };
        std::fs::create_dir(server.path("data")).unwrap();
        std::fs::write(server.path("password"), "secret word\n").unwrap();
        server.hand_over("data", 0o700);
        server.hand_over("password", 0o600);
        let mut initdb = server.program("initdb");
        initdb.arg("-D").arg(server.path("data")).args([
            "--username=covet",
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
        ]);
        initdb.arg(format!("--auth={auth}")).arg(format!("--pwfile={}", server.path("password").display()));
        let made = initdb.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.run();
        server
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file that the server can read and nobody else.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.hand_over(name, 0o600);
        self.path(name)
    }

    fn hand_over(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), PermissionsExt::from_mode(mode)).unwrap();
        if let (Some(uid), Some(gid)) = (env_id("COVET_PG_UID"), env_id("COVET_PG_GID")) {
            chown(self.path(name), Some(uid), Some(gid)).unwrap();
        }
    }

    fn program(&self, name: impl AsRef<OsStr>) -> Command {
        let folder = PathBuf::from(std::env::var_os("COVET_PG_BIN").expect("cargo xtask services run sets it"));
        let mut command = Command::new(folder.join(name.as_ref()));
        command.current_dir(self.dir.path()).env("LC_ALL", "C");
        if let (Some(uid), Some(gid)) = (env_id("COVET_PG_UID"), env_id("COVET_PG_GID")) {
            command.gid(gid).uid(uid);
        }
        command
    }

    /// Settings for when it is started next.
    pub(crate) fn set(&mut self, settings: impl IntoIterator<Item = String>) {
        self.settings.extend(settings);
    }

    /// Starts it (again), and waits until it lets clients in.
    pub(crate) fn run(&mut self) {
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.path("data")).args(["-c", &format!("port={}", self.port)]);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
        command.arg("-c").arg(format!("unix_socket_directories={}", self.path("data").display()));
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(std::fs::File::create(self.path("log")).unwrap());
        let child = command.spawn().unwrap();
        let ready = || {
            let text = std::fs::read_to_string(self.path("data/postmaster.pid")).unwrap_or_default();
            text.lines().next() == Some(&child.id().to_string()) && text.contains("ready")
        };
        let end = Instant::now() + Duration::from_secs(30);
        while !ready() {
            assert!(Instant::now() < end, "{}", std::fs::read_to_string(self.path("log")).unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = Some(child);
    }

    /// Stops it at once: sessions are cut off in the middle of what they do.
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let mut kill = Command::new("kill");
        kill.args(["-QUIT", &child.id().to_string()]);
        let _ = kill.status();
        let _ = child.wait();
    }

    pub(crate) fn address(&self) -> String {
        format!("postgres://covet:secret%20word@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
