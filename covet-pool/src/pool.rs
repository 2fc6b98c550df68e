//! The handle that everybody has.

use crate::config::{Builder, PoolConfig};
use crate::core::Owner;
use crate::error::PoolError;
use crate::get::{Get, block_on, block_on_future};
use crate::guard::PooledConn;
use crate::hooks::{Holder, Hooks};
use crate::job::{Driver, Ended};
use crate::manager::Manager;
use crate::park::Parking;
use crate::shared::{Admit, Shared};
use crate::slot::Take;
use crate::stats::Status;
use crate::sync::stat::Ordering;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A bounded, fair pool of connections, for threads and tasks alike.
///
/// Cloning it is cheap and gives another handle to the same pool. When the last handle is dropped the pool closes:
/// connections that callers still hold are closed as they come back.
pub struct Pool<M: Manager> {
    shared: Arc<Shared<M>>,
    handle: Arc<Handle<M>>,
}

/// Closes the pool with its last handle. The pool's own references (in idle connections, in tasks) do not keep it open.
struct Handle<M: Manager>(Arc<Shared<M>>);

impl<M: Manager> Drop for Handle<M> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<M: Manager> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), handle: Arc::clone(&self.handle) }
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let census = self.shared.core().census();
        f.debug_struct("Pool")
            .field("name", &self.shared.config.name)
            .field("size", &census.occupied)
            .field("max_size", &census.max)
            .field("idle", &census.idle)
            .field("waiting", &census.waiting)
            .field("closed", &census.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "sqlite")]
impl<M: Manager> Pool<M> {
    /// Whether somebody waits for a connection, or ought to be told that the pool is closed. One load.
    pub(crate) fn is_contended(&self) -> bool {
        self.shared.core().segments.gated()
    }
}

impl<M: Manager> Pool<M> {
    /// Begins a pool around a manager.
    pub fn builder(manager: M) -> Builder<M> {
        Builder::new(manager)
    }

    pub(crate) fn assemble(manager: M, config: PoolConfig, hooks: Hooks<M>) -> Self {
        let shared = Arc::new(Shared::new(manager, config, hooks));
        shared.adopt_runtime();
        let handle = Arc::new(Handle(Arc::clone(&shared)));
        Self { shared, handle }
    }

