//! How a PostgreSQL cluster is made, started and recognised, also by root.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::server::{Plan, Server, Started};
use super::signals::Signals;
use crate::process;

/// An account that PostgreSQL may run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// `None`: our own. PostgreSQL refuses to run as root, so root lends it `postgres`, else `nobody`.
pub(super) fn account() -> Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let found = ["postgres", "nobody"].iter().find_map(|name| find_account(&passwd, name));
    found.map(Some).context("PostgreSQL refuses to run as root, and /etc/passwd has neither `postgres` nor `nobody`")
}

/// The account `name` in a file of the form of /etc/passwd; never root.
fn find_account(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let account = Account { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? };
    (account.uid != 0).then_some(account)
}

pub(super) fn start(
    bin: &Path,
    dir: &Path,
    account: Option<Account>,
    durable: bool,
    signals: &mut Signals,
) -> Result<Started> {
    let data = dir.join("postgres");
    let password = random_hex()?;
    create_cluster(bin, dir, &data, account, &password)?;
    let command = |port: u16| {
        let mut command = program(bin, "postgres", dir, account);
        command.arg("-D").arg(&data);
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("port", &port.to_string());
        set("listen_addresses", "127.0.0.1");
        // A socket's path has a short limit, and TCP is what the tests are about.
        set("unix_socket_directories", "");
        set("max_connections", "200");
        if !durable {
            for name in ["fsync", "synchronous_commit", "full_page_writes"] {
                set(name, "off");
            }
        }
        command
    };
    let plan = Plan {
        name: "postgres",
        log: &dir.join("postgres.log"),
        // "Fast shutdown": open sessions are ended, not waited for.
        stop_signal: Signal::INT,
        command: &command,
        ready: &|pid, port| fs::read_to_string(data.join("postmaster.pid")).is_ok_and(|f| is_ready(&f, pid, port)),
    };
    let (server, port) = Server::start(&plan, signals)?;
    Ok(Started { server, url: format!("postgres://covet:{password}@127.0.0.1:{port}/postgres") })
}

fn create_cluster(bin: &Path, dir: &Path, data: &Path, account: Option<Account>, password: &str) -> Result<()> {
    let password_file = dir.join("password");
    let mut file = File::create_new(&password_file)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    writeln!(file, "{password}")?;
    drop(file);
    fs::create_dir(data)?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700))?;
    if let Some(account) = account {
        for path in [data, &password_file] {
            chown(path, Some(account.uid), Some(account.gid))?;
        }
    }
    let mut initdb = program(bin, "initdb", dir, account);
    initdb.arg("-D").arg(data).args(["--username=covet", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    // A superuser of PostgreSQL can run programs as its account: other users of the machine must not become one.
    // In the clear, because SCRAM would cost a debug build tens of milliseconds at each connection.
    initdb.args(["--auth-local=reject", "--auth-host=password"]);
    let mut pwfile = std::ffi::OsString::from("--pwfile=");
    pwfile.push(&password_file);
    initdb.arg(pwfile);
    process::output(&mut initdb).context("initdb could not make a cluster")?;
    fs::remove_file(&password_file)?;
    Ok(())
}

/// A program of PostgreSQL, as `account`, in a folder that the account may enter.
fn program(bin: &Path, name: &str, dir: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(bin.join(name));
    command.current_dir(dir).env("LC_ALL", "C").env_remove("PGDATA").env_remove("PGPORT");
    if let Some(account) = account {
        command.gid(account.gid).uid(account.uid);
    }
    command
}

/// Whether `postmaster.pid` says that process `pid` accepts connections on `port`.
pub(super) fn is_ready(postmaster_pid: &str, pid: u32, port: u16) -> bool {
    let line = |n: usize| postmaster_pid.lines().nth(n).map_or("", str::trim);
    line(0) == pid.to_string() && line(3) == port.to_string() && line(7) == "ready"
}

fn random_hex() -> Result<String> {
    let mut bytes = [0; 12];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("no /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_their_whole_name_and_never_root() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgresql:x:9:9::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        assert_eq!(find_account(passwd, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find_account(passwd, "nobody"), None);
        assert_eq!(find_account(passwd, "root"), None);
        assert_eq!(find_account("postgres:x:one", "postgres"), None);
    }

    #[test]
    fn readiness_is_read_from_the_file_of_our_own_process() {
        let file = "71\n/tmp/x\n1700000000\n5433\n\n127.0.0.1\n  1 2\nready   \n";
        assert!(is_ready(file, 71, 5433));
        assert!(!is_ready(file, 72, 5433));
        assert!(!is_ready(file, 71, 5432));
        assert!(!is_ready(&file.replace("ready   ", "starting"), 71, 5433));
        assert!(!is_ready("71\n", 71, 5433));
    }
}
