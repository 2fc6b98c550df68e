//! How readers get at the current snapshot without a lock.
//!
//! The snapshot sits in an [`ArcSwap`]. Loading it costs two atomic exchanges, which is most of a check of a
//! small blacklist; so each thread keeps the snapshot it last saw, and a version number, one plain load, tells
//! whether it is still the current one. Insertions into published segments are visible through old and new
//! snapshots alike; the version moves only when a segment is replaced or a bucket comes or goes.
//!
//! A thread that stops asking keeps the memory of the snapshot it last saw until it asks again, writes or ends.
//! That is why only snapshots up to a configured size are kept (`BlacklistConfig::reader_cache`).

use std::cell::RefCell;
use std::sync::Arc;

use super::atomics::{ArcSwap, AtomicU64, LocalKey, Ordering, next_identity};
use super::snapshot::Snapshot;

/// Threads keep the snapshots of so many blacklists of one width.
const KEPT: usize = 4;

/// One thread's snapshots, each with the identity of its [`Published`] and the version seen.
pub(crate) type Kept<const W: usize> = RefCell<[Option<(u64, u64, Arc<Snapshot<W>>)>; KEPT]>;

#[cfg(not(covet_loom))]
thread_local! {
    static KEPT_SHORT: Kept<1> = const { RefCell::new([const { None }; KEPT]) };
    static KEPT_FULL: Kept<2> = const { RefCell::new([const { None }; KEPT]) };
}

#[cfg(covet_loom)]
::loom::thread_local! {
    static KEPT_SHORT: Kept<1> = RefCell::new([const { None }; KEPT]);
    static KEPT_FULL: Kept<2> = RefCell::new([const { None }; KEPT]);
}

/// A width of fingerprints, in words of 64 bits.
pub(crate) trait Width<const W: usize> {
    fn kept() -> &'static LocalKey<Kept<W>>;
}

impl Width<1> for Snapshot<1> {
    fn kept() -> &'static LocalKey<Kept<1>> {
        &KEPT_SHORT
    }
}

impl Width<2> for Snapshot<2> {
    fn kept() -> &'static LocalKey<Kept<2>> {
        &KEPT_FULL
    }
}

/// The place where one writer leaves snapshots for all readers.
#[derive(Debug)]
pub(crate) struct Published<const W: usize> {
    identity: u64,
    version: AtomicU64,
    current: ArcSwap<Snapshot<W>>,
    keep_below: usize,
}

