//! The schema, and what an empty database is filled with.

use covet_kit::pool::sqlite::rusqlite::params;
use covet_kit::pool::sqlite::{Conn, Error, SqlitePool};

use crate::passwords;

pub(crate) const DEMO_USER: &str = "ada";
/// Rows of the table that `/db`, `/queries` and `/updates` work on.
pub(crate) const WORLDS: u32 = 10_000;

const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS user (
         id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE, score REAL NOT NULL, active INTEGER NOT NULL
     ) STRICT",
    "CREATE TABLE IF NOT EXISTS login (name TEXT PRIMARY KEY, password TEXT NOT NULL, scope TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS world (id INTEGER PRIMARY KEY, random_number INTEGER NOT NULL) STRICT",
];

/// Makes what is missing. Returns the demo user's password if this call created it.
pub(crate) async fn prepare(db: &SqlitePool, users: u32) -> Result<Option<String>, Error> {
    let password = passwords::random_password().map_err(Error::user)?;
    let hash = passwords::hash(&password).map_err(Error::user)?;
    let is_new = db
        .write_async(move |conn| {
            for table in SCHEMA {
                conn.execute(table, [])?;
            }
            let is_new =
                conn.execute("INSERT OR IGNORE INTO login VALUES (?, ?, 'admin')", params![DEMO_USER, hash])? == 1;
            if is_new {
                seed(conn, users)?;
            }
            Ok(is_new)
        })
        .await?;
    Ok(is_new.then_some(password))
}

fn seed(conn: &Conn, users: u32) -> Result<(), Error> {
    for id in 1..=users {
        let (name, email) = (format!("User {id}"), format!("user{id}@example.com"));
        let score = f64::from(id.wrapping_mul(2_654_435_761) % 10_000) / 100.0;
        conn.execute("INSERT INTO user VALUES (?, ?, ?, ?, ?)", params![id, name, email, score, id % 7 != 0])?;
    }
    for id in 1..=WORLDS {
        conn.execute("INSERT INTO world VALUES (?, ?)", params![id, id.wrapping_mul(2_246_822_519) % WORLDS + 1])?;
    }
    Ok(())
}
