//! The records of a stored blacklist, and refresh families, in tables of a PostgreSQL database.

use std::fmt;

use covet_auth::{Family, FamilyStore, Record, RevocationStore};
use covet_pool::postgres::{Error, Params, Postgres};
use covet_pool::{Pool, PoolError};

/// Records handed over at once while loading.
const BATCH: i64 = 1024;

/// The name of the key under which [`RevocationStore::bind`] keeps the identity.
const IDENTITY: &str = "fingerprints";

/// Makes what is missing. `CREATE IF NOT EXISTS` fails when two sessions run it at once, so they take turns: the lock's number is
/// arbitrary, and goes with the batch, which is one transaction.
const SCHEMA: &str = "
    SELECT pg_advisory_xact_lock(7165080315246281);
    CREATE TABLE IF NOT EXISTS covet_revocation (record BYTEA PRIMARY KEY, lapses_at BIGINT);
    CREATE INDEX IF NOT EXISTS covet_revocation_lapses ON covet_revocation (lapses_at);
    CREATE TABLE IF NOT EXISTS covet_revocation_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS covet_family (
        sid TEXT PRIMARY KEY, subject TEXT NOT NULL, started_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
        rotated_at BIGINT NOT NULL, counter BIGINT NOT NULL, revoked BOOLEAN NOT NULL, revision BIGINT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS covet_family_expires ON covet_family (expires_at);
";

/// Why a store on PostgreSQL could not do what it was asked to.
#[derive(Debug)]
#[non_exhaustive]
pub enum PostgresStoreError {
    /// The server's error, or none could be reached.
    Postgres(Error),
    /// The session acknowledges commits that a crash may lose (`synchronous_commit = off`): a revoked token could come back.
    NotDurable,
    /// A stored revocation cannot be read. Starting without it could accept a revoked token.
    Damaged,
}

impl fmt::Display for PostgresStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(error) => error.fmt(f),
            Self::NotDurable => f.write_str("`synchronous_commit` is off: set it to on for the service's role"),
            Self::Damaged => f.write_str("a stored revocation is damaged"),
        }
    }
}

impl std::error::Error for PostgresStoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Postgres(error) => Some(error),
            Self::NotDurable | Self::Damaged => None,
        }
    }
}

