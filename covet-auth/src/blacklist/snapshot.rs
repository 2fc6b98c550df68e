//! What a check looks at: an immutable picture of which buckets there are.
//!
//! Buckets lie on four levels of width. The level is chosen when a token is revoked, by the time it has left to
//! live; its `exp` alone names the bucket on that level. So a bucket is at most a 512th of its level's span wide,
//! tokens with a month to live share buckets of hours while those of minutes do not wait for them, and a check
//! looks up its `exp` on the levels that hold anything: mostly one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bucket::{Directory, segment_of};
use super::fingerprint::{Fingerprint, Fingerprinter};
use super::segment::{Entry, allocated};

/// The widths of the levels' buckets, in bits of seconds: 8 s, 4 min, 2.3 h, 3 days.
pub(crate) const LEVELS: [u32; 4] = [3, 8, 13, 18];

/// A level takes what expires within so many of its buckets.
const SPAN: u64 = 512;

/// The level for a token that expires in so many seconds.
pub(crate) fn level_for(seconds_left: u64) -> usize {
    LEVELS.iter().position(|&bits| seconds_left >> bits < SPAN).unwrap_or(LEVELS.len() - 1)
}

/// The buckets of one level by number, in parts: a changed bucket costs a copy of its part.
#[derive(Clone, Debug)]
pub(crate) enum Level {
    /// The parts from number `first` on. Normal: a level's buckets lie within a few hundred numbers.
    Near { first: u64, parts: Arc<[Option<Arc<Part>>]> },
    /// The parts by number, ascending: after a clock that was years off.
    Far(Arc<[(u64, Arc<Part>)]>),
}

/// Sixteen buckets of neighbouring numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    buckets: [Option<Directory>; 16],
}

/// The most parts that are addressed directly.
const MOST_NEAR: u64 = 4096;

impl Default for Level {
    fn default() -> Self {
        Self::Near { first: 0, parts: Arc::from([]) }
    }
}

impl Level {
    #[inline]
    pub(crate) fn get(&self, number: u64) -> Option<&Directory> {
        let part = match self {
            // Below `first`, the difference wraps to a place beyond all.
            Self::Near { first, parts } => {
                parts.get(usize::try_from((number / 16).wrapping_sub(*first)).ok()?)?.as_deref()?
            }
            Self::Far(parts) => &*parts[parts.binary_search_by_key(&(number / 16), |(part, _)| *part).ok()?].1,
        };
        part.buckets[number as usize % 16].as_ref()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Near { parts, .. } => parts.is_empty(),
            Self::Far(parts) => parts.is_empty(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let part = allocated(size_of::<Part>());
        match self {
            Self::Near { parts, .. } => allocated(size_of_val(&**parts)) + parts.iter().flatten().count() * part,
            Self::Far(parts) => allocated(size_of_val(&**parts)) + parts.len() * part,
        }
    }

    /// This level with the given buckets in place of, or beside, its own.
    pub(crate) fn with(&self, changed: impl IntoIterator<Item = (u64, Directory)>) -> Self {
        let mut parts = self.parts();
        for (number, directory) in changed {
            let part = parts.entry(number / 16).or_default();
            Arc::make_mut(part).buckets[number as usize % 16] = Some(directory);
        }
        Self::of(parts)
    }

    /// This level without the buckets whose numbers are below `number`.
    pub(crate) fn from(&self, number: u64) -> Self {
        let mut parts = self.parts().split_off(&(number / 16));
        if let Some(part) = parts.get_mut(&(number / 16)) {
            let buckets = &mut Arc::make_mut(part).buckets;
            buckets[..number as usize % 16].fill(None);
            if buckets.iter().all(Option::is_none) {
                parts.remove(&(number / 16));
            }
        }
        Self::of(parts)
    }

    fn parts(&self) -> BTreeMap<u64, Arc<Part>> {
        match self {
            Self::Near { first, parts } => (*first..)
                .zip(&**parts)
                .filter_map(|(number, part)| Some((number, Arc::clone(part.as_ref()?))))
                .collect(),
            Self::Far(parts) => parts.iter().cloned().collect(),
        }
    }

    fn of(parts: BTreeMap<u64, Arc<Part>>) -> Self {
        let (Some((&first, _)), Some((&last, _))) = (parts.first_key_value(), parts.last_key_value()) else {
            return Self::default();
        };
        if last - first >= MOST_NEAR {
            return Self::Far(parts.into_iter().collect());
        }
        let mut near = vec![None; (last - first) as usize + 1];
        for (number, part) in parts {
            near[(number - first) as usize] = Some(part);
        }
        Self::Near { first, parts: near.into() }
    }
}

/// Everything a check needs, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot<const W: usize> {
    /// Every `exp` below is refused: entries may have been freed.
    pub(crate) horizon: u64,
    pub(crate) levels: [Level; LEVELS.len()],
    /// Ids of unknown expiry, by the time they lapse.
    pub(crate) ids: Arc<[Directory]>,
    /// Cut-offs by subject and session, by the time they lapse. Entries are of two words whatever `W` is.
    pub(crate) cutoffs: Arc<[Directory]>,
    /// Fingerprints of revoked keys, ascending.
    pub(crate) keys: Arc<[Fingerprint]>,
    pub(crate) printer: Fingerprinter,
    pub(crate) entries: usize,
}

