//! Getting a connection: one state machine, polled by tasks and by parked threads alike.

use crate::clock;
use crate::core::{Joined, Owner};
use crate::error::{PoolError, Timeout};
use crate::guard::PooledConn;
use crate::hooks::Event;
use crate::job::{Driver, Ended};
use crate::manager::Manager;
use crate::park::Parking;
use crate::queue::{Grant, Look, Ticket};
use crate::shared::{Admit, Lease, Shared};
use crate::slot::Take;
use crate::sync::stat::Ordering;
use crate::time::Alarm;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

type Outcome<M> = Result<PooledConn<M>, PoolError<<M as Manager>::Error>>;

/// A future that gets a connection; made by [`Pool::get`](crate::Pool::get).
///
/// Dropping it at any moment loses nothing: a connection that had just been granted goes to the next caller, and a connect
/// that it had begun is carried on by somebody else.
#[must_use = "futures do nothing unless polled"]
pub struct Get<'p, M: Manager> {
    shared: &'p Arc<Shared<M>>,
    place: &'static Location<'static>,
    limit: Option<Duration>,
    /// Whether `limit` is the pool's own, which the queue itself enforces.
    common: bool,
    wait: Option<Wait<M>>,
}

struct Wait<M: Manager> {
    /// When it began, on the coarse clock.
    since: u64,
    /// When it began, on the precise clock, if this wait is one of those whose time is taken.
    timed: Option<Instant>,
    deadline: u64,
    stage: Stage<M>,
    alarm: Option<Alarm>,
    /// It has been at the head, but what it got was no good: it does not have to queue again.
    front: bool,
}

enum Stage<M: Manager> {
    Outside,
    Line(Ticket, Option<Box<Driver<M>>>),
    Checking(Box<Driver<M>>),
}

impl<M: Manager> fmt::Debug for Get<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get").field("place", &self.place).field("waits", &self.wait.is_some()).finish_non_exhaustive()
    }
}

impl<'p, M: Manager> Get<'p, M> {
    #[inline(always)]
    pub(crate) fn new(
        shared: &'p Arc<Shared<M>>,
        limit: Option<Duration>,
        common: bool,
        place: &'static Location<'static>,
    ) -> Self {
        Self { shared, place, limit, common, wait: None }
    }

