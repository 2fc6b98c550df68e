//! One set of entries that grows without a jump: a directory of small segments (extendible hashing).
//!
//! The low bits of an entry choose its segment, all of its bits the place within. A segment that is full is
//! replaced by one an eighth larger, and past [`SPLIT`] slots by two; the rest of the set is not touched. Each
//! segment's sizes are offset by a share of that eighth, so that they do not all grow at the same count. Readers
//! hold a directory of shared segments: whatever is replaced stays whole for them until they let go.

use std::sync::Arc;

use super::segment::{self, Entry, Insert, Slots};

/// A directory as readers see it: as many segments as a power of two, some of them the same.
#[derive(Clone, Debug)]
pub(crate) enum Directory {
    /// Most buckets are one segment, and a check of one should follow one pointer.
    One(Slots),
    /// In chunks, so that a replaced segment costs a copy of its chunk.
    Many(Arc<[Chunk]>),
}

/// [`CHUNK`] segments, or all of them if they are fewer.
pub(crate) type Chunk = Arc<[Slots]>;

/// Segments per chunk: a power of two.
const CHUNK: usize = 64;

/// The number of words (8 bytes) beyond which a segment is split.
const SPLIT_WORDS: usize = 8192;

/// Filled slots per 1024, at most, in segments large enough to be probed.
const FULL: usize = 932;

