//! The records of a stored blacklist in one SQLite table.

use covet_auth::{Record, RevocationStore};
use covet_pool::sqlite::rusqlite::params;
use covet_pool::sqlite::{Error, SqlitePool};

/// Records handed over at once while loading.
const BATCH: usize = 1024;

/// The name of the key under which [`RevocationStore::bind`] keeps the identity.
const IDENTITY: &str = "fingerprints";

/// Revocations in the tables `covet_revocation` and `covet_revocation_meta` of a SQLite database.
///
/// A revocation is one row: its record, which is a fingerprint and times and no name, and the second at which it lapses. A commit
/// returns before [`append`](RevocationStore::append) does.
#[derive(Debug, Clone)]
pub struct SqliteRevocations {
    pool: SqlitePool,
}

impl SqliteRevocations {
    /// Uses this database; makes the tables if they are missing.
    ///
    /// # Errors
    ///
    /// SQLite's, for example when another process holds the write lock for too long.
    pub async fn open(pool: SqlitePool) -> Result<Self, Error> {
        pool.write_async(|conn| {
            // A record is its own key: appending one twice changes nothing. NULL never lapses.
            conn.execute(
                "CREATE TABLE IF NOT EXISTS covet_revocation (record BLOB PRIMARY KEY, lapses_at INTEGER) STRICT, WITHOUT ROWID",
                [],
            )?;
            conn.execute("CREATE INDEX IF NOT EXISTS covet_revocation_lapses ON covet_revocation (lapses_at)", [])?;
            conn.execute(
                "CREATE TABLE IF NOT EXISTS covet_revocation_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
                [],
            )?;
            Ok(())
        })
        .await?;
        Ok(Self { pool })
    }
}

impl RevocationStore for SqliteRevocations {
    type Error = Error;

    async fn bind(&self, identity: &str) -> Result<String, Error> {
        let identity = identity.to_owned();
        self.pool
            .write_async(move |conn| {
                conn.execute("INSERT OR IGNORE INTO covet_revocation_meta VALUES (?, ?)", params![IDENTITY, identity])?;
                conn.query_row("SELECT value FROM covet_revocation_meta WHERE name = ?", [IDENTITY], |row| row.get(0))
            })
            .await
    }

    async fn append(&self, records: &[Record]) -> Result<(), Error> {
        let rows: Vec<_> = records.iter().map(|record| (record.to_bytes(), seconds(record.lapses_at()))).collect();
        self.pool
            .write_async(move |conn| {
                for (record, lapses_at) in &rows {
                    conn.execute("INSERT OR IGNORE INTO covet_revocation VALUES (?, ?)", params![record, lapses_at])?;
                }
                Ok(())
            })
            .await
    }

    async fn load(&self, sink: &mut (dyn FnMut(&[Record]) + Send)) -> Result<(), Error> {
        // Page by page, so that a large table is never in memory whole and no read stays open for long.
        let mut after = Vec::new();
        loop {
            let page = self.pool.read_async(move |conn| read_page(conn, &after)).await?;
            sink(&page.records);
            match page.last {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    async fn prune(&self, now: u64) -> Result<(), Error> {
        let now = seconds(Some(now));
        self.pool
            .write_async(move |conn| conn.execute("DELETE FROM covet_revocation WHERE lapses_at < ?", [now]).map(drop))
            .await
    }
}

struct Page {
    records: Vec<Record>,
    /// The record to go on after; none after the last page.
    last: Option<Vec<u8>>,
}

fn read_page(conn: &covet_pool::sqlite::Conn, after: &[u8]) -> Result<Page, Error> {
    let mut statement =
        conn.prepare_cached("SELECT record FROM covet_revocation WHERE record > ? ORDER BY record LIMIT ?")?;
    let mut rows = statement.query(params![after, BATCH as i64])?;
    let mut page = Page { records: Vec::with_capacity(BATCH), last: None };
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(Error::user)?;
        // A record that cannot be read may be a revocation: starting without it would accept a revoked token.
        page.records.push(Record::from_bytes(bytes).ok_or_else(|| Error::user("a stored revocation is damaged"))?);
        seen += 1;
        if seen == BATCH {
            page.last = Some(bytes.to_vec());
        }
    }
    Ok(page)
}

/// SQLite's integers are signed; no time comes near the end of either.
fn seconds(time: Option<u64>) -> Option<i64> {
    time.map(|time| i64::try_from(time).unwrap_or(i64::MAX))
}
