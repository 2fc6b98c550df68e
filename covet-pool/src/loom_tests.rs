//! Models of the state machine, run under every interleaving that loom can tell apart: a lost wake-up is a deadlock, a
//! lost connection fails the census, two owners of a cell are a data race.
//!
//! Connecting is immediate here: what is under test is who gets what, not how it is made.

use crate::core::{Claim, Core, Effects, Joined, Leaving, Limits, More, Owner};
use crate::queue::{Grant, Look, Ticket};
use crate::slot::{Take, Tenant};
use loom::future::block_on;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

struct Model {
    core: Core<Model>,
    live: AtomicUsize,
    /// The most that may be live at the moment.
    bound: AtomicUsize,
    now: u64,
}

/// A connection: it counts itself.
struct Conn(Arc<Model>);

impl Drop for Conn {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug, PartialEq)]
enum Refused {
    Expired,
    Closed,
    Connect,
}

impl Owner for Model {
    type Value = Conn;
    type Job = ();
    type Failure = Refused;

    fn core(&self) -> &Core<Self> {
        &self.core
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn expired(&self) -> Refused {
        Refused::Expired
    }

    fn closed(&self) -> Refused {
        Refused::Closed
    }
}

type Lease = Box<Tenant<Model>>;

impl Model {
    fn new(max: usize, overtakes: u32) -> Arc<Self> {
        let limits = Limits { max, ceiling: 2, queue: 8, overtakes };
        Arc::new(Self { core: Core::new(limits), live: AtomicUsize::new(0), bound: AtomicUsize::new(max), now: 0 })
    }

    fn open(self: &Arc<Self>, slot: u32) -> Lease {
        let live = self.live.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(live <= self.bound.load(Ordering::SeqCst), "{live} live connections");
        Tenant::new(Arc::clone(self), slot, Conn(Arc::clone(self)))
    }

    fn run(self: &Arc<Self>, effects: Effects<Self>) {
        let mut todo = vec![effects];
        while let Some(Effects { wake, more, .. }) = todo.pop() {
            wake.into_iter().for_each(Waker::wake);
            let Some(more) = more else { continue };
            let More { wake, spawn, retire, abandon, .. } = *more;
            wake.into_iter().for_each(Waker::wake);
            for claim in spawn {
                self.complete(claim, None);
            }
            for lease in retire {
                todo.push(self.close_one(lease, Leaving::Retired { connects: false }));
            }
            for claim in abandon {
                todo.push(self.core.vacate(
                    self,
                    claim.slot,
                    Leaving::Retired { connects: claim.connects },
                    None,
                    None,
                ));
            }
        }
    }

    fn close_one(&self, lease: Lease, leaving: Leaving) -> Effects<Self> {
        let (_, slot, conn) = lease.into_parts();
        drop(conn);
        self.core.vacate(self, slot, leaving, None, None)
    }

    fn complete(self: &Arc<Self>, claim: Claim<Self>, ticket: Option<&Ticket>) {
        let (_, effects) = Core::complete(self.open(claim.slot), claim.connects, ticket);
        self.run(effects);
    }

    fn put(lease: Lease) {
        if let Some((model, effects)) = Core::put(lease, 0) {
            model.run(effects);
        }
    }

    fn discard(self: &Arc<Self>, lease: Lease) {
        let effects = self.close_one(lease, Leaving::Held);
        self.run(effects);
    }

    fn join(self: &Arc<Self>, waker: &Waker, deadline: u64) -> Result<Ticket, Refused> {
        let (joined, effects) = self.core.join(self, waker.clone(), deadline, false);
        self.run(effects);
        match joined {
            Joined::Queued(ticket) | Joined::Asleep(ticket, _) => Ok(ticket),
            Joined::Closed => Err(Refused::Closed),
            Joined::Full => panic!("the queue has room"),
        }
    }