    /// Gets a connection: an idle one if nobody waits, else a place in the queue.
    ///
    /// Cost without contention: one compare-and-swap here and one when the connection goes back. Dropping the future
    /// loses nothing.
    ///
    /// # Errors
    ///
    /// The future's output: [`PoolError::Connect`], [`PoolError::Timeout`] after `acquire_timeout` (`tokio` feature),
    /// [`PoolError::QueueFull`], [`PoolError::Closed`], and what else the error says.
    #[inline(always)]
    #[track_caller]
    pub fn get(&self) -> Get<'_, M> {
        Get::new(&self.shared, self.shared.config.acquire_timeout, true, Location::caller())
    }

    /// As [`get`](Self::get), with a time limit of its own instead of `acquire_timeout`.
    #[track_caller]
    pub fn get_timeout(&self, limit: Duration) -> Get<'_, M> {
        Get::new(&self.shared, Some(limit), false, Location::caller())
    }

    /// As [`get`](Self::get), but parks this thread while it waits. In the same queue as the tasks.
    ///
    /// Do not call it on a thread that the connects need in order to go on, such as the only thread of a runtime.
    ///
    /// # Errors
    ///
    /// As `get`; the time limit holds with and without the `tokio` feature.
    #[inline(always)]
    #[track_caller]
    pub fn get_blocking(&self) -> Result<PooledConn<M>, PoolError<M::Error>> {
        block_on(Get::new(&self.shared, self.shared.config.acquire_timeout, true, Location::caller()))
    }

    /// As [`get_blocking`](Self::get_blocking), with a time limit of its own instead of `acquire_timeout`.
    ///
    /// # Errors
    ///
    /// As `get_blocking`.
    #[track_caller]
    pub fn get_blocking_timeout(&self, limit: Duration) -> Result<PooledConn<M>, PoolError<M::Error>> {
        block_on(Get::new(&self.shared, Some(limit), true, Location::caller()))
    }

    /// Gets an idle connection if there is one and nobody waits for it. Neither waits nor connects.
    ///
    /// # Errors
    ///
    /// [`PoolError::Empty`] if there is none, or if the one there is needs a check that does not end at once (which then
    /// goes on in the background); [`PoolError::Closed`].
    #[track_caller]
    pub fn try_get(&self) -> Result<PooledConn<M>, PoolError<M::Error>> {
        let place = Location::caller();
        loop {
            let Take::Got(lease) = self.shared.core().take() else {
                return Err(if self.is_closed() { PoolError::Closed } else { PoolError::Empty });
            };
            let now = self.shared.now();
            match self.shared.admit(lease, now) {
                Admit::Ready(lease) => return Ok(PooledConn::new(lease, place, now)),
                Admit::Gone => {}
                Admit::Check(lease) => {
                    let mut driver = Driver::check(lease);
                    match driver.poll(&mut Context::from_waker(Waker::noop())) {
                        Poll::Pending => self.shared.leave_behind(driver, None),
                        Poll::Ready(None) => {}
                        Poll::Ready(Some(Ended { outcome: Ok(lease), .. })) => {
                            return Ok(PooledConn::new(lease, place, now));
                        }
                        Poll::Ready(Some(ended)) => self.shared.finish(ended, None),
                    }
                }
            }
        }
    }

    /// Opens connections until there are `size` of them, idle or in use, or as many as `max_size` permits.
    ///
    /// # Errors
    ///
    /// The first failure to connect; those that were opened stay.
    pub async fn warm_up(&self, size: usize) -> Result<(), PoolError<M::Error>> {
        self.shared.adopt_runtime();
        self.shared.fill(|census| census.occupied < size).await
    }

    /// As [`warm_up`](Self::warm_up), on this thread.
    ///
    /// # Errors
    ///
    /// As `warm_up`.
    pub fn warm_up_blocking(&self, size: usize) -> Result<(), PoolError<M::Error>> {
        block_on_future(self.warm_up(size))
    }

    /// One round of maintenance: closes what is idle or old beyond its limits, keeps `min_idle`, reports leaks.
    ///
    /// With the `tokio` feature it runs by itself every `maintenance_interval`, once the pool has seen a runtime.
    /// Without, call it from time to time; a pool works without it, but then only the next checkout of a connection
    /// notices that its time is over.
    pub async fn maintain(&self) {
        self.shared.maintain().await;
    }

    /// As [`maintain`](Self::maintain), on this thread.
    pub fn maintain_blocking(&self) {
        block_on_future(self.shared.maintain());
    }

    /// Changes the maximum, clamped to 1 and [`MAX_SIZE`](crate::MAX_SIZE). Downwards, idle connections above it are closed
    /// at once and those in use as they come back; until then nothing is opened.
    pub fn resize(&self, max_size: usize) {
        let effects = self.shared.core().resize(&*self.shared, max_size);
        self.shared.run(effects);
    }

    /// Declares all connections opened so far unfit, for instance after a fail-over. Idle ones are closed at once, those in
    /// use as they come back.
    pub fn invalidate_all(&self) {
        self.shared.next_generation();
        self.shared.sweep();
    }

    /// Closes the pool: at once for those who wait or come later, while connections in use live until they come back.
    ///
    /// Closing begins with this call. The future waits until the last connection is gone or `drain_timeout` is over (which
    /// needs the `tokio` feature), and says how many are left.
    pub fn close(&self) -> impl Future<Output = usize> + Send + use<M> {
        self.close_within(self.shared.config.drain_timeout)
    }

    /// As [`close`](Self::close), with a time limit of its own.
    pub fn close_within(&self, limit: Option<Duration>) -> impl Future<Output = usize> + Send + use<M> {
        self.shared.close();
        let shared = Arc::clone(&self.shared);
        async move {
            let drained = std::future::poll_fn(|cx| shared.core().poll_drained(cx));
            let _ = crate::time::limited(shared.alarm(limit), drained).await;
            shared.core().census().occupied
        }
    }

    /// As [`close`](Self::close), on this thread; the time limit holds with and without the `tokio` feature.
    pub fn close_blocking(&self) -> usize {
        self.shared.close();
        let end = self.shared.config.drain_timeout.and_then(|limit| Instant::now().checked_add(limit));
        Parking::lend(|parking| {
            let mut cx = Context::from_waker(parking.waker());
            while self.shared.core().poll_drained(&mut cx).is_pending() && !parking.wait(end) {}
        });
        self.shared.core().census().occupied
    }

    /// Whether the pool is closed.
    pub fn is_closed(&self) -> bool {
        self.shared.core().is_closed()
    }

    /// Its settings. `max_size` is the one it was built with; see [`Status::max_size`] for the one that holds now.
    pub fn config(&self) -> &PoolConfig {
        &self.shared.config
    }

    /// Its manager.
    pub fn manager(&self) -> &M {
        &self.shared.manager
    }

    /// A picture of the pool. Takes the queue's lock for a moment; meant for once in a second, not for once in a request.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let census = shared.core().census();
        let uses: Vec<u64> = (0..shared.core().slots_used())
            .map(|slot| shared.core().segments.marks(slot).uses())
            .filter(|&n| n > 0)
            .collect();
        let counters = &shared.counters;
        Status {
            max_size: census.max,
            size: census.occupied,
            idle: census.idle,
            in_use: census.in_use(),
            connecting: census.connecting,
            waiting: census.waiting,
            closed: census.closed,
            created: counters.created.load(Ordering::Relaxed),
            connect_failures: counters.connect_failures.load(Ordering::Relaxed),
            closed_by: counters.closed_by_reason(),
            checkouts: counters.past_uses() + uses.iter().sum::<u64>(),
            uses,
            timeouts: counters.timeouts.load(Ordering::Relaxed),
            queue_full: counters.queue_full.load(Ordering::Relaxed),
            overtakes: census.overtakes,
            panics: counters.panics.load(Ordering::Relaxed),
            leaks: counters.leaks.load(Ordering::Relaxed),
            wait_time: counters.wait_time.snapshot(),
            connect_time: counters.connect_time.snapshot(),
            statements: shared.manager.statements(),
        }
    }

    /// Who holds connections now: where each was checked out, and for how long.
    pub fn holders(&self) -> Vec<Holder> {
        self.shared.holders()
    }
}

impl<M: Manager> Pool<M> {
    #[cfg(all(test, not(covet_loom)))]
    pub(crate) fn step_clock(&self, by: Duration) {
        self.shared.skew.fetch_add(crate::clock::millis(by), Ordering::Relaxed);
    }
}
