//! What nobody's checkout does: closing what is idle for too long, keeping some connections ready, reporting leaks, ending
//! the wait of those whose time is over.

use crate::core::{Census, Leaving, Owner};
use crate::error::PoolError;
use crate::hooks::{CloseReason, Event, Holder};
use crate::job::{Driver, Ended};
use crate::manager::Manager;
use crate::shared::Shared;
use crate::sync::stat::Ordering;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

impl<M: Manager> Shared<M> {
    /// Closes idle connections that are spent, but none below `min_idle` for being idle alone.
    pub(crate) fn sweep(self: &Arc<Self>) {
        let now = self.now();
        let mut spare = self.core().census().idle.saturating_sub(self.config.min_idle);
        let effects = self.core().sweep(&**self, |entry| match entry.spent(self, now) {
            None => false,
            Some(CloseReason::Idle) => {
                let condemned = spare > 0;
                spare = spare.saturating_sub(1);
                condemned
            }
            Some(_) => true,
        });
        self.run(effects);
    }

    pub(crate) async fn maintain(self: &Arc<Self>) {
        self.sweep();
        self.report_leaks();
        self.publish_gauges();
        let floor = self.config.min_idle;
        // The next round tries again if this one cannot connect.
        let _ = self.fill(|census| census.idle + census.connecting < floor).await;
    }

    /// Opens connections, several at a time, for as long as `short` says that there are too few.
    pub(crate) async fn fill(self: &Arc<Self>, short: impl Fn(&Census) -> bool) -> Result<(), PoolError<M::Error>> {
        let mut drivers: Vec<Driver<M>> = Vec::new();
        std::future::poll_fn(|cx| {
            loop {
                while short(&self.core().census())
                    && let Some(claim) = self.core().claim_ahead()
                {
                    drivers.push(Driver::take_up(self, claim));
                }
                let before = drivers.len();
                let mut failure = None;
                drivers.retain_mut(|driver| match driver.poll(cx) {
                    Poll::Pending => true,
                    Poll::Ready(ended) => {
                        failure = failure.take().or(ended.and_then(|ended| self.filled(ended)));
                        false
                    }
                });
                if let Some(failure) = failure {
                    return Poll::Ready(Err(failure));
                }
                if drivers.is_empty() && before == 0 {
                    return Poll::Ready(Ok(()));
                }
                if drivers.len() == before {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// One that was opened ahead goes to the pool; its failure is the filler's, not a waiter's.
    fn filled(self: &Arc<Self>, ended: Ended<M>) -> Option<PoolError<M::Error>> {
        let slot = ended.slot;
        match ended.outcome {
            Ok(_) => {
                self.finish(ended, None);
                None
            }
            Err(failed) => {
                let failure = self.connect_failed(failed);
                let effects = self.vacate(slot, Leaving::Worked { connects: true }, None, None);
                self.run(effects);
                Some(failure)
            }
        }
    }

    /// The connections in somebody's hands.
    pub(crate) fn holders(&self) -> Vec<Holder> {
        let now = self.now();
        let segments = &self.core().segments;
        (0..self.core().slots_used())
            .filter(|&slot| !segments.is_idle(slot))
            .filter_map(|slot| {
                let (uses, taken_at, place) = segments.marks(slot).read()?;
                Some(Holder { slot, place, held: Duration::from_millis(now.saturating_sub(taken_at)), uses })
            })
            .collect()
    }

    fn report_leaks(&self) {
        let Some(limit) = self.config.leak_after else { return };
        for holder in self.holders().into_iter().filter(|holder| holder.held >= limit) {
            if self.core().segments.marks(holder.slot).report(holder.uses) {
                self.counters.leaks.fetch_add(1, Ordering::Relaxed);
                self.emit(&Event::Leak(holder));
            }
        }
    }

    pub(crate) fn close(self: &Arc<Self>) {
        let effects = self.core().close(&**self);
        self.run(effects);
    }
}

#[cfg(not(feature = "tokio"))]
impl<M: Manager> Shared<M> {
    pub(crate) fn start_maintenance(self: &Arc<Self>) {}

    pub(crate) fn watch_deadlines(self: &Arc<Self>) {}
}

#[cfg(feature = "tokio")]
impl<M: Manager> Shared<M> {
    /// Has maintenance run in the background until the pool is closed.
    pub(crate) fn start_maintenance(self: &Arc<Self>) {
        let (Some(interval), Some(handle)) = (self.config.maintenance_interval, self.runtime.handle()) else { return };
        let pool = Arc::downgrade(self);
        handle.spawn(async move {
            loop {
                tokio::time::sleep(interval.max(Duration::from_millis(10))).await;
                match pool.upgrade() {
                    Some(shared) if !shared.core().is_closed() => shared.maintain().await,
                    _ => return,
                }
            }
        });
    }

    /// Has somebody watch the head's deadline while anybody waits: one task for the whole queue, where a timer for each
    /// waiter would cost more than the wait.
    pub(crate) fn watch_deadlines(self: &Arc<Self>) {
        if self.config.acquire_timeout.is_none() || !self.runtime.begin_watch() {
            return;
        }
        let Some(handle) = self.runtime.handle() else { return self.runtime.end_watch() };
        let mut watch = Watch { pool: Arc::downgrade(self), on: true };
        handle.spawn(async move {
            while let Some(left) = watch.look() {
                tokio::time::sleep(left).await;
            }
        });
    }
}

/// The task that watches the head's deadline. However it ends, another can be started.
#[cfg(feature = "tokio")]
struct Watch<M: Manager> {
    pool: std::sync::Weak<Shared<M>>,
    /// Whether the pool relies on it.
    on: bool,
}

#[cfg(feature = "tokio")]
impl<M: Manager> Watch<M> {
    /// Fails those whose time is over. Returns when to look again, `None` if nobody waits.
    fn look(&mut self) -> Option<Duration> {
        let shared = self.pool.upgrade()?;
        let effects = shared.core().expire_now(&*shared);
        shared.run(effects);
        let mut deadline = shared.core().next_deadline();
        if deadline.is_none() {
            self.on = false;
            shared.runtime.end_watch();
            // Somebody may have begun to wait before the watch ended, and relies on it.
            deadline = shared.core().next_deadline();
            if deadline.is_none() || !shared.runtime.begin_watch() {
                return None;
            }
            self.on = true;
        }
        // Without a limit of its own the head still hides others that have one; look again after the common limit.
        let common = crate::clock::millis(shared.config.acquire_timeout?);
        let left = deadline?.saturating_sub(shared.now()).min(common);
        Some(Duration::from_millis(left + 1))
    }
}

#[cfg(feature = "tokio")]
impl<M: Manager> Drop for Watch<M> {
    fn drop(&mut self) {
        if self.on
            && let Some(shared) = self.pool.upgrade()
        {
            shared.runtime.end_watch();
        }
    }
}