    /// The way of most checkouts: an idle connection, nobody waiting, nothing to check.
    #[inline(always)]
    fn try_fast(&mut self) -> Option<PooledConn<M>> {
        let Take::Got(lease) = self.shared.core().take() else { return None };
        let now = self.shared.now();
        match self.shared.admit(lease, now) {
            Admit::Ready(lease) => Some(PooledConn::new(lease, self.place, now)),
            Admit::Check(lease) => {
                self.begin(Stage::Checking(Box::new(Driver::check(lease))), true);
                None
            }
            Admit::Gone => {
                self.begin(Stage::Outside, true);
                None
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn begin(&mut self, stage: Stage<M>, front: bool) {
        self.shared.adopt_runtime();
        let since = self.shared.now();
        let deadline = self.limit.map_or(u64::MAX, |limit| since.saturating_add(clock::millis(limit)));
        let checking = matches!(stage, Stage::Checking(_));
        self.wait = Some(Wait { since, timed: None, deadline, stage, alarm: None, front });
        if checking || !self.common {
            self.set_alarm();
        }
    }

    /// An alarm of its own, where the one for the whole queue does not serve.
    fn set_alarm(&mut self) {
        if let (Some(limit), Some(wait)) = (self.limit, &mut self.wait)
            && wait.alarm.is_none()
        {
            let waited = Duration::from_millis(self.shared.now().saturating_sub(wait.since));
            wait.alarm = self.shared.alarm(Some(limit.saturating_sub(waited)));
        }
    }

    #[cold]
    #[inline(never)]
    fn poll_slow(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<M>> {
        if self.wait.is_none() {
            self.begin(Stage::Outside, false);
        }
        loop {
            let Some(wait) = &mut self.wait else { return Poll::Pending };
            let step = match std::mem::replace(&mut wait.stage, Stage::Outside) {
                Stage::Outside => self.enter(cx.waker()),
                Stage::Checking(driver) => self.check(driver, cx),
                Stage::Line(ticket, driver) => self.stand(ticket, driver, cx),
            };
            match step {
                Step::Again => {}
                Step::Done(outcome) => {
                    self.wait = None;
                    return Poll::Ready(outcome);
                }
                Step::Sleep => return self.poll_alarm(cx),
            }
        }
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<M>> {
        let struck =
            self.wait.as_mut().and_then(|wait| wait.alarm.as_mut()).is_some_and(|alarm| alarm.poll(cx).is_ready());
        if struck { Poll::Ready(self.give_up()) } else { Poll::Pending }
    }

    /// Outside the line: an idle connection if nobody waits, else a place in the line.
    fn enter(&mut self, waker: &Waker) -> Step<M> {
        let Some(wait) = &mut self.wait else { return Step::Sleep };
        if let Take::Got(lease) = self.shared.core().take() {
            return self.admit(lease);
        }
        let (joined, effects) = self.shared.core().join(&**self.shared, waker.clone(), wait.deadline, wait.front);
        let step = match joined {
            Joined::Queued(ticket) => {
                wait.stage = Stage::Line(ticket, None);
                Step::Again
            }
            Joined::Asleep(ticket, timed) => {
                wait.timed = timed.then(Instant::now);
                wait.stage = Stage::Line(ticket, None);
                self.shared.watch_deadlines();
                Step::Sleep
            }
            Joined::Full => {
                self.shared.counters.queue_full.fetch_add(1, Ordering::Relaxed);
                self.shared.emit(&Event::QueueFull);
                Step::Done(Err(PoolError::QueueFull))
            }
            Joined::Closed => Step::Done(Err(PoolError::Closed)),
        };
        self.shared.run(effects);
        step
    }

    /// In the line: what there is for us, else the work that we have taken up.
    fn stand(&mut self, ticket: Ticket, driver: Option<Box<Driver<M>>>, cx: &mut Context<'_>) -> Step<M> {
        let (look, effects) = self.shared.core().look(&**self.shared, &ticket, cx.waker());
        let step = match look {
            Look::Granted(grant) => {
                if let Some(driver) = driver {
                    self.shared.leave_behind(*driver, None);
                }
                match grant {
                    Grant::Tenant(lease) => self.admit(lease),
                    Grant::Failure(failure) => Step::Done(Err(self.failed(*failure))),
                }
            }
            Look::Claim(claim) => self.hold(ticket, Some(Box::new(Driver::take_up(self.shared, claim))), Step::Again),
            Look::Waiting => self.work(ticket, driver, cx),
        };
        self.shared.run(effects);
        step
    }

    fn work(&mut self, ticket: Ticket, driver: Option<Box<Driver<M>>>, cx: &mut Context<'_>) -> Step<M> {
        let Some(mut driver) = driver else {
            self.shared.watch_deadlines();
            return self.hold(ticket, None, Step::Sleep);
        };
        match driver.poll(cx) {
            Poll::Pending => self.hold(ticket, Some(driver), Step::Sleep),
            Poll::Ready(ended) => {
                if let Some(ended) = ended {
                    self.shared.finish(ended, Some(&ticket));
                }
                self.hold(ticket, None, Step::Again)
            }
        }
    }

    fn hold(&mut self, ticket: Ticket, driver: Option<Box<Driver<M>>>, step: Step<M>) -> Step<M> {
        if let Some(wait) = &mut self.wait {
            wait.stage = Stage::Line(ticket, driver);
        }
        step
    }

    /// A connection has been got; is it good?
    fn admit(&mut self, lease: Lease<M>) -> Step<M> {
        let now = self.shared.now();
        let Some(wait) = &mut self.wait else { return Step::Sleep };
        wait.front = true;
        match self.shared.admit(lease, now) {
            Admit::Ready(lease) => self.done(lease, now),
            Admit::Check(lease) => {
                wait.stage = Stage::Checking(Box::new(Driver::check(lease)));
                self.set_alarm();
                Step::Again
            }
            Admit::Gone => Step::Again,
        }
    }

    fn check(&mut self, mut driver: Box<Driver<M>>, cx: &mut Context<'_>) -> Step<M> {
        match driver.poll(cx) {
            Poll::Pending => {
                if let Some(wait) = &mut self.wait {
                    wait.stage = Stage::Checking(driver);
                }
                Step::Sleep
            }
            Poll::Ready(Some(Ended { outcome: Ok(lease), .. })) => self.done(lease, self.shared.now()),
            Poll::Ready(ended) => {
                if let Some(ended) = ended {
                    self.shared.finish(ended, None);
                }
                Step::Again
            }
        }
    }

    fn done(&mut self, lease: Lease<M>, now: u64) -> Step<M> {
        if let Some(Wait { timed: Some(since), .. }) = &self.wait {
            let waited = since.elapsed();
            self.shared.counters.wait_time.record(waited);
            self.shared.instruments.waited(waited);
        }
        Step::Done(Ok(PooledConn::new(lease, self.place, now)))
    }

    fn failed(&self, failure: PoolError<M::Error>) -> PoolError<M::Error> {
        if matches!(failure, PoolError::Timeout(_)) { self.timed_out() } else { failure }
    }

    fn timed_out(&self) -> PoolError<M::Error> {
        let waited = self.wait.as_ref().map_or(0, |wait| self.shared.now().saturating_sub(wait.since));
        let waited = Duration::from_millis(waited);
        self.shared.counters.timeouts.fetch_add(1, Ordering::Relaxed);
        self.shared.emit(&Event::TimedOut { waited });
        let census = self.shared.core().census();
        PoolError::Timeout(Timeout {
            waited,
            in_use: census.in_use(),
            connecting: census.connecting,
            max_size: census.max,
        })
    }

    /// The caller's time is over. What may have been granted at the last moment goes to the next.
    pub(crate) fn give_up(&mut self) -> Outcome<M> {
        let error = self.timed_out();
        self.leave();
        Err(error)
    }

    fn leave(&mut self) {
        match self.wait.take().map(|wait| wait.stage) {
            Some(Stage::Line(ticket, driver)) => {
                if let Some(driver) = driver {
                    self.shared.leave_behind(*driver, Some(&ticket));
                }
                let effects = self.shared.core().leave(&**self.shared, &ticket);
                self.shared.run(effects);
            }
            Some(Stage::Checking(driver)) => self.shared.leave_behind(*driver, None),
            Some(Stage::Outside) | None => {}
        }
    }
}

enum Step<M: Manager> {
    Again,
    Sleep,
    Done(Outcome<M>),
}

impl<M: Manager> Future for Get<'_, M> {
    type Output = Outcome<M>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<M>> {
        let this = self.get_mut();
        if this.wait.is_none()
            && let Some(conn) = this.try_fast()
        {
            return Poll::Ready(Ok(conn));
        }
        this.poll_slow(cx)
    }
}

impl<M: Manager> Drop for Get<'_, M> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.wait.is_some() {
            self.leave();
        }
    }
}

/// Waits on this thread.
#[inline(always)]
pub(crate) fn block_on<M: Manager>(mut get: Get<'_, M>) -> Outcome<M> {
    match get.try_fast() {
        Some(conn) => Ok(conn),
        None => block_on_slow(&mut get),
    }
}

#[cold]
#[inline(never)]
fn block_on_slow<M: Manager>(get: &mut Get<'_, M>) -> Outcome<M> {
    let end = get.limit.and_then(|limit| Instant::now().checked_add(limit));
    Parking::lend(|parking| {
        let mut cx = Context::from_waker(parking.waker());
        loop {
            if let Poll::Ready(outcome) = get.poll_slow(&mut cx) {
                return outcome;
            }
            if parking.wait(end) {
                return get.give_up();
            }
        }
    })
}

/// Runs any future on this thread.
pub(crate) fn block_on_future<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    Parking::lend(|parking| {
        let mut cx = Context::from_waker(parking.waker());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            parking.wait(None);
        }
    })
}
