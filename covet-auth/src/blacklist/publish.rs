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
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::LocalKey;

use arc_swap::ArcSwap;

use super::snapshot::Snapshot;

/// Threads keep the snapshots of so many blacklists of one width.
const KEPT: usize = 4;

/// One thread's snapshots, each with the identity of its [`Published`] and the version seen.
pub(crate) type Kept<const W: usize> = RefCell<[Option<(u64, u64, Arc<Snapshot<W>>)>; KEPT]>;

thread_local! {
    static KEPT_SHORT: Kept<1> = const { RefCell::new([const { None }; KEPT]) };
    static KEPT_FULL: Kept<2> = const { RefCell::new([const { None }; KEPT]) };
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
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            identity: NEXT.fetch_add(1, Ordering::Relaxed),
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
