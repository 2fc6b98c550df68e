//! A fixed set of slots that one writer fills while any number of readers look: a hash table that forgets the bits
//! of an entry which its place tells.
//!
//! Slots lie in groups of fifteen. A group's two words hold a tag of eight bits for each slot, zero where there is
//! none, and one byte more. The tags of a segment lie together, so that a check of a good token reads those two words
//! and, mostly, nothing else: a million tokens have a megabyte of tags, which a core's own cache holds.
//!
//! The first word of an entry tells its home group by its high bits. An entry whose home is full tries up to fifteen
//! groups more, at a distance that depends on its tag, and the byte beside the tags of every group that it passed gets the
//! bit for its kind of tag. A search goes on to the next group only where that bit is set.
//!
//! Of an entry's first word, a slot holds the tag and a remainder. The low bits that all entries of a segment share
//! are not in it, nor, in large segments, what the home group tells of the high bits; there the remainder says how
//! many groups the entry passed. Nothing is lost: [`Segment::entries`] gives back whole words, and two entries are the
//! same only if all their bits are.
//!
//! Remainders lie in pages of few sizes, so that whatever a growing set gives back to the allocator fits what it asks
//! for next.
//!
//! Nothing ever moves and no slot is used twice. The writer stores the bits that lead to a slot, then the remainder,
//! then the tag; each store releases and each load acquires. So a reader that sees a tag sees its remainder, and one
//! that has heard of an insertion sees the tag. Nobody waits and nobody retries. `tests::loom` tries every interleaving.

use std::sync::Arc;

use super::atomics::{AtomicU64, Ordering};

const SLOTS: usize = Segment::SLOTS;

/// An entry of `W` words.
pub(crate) type Entry<const W: usize> = [u64; W];

/// Fifteen tags, then a byte with a bit for each kind of tag of which an entry went on to the next group.
type Group = [AtomicU64; 2];

/// The second words, if entries have any, then the remainders, for some groups.
type Page = Arc<[AtomicU64]>;

/// How many groups an entry may try beyond its home.
const REACH: usize = 15;

/// The bits of a remainder that tell how many.
const REACH_BITS: u32 = 4;

const ONES: u64 = 0x0101_0101_0101_0101;

/// A segment. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    groups: Arc<[Group]>,
    pages: Arc<[Page]>,
    /// The low bits that all first words share.
    suffix: u32,
    /// How many these are.
    shared: u8,
    /// How many bits of the first word are left out in remainders.
    cut: u8,
    /// A page holds two to the power of this many groups; the last may hold fewer.
    page_bits: u8,
}

/// What became of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insert {
    /// The entry is new.
    New,
    /// The entry was there.
    Present,
    /// There is no room near the entry's home: a larger segment is needed.
    Full,
}

/// Where an entry may lie.
#[derive(Clone, Copy)]
struct Place {
    group: usize,
    slot: usize,
}

impl Segment {
    /// Slots in a group.
    pub(crate) const SLOTS: usize = 15;

    /// Segments of about so many groups should have a multiple of this many.
    pub(crate) fn unit(groups: usize) -> usize {
        if groups < 8 { 1 } else { 1 << page_bits(groups) }
    }

    /// An empty segment for entries whose first words end in the `shared` low bits of `suffix`.
    pub(crate) fn new<const W: usize>(groups: usize, suffix: u32, shared: u8) -> Self {
        let groups = groups.max(1);
        let known = u32::from(shared) + groups.ilog2();
        // In steps of two, and for large segments only, so that pages come in few sizes.
        let cut = if known < 8 { 0 } else { (known & !1).min(24) as u8 };
        let page_bits = page_bits(groups);
        let per_page = 1 << page_bits;
        let mut segment = Self {
            groups: (0..groups).map(|_| [AtomicU64::new(0), AtomicU64::new(0)]).collect(),
            pages: Arc::from([]),
            suffix,
            shared,
            cut,
            page_bits,
        };
        let sizes = (0..groups).step_by(per_page).map(|first| (groups - first).min(per_page) * SLOTS);
        let words = |slots: usize| (slots * segment.width() as usize).div_ceil(64) + slots * (W - 1);
        segment.pages = sizes.map(|slots| (0..words(slots)).map(|_| AtomicU64::new(0)).collect()).collect();
        segment
    }

