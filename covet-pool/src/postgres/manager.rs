//! Opens connections, and judges them when they come back.

use super::config::{PostgresConfig, SessionReset};
use super::conn::Conn;
use super::connect::{Connector, Security};
use super::error::{Error, Result};
use super::parse::ConfigError;
use super::pooler::Types;
use super::shared::Lanes;
use crate::manager::{Manager, Return};
use crate::statements::{StatementCounters, StatementStats};
use std::fmt;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::{SslMode as DriverMode, SslNegotiation};
use tokio_postgres::{CancelToken, Client, Connection};

/// What all connections of a pool have in common.
pub(super) struct Common {
    pub(super) config: PostgresConfig,
    pub(super) counters: StatementCounters,
    /// For poolers: what has been learned of statements' parameters.
    pub(super) types: Types,
    pub(super) lanes: Lanes,
    security: Arc<Security>,
}

/// The manager of PostgreSQL connections.
///
/// ```no_run
/// use covet_pool::Pool;
/// use covet_pool::postgres::Postgres;
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::builder(Postgres::new("postgres://shop:secret@localhost/shop")?).max_size(8).build()?;
/// let conn = pool.get().await?;
/// let row = conn.query_one("SELECT name FROM item WHERE id = $1", &[&7_i64]).await?;
/// let name: &str = row.get(0);
/// # let _ = name; Ok(()) }
/// ```
#[derive(Clone)]
pub struct Postgres(pub(super) Arc<Common>);

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.0.config).finish()
    }
}

impl Postgres {
    /// A manager for what a connection string says: `postgres://user:password@host/database?sslmode=verify-full`, or
    /// `host=... user=...`. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the settings make no sense.
    pub fn new(address: &str) -> std::result::Result<Self, ConfigError> {
        Self::with(address.parse()?)
    }

    /// A manager for these settings. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the settings make no sense, or the root certificates cannot be read.
    pub fn with(mut config: PostgresConfig) -> std::result::Result<Self, ConfigError> {
        config.validate()?;
        #[cfg(feature = "postgres-tls")]
        let tls = super::tls::connector(&config)?;
        let security = Security {
            mode: config.ssl_mode,
            direct: config.direct_tls,
            #[cfg(feature = "postgres-tls")]
            tls,
        };
        // The driver is to call our connector at once, which sees to the rest. It wants a name for that.
        config.driver.ssl_mode(DriverMode::Require).ssl_negotiation(SslNegotiation::Direct);
        if config.driver.get_hosts().is_empty() {
            for address in config.driver.get_hostaddrs().to_vec() {
                config.driver.host(address.to_string());
            }
        }
        let common = Common {
            counters: StatementCounters::new(),
            types: Types::new(),
            lanes: Lanes::new(),
            security: Arc::new(security),
            config,
        };
        Ok(Self(Arc::new(common)))
    }

    /// The settings.
    pub fn config(&self) -> &PostgresConfig {
        &self.0.config
    }
}

impl Common {
    async fn open(self: &Arc<Self>) -> Result<Conn> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(ConfigError::Conflict(
                "connections are opened within a tokio runtime: call `get` or `warm_up` in one first",
            )
            .into());
        }
        let connector = Connector::new(&self.security, false);
        let (client, task) =
            self.dial(&connector).await.map_err(|source| Error::Connect { target: self.config.target(), source })?;
        let wire = connector.wire().ok_or(Error::Unclean("the driver did not use the stream that it was given"))?;
        Ok(Conn::new(Arc::clone(self), client, wire, task))
    }

    async fn dial(
        self: &Arc<Self>,
        connector: &Connector,
    ) -> std::result::Result<(Client, tokio::task::AbortHandle), tokio_postgres::Error> {
        #[cfg(unix)]
        if self.config.sockets() {
            // Let the driver find out why, so that the error is its own.
            let Ok(line) = super::connect::open_socket(&self.config, connector).await else {
                let (client, connection) = self.config.driver.connect(connector.clone()).await?;
                return Ok((client, self.drive(connection)));
            };
            let (client, connection) = self.config.driver.connect_raw(line, super::connect::AsItIs).await?;
            return Ok((client, self.drive(connection)));
        }
        let (client, connection) = self.config.driver.connect(connector.clone()).await?;
        Ok((client, self.drive(connection)))
    }

    /// The task that moves a connection's bytes.
    fn drive<S, T>(self: &Arc<Self>, mut connection: Connection<S, T>) -> tokio::task::AbortHandle
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let common = Arc::clone(self);
        let task = tokio::spawn(async move {
            loop {
                match std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                    Some(Ok(message)) => {
                        if let Some(listener) = &common.config.listener {
                            listener(message);
                        }
                    }
                    // Whoever waits for an answer is told, and the pool sees that the connection is closed.
                    Some(Err(_)) | None => return,
                }
            }
        });
        task.abort_handle()
    }

    /// Asks the server to cancel what a session is doing. When this is over, the request has been passed on.
    pub(super) async fn cancel(&self, token: &CancelToken) -> Result<()> {
        let connector = Connector::new(&self.security, true);
        #[cfg(unix)]
        if self.config.sockets() {
            let Ok(line) = super::connect::open_socket(&self.config, &connector).await else {
                return Err(Error::Unclean("the server could not be asked to cancel"));
            };
            return Ok(token.cancel_query_raw(line, super::connect::AsItIs).await?);
        }
        Ok(token.cancel_query(connector).await?)
    }
}

impl Manager for Postgres {
    type Conn = Conn;
    type Error = Error;

    async fn connect(&self) -> Result<Conn> {
        self.0.open().await
    }

    /// One round trip, of the smallest message there is.
    async fn check(&self, conn: &mut Conn) -> Result<()> {
        conn.check().await
    }

    fn is_dead(&self, conn: &Conn) -> bool {
        conn.is_closed()
    }

    fn on_return(&self, conn: &mut Conn) -> Return {
        if conn.is_closed() || conn.wire().is_lost() {
            Return::Discard
        } else if conn.is_clean() && self.0.config.session_reset == SessionReset::Keep {
            Return::Ready
        } else {
            Return::Reset
        }
    }

    async fn reset(&self, conn: &mut Conn) -> Result<()> {
        conn.reset().await
    }

    fn statements(&self) -> StatementStats {
        self.0.counters.snapshot()
    }
}
