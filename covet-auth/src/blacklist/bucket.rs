//! One set of entries that grows without a jump: a directory of segments (extendible hashing).
//!
//! The low bits of an entry choose its segment, all of its bits the place within. A segment that is full is
//! replaced by one an eighth larger, and past [`SPLIT`] groups by two; the rest of the set is not touched. Sizes
//! after a split are offset by a share of that eighth, so that not all segments grow at the same count. Readers
//! hold a directory of shared segments: whatever is replaced stays whole for them until they let go.

use std::sync::Arc;

use super::segment::{Entry, Insert, Segment, allocated};

/// A directory as readers see it: as many segments as a power of two, some of them the same.
#[derive(Clone, Debug)]
pub(crate) enum Directory {
    /// Most buckets are one segment, and a check of one should follow few pointers.
    One(Segment),
    /// In chunks, so that a replaced segment costs a copy of its chunk.
    Many(Arc<[Chunk]>),
}

/// [`CHUNK`] segments, or all of them if they are fewer.
pub(crate) type Chunk = Arc<[Segment]>;

/// Segments per chunk: a power of two.
const CHUNK: usize = 64;

/// The number of groups beyond which a segment is split: some 60 KiB.
const SPLIT: usize = 512;

/// Filled slots per 1024, at most, in segments of more than one group.
const FULL: usize = 922;

/// The segment of an entry whose first word is `word`.
#[inline]
pub(crate) fn segment_of(directory: &Directory, word: u64) -> &Segment {
    match directory {
        Directory::One(segment) => segment,
        Directory::Many(chunks) => {
            // Both lengths are powers of two, at least one; all chunks are full if there are several.
            let word = word as usize;
            let chunk = &chunks[(word / CHUNK) & (chunks.len() - 1)];
            &chunk[word & (chunk.len() - 1)]
        }
    }
}

/// The writer's side of a set.
#[derive(Debug)]
pub(crate) struct Bucket<const W: usize> {
    segments: Segments,
    len: usize,
}

#[derive(Debug)]
enum Segments {
    One(Segment),
    Many(Box<Many>),
}

#[derive(Debug)]
struct Many {
    /// A power of two.
    segments: Vec<Segment>,
    /// The entries of each, valid at the lowest place of a segment.
    lens: Vec<u32>,
    /// The chunks last published; those in `stale` have changed since.
    chunks: Vec<Chunk>,
    stale: Vec<usize>,
}

/// What became of an insertion into a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// The entry is new, in a segment that readers already see.
    InPlace,
    /// The entry is new, in a segment that must be published.
    Grown,
    /// The entry was there.
    Present,
    /// The entry is not in the set: hundreds there are so like it that no larger segment would tell them apart. By
    /// chance that does not happen; a store that someone else writes to may hold such.
    Crowded,
}

