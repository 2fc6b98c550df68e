#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[forbid(unsafe_code)]
mod clock;
#[forbid(unsafe_code)]
mod config;
#[forbid(unsafe_code)]
mod core;
#[cfg(feature = "deadpool-0_13")]
#[forbid(unsafe_code)]
pub mod deadpool;
#[forbid(unsafe_code)]
mod error;
#[forbid(unsafe_code)]
mod get;
#[forbid(unsafe_code)]
mod guard;
#[forbid(unsafe_code)]
mod hooks;
#[forbid(unsafe_code)]
mod job;
#[forbid(unsafe_code)]
mod maintain;
#[forbid(unsafe_code)]
mod manager;
#[forbid(unsafe_code)]
mod observe;
#[forbid(unsafe_code)]
mod park;
#[forbid(unsafe_code)]
mod pool;
#[forbid(unsafe_code)]
mod queue;
#[forbid(unsafe_code)]
mod runtime;
#[forbid(unsafe_code)]
mod shared;
mod slot;
#[forbid(unsafe_code)]
mod statements;
#[forbid(unsafe_code)]
mod stats;
#[forbid(unsafe_code)]
mod sync;
#[forbid(unsafe_code)]
mod time;

pub use config::{Builder, CheckPolicy, Fairness, PoolConfig};
pub use error::{ConfigError, PoolError, Timeout};
pub use get::Get;
pub use guard::PooledConn;
pub use hooks::{BoxFuture, CloseReason, ConnInfo, Event, Holder, Verdict};
pub use manager::{Manager, Return};
pub use pool::Pool;
pub use statements::{LruCache, StatementCounters, StatementStats};
pub use stats::{BUCKETS, ClosedBy, Histogram, Status};

#[cfg(all(feature = "sqlite", not(covet_loom)))]
#[forbid(unsafe_code)]
pub mod sqlite;

#[cfg(all(feature = "postgres", not(covet_loom)))]
#[forbid(unsafe_code)]
pub mod postgres;

/// The most connections that one pool can be allowed to hold.
pub const MAX_SIZE: usize = slot::MAX_SLOTS;

#[cfg(all(test, not(covet_loom)))]
mod tests;

#[cfg(all(test, covet_loom))]
mod loom_tests;

/// How this crate differs from its peers, when to choose one of them, and how to move over from it.
#[cfg(any(doc, doctest))]
pub mod comparison {
    #![doc = include_str!("../COMPARISON.md")]
}
