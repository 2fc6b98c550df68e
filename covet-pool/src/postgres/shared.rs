//! Shared leases: statements of several callers, each committing by itself, pipelined on few connections.
//!
//! A connection that one caller has to itself is idle while the answer travels, and each statement costs a wake-up on
//! both sides. On a shared one the next statement is on its way before the last answer is read, and one wake-up serves many.
//! The price: an answer waits for those before it, so a slow statement delays its neighbours.

use super::conn::{Conn, Params};
use super::error::{Error, Result};
use super::manager::Postgres;
use super::session::changes_session;
use crate::clock;
use crate::error::{PoolError, Timeout};
use crate::guard::PooledConn;
use crate::pool::Pool;
use parking_lot::Mutex;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, Semaphore};
use tokio_postgres::Row;

/// After so many milliseconds a lane takes another connection from the pool, so that limits of age, checks and callers that want
/// a connection of their own are not put off for ever.
const LANE_LIFE: u64 = 1000;

/// A connection with several callers on it.
struct Lane {
    conn: OnceCell<PooledConn<Postgres>>,
    /// Changed under the lock of [`Lanes`].
    users: AtomicUsize,
    /// When it is given up, on the coarse clock.
    until: u64,
}

impl Lane {
    fn new(now: u64) -> Arc<Self> {
        Arc::new(Self { conn: OnceCell::new(), users: AtomicUsize::new(0), until: now.saturating_add(LANE_LIFE) })
    }

    fn users(&self) -> usize {
        self.users.load(Ordering::Relaxed)
    }

    fn is_fit(&self, now: u64) -> bool {
        now < self.until && !self.conn.get().is_some_and(|conn| conn.is_closed())
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.get() {
            conn.set_shared(false);
        }
    }
}

/// The lanes of a pool. One without users is given up, so what nobody shares is in the pool.
pub(super) struct Lanes {
    lanes: Mutex<Vec<Option<Arc<Lane>>>>,
    /// How many statements may be on their way. Made at the first use, when the size of the pool is known.
    places: OnceLock<Semaphore>,
    waiting: AtomicUsize,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self { lanes: Mutex::default(), places: OnceLock::new(), waiting: AtomicUsize::new(0) }
    }

    fn places(&self, pool: &Pool<Postgres>) -> &Semaphore {
        self.places.get_or_init(|| {
            let config = pool.manager().config();
            let most = pool.config().max_size;
            let width = config.shared_connections.unwrap_or(most.div_ceil(2)).clamp(1, most);
            self.lanes.lock().resize_with(width, || None);
            Semaphore::new(width.saturating_mul(config.shared_depth).min(Semaphore::MAX_PERMITS))
        })
    }

    /// The lane with the fewest users; it need not be connected yet.
    fn enter(&self) -> Arc<Lane> {
        let now = clock::coarse();
        let mut lanes = self.lanes.lock();
        let place = lanes.iter_mut().min_by_key(|place| place.as_ref().map_or(0, |lane| lane.users()));
        let (lane, old) = match place {
            Some(place) => match place.as_ref().filter(|lane| lane.is_fit(now)) {
                Some(lane) => (Arc::clone(lane), None),
                None => {
                    let lane = Lane::new(now);
                    let old = place.replace(Arc::clone(&lane));
                    (lane, old)
                }
            },
            None => (Lane::new(now), None),
        };
        lane.users.fetch_add(1, Ordering::Relaxed);
        drop(lanes);
        // Gives its connection back, unless somebody is still on it.
        drop(old);
        lane
    }

    fn leave(&self, lane: &Arc<Lane>) {
        let mut lanes = self.lanes.lock();
        let is_last = lane.users.fetch_sub(1, Ordering::Relaxed) == 1;
        let mut places = lanes.iter_mut();
        let place = places.find(|place| is_last && place.as_ref().is_some_and(|own| Arc::ptr_eq(own, lane)));
        let last = place.and_then(Option::take);
        drop(lanes);
        drop(last);
    }
}

/// A statement's place on a lane.
struct Lease {
    pool: Pool<Postgres>,
    lane: Arc<Lane>,
    /// A statement is on its way.
    busy: bool,
}

impl Lease {
    fn give_up(pool: &Pool<Postgres>, lane: &Arc<Lane>) {
        let lanes = &pool.manager().0.lanes;
        lanes.leave(lane);
        lanes.places(pool).add_permits(1);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match Handle::try_current() {
            // Its caller went away. The place stays taken until the server is done with what is on its way, so that callers
            // who go away cannot fill the line without bound.
            Ok(runtime) if self.busy => {
                let (pool, lane) = (self.pool.clone(), Arc::clone(&self.lane));
                runtime.spawn(async move {
                    if let Some(conn) = lane.conn.get() {
                        // If the connection is lost, nothing is on its way either.
                        let _ = conn.check().await;
                    }
                    Self::give_up(&pool, &lane);
                });
            }
            _ => Self::give_up(&self.pool, &self.lane),
        }
    }
}

