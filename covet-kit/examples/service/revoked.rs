//! Revocations: kept by the database, and shared live over Redis where there is one.

use std::fmt;
use std::sync::Arc;

use covet_kit::auth::store::redis::{RedisConfig, RedisError, Replica};
use covet_kit::auth::{
    AuthError, Blacklist, BlacklistConfig, Clock, Family, FamilyStore, FingerprintBits, FingerprintKey, Retention,
    Revocations, Revoke, StoredBlacklist, StoredError, TokenFacts,
};
use covet_kit::pool::sqlite;
use covet_kit::revocations::{
    PostgresFamilies, PostgresRevocations, PostgresStoreError, SqliteFamilies, SqliteRevocations,
};

use crate::app::SESSION;
use crate::database::Database;

/// What was revoked: in this process's memory, in the database, and in the replicas of the other processes.
pub(crate) struct Revoked {
    stored: Stored,
    replica: Option<Replica>,
}

enum Stored {
    Sqlite(StoredBlacklist<SqliteRevocations>),
    Postgres(StoredBlacklist<PostgresRevocations>),
}

/// Runs the same on the store that is there, and gives its errors one type.
macro_rules! on {
    ($stored:expr, $store:ident => $call:expr) => {
        match $stored {
            Stored::Sqlite($store) => $call.map_err(Lost::from),
            Stored::Postgres($store) => $call.map_err(Lost::from),
        }
    };
}

impl Revoked {
    /// Loads everything that was revoked: no token is judged before that.
    pub(crate) async fn open(database: &Database, redis: Option<&str>, key: [u8; 16]) -> Result<Self, String> {
        let failed = |error: &dyn fmt::Display| format!("cannot load the revocations: {error}");
        // Whole fingerprints can be written back to a Redis that lost them; without one, half of each is enough.
        let bits = if redis.is_some() { FingerprintBits::Bits128 } else { FingerprintBits::default() };
        let config = BlacklistConfig::new().key(FingerprintKey::from_bytes(key)).fingerprint_bits(bits);
        let config = config.max_lifetime(SESSION);
        let blacklist = Blacklist::new(config).map_err(|error| failed(&error))?;
        let shared = blacklist.clone();
        let stored = match database {
            Database::Sqlite(engine) => {
                let store = SqliteRevocations::open(engine.pool.clone()).await.map_err(|error| failed(&error))?;
                Stored::Sqlite(StoredBlacklist::open(blacklist, store).await.map_err(|error| failed(&error))?)
            }
            Database::Postgres(engine) => {
                let store = PostgresRevocations::open(engine.pool.clone()).await.map_err(|error| failed(&error))?;
                Stored::Postgres(StoredBlacklist::open(blacklist, store).await.map_err(|error| failed(&error))?)
            }
        };
        let replica = match redis {
            Some(url) => {
                // The database beside it keeps what was revoked, so that an empty server is no reason to refuse the start.
                let config = RedisConfig::new(url).create_if_missing(true);
                let replica = Replica::connect(shared, config).await;
                Some(replica.map_err(|error| format!("cannot share revocations over Redis: {error}"))?)
            }
            None => None,
        };
        Ok(Self { stored, replica })
    }

    /// Revokes one token. Returns when the database has it, and Redis.
    pub(crate) async fn revoke(&self, token: &TokenFacts) -> Result<(), Lost> {
        on!(&self.stored, store => store.revoke_facts(token).await)?;
        if let Some(replica) = &self.replica {
            replica.revoke_facts(token).await?;
        }
        Ok(())
    }

    /// Drops what has lapsed.
    pub(crate) async fn expire(&self) -> Result<(), Lost> {
        on!(&self.stored, store => store.expire().await)
    }

    pub(crate) fn blacklist(&self) -> &Blacklist {
        match &self.stored {
            Stored::Sqlite(store) => store.blacklist(),
            Stored::Postgres(store) => store.blacklist(),
        }
    }

    /// Whether what is known of revocations is current: without that every token is refused.
    pub(crate) fn is_current(&self) -> bool {
        self.replica.as_ref().is_none_or(|replica| replica.status().lease_left.is_some())
    }
}

impl Revocations for Revoked {
    fn check(&self, token: &TokenFacts) -> Result<(), AuthError> {
        match &self.replica {
            // It has the same blacklist, and a lease besides.
            Some(replica) => replica.check(token),
            None => self.blacklist().check_facts(token),
        }
    }

    fn not_before(&self, iss: &str, sub: Option<&str>, sid: Option<&str>) -> Option<u64> {
        self.blacklist().not_before(iss, sub, sid)
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        self.blacklist().clock()
    }

    fn retention(&self) -> Retention {
        self.blacklist().retention()
    }
}

impl Revoke for Revoked {
    type Error = Lost;

    async fn revoke_session(&self, iss: &str, sid: &str) -> Result<(), Lost> {
        on!(&self.stored, store => store.revoke_session(iss, sid).await)?;
        if let Some(replica) = &self.replica {
            replica.revoke_session(iss, sid).await?;
        }
        Ok(())
    }

    async fn revoke_subject(&self, iss: &str, sub: &str) -> Result<(), Lost> {
        on!(&self.stored, store => store.revoke_subject(iss, sub).await)?;
        if let Some(replica) = &self.replica {
            replica.revoke_subject(iss, sub).await?;
        }
        Ok(())
    }
}

/// Sessions, in the database.
pub(crate) enum SessionStore {
    Sqlite(SqliteFamilies),
    Postgres(PostgresFamilies),
}

impl SessionStore {
    pub(crate) async fn open(database: &Database) -> Result<Self, Lost> {
        Ok(match database {
            Database::Sqlite(engine) => Self::Sqlite(SqliteFamilies::open(engine.pool.clone()).await?),
            Database::Postgres(engine) => Self::Postgres(PostgresFamilies::open(engine.pool.clone()).await?),
        })
    }
}

impl FamilyStore for SessionStore {
    type Error = Lost;

    async fn insert(&self, sid: &str, family: &Family) -> Result<bool, Lost> {
        Ok(match self {
            Self::Sqlite(store) => store.insert(sid, family).await?,
            Self::Postgres(store) => store.insert(sid, family).await?,
        })
    }

    async fn load(&self, sid: &str) -> Result<Option<Family>, Lost> {
        Ok(match self {
            Self::Sqlite(store) => store.load(sid).await?,
            Self::Postgres(store) => store.load(sid).await?,
        })
    }

    async fn compare_and_swap(&self, sid: &str, expected: u64, family: &Family) -> Result<bool, Lost> {
        Ok(match self {
            Self::Sqlite(store) => store.compare_and_swap(sid, expected, family).await?,
            Self::Postgres(store) => store.compare_and_swap(sid, expected, family).await?,
        })
    }

    async fn remove_expired(&self, now: u64) -> Result<u64, Lost> {
        Ok(match self {
            Self::Sqlite(store) => store.remove_expired(now).await?,
            Self::Postgres(store) => store.remove_expired(now).await?,
        })
    }
}

/// Why a revocation or a session is not kept for certain.
#[derive(Debug)]
pub(crate) struct Lost(Box<dyn std::error::Error + Send + Sync>);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Lost {}

macro_rules! lost {
    ($($error:ty),*) => {$(
        impl From<$error> for Lost {
            fn from(error: $error) -> Self {
                Self(Box::new(error))
            }
        }
    )*};
}

lost!(sqlite::Error, PostgresStoreError, RedisError, StoredError<sqlite::Error>, StoredError<PostgresStoreError>);
