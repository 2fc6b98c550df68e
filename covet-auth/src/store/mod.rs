//! Where revocations are kept besides this process's memory.
//!
//! A check never leaves the machine: it asks the [`Blacklist`](crate::Blacklist). A store makes that blacklist
//! survive a restart ([`StoredBlacklist`] over any [`RevocationStore`]) or shares it between machines (the Redis
//! replica, feature `redis`). What is stored are [`Record`]s: 128-bit fingerprints and times, never a name.

mod memory;
mod record;
#[cfg(feature = "redis")]
pub mod redis;
mod stored;

use std::error::Error;
use std::future::Future;

pub use memory::{MemoryStore, MemoryStoreError};
pub use record::Record;
pub use stored::{StoredBlacklist, StoredError};

/// Keeps records until they lapse. Implemented in memory here and on SQL databases elsewhere.
///
/// Records may come back from [`load`](Self::load) in any order and more than once.
pub trait RevocationStore: Send + Sync {
    /// Why the store could not do what it was asked to.
    type Error: Error + Send + Sync + 'static;

    /// Binds the store to the key of the fingerprints: remembers `identity` if it has none yet, and returns the one
    /// it has. A caller whose identity differs must not go on.
    fn bind(&self, identity: &str) -> impl Future<Output = Result<String, Self::Error>> + Send;

    /// Keeps the records, all or none. When this returns `Ok`, they survive whatever the store promises to survive.
    fn append(&self, records: &[Record]) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Hands over every record that has not lapsed, in batches.
    fn load(&self, sink: &mut (dyn FnMut(&[Record]) + Send)) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Drops the records that lapsed before `now`, in seconds since 1970 ([`Record::lapses_at`]).
    fn prune(&self, now: u64) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
