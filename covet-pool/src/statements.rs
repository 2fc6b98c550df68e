//! Prepared statements kept per connection: a bounded map that forgets what was used least recently, and the counters
//! that a pool sums up.

use crate::sync::stat::{AtomicU64, Ordering};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// What the statement caches of a pool have counted since it was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatementStats {
    /// Statements found prepared.
    pub hits: u64,
    /// Statements that had to be prepared.
    pub misses: u64,
    /// Statements dropped to make room.
    pub evictions: u64,
    /// Statements prepared again because the server no longer accepted them.
    pub reprepares: u64,
}

impl StatementStats {
    /// The part of look-ups that were hits, 0 to 1; `None` before the first.
    pub fn hit_ratio(&self) -> Option<f64> {
        let total = self.hits + self.misses;
        (total > 0).then(|| self.hits as f64 / total as f64)
    }
}

/// Counters that all caches of one pool share. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct StatementCounters(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
    reprepares: AtomicU64,
}

impl StatementCounters {
    /// New counters, all zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// What they have counted so far.
    pub fn snapshot(&self) -> StatementStats {
        StatementStats {
            hits: self.0.hits.load(Ordering::Relaxed),
            misses: self.0.misses.load(Ordering::Relaxed),
            evictions: self.0.evictions.load(Ordering::Relaxed),
            reprepares: self.0.reprepares.load(Ordering::Relaxed),
        }
    }

    /// Counts a statement found prepared.
    pub fn hit(&self) {
        self.0.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a statement that has to be prepared.
    pub fn miss(&self) {
        self.0.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts statements dropped to make room.
    pub fn evicted(&self, how_many: u64) {
        self.0.evictions.fetch_add(how_many, Ordering::Relaxed);
    }

    /// Counts a statement prepared again because the server no longer accepted it.
    pub fn reprepared(&self) {
        self.0.reprepares.fetch_add(1, Ordering::Relaxed);
    }
}

const NONE: u32 = u32::MAX;

struct Node<K, V> {
    key: K,
    value: V,
    newer: u32,
    older: u32,
}

/// A map of at most `capacity` entries that drops the one used least recently. Look-ups compare whole keys, so two texts
/// with one hash never share a statement.
///
/// Each operation is one hash and a constant number of links. Values come out of `insert` and `remove` rather than being
/// dropped inside, so the caller decides when a statement is closed.
///
/// ```
/// use covet_pool::{LruCache, StatementCounters};
/// use std::num::NonZeroUsize;
///
/// let counters = StatementCounters::new();
/// let mut cache = LruCache::new(NonZeroUsize::MIN, counters.clone());
/// assert_eq!(cache.get("select 1"), None);
/// cache.insert("select 1".to_owned(), 1);
/// assert_eq!(cache.get("select 1"), Some(&mut 1));
/// assert_eq!(cache.insert("select 2".to_owned(), 2), Some(("select 1".to_owned(), 1)));
/// assert_eq!(counters.snapshot().evictions, 1);
/// ```
pub struct LruCache<K, V> {
    index: HashMap<K, u32>,
    nodes: Vec<Option<Node<K, V>>>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
    capacity: NonZeroUsize,
    counters: StatementCounters,
}

impl<K, V> fmt::Debug for LruCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LruCache")
            .field("len", &self.index.len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Clone, V> LruCache<K, V> {
    /// An empty cache that counts into `counters`. Keys are stored twice: make them cheap to clone (`Arc<str>`).
    pub fn new(capacity: NonZeroUsize, counters: StatementCounters) -> Self {
        Self {
            index: HashMap::new(),
            nodes: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
            capacity,
            counters,
        }
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The most entries it will hold.
    pub fn capacity(&self) -> NonZeroUsize {
        self.capacity
    }

    /// The counters it counts into.
    pub fn counters(&self) -> &StatementCounters {
        &self.counters
    }

    /// Finds an entry, makes it the most recently used one, and counts a hit or a miss.
    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let Some(&at) = self.index.get(key) else {
            self.counters.miss();
            return None;
        };
        self.counters.hit();
        self.refresh(at)
    }

    /// Finds an entry and makes it the most recently used one. Counts nothing.
    pub fn touch<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let at = *self.index.get(key)?;
        self.refresh(at)
    }

    /// Finds an entry without touching its age or the counters.
    pub fn peek<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let at = *self.index.get(key)?;
        self.nodes.get(at as usize)?.as_ref().map(|node| &node.value)
    }

    /// Adds an entry as the most recently used one. Returns what had to go: the entry that had the same key (not counted),
    /// or the least recently used one (counted as an eviction).
    pub fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        let replaced = self.remove(&key);
        let evicted = if self.index.len() >= self.capacity.get() { self.pop_oldest() } else { None };
        if evicted.is_some() {
            self.counters.evicted(1);
        }
        let node = Node { key: key.clone(), value, newer: NONE, older: NONE };
        let at = match self.free.pop() {
            Some(at) => {
                self.nodes[at as usize] = Some(node);
                at
            }
            None => {
                self.nodes.push(Some(node));
                (self.nodes.len() - 1) as u32
            }
        };
        self.index.insert(key, at);
        self.link_newest(at);
        replaced.or(evicted)
    }

