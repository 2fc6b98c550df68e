//! The one place that atomics, locks and cells come from, so that `--cfg covet_loom` can replace all of them by their
//! model-checked twins.

#[cfg(not(covet_loom))]
pub(crate) use {
    self::real::{Mutex, UnsafeCell},
    std::sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

#[cfg(covet_loom)]
pub(crate) use {
    self::model::Mutex,
    loom::cell::UnsafeCell,
    loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Counters and marks that no protocol depends on: never modelled, or the models would drown in their interleavings.
pub(crate) mod stat {
    pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
}

#[cfg(not(covet_loom))]
mod real {
    use parking_lot::MutexGuard;

    /// How often to look again before asking `parking_lot`, whose pauses grow longer than what is done under this mutex.
    const SPINS: u32 = 40;

    /// `parking_lot`'s mutex with more patience at first.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(parking_lot::Mutex::new(value))
        }

        #[inline(always)]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            match self.0.try_lock() {
                Some(guard) => guard,
                None => self.lock_slow(),
            }
        }

        #[cold]
        fn lock_slow(&self) -> MutexGuard<'_, T> {
            for _ in 0..SPINS {
                std::hint::spin_loop();
                if !self.0.is_locked()
                    && let Some(guard) = self.0.try_lock()
                {
                    return guard;
                }
            }
            self.0.lock()
        }
    }

    /// `std`'s cell with loom's interface: the pointer is lent to a closure, so a model can watch the access.
    #[derive(Debug, Default)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(covet_loom)]
mod model {
    /// loom's mutex with parking_lot's interface: no poisoning.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    type MutexGuard<'a, T> = loom::sync::MutexGuard<'a, T>;

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}
