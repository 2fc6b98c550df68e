//! A manager that does as it is told and counts what lives.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and tests unwrap")]

use covet_pool::{Get, Manager, Pool, PoolError, PooledConn, Return};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// What a manager's method does when it is called next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Ok,
    /// Succeeds after being pending so often.
    Slow(u32),
    Fail,
    /// Fails after being pending so often.
    SlowFail(u32),
    Panic,
    Hang,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

#[derive(Default)]
pub(crate) struct Told {
    pub(crate) live: AtomicUsize,
    pub(crate) most_live: AtomicUsize,
    pub(crate) connects: AtomicUsize,
    pub(crate) checks: AtomicUsize,
    pub(crate) resets: AtomicUsize,
    pub(crate) connect: Mutex<VecDeque<Plan>>,
    pub(crate) check: Mutex<VecDeque<Plan>>,
    pub(crate) reset: Mutex<VecDeque<Plan>>,
    pub(crate) on_return: Mutex<VecDeque<Return>>,
}

impl Told {
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    pub(crate) fn connects(&self) -> usize {
        self.connects.load(Ordering::SeqCst)
    }

    pub(crate) fn plan_connect(&self, plans: impl IntoIterator<Item = Plan>) {
        self.connect.lock().unwrap().extend(plans);
    }

    pub(crate) fn plan_check(&self, plans: impl IntoIterator<Item = Plan>) {
        self.check.lock().unwrap().extend(plans);
    }

    pub(crate) fn plan_reset(&self, plans: impl IntoIterator<Item = Plan>) {
        self.reset.lock().unwrap().extend(plans);
    }

    pub(crate) fn plan_return(&self, plans: impl IntoIterator<Item = Return>) {
        self.on_return.lock().unwrap().extend(plans);
    }
}

#[derive(Clone, Default)]
pub(crate) struct Fake(pub(crate) Arc<Told>);

#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: usize,
    told: Arc<Told>,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.told.live.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn act(plan: Plan) -> Result<(), Broken> {
    let (pending, result) = match plan {
        Plan::Ok => (0, Ok(())),
        Plan::Slow(pending) => (pending, Ok(())),
        Plan::Fail => (0, Err(Broken)),
        Plan::SlowFail(pending) => (pending, Err(Broken)),
        Plan::Panic => panic!("as planned"),
        Plan::Hang => return std::future::pending().await,
    };
    let mut left = pending;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    result
}

fn next(plans: &Mutex<VecDeque<Plan>>) -> Plan {
    plans.lock().unwrap().pop_front().unwrap_or(Plan::Ok)
}

impl Manager for Fake {
    type Conn = Conn;
    type Error = Broken;

    async fn connect(&self) -> Result<Conn, Broken> {
        let id = self.0.connects.fetch_add(1, Ordering::SeqCst);
        let plan = next(&self.0.connect);
        // The server holds the connection from the first packet on, so it counts from here.
        let live = self.0.live.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most_live.fetch_max(live, Ordering::SeqCst);
        let conn = Conn { id, told: Arc::clone(&self.0) };
        act(plan).await?;
        Ok(conn)
    }

    async fn check(&self, _: &mut Conn) -> Result<(), Broken> {
        self.0.checks.fetch_add(1, Ordering::SeqCst);
        act(next(&self.0.check)).await
    }

    fn on_return(&self, _: &mut Conn) -> Return {
        self.0.on_return.lock().unwrap().pop_front().unwrap_or(Return::Ready)
    }

    async fn reset(&self, _: &mut Conn) -> Result<(), Broken> {
        self.0.resets.fetch_add(1, Ordering::SeqCst);
        act(next(&self.0.reset)).await
    }
}

pub(crate) type Outcome = Result<PooledConn<Fake>, PoolError<Broken>>;

/// Polls once, by hand.
pub(crate) fn poll(get: &mut Get<'_, Fake>) -> Poll<Outcome> {
    Pin::new(get).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls until it is ready; for futures that wake themselves.
pub(crate) fn finish(get: &mut Get<'_, Fake>) -> Outcome {
    for _ in 0..1000 {
        if let Poll::Ready(outcome) = poll(get) {
            return outcome;
        }
    }
    panic!("not ready after a thousand polls");
}

pub(crate) fn pool(max_size: usize) -> (Pool<Fake>, Arc<Told>) {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    (Pool::builder(fake).max_size(max_size).build().unwrap(), told)
}

/// Nobody waits, nothing is lost: every open connection is idle, and as many live as the pool believes.
pub(crate) fn at_rest(pool: &Pool<Fake>, told: &Told) {
    let status = pool.status();
    assert_eq!((status.in_use, status.connecting, status.waiting), (0, 0, 0), "{status:?}");
    assert_eq!(status.idle, status.size, "{status:?}");
    assert_eq!(told.live(), status.size, "{status:?}");
}

/// The whole capacity can still be had at once, and no more than that.
pub(crate) fn whole(pool: &Pool<Fake>, told: &Told) {
    let max = pool.status().max_size;
    let held: Vec<_> = (0..max).map(|_| pool.get_blocking().unwrap()).collect();
    assert!(pool.try_get().is_err());
    assert_eq!(told.live(), max);
    drop(held);
    at_rest(pool, told);
}