    /// Takes an entry out. Counts nothing.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let at = self.index.remove(key)?;
        self.unlink(at);
        self.free.push(at);
        self.nodes.get_mut(at as usize)?.take().map(|node| (node.key, node.value))
    }

    /// Takes the least recently used entry out. Counts nothing.
    pub fn pop_oldest(&mut self) -> Option<(K, V)> {
        let key = self.nodes.get(self.oldest as usize)?.as_ref()?.key.clone();
        self.remove(&key)
    }

    /// Forgets everything, for instance after `DISCARD ALL`. Counts nothing.
    pub fn clear(&mut self) {
        self.index.clear();
        self.nodes.clear();
        self.free.clear();
        (self.newest, self.oldest) = (NONE, NONE);
    }

    /// The entries, most recently used first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let first = self.nodes.get(self.newest as usize).and_then(Option::as_ref);
        std::iter::successors(first, |node| self.nodes.get(node.older as usize).and_then(Option::as_ref))
            .map(|node| (&node.key, &node.value))
    }

    fn refresh(&mut self, at: u32) -> Option<&mut V> {
        if at != self.newest {
            self.unlink(at);
            self.link_newest(at);
        }
        self.nodes.get_mut(at as usize)?.as_mut().map(|node| &mut node.value)
    }

    fn node(&mut self, at: u32) -> Option<&mut Node<K, V>> {
        self.nodes.get_mut(at as usize).and_then(Option::as_mut)
    }

    fn unlink(&mut self, at: u32) {
        let Some(node) = self.node(at) else { return };
        let (newer, older) = (node.newer, node.older);
        match self.node(newer) {
            Some(node) => node.older = older,
            None => self.newest = older,
        }
        match self.node(older) {
            Some(node) => node.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn link_newest(&mut self, at: u32) {
        let older = self.newest;
        if let Some(node) = self.node(at) {
            (node.newer, node.older) = (NONE, older);
        }
        match self.node(older) {
            Some(node) => node.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        Get(u8),
        Insert(u8, u32),
        Remove(u8),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0..12u8).prop_map(Step::Get),
            8 => (0..12u8, any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
            2 => (0..12u8).prop_map(Step::Remove),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_list_in_order_of_use(capacity in 1..6usize, steps in prop::collection::vec(step(), 0..200)) {
            let counters = StatementCounters::new();
            let mut cache = LruCache::new(NonZeroUsize::new(capacity).unwrap(), counters.clone());
            let mut model: Vec<(u8, u32)> = Vec::new();
            let mut expected = StatementStats::default();
            for step in steps {
                match step {
                    Step::Get(key) => {
                        let found = model.iter().position(|entry| entry.0 == key).map(|at| model.remove(at));
                        if let Some(entry) = found {
                            model.insert(0, entry);
                            expected.hits += 1;
                        } else {
                            expected.misses += 1;
                        }
                        prop_assert_eq!(cache.get(&key).copied(), found.map(|entry| entry.1));
                    }
                    Step::Insert(key, value) => {
                        let gone = match model.iter().position(|entry| entry.0 == key) {
                            Some(at) => Some(model.remove(at)),
                            None if model.len() == capacity => {
                                expected.evictions += 1;
                                model.pop()
                            }
                            None => None,
                        };
                        model.insert(0, (key, value));
                        prop_assert_eq!(cache.insert(key, value), gone);
                    }
                    Step::Remove(key) => {
                        let gone = model.iter().position(|entry| entry.0 == key).map(|at| model.remove(at));
                        prop_assert_eq!(cache.remove(&key), gone);
                    }
                    Step::Clear => {
                        model.clear();
                        cache.clear();
                    }
                }
                prop_assert_eq!(cache.len(), model.len());
                prop_assert_eq!(cache.iter().map(|(&key, &value)| (key, value)).collect::<Vec<_>>(), model.clone());
            }
            prop_assert_eq!(counters.snapshot(), expected);
        }
    }
}