    fn poll(self: &Arc<Self>, line: &mut Line, cx: &mut Context<'_>) -> Poll<Result<Lease, Refused>> {
        loop {
            let Some(ticket) = &line.ticket else {
                if let Take::Got(lease) = self.core.take() {
                    return Poll::Ready(Ok(lease));
                }
                let (joined, effects) = self.core.join(self, cx.waker().clone(), line.deadline, false);
                self.run(effects);
                match joined {
                    Joined::Queued(ticket) => line.ticket = Some(ticket),
                    Joined::Asleep(ticket, _) => {
                        line.ticket = Some(ticket);
                        return Poll::Pending;
                    }
                    Joined::Closed => return Poll::Ready(Err(Refused::Closed)),
                    Joined::Full => panic!("the queue has room"),
                }
                continue;
            };
            let (look, effects) = self.core.look(self, ticket, cx.waker());
            self.run(effects);
            match look {
                Look::Claim(claim) => self.complete(claim, Some(ticket)),
                Look::Waiting => return Poll::Pending,
                Look::Granted(grant) => {
                    line.ticket = None;
                    return Poll::Ready(match grant {
                        Grant::Tenant(lease) => Ok(lease),
                        Grant::Failure(refused) => Err(*refused),
                    });
                }
            }
        }
    }

    fn get(self: &Arc<Self>) -> Result<Lease, Refused> {
        self.get_until(u64::MAX)
    }

    fn get_until(self: &Arc<Self>, deadline: u64) -> Result<Lease, Refused> {
        let mut line = Line { ticket: None, deadline };
        block_on(std::future::poll_fn(|cx| self.poll(&mut line, cx)))
    }

    /// Polls once and goes away, whatever it has been given by then.
    fn get_and_cancel(self: &Arc<Self>) {
        let mut line = Line { ticket: None, deadline: u64::MAX };
        let polled = self.poll(&mut line, &mut Context::from_waker(Waker::noop()));
        thread::yield_now();
        if let Poll::Ready(Ok(lease)) = polled {
            Self::put(lease);
        }
        if let Some(ticket) = line.ticket {
            let effects = self.core.leave(self, &ticket);
            self.run(effects);
        }
    }