    /// A segment that holds the entries, or `None` if they do not fit.
    pub(crate) fn build<const W: usize>(groups: usize, suffix: u32, shared: u8, entries: &[Entry<W>]) -> Option<Self> {
        let segment = Self::new::<W>(groups, suffix, shared);
        entries.iter().all(|entry| segment.place(*entry) == Insert::New).then_some(segment)
    }

    pub(crate) fn slots(&self) -> usize {
        self.groups.len() * SLOTS
    }

    pub(crate) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The low bits that all first words share.
    pub(crate) fn suffix(&self) -> u32 {
        self.suffix
    }

    /// How many low bits of the first word all entries share.
    pub(crate) fn shared(&self) -> u8 {
        self.shared
    }

    /// How many allocations it consists of.
    pub(crate) fn parts(&self) -> usize {
        2 + self.pages.len()
    }

    /// The bytes of its allocations, the allocator's own included.
    pub(crate) fn bytes(&self) -> usize {
        let pages: usize = self.pages.iter().map(|page| allocated(size_of_val(&**page))).sum();
        pages + allocated(size_of_val(&*self.pages)) + allocated(size_of_val(&*self.groups))
    }

    /// Whether nobody else shares it.
    pub(crate) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.groups) == 1
    }

    /// Whether the entry is there. Any thread, any time.
    #[inline]
    pub(crate) fn contains<const W: usize>(&self, entry: Entry<W>) -> bool {
        let (tag, home) = (self.tag(entry[0]), self.home(entry[0]));
        let Some(group) = self.groups.get(home) else { return false };
        let (low, high, onward) = look(group, tag);
        // One branch, which a good token almost never takes.
        if low | high | onward == 0 {
            return false;
        }
        self.search(entry[0], |place| W == 1 || self.second(place).load(Ordering::Acquire) == entry[W - 1]).is_some()
    }

    /// The greatest second word, under `mask`, of the entries with this first word whose second word has this tag in
    /// the bits outside of `mask`. Any thread, any time.
    pub(crate) fn value(&self, first: u64, tag: u64, mask: u64) -> Option<u64> {
        let mut greatest = None;
        self.search(first, |place| {
            let second = self.second(place).load(Ordering::Acquire);
            if second & !mask == tag {
                greatest = greatest.max(Some(second & mask));
            }
            false
        });
        greatest
    }

    /// Adds an entry. One writer at a time.
    pub(crate) fn insert<const W: usize>(&self, entry: Entry<W>) -> Insert {
        if self.contains(entry) { Insert::Present } else { self.place(entry) }
    }

    /// Raises the value of the entry with this first word and tag. False if there is none. One writer at a time.
    pub(crate) fn raise(&self, first: u64, tag: u64, mask: u64, value: u64) -> bool {
        let of_tag = |place| self.second(place).load(Ordering::Relaxed) & !mask == tag;
        let Some(place) = self.search(first, of_tag) else { return false };
        let second = self.second(place);
        if second.load(Ordering::Relaxed) & mask < value {
            second.store(tag | value, Ordering::Release);
        }
        true
    }

    /// The entries, in no order.
    pub(crate) fn entries<const W: usize>(&self) -> impl Iterator<Item = Entry<W>> + '_ {
        let places = (0..self.groups.len()).flat_map(|group| (0..SLOTS).map(move |slot| Place { group, slot }));
        places.filter_map(|place| {
            let first = self.first(place)?;
            let mut entry = [first; W];
            if W > 1 {
                entry[W - 1] = self.second(place).load(Ordering::Acquire);
            }
            Some(entry)
        })
    }

    /// The group where a search for the first word begins. Ascends with the word.
    #[inline]
    fn home(&self, first: u64) -> usize {
        // A product shifted right by 64 bits is below the number of groups.
        ((u128::from(first) * self.groups.len() as u128) >> 64) as usize
    }

    /// The tag of a first word: never zero.
    #[inline]
    fn tag(&self, first: u64) -> u64 {
        let byte = first.rotate_right(u32::from(self.shared)) & 0xff;
        byte | u64::from(byte == 0)
    }

    /// What a slot holds of a first word besides its tag, if it lies so many groups from home.
    fn remainder(&self, first: u64, from_home: usize) -> u64 {
        let rotated = first.rotate_right(u32::from(self.shared)) & low_bits(64 - u32::from(self.cut));
        // One bit tells whether a tag of 1 stands for 0.
        let rest = (rotated >> 8) << 1 | u64::from(rotated & 0xff == 0);
        if self.cut == 0 { rest } else { rest << REACH_BITS | from_home as u64 }
    }

    /// The bits of a remainder.
    fn width(&self) -> u32 {
        57 - u32::from(self.cut) + if self.cut == 0 { 0 } else { REACH_BITS }
    }

    /// The first place that holds this first word and that `accept` accepts.
    fn search(&self, first: u64, mut accept: impl FnMut(Place) -> bool) -> Option<Place> {
        let (tag, mut group) = (self.tag(first), self.home(first));
        for from_home in 0..=REACH.min(self.groups.len() - 1) {
            let (mut low, mut high, onward) = look(&self.groups[group], tag);
            let wanted = self.remainder(first, from_home);
            while low | high != 0 {
                let slot = if low != 0 { low.trailing_zeros() / 8 } else { 8 + high.trailing_zeros() / 8 };
                let place = Place { group, slot: slot as usize };
                if self.read(place) == wanted && accept(place) {
                    return Some(place);
                }
                if low != 0 { low &= low - 1 } else { high &= high - 1 }
            }
            if onward == 0 {
                return None;
            }
            group = self.next(group, tag);
        }
        None
    }

    /// Puts an entry that is not there into the first free slot.
    fn place<const W: usize>(&self, entry: Entry<W>) -> Insert {
        let (tag, home) = (self.tag(entry[0]), self.home(entry[0]));
        let mut group = home;
        for from_home in 0..=REACH.min(self.groups.len() - 1) {
            let (low, high, _) = look(&self.groups[group], 0);
            if low | high == 0 {
                group = self.next(group, tag);
                continue;
            }
            let slot = if low != 0 { low.trailing_zeros() / 8 } else { 8 + high.trailing_zeros() / 8 };
            let place = Place { group, slot: slot as usize };
            let mut passed = home;
            for _ in 0..from_home {
                add(&self.groups[passed][1], kind(tag));
                passed = self.next(passed, tag);
            }
            if W > 1 {
                self.second(place).store(entry[W - 1], Ordering::Release);
            }
            self.write(place, self.remainder(entry[0], from_home));
            add(&self.groups[group][place.slot / 8], tag << (place.slot % 8 * 8));
            return Insert::New;
        }
        Insert::Full
    }

    /// The group to try after this one.
    fn next(&self, group: usize, tag: u64) -> usize {
        let next = group + self.step(tag);
        if next >= self.groups.len() { next - self.groups.len() } else { next }
    }

    /// How far apart the groups are that entries with this tag try: different for different tags, or full groups would
    /// cluster. In a segment of whole pages each of these steps leads to eight groups at least before it comes back.
    fn step(&self, tag: u64) -> usize {
        const STEPS: [usize; 8] = [1, 5, 7, 11, 13, 17, 19, 23];
        if self.groups.len() < 32 { 1 } else { STEPS[(tag >> 5) as usize & 7] }
    }

    /// The whole first word in a slot, or `None` if the slot is empty.
    fn first(&self, Place { group, slot }: Place) -> Option<u64> {
        let tag = self.groups[group][slot / 8].load(Ordering::Acquire) >> (slot % 8 * 8) & 0xff;
        if tag == 0 {
            return None;
        }
        let mut rest = self.read(Place { group, slot });
        let mut home = group;
        if self.cut > 0 {
            let from_home = (rest & low_bits(REACH_BITS)) as usize;
            let back = from_home * self.step(tag) % self.groups.len();
            home = (group + self.groups.len() - back) % self.groups.len();
            rest >>= REACH_BITS;
        }
        let rotated = (rest >> 1) << 8 | if rest & 1 == 1 { 0 } else { tag };
        let (shared, cut) = (u32::from(self.shared), u32::from(self.cut));
        if cut == 0 {
            return Some(rotated.rotate_left(shared));
        }
        let known = (64 + shared - cut).min(64);
        let low = (rotated << shared | u64::from(self.suffix)) & low_bits(known);
        // Words at home here are fewer than there are values of the known bits: one of them fits.
        let least = ((home as u128) << 64).div_ceil(self.groups.len() as u128) as u64;
        Some(least.wrapping_add(low.wrapping_sub(least) & low_bits(known)))
    }

    fn page(&self, place: Place) -> (&[AtomicU64], usize, usize) {
        let page = place.group >> self.page_bits;
        let first = page << self.page_bits;
        let slots = (self.groups.len() - first).min(1 << self.page_bits) * SLOTS;
        (&self.pages[page], (place.group - first) * SLOTS + place.slot, slots)
    }

    fn second(&self, place: Place) -> &AtomicU64 {
        let (page, slot, _) = self.page(place);
        &page[slot]
    }

    /// The two words that hold a slot's remainder, or the one, and where in them it begins.
    fn bits(&self, place: Place) -> (&[AtomicU64], u32) {
        let (page, slot, slots) = self.page(place);
        let remainders = &page[page.len() - (slots * self.width() as usize).div_ceil(64)..];
        let bit = slot * self.width() as usize;
        let words = &remainders[bit / 64..];
        let spans = (bit as u32 % 64 + self.width()).div_ceil(64) as usize;
        (&words[..spans], bit as u32 % 64)
    }

    fn read(&self, place: Place) -> u64 {
        let (words, shift) = self.bits(place);
        let mut remainder = words[0].load(Ordering::Acquire) >> shift;
        if let Some(word) = words.get(1) {
            remainder |= word.load(Ordering::Acquire) << (64 - shift);
        }
        remainder & low_bits(self.width())
    }

    /// Writes the remainder of a slot that was never written.
    fn write(&self, place: Place, remainder: u64) {
        let (words, shift) = self.bits(place);
        add(&words[0], remainder << shift);
        if let Some(word) = words.get(1) {
            add(word, remainder >> (64 - shift));
        }
    }
}

