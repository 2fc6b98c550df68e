//! Invalidation by tag: each tag is a generation number, and an answer remembers the generations that stood when its load began.
//!
//! An answer is valid while none of its tags has moved. Because the numbers are taken before the loader reads anything, an
//! invalidation that races with a load always wins: the answer may still be stored, but it is never valid.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// One tag's generation, shared by the registry and by every answer that carries the tag.
type Generation = Arc<AtomicU64>;

/// The tags in use. A tag that no answer carries any more is forgotten, so that memory follows the cache and not its history.
#[derive(Debug, Default)]
pub(super) struct Tags {
    by_name: Mutex<Registry>,
    /// Moves on [`Tags::bump_all`]; part of every stamp.
    everything: Generation,
}

#[derive(Debug, Default)]
struct Registry {
    generations: HashMap<Box<str>, Generation>,
    /// Sweep when the table grows past this; doubles with what the sweep leaves, which makes sweeping free on average.
    sweep_at: usize,
}

/// What the tags of an answer were when its load began.
#[derive(Debug, Clone)]
pub(super) struct Stamp(Arc<[(Generation, u64)]>);

impl Stamp {
    /// Whether no tag has been invalidated since the stamp was taken. Costs one load per tag.
    pub(super) fn is_valid(&self) -> bool {
        self.0.iter().all(|(generation, seen)| generation.load(Ordering::Acquire) == *seen)
    }
}

impl Tags {
    /// Takes the current generations of `names`.
    pub(super) fn stamp<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Stamp {
        let mut stamp = vec![read(&self.everything)];
        let mut registry = self.by_name.lock();
        for name in names {
            stamp.push(read(&registry.get(name)));
        }
        Stamp(stamp.into())
    }

    /// Makes every answer with this tag invalid, also those still being loaded.
    pub(super) fn bump(&self, name: &str) {
        // A tag that nobody carries has no answer to invalidate.
        if let Some(generation) = self.by_name.lock().generations.get(name) {
            generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Makes every answer invalid.
    pub(super) fn bump_all(&self) {
        self.everything.fetch_add(1, Ordering::AcqRel);
    }
}

fn read(generation: &Generation) -> (Generation, u64) {
    (generation.clone(), generation.load(Ordering::Acquire))
}

impl Registry {
    fn get(&mut self, name: &str) -> Generation {
        if let Some(generation) = self.generations.get(name) {
            return generation.clone();
        }
        if self.generations.len() >= self.sweep_at {
            // Only the registry's own reference is left: no stamp can ever be compared with it again.
            self.generations.retain(|_, generation| Arc::strong_count(generation) > 1);
            self.sweep_at = (self.generations.len() * 2).max(64);
        }
        self.generations.entry(name.into()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Tags;

    #[test]
    fn a_stamp_holds_until_one_of_its_tags_moves() {
        let tags = Tags::default();
        let users = tags.stamp(["users"]);
        let both = tags.stamp(["users", "orders"]);
        tags.bump("orders");
        assert!(users.is_valid());
        assert!(!both.is_valid());
        tags.bump("unheard of");
        assert!(users.is_valid());
        tags.bump_all();
        assert!(!users.is_valid());
        assert!(tags.stamp(["users"]).is_valid());
    }

    #[test]
    fn forgotten_tags_leave_no_memory_and_live_ones_stay() {
        let tags = Tags::default();
        let kept = tags.stamp(["kept"]);
        for i in 0..10_000 {
            drop(tags.stamp([format!("user:{i}").as_str()]));
        }
        assert!(tags.by_name.lock().generations.len() <= 256);
        tags.bump("kept");
        assert!(!kept.is_valid());
    }
}
