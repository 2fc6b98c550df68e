//! What a check looks at: an immutable picture of which buckets there are.
//!
//! Buckets lie on four levels of width. The level is chosen when a token is revoked, by the time it has left to
//! live; its `exp` alone names the bucket on that level. So a bucket is at most a 512th of its level's span wide,
//! tokens with a month to live share buckets of hours while those of minutes do not wait for them, and a check
//! looks up its `exp` on the levels that hold anything: mostly one.

use std::sync::Arc;

use super::bucket::{Directory, segment_of};
use super::fingerprint::{Fingerprint, Fingerprinter};
use super::segment::{self, Entry};

/// The widths of the levels' buckets, in bits of seconds: 8 s, 4 min, 2.3 h, 3 days.
pub(crate) const LEVELS: [u32; 4] = [3, 8, 13, 18];

/// A level takes what expires within so many of its buckets.
const SPAN: u64 = 512;

/// The level for a token that expires in so many seconds.
pub(crate) fn level_for(seconds_left: u64) -> usize {
    LEVELS.iter().position(|&bits| seconds_left >> bits < SPAN).unwrap_or(LEVELS.len() - 1)
}

/// The buckets of one level by number, in sixteen parts: a changed bucket costs a copy of its part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    parts: [Arc<Part>; 16],
    len: usize,
}

/// Open addressing, half empty at least.
#[derive(Clone, Debug, Default)]
struct Part {
    places: Box<[Option<(u64, Directory)>]>,
    len: usize,
}

impl Level {
    #[inline]
    pub(crate) fn get(&self, number: u64) -> Option<&Directory> {
        if self.len == 0 {
            return None;
        }
        let hash = spread(number);
        self.parts[hash % 16].get(number, hash / 16)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&self) -> usize {
        self.parts.iter().map(|part| size_of_val(&*part.places) + size_of::<Part>() + 24).sum()
    }

    /// This level with the given buckets in place of, or beside, its own.
    pub(crate) fn with(&self, changed: impl IntoIterator<Item = (u64, Directory)>) -> Self {
        let mut next = self.clone();
        for (number, directory) in changed {
            let hash = spread(number);
            Arc::make_mut(&mut next.parts[hash % 16]).set(number, directory);
        }
        next.count()
    }

    /// This level without the buckets whose numbers are below `number`.
    pub(crate) fn from(&self, number: u64) -> Self {
        Self { parts: self.parts.each_ref().map(|part| Arc::new(part.rebuilt(number))), len: 0 }.count()
    }

    fn count(mut self) -> Self {
        self.len = self.parts.iter().map(|part| part.len).sum();
        self
    }
}

impl Part {
    #[inline]
    fn get(&self, number: u64, hash: usize) -> Option<&Directory> {
        if self.len == 0 {
            return None;
        }
        let mask = self.places.len() - 1;
        let mut at = hash & mask;
        while let Some((found, directory)) = &self.places[at] {
            if *found == number {
                return Some(directory);
            }
            at = (at + 1) & mask;
        }
        None
    }

    fn set(&mut self, number: u64, directory: Directory) {
        if (self.len + 1) * 2 > self.places.len() {
            *self = self.rebuilt(0);
        }
        let mask = self.places.len() - 1;
        let mut at = (spread(number) / 16) & mask;
        loop {
            match &mut self.places[at] {
                Some((found, old)) if *found == number => {
                    *old = directory;
                    return;
                }
                Some(_) => at = (at + 1) & mask,
                empty => {
                    *empty = Some((number, directory));
                    self.len += 1;
                    return;
                }
            }
        }
    }

    fn rebuilt(&self, from: u64) -> Self {
        let kept = || self.places.iter().flatten().filter(|(number, _)| *number >= from);
        let count = kept().count();
        if count == 0 && from > 0 {
            return Self::default();
        }
        let mut next = Self { places: vec![None; ((count + 1) * 2).next_power_of_two()].into(), len: 0 };
        for (number, directory) in kept() {
            next.set(*number, directory.clone());
        }
        next
    }
}

#[inline]
fn spread(number: u64) -> usize {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 36) as usize
}

/// Everything a check needs, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot<const W: usize> {
    /// Every `exp` below is refused: entries may have been freed.
    pub(crate) horizon: u64,
    pub(crate) levels: [Arc<Level>; LEVELS.len()],
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
        self.ids.is_empty() && self.levels.iter().all(|level| level.len() == 0)
    }

    /// Whether this fingerprint is revoked for tokens with this expiry.
    #[inline]
    pub(crate) fn holds(&self, entry: Entry<W>, exp: Option<u64>) -> bool {
        let within = |directory: &Directory| segment::contains(segment_of(directory, entry[0]), entry);
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
        cutoffs.filter_map(|directory| segment::value(segment_of(directory, first), first, tag, CUTOFF_MASK)).max()
    }

    pub(crate) fn has_key(&self, fingerprint: Fingerprint) -> bool {
        self.keys.binary_search(&fingerprint).is_ok()
    }
}

/// The bits of a cut-off's second word that hold its time in seconds; the rest are 24 more bits of fingerprint.
pub(crate) const CUTOFF_MASK: u64 = (1 << 40) - 1;
