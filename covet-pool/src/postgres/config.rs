//! Settings of PostgreSQL connections.

use super::parse::{self, ConfigError};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::AsyncMessage;
use tokio_postgres::config::{Host, TargetSessionAttrs};

/// How connections are encrypted, and who is believed to be the server. The words mean what they mean to `libpq`.
///
/// All but `Disable` and `Prefer` need the feature `postgres-tls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server can and the feature `postgres-tls` is on, else in the clear. Whoever answers is believed to be
    /// the server: this protects from eavesdroppers, not from impostors.
    #[default]
    Prefer,
    /// Encrypted or not at all. Whoever answers is believed to be the server, unless root certificates are given: then as
    /// `VerifyCa`.
    Require,
    /// Encrypted, and the server's certificate must come from a root that is trusted; its name does not matter.
    VerifyCa,
    /// Encrypted, and the server must prove that it is the host that was asked for. The one to use across a network.
    VerifyFull,
}

/// What happens to a session between two callers, besides that no transaction is left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SessionReset {
    /// Nothing: what a caller does to the session (`SET`, temporary tables, `LISTEN`, advisory locks) is there for the
    /// next. No cost.
    #[default]
    Keep,
    /// Settings, cursors, temporary tables, listeners and advisory locks are undone on every return; prepared statements stay.
    /// One round trip, in the background.
    Clean,
}

/// A listener for notices and notifications.
pub(super) type Listener = Arc<dyn Fn(AsyncMessage) + Send + Sync>;

/// Where the server is, who we are, and how connections are kept.
///
/// ```
/// use covet_pool::postgres::{PostgresConfig, SslMode};
///
/// let config: PostgresConfig = "postgres://shop:secret@db.example.com/shop?sslmode=verify-full".parse()?;
/// let config = config.application_name("checkout").statement_cache(512);
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), covet_pool::postgres::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct PostgresConfig {
    pub(super) driver: tokio_postgres::Config,
    pub(super) ssl_mode: SslMode,
    pub(super) direct_tls: bool,
    pub(super) root_certificate_file: Option<PathBuf>,
    #[cfg(feature = "postgres-tls")]
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    pub(super) statement_cache: usize,
    pub(super) transaction_pooler: bool,
    pub(super) session_reset: SessionReset,
    pub(super) cancel_after: Option<Duration>,
    pub(super) shared_connections: Option<usize>,
    pub(super) shared_depth: usize,
    pub(super) listener: Option<Listener>,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self::from(tokio_postgres::Config::new())
    }
}

impl From<tokio_postgres::Config> for PostgresConfig {
    /// Takes over all settings of the driver but `ssl_mode` `Require`, which means the same here, and `ssl_negotiation`.
    fn from(driver: tokio_postgres::Config) -> Self {
        use tokio_postgres::config::{SslMode as Driver, SslNegotiation};
        Self {
            ssl_mode: match driver.get_ssl_mode() {
                Driver::Disable => SslMode::Disable,
                Driver::Require => SslMode::Require,
                _ => SslMode::Prefer,
            },
            direct_tls: driver.get_ssl_negotiation() == SslNegotiation::Direct,
            driver,
            root_certificate_file: None,
            #[cfg(feature = "postgres-tls")]
            tls: None,
            statement_cache: 256,
            transaction_pooler: false,
            session_reset: SessionReset::default(),
            cancel_after: Some(Duration::from_millis(20)),
            shared_connections: None,
            shared_depth: 32,
            listener: None,
        }
    }
}

impl FromStr for PostgresConfig {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        parse::parse(text)
    }
}

/// One setter per setting of the driver that is a string.
macro_rules! strings {
    ($($name:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        #[must_use]
        pub fn $name(mut self, $name: impl Into<String>) -> Self {
            self.driver.$name($name.into());
            self
        }
    )*};
}

impl PostgresConfig {
    /// Nothing but defaults; at least a host has to be added.
    pub fn new() -> Self {
        Self::default()
    }

