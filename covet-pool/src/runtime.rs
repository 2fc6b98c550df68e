//! The runtime that connects and resets as tasks, if there is one.

use crate::job::Driver;
use crate::manager::Manager;
use crate::time::Alarm;
use std::time::Duration;

/// Which runtime the pool uses. A pool may outlive its runtime and adopt another.
#[cfg(feature = "tokio")]
#[derive(Debug, Default)]
pub(crate) struct Runtime {
    /// Whether `handle` is set: read on each slow path.
    known: std::sync::atomic::AtomicBool,
    handle: parking_lot::Mutex<Option<tokio::runtime::Handle>>,
    /// Whether a task watches the deadlines of those who wait.
    watched: std::sync::atomic::AtomicBool,
}

#[cfg(feature = "tokio")]
impl Runtime {
    /// The runtime that this thread is in, else the one adopted.
    pub(crate) fn handle(&self) -> Option<tokio::runtime::Handle> {
        tokio::runtime::Handle::try_current().ok().or_else(|| self.handle.lock().clone())
    }

    /// Adopts the runtime that this thread is in. Returns whether it is news.
    pub(crate) fn adopt(&self) -> bool {
        use std::sync::atomic::Ordering;
        if self.known.load(Ordering::Relaxed) {
            return false;
        }
        let Ok(current) = tokio::runtime::Handle::try_current() else { return false };
        let mut handle = self.handle.lock();
        if handle.is_some() {
            return false;
        }
        *handle = Some(current);
        self.known.store(true, Ordering::Relaxed);
        true
    }

    pub(crate) fn forget(&self) {
        let mut handle = self.handle.lock();
        self.known.store(false, std::sync::atomic::Ordering::Relaxed);
        let old = handle.take();
        drop(handle);
        drop(old);
    }

    /// Returns whether nobody watches the deadlines yet: then the caller has to see to it.
    pub(crate) fn begin_watch(&self) -> bool {
        use std::sync::atomic::Ordering;
        !self.watched.load(Ordering::SeqCst) && !self.watched.swap(true, Ordering::SeqCst)
    }

    pub(crate) fn end_watch(&self) {
        self.watched.store(false, std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) fn alarm(&self, limit: Duration) -> Option<Alarm> {
        let handle = self.handle()?;
        let _context = handle.enter();
        Some(Alarm(Box::pin(tokio::time::sleep(limit))))
    }

    pub(crate) fn spawn<M: Manager>(&self, driver: Driver<M>) -> Result<(), Driver<M>> {
        match self.handle() {
            Some(handle) => {
                handle.spawn(driver.into_task().run());
                Ok(())
            }
            None => Err(driver),
        }
    }
}

/// No runtime: getters do the work.
#[cfg(not(feature = "tokio"))]
#[derive(Debug, Default)]
pub(crate) struct Runtime {}

#[cfg(not(feature = "tokio"))]
impl Runtime {
    pub(crate) fn adopt(&self) -> bool {
        false
    }

    pub(crate) fn forget(&self) {}

    pub(crate) fn alarm(&self, _: Duration) -> Option<Alarm> {
        None
    }

    pub(crate) fn spawn<M: Manager>(&self, driver: Driver<M>) -> Result<(), Driver<M>> {
        Err(driver)
    }
}