/// The segment of an entry whose first word is `word`.
#[inline]
pub(crate) fn segment_of(directory: &Directory, word: u64) -> &Slots {
    match directory {
        Directory::One(slots) => slots,
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
    segments: Vec<Slots>,
    shapes: Vec<Shape>,
    /// The chunks last published; those in `stale` have changed since.
    chunks: Vec<Chunk>,
    stale: Vec<usize>,
    len: usize,
}

/// What the writer knows of a segment: how many low bits its entries share, and how many they are. Valid at the
/// lowest directory place of the segment; `bits` at all of them.
#[derive(Clone, Copy, Debug)]
struct Shape {
    bits: u8,
    len: u32,
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
}

impl<const W: usize> Bucket<W> {
    pub(crate) fn new() -> Self {
        Self {
            segments: vec![segment::empty::<W>(5)],
            shapes: vec![Shape { bits: 0, len: 0 }],
            chunks: Vec::new(),
            stale: Vec::new(),
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The directory as it is now, for readers.
    pub(crate) fn directory(&mut self) -> Directory {
        if let [only] = &*self.segments {
            self.stale.clear();
            return Directory::One(Arc::clone(only));
        }
        let chunks = self.segments.len().div_ceil(CHUNK);
        if self.chunks.len() != chunks || self.segments.len() < CHUNK {
            self.chunks = self.segments.chunks(CHUNK).map(Arc::from).collect();
        } else {
            for at in self.stale.drain(..) {
                self.chunks[at] = self.segments[at * CHUNK..(at + 1) * CHUNK].into();
            }
        }
        self.stale.clear();
        Directory::Many(self.chunks.as_slice().into())
    }

    /// The segments, each once.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &Slots> {
        let places = self.segments.iter().zip(&self.shapes).enumerate();
        places.filter(|(place, (_, shape))| place >> shape.bits == 0).map(|(_, (slots, _))| slots)
    }

    /// Gives up the segments, each once.
    pub(crate) fn into_segments(mut self) -> Vec<Slots> {
        let mut place = 0;
        let shapes = std::mem::take(&mut self.shapes);
        self.segments.retain(|_| {
            place += 1;
            (place - 1) >> shapes[place - 1].bits == 0
        });
        self.segments
    }

    /// The bytes of the writer's side and of one directory, without the segments.
    pub(crate) fn overhead(&self) -> usize {
        let slots = size_of::<Slots>();
        let published = if self.segments.len() > 1 { self.segments.len() * slots + self.chunks.len() * 80 } else { 0 };
        self.segments.capacity() * slots + self.shapes.capacity() * size_of::<Shape>() + published
    }

    pub(crate) fn contains(&self, entry: Entry<W>) -> bool {
        segment::contains(&self.segments[self.place(entry[0])], entry)
    }

    pub(crate) fn insert(&mut self, entry: Entry<W>) -> Added {
        let mut grown = false;
        loop {
            let place = self.place(entry[0]);
            let slots = &self.segments[place];
            if self.shapes[place].len as usize >= limit(segment::capacity::<W>(slots)) {
                if segment::contains(slots, entry) {
                    return Added::Present;
                }
                self.grow(place);
                grown = true;
                continue;
            }
            match segment::insert(slots, entry) {
                Insert::Present => return Added::Present,
                Insert::New => {
                    self.shapes[place].len += 1;
                    self.len += 1;
                    return if grown { Added::Grown } else { Added::InPlace };
                }
                Insert::Full => {
                    self.grow(place);
                    grown = true;
                }
            }
        }
    }

    /// The lowest directory place of the segment of `word`.
    fn place(&self, word: u64) -> usize {
        let place = word as usize & (self.segments.len() - 1);
        place & ((1 << self.shapes[place].bits) - 1)
    }

    fn grow(&mut self, place: usize) {
        let entries: Vec<Entry<W>> = segment::entries(&self.segments[place]).collect();
        let capacity = segment::capacity::<W>(&self.segments[place]);
        let bits = self.shapes[place].bits;
        // Where low bits are shared by more than chance, a split would double the directory for nothing.
        let doubles = self.segments.len() == 1 << bits;
        if capacity * W < SPLIT_WORDS || (doubles && self.segments.len() * W * 16 > self.len.max(16)) {
            // Small segments grow by a quarter: what an eighth would save is less than what its publication costs.
            let step = if capacity < 128 { capacity >> 2 } else { capacity >> 3 };
            let slots = fitting(&entries, rounded::<W>(capacity + step.max(2)));
            self.replace(place, bits, &slots, entries.len());
            return;
        }
        if doubles {
            self.segments.extend_from_within(..);
            self.shapes.extend_from_within(..);
        }
        let bit = 1u64 << bits;
        for (place, set) in [(place, 0), (place | 1 << bits, bit)] {
            let half: Vec<Entry<W>> = entries.iter().filter(|entry| entry[0] & bit == set).copied().collect();
            let slots = fitting(&half, staggered::<W>(half.len(), place));
            self.replace(place, bits + 1, &slots, half.len());
        }
    }

    fn replace(&mut self, place: usize, bits: u8, slots: &Slots, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        for at in (place..self.segments.len()).step_by(1 << bits) {
            self.segments[at] = Arc::clone(slots);
            self.shapes[at] = Shape { bits, len };
            if self.stale.last() != Some(&(at / CHUNK)) {
                self.stale.push(at / CHUNK);
            }
        }
    }
}

impl Bucket<2> {
    /// Raises the value of the entry with this first word and tag, or adds it.
    pub(crate) fn raise(&mut self, first: u64, tag: u64, mask: u64, value: u64) -> Added {
        if segment::raise(&self.segments[self.place(first)], first, tag, mask, value) {
            return Added::Present;
        }
        self.insert([first, tag | value])
    }
}

/// How many entries a segment takes before it grows. The smallest are searched from end to end and may be full.
fn limit(capacity: usize) -> usize {
    if capacity <= 16 { capacity } else { capacity * FULL / 1024 }
}

/// A segment of at least `capacity` slots that holds the entries.
fn fitting<const W: usize>(entries: &[Entry<W>], mut capacity: usize) -> Slots {
    loop {
        if let Some(slots) = segment::build(capacity, entries) {
            return slots;
        }
        capacity = rounded::<W>(capacity + (capacity >> 4).max(1));
    }
}

/// A capacity of at least this much that wastes nothing in the allocator: segments are whole pages, headers
/// included, so that the memory of a replaced one fits the next, alone or together with its neighbours.
fn rounded<const W: usize>(capacity: usize) -> usize {
    let words = capacity * W;
    let (unit, header) = if words < 1024 { (8, 3) } else { (512, 3) };
    ((words + header).div_ceil(unit) * unit - header) / W
}

/// The first size of a segment that came of a split: full, plus up to an eighth that depends on its place.
fn staggered<const W: usize>(len: usize, place: usize) -> usize {
    let full = len * 1024 / FULL + 2;
    let share = (place as u32).wrapping_mul(0x9e37_79b9) >> 24;
    rounded::<W>(full + (full * share as usize) / (8 * 256))
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
                let words: usize = bucket.segments().map(|slots| slots.len()).sum();
                let each = (words * 8 + bucket.overhead()) as f64 / bucket.len() as f64;
                assert!(each < 10.6, "{each} bytes per entry at {n}");
            }
        }
        assert_eq!(bucket.len(), 300_000);
        let directory = bucket.directory();
        for n in 0..300_000u64 {
            assert!(segment::contains(segment_of(&directory, mix(n)), [mix(n)]));
        }
        for n in 300_000..400_000u64 {
            assert!(!segment::contains(segment_of(&directory, mix(n)), [mix(n)]));
        }
        let len = bucket.len();
        let segments = bucket.into_segments();
        assert_eq!(segments.iter().map(|slots| segment::entries::<1>(slots).count()).sum::<usize>(), len);
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
        for n in 1..=9000u64 {
            assert_ne!(bucket.insert([n << 33]), Added::Present);
        }
        assert_eq!(bucket.len(), 9000);
        assert!(bucket.contains([9000 << 33]) && !bucket.contains([9001 << 33]));
    }
}