    strings! {
        host, "Adds a host: a name, an address, or the path of the folder with the server's socket. Several are tried in order.";
        user, "Who we are. Default: the user who runs the process.";
        dbname, "The database. Default: the one with the user's name.";
        options, "Settings for the session, such as `-c statement_timeout=5s`.";
        application_name, "The name that the server shows for our sessions.";
    }

    /// Adds a port: one for each host, or one for all. Default 5432.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.driver.port(port);
        self
    }

    /// The password. No message of this module contains it.
    #[must_use]
    pub fn password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.driver.password(password);
        self
    }

    /// See [`SslMode`]. Default `Prefer`.
    #[must_use]
    pub fn ssl_mode(mut self, mode: SslMode) -> Self {
        self.ssl_mode = mode;
        self
    }

    /// A file with the certificates (PEM) that are trusted instead of Mozilla's list, as `sslrootcert` in an address. It is read when
    /// the manager is made.
    #[must_use]
    pub fn root_certificate_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.root_certificate_file = Some(path.into());
        self
    }

    /// A configuration of rustls of your own. What it demands of a server's certificate is demanded in every mode that
    /// encrypts.
    #[cfg(feature = "postgres-tls")]
    #[must_use]
    pub fn tls_config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.tls = Some(config.into());
        self
    }

    /// How many prepared statements a connection keeps. Default 256. Each costs memory on the server too; with 0 every
    /// statement is prepared anew.
    #[must_use]
    pub fn statement_cache(mut self, statements: usize) -> Self {
        self.statement_cache = statements;
        self
    }

    /// For a pooler such as PgBouncer in transaction mode, where the next statement may reach another session: nothing is kept
    /// prepared. The types of a statement's parameters are learned at its first use (in a transaction, four round trips);
    /// after that, each use is one round trip and parsed anew. Default off.
    ///
    /// Not needed for PgBouncer 1.21 or later with `max_prepared_statements`, nor in session mode.
    #[must_use]
    pub fn transaction_pooler(mut self, pooler: bool) -> Self {
        self.transaction_pooler = pooler;
        self
    }

    /// See [`SessionReset`]. Default `Keep`.
    #[must_use]
    pub fn session_reset(mut self, reset: SessionReset) -> Self {
        self.session_reset = reset;
        self
    }

    /// When a caller goes away in the middle of a statement, its connection waits this long for the statement to end by
    /// itself and then asks the server to cancel it. Until it is clean nobody gets it; after the pool's `reset_timeout` it is closed.
    /// Default 20 ms; never cancels if `None`.
    #[must_use]
    pub fn cancel_after(mut self, patience: impl Into<Option<Duration>>) -> Self {
        self.cancel_after = patience.into();
        self
    }

    /// For [`Pool::shared`](crate::Pool::shared): over how many connections at most the statements are spread, and how many may be
    /// on their way on each. Default: as many as the pool has, and 32.
    #[must_use]
    pub fn shared(mut self, connections: usize, depth: usize) -> Self {
        self.shared_connections = Some(connections.max(1));
        self.shared_depth = depth.max(1);
        self
    }

    /// Hears the notices of the server, and the notifications of channels that a session listens to. Called on the task that
    /// reads the connection; must not block.
    #[must_use]
    pub fn on_message(mut self, listener: impl Fn(AsyncMessage) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// The driver's part of the settings, for those that have no method here.
    pub fn driver_mut(&mut self) -> &mut tokio_postgres::Config {
        &mut self.driver
    }

    /// Makes sure that the settings fit together.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let (hosts, addresses) = (self.driver.get_hosts(), self.driver.get_hostaddrs());
        if hosts.is_empty() && addresses.is_empty() {
            return Err(ConfigError::NoHost);
        }
        if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
            return Err(ConfigError::Conflict("there must be as many `hostaddr` as `host`"));
        }
        let ports = self.driver.get_ports().len();
        if ports > 1 && ports != hosts.len().max(addresses.len()) {
            return Err(ConfigError::Conflict("there must be one port, or one for each host"));
        }
        let sockets = self.sockets();
        if sockets && hosts.iter().any(|host| matches!(host, Host::Tcp(_))) {
            return Err(ConfigError::Conflict("hosts and sockets cannot be mixed"));
        }
        let encrypts = !matches!(self.ssl_mode, SslMode::Disable | SslMode::Prefer);
        if sockets && encrypts {
            return Err(ConfigError::Conflict("a socket is never encrypted: use another `sslmode`"));
        }
        if sockets && self.driver.get_target_session_attrs() != TargetSessionAttrs::Any {
            return Err(ConfigError::Conflict("`target_session_attrs` cannot be asked of a socket"));
        }
        if self.transaction_pooler && self.session_reset == SessionReset::Clean {
            return Err(ConfigError::Conflict("behind a transaction pooler there is no session to clean"));
        }
        if encrypts && cfg!(not(feature = "postgres-tls")) {
            return Err(ConfigError::Conflict("this `sslmode` needs the feature `postgres-tls` of covet-pool"));
        }
        Ok(())
    }

    /// Whether the server is reached through sockets in the file system.
    pub(super) fn sockets(&self) -> bool {
        #[cfg(unix)]
        return self.driver.get_hosts().iter().any(|host| matches!(host, Host::Unix(_)));
        #[cfg(not(unix))]
        false
    }

    /// Where to and as whom, for messages.
    pub(super) fn target(&self) -> String {
        let ports = self.driver.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let mut names: Vec<String> = self
            .driver
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        if names.is_empty() {
            names.extend(self.driver.get_hostaddrs().iter().map(ToString::to_string));
        }
        let places: Vec<String> = names.iter().enumerate().map(|(at, name)| format!("{name}:{}", port(at))).collect();
        let user = self.driver.get_user().unwrap_or("(the user of this process)");
        format!("{} as user `{user}`, database `{}`", places.join(", "), self.driver.get_dbname().unwrap_or(user))
    }
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            // The driver leaves the password out.
            .field("driver", &self.driver)
            .field("ssl_mode", &self.ssl_mode)
            .field("root_certificate_file", &self.root_certificate_file)
            .field("statement_cache", &self.statement_cache)
            .field("transaction_pooler", &self.transaction_pooler)
            .field("session_reset", &self.session_reset)
            .field("cancel_after", &self.cancel_after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_excludes_each_other_is_refused() {
        for (text, part) in [
            ("user=me", "host"),
            ("postgres://", "host"),
            ("host=a,b port=1,2,3", "port"),
            ("host=a,b hostaddr=127.0.0.1", "hostaddr"),
            ("host=/run,localhost", "mixed"),
            ("host=/run sslmode=require", "socket"),
            ("host=/run target_session_attrs=read-only", "target_session_attrs"),
        ] {
            let refused = text.parse().and_then(|config: PostgresConfig| config.validate());
            assert!(refused.as_ref().is_err_and(|error| error.to_string().contains(part)), "{text}: {refused:?}");
        }
        let config =
            PostgresConfig::new().host("localhost").transaction_pooler(true).session_reset(SessionReset::Clean);
        assert!(config.validate().is_err());
        let encrypted = PostgresConfig::new().host("localhost").ssl_mode(SslMode::Require);
        assert_eq!(encrypted.validate().is_ok(), cfg!(feature = "postgres-tls"));
        assert!("hostaddr=::1 port=1".parse().is_ok_and(|config: PostgresConfig| config.validate().is_ok()));
    }

    #[test]
    fn the_target_names_where_to_and_as_whom() {
        let config: PostgresConfig = "postgres://me:secret@a:1,b:2/shop".parse().unwrap_or_default();
        assert_eq!(config.target(), "a:1, b:2 as user `me`, database `shop`");
    }
}