impl From<Error> for PostgresStoreError {
    fn from(error: Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<PoolError<Error>> for PostgresStoreError {
    fn from(error: PoolError<Error>) -> Self {
        Self::Postgres(error.into())
    }
}

async fn prepare(pool: &Pool<Postgres>) -> Result<(), PostgresStoreError> {
    let conn = pool.get().await?;
    conn.batch_execute(SCHEMA).await?;
    let row = conn.query_one("SELECT current_setting('synchronous_commit')", &[]).await?;
    if row.get::<_, &str>(0) == "off" { Err(PostgresStoreError::NotDurable) } else { Ok(()) }
}

/// Revocations in the tables `covet_revocation` and `covet_revocation_meta` of a PostgreSQL database.
///
/// A revocation is one row: its record, which is a fingerprint and times and no name, and the second at which it lapses. A commit
/// returns before [`append`](RevocationStore::append) does. Another process on the same database sees it when it starts; a shared
/// list that is followed live is covet-auth's replica on Redis.
#[derive(Debug, Clone)]
pub struct PostgresRevocations {
    pool: Pool<Postgres>,
}

impl PostgresRevocations {
    /// Uses this database; makes the tables if they are missing.
    ///
    /// # Errors
    ///
    /// The server's; [`PostgresStoreError::NotDurable`].
    pub async fn open(pool: Pool<Postgres>) -> Result<Self, PostgresStoreError> {
        prepare(&pool).await?;
        Ok(Self { pool })
    }
}

impl RevocationStore for PostgresRevocations {
    type Error = PostgresStoreError;

    async fn bind(&self, identity: &str) -> Result<String, PostgresStoreError> {
        let conn = self.pool.get().await?;
        let insert = "INSERT INTO covet_revocation_meta VALUES ($1, $2) ON CONFLICT DO NOTHING";
        conn.execute(insert, &[&IDENTITY, &identity]).await?;
        let row = conn.query_one("SELECT value FROM covet_revocation_meta WHERE name = $1", &[&IDENTITY]).await?;
        Ok(row.get(0))
    }

    async fn append(&self, records: &[Record]) -> Result<(), PostgresStoreError> {
        let bytes: Vec<Vec<u8>> = records.iter().map(Record::to_bytes).collect();
        let lapses: Vec<Option<i64>> = records.iter().map(|record| record.lapses_at().map(seconds)).collect();
        // A record is its own key: appending one twice changes nothing. One statement keeps all of them or none.
        let insert =
            "INSERT INTO covet_revocation SELECT * FROM unnest($1::bytea[], $2::bigint[]) ON CONFLICT DO NOTHING";
        self.pool.get().await?.execute(insert, &[&bytes, &lapses]).await?;
        Ok(())
    }

    async fn load(&self, sink: &mut (dyn FnMut(&[Record]) + Send)) -> Result<(), PostgresStoreError> {
        // Page by page, so that a large table is never in memory whole and no snapshot stays open for long.
        let page = "SELECT record FROM covet_revocation WHERE record > $1 ORDER BY record LIMIT $2";
        let conn = self.pool.get().await?;
        let mut after: Vec<u8> = Vec::new();
        loop {
            let rows = conn.query(page, &[&after, &BATCH]).await?;
            let records: Option<Vec<Record>> = rows.iter().map(|row| Record::from_bytes(row.get(0))).collect();
            sink(&records.ok_or(PostgresStoreError::Damaged)?);
            match rows.last() {
                Some(last) if rows.len() as i64 == BATCH => after = last.get(0),
                _ => return Ok(()),
            }
        }
    }

    async fn prune(&self, now: u64) -> Result<(), PostgresStoreError> {
        let now = seconds(now);
        self.pool.get().await?.execute("DELETE FROM covet_revocation WHERE lapses_at < $1", &[&now]).await?;
        Ok(())
    }
}

/// Refresh families in the table `covet_family` of a PostgreSQL database: one row each, however often it is rotated. Processes that share
/// the database share the sessions.
#[derive(Debug, Clone)]
pub struct PostgresFamilies {
    pool: Pool<Postgres>,
}

impl PostgresFamilies {
    /// Uses this database; makes the table if it is missing.
    ///
    /// # Errors
    ///
    /// The server's; [`PostgresStoreError::NotDurable`].
    pub async fn open(pool: Pool<Postgres>) -> Result<Self, PostgresStoreError> {
        prepare(&pool).await?;
        Ok(Self { pool })
    }
}

impl FamilyStore for PostgresFamilies {
    type Error = PostgresStoreError;

    async fn insert(&self, sid: &str, family: &Family) -> Result<bool, PostgresStoreError> {
        let Family { subject, started_at, expires_at, rotated_at, counter, revoked, revision } = family;
        let insert = "INSERT INTO covet_family VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        let [started_at, expires_at, rotated_at] = [started_at, expires_at, rotated_at].map(|time| int(*time));
        let (counter, revision) = (int(*counter), int(*revision));
        let conn = self.pool.get().await?;
        let values: Params<'_> = &[&sid, subject, &started_at, &expires_at, &rotated_at, &counter, revoked, &revision];
        Ok(conn.execute(insert, values).await? == 1)
    }

    async fn load(&self, sid: &str) -> Result<Option<Family>, PostgresStoreError> {
        let select = "SELECT subject, started_at, expires_at, rotated_at, counter, revoked, revision FROM covet_family WHERE sid = $1";
        let row = self.pool.get().await?.query_opt(select, &[&sid]).await?;
        Ok(row.map(|row| {
            let number = |column: usize| row.get::<_, i64>(column).cast_unsigned();
            Family {
                subject: row.get(0),
                started_at: number(1),
                expires_at: number(2),
                rotated_at: number(3),
                counter: number(4),
                revoked: row.get(5),
                revision: number(6),
            }
        }))
    }

    async fn compare_and_swap(&self, sid: &str, expected: u64, family: &Family) -> Result<bool, PostgresStoreError> {
        let Family { subject, started_at, expires_at, rotated_at, counter, revoked, revision } = family;
        let update =
            "UPDATE covet_family SET subject = $1, started_at = $2, expires_at = $3, rotated_at = $4, counter = $5,
             revoked = $6, revision = $7 WHERE sid = $8 AND revision = $9";
        let [started_at, expires_at, rotated_at] = [started_at, expires_at, rotated_at].map(|time| int(*time));
        let (counter, revision, expected) = (int(*counter), int(*revision), int(expected));
        let conn = self.pool.get().await?;
        let values: Params<'_> =
            &[subject, &started_at, &expires_at, &rotated_at, &counter, revoked, &revision, &sid, &expected];
        Ok(conn.execute(update, values).await? == 1)
    }

    async fn remove_expired(&self, now: u64) -> Result<u64, PostgresStoreError> {
        let now = seconds(now);
        Ok(self.pool.get().await?.execute("DELETE FROM covet_family WHERE expires_at < $1", &[&now]).await?)
    }
}

/// PostgreSQL's integers are signed; no time comes near the end of either.
fn seconds(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// Stored as the same 64 bits, so that equality holds for any value.
fn int(number: u64) -> i64 {
    number.cast_signed()
}
