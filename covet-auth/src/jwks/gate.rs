//! One flight at a time: of many callers that want the same work done, one does it and the others wait for its
//! outcome. No runtime is needed, and no caller's cancellation strands the others: whoever waits takes over.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

#[derive(Debug)]
pub(super) struct Gate<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    busy: bool,
    /// How many flights have landed, and what the last one brought.
    landed: u64,
    outcome: Option<T>,
    waiting: BTreeMap<u64, Waker>,
    next_ticket: u64,
}

/// What a caller gets at the gate.
pub(super) enum Entry<'a, T: Clone> {
    /// Its turn to do the work.
    Pass(Pass<'a, T>),
    /// What another caller's flight brought, which landed while this one waited.
    Landed(T),
}

impl<T: Clone> Gate<T> {
    pub(super) fn new() -> Self {
        let state = State { busy: false, landed: 0, outcome: None, waiting: BTreeMap::new(), next_ticket: 0 };
        Self { state: Mutex::new(state) }
    }

    /// Waits for a flight that is under way, or passes.
    pub(super) async fn enter(&self) -> Entry<'_, T> {
        let mut waiter = Waiter { gate: self, ticket: None, landed: self.state.lock().landed };
        poll_fn(|cx| waiter.poll(cx)).await
    }

    /// Passes if nobody else did.
    pub(super) fn try_enter(&self) -> Option<Pass<'_, T>> {
        let mut state = self.state.lock();
        let free = !std::mem::replace(&mut state.busy, true);
        free.then(|| Pass { gate: self, outcome: None })
    }

    fn release(&self, outcome: Option<T>) {
        let waiting = {
            let mut state = self.state.lock();
            state.busy = false;
            if outcome.is_some() {
                state.landed += 1;
                state.outcome = outcome;
            }
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting.into_values() {
            waker.wake();
        }
    }
}

struct Waiter<'a, T: Clone> {
    gate: &'a Gate<T>,
    ticket: Option<u64>,
    landed: u64,
}

impl<'a, T: Clone> Waiter<'a, T> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Entry<'a, T>> {
        let mut state = self.gate.state.lock();
        if state.landed != self.landed
            && let Some(outcome) = &state.outcome
        {
            return Poll::Ready(Entry::Landed(outcome.clone()));
        }
        if !state.busy {
            state.busy = true;
            return Poll::Ready(Entry::Pass(Pass { gate: self.gate, outcome: None }));
        }
        let ticket = *self.ticket.get_or_insert_with(|| {
            state.next_ticket += 1;
            state.next_ticket
        });
        state.waiting.insert(ticket, cx.waker().clone());
        Poll::Pending
    }
}

impl<T: Clone> Drop for Waiter<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.gate.state.lock().waiting.remove(&ticket);
        }
    }
}

/// The right to do the work. Dropped without an outcome, it lets the next caller pass.
pub(super) struct Pass<'a, T: Clone> {
    gate: &'a Gate<T>,
    outcome: Option<T>,
}

impl<T: Clone> Pass<'_, T> {
    /// Hands the outcome to everyone who waits.
    pub(super) fn land(mut self, outcome: T) {
        self.outcome = Some(outcome);
    }
}

impl<T: Clone> Drop for Pass<'_, T> {
    fn drop(&mut self) {
        self.gate.release(self.outcome.take());
    }
}
