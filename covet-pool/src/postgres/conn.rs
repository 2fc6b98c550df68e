//! The connection that callers get: every statement prepared once, and mended when the server no longer accepts it.

use super::cache::{Cache, Found};
use super::error::{Error, Result};
use super::manager::Common;
use super::pooler;
use super::rows::Rows;
use super::transaction::{Transaction, TransactionBuilder};
use super::wire::{TransactionStatus, Wire};
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type, WrongType};
use tokio_postgres::{Client, Row, RowStream, Statement};

/// The parameters of a statement.
pub type Params<'p> = &'p [&'p (dyn ToSql + Sync)];

/// A connection to PostgreSQL.
///
/// Its methods take the text of a statement, prepare it at its first use and keep it. They take `&self`: what runs at the same time on
/// one connection is pipelined, and answered in order.
///
/// If the server rejects a prepared statement before it has done anything (its result type changed with the schema, or it was
/// thrown away by `DISCARD ALL`), it is prepared again and run once more, and the caller does not notice; in a transaction,
/// which such a rejection makes useless, the caller gets the error and finds the statement mended when it tries again.
///
/// Dropping the future of any method is safe: the connection goes to nobody before it is clean again.
pub struct Conn {
    client: Arc<Client>,
    wire: Arc<Wire>,
    common: Arc<Common>,
    cache: Cache,
    task: AbortHandle,
    /// A caller went away before the answer came, or used the driver by itself: what is on its way is not known.
    abandoned: AtomicBool,
    /// Several callers run statements that commit by themselves.
    shared: AtomicBool,
    /// Held while the types of a statement are asked for, which takes several round trips.
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn")
            .field("closed", &self.is_closed())
            .field("transaction", &self.transaction_status())
            .field("statements", &self.cache.len())
            .finish_non_exhaustive()
    }
}

/// What a caller waits for. If it goes away before that, the connection is marked.
pub(super) struct Pending<'c>(&'c Conn);

impl Pending<'_> {
    pub(super) fn done(self) {
        std::mem::forget(self);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.abandoned.store(true, Ordering::Release);
    }
}

impl Conn {
    pub(super) fn new(common: Arc<Common>, client: Client, wire: Arc<Wire>, task: AbortHandle) -> Self {
        Self {
            client: Arc::new(client),
            wire,
            cache: Cache::new(common.config.statement_cache, common.counters.clone()),
            common,
            task,
            abandoned: AtomicBool::new(false),
            shared: AtomicBool::new(false),
            asking: Arc::default(),
        }
    }

