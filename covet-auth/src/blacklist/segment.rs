//! A fixed run of slots: ordered linear probing that one writer fills while any number of readers look.
//!
//! Entries ascend by their first word, each at or after its home, so a search ends at the first greater entry
//! or empty slot whether it finds anything or not. An insertion moves the entries behind it up by one, from the
//! back, so that each is written to its new slot before its old slot is overwritten. Two facts follow, and the
//! readers rest on them:
//!
//! 1. Once a slot is filled, its first word never rises: what arrives there is smaller than what leaves.
//! 2. An entry only ever moves towards higher slots, and is whole in at least one slot at all times.
//!
//! A reader that walks upwards from the home can therefore neither overtake an entry (to leave its slot it must
//! have read the slot after the entry was copied on, and the copy was stored first) nor stop short of it (the
//! slots before it never hold anything greater). Stores release and loads acquire; nobody waits and nobody
//! retries. Entries of two words match only when both words do, so a slot that is seen half overwritten is no
//! match, and by then the entry stands in the next one. `tests::loom` tries every interleaving.

use std::sync::Arc;

use super::atomics::{AtomicU64, Ordering};

/// The slots, `W` words each. All zero is empty; the first word of an entry is never zero.
pub(crate) type Slots = Arc<[AtomicU64]>;

/// An entry of `W` words.
pub(crate) type Entry<const W: usize> = [u64; W];

/// What became of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insert {
    /// The entry is new.
    New,
    /// The entry was there.
    Present,
    /// The entries ran into the end: a larger segment is needed.
    Full,
}

/// The number of slots that entries call home. The rest at the end takes what is pushed beyond.
#[inline]
fn homes(capacity: usize) -> usize {
    if capacity <= 16 { 1 } else { capacity - (capacity >> 3).min(32) }
}

/// The home of a first word: its place, were the entries spread evenly. Ascends with the word.
#[inline]
fn home(word: u64, capacity: usize) -> usize {
    // A product shifted right by 64 bits is below `homes`, which is a `usize`.
    ((u128::from(word) * homes(capacity) as u128) >> 64) as usize
}

/// An empty segment.
pub(crate) fn empty<const W: usize>(capacity: usize) -> Slots {
    (0..capacity * W).map(|_| AtomicU64::new(0)).collect()
}

/// A segment of `capacity` filled with entries that ascend, or `None` if they run into its end.
pub(crate) fn build<const W: usize>(capacity: usize, entries: &[Entry<W>]) -> Option<Slots> {
    let slots = empty::<W>(capacity);
    let mut next = 0;
    for entry in entries {
        let at = home(entry[0], capacity).max(next);
        if at >= capacity {
            return None;
        }
        write(&slots, at, *entry);
        next = at + 1;
    }
    Some(slots)
}

/// The entries, ascending.
pub(crate) fn entries<const W: usize>(slots: &[AtomicU64]) -> impl Iterator<Item = Entry<W>> + '_ {
    (0..slots.len() / W).map(move |at| read(slots, at)).filter(|entry| entry[0] != 0)
}

/// The number of slots.
pub(crate) fn capacity<const W: usize>(slots: &[AtomicU64]) -> usize {
    slots.len() / W
}

/// Slots that are compared without a branch between them. An entry lies further from its home in a tenth of the
/// searches of a segment; a branch on each slot would be mispredicted in nearly all, and each time the
/// processor would wait for memory before it could begin the next check.
const WINDOW: usize = if cfg!(covet_loom) { 3 } else { 8 }; // small enough for loom to see both parts of a search

/// Whether the entry is there. Any thread, any time.
#[inline]
pub(crate) fn contains<const W: usize>(slots: &[AtomicU64], entry: Entry<W>) -> bool {
    let start = home(entry[0], slots.len() / W) * W;
    let mut rest = slots.get(start..).unwrap_or_default();
    if let Some((window, beyond)) = rest.split_at_checked(WINDOW * W) {
        let (mut found, mut greatest) = (false, 0);
        for slot in window.chunks_exact(W) {
            // In ascending order, and each load acquires: see the module's notes.
            let first = slot[0].load(Ordering::Acquire);
            found |= (first == entry[0]) & matches_rest(slot, entry);
            // Zero, wrapped, is the greatest. A maximum, because a disjunction would be compiled into branches.
            greatest = first.wrapping_sub(1).max(greatest);
        }
        if found | (greatest >= entry[0]) {
            return found;
        }
        rest = beyond;
    }
    for slot in rest.chunks_exact(W) {
        let first = slot[0].load(Ordering::Acquire);
        if first == entry[0] && matches_rest(slot, entry) {
            return true;
        }
        if first > entry[0] || first == 0 {
            return false;
        }
    }
    false
}

