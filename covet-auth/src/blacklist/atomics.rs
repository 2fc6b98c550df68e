//! What the read path is made of, exchanged for loom's under `--cfg covet_loom` so that every interleaving is tried.

#[cfg(not(covet_loom))]
pub(crate) use arc_swap::ArcSwap;
#[cfg(covet_loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(covet_loom)]
pub(crate) use loom::thread::LocalKey;
#[cfg(covet_loom)]
pub(crate) use model::ArcSwap;
#[cfg(not(covet_loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(covet_loom))]
pub(crate) use std::thread::LocalKey;

/// A number that was not given before. Of the standard library either way: no model depends on which it is.
pub(crate) fn next_identity() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What is relied on of the crate arc-swap, which loom cannot look into: a store that releases, a load that acquires,
/// and neither waits.
#[cfg(covet_loom)]
mod model {
    use std::sync::{Arc, OnceLock};

    use loom::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug)]
    pub(crate) struct ArcSwap<T> {
        current: AtomicUsize,
        stored: [OnceLock<Arc<T>>; 8],
    }

    impl<T> ArcSwap<T> {
        pub(crate) fn from_pointee(first: T) -> Self {
            let stored: [OnceLock<Arc<T>>; 8] = Default::default();
            let _ = stored[0].set(Arc::new(first));
            Self { current: AtomicUsize::new(0), stored }
        }

        /// One writer at a time.
        pub(crate) fn store(&self, new: Arc<T>) {
            let next = self.current.load(Ordering::Relaxed) + 1;
            assert!(self.stored[next].set(new).is_ok());
            self.current.store(next, Ordering::Release);
        }

        pub(crate) fn load(&self) -> Arc<T> {
            self.stored[self.current.load(Ordering::Acquire)].get().cloned().unwrap()
        }
    }
}
