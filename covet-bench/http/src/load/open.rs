//! An open loop: requests are due at a constant rate, whatever the server does, and latency counts from when each was due.
//! What is due goes to the lane that is free first; while none is, it waits, and the wait is part of its latency.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use super::latencies::Latencies;
use super::schedule::Schedule;
use super::{Failures, LANES, Lane, Target, Usage};

/// How long after the end answers are waited for.
const GRACE: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Requests per second that were due.
    pub(crate) rate: f64,
    /// Requests answered during the measurement.
    pub(crate) completed: u64,
    pub(crate) elapsed: Duration,
    /// Of all requests that were due during the measurement, also of those answered after it.
    pub(crate) latencies: Latencies,
    /// How late the client itself noticed that requests were due.
    pub(crate) lag: Latencies,
    pub(crate) usage: Usage,
    pub(crate) failures: Failures,
}

impl Open {
    /// The share of the rate that was reached.
    pub(crate) fn achieved(&self) -> f64 {
        self.completed as f64 / self.elapsed.as_secs_f64() / self.rate
    }

    /// Nanoseconds of the server's processor time for a request.
    pub(crate) fn cost(&self) -> f64 {
        self.usage.server.as_nanos() as f64 / self.completed.max(1) as f64
    }

    pub(crate) fn client_share(&self) -> f64 {
        self.usage.client.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

struct Shared {
    schedule: Schedule,
    start: Instant,
    /// Requests before this one warm up.
    first: u64,
    due: VecDeque<u64>,
    completed: u64,
    /// Requests taken and not answered.
    under_way: Vec<u64>,
    latencies: Latencies,
    failures: Failures,
}

/// Loads for `warm`, then measures for `time`, at `rate` requests per second.
pub(crate) async fn run(target: &Target, rate: f64, warm: Duration, time: Duration) -> Result<Open> {
    let lanes = Lane::open(target, LANES).await?;
    let schedule = Schedule::new(rate);
    let (first, count) = (schedule.before(warm), schedule.before(warm + time));
    let start = Instant::now();
    let shared = Rc::new(RefCell::new(Shared {
        schedule,
        start,
        first,
        due: VecDeque::new(),
        completed: 0,
        under_way: Vec::with_capacity(LANES),
        latencies: Latencies::new(),
        failures: Failures::default(),
    }));
    let news = Rc::new(Notify::new());
    let tasks: Vec<_> =
        lanes.into_iter().map(|lane| tokio::task::spawn_local(serve(lane, shared.clone(), news.clone()))).collect();

    let pacer = Pacer { timer: Timer::new()?, shared: shared.clone(), news, next: 0 };
    let (mut pacer, _) = pacer.until(first, Latencies::new()).await?;
    pacer.timer.sleep_until(start + warm).await?;
    let (began, before, done) = (Instant::now(), Usage::read(target.process), shared.borrow().completed);
    let (mut pacer, lag) = pacer.until(count, Latencies::new()).await?;
    pacer.timer.sleep_until(start + warm + time).await?;
    let (elapsed, usage) = (began.elapsed(), Usage::read(target.process).since(before));
    let completed = shared.borrow().completed - done;

    let end = Instant::now() + GRACE;
    while Instant::now() < end && shared.borrow().is_busy() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    let mut shared = shared.borrow_mut();
    shared.give_up();
    let (latencies, failures) = (shared.latencies.clone(), shared.failures.clone());
    Ok(Open { rate, completed, elapsed, latencies, lag, usage, failures })
}

/// One lane: takes what is due, until it is stopped.
async fn serve(mut lane: Lane, shared: Rc<RefCell<Shared>>, news: Rc<Notify>) {
    loop {
        let taken = shared.borrow_mut().take();
        let Some(index) = taken else {
            news.notified().await;
            continue;
        };
        let done = lane.exchange().await;
        shared.borrow_mut().answered(index, done);
    }
}

impl Shared {
    fn take(&mut self) -> Option<u64> {
        let index = self.due.pop_front()?;
        self.under_way.push(index);
        Some(index)
    }

    fn answered(&mut self, index: u64, done: Result<()>) {
        self.under_way.retain(|other| *other != index);
        match done {
            Ok(()) => self.completed += 1,
            Err(error) => self.failures.add(&error),
        }
        self.record(index);
    }

    fn record(&mut self, index: u64) {
        if index >= self.first {
            self.latencies.record(self.start.elapsed().saturating_sub(self.schedule.intended(index)));
        }
    }

    fn is_busy(&self) -> bool {
        !self.due.is_empty() || !self.under_way.is_empty()
    }

    /// What was never answered took at least until now.
    fn give_up(&mut self) {
        let left: Vec<u64> = self.due.drain(..).chain(std::mem::take(&mut self.under_way)).collect();
        left.into_iter().for_each(|index| self.record(index));
    }
}

/// Hands out requests when they are due.
struct Pacer {
    timer: Timer,
    shared: Rc<RefCell<Shared>>,
    news: Rc<Notify>,
    next: u64,
}

impl Pacer {
    /// Hands out all requests before `end`, recording how late each was noticed.
    async fn until(mut self, end: u64, mut lag: Latencies) -> Result<(Self, Latencies)> {
        let (schedule, start) = (self.shared.borrow().schedule, self.shared.borrow().start);
        while self.next < end {
            let now = start.elapsed();
            let due = schedule.before(now).min(end);
            if due == self.next {
                self.timer.sleep_until(start + schedule.intended(self.next)).await?;
                continue;
            }
            for index in self.next..due {
                lag.record(now.saturating_sub(schedule.intended(index)));
                self.shared.borrow_mut().due.push_back(index);
                self.news.notify_one();
            }
            self.next = due;
            tokio::task::yield_now().await;
        }
        Ok((self, lag))
    }
}

/// A timer of the kernel's, because the runtime's own rounds up to milliseconds.
struct Timer(AsyncFd<OwnedFd>);

impl Timer {
    fn new() -> Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC);
        let timer = timer.context("cannot create a timer")?;
        #[expect(
            deprecated,
            reason = "its successor is for types that may lie about their descriptor; `OwnedFd` cannot"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Self(timer))
    }

    async fn sleep_until(&mut self, moment: Instant) -> Result<()> {
        loop {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let never = Timespec { tv_sec: 0, tv_nsec: 0 };
            let value = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            timerfd_settime(
                self.0.get_ref(),
                TimerfdTimerFlags::empty(),
                &Itimerspec { it_interval: never, it_value: value },
            )
            .context("cannot set a timer")?;
            // Setting it again takes its readiness away, so it is not read.
            self.0.readable().await?.clear_ready();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_is_neither_early_nor_milliseconds_late() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut timer = Timer::new().unwrap();
            let mut best = Duration::MAX;
            for _ in 0..50 {
                let moment = Instant::now() + Duration::from_micros(300);
                timer.sleep_until(moment).await.unwrap();
                assert!(Instant::now() >= moment);
                best = best.min(moment.elapsed());
            }
            assert!(best < Duration::from_millis(1), "{best:?}");
        });
    }

    #[test]
    fn latency_counts_from_the_intended_time_and_what_is_lost_counts_too() {
        let schedule = Schedule::new(1_000.0);
        let start = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        let mut shared = Shared {
            schedule,
            start,
            first: 100,
            due: VecDeque::from([50, 500, 1_000, 1_500]),
            completed: 0,
            under_way: Vec::new(),
            latencies: Latencies::new(),
            failures: Failures::default(),
        };
        for _ in 0..3 {
            let index = shared.take().unwrap();
            if index != 1_000 {
                shared.answered(index, Ok(()));
            }
        }
        assert!(shared.is_busy());
        shared.give_up();
        // Request 50 warmed up; 500 waited 1.5 s, 1000 a second, 1500 half of one, although none was sent before now.
        let tail = shared.latencies.tail();
        assert_eq!((tail.count, shared.completed), (3, 2));
        assert!((1_490_000_000..1_700_000_000).contains(&tail.max), "{tail:?}");
        assert!((990_000_000..1_200_000_000).contains(&tail.p50), "{tail:?}");
        assert!(!shared.is_busy());
    }
}
