//! Readers beside the writer of a segment, in every interleaving.

use super::*;

fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut model = ::loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(check);
}

/// First words with one tag, of one group: all that tells them apart is the remainder.
fn word(n: u64) -> u64 {
    n << 8 | 7
}

/// Readers look for what was there before the writer began, and for what never is.
fn never_missed<const W: usize>(there: Vec<Entry<W>>, inserted: Vec<Entry<W>>, absent: Entry<W>) {
    model(move || {
        let segment = Segment::build::<W>(2, 0, 0, &there).unwrap();
        let (shared, wanted) = (segment.clone(), there.clone());
        let reader = ::loom::thread::spawn(move || {
            for entry in wanted {
                assert!(shared.contains(entry), "an entry was overlooked");
            }
            assert!(!shared.contains(absent), "an entry was made up");
        });
        for entry in &inserted {
            assert_eq!(segment.insert(*entry), Insert::New);
            assert!(segment.contains(*entry));
        }
        reader.join().unwrap();
    });
}

#[test]
fn one_word_entries_are_never_missed_nor_made_up() {
    never_missed::<1>(vec![[word(1)]], vec![[word(2)], [word(3)]], [word(4)]);
}

#[test]
fn two_word_entries_are_never_missed_nor_made_up() {
    never_missed::<2>(vec![[word(1), 5]], vec![[word(1), 6], [word(2), 7]], [word(2), 6]);
}

/// Whoever has heard of an insertion sees it, in its home or beyond.
fn seen_once_told(before: u64) {
    model(move || {
        let entries: Vec<[u64; 1]> = (0..before).map(|n| [word(n)]).collect();
        let segment = Segment::build::<1>(2, 0, 0, &entries).unwrap();
        let told = Arc::new(AtomicU64::new(0));
        let (shared, flag) = (segment.clone(), Arc::clone(&told));
        let reader = ::loom::thread::spawn(move || {
            if flag.load(Ordering::Acquire) == 1 {
                assert!(shared.contains([word(99)]), "told of a revocation that it cannot see");
            }
        });
        assert_eq!(segment.insert([word(99)]), Insert::New);
        told.store(1, Ordering::Release);
        reader.join().unwrap();
    });
}

#[test]
fn an_acknowledged_insertion_is_seen_in_its_home() {
    seen_once_told(1);
}

#[test]
fn an_acknowledged_insertion_is_seen_beyond_a_full_home() {
    seen_once_told(SLOTS as u64);
}

#[test]
fn a_cut_off_never_reads_lower_than_it_was() {
    model(|| {
        const MASK: u64 = 0xff;
        let segment = Segment::build::<2>(1, 0, 0, &[[word(9), 0x100 | 5]]).unwrap();
        let shared = segment.clone();
        let reader = ::loom::thread::spawn(move || {
            let seen = shared.value(word(9), 0x100, MASK);
            assert!(seen == Some(5) || seen == Some(6), "{seen:?}");
        });
        assert_eq!(segment.insert([word(3), 0x200 | 1]), Insert::New);
        assert!(segment.raise(word(9), 0x100, MASK, 6));
        reader.join().unwrap();
    });
}
