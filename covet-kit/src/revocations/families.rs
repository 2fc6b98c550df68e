//! Refresh families in one SQLite table.

use covet_auth::{Family, FamilyStore};
use covet_pool::sqlite::rusqlite::{self, Row, params};
use covet_pool::sqlite::{Error, SqlitePool};

/// Refresh families in the table `covet_family` of a SQLite database: one row each, however often it is rotated.
#[derive(Debug, Clone)]
pub struct SqliteFamilies {
    pool: SqlitePool,
}

impl SqliteFamilies {
    /// Uses this database; makes the table if it is missing.
    ///
    /// # Errors
    ///
    /// SQLite's, for example when another process holds the write lock for too long.
    pub async fn open(pool: SqlitePool) -> Result<Self, Error> {
        pool.write_async(|conn| {
            conn.execute(
                "CREATE TABLE IF NOT EXISTS covet_family (
                     sid TEXT PRIMARY KEY, subject TEXT NOT NULL, started_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
                     rotated_at INTEGER NOT NULL, counter INTEGER NOT NULL, revoked INTEGER NOT NULL, revision INTEGER NOT NULL
                 ) STRICT, WITHOUT ROWID",
                [],
            )?;
            conn.execute("CREATE INDEX IF NOT EXISTS covet_family_expires ON covet_family (expires_at)", [])?;
            Ok(())
        })
        .await?;
        Ok(Self { pool })
    }
}

impl FamilyStore for SqliteFamilies {
    type Error = Error;

    async fn insert(&self, sid: &str, family: &Family) -> Result<bool, Error> {
        let (sid, family) = (sid.to_owned(), family.clone());
        self.pool
            .write_async(move |conn| {
                let Family { subject, started_at, expires_at, rotated_at, counter, revoked, revision } = &family;
                let inserted = conn.execute(
                    "INSERT OR IGNORE INTO covet_family VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    params![
                        sid,
                        subject,
                        int(*started_at),
                        int(*expires_at),
                        int(*rotated_at),
                        int(*counter),
                        revoked,
                        int(*revision)
                    ],
                )?;
                Ok(inserted == 1)
            })
            .await
    }

    async fn load(&self, sid: &str) -> Result<Option<Family>, Error> {
        let sid = sid.to_owned();
        self.pool
            .read_async(move |conn| {
                conn.query_opt(
                    "SELECT subject, started_at, expires_at, rotated_at, counter, revoked, revision FROM covet_family WHERE sid = ?",
                    [sid],
                    family,
                )
            })
            .await
    }

    async fn compare_and_swap(&self, sid: &str, expected: u64, family: &Family) -> Result<bool, Error> {
        let (sid, family) = (sid.to_owned(), family.clone());
        self.pool
            .write_async(move |conn| {
                let Family { subject, started_at, expires_at, rotated_at, counter, revoked, revision } = &family;
                let swapped = conn.execute(
                    "UPDATE covet_family SET subject = ?, started_at = ?, expires_at = ?, rotated_at = ?, counter = ?, revoked = ?, revision = ?
                     WHERE sid = ? AND revision = ?",
                    params![
                        subject,
                        int(*started_at),
                        int(*expires_at),
                        int(*rotated_at),
                        int(*counter),
                        revoked,
                        int(*revision),
                        sid,
                        int(expected)
                    ],
                )?;
                Ok(swapped == 1)
            })
            .await
    }

    async fn remove_expired(&self, now: u64) -> Result<u64, Error> {
        self.pool
            .write_async(move |conn| {
                conn.execute("DELETE FROM covet_family WHERE expires_at < ?", [int(now)]).map(|rows| rows as u64)
            })
            .await
    }
}

fn family(row: &Row<'_>) -> rusqlite::Result<Family> {
    let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    Ok(Family {
        subject: row.get(0)?,
        started_at: number(1)?,
        expires_at: number(2)?,
        rotated_at: number(3)?,
        counter: number(4)?,
        revoked: row.get(5)?,
        revision: number(6)?,
    })
}

/// SQLite's integers are signed: stored as the same 64 bits, so that equality holds for any value. Times compare right until the
/// year 292 billion.
fn int(number: u64) -> i64 {
    number.cast_signed()
}