/// Runs single statements on connections that it shares with other callers. Made by [`Pool::shared`]; cheap to clone.
///
/// Each statement commits by itself. What changes the state of the session (`BEGIN`, `SET`, `LISTEN`, ...) is refused; functions that do
/// so, such as `set_config` or `pg_advisory_lock`, are not recognised and must not be called. Statements on one connection
/// are answered in order.
///
/// Dropping a future drops the answer; the statement itself runs to its end.
#[derive(Clone)]
pub struct Shared {
    pool: Pool<Postgres>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("pool", &self.pool).finish()
    }
}

impl Pool<Postgres> {
    /// Runs single statements of many callers on few connections: more throughput where statements are short. How many
    /// connections and how many statements on each, [`PostgresConfig::shared`](super::PostgresConfig::shared) says.
    pub fn shared(&self) -> Shared {
        Shared { pool: self.clone() }
    }
}

impl Shared {
    /// As [`Conn::query`].
    ///
    /// # Errors
    ///
    /// As `Conn::query`; [`Error::Pool`] if there is no connection in time or too many wait, [`Error::NotShared`] if the statement is
    /// refused.
    pub async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>> {
        let mut lease = self.enter(sql).await?;
        let answer = lease.conn().await?.query(sql, params).await;
        lease.busy = false;
        answer
    }

    /// As [`Conn::query_one`].
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query) and `Conn::query_one`.
    pub async fn query_one(&self, sql: &str, params: Params<'_>) -> Result<Row> {
        let mut lease = self.enter(sql).await?;
        let answer = lease.conn().await?.query_one(sql, params).await;
        lease.busy = false;
        answer
    }

    /// As [`Conn::query_opt`].
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query) and `Conn::query_opt`.
    pub async fn query_opt(&self, sql: &str, params: Params<'_>) -> Result<Option<Row>> {
        let mut lease = self.enter(sql).await?;
        let answer = lease.conn().await?.query_opt(sql, params).await;
        lease.busy = false;
        answer
    }

    /// As [`Conn::execute`].
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    pub async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64> {
        let mut lease = self.enter(sql).await?;
        let answer = lease.conn().await?.execute(sql, params).await;
        lease.busy = false;
        answer
    }

    /// The pool whose connections are shared.
    pub fn pool(&self) -> &Pool<Postgres> {
        &self.pool
    }

    async fn enter(&self, sql: &str) -> Result<Lease> {
        if let Some(word) = changes_session(sql) {
            return Err(Error::NotShared(word));
        }
        let common = &self.pool.manager().0;
        if common.config.transaction_pooler && common.types.get(sql).is_none() {
            // To ask for types takes a transaction.
            self.pool.get().await?.learn(sql).await?;
        }
        let places = common.lanes.places(&self.pool);
        match places.try_acquire() {
            Ok(place) => place.forget(),
            Err(_) => self.wait(places).await?,
        }
        Ok(Lease { pool: self.pool.clone(), lane: common.lanes.enter(), busy: false })
    }

    #[cold]
    async fn wait(&self, places: &Semaphore) -> Result<()> {
        let waiting = &self.pool.manager().0.lanes.waiting;
        let _leave = Counted::new(waiting);
        let config = self.pool.config();
        if waiting.load(Ordering::Relaxed) > config.max_waiting {
            return Err(PoolError::QueueFull.into());
        }
        let since = Instant::now();
        let limit = config.acquire_timeout.unwrap_or(Duration::MAX);
        match tokio::time::timeout(limit, places.acquire()).await {
            Ok(Ok(place)) => {
                place.forget();
                Ok(())
            }
            // The semaphore is never closed.
            Ok(Err(_)) => Err(PoolError::Closed.into()),
            Err(_) => {
                let status = self.pool.status();
                Err(PoolError::Timeout(Timeout {
                    waited: since.elapsed(),
                    in_use: status.in_use,
                    connecting: status.connecting,
                    max_size: status.max_size,
                })
                .into())
            }
        }
    }
}

impl Lease {
    async fn conn(&mut self) -> Result<&Conn> {
        let conn = match self.lane.conn.get() {
            Some(conn) => conn,
            None => {
                let connect = async || {
                    let conn = self.pool.get().await?;
                    conn.set_shared(true);
                    Ok::<_, Error>(conn)
                };
                self.lane.conn.get_or_try_init(connect).await?
            }
        };
        self.busy = true;
        Ok(conn)
    }
}

/// One more, for as long as it lives.
struct Counted<'c>(&'c AtomicUsize);

impl<'c> Counted<'c> {
    fn new(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