impl<const W: usize> Published<W>
where
    Snapshot<W>: Width<W>,
{
    pub(crate) fn new(first: Snapshot<W>, keep_below: usize) -> Self {
        Self {
            identity: next_identity(),
            version: AtomicU64::new(0),
            current: ArcSwap::from_pointee(first),
            keep_below,
        }
    }

    /// Makes a snapshot current. One writer at a time.
    pub(crate) fn publish(&self, snapshot: Snapshot<W>) {
        self.current.store(Arc::new(snapshot));
        // After the store: whoever sees this version and reloads sees at least this snapshot.
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Reads the current snapshot. Never waits.
    #[inline]
    pub(crate) fn read<T>(&self, read: impl Fn(&Snapshot<W>) -> T) -> T {
        let version = self.version.load(Ordering::Acquire);
        let kept = Snapshot::<W>::kept().try_with(|kept| {
            let kept = kept.try_borrow().ok()?;
            match &kept[self.place()] {
                Some((identity, seen, snapshot)) if *identity == self.identity && *seen == version => {
                    Some(read(snapshot))
                }
                _ => None,
            }
        });
        match kept {
            Ok(Some(result)) => result,
            _ => self.read_anew(version, read),
        }
    }

    #[cold]
    #[inline(never)]
    fn read_anew<T>(&self, version: u64, read: impl Fn(&Snapshot<W>) -> T) -> T {
        let snapshot = self.current.load();
        if snapshot.bytes() <= self.keep_below {
            let snapshot = Arc::clone(&snapshot);
            self.keep(Some((self.identity, version, snapshot)));
        } else {
            self.keep(None);
        }
        read(&snapshot)
    }

    /// Lets go of what this thread keeps of this place.
    pub(crate) fn forget(&self) {
        self.keep(None);
    }

    fn keep(&self, new: Option<(u64, u64, Arc<Snapshot<W>>)>) {
        // No thread-local is left while a thread ends, and then there is nothing to keep.
        let old = Snapshot::<W>::kept().try_with(|kept| {
            let mut kept = kept.try_borrow_mut().ok()?;
            let place = &mut kept[self.place()];
            let ours = place.as_ref().is_some_and(|(identity, ..)| *identity == self.identity);
            if new.is_some() || ours { std::mem::replace(place, new) } else { None }
        });
        drop(old);
    }

    fn place(&self) -> usize {
        self.identity as usize % KEPT
    }
}

#[cfg(all(test, covet_loom))]
mod loom {
    use std::time::Duration;

    use super::super::fingerprint::{Fingerprint, FingerprintKey, Fingerprinter};
    use super::super::table::{Change, Keep, Moment, Table};
    use super::*;

    const NOW: u64 = 1_000_000;
    const EXP: u64 = NOW + 60;

    /// How many entries fill the first segment: one more replaces it.
    const FILLED: u64 = 15;

    struct World {
        published: Published<1>,
        table: parking_lot::Mutex<Table<1>>,
    }

    /// A blacklist with so many revocations, and readers that keep snapshots of up to so many bytes.
    fn world(held: u64, keep_below: usize) -> Arc<World> {
        let first = Snapshot::new(Fingerprinter::new(FingerprintKey::from_bytes([7; 16])));
        let keep = Keep { after_expiry: 66, lifetime: 1000, lapses: true };
        let published = Published::new(first.clone(), keep_below);
        let mut table = Table::new(keep, 1000, 10, first);
        for n in 1..=held {
            table.apply(change(n), moment()).unwrap();
        }
        table.publish(&published);
        Arc::new(World { published, table: parking_lot::Mutex::new(table) })
    }

    fn moment() -> Moment {
        Moment { now: NOW, highest: NOW, elapsed: Duration::ZERO }
    }

    fn change(n: u64) -> Change {
        Change::Token(Fingerprint([n, 0]), EXP)
    }

    impl World {
        fn refuses(&self, n: u64) -> bool {
            self.published.read(|snapshot| snapshot.holds([n], Some(EXP)))
        }

        fn revoke(&self, n: u64) {
            let mut table = self.table.lock();
            table.apply(change(n), moment()).unwrap();
            table.publish(&self.published);
        }
    }

    fn model(check: impl Fn() + Send + Sync + 'static) {
        let mut model = ::loom::model::Builder::new();
        model.preemption_bound = Some(2);
        model.check(check);
    }

    /// A reader that has heard of a revocation refuses the token, and what was refused stays refused, through
    /// insertions into a segment that it sees, into one that replaces it, and into the first bucket there is.
    fn heard_of(held: u64, keep_below: usize) {
        model(move || {
            let world = world(held, keep_below);
            let told = Arc::new(AtomicU64::new(0));
            let (shared, flag) = (Arc::clone(&world), Arc::clone(&told));
            let reader = ::loom::thread::spawn(move || {
                for _ in 0..2 {
                    let told = flag.load(Ordering::Acquire) == 1;
                    assert!(shared.refuses(held + 1) || !told, "told of a revocation that it does not see");
                    assert!(held == 0 || shared.refuses(1), "forgot a revocation");
                }
            });
            world.revoke(held + 1);
            told.store(1, Ordering::Release);
            assert!(world.refuses(held + 1));
            reader.join().unwrap();
        });
    }

    #[test]
    fn a_revocation_in_place_is_seen_by_whoever_heard_of_it() {
        heard_of(1, usize::MAX);
    }

    #[test]
    fn a_revocation_in_a_new_bucket_is_seen_by_whoever_heard_of_it() {
        heard_of(0, usize::MAX);
        heard_of(0, 0);
    }

    #[test]
    fn a_revocation_in_a_replaced_segment_is_seen_by_whoever_heard_of_it() {
        heard_of(FILLED, usize::MAX);
        heard_of(FILLED, 0);
    }

    /// The writer stops at some point of its work, lock held, until a check is done: were there anything in a check
    /// that waits for the writer, neither would go on, and loom would say so.
    fn stopped(at: u32, keep_below: usize) {
        model(move || {
            let world = world(FILLED, keep_below);
            let done = Arc::new(AtomicU64::new(0));
            let (shared, flag) = (Arc::clone(&world), Arc::clone(&done));
            let reader = ::loom::thread::spawn(move || {
                assert!(shared.refuses(1) && shared.refuses(FILLED));
                flag.store(1, Ordering::Release);
            });
            let wait = |point: u32| {
                while point == at && done.load(Ordering::Acquire) == 0 {
                    ::loom::thread::yield_now();
                }
            };
            let mut table = world.table.lock();
            wait(0);
            table.apply(change(FILLED + 1), moment()).unwrap();
            wait(1);
            let next = Snapshot::clone(&world.published.current.load());
            world.published.current.store(Arc::new(next));
            wait(2);
            world.published.version.fetch_add(1, Ordering::Release);
            wait(3);
            table.publish(&world.published);
            drop(table);
            reader.join().unwrap();
        });
    }

    #[test]
    fn no_check_waits_for_a_writer() {
        for at in 0..4 {
            stopped(at, usize::MAX);
            stopped(at, 0);
        }
    }
}
