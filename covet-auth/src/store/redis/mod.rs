//! Revocations shared by many machines over one Redis or Valkey primary.
//!
//! Every process holds a full replica in memory, so a check costs no round trip. Redis holds, per stretch of expiry
//! time, a list of records with an expiry of its own, and the latest records once more in a short stream. A
//! revocation writes both in one script; the replicas follow the stream, and reload the lists when they have
//! fallen behind it.
//!
//! A replica answers only while its **lease** runs. It renews the lease with each read that proves it current:
//! answered by a primary, of the run it knows, with the log not shorter than it was, under an eviction policy that
//! evicts nothing, and with everything up to the log's end applied. The lease counts from when that read was
//! *sent*, on a clock that runs through suspend.
//!
//! | mode | cost of a check | a revoked token is accepted for at most |
//! |---|---|---|
//! | [`WhenStale::Refuse`] | a table lookup and a clock reading | the lease, on replicas that are cut off; otherwise the stream's delay |
//! | [`WhenStale::Accept`] | a table lookup | as long as the replica is cut off |
//! | after [`Replica::barrier`], with `Refuse` | nothing more | not at all, once it returns |
//!
//! | what is lost | what remains |
//! |---|---|
//! | a process | everything: it reloads before it answers |
//! | Redis, its data kept | replicas refuse what they know, and everything once the lease is over |
//! | Redis, its latest writes lost (crash, fail-over) | replicas compare the store with the last records they saw, and write what is missing |
//! | Redis's whole data (`FLUSHALL`) | any living replica writes everything back; new processes do not start on an empty store |
//! | Redis's data and every process | nothing: use the durability of Redis, or a durable store beside it |

mod link;
mod replica;

use std::fmt;
use std::time::Duration;

use crate::blacklist::BlacklistError;

pub use replica::{Replica, ReplicaStatus};

/// What a replica does once it cannot prove that it is current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WhenStale {
    /// Refuse every token with a 503: nothing that was revoked is accepted.
    #[default]
    Refuse,
    /// Answer from what is known: the service goes on, and may accept what was revoked elsewhere meanwhile.
    Accept,
}

/// How to reach the store and what to promise.
#[derive(Clone)]
#[must_use]
pub struct RedisConfig {
    pub(crate) url: String,
    pub(crate) prefix: String,
    pub(crate) lease: Duration,
    pub(crate) timeout: Duration,
    pub(crate) tail: usize,
    pub(crate) when_stale: WhenStale,
    pub(crate) create: bool,
}

impl RedisConfig {
    /// The defaults for a server at `url` (`redis://host:port/db`): keys under `covet:revoked`, a lease of 5 seconds,
    /// time-outs of 2, a tail of 65,536 records, fail closed, no creation.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "covet:revoked".to_owned(),
            lease: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            tail: 65_536,
            when_stale: WhenStale::default(),
            create: false,
        }
    }

    /// The beginning of every key. It is put in braces, so that a cluster keeps all of them on one node.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// For how long after its last proof of being current a replica may answer.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// For how long to wait for a connection or an answer.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many records the stream keeps: what a replica may miss without a reload, and what a fail-over may lose
    /// without loss.
    pub fn tail(mut self, records: usize) -> Self {
        self.tail = records.max(16);
        self
    }

    /// What to do once the lease is over.
    pub fn when_stale(mut self, choice: WhenStale) -> Self {
        self.when_stale = choice;
        self
    }

    /// Whether to begin a store where there is none. Off, a process refuses to start on an empty server: it may
    /// have lost its data, and an empty blacklist would accept what was revoked. Turn it on for the first process
    /// of a new deployment.
    pub fn create_if_missing(mut self, create: bool) -> Self {
        self.create = create;
        self
    }
}

/// Leaves the URL out: it may hold a password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("prefix", &self.prefix)
            .field("lease", &self.lease)
            .field("timeout", &self.timeout)
            .field("tail", &self.tail)
            .field("when_stale", &self.when_stale)
            .field("create", &self.create)
            .finish_non_exhaustive()
    }
}

/// Why a replica could not start, or a revocation not be shared.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisError {
    /// The blacklist refused: nothing was revoked.
    Blacklist(BlacklistError),
    /// The server or the connection failed. If this was a revocation, it holds in this process, and is sent again
    /// as soon as the store answers.
    Redis(redis::RedisError),
    /// The settings contradict each other, or do not suit a shared store.
    Config(&'static str),
    /// There is no store on this server: see [`RedisConfig::create_if_missing`].
    Missing,
    /// The store's fingerprints are under another key.
    OtherKey,
    /// The server may evict keys (`maxmemory-policy` is not `noeviction`).
    Evicts(String),
    /// The server is no primary.
    NotPrimary,
    /// The server's clock differs from ours by more than the margin of its expiries.
    Clock,
    /// The server answered what the protocol does not foresee.
    Protocol(&'static str),
}

impl RedisError {
    /// Whether trying again may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Redis(_) | Self::NotPrimary | Self::Missing | Self::Protocol(_))
    }
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blacklist(error) => error.fmt(f),
            Self::Redis(error) => write!(f, "the revocation store: {error}"),
            Self::Config(what) => write!(f, "the revocation store's configuration: {what}"),
            Self::Missing => f.write_str("the server holds no revocation store; it may have lost it"),
            Self::OtherKey => f.write_str("the store's fingerprints were made with another key"),
            Self::Evicts(policy) => write!(f, "the server evicts keys ({policy}); set maxmemory-policy noeviction"),
            Self::NotPrimary => f.write_str("the server is not a primary"),
            Self::Clock => f.write_str("the server's clock is too far from ours"),
            Self::Protocol(what) => write!(f, "the revocation store answered unexpectedly: {what}"),
        }
    }
}

impl std::error::Error for RedisError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Blacklist(error) => Some(error),
            Self::Redis(error) => Some(error),
            _ => None,
        }
    }
}

impl From<redis::RedisError> for RedisError {
    fn from(error: redis::RedisError) -> Self {
        Self::Redis(error)
    }
}

impl From<BlacklistError> for RedisError {
    fn from(error: BlacklistError) -> Self {
        Self::Blacklist(error)
    }
}
