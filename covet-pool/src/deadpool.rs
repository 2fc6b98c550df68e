//! Any deadpool manager on this pool.

use crate::config::CheckPolicy;
use crate::manager::Manager;
use deadpool::managed::{Manager as Theirs, Metrics, RecycleError};
use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

/// A deadpool 0.13 manager as a manager of this crate.
///
/// What such a manager may rely on holds: objects are recycled before each checkout but their first, with their metrics,
/// and detached when they leave the pool, whatever the reason.
///
/// ```
/// # struct Numbers;
/// # impl deadpool::managed::Manager for Numbers {
/// #     type Type = u32;
/// #     type Error = std::io::Error;
/// #     async fn create(&self) -> Result<u32, std::io::Error> { Ok(7) }
/// #     async fn recycle(&self, _: &mut u32, _: &deadpool::managed::Metrics) -> deadpool::managed::RecycleResult<std::io::Error> { Ok(()) }
/// # }
/// use covet_pool::{Pool, deadpool::Compat};
///
/// let pool = Pool::builder(Compat::new(Numbers)).max_size(4).build()?;
/// assert_eq!(**pool.get_blocking()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Compat<M>(Arc<M>);

impl<M> Compat<M> {
    /// Wraps a deadpool manager.
    pub fn new(manager: M) -> Self {
        Self(Arc::new(manager))
    }

    /// The deadpool manager.
    pub fn inner(&self) -> &M {
        &self.0
    }
}

impl<M> Manager for Compat<M>
where
    M: Theirs + 'static,
    M::Type: 'static,
    M::Error: 'static,
{
    type Conn = Object<M>;
    type Error = CompatError<M::Error>;

    async fn connect(&self) -> Result<Object<M>, CompatError<M::Error>> {
        let value = self.0.create().await.map_err(CompatError::Backend)?;
        Ok(Object { value: Some(value), metrics: Metrics::default(), manager: Arc::clone(&self.0) })
    }

    async fn check(&self, object: &mut Object<M>) -> Result<(), CompatError<M::Error>> {
        let Object { value: Some(value), metrics, .. } = object else { return Ok(()) };
        self.0.recycle(value, metrics).await.map_err(|error| match error {
            RecycleError::Message(message) => CompatError::Message(message),
            RecycleError::Backend(error) => CompatError::Backend(error),
        })?;
        metrics.recycle_count += 1;
        metrics.recycled = Some(Instant::now());
        Ok(())
    }

    fn check_policy(&self) -> CheckPolicy {
        CheckPolicy::Always
    }
}

/// What a deadpool manager made, with the metrics that it is recycled with. Derefs to the object itself.
pub struct Object<M: Theirs> {
    /// Only empty while it is being dropped.
    value: Option<M::Type>,
    metrics: Metrics,
    manager: Arc<M>,
}

impl<M: Theirs> Object<M> {
    /// When it was made, and when and how often it has been recycled.
    pub fn metrics(&self) -> Metrics {
        self.metrics
    }

    /// The object itself, detached from its manager; after [`PooledConn::detach`](crate::PooledConn::detach).
    pub fn into_inner(mut self) -> M::Type {
        match self.value.take() {
            Some(mut value) => {
                self.manager.detach(&mut value);
                value
            }
            None => unreachable!("only empty while it is being dropped"),
        }
    }
}

impl<M: Theirs> Drop for Object<M> {
    fn drop(&mut self) {
        if let Some(value) = &mut self.value {
            self.manager.detach(value);
        }
    }
}

impl<M: Theirs> Deref for Object<M> {
    type Target = M::Type;

    fn deref(&self) -> &M::Type {
        match &self.value {
            Some(value) => value,
            None => unreachable!("only empty while it is being dropped"),
        }
    }
}

impl<M: Theirs> DerefMut for Object<M> {
    fn deref_mut(&mut self) -> &mut M::Type {
        match &mut self.value {
            Some(value) => value,
            None => unreachable!("only empty while it is being dropped"),
        }
    }
}

impl<M: Theirs> fmt::Debug for Object<M>
where
    M::Type: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("value", &self.value).field("metrics", &self.metrics).finish_non_exhaustive()
    }
}

/// Why a deadpool manager could not make or recycle an object.
#[derive(Debug)]
#[non_exhaustive]
pub enum CompatError<E> {
    /// The backend's error.
    Backend(E),
    /// Recycling failed for another reason.
    Message(Cow<'static, str>),
}

impl<E: fmt::Display> fmt::Display for CompatError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend(error) => error.fmt(f),
            Self::Message(message) => f.write_str(message),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CompatError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Backend(error) => Some(error),
            Self::Message(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pool;
    use deadpool::managed::RecycleResult;
    use std::sync::Mutex;

    /// Writes down what it is asked.
    #[derive(Default, Clone)]
    struct Diary(Arc<Mutex<Vec<String>>>);

    impl Diary {
        fn note(&self, line: String) {
            self.0.lock().unwrap().push(line);
        }
    }

    impl Theirs for Diary {
        type Type = u32;
        type Error = std::io::Error;

        async fn create(&self) -> Result<u32, std::io::Error> {
            self.note("create".into());
            Ok(1)
        }

        async fn recycle(&self, value: &mut u32, metrics: &Metrics) -> RecycleResult<std::io::Error> {
            self.note(format!("recycle {value} after {}", metrics.recycle_count));
            if *value == 3 { Err(RecycleError::message("three")) } else { Ok(()) }
        }

        fn detach(&self, value: &mut u32) {
            self.note(format!("detach {value}"));
        }
    }

    #[test]
    fn their_manager_sees_what_it_sees_there() {
        let diary = Diary::default();
        let pool = Pool::builder(Compat::new(diary.clone())).max_size(1).build().unwrap();
        for _ in 0..3 {
            **pool.get_blocking().unwrap() += 1;
        }
        assert_eq!(pool.get_blocking().unwrap().detach().into_inner(), 2);
        let expected =
            ["create", "recycle 2 after 0", "recycle 3 after 1", "detach 3", "create", "recycle 2 after 0", "detach 2"];
        assert_eq!(*diary.0.lock().unwrap(), expected);
    }
}
