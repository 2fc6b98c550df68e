//! Settings, their defaults and the builder.

use crate::error::ConfigError;
use crate::hooks::{BoxFuture, ConnInfo, Event, Hooks, Verdict};
use crate::manager::Manager;
use crate::pool::Pool;
use crate::slot::{MAX_OVERTAKES, MAX_SLOTS};
use std::time::Duration;

/// Who gets a connection when several callers want one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Fairness {
    /// First come, first served: a connection that comes back goes to whoever has waited longest, and nobody who came
    /// later is served first. The connection lies still while that one wakes up.
    #[default]
    Strict,
    /// A newcomer may take an idle connection past the waiters, but no more than `overtakes` times (1 to 4095) between two
    /// hand-overs to the longest waiter. More throughput where connections are held for less time than it takes to
    /// wake somebody; longer waits for those who wait.
    Barging {
        /// How many newcomers may pass the longest waiter before it must be served.
        overtakes: u32,
    },
}

/// When an idle connection is checked before it is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckPolicy {
    /// Never: the caller notices a dead connection by its error.
    Never,
    /// If it has been idle for this long, to within the coarse clock's few milliseconds.
    IfIdle(Duration),
    /// Before every checkout but the first after it was opened.
    Always,
}

/// The settings of a pool.
///
/// Set them with the [`Builder`]'s methods of the same names, or pass a whole value to [`Builder::config`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PoolConfig {
    /// The name under which metrics and events appear. Default `"default"`.
    pub name: String,
    /// The most connections ever open at once, 1 to [`MAX_SIZE`](crate::MAX_SIZE). Default 10.
    pub max_size: usize,
    /// How many connections maintenance keeps idle, as far as `max_size` permits. Default 0.
    pub min_idle: usize,
    /// The most callers that may wait for a connection to come back; the next gets `QueueFull`. Callers whose own
    /// connection is being opened do not count. Default 1024.
    pub max_waiting: usize,
    /// The most connections being opened at once. Default 4.
    pub max_connecting: usize,
    /// Who is served first. Default [`Fairness::Strict`].
    pub fairness: Fairness,
    /// When to check before a checkout. Default: what [`Manager::check_policy`] says, which by default is
    /// `IfIdle(500 ms)`.
    pub check: Option<CheckPolicy>,
    /// The longest a caller waits, all phases included. Default 30 s. Async callers need the `tokio` feature for it.
    pub acquire_timeout: Option<Duration>,
    /// The longest one attempt to connect takes. Default 10 s. Needs the `tokio` feature.
    pub connect_timeout: Option<Duration>,
    /// The longest a check takes. Default 5 s. Needs the `tokio` feature.
    pub check_timeout: Option<Duration>,
    /// The longest a reset takes. Default 5 s. Needs the `tokio` feature.
    pub reset_timeout: Option<Duration>,
    /// The longest `close` waits for connections to come back. Default 30 s. Async callers need the `tokio` feature.
    pub drain_timeout: Option<Duration>,
    /// A connection idle for longer is closed. Default 10 minutes.
    pub idle_timeout: Option<Duration>,
    /// A connection older than this is closed when it is not in use. Default 30 minutes.
    pub max_lifetime: Option<Duration>,
    /// Up to this part of `max_lifetime` is taken off at random for each connection, so that connections opened together
    /// do not expire together. 0 to 1, default 0.1.
    pub lifetime_jitter: f64,
    /// A connection that has been handed out this often is closed when it comes back. Default none.
    pub max_uses: Option<u64>,
    /// A connection held for longer is reported once, with the place of its checkout. Default none.
    pub leak_after: Option<Duration>,
    /// How often maintenance runs by itself, with the `tokio` feature and a runtime. Default 10 s; never if `None`.
    pub maintenance_interval: Option<Duration>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            max_size: 10,
            min_idle: 0,
            max_waiting: 1024,
            max_connecting: 4,
            fairness: Fairness::Strict,
            check: None,
            acquire_timeout: Some(Duration::from_secs(30)),
            connect_timeout: Some(Duration::from_secs(10)),
            check_timeout: Some(Duration::from_secs(5)),
            reset_timeout: Some(Duration::from_secs(5)),
            drain_timeout: Some(Duration::from_secs(30)),
            idle_timeout: Some(Duration::from_secs(600)),
            max_lifetime: Some(Duration::from_secs(1800)),
            lifetime_jitter: 0.1,
            max_uses: None,
            leak_after: None,
            maintenance_interval: Some(Duration::from_secs(10)),
        }
    }
}