/// The slots of a group with this tag, as the high bits of their bytes, and whether a search must go on.
#[inline]
fn look(group: &Group, tag: u64) -> (u64, u64, u64) {
    let tags = tag * ONES;
    let (low, high) = (group[0].load(Ordering::Acquire), group[1].load(Ordering::Acquire));
    (zero_bytes(low ^ tags), zero_bytes(high ^ tags) & low_bits(56), high & kind(tag))
}

/// The high bit of each byte that is zero, and no other bit.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    const SEVEN: u64 = ONES * 0x7f;
    !(((word & SEVEN) + SEVEN) | word | SEVEN)
}

/// The bit, in a group's second word, for entries with such tags that went on.
#[inline]
fn kind(tag: u64) -> u64 {
    1 << (56 + (tag >> 5))
}

/// That many ones.
#[inline]
fn low_bits(count: u32) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

/// Sets bits. One writer at a time, so this needs no exchange.
fn add(word: &AtomicU64, bits: u64) {
    word.store(word.load(Ordering::Relaxed) | bits, Ordering::Release);
}

/// How many groups share a page: few in small segments, whose last page is partly empty.
fn page_bits(groups: usize) -> u8 {
    match groups {
        0..32 => 2,
        32..128 => 3,
        _ => 4,
    }
}