impl<const W: usize> Snapshot<W> {
    pub(crate) fn new(printer: Fingerprinter) -> Self {
        Self {
            horizon: 0,
            levels: Default::default(),
            ids: Arc::from([]),
            cutoffs: Arc::from([]),
            keys: Arc::from([]),
            printer,
            entries: 0,
        }
    }

    /// About how many bytes whoever keeps this snapshot keeps.
    pub(crate) fn bytes(&self) -> usize {
        self.entries * W * 10
    }

    /// Whether no token can be refused by its id.
    #[inline]
    pub(crate) fn names_nothing(&self) -> bool {
        self.ids.is_empty() && self.levels.iter().all(Level::is_empty)
    }

    /// Whether this fingerprint is revoked for tokens with this expiry.
    #[inline]
    pub(crate) fn holds(&self, entry: Entry<W>, exp: Option<u64>) -> bool {
        let within = |directory: &Directory| segment_of(directory, entry[0]).contains(entry);
        if let Some(exp) = exp {
            for (bits, level) in LEVELS.iter().zip(&self.levels) {
                if level.get(exp >> bits).is_some_and(within) {
                    return true;
                }
            }
        }
        self.ids.iter().any(within)
    }

    /// The strictest cut-off of a subject or session.
    pub(crate) fn cutoff(&self, fingerprint: Fingerprint) -> Option<u64> {
        let [first, second] = fingerprint.0;
        let tag = second & !CUTOFF_MASK;
        let cutoffs = self.cutoffs.iter();
        cutoffs.filter_map(|directory| segment_of(directory, first).value(first, tag, CUTOFF_MASK)).max()
    }

    pub(crate) fn has_key(&self, fingerprint: Fingerprint) -> bool {
        self.keys.binary_search(&fingerprint).is_ok()
    }
}

/// The bits of a cut-off's second word that hold its time in seconds; the rest are 24 more bits of fingerprint.
pub(crate) const CUTOFF_MASK: u64 = (1 << 40) - 1;

#[cfg(all(test, not(covet_loom)))]
mod tests {
    use super::super::bucket::Bucket;
    use super::*;
    use proptest::prelude::*;

    fn bucket(number: u64) -> Directory {
        let mut bucket = Bucket::<1>::new();
        bucket.insert([number]);
        bucket.directory()
    }

    proptest! {
        #[test]
        fn a_level_is_a_map(
            sets in prop::collection::vec(
                prop::collection::vec(prop_oneof![3 => 1000u64..1300, 1 => any::<u64>()], 0..20), 1..5),
            cut in prop_oneof![1000u64..1300, any::<u64>()],
        ) {
            let mut level = Level::default();
            let mut model = std::collections::BTreeSet::new();
            for numbers in sets {
                level = level.with(numbers.iter().map(|number| (*number, bucket(*number))));
                model.extend(numbers);
            }
            for level in [level.clone(), level.from(cut)] {
                for number in model.iter().copied().chain(990..1310).chain([0, u64::MAX, cut]) {
                    let found = level.get(number);
                    prop_assert_eq!(found.is_some(), model.contains(&number));
                    prop_assert!(found.is_none_or(|found| segment_of(found, number).contains([number])));
                }
                prop_assert_eq!(level.is_empty(), model.is_empty());
                model = model.split_off(&cut);
            }
        }
    }
}
