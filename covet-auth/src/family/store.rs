//! Where families are kept: any store that can replace a row only if nobody else has.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use parking_lot::Mutex;

/// The state of one refresh family: the same size after any number of rotations.
#[derive(Clone, PartialEq, Eq)]
pub struct Family {
    /// Whose session it is.
    pub subject: String,
    /// When the session began, in seconds since 1970: what cut-offs are compared with.
    pub started_at: u64,
    /// When it ends, whatever happens. The state must be kept until then, even of a revoked family: its last
    /// token would otherwise look unknown rather than stolen.
    pub expires_at: u64,
    /// When the current token was made.
    pub rotated_at: u64,
    /// Which token is the current one.
    pub counter: u64,
    /// Whether the session was ended.
    pub revoked: bool,
    /// Counts the changes of this state: what compare-and-swap compares.
    pub revision: u64,
}

/// Prints no subject.
impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family")
            .field("started_at", &self.started_at)
            .field("expires_at", &self.expires_at)
            .field("counter", &self.counter)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

/// Keeps refresh families. A call that returns `Ok` must have made its change last: the successor of a refresh
/// token is handed out right after.
pub trait FamilyStore: Send + Sync {
    /// Why the store could not answer.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Keeps a new family under this session id. `false` when the id is taken.
    fn insert(&self, sid: &str, family: &Family) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// The family of this session id.
    fn load(&self, sid: &str) -> impl Future<Output = Result<Option<Family>, Self::Error>> + Send;

    /// Replaces the family if its stored revision is still `expected`, in one step; `false` when it is not.
    fn compare_and_swap(
        &self,
        sid: &str,
        expected: u64,
        family: &Family,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send;

    /// Removes the families that ended before `now`, and says how many. Run it now and then.
    fn remove_expired(&self, now: u64) -> impl Future<Output = Result<u64, Self::Error>> + Send;
}

/// Families in this process's memory: for tests, and for services that may log everybody out by restarting.
#[derive(Default)]
pub struct MemoryFamilies {
    families: Mutex<HashMap<String, Family>>,
}

impl MemoryFamilies {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many families are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.families.lock().len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.families.lock().is_empty()
    }
}

impl fmt::Debug for MemoryFamilies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFamilies").field("len", &self.len()).finish()
    }
}

impl FamilyStore for MemoryFamilies {
    type Error = Infallible;

    async fn insert(&self, sid: &str, family: &Family) -> Result<bool, Infallible> {
        let mut families = self.families.lock();
        if families.contains_key(sid) {
            return Ok(false);
        }
        // Forget what ended before the table grows, so that it holds about twice the living at most.
        if families.len() == families.capacity() {
            families.retain(|_, kept| kept.expires_at >= family.rotated_at);
        }
        families.insert(sid.to_owned(), family.clone());
        Ok(true)
    }

    async fn load(&self, sid: &str) -> Result<Option<Family>, Infallible> {
        Ok(self.families.lock().get(sid).cloned())
    }

    async fn compare_and_swap(&self, sid: &str, expected: u64, family: &Family) -> Result<bool, Infallible> {
        match self.families.lock().get_mut(sid) {
            Some(kept) if kept.revision == expected => {
                kept.clone_from(family);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn remove_expired(&self, now: u64) -> Result<u64, Infallible> {
        let mut families = self.families.lock();
        let before = families.len();
        families.retain(|_, family| family.expires_at >= now);
        Ok((before - families.len()) as u64)
    }
}

impl<T: FamilyStore + ?Sized> FamilyStore for std::sync::Arc<T> {
    type Error = T::Error;

    fn insert(&self, sid: &str, family: &Family) -> impl Future<Output = Result<bool, Self::Error>> + Send {
        (**self).insert(sid, family)
    }

    fn load(&self, sid: &str) -> impl Future<Output = Result<Option<Family>, Self::Error>> + Send {
        (**self).load(sid)
    }

    fn compare_and_swap(
        &self,
        sid: &str,
        expected: u64,
        family: &Family,
    ) -> impl Future<Output = Result<bool, Self::Error>> + Send {
        (**self).compare_and_swap(sid, expected, family)
    }

    fn remove_expired(&self, now: u64) -> impl Future<Output = Result<u64, Self::Error>> + Send {
        (**self).remove_expired(now)
    }
}