    /// Runs a query and gives all its rows.
    ///
    /// # Errors
    ///
    /// The server's, and those of a connection that is lost.
    pub async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        let mut all = Vec::new();
        self.each(sql, params, |row| all.push(row)).await?;
        Ok(all)
    }

    /// Runs a query that gives one row.
    ///
    /// # Errors
    ///
    /// As `query`, and [`Error::RowCount`] if it gave none or several.
    pub async fn query_one(&self, sql: &str, params: Params<'_>) -> Result<Row> {
        self.query_opt(sql, params).await?.ok_or(Error::RowCount(0))
    }

    /// Runs a query that gives one row, or none.
    ///
    /// # Errors
    ///
    /// As `query`, and [`Error::RowCount`] if it gave several.
    pub async fn query_opt(&self, sql: &str, params: Params<'_>) -> Result<Option<Row>> {
        let (mut first, mut rows) = (None, 0);
        self.each(sql, params, |row| {
            rows += 1;
            if rows == 1 {
                first = Some(row);
            }
        })
        .await?;
        if rows > 1 { Err(Error::RowCount(rows)) } else { Ok(first) }
    }

    /// Runs a statement and says how many rows it changed, or read.
    ///
    /// # Errors
    ///
    /// The server's, and those of a connection that is lost.
    pub async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64> {
        self.each(sql, params, drop).await
    }

    /// Runs a query and gives its rows one by one, as they come. The server sends no faster than they are taken.
    ///
    /// # Errors
    ///
    /// As `query`; what fails later comes in the place of a row.
    pub async fn query_stream(&self, sql: &str, params: Params<'_>) -> Result<Rows<'_>> {
        let pending = self.begin();
        match self.start(sql, &[], params).await {
            Ok(stream) => Ok(Rows::new(stream, pending)),
            Err(error) => self.failed(pending, error).await,
        }
    }

    /// As [`query`](Self::query), with the types of the parameters given instead of asked for. They are a part of what the
    /// statement is kept under.
    ///
    /// # Errors
    ///
    /// As `query`.
    pub async fn query_typed(&self, sql: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>> {
        let (values, types): (Vec<_>, Vec<_>) = params.iter().cloned().unzip();
        let mut all = Vec::new();
        let pending = self.begin();
        let started = self.start(sql, &types, &values).await;
        match drain(started, |row| all.push(row)).await {
            Ok(_) => {
                pending.done();
                Ok(all)
            }
            Err(error) => self.failed(pending, error).await,
        }
    }

    /// Runs statements that are separated by semicolons, without parameters and without their results. All in one transaction,
    /// unless they contain `BEGIN` and the like. Never build such a text from values.
    ///
    /// # Errors
    ///
    /// The server's, for the first that fails, and those of a connection that is lost.
    pub async fn batch_execute(&self, sql: &str) -> Result<()> {
        let pending = self.begin();
        match self.client.batch_execute(sql).await {
            Ok(()) => {
                pending.done();
                Ok(())
            }
            Err(error) => self.failed(pending, error.into()).await,
        }
    }

    /// Prepares a statement ahead, or finds it prepared, and gives its parameters and columns. The other methods do that by
    /// themselves. It also serves where the driver wants a statement, in [`client`](Self::client).
    ///
    /// # Errors
    ///
    /// The server's, and those of a connection that is lost.
    pub async fn prepare(&self, sql: &str) -> Result<Statement> {
        self.prepare_typed(sql, &[]).await
    }

    /// As [`prepare`](Self::prepare), with the types of the first parameters given.
    ///
    /// # Errors
    ///
    /// As `prepare`.
    pub async fn prepare_typed(&self, sql: &str, types: &[Type]) -> Result<Statement> {
        let pending = self.begin();
        match self.find(sql, types).await {
            Ok(found) => {
                pending.done();
                Ok(found.statement)
            }
            Err(error) => self.failed(pending, error).await,
        }
    }

    /// Begins a transaction. One round trip.
    ///
    /// # Errors
    ///
    /// The server's, and those of a connection that is lost.
    pub async fn transaction(&mut self) -> Result<Transaction<'_>> {
        self.build_transaction().begin().await
    }

    /// A transaction with an isolation level or access mode of its own.
    pub fn build_transaction(&mut self) -> TransactionBuilder<'_> {
        TransactionBuilder::new(self)
    }

    /// The state of the transaction, as the server reported it last.
    pub fn transaction_status(&self) -> TransactionStatus {
        self.wire.status()
    }

    /// Whether the connection is lost. One load of an atomic.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// How many statements it keeps prepared.
    pub fn statements(&self) -> usize {
        self.cache.len()
    }

    /// Forgets the prepared statements, and what is known of types that the database defines: after such a type has been
    /// changed.
    pub fn clear_statements(&self) {
        self.cache.clear();
        self.client.clear_type_cache();
    }

    /// The driver's client, for what has no method here, such as `COPY`. What it runs is not kept prepared, and not mended. Since nobody
    /// can know what it leaves on its way, the connection's return costs a round trip, in the background.
    pub fn client(&self) -> &Client {
        self.abandoned.store(true, Ordering::Release);
        &self.client
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.wire
    }

    pub(super) fn set_shared(&self, shared: bool) {
        self.shared.store(shared, Ordering::Release);
    }

    fn begin(&self) -> Pending<'_> {
        Pending(self)
    }

    /// Runs a statement to its end. Gives the number of rows that it changed or read.
    pub(super) async fn each(&self, sql: &str, params: Params<'_>, on: impl FnMut(Row)) -> Result<u64> {
        let pending = self.begin();
        let started = self.start(sql, &[], params).await;
        match drain(started, on).await {
            Ok(rows) => {
                pending.done();
                Ok(rows)
            }
            Err(error) => self.failed(pending, error).await,
        }
    }

    /// The server sends an error first, and then says in what state the session is: waits for the second, so that
    /// `transaction_status` is right when the caller sees the first.
    pub(super) async fn failed<T>(&self, pending: Pending<'_>, error: Error) -> Result<T> {
        if !self.shared.load(Ordering::Acquire) && error.as_db_error().is_some() {
            self.wire.settle().await;
        }
        pending.done();
        Err(error)
    }

    async fn find(&self, sql: &str, types: &[Type]) -> Result<Found> {
        self.cache.forgotten(self.wire.forgotten());
        self.cache.get(&self.client, sql, types).await
    }

    /// Starts a statement: what the server rejects for being stale, before it has done anything, is started once more.
    async fn start(&self, sql: &str, types: &[Type], params: Params<'_>) -> Result<RowStream> {
        if self.common.config.transaction_pooler {
            return self.start_unnamed(sql, types, params).await;
        }
        let mut again = false;
        loop {
            let found = self.find(sql, types).await?;
            let expected = found.statement.params().len();
            if expected != params.len() {
                return Err(Error::Parameters { expected, given: params.len() });
            }
            let error = match self.client.query_raw(&found.statement, params.iter().copied()).await {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            let stale = staleness(&error, found.old);
            if stale == Staleness::None {
                return Err(error.into());
            }
            self.cache.reject(found, sql, types);
            self.client.clear_type_cache();
            if again || (stale == Staleness::Rejected && !self.is_between_transactions().await) {
                return Err(error.into());
            }
            self.cache.count_reprepare();
            again = true;
        }
    }

    /// As `start`, with nothing kept on the server.
    async fn start_unnamed(&self, sql: &str, types: &[Type], params: Params<'_>) -> Result<RowStream> {
        let mut again = false;
        loop {
            let known = if types.is_empty() { self.common.types.get(sql) } else { None };
            let guessed = known.is_some();
            let types = match known {
                Some(types) => types,
                None if types.is_empty() => self.learn(sql).await?,
                None => types.into(),
            };
            if types.len() != params.len() {
                return Err(Error::Parameters { expected: types.len(), given: params.len() });
            }
            let typed = params.iter().copied().zip(types.iter().cloned());
            let error = match self.client.query_typed_raw(sql, typed).await {
                Ok(stream) => return Ok(stream),
                Err(error) => error,
            };
            let stale = staleness(&error, guessed);
            if stale == Staleness::None {
                return Err(error.into());
            }
            self.common.types.forget(sql);
            if again || (stale == Staleness::Rejected && !self.is_between_transactions().await) {
                return Err(error.into());
            }
            self.cache.count_reprepare();
            again = true;
        }
    }

    /// Asks for the types of a statement's parameters, on a task of its own: half-way, it would leave a transaction open.
    pub(super) async fn learn(&self, sql: &str) -> Result<Arc<[Type]>> {
        self.cache.count_miss();
        let inside = self.wire.status() != TransactionStatus::Idle;
        let (client, common, text) = (Arc::clone(&self.client), Arc::clone(&self.common), Box::<str>::from(sql));
        let asking = Arc::clone(&self.asking).lock_owned().await;
        let task = tokio::spawn(async move {
            let _asking = asking;
            let types = pooler::ask(&client, &text, inside).await?;
            common.types.learn(&text, &types);
            Ok(types)
        });
        task.await.unwrap_or(Err(Error::Unclean("the runtime was shut down while a statement was described")))
    }

    async fn is_between_transactions(&self) -> bool {
        // Shared connections are never in one, and would wait for what others run.
        if !self.shared.load(Ordering::Acquire) {
            self.wire.settle().await;
        }
        self.wire.status() == TransactionStatus::Idle && !self.is_closed()
    }

    /// Sends statements without waiting for the answer.
    pub(super) fn fire(&self, sql: &str) {
        self.abandoned.store(true, Ordering::Release);
        // The driver sends when it is asked for the first time.
        let _ = pin!(self.client.batch_execute(sql)).poll(&mut Context::from_waker(Waker::noop()));
    }

    /// Whether nothing is on its way and no transaction is open.
    pub(super) fn is_clean(&self) -> bool {
        !self.abandoned.load(Ordering::Acquire) && self.wire.is_quiet()
    }

    pub(super) async fn check(&self) -> Result<()> {
        Ok(self.client.check_connection().await?)
    }

    /// Brings the session back to where the next caller can begin: nothing on its way, no transaction.
    pub(super) async fn reset(&self) -> Result<()> {
        drop(self.asking.lock().await);
        if self.abandoned.swap(false, Ordering::AcqRel) {
            self.drain().await?;
        } else {
            self.wire.settle().await;
        }
        if self.wire.status() != TransactionStatus::Idle {
            self.client.batch_execute("ROLLBACK").await?;
        }
        if self.common.config.session_reset == super::SessionReset::Clean {
            self.client.batch_execute(CLEAN).await?;
        }
        // A statement that was closed meanwhile may still be unanswered, which does no harm.
        if self.is_closed() || self.wire.is_lost() || self.wire.status() != TransactionStatus::Idle {
            return Err(Error::Unclean("the session could not be brought back to rest"));
        }
        Ok(())
    }

    /// Waits until the server has answered all that is on its way; if that takes too long, has it cancelled.
    async fn drain(&self) -> Result<()> {
        // Its answer comes after all others'.
        let mut last = pin!(self.client.check_connection());
        let Some(patience) = self.common.config.cancel_after else { return Ok(last.await?) };
        if let Ok(answer) = tokio::time::timeout(patience, last.as_mut()).await {
            return Ok(answer?);
        }
        // If it cannot be passed on, what is left is to wait.
        let _ = self.common.cancel(&self.client.cancel_token()).await;
        last.await?;
        // The request may have come when there was nothing left to cancel, and then hits what comes next.
        for _ in 0..3 {
            match self.client.batch_execute("SELECT").await {
                Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => self.wire.settle().await,
                Err(error) if error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION) => return Ok(()),
                answer => return Ok(answer?),
            }
        }
        Err(Error::Unclean("the server goes on cancelling"))
    }
}

