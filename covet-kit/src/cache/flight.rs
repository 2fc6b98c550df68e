//! Coalescing: the loads under way, by key, each a task of its own with any number of requests waiting for it.
//!
//! The invariant: a flight leaves the table only after its answer is held, and a request looks for a held answer and a flight
//! under the table's lock. So no request can miss both and load what another has just loaded.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::tags::Stamp;
use super::{Answer, CacheError, CacheKey, Shared};

type Outcome<E> = Result<Option<Bytes>, CacheError<E>>;

/// The loads under way.
pub(super) struct Flights<E>(Mutex<HashMap<CacheKey, Arc<Flight<E>>>>);

/// One load under way.
pub(super) struct Flight<E> {
    /// Taken before the loader starts. A request that comes after an invalidation must not join an earlier load.
    stamp: Stamp,
    outcome: watch::Receiver<Option<Outcome<E>>>,
}

/// A loader, and what to do with what it finds.
pub(super) struct Load<'a, F> {
    pub(super) tags: &'a [&'a str],
    pub(super) ttl: Duration,
    pub(super) load: F,
}

/// Where a request found itself after [`board`].
pub(super) enum Boarded<E> {
    /// The answer had just been loaded.
    Landed(Arc<Answer>),
    /// Another request's load is under way.
    Joined(Arc<Flight<E>>),
    /// This request's load has started.
    Leading(Arc<Flight<E>>),
}

/// Joins the load under way for `key`, or starts `load` as a task. With `accept_held`, an answer that landed since the caller
/// looked is taken instead.
pub(super) fn board<E, F, Fut>(
    shared: &Arc<Shared<E>>,
    key: &CacheKey,
    accept_held: bool,
    load: Load<'_, F>,
) -> Boarded<E>
where
    E: Send + Sync + 'static,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Option<Bytes>, E>> + Send + 'static,
{
    let mut flights = shared.flights.0.lock();
    if let Some(flight) = flights.get(key).filter(|flight| flight.stamp.is_valid()) {
        return Boarded::Joined(flight.clone());
    }
    if accept_held && let Some(answer) = shared.held(key).filter(|answer| Instant::now() < answer.fresh_until) {
        return Boarded::Landed(answer);
    }
    let (sender, outcome) = watch::channel(None);
    let flight = Arc::new(Flight { stamp: shared.tags.stamp(load.tags.iter().copied()), outcome });
    flights.insert(key.clone(), flight.clone());
    drop(flights);
    let chain = Arc::new(Chain { cache: cache_id(shared), key: key.clone(), parent: current_chain() });
    let leader = Leader { shared: shared.clone(), flight: flight.clone(), sender, chain };
    tokio::spawn(lead(leader, load.ttl, load.load));
    Boarded::Leading(flight)
}

/// Whether the running task is, directly or through other loads, the load of this very key.
pub(super) fn is_loading<E>(shared: &Arc<Shared<E>>, key: &CacheKey) -> bool {
    let mut link = current_chain();
    while let Some(chain) = link {
        if chain.cache == cache_id(shared) && chain.key == *key {
            return true;
        }
        link = chain.parent.clone();
    }
    false
}

impl<E> Flights<E> {
    /// The load under way for `key`, if what it reads has not changed since it began.
    pub(super) fn current(&self, key: &CacheKey) -> Option<Arc<Flight<E>>> {
        self.0.lock().get(key).filter(|flight| flight.stamp.is_valid()).cloned()
    }
}

impl<E> Default for Flights<E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<E> Flight<E> {
    /// What the load found. Cancel-safe.
    pub(super) async fn landed(&self) -> Outcome<E> {
        let mut outcome = self.outcome.clone();
        match outcome.wait_for(Option::is_some).await {
            Ok(found) => found.clone().unwrap_or(Err(CacheError::Aborted)),
            Err(_sender_gone) => Err(CacheError::Aborted),
        }
    }
}

/// The loads that the running task is part of, innermost first.
struct Chain {
    cache: usize,
    key: CacheKey,
    parent: Option<Arc<Chain>>,
}

tokio::task_local! {
    static LOADING: Arc<Chain>;
}

fn current_chain() -> Option<Arc<Chain>> {
    LOADING.try_with(Arc::clone).ok()
}

fn cache_id<E>(shared: &Arc<Shared<E>>) -> usize {
    Arc::as_ptr(shared).addr()
}

/// The task's side of a flight. However it ends, everyone who waits is told and the flight leaves the table.
struct Leader<E> {
    shared: Arc<Shared<E>>,
    flight: Arc<Flight<E>>,
    sender: watch::Sender<Option<Outcome<E>>>,
    chain: Arc<Chain>,
}

async fn lead<E, F, Fut>(leader: Leader<E>, ttl: Duration, load: F)
where
    E: Send + Sync + 'static,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Option<Bytes>, E>> + Send + 'static,
{
    // A load inside a load runs on its parent's permit: waiting for one of its own could wait for itself.
    let _permit = match leader.chain.parent {
        None => leader.shared.loads.acquire().await.ok(),
        Some(_) => None,
    };
    let started = Instant::now();
    let found = LOADING.scope(leader.chain.clone(), async move { load().await }).await;
    leader.land(found, ttl, started.elapsed());
}

impl<E> Leader<E> {
    fn land(&self, found: Result<Option<Bytes>, E>, ttl: Duration, load_time: Duration) {
        let outcome = match found {
            Ok(body) => {
                self.shared.store(self.chain.key.clone(), body.clone(), self.flight.stamp.clone(), ttl, load_time);
                Ok(body)
            }
            Err(error) => {
                self.shared.counters.load_errors.add_one();
                Err(CacheError::Load(Arc::new(error)))
            }
        };
        self.sender.send_replace(Some(outcome));
    }
}

impl<E> Drop for Leader<E> {
    fn drop(&mut self) {
        if self.sender.borrow().is_none() {
            self.shared.counters.load_errors.add_one();
            let panicked = std::thread::panicking();
            self.sender.send_replace(Some(Err(if panicked { CacheError::Panicked } else { CacheError::Aborted })));
        }
        let mut flights = self.shared.flights.0.lock();
        // After an invalidation a younger flight may stand in this one's place.
        if flights.get(&self.chain.key).is_some_and(|current| Arc::ptr_eq(current, &self.flight)) {
            flights.remove(&self.chain.key);
        }
    }
}
