//! What the user of a pool can plug in, and what he is told.

use crate::manager::Manager;
use std::panic::Location;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A hook's judgement of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Keep it.
    Keep,
    /// Close it.
    Discard,
}

/// What is known of one connection.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ConnInfo {
    /// Its slot: stable while it lives, reused afterwards, below the pool's maximum of all time.
    pub slot: u32,
    /// When it was opened.
    pub created: Instant,
    /// How often it has been handed out.
    pub uses: u64,
    /// The pool's generation when it was opened; `invalidate_all` raises it.
    pub generation: u64,
}

/// Why a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum CloseReason {
    /// Idle for longer than `idle_timeout`.
    Idle,
    /// Older than `max_lifetime`.
    Lifetime,
    /// Handed out `max_uses` times.
    Uses,
    /// Opened before the last `invalidate_all`.
    Generation,
    /// Its check failed, panicked or took too long.
    Check,
    /// Its reset failed, panicked or took too long.
    Reset,
    /// `Manager::on_return` said so.
    Manager,
    /// A hook said so, or a hook panicked.
    Hook,
    /// Its holder called `discard`.
    Discarded,
    /// Its holder called `detach`: it lives on, outside the pool.
    Detached,
    /// Its holder panicked.
    Panicked,
    /// The pool's maximum was lowered.
    Shrunk,
    /// The pool was closed.
    Closed,
}

impl CloseReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Idle,
        Self::Lifetime,
        Self::Uses,
        Self::Generation,
        Self::Check,
        Self::Reset,
        Self::Manager,
        Self::Hook,
        Self::Discarded,
        Self::Detached,
        Self::Panicked,
        Self::Shrunk,
        Self::Closed,
    ];

    /// A short name, as in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Lifetime => "lifetime",
            Self::Uses => "uses",
            Self::Generation => "generation",
            Self::Check => "check",
            Self::Reset => "reset",
            Self::Manager => "manager",
            Self::Hook => "hook",
            Self::Discarded => "discarded",
            Self::Detached => "detached",
            Self::Panicked => "panicked",
            Self::Shrunk => "shrunk",
            Self::Closed => "closed",
        }
    }
}

/// A connection that somebody holds.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Holder {
    /// Its slot.
    pub slot: u32,
    /// Where it was checked out.
    pub place: &'static Location<'static>,
    /// For how long it has been held, to within the coarse clock's few milliseconds.
    pub held: Duration,
    /// How often it has been handed out.
    pub uses: u64,
}

/// What happened in a pool.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a, E> {
    /// A connection was opened.
    Connected {
        /// Its slot.
        slot: u32,
        /// How long that took.
        took: Duration,
    },
    /// A connection could not be opened.
    ConnectFailed {
        /// The manager's error; none after a time-out or a panic.
        error: Option<&'a E>,
    },
    /// A connection was closed.
    Closed {
        /// What is known of it.
        info: ConnInfo,
        /// Why.
        reason: CloseReason,
    },
    /// A caller waited in vain.
    TimedOut {
        /// For how long.
        waited: Duration,
    },
    /// A caller was turned away because too many wait.
    QueueFull,
    /// A connection has been held for longer than `leak_after`. Reported once per checkout.
    Leak(Holder),
    /// The manager or a hook panicked.
    Panicked,
}

type AfterConnect<M> =
    Box<dyn for<'c> Fn(&'c mut <M as Manager>::Conn) -> BoxFuture<'c, Result<(), <M as Manager>::Error>> + Send + Sync>;
pub(crate) type Judge<M> = Box<dyn Fn(&mut <M as Manager>::Conn, &ConnInfo) -> Verdict + Send + Sync>;
type OnEvent<M> = Box<dyn Fn(&Event<'_, <M as Manager>::Error>) + Send + Sync>;

pub(crate) struct Hooks<M: Manager> {
    pub(crate) after_connect: Option<AfterConnect<M>>,
    pub(crate) before_checkout: Option<Judge<M>>,
    pub(crate) after_return: Option<Judge<M>>,
    pub(crate) on_event: Option<OnEvent<M>>,
}

impl<M: Manager> Default for Hooks<M> {
    fn default() -> Self {
        Self { after_connect: None, before_checkout: None, after_return: None, on_event: None }
    }
}