/// Whether the words after the first are the entry's.
#[inline]
fn matches_rest<const W: usize>(slot: &[AtomicU64], entry: Entry<W>) -> bool {
    (1..W).fold(true, |all, word| all & (slot[word].load(Ordering::Acquire) == entry[word]))
}

/// The greatest second word, under `mask`, of the entries with this first word whose second word has this tag
/// in the bits outside of `mask`. Any thread, any time.
#[inline]
pub(crate) fn value(slots: &[AtomicU64], first: u64, tag: u64, mask: u64) -> Option<u64> {
    let start = home(first, slots.len() / 2) * 2;
    let mut found = None;
    for slot in slots.get(start..).unwrap_or_default().chunks_exact(2) {
        let word = slot[0].load(Ordering::Acquire);
        if word == first {
            let second = slot[1].load(Ordering::Acquire);
            if second & !mask == tag {
                found = found.max(Some(second & mask));
            }
        } else if word > first || word == 0 {
            break;
        }
    }
    found
}

/// Adds an entry. One writer at a time.
pub(crate) fn insert<const W: usize>(slots: &[AtomicU64], entry: Entry<W>) -> Insert {
    let capacity = slots.len() / W;
    let mut at = home(entry[0], capacity);
    loop {
        if at >= capacity {
            return Insert::Full;
        }
        let there: Entry<W> = read(slots, at);
        if there == entry {
            return Insert::Present;
        }
        if there[0] == 0 {
            write(slots, at, entry);
            return Insert::New;
        }
        if there[0] > entry[0] {
            break;
        }
        at += 1;
    }
    let Some(free) = (at..capacity).find(|&slot| read::<W>(slots, slot)[0] == 0) else { return Insert::Full };
    for slot in (at..free).rev() {
        write::<W>(slots, slot + 1, read(slots, slot));
    }
    write(slots, at, entry);
    Insert::New
}

/// Raises the value of the entry with this first word and tag. False if there is none. One writer at a time.
pub(crate) fn raise(slots: &[AtomicU64], first: u64, tag: u64, mask: u64, value: u64) -> bool {
    for at in home(first, slots.len() / 2)..slots.len() / 2 {
        let [word, second] = read::<2>(slots, at);
        if word == first && second & !mask == tag {
            if second & mask < value {
                slots[at * 2 + 1].store(tag | value, Ordering::Release);
            }
            return true;
        }
        if word > first || word == 0 {
            break;
        }
    }
    false
}

fn read<const W: usize>(slots: &[AtomicU64], at: usize) -> Entry<W> {
    std::array::from_fn(|word| slots[at * W + word].load(Ordering::Relaxed))
}

fn write<const W: usize>(slots: &[AtomicU64], at: usize, entry: Entry<W>) {
    for (word, value) in entry.into_iter().enumerate() {
        slots[at * W + word].store(value, Ordering::Release);
    }
}

