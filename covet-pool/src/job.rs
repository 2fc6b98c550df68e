//! Unfinished work on a slot: connecting, checking, resetting. A job owns all that it needs, so whoever polls it next can
//! carry it on: a task of its own, a getter, or the getter after that one.

use crate::core::{Claim, Leaving};
use crate::hooks::{BoxFuture, CloseReason, ConnInfo};
use crate::manager::Manager;
use crate::shared::{Entry, Lease, Shared};
use crate::slot::Tenant;
use crate::time::limited;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// How a job failed. Its connection, if there was one, is closed already.
pub(crate) enum Failed<E> {
    Error(E),
    TooLong,
    Panicked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Check,
    Reset,
}

impl Kind {
    /// Why a connection was closed that this work failed on.
    pub(crate) fn close_reason(self) -> CloseReason {
        match self {
            Self::Reset => CloseReason::Reset,
            Self::Check | Self::Connect => CloseReason::Check,
        }
    }
}

type Outcome<M> = Result<Lease<M>, Failed<<M as Manager>::Error>>;

/// Work that can be carried on.
pub(crate) struct Job<M: Manager> {
    kind: Kind,
    /// The connection worked on; none while there is none yet.
    info: Option<ConnInfo>,
    /// Somebody began it and went away.
    orphaned: bool,
    work: BoxFuture<'static, Outcome<M>>,
}

impl<M: Manager> Job<M> {
    fn connect(shared: Arc<Shared<M>>, slot: u32) -> Self {
        Self { kind: Kind::Connect, info: None, orphaned: false, work: Box::pin(connect(shared, slot)) }
    }

    pub(crate) fn check(lease: Lease<M>) -> Self {
        Self {
            kind: Kind::Check,
            info: Some(lease.value.info(lease.slot())),
            orphaned: false,
            work: Box::pin(check(lease)),
        }
    }

    pub(crate) fn reset(lease: Lease<M>) -> Self {
        Self {
            kind: Kind::Reset,
            info: Some(lease.value.info(lease.slot())),
            orphaned: false,
            work: Box::pin(reset(lease)),
        }
    }
}

async fn connect<M: Manager>(shared: Arc<Shared<M>>, slot: u32) -> Outcome<M> {
    let begun = Instant::now();
    // Stamped before connecting: what connects while the pool is invalidated may reach the old server.
    let generation = shared.generation();
    let opened = limited(shared.alarm(shared.config.connect_timeout), async {
        let mut conn = shared.manager.connect().await?;
        if let Some(hook) = &shared.hooks.after_connect {
            hook(&mut conn).await?;
        }
        Ok(conn)
    });
    match opened.await {
        Some(Ok(conn)) => {
            shared.connected(slot, begun.elapsed());
            let entry = Entry::new(&shared, conn, generation);
            Ok(Tenant::new(shared, slot, entry))
        }
        Some(Err(error)) => Err(Failed::Error(error)),
        None => Err(Failed::TooLong),
    }
}

async fn check<M: Manager>(mut lease: Lease<M>) -> Outcome<M> {
    let (shared, entry) = lease.split();
    match limited(shared.alarm(shared.config.check_timeout), shared.manager.check(&mut entry.conn)).await {
        Some(Ok(())) => Ok(lease),
        Some(Err(error)) => Err(Failed::Error(error)),
        None => Err(Failed::TooLong),
    }
}

async fn reset<M: Manager>(mut lease: Lease<M>) -> Outcome<M> {
    let (shared, entry) = lease.split();
    match limited(shared.alarm(shared.config.reset_timeout), shared.manager.reset(&mut entry.conn)).await {
        Some(Ok(())) => {
            entry.rest(shared);
            Ok(lease)
        }
        Some(Err(error)) => Err(Failed::Error(error)),
        None => Err(Failed::TooLong),
    }
}

/// A job and the duty to end it well: if the driver is dropped, the slot does not stay occupied.
pub(crate) struct Driver<M: Manager> {
    shared: Arc<Shared<M>>,
    slot: u32,
    job: Option<Job<M>>,
    /// Whether the core counts it as work whose result comes to the line.
    counted: bool,
    spawned: bool,
}

impl<M: Manager> Driver<M> {
    /// Takes up a claim: connects, unless it comes with work begun by somebody else.
    pub(crate) fn take_up(shared: &Arc<Shared<M>>, claim: Claim<Shared<M>>) -> Self {
        let job = claim.job.unwrap_or_else(|| Job::connect(Arc::clone(shared), claim.slot));
        Self { shared: Arc::clone(shared), slot: claim.slot, job: Some(job), counted: true, spawned: false }
    }

    /// A check for the getter that has the connection in hand: its result does not go to the line.
    pub(crate) fn check(lease: Lease<M>) -> Self {
        let (shared, slot) = (Arc::clone(lease.owner()), lease.slot());
        Self { shared, slot, job: Some(Job::check(lease)), counted: false, spawned: false }
    }

    /// Goes on with the work. `Ready` once; a success that is not counted belongs to the caller.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Ended<M>>> {
        let Some(job) = &mut self.job else { return Poll::Ready(None) };
        let polled = catch_unwind(AssertUnwindSafe(|| job.work.as_mut().poll(cx)));
        let outcome = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => outcome,
            Err(_) => Err(Failed::Panicked),
        };
        let Some(job) = self.job.take() else { return Poll::Ready(None) };
        let (kind, info, orphaned) = (job.kind, job.info, job.orphaned);
        self.shared.quietly(|| drop(job));
        Poll::Ready(Some(Ended { slot: self.slot, kind, info, orphaned, counted: self.counted, outcome }))
    }

    /// Gives the work up to whoever comes next.
    pub(crate) fn let_go(mut self) -> Option<(Claim<Shared<M>>, bool)> {
        let mut job = self.job.take()?;
        job.orphaned = true;
        let connects = job.kind == Kind::Connect;
        Some((Claim { slot: self.slot, job: Some(job), connects }, self.counted))
    }

    /// Says that it is going to be a task. Before it is spawned: a runtime that is gone drops it without polling it.
    #[cfg(feature = "tokio")]
    pub(crate) fn into_task(mut self) -> Self {
        self.spawned = true;
        self
    }

    /// Runs the work to its end as a task.
    #[cfg(feature = "tokio")]
    pub(crate) async fn run(mut self) {
        if let Some(ended) = std::future::poll_fn(|cx| self.poll(cx)).await {
            self.shared.finish(ended, None);
        }
    }
}

impl<M: Manager> Drop for Driver<M> {
    fn drop(&mut self) {
        let Some(job) = self.job.take() else { return };
        let connects = job.kind == Kind::Connect;
        let leaving = if self.counted { Leaving::Worked { connects } } else { Leaving::Held };
        let closed = job.info.map(|info| (info, job.kind.close_reason()));
        self.shared.quietly(|| drop(job));
        if let Some((info, reason)) = closed {
            self.shared.closed_one(&info, reason);
        }
        if self.spawned {
            // Only a runtime that is shutting down drops its tasks.
            self.shared.lose_runtime();
        }
        let effects = self.shared.vacate(self.slot, leaving, None, None);
        self.shared.run(effects);
    }
}

/// Work that has come to its end.
pub(crate) struct Ended<M: Manager> {
    pub(crate) slot: u32,
    pub(crate) kind: Kind,
    pub(crate) info: Option<ConnInfo>,
    pub(crate) orphaned: bool,
    pub(crate) counted: bool,
    pub(crate) outcome: Outcome<M>,
}
