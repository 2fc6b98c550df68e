//! PostgreSQL behind the pool: statements prepared once per connection, sessions that come back clean, statements of many
//! callers on few connections.
//!
//! ```no_run
//! use covet_pool::Pool;
//! use covet_pool::postgres::Postgres;
//!
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::builder(Postgres::new("postgres://shop:secret@localhost/shop")?).max_size(8).build()?;
//!
//! let mut conn = pool.get().await?;
//! let rows = conn.query("SELECT id, name FROM item WHERE price < $1", &[&9.5]).await?;
//! for row in &rows {
//!     let (id, name): (i64, &str) = (row.get(0), row.get(1));
//!     println!("{id} {name}");
//! }
//!
//! let tx = conn.transaction().await?; // rolled back unless it is committed
//! tx.execute("UPDATE item SET price = price * 2 WHERE id = $1", &[&7_i64]).await?;
//! tx.commit().await?;
//! # Ok(()) }
//! ```
//!
//! | | |
//! |---|---|
//! | a connection of one's own | [`Pool::get`](crate::Pool::get) gives a [`Conn`] |
//! | single statements, many callers | [`Pool::shared`](crate::Pool::shared) gives a [`Shared`] |
//! | settings, encryption, poolers | [`PostgresConfig`] |
//! | values, rows, statements | the driver's, re-exported as [`tokio_postgres`] |
//!
//! # What comes back to the pool
//!
//! | the connection | |
//! |---|---|
//! | is at rest | goes to the next caller at once |
//! | has an open transaction, also one that a batch of statements opened | rolled back in the background |
//! | has a statement on its way whose caller went away | waits for its end, has it cancelled after [`cancel_after`](PostgresConfig::cancel_after); nobody gets it before |
//! | does not become clean within the pool's `reset_timeout` | closed |
//! | is lost, or its caller panicked | closed |

mod cache;
mod config;
mod conn;
mod connect;
mod error;
mod manager;
mod parse;
mod pooler;
mod rows;
mod session;
mod shared;
#[cfg(feature = "postgres-tls")]
mod tls;
mod transaction;
mod wire;

pub use config::{PostgresConfig, SessionReset, SslMode};
pub use conn::{Conn, Params};
pub use error::{Error, Result};
pub use manager::Postgres;
pub use parse::ConfigError;
pub use rows::Rows;
pub use shared::Shared;
pub use transaction::{Transaction, TransactionBuilder};
pub use wire::TransactionStatus;

pub use tokio_postgres::{self, types};
