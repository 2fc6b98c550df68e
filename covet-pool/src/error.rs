//! Why a caller got no connection, and why a pool could not be built.

use std::fmt;
use std::time::Duration;

/// Why there is no connection for a caller.
#[derive(Debug)]
#[non_exhaustive]
pub enum PoolError<E> {
    /// The manager could not open one. The caller that had waited longest is told.
    Connect(E),
    /// Opening one took longer than the connect time limit.
    ConnectTimeout,
    /// The caller's own time limit is over.
    Timeout(Timeout),
    /// As many callers wait as the configuration allows. The service is overloaded: shed the request.
    QueueFull,
    /// No connection is idle, or others wait for one. Only from `try_get`.
    Empty,
    /// The pool is closed.
    Closed,
    /// The manager or a hook panicked while a connection was made for this caller.
    Panicked,
}

/// How long a caller waited in vain, and what for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// How long it waited.
    pub waited: Duration,
    /// Connections in use at that moment.
    pub in_use: usize,
    /// Connections that were being opened at that moment.
    pub connecting: usize,
    /// The pool's maximum.
    pub max_size: usize,
}

impl<E> PoolError<E> {
    /// Whether a time limit was the reason.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::ConnectTimeout)
    }

    /// Whether the pool is closed.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Whether the queue of waiters was full.
    pub fn is_queue_full(&self) -> bool {
        matches!(self, Self::QueueFull)
    }

    /// The manager's error, if opening a connection failed.
    pub fn connect_error(&self) -> Option<&E> {
        match self {
            Self::Connect(error) => Some(error),
            _ => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for PoolError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot open a connection: {error}"),
            Self::ConnectTimeout => f.write_str("opening a connection took longer than its time limit"),
            Self::Timeout(timeout) => timeout.fmt(f),
            Self::QueueFull => f.write_str("too many callers are waiting for a connection already"),
            Self::Empty => f.write_str("no connection is idle"),
            Self::Closed => f.write_str("the pool is closed"),
            Self::Panicked => f.write_str("the manager or a hook panicked while opening a connection"),
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waited, in_use, connecting, max_size } = self;
        write!(f, "no connection within {waited:?}: of {max_size} allowed, {in_use} in use, {connecting} being opened")
    }
}

impl<E: std::error::Error + 'static> std::error::Error for PoolError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            _ => None,
        }
    }
}

/// A configuration that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// `max_size` is zero or above [`MAX_SIZE`](crate::MAX_SIZE).
    MaxSize(usize),
    /// `min_idle` is above `max_size`.
    MinIdle {
        /// The minimum asked for.
        min_idle: usize,
        /// The maximum asked for.
        max_size: usize,
    },
    /// `Fairness::Barging` with zero overtakes or more than 4095.
    Overtakes(u32),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxSize(size) => write!(f, "max_size must be within 1..={}, not {size}", crate::MAX_SIZE),
            Self::MinIdle { min_idle, max_size } => write!(f, "min_idle {min_idle} is above max_size {max_size}"),
            Self::Overtakes(n) => write!(f, "the number of overtakes must be within 1..=4095, not {n}"),
        }
    }
}

impl std::error::Error for ConfigError {}
