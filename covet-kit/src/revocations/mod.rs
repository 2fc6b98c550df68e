//! Revocations and refresh families that survive the process, on the service's own database.
//!
//! [`SqliteRevocations`] keeps what a [`StoredBlacklist`](covet_auth::StoredBlacklist) revokes, [`SqliteFamilies`] what
//! [`Families`](covet_auth::Families) hands out. Both write through covet-pool's writer, so that a call returns after the commit
//! that holds its work: with [`Synchronous::Full`](covet_pool::sqlite::Synchronous::Full), the default, what was acknowledged
//! survives a loss of power; concurrent calls share commits. The check of a token stays in memory and never asks the database.
//! `PostgresRevocations` and `PostgresFamilies` (feature `postgres`) are the same on PostgreSQL.
//!
//! ```
//! use covet_kit::auth::{Blacklist, BlacklistConfig, FingerprintKey, StoredBlacklist};
//! use covet_kit::pool::sqlite::SqlitePool;
//! use covet_kit::revocations::SqliteRevocations;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let db = SqlitePool::open(":memory:")?;
//! let store = SqliteRevocations::open(db).await?;
//! // A key of your own, the same after a restart.
//! let config = BlacklistConfig::new().key(FingerprintKey::from_bytes(*b"16 secret bytes."));
//! let revoked = StoredBlacklist::open(Blacklist::new(config)?, store).await?;
//! revoked.revoke_id("https://id.example", "8f3c").await?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod families;
#[cfg(feature = "postgres")]
mod postgres;
mod records;

#[cfg(test)]
mod tests;

pub use families::SqliteFamilies;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresFamilies, PostgresRevocations, PostgresStoreError};
pub use records::SqliteRevocations;