#[cfg(all(test, not(covet_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn holds_exactly_what_was_inserted(
            capacity in 1usize..80,
            words in prop::collection::vec(prop_oneof![1u64..40, Just(u64::MAX), any::<u64>().prop_map(|w| w.max(1))], 0..90),
        ) {
            let slots = empty::<1>(capacity);
            let mut model = BTreeSet::new();
            for word in words {
                match insert(&slots, [word]) {
                    Insert::New => prop_assert!(model.insert(word)),
                    Insert::Present => prop_assert!(model.contains(&word)),
                    Insert::Full => prop_assert!(!model.contains(&word)),
                }
                for word in &model {
                    prop_assert!(contains(&slots, [*word]));
                }
            }
            for word in 1..40 {
                prop_assert_eq!(contains(&slots, [word]), model.contains(&word));
            }
            let listed: Vec<u64> = entries::<1>(&slots).map(|[word]| word).collect();
            prop_assert_eq!(listed, model.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn two_words_match_together(pairs in prop::collection::vec((1u64..6, 0u64..4), 0..24)) {
            let slots = empty::<2>(32);
            let model: BTreeSet<_> = pairs.iter().copied().collect();
            for (first, second) in pairs {
                prop_assert_ne!(insert(&slots, [first, second]), Insert::Full);
            }
            for first in 1..6 {
                for second in 0..4 {
                    prop_assert_eq!(contains(&slots, [first, second]), model.contains(&(first, second)));
                }
            }
        }
    }

    #[test]
    fn small_segments_fill_to_the_last_slot() {
        let slots = empty::<1>(16);
        for word in (0..16u64).rev() {
            assert_eq!(insert(&slots, [word << 60 | 1]), Insert::New);
        }
        assert_eq!(entries::<1>(&slots).count(), 16);
        assert_eq!(insert(&slots, [2]), Insert::Full);
    }

    #[test]
    fn values_only_rise_and_tags_are_kept_apart() {
        const MASK: u64 = 0xff;
        let slots = empty::<2>(8);
        assert_eq!(insert(&slots, [7, 0x100 | 5]), Insert::New);
        assert_eq!(insert(&slots, [7, 0x200 | 9]), Insert::New);
        assert_eq!(value(&slots, 7, 0x100, MASK), Some(5));
        assert!(raise(&slots, 7, 0x100, MASK, 8));
        assert!(raise(&slots, 7, 0x100, MASK, 2));
        assert_eq!(value(&slots, 7, 0x100, MASK), Some(8));
        assert_eq!(value(&slots, 7, 0x200, MASK), Some(9));
        assert_eq!(value(&slots, 7, 0x300, MASK), None);
        assert!(!raise(&slots, 8, 0x100, MASK, 2));
    }
}

#[cfg(all(test, covet_loom))]
mod loom {
    use super::*;

    /// Readers look for what was there before the writer began, in every interleaving with insertions that move it.
    fn never_missed<const W: usize>(there: &[Entry<W>], inserted: &[Entry<W>], absent: Entry<W>) {
        let (there, inserted) = (there.to_vec(), inserted.to_vec());
        let mut model = ::loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(move || {
            let slots = empty::<W>(5);
            for entry in &there {
                assert_eq!(insert(&slots, *entry), Insert::New);
            }
            let (shared, wanted) = (Arc::clone(&slots), there.clone());
            let reader = ::loom::thread::spawn(move || {
                for entry in wanted {
                    assert!(contains(&shared, entry), "an entry was overlooked");
                }
                assert!(!contains(&shared, absent));
            });
            for entry in &inserted {
                assert_eq!(insert(&slots, *entry), Insert::New);
                assert!(contains(&slots, *entry));
            }
            reader.join().unwrap();
        });
    }

    #[test]
    fn one_word_entries_are_never_missed_while_they_move() {
        never_missed::<1>(&[[30], [40]], &[[10], [20]], [35]);
    }

    #[test]
    fn two_word_entries_are_never_missed_while_they_move() {
        never_missed::<2>(&[[30, 1], [30, 2]], &[[10, 1]], [30, 3]);
        never_missed::<2>(&[[30, 7]], &[[30, 5], [20, 7]], [20, 5]);
    }

    #[test]
    fn an_acknowledged_insertion_is_seen() {
        ::loom::model(|| {
            let slots = empty::<1>(4);
            assert_eq!(insert(&slots, [9]), Insert::New);
            let told = Arc::new(AtomicU64::new(0));
            let (shared, flag) = (Arc::clone(&slots), Arc::clone(&told));
            let reader = ::loom::thread::spawn(move || {
                if flag.load(Ordering::Acquire) == 1 {
                    assert!(contains(&shared, [5]), "told of a revocation that it cannot see");
                }
            });
            assert_eq!(insert(&slots, [5]), Insert::New);
            told.store(1, Ordering::Release);
            reader.join().unwrap();
        });
    }

    #[test]
    fn a_cut_off_never_reads_lower_than_it_was() {
        ::loom::model(|| {
            const MASK: u64 = 0xff;
            let slots = empty::<2>(4);
            assert_eq!(insert(&slots, [9, 0x100 | 5]), Insert::New);
            let shared = Arc::clone(&slots);
            let reader = ::loom::thread::spawn(move || {
                let seen = value(&shared, 9, 0x100, MASK);
                assert!(seen == Some(5) || seen == Some(6), "{seen:?}");
            });
            assert_eq!(insert(&slots, [3, 0x200 | 1]), Insert::New);
            assert!(raise(&slots, 9, 0x100, MASK, 6));
            reader.join().unwrap();
        });
    }
}
