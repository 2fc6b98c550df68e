//! The process dies in the middle of group commits: every acknowledged write is there afterwards, and no half of one.
//!
//! The test starts its own binary as the victim, reads the acknowledgements from its output, and kills it.
#![cfg(all(feature = "sqlite", unix, not(covet_loom)))]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use covet_pool::sqlite::{SqlitePool, Synchronous};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const VICTIM: &str = "COVET_POOL_CRASH_VICTIM";

#[test]
fn kill_in_the_middle_of_group_commits_loses_no_acknowledged_write() {
    if let Some(path) = std::env::var_os(VICTIM) {
        return victim(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let mut acknowledged = Vec::new();
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill_in_the_middle_of_group_commits_loses_no_acknowledged_write", "--exact", "--nocapture"])
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let enough = acknowledged.len() + 150 + 97 * round;
        let read = |line: std::io::Result<String>| line.ok()?.strip_prefix("done ")?.parse::<i64>().ok();
        while acknowledged.len() < enough {
            let line = lines.next().expect("the victim lives until it is killed");
            acknowledged.extend(read(line));
        }
        // SIGKILL: nothing of the process runs any more.
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(lines.filter_map(read));
        check(&path, &acknowledged);
    }
}

fn check(path: &Path, acknowledged: &[i64]) {
    let db = rusqlite::Connection::open(path).unwrap();
    let ok: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(ok, "ok");
    let halves: i64 = db
        .query_row("SELECT count(*) FROM (SELECT job FROM t GROUP BY job HAVING count(*) <> 3)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(halves, 0, "each write is there as a whole or not at all");
    let mut present = db.prepare("SELECT 1 FROM t WHERE job = ?1").unwrap();
    for job in acknowledged {
        assert!(present.exists([job]).unwrap(), "write {job} was acknowledged");
    }
}

fn victim(path: &Path) {
    let db = SqlitePool::builder(path).synchronous(Synchronous::Normal).open().unwrap();
    db.write(|tx| {
        Ok(tx.execute_batch("CREATE TABLE IF NOT EXISTS t (job INTEGER, part INTEGER, PRIMARY KEY (job, part))")?)
    })
    .unwrap();
    let first: i64 = db.read(|c| c.query_row("SELECT coalesce(max(job), 0) + 1 FROM t", [], |row| row.get(0))).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let db = &db;
            scope.spawn(move || {
                for job in (first + thread..).step_by(8) {
                    db.write(move |tx| {
                        for part in 0..3 {
                            tx.execute("INSERT INTO t VALUES (?1, ?2)", (job, part))?;
                        }
                        Ok(())
                    })
                    .unwrap();
                    // One system call per line: what the parent reads has been acknowledged.
                    std::io::stdout().lock().write_all(format!("done {job}\n").as_bytes()).unwrap();
                }
            });
        }
    });
}