/// What `DISCARD ALL` does, but for the prepared statements.
const CLEAN: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; \
     SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";

/// Whether what is known of a statement is out of date. In both cases nothing has been done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Staleness {
    None,
    /// The server said no.
    Rejected,
    /// The values do not fit the types that the parameters had once; the server was not asked.
    Unfit,
}

/// `old`: what is known was not learned just now.
fn staleness(error: &tokio_postgres::Error, old: bool) -> Staleness {
    let Some(answer) = error.as_db_error() else {
        let unfit = std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<WrongType>);
        return if unfit && old { Staleness::Unfit } else { Staleness::None };
    };
    let rejected = match answer.code() {
        // Also the code of what is really not supported; the message is translated, the routine is not.
        &SqlState::FEATURE_NOT_SUPPORTED => answer.routine() == Some("RevalidateCachedQuery"),
        &SqlState::INVALID_SQL_STATEMENT_NAME => true,
        // It made sense once, and with the schema of today it does not.
        code => old && code.code().starts_with("42"),
    };
    if rejected { Staleness::Rejected } else { Staleness::None }
}

async fn drain(started: Result<RowStream>, mut on: impl FnMut(Row)) -> Result<u64> {
    let mut stream = pin!(started?);
    while let Some(row) = std::future::poll_fn(|cx| futures_core::Stream::poll_next(stream.as_mut(), cx)).await {
        on(row?);
    }
    Ok(stream.rows_affected().unwrap_or(0))
}

impl Drop for Conn {
    fn drop(&mut self) {
        // A quiet session says goodbye; one that has work to do, or is no longer heard, is hung up on.
        if !self.is_clean() {
            self.task.abort();
        }
    }
}
