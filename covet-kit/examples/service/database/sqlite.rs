//! The embedded engine: a file, one writer whose callers share commits, several readers.

use std::fs;
use std::path::Path;

use covet_kit::pool::sqlite::rusqlite::{self, Row, params};
use covet_kit::pool::sqlite::{Conn, Error, SqlitePool};
use covet_kit::rows::RowsJson;
use covet_kit::service::Body;

use super::{
    ALL, CHANGE, DEMO_USER, Failure, Figures, LIST, LOGIN, Login, NewUser, ONE, UPDATE_WORLD, WORLD, WORLDS, World,
    seeded, seeded_number,
};
use crate::cache::Cache;
use crate::failed;

const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS \"user\" (
         id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, score REAL NOT NULL, active INTEGER NOT NULL
     ) STRICT",
    "CREATE TABLE IF NOT EXISTS login (name TEXT PRIMARY KEY, password TEXT NOT NULL, scope TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS world (id INTEGER PRIMARY KEY, random_number INTEGER NOT NULL) STRICT",
];

pub(crate) struct Sqlite {
    pub(crate) pool: SqlitePool,
    rows: RowsJson,
}

impl Sqlite {
    pub(super) fn open(path: &Path, cache: &Cache) -> Result<Self, String> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
        let cache = cache.clone();
        // The update hook knows which tables a commit has changed, whoever asked for it.
        let pool = SqlitePool::builder(path).on_commit(move |committed| {
            for table in committed.tables() {
                cache.invalidate(&format!("table:{table}"));
            }
        });
        let pool = pool.open().map_err(|error| format!("cannot open the database {}: {error}", path.display()))?;
        Ok(Self { pool, rows: RowsJson::objects() })
    }

    pub(super) async fn prepare(&self, users: u32, hash: String) -> Result<bool, Failure> {
        let prepared = self.pool.write_async(move |conn| {
            for table in SCHEMA {
                conn.execute(table, [])?;
            }
            let insert = "INSERT OR IGNORE INTO login VALUES (?, ?, 'admin')";
            let is_new = conn.execute(insert, params![DEMO_USER, hash])? == 1;
            if is_new {
                seed(conn, users)?;
            }
            Ok(is_new)
        });
        Ok(prepared.await?)
    }

    pub(super) async fn users(&self, after: i64, limit: i64) -> Result<Vec<u8>, Failure> {
        let rows = self.rows.clone();
        Ok(self.pool.read_async(move |conn| Ok(rows.query(conn, LIST, [after, limit])?)).await?)
    }

    /// A point read, short enough to run in the task itself.
    pub(super) async fn user(&self, id: i64) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.pool.read_inline(|conn| Ok(self.rows.query_one(conn, ONE, [id])?)).await?)
    }

    pub(super) async fn add_user(&self, user: NewUser) -> Result<i64, Failure> {
        let added = self.pool.write_async(move |conn| {
            let NewUser { name, email, score, active } = &user;
            let insert = "INSERT INTO \"user\" (name, email, score, active) VALUES (?, ?, ?, ?)";
            conn.execute(insert, params![name, email, score, active])?;
            Ok(conn.last_insert_rowid())
        });
        Ok(added.await?)
    }

    pub(super) async fn change_user(&self, id: i64, user: NewUser) -> Result<bool, Failure> {
        let changed = self.pool.write_async(move |conn| {
            let NewUser { name, email, score, active } = &user;
            conn.execute(CHANGE, params![name, email, score, active, id])
        });
        Ok(changed.await? == 1)
    }

    pub(super) fn export(&self) -> Body {
        self.rows.stream(&self.pool, ALL, [], |error| drop(failed("exporting users", error)))
    }

    pub(super) async fn login(&self, name: &str) -> Result<Option<Login>, Failure> {
        let login = |row: &Row<'_>| Ok(Login { password: row.get(0)?, scope: row.get(1)? });
        Ok(self.pool.read_inline(|conn| conn.query_opt(LOGIN, [name], login)).await?)
    }

    pub(super) async fn world(&self, id: u32) -> Result<World, Failure> {
        Ok(self.pool.read_inline(|conn| conn.query_row(WORLD, [id], world)).await?)
    }

    pub(super) async fn world_json(&self, id: u32) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.pool.read_inline(|conn| Ok(self.rows.query_one(conn, WORLD, [id])?)).await?)
    }

    pub(super) async fn worlds(&self, ids: Vec<u32>) -> Result<Vec<World>, Failure> {
        let one = |conn: &Conn, id: &u32| conn.query_row(WORLD, [id], world);
        let read = move |conn: &Conn| ids.iter().map(|id| one(conn, id)).collect::<Result<Vec<_>, Error>>();
        Ok(self.pool.read_async(read).await?)
    }

    pub(super) async fn update_worlds(&self, changes: Vec<World>) -> Result<Vec<World>, Failure> {
        let update = move |conn: &Conn| {
            let one = |change: &World| {
                let known = conn.query_row(WORLD, [change.id], world)?;
                let changed = World { random_number: change.random_number, ..known };
                conn.execute(UPDATE_WORLD, params![changed.random_number, changed.id])?;
                Ok(changed)
            };
            changes.iter().map(one).collect::<Result<Vec<_>, Error>>()
        };
        Ok(self.pool.write_async(update).await?)
    }

    pub(super) fn figures(&self) -> Figures {
        let status = self.pool.status();
        Figures {
            in_use: status.readers.in_use,
            idle: status.readers.idle,
            reads_queued: status.queued_reads,
            writes_queued: status.queued_writes,
            commits: status.writes.commits,
            writes: status.writes.committed,
            statements: status.statements,
        }
    }
}

fn seed(conn: &Conn, users: u32) -> Result<(), Error> {
    for id in 1..=users {
        let (name, email, score) = seeded(id);
        conn.execute("INSERT INTO \"user\" VALUES (?, ?, ?, ?, ?)", params![id, name, email, score, id % 7 != 0])?;
    }
    for id in 1..=WORLDS {
        conn.execute("INSERT INTO world VALUES (?, ?)", params![id, seeded_number(id)])?;
    }
    Ok(())
}

fn world(row: &Row<'_>) -> rusqlite::Result<World> {
    Ok(World { id: row.get(0)?, random_number: row.get(1)? })
}