impl<const W: usize> Bucket<W> {
    pub(crate) fn new() -> Self {
        Self { segments: Segments::One(Segment::new::<W>(1, 0, 0)), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The directory as it is now, for readers.
    pub(crate) fn directory(&mut self) -> Directory {
        match &mut self.segments {
            Segments::One(segment) => Directory::One(segment.clone()),
            Segments::Many(many) => Directory::Many(many.publish()),
        }
    }

    /// The segments, each once.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &Segment> {
        let (one, many) = match &self.segments {
            Segments::One(segment) => (Some(segment), None),
            Segments::Many(many) => {
                (None, Some(many.segments.iter().enumerate().filter(lowest).map(|(_, segment)| segment)))
            }
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Gives up the segments, each once, in the order of their places.
    pub(crate) fn into_segments(self) -> Vec<Segment> {
        match self.segments {
            Segments::One(segment) => vec![segment],
            Segments::Many(many) => {
                let places = many.segments.into_iter().enumerate();
                places.filter(|(place, segment)| lowest(&(*place, segment))).map(|(_, segment)| segment).collect()
            }
        }
    }

    /// The bytes of the writer's side and of one directory, without the segments.
    pub(crate) fn overhead(&self) -> usize {
        let Segments::Many(many) = &self.segments else { return 0 };
        let segment = size_of::<Segment>();
        let published: usize = many.chunks.iter().map(|chunk| allocated(size_of_val(&**chunk)) + 32).sum();
        many.segments.capacity() * segment + many.lens.capacity() * 4 + published + size_of::<Many>()
    }

    pub(crate) fn contains(&self, entry: Entry<W>) -> bool {
        self.segment(entry[0]).contains(entry)
    }

    pub(crate) fn insert(&mut self, entry: Entry<W>) -> Added {
        let mut grown = false;
        loop {
            let place = self.place(entry[0]);
            let segment = self.segment(entry[0]);
            if self.len_at(place) >= limit(segment) {
                if segment.contains(entry) {
                    return Added::Present;
                }
                if !self.grow(place) {
                    return Added::Crowded;
                }
                grown = true;
                continue;
            }
            match segment.insert(entry) {
                Insert::Present => return Added::Present,
                Insert::New => {
                    if let Segments::Many(many) = &mut self.segments {
                        many.lens[place] += 1;
                    }
                    self.len += 1;
                    return if grown { Added::Grown } else { Added::InPlace };
                }
                Insert::Full if self.len_at(place) * 2 < segment.slots() || !self.grow(place) => return Added::Crowded,
                Insert::Full => grown = true,
            }
        }
    }

    fn segment(&self, word: u64) -> &Segment {
        match &self.segments {
            Segments::One(segment) => segment,
            Segments::Many(many) => &many.segments[word as usize & (many.segments.len() - 1)],
        }
    }

    /// The lowest directory place of the segment of `word`.
    fn place(&self, word: u64) -> usize {
        word as usize & ((1 << self.segment(word).shared()) - 1)
    }

    fn len_at(&self, place: usize) -> usize {
        match &self.segments {
            Segments::One(_) => self.len,
            Segments::Many(many) => many.lens[place] as usize,
        }
    }

    /// False if entries are so alike that it would not help.
    fn grow(&mut self, place: usize) -> bool {
        let old = self.segment(place as u64);
        let entries: Vec<Entry<W>> = old.entries().collect();
        let (groups, shared) = (old.groups(), old.shared());
        let suffix = place as u32;
        let places = match &self.segments {
            Segments::One(_) => 1,
            Segments::Many(many) => many.segments.len(),
        };
        // Where low bits are shared by more than chance, a split would double the directory for nothing.
        let doubles = places == 1 << shared;
        let crowded = doubles && (places > self.len / 256 + 1 || shared >= MOST_SHARED);
        if groups < SPLIT || crowded {
            let Some(segment) = fitting(larger(groups), suffix, shared, &entries) else { return false };
            match &mut self.segments {
                Segments::One(one) => *one = segment,
                Segments::Many(many) => many.replace(&segment, entries.len()),
            }
            return true;
        }
        let bit = 1u64 << shared;
        let mut halves = Vec::with_capacity(2);
        for suffix in [suffix, suffix | 1 << shared] {
            let half = |entry: &&Entry<W>| entry[0] & bit == u64::from(suffix) & bit;
            let half: Vec<Entry<W>> = entries.iter().filter(half).copied().collect();
            match fitting(staggered(half.len(), suffix), suffix, shared + 1, &half) {
                Some(segment) => halves.push((segment, half.len())),
                None => return false,
            }
        }
        if let Segments::One(one) = &self.segments {
            let many = Many { segments: vec![one.clone()], lens: vec![0], chunks: Vec::new(), stale: Vec::new() };
            self.segments = Segments::Many(Box::new(many));
        }
        if let Segments::Many(many) = &mut self.segments {
            if doubles {
                many.segments.extend_from_within(..);
                many.lens.extend_from_within(..);
            }
            for (segment, len) in &halves {
                many.replace(segment, *len);
            }
        }
        true
    }
}

impl Bucket<2> {
    /// Raises the value of the entry with this first word and tag, or adds it.
    pub(crate) fn raise(&mut self, first: u64, tag: u64, mask: u64, value: u64) -> Added {
        if self.segment(first).raise(first, tag, mask, value) {
            return Added::Present;
        }
        self.insert([first, tag | value])
    }
}

impl Many {
    fn publish(&mut self) -> Arc<[Chunk]> {
        let chunks = self.segments.len().div_ceil(CHUNK);
        if self.chunks.len() != chunks || self.segments.len() < CHUNK {
            self.chunks = self.segments.chunks(CHUNK).map(Arc::from).collect();
        } else {
            for at in self.stale.drain(..) {
                self.chunks[at] = self.segments[at * CHUNK..(at + 1) * CHUNK].into();
            }
        }
        self.stale.clear();
        self.chunks.as_slice().into()
    }

    /// Puts a segment at all of its places.
    fn replace(&mut self, segment: &Segment, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        for at in (segment.suffix() as usize..self.segments.len()).step_by(1 << segment.shared()) {
            self.segments[at] = segment.clone();
            self.lens[at] = len;
            if self.stale.last() != Some(&(at / CHUNK)) {
                self.stale.push(at / CHUNK);
            }
        }
    }
}

/// Segments share at most so many low bits.
const MOST_SHARED: u8 = 24;

/// Whether this is the lowest of a segment's places.
fn lowest((place, segment): &(usize, &Segment)) -> bool {
    *place == segment.suffix() as usize
}

/// How many entries a segment takes before it grows. A single group may be full.
fn limit(segment: &Segment) -> usize {
    if segment.groups() == 1 { segment.slots() } else { segment.slots() * FULL / 1024 }
}

/// A segment of at least so many groups that holds the entries; `None` if one several times as large does not.
fn fitting<const W: usize>(groups: usize, suffix: u32, shared: u8, entries: &[Entry<W>]) -> Option<Segment> {
    let sizes = std::iter::successors(Some(groups), |groups| Some(larger(*groups)));
    sizes.take(16).find_map(|groups| Segment::build(groups, suffix, shared, entries))
}

/// The next size: an eighth more, in whole pages.
fn larger(groups: usize) -> usize {
    let unit = Segment::unit(groups);
    groups + (groups / 8 / unit).max(1) * unit
}

/// The first size of a segment that came of a split: full, plus up to an eighth that depends on its place.
fn staggered(len: usize, place: u32) -> usize {
    let slots = len * 1024 / FULL + 1;
    let share = (place.wrapping_mul(0x9e37_79b9) >> 24) as usize;
    let groups = (slots + slots * share / (8 * 256)).div_ceil(Segment::SLOTS).max(1);
    groups.next_multiple_of(Segment::unit(groups))
}

#[cfg(all(test, not(covet_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn mix(n: u64) -> u64 {
        let n = (n ^ (n >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (n >> 31)).max(1)
    }

    #[test]
    fn stays_dense_at_every_count() {
        let mut bucket = Bucket::<1>::new();
        for n in 0..300_000u64 {
            assert_ne!(bucket.insert([mix(n)]), Added::Present);
            if n > 2000 && n % 997 == 0 {
                bucket.directory();
                let bytes: usize = bucket.segments().map(Segment::bytes).sum();
                let each = (bytes + bucket.overhead()) as f64 / bucket.len() as f64;
                assert!(each < if n < 5000 { 11.0 } else { 10.0 }, "{each} bytes per entry at {n}");
            }
        }
        assert_eq!(bucket.len(), 300_000);
        let directory = bucket.directory();
        for n in 0..300_000u64 {
            assert!(segment_of(&directory, mix(n)).contains([mix(n)]));
        }
        for n in 300_000..400_000u64 {
            assert!(!segment_of(&directory, mix(n)).contains([mix(n)]));
        }
        let len = bucket.len();
        let segments = bucket.into_segments();
        assert_eq!(segments.iter().map(|segment| segment.entries::<1>().count()).sum::<usize>(), len);
    }

    proptest! {
        #[test]
        fn equals_a_set(numbers in prop::collection::vec(0u64..3000, 0..6000)) {
            let mut bucket = Bucket::<2>::new();
            let mut model = HashSet::new();
            for n in numbers {
                let added = bucket.insert([mix(n), n]);
                prop_assert_eq!(added != Added::Present, model.insert(n));
            }
            prop_assert_eq!(bucket.len(), model.len());
            for n in 0..3000 {
                prop_assert_eq!(bucket.contains([mix(n), n]), model.contains(&n));
                prop_assert!(!bucket.contains([mix(n), n + 1]));
            }
        }
    }

    #[test]
    fn entries_that_share_their_low_bits_are_still_held() {
        let mut bucket = Bucket::<1>::new();
        for n in 1..=20_000u64 {
            assert_ne!(bucket.insert([mix(n) << 33]), Added::Present);
        }
        assert_eq!(bucket.len(), 20_000);
        assert!((1..=20_000).all(|n| bucket.contains([mix(n) << 33])) && !bucket.contains([mix(20_001) << 33]));
        assert!(bucket.segments().count() < 200);
    }

    #[test]
    fn entries_that_nothing_tells_apart_take_no_memory() {
        let mut bucket = Bucket::<2>::new();
        let held = (0..100_000u64).take_while(|n| bucket.insert([7, *n]) != Added::Crowded).count();
        assert!((100..1000).contains(&held), "{held}");
        assert!((0..held as u64).all(|n| bucket.contains([7, n])) && !bucket.contains([7, held as u64]));
        assert!(bucket.segments().map(Segment::bytes).sum::<usize>() < 64 << 10);
        assert_ne!(bucket.insert([mix(1), 0]), Added::Crowded, "others still fit");
    }
}
