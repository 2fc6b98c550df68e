//! One request: serve what is held, join the load under way, or start one.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::flight::{self, Boarded, Flight, Load};
use super::{Answer, CacheError, CacheKey, QueryCache, Verdict};

/// One request for an answer, made by [`QueryCache::entry`].
#[must_use = "an entry does nothing until `load` or `get`"]
pub struct Entry<'a, E> {
    cache: &'a QueryCache<E>,
    key: &'a CacheKey,
    tags: &'a [&'a str],
    ttl: Duration,
    deadline: Duration,
}

/// An answer, and how it came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cached {
    /// The encoded answer; `None` when the loader found nothing.
    pub body: Option<Bytes>,
    /// How the answer came.
    pub source: Source,
}

/// How an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// It was held, and fresh.
    Hit,
    /// This request's loader loaded it.
    Loaded,
    /// Another request's loader loaded it while this one waited.
    Coalesced,
    /// It was held, past its time to live, and a load for it is under way or has just failed.
    Stale,
}

impl<'a, E: Send + Sync + 'static> Entry<'a, E> {
    pub(super) fn new(cache: &'a QueryCache<E>, key: &'a CacheKey) -> Self {
        let settings = &cache.shared.settings;
        Self { cache, key, tags: &[], ttl: settings.ttl, deadline: settings.deadline }
    }

    /// What the answer is read from; [`QueryCache::invalidate`] with any of these makes it invalid. Tags belong to the key:
    /// give the same ones in every request for it.
    pub fn tags(mut self, tags: &'a [&'a str]) -> Self {
        self.tags = tags;
        self
    }

    /// How long the answer is fresh, in place of the cache's setting. Zero loads it (coalesced) and holds nothing.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long this request waits for a load, in place of the cache's setting.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The answer if it is held and fresh; never loads.
    #[must_use]
    pub fn get(self) -> Option<Cached> {
        let shared = &self.cache.shared;
        let answer = shared.held(self.key).filter(|answer| Instant::now() < answer.fresh_until)?;
        shared.counters.hits.add_one();
        Some(answer.serve(Source::Hit))
    }

    /// The answer: held, or from the load under way, or from `load`, which returns `None` when there is nothing.
    ///
    /// `load` runs as a task of its own, at most once, and not at all when the answer is held or already being loaded.
    /// Cancelling the returned future does not cancel it.
    ///
    /// # Errors
    ///
    /// The loader's error, shared by all who waited for it; [`CacheError::Timeout`] past the deadline; [`CacheError::Panicked`],
    /// [`CacheError::Aborted`], [`CacheError::Reentrant`] as their documentation says.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn load<F, Fut>(self, load: F) -> Result<Cached, CacheError<E>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<Bytes>, E>> + Send + 'static,
    {
        self.load_with(&(), |()| load()).await
    }

    /// As [`Entry::load`], with what the loader needs given apart: it is cloned for a load alone. A hit then does not even touch the
    /// reference count of a pool or a state that every thread shares.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use covet_kit::cache::{CacheKey, QueryCache};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache: QueryCache<std::io::Error> = QueryCache::builder().build().unwrap();
    /// let state = Arc::new("what the loader reads".to_owned());
    /// let key = CacheKey::new("answer").build();
    /// let load = |state: Arc<String>| async move { Ok(Some(state.to_string().into())) };
    /// let answer = cache.entry(&key).load_with(&state, load).await.unwrap();
    /// assert_eq!(answer.body.unwrap(), "what the loader reads");
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Entry::load`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn load_with<C, F, Fut>(self, context: &C, load: F) -> Result<Cached, CacheError<E>>
    where
        C: Clone + Send + 'static,
        F: FnOnce(C) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<Bytes>, E>> + Send + 'static,
    {
        let shared = &self.cache.shared;
        let now = Instant::now();
        let held = shared.held(self.key);
        let load = || {
            let context = context.clone();
            move || load(context)
        };
        let fallback = match held.as_deref().map(|answer| (answer, shared.judge(answer, now))) {
            Some((answer, Verdict::Fresh)) => {
                shared.counters.hits.add_one();
                return Ok(answer.serve(Source::Hit));
            }
            Some((answer, Verdict::Early | Verdict::Stale)) => return Ok(self.serve_and_refresh(answer, now, load())),
            Some((answer, Verdict::OnError)) => Some(answer),
            Some((_, Verdict::Dead)) | None => None,
        };
        if flight::is_loading(shared, self.key) {
            return Err(CacheError::Reentrant);
        }
        // A failed load is not repeated at once while there is an answer to fall back on.
        if let Some(answer) = fallback
            && !shared.claim_refresh(answer, now)
            && shared.flights.current(self.key).is_none()
        {
            shared.counters.stale.add_one();
            return Ok(answer.serve(Source::Stale));
        }
        match flight::board(shared, self.key, fallback.is_none(), self.load_of(load())) {
            Boarded::Landed(answer) => {
                shared.counters.hits.add_one();
                Ok(answer.serve(Source::Hit))
            }
            Boarded::Joined(flight) => {
                shared.counters.coalesced.add_one();
                self.wait(&flight, fallback, Source::Coalesced).await
            }
            Boarded::Leading(flight) => {
                shared.counters.misses.add_one();
                self.wait(&flight, fallback, Source::Loaded).await
            }
        }
    }

    fn load_of<F>(&self, load: F) -> Load<'a, F> {
        Load { tags: self.tags, ttl: self.ttl, load }
    }

    fn serve_and_refresh<F, Fut>(&self, answer: &Answer, now: Instant, load: F) -> Cached
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<Bytes>, E>> + Send + 'static,
    {
        let shared = &self.cache.shared;
        if shared.claim_refresh(answer, now)
            && !flight::is_loading(shared, self.key)
            && matches!(flight::board(shared, self.key, false, self.load_of(load)), Boarded::Leading(_))
        {
            shared.counters.refreshes.add_one();
        }
        let fresh = now < answer.fresh_until;
        if fresh { &shared.counters.hits } else { &shared.counters.stale }.add_one();
        answer.serve(if fresh { Source::Hit } else { Source::Stale })
    }

    async fn wait(
        &self,
        flight: &Arc<Flight<E>>,
        fallback: Option<&Answer>,
        source: Source,
    ) -> Result<Cached, CacheError<E>> {
        let counters = &self.cache.shared.counters;
        let outcome = tokio::time::timeout(self.deadline, flight.landed()).await.unwrap_or_else(|_elapsed| {
            counters.timeouts.add_one();
            Err(CacheError::Timeout)
        });
        match (outcome, fallback) {
            (Ok(body), _) => Ok(Cached { body, source }),
            // What became invalid meanwhile is no fallback.
            (Err(_), Some(answer)) if answer.stamp.is_valid() => {
                counters.stale.add_one();
                Ok(answer.serve(Source::Stale))
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl Answer {
    fn serve(&self, source: Source) -> Cached {
        Cached { body: self.body.clone(), source }
    }
}

impl<E> std::fmt::Debug for Entry<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("key", &self.key).field("tags", &self.tags).finish_non_exhaustive()
    }
}