/// What a shared slice of so many bytes takes from the allocator: two counts before it, a word of the allocator's, and
/// all of it in steps of 16.
pub(crate) fn allocated(bytes: usize) -> usize {
    (bytes + 16 + 8).next_multiple_of(16).max(32)
}

#[cfg(all(test, not(covet_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn spread(n: u64) -> u64 {
        let n = (n ^ (n >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (n ^ (n >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (n >> 31)
    }

    /// Words that differ in few places, at either end, and others.
    fn word() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..40,
            (0u64..64).prop_map(|bit| 1 << bit),
            (0u64..64).prop_map(|bit| u64::MAX << bit),
            (0u64..300).prop_map(spread),
            any::<u64>(),
        ]
    }

    proptest! {
        #[test]
        fn holds_exactly_what_was_inserted(
            groups in prop_oneof![1usize..40, 250usize..300, 1000usize..1100],
            shared in 0u8..20,
            suffix in any::<u32>(),
            words in prop::collection::vec(word(), 0..120),
        ) {
            let suffix = suffix & ((1 << shared) - 1);
            let words: Vec<u64> = words.iter().map(|word| word >> shared << shared | u64::from(suffix)).collect();
            let segment = Segment::new::<1>(groups, suffix, shared);
            let mut model = BTreeSet::new();
            for &word in &words {
                match segment.insert([word]) {
                    Insert::New => prop_assert!(model.insert(word)),
                    Insert::Present => prop_assert!(model.contains(&word)),
                    Insert::Full => prop_assert!(!model.contains(&word)),
                }
                for word in &model {
                    prop_assert!(segment.contains([*word]));
                }
            }
            for bit in shared..64 {
                for word in &words {
                    let near = word ^ 1 << bit;
                    prop_assert_eq!(segment.contains([near]), model.contains(&near));
                }
            }
            let mut listed: Vec<u64> = segment.entries::<1>().map(|[word]| word).collect();
            listed.sort_unstable();
            prop_assert_eq!(listed, model.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn two_words_match_together(
            shared in 0u8..10,
            pairs in prop::collection::vec((0u64..6, any::<bool>(), 0u64..4), 0..24),
        ) {
            let segment = Segment::new::<2>(300, 0, shared);
            let pairs: Vec<_> = pairs.iter().map(|&(n, high, second)| (n << shared << if high { 48 } else { 0 }, second)).collect();
            let model: BTreeSet<_> = pairs.iter().copied().collect();
            for &(first, second) in &pairs {
                prop_assert_ne!(segment.insert([first, second]), Insert::Full);
            }
            for &(first, _) in &pairs {
                for second in 0..4 {
                    prop_assert_eq!(segment.contains([first, second]), model.contains(&(first, second)));
                }
            }
            prop_assert_eq!(segment.entries::<2>().map(|[first, second]| (first, second)).collect::<BTreeSet<_>>(), model);
        }

        #[test]
        fn zero_bytes_are_found_one_by_one(bytes in prop::array::uniform8(prop_oneof![Just(0u8), Just(1), Just(0x80), any::<u8>()])) {
            let expected = bytes.map(|byte| if byte == 0 { 0x80 } else { 0 });
            prop_assert_eq!(zero_bytes(u64::from_le_bytes(bytes)), u64::from_le_bytes(expected));
        }
    }

    #[test]
    fn fills_to_nine_tenths_and_more_at_every_size() {
        for groups in [1, 2, 3, 5, 16, 100, 256, 512, 4096] {
            let segment = Segment::new::<1>(groups, 0, 0);
            let mut held = Vec::new();
            for word in (0..).map(spread) {
                match segment.insert([word]) {
                    Insert::New => held.push(word),
                    Insert::Present => panic!("an entry that was never inserted"),
                    Insert::Full => break,
                }
            }
            let load = held.len() as f64 / segment.slots() as f64;
            assert!(load > 0.85, "{groups} groups are full at {load}");
            assert!(held.iter().all(|word| segment.contains([*word])));
            assert_eq!(segment.entries::<1>().count(), held.len());
        }
    }

    #[test]
    fn large_segments_leave_out_what_the_place_tells() {
        let small = Segment::new::<1>(128, 0, 0);
        assert_eq!((small.cut, small.bytes() / small.slots()), (0, 8));
        let large = Segment::new::<1>(512, 5, 11);
        assert_eq!((large.cut, large.bytes() / large.slots()), (20, 6));
    }

    #[test]
    fn values_only_rise_and_tags_are_kept_apart() {
        const MASK: u64 = 0xff;
        let segment = Segment::new::<2>(1, 0, 0);
        assert_eq!(segment.insert([7, 0x100 | 5]), Insert::New);
        assert_eq!(segment.insert([7, 0x200 | 9]), Insert::New);
        assert_eq!(segment.value(7, 0x100, MASK), Some(5));
        assert!(segment.raise(7, 0x100, MASK, 8));
        assert!(segment.raise(7, 0x100, MASK, 2));
        assert_eq!(segment.value(7, 0x100, MASK), Some(8));
        assert_eq!(segment.value(7, 0x200, MASK), Some(9));
        assert_eq!(segment.value(7, 0x300, MASK), None);
        assert!(!segment.raise(8, 0x100, MASK, 2));
    }
}

#[cfg(all(test, covet_loom))]
mod loom;