impl PoolConfig {
    /// Makes sure that the settings fit together.
    ///
    /// # Errors
    ///
    /// Names the setting that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.max_size == 0 || self.max_size > MAX_SLOTS {
            return Err(ConfigError::MaxSize(self.max_size));
        }
        if self.min_idle > self.max_size {
            return Err(ConfigError::MinIdle { min_idle: self.min_idle, max_size: self.max_size });
        }
        match self.fairness {
            Fairness::Barging { overtakes } if overtakes == 0 || overtakes > MAX_OVERTAKES => {
                Err(ConfigError::Overtakes(overtakes))
            }
            Fairness::Barging { .. } | Fairness::Strict => Ok(()),
        }
    }

    pub(crate) fn overtakes(&self) -> u32 {
        match self.fairness {
            Fairness::Strict => 0,
            Fairness::Barging { overtakes } => overtakes,
        }
    }
}

/// Puts a [`Pool`] together.
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder<M: Manager> {
    manager: M,
    config: PoolConfig,
    hooks: Hooks<M>,
}

impl<M: Manager> std::fmt::Debug for Builder<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// One setter per field, with the field's own documentation.
macro_rules! setters {
    ($($name:ident: $parameter:ty, $doc:literal;)*) => {$(
        #[doc = $doc]
        pub fn $name(mut self, $name: $parameter) -> Self {
            self.config.$name = $name.into();
            self
        }
    )*};
}

impl<M: Manager> Builder<M> {
    pub(crate) fn new(manager: M) -> Self {
        Self { manager, config: PoolConfig::default(), hooks: Hooks::default() }
    }

    setters! {
        name: impl Into<String>, "See [`PoolConfig::name`].";
        max_size: usize, "See [`PoolConfig::max_size`].";
        min_idle: usize, "See [`PoolConfig::min_idle`].";
        max_waiting: usize, "See [`PoolConfig::max_waiting`].";
        max_connecting: usize, "See [`PoolConfig::max_connecting`].";
        fairness: Fairness, "See [`PoolConfig::fairness`].";
        check: impl Into<Option<CheckPolicy>>, "See [`PoolConfig::check`].";
        acquire_timeout: impl Into<Option<Duration>>, "See [`PoolConfig::acquire_timeout`].";
        connect_timeout: impl Into<Option<Duration>>, "See [`PoolConfig::connect_timeout`].";
        check_timeout: impl Into<Option<Duration>>, "See [`PoolConfig::check_timeout`].";
        reset_timeout: impl Into<Option<Duration>>, "See [`PoolConfig::reset_timeout`].";
        drain_timeout: impl Into<Option<Duration>>, "See [`PoolConfig::drain_timeout`].";
        idle_timeout: impl Into<Option<Duration>>, "See [`PoolConfig::idle_timeout`].";
        max_lifetime: impl Into<Option<Duration>>, "See [`PoolConfig::max_lifetime`].";
        lifetime_jitter: f64, "See [`PoolConfig::lifetime_jitter`].";
        max_uses: impl Into<Option<u64>>, "See [`PoolConfig::max_uses`].";
        leak_after: impl Into<Option<Duration>>, "See [`PoolConfig::leak_after`].";
        maintenance_interval: impl Into<Option<Duration>>, "See [`PoolConfig::maintenance_interval`].";
    }

    /// Replaces all settings.
    pub fn config(mut self, config: PoolConfig) -> Self {
        self.config = config;
        self
    }

    /// Runs after each successful connect, before anybody gets the connection. An error counts as a failed connect.
    pub fn after_connect<F>(mut self, hook: F) -> Self
    where
        F: for<'c> Fn(&'c mut M::Conn) -> BoxFuture<'c, Result<(), M::Error>> + Send + Sync + 'static,
    {
        self.hooks.after_connect = Some(Box::new(hook));
        self
    }

    /// Judges a connection before each checkout. Must not block. A discarded one is replaced.
    pub fn before_checkout(
        mut self,
        hook: impl Fn(&mut M::Conn, &ConnInfo) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.hooks.before_checkout = Some(Box::new(hook));
        self
    }

    /// Judges a connection on each return, after the manager. Must not block.
    pub fn after_return(mut self, hook: impl Fn(&mut M::Conn, &ConnInfo) -> Verdict + Send + Sync + 'static) -> Self {
        self.hooks.after_return = Some(Box::new(hook));
        self
    }

    /// Hears of what happens in the pool, outside its locks and off its fast path.
    pub fn on_event(mut self, hook: impl Fn(&Event<'_, M::Error>) + Send + Sync + 'static) -> Self {
        self.hooks.on_event = Some(Box::new(hook));
        self
    }

    /// Makes the pool. Opens nothing yet: see [`Pool::warm_up`].
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the settings do not fit together.
    pub fn build(self) -> Result<Pool<M>, ConfigError> {
        self.config.validate()?;
        Ok(Pool::assemble(self.manager, self.config, self.hooks))
    }
}
