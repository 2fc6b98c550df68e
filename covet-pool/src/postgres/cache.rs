//! A connection's prepared statements.
//!
//! Keys are the whole text and the parameter types that were asked for. A statement is closed on the server when nobody refers
//! to it any more: not the cache, not a query that runs, not a row that came from it. So making room never closes a
//! statement in use.

use super::error::{Error, Result};
use crate::statements::{LruCache, StatementCounters};
use parking_lot::Mutex;
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

/// A place in the cache: filled by the first who asks, awaited by those who ask meanwhile.
#[derive(Debug, Default)]
pub(super) struct Entry {
    cell: OnceCell<Statement>,
}

#[derive(Debug, Clone)]
struct Key(Arc<(Box<str>, Box<[Type]>)>);

/// What a look-up has in its hands: a key that owns nothing.
trait Asked {
    fn text(&self) -> &str;
    fn types(&self) -> &[Type];
}

impl Asked for Key {
    fn text(&self) -> &str {
        &self.0.0
    }
    fn types(&self) -> &[Type] {
        &self.0.1
    }
}

impl Asked for (&str, &[Type]) {
    fn text(&self) -> &str {
        self.0
    }
    fn types(&self) -> &[Type] {
        self.1
    }
}

impl Hash for dyn Asked + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
        // Types with different numbers differ, and the number is less to hash. There is rarely any.
        self.types().iter().for_each(|kind| kind.oid().hash(state));
    }
}

impl PartialEq for dyn Asked + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text() && self.types() == other.types()
    }
}

impl Eq for dyn Asked + '_ {}

impl<'q> Borrow<dyn Asked + 'q> for Key {
    fn borrow(&self) -> &(dyn Asked + 'q) {
        self
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self as &dyn Asked).hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self as &dyn Asked == other as &dyn Asked
    }
}

impl Eq for Key {}

/// The statements of one connection.
#[derive(Debug)]
pub(super) struct Cache {
    /// None: nothing is kept.
    map: Option<Mutex<LruCache<Key, Arc<Entry>>>>,
    counters: StatementCounters,
    /// Up to which `DISCARD ALL` of the session the map is valid.
    valid: AtomicU32,
}

/// A statement that can be run, and where it is kept.
pub(super) struct Found {
    pub(super) statement: Statement,
    /// It was prepared before this call.
    pub(super) old: bool,
    entry: Option<Arc<Entry>>,
}

impl Cache {
    pub(super) fn new(capacity: usize, counters: StatementCounters) -> Self {
        let map = NonZeroUsize::new(capacity).map(|capacity| Mutex::new(LruCache::new(capacity, counters.clone())));
        Self { map, counters, valid: AtomicU32::new(0) }
    }

    pub(super) fn len(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.lock().len())
    }

    /// The session has thrown its statements away so often: if that is news, ours are worthless.
    pub(super) fn forgotten(&self, times: u32) {
        if self.valid.load(Ordering::Relaxed) != times {
            self.valid.store(times, Ordering::Relaxed);
            self.clear();
        }
    }

    /// Forgets everything. The server is told to close what it may still have.
    pub(super) fn clear(&self) {
        let Some(map) = &self.map else { return };
        // Closing sends a message: not under the lock.
        let gone: Vec<_> = {
            let mut map = map.lock();
            std::iter::from_fn(|| map.pop_oldest()).collect()
        };
        drop(gone);
    }

    /// Finds a statement, or prepares it. Those who ask for the same one meanwhile share the result.
    pub(super) async fn get(&self, client: &Arc<Client>, text: &str, types: &[Type]) -> Result<Found> {
        let Some(map) = &self.map else {
            self.counters.miss();
            return Ok(Found { statement: prepare(client, text, types).await?, old: false, entry: None });
        };
        let (entry, evicted) = {
            let mut map = map.lock();
            match map.touch(&(text, types) as &dyn Asked) {
                Some(entry) => (Arc::clone(entry), None),
                None => {
                    let entry = Arc::<Entry>::default();
                    let key = Key(Arc::new((text.into(), types.into())));
                    let evicted = map.insert(key, Arc::clone(&entry));
                    (entry, evicted)
                }
            }
        };
        // Closes a statement, unless somebody runs it.
        drop(evicted);
        if let Some(statement) = entry.cell.get() {
            self.counters.hit();
            return Ok(Found { statement: statement.clone(), old: true, entry: Some(entry) });
        }
        let mut first = false;
        let prepared = entry.cell.get_or_try_init(|| {
            first = true;
            self.counters.miss();
            prepare(client, text, types)
        });
        match prepared.await.cloned() {
            Ok(statement) => {
                if !first {
                    self.counters.hit();
                }
                Ok(Found { statement, old: !first, entry: Some(entry) })
            }
            Err(error) => {
                self.remove(text, types, &entry);
                Err(error)
            }
        }
    }

    /// The server no longer accepts this one.
    pub(super) fn reject(&self, found: Found, text: &str, types: &[Type]) {
        if let Some(entry) = found.entry {
            self.remove(text, types, &entry);
        }
    }

    pub(super) fn count_miss(&self) {
        self.counters.miss();
    }

    pub(super) fn count_reprepare(&self) {
        self.counters.reprepared();
    }

    /// Removes this very entry: another may have taken its place.
    fn remove(&self, text: &str, types: &[Type], entry: &Arc<Entry>) {
        let Some(map) = &self.map else { return };
        let key = &(text, types) as &dyn Asked;
        let gone = {
            let mut map = map.lock();
            if map.peek(key).is_some_and(|kept| Arc::ptr_eq(kept, entry)) { map.remove(key) } else { None }
        };
        drop(gone);
    }
}

/// Prepares a statement on a task of its own. The driver knows a statement only once the server has described it: a
/// caller who goes away before that would leave it on the server, unclosed and unknown.
async fn prepare(client: &Arc<Client>, text: &str, types: &[Type]) -> Result<Statement> {
    let (client, text, types) = (Arc::clone(client), Box::<str>::from(text), Box::<[Type]>::from(types));
    let task = tokio::spawn(async move { client.prepare_typed(&text, &types).await });
    match task.await {
        Ok(prepared) => Ok(prepared?),
        Err(_) => Err(Error::Unclean("the runtime was shut down while a statement was prepared")),
    }
}
