//! Joining the line, looking at one's place, leaving it.

use super::state::State;
use super::{Core, Effects, Joined, Owner};
use crate::queue::{Grant, Left, Look, Ticket};
use std::task::Waker;

impl<O: Owner> Core<O> {
    /// Joins the line, behind everybody or (`front`) before everybody.
    pub(crate) fn join(&self, owner: &O, waker: Waker, deadline: u64, front: bool) -> (Joined, Effects<O>) {
        let mut effects = Effects::new(owner.now());
        let mut state = self.state.lock();
        if state.closed {
            return (Joined::Closed, effects);
        }
        if front {
            // Whoever was awake is not the head any more.
            state.woken = false;
        }
        // Behind others in a strict line, with nothing to begin: the gate is up, so nothing is idle (I2 in DESIGN.md).
        let settled =
            !front && self.limits.overtakes == 0 && state.waiters.len() > 0 && state.saturated(self.limits.ceiling);
        let ticket = state.waiters.join(waker, deadline, front);
        if !settled {
            self.dispatch(owner, &mut state, &mut effects);
        }
        // Those for whom work is in flight do not count: they wait for their own connection.
        let queued = state.waiters.len() - state.waiters.len().min(state.working);
        if !front && queued > self.limits.queue && state.waiters.waits(&ticket) {
            let mut stale = None;
            let left = state.waiters.leave(&ticket, &mut stale);
            effects.stale(stale);
            self.pass_on(owner, &mut state, left, &mut effects);
            return (Joined::Full, effects);
        }
        let asleep = state.waiters.sleeps(&ticket);
        state.joined = state.joined.wrapping_add(1);
        let timed = state.joined % 8 == 1;
        drop(state);
        (if asleep { Joined::Asleep(ticket, timed) } else { Joined::Queued(ticket) }, effects)
    }

    /// Looks at one's place in the line. After `Look::Granted` the ticket is spent.
    pub(crate) fn look(&self, owner: &O, ticket: &Ticket, waker: &Waker) -> (Look<O>, Effects<O>) {
        let mut effects = Effects::new(0);
        let mut state = self.state.lock();
        if state.woken && state.waiters.is_head(ticket) {
            self.compete(owner, &mut state, &mut effects);
        }
        let mut stale = None;
        let look = state.waiters.look(ticket, waker, &mut stale);
        drop(state);
        drop(stale);
        (look, effects)
    }

    /// Bounded barging: the head was woken to look for itself. If a newcomer was faster, it sleeps on at its place.
    fn compete(&self, owner: &O, state: &mut State<O>, effects: &mut Effects<O>) {
        effects.now = owner.now();
        state.woken = false;
        self.dispatch(owner, state, effects);
    }

    /// Leaves the line; whatever had been given to the ticket goes to the next.
    pub(crate) fn leave(&self, owner: &O, ticket: &Ticket) -> Effects<O> {
        let mut effects = Effects::new(owner.now());
        let mut state = self.state.lock();
        if state.waiters.is_head(ticket) {
            state.woken = false;
        }
        let mut stale = None;
        let left = state.waiters.leave(ticket, &mut stale);
        effects.stale(stale);
        self.pass_on(owner, &mut state, left, &mut effects);
        drop(state);
        effects
    }

    fn pass_on(&self, owner: &O, state: &mut State<O>, left: Left<O>, effects: &mut Effects<O>) {
        match left {
            Left::Grant(Grant::Tenant(tenant)) => return self.receive(owner, state, tenant, effects),
            Left::Claim(claim) => state.unclaim(claim),
            Left::Grant(Grant::Failure(failure)) => effects.more().unheard = Some(failure),
            Left::Nothing => {}
        }
        self.dispatch(owner, state, effects);
    }

    #[cfg(feature = "tokio")]
    /// Fails the waiters at the head whose time is over.
    pub(crate) fn expire_now(&self, owner: &O) -> Effects<O> {
        let mut effects = Effects::new(owner.now());
        let mut state = self.state.lock();
        self.expire(owner, &mut state, &mut effects);
        self.dispatch(owner, &mut state, &mut effects);
        drop(state);
        effects
    }
}