    /// After all is over: nobody waits, and every occupied slot is idle.
    fn rests_with(self: &Arc<Self>, occupied: usize) {
        let census = self.core.census();
        assert_eq!((census.waiting, census.connecting), (0, 0), "{census:?}");
        assert_eq!((census.occupied, census.idle), (occupied, occupied), "{census:?}");
        assert_eq!(self.live.load(Ordering::SeqCst), occupied);
        let effects = self.core.close(self);
        self.run(effects);
        assert_eq!(self.live.load(Ordering::SeqCst), 0, "closing frees them all");
    }
}

struct Line {
    ticket: Option<Ticket>,
    deadline: u64,
}

fn spawn(model: &Arc<Model>, f: impl FnOnce(Arc<Model>) + 'static) -> thread::JoinHandle<()> {
    let model = Arc::clone(model);
    thread::spawn(move || f(model))
}

fn join<const N: usize>(threads: [thread::JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().unwrap();
    }
}

fn get_and_put(model: &Arc<Model>) {
    Model::put(model.get().unwrap());
}

/// What two others do while one holds the only connection, and puts it back.
fn while_held(overtakes: u32, others: [fn(&Arc<Model>); 2]) {
    loom::model(move || {
        let model = Model::new(1, overtakes);
        let held = model.get().unwrap();
        let threads = others.map(|other| spawn(&model, move |model| other(&model)));
        Model::put(held);
        join(threads);
        model.rests_with(1);
    });
}

#[test]
fn three_share_one_connection() {
    // The largest of the models: with three preemptions it alone takes minutes.
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(|| {
        let model = Model::new(1, 0);
        let threads = [spawn(&model, |model| get_and_put(&model)), spawn(&model, |model| get_and_put(&model))];
        get_and_put(&model);
        join(threads);
        model.rests_with(1);
    });
}

#[test]
fn take_and_return_without_waiting() {
    loom::model(|| {
        let model = Model::new(2, 0);
        let held = (model.get().unwrap(), model.get().unwrap());
        Model::put(held.0);
        Model::put(held.1);
        let threads = [spawn(&model, |model| get_and_put(&model))];
        get_and_put(&model);
        get_and_put(&model);
        join(threads);
        model.rests_with(2);
    });
}

#[test]
fn cancelled_while_waiting_or_granted() {
    while_held(0, [Model::get_and_cancel, get_and_put]);
}

#[test]
fn cancelled_while_asked_to_connect() {
    loom::model(|| {
        let model = Model::new(1, 0);
        // The claim is given to the first in line, who goes away without having begun.
        let ticket = model.join(Waker::noop(), u64::MAX).unwrap();
        let thread = spawn(&model, |model| get_and_put(&model));
        let effects = model.core.leave(&model, &ticket);
        model.run(effects);
        thread.join().unwrap();
        model.rests_with(1);
    });
}

#[test]
fn expired_are_passed_over() {
    let expired = |model: &Arc<Model>| match model.get_until(0) {
        Ok(lease) => Model::put(lease),
        Err(refused) => assert_eq!(refused, Refused::Expired),
    };
    while_held(0, [expired, get_and_put]);
}

#[test]
fn discarded_under_a_waiter() {
    loom::model(|| {
        let model = Model::new(1, 0);
        let held = model.get().unwrap();
        let thread = spawn(&model, |model| get_and_put(&model));
        model.discard(held);
        thread.join().unwrap();
        model.rests_with(1);
    });
}

#[test]
fn a_failed_connect_fails_one_waiter_and_frees_the_slot() {
    loom::model(|| {
        let model = Model::new(1, 0);
        let claim = model.core.claim_ahead().unwrap();
        let thread = spawn(&model, |model| match model.get() {
            Ok(lease) => Model::put(lease),
            Err(refused) => assert_eq!(refused, Refused::Connect),
        });
        let leaving = Leaving::Worked { connects: true };
        let effects = model.core.vacate(&model, claim.slot, leaving, Some(Refused::Connect), None);
        model.run(effects);
        thread.join().unwrap();
        let census = model.core.census();
        assert_eq!((census.occupied, census.waiting), (census.idle, 0));
        model.rests_with(census.occupied);
    });
}

#[test]
fn abandoned_work_is_carried_on() {
    loom::model(|| {
        let model = Model::new(1, 0);
        let claim = model.core.claim_ahead().unwrap();
        let thread = spawn(&model, |model| get_and_put(&model));
        let effects = model.core.park(&model, Claim { job: Some(()), ..claim }, None, true);
        model.run(effects);
        thread.join().unwrap();
        model.rests_with(1);
    });
}

#[test]
fn closed_against_hand_over() {
    loom::model(|| {
        let model = Model::new(1, 0);
        let held = model.get().unwrap();
        let waiter = spawn(&model, |model| match model.get() {
            Ok(lease) => Model::put(lease),
            Err(refused) => assert_eq!(refused, Refused::Closed),
        });
        let closer = spawn(&model, |model| {
            let effects = model.core.close(&model);
            model.run(effects);
            block_on(std::future::poll_fn(|cx| model.core.poll_drained(cx)));
        });
        Model::put(held);
        waiter.join().unwrap();
        closer.join().unwrap();
        model.rests_with(0);
    });
}

#[test]
fn shrunk_against_returns() {
    loom::model(|| {
        let model = Model::new(2, 0);
        let (one, two) = (model.get().unwrap(), model.get().unwrap());
        let threads = [
            spawn(&model, |_| Model::put(two)),
            spawn(&model, |model| {
                let effects = model.core.resize(&model, 1);
                model.run(effects);
            }),
        ];
        Model::put(one);
        join(threads);
        model.rests_with(1);
    });
}

#[test]
fn grown_under_a_waiter() {
    loom::model(|| {
        let model = Model::new(1, 0);
        let held = model.get().unwrap();
        let waiter = spawn(&model, |model| get_and_put(&model));
        model.bound.store(3, Ordering::SeqCst);
        // Three slots are two segments here: the new one begins with the flags of the first.
        let effects = model.core.resize(&model, 3);
        model.run(effects);
        waiter.join().unwrap();
        Model::put(held);
        let occupied = model.core.census().occupied;
        model.rests_with(occupied);
    });
}

#[test]
fn swept_against_take() {
    loom::model(|| {
        let model = Model::new(1, 0);
        get_and_put(&model);
        let thread = spawn(&model, |model| get_and_put(&model));
        let effects = model.core.sweep(&model, |_| true);
        model.run(effects);
        thread.join().unwrap();
        let occupied = model.core.census().occupied;
        model.rests_with(occupied);
    });
}

#[test]
fn barging_never_strands_a_waiter() {
    while_held(1, [get_and_put, get_and_put]);
}

#[test]
fn barging_with_a_cancelled_competitor() {
    while_held(2, [Model::get_and_cancel, get_and_put]);
}

#[test]
fn barging_two_connections() {
    loom::model(|| {
        let model = Model::new(2, 1);
        let (one, two) = (model.get().unwrap(), model.get().unwrap());
        let threads = [spawn(&model, |model| get_and_put(&model)), spawn(&model, |_| Model::put(two))];
        Model::put(one);
        get_and_put(&model);
        join(threads);
        model.rests_with(2);
    });
}
