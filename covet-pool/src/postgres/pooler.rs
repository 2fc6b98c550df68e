//! Statements behind a pooler in transaction mode: nothing is kept prepared, because the next statement may reach another
//! session.
//!
//! A statement can be parsed, described and run in one packet, which such a pooler hands to one session; but then the driver must
//! know the types of its parameters beforehand. They are learned once per text, inside a transaction, which also stays in one
//! session; types have the same numbers in all sessions of a database.

use super::error::{Error, Result};
use crate::statements::{LruCache, StatementCounters};
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

/// For how many texts the types are remembered, per pool.
const TEXTS: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// What is known of statements' parameters.
#[derive(Debug)]
pub(super) struct Types(Mutex<LruCache<Arc<str>, Arc<[Type]>>>);

impl Types {
    pub(super) fn new() -> Self {
        // These counters are nobody's: a type that is known is no statement that is prepared.
        Self(Mutex::new(LruCache::new(TEXTS, StatementCounters::new())))
    }

    pub(super) fn get(&self, text: &str) -> Option<Arc<[Type]>> {
        self.0.lock().touch(text).cloned()
    }

    pub(super) fn forget(&self, text: &str) {
        drop(self.0.lock().remove(text));
    }

    pub(super) fn learn(&self, text: &str, types: &Arc<[Type]>) {
        drop(self.0.lock().insert(text.into(), Arc::clone(types)));
    }
}

/// Asks the server for the types of a statement's parameters. `inside`: a transaction is open already.
pub(super) async fn ask(client: &Client, text: &str, inside: bool) -> Result<Arc<[Type]>> {
    if inside {
        return Ok(client.prepare(text).await?.params().into());
    }
    // Others may have left a statement with our name in that session; each attempt takes the next name.
    for _ in 0..8 {
        client.batch_execute("BEGIN").await?;
        let described = client.prepare(text).await.map(|statement| statement.params().into());
        // The statement is closed before the transaction ends, and with it the right to this session.
        client.batch_execute("ROLLBACK").await?;
        match described {
            Err(error) if error.code() == Some(&SqlState::DUPLICATE_PSTATEMENT) => {}
            described => return Ok(described?),
        }
    }
    Err(Error::Unclean("other clients of the pooler leave too many prepared statements behind"))
}
