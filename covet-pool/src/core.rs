//! The state machine of `DESIGN.md`: slots, waiters, grants, resize and close. It knows nothing of connections, time-outs
//! or runtimes, so that the models can attack it alone.
//!
//! Nothing foreign runs under the mutex: whatever has to be woken, started or closed comes back in [`Effects`].
//!
//! Here is what happens to a tenant that comes back; `line.rs` has the waiters' side, `work.rs` and `size.rs` the slow
//! changes.

mod effects;
mod line;
mod size;
mod state;
mod work;

pub(crate) use effects::{Census, Claim, Effects, Joined, Leaving, Limits, More};

use crate::queue::{Grant, Served, Ticket};
use crate::slot::{self, GATE, MAX_OVERTAKES, MAX_SLOTS, OVERTAKES, Segments, Take, Tenant, WAITERS, WOKEN};
use crate::sync::Mutex;
use crossbeam_utils::CachePadded;
use state::State;
use std::sync::Arc;

/// What the state machine is about.
pub(crate) trait Owner: Send + Sync + Sized + 'static {
    /// What a slot holds beside its bookkeeping.
    type Value: Send;
    /// Unfinished work on a slot, which anybody can carry on.
    type Job: Send;
    /// What a waiter can be told instead of being given a tenant.
    type Failure: Send;

    fn core(&self) -> &Core<Self>;
    /// Coarse monotonic time in milliseconds.
    fn now(&self) -> u64;
    fn expired(&self) -> Self::Failure;
    fn closed(&self) -> Self::Failure;
}

pub(crate) struct Core<O: Owner> {
    pub(crate) segments: Segments<O>,
    limits: Limits,
    /// On cache lines of its own: who takes without waiting only reads what is beside it.
    state: CachePadded<Mutex<State<O>>>,
}

impl<O: Owner> Core<O> {
    pub(crate) fn new(limits: Limits) -> Self {
        let max = limits.max.clamp(1, MAX_SLOTS);
        let segments = Segments::new();
        segments.reserve(max, 0);
        let state = State::new(max);
        let limits =
            Limits { max, ceiling: limits.ceiling.max(1), overtakes: limits.overtakes.min(MAX_OVERTAKES), ..limits };
        Self { segments, limits, state: CachePadded::new(Mutex::new(state)) }
    }

    /// An idle tenant, if there is one and nobody waits for it. One compare-and-swap.
    #[inline(always)]
    pub(crate) fn take(&self) -> Take<O> {
        self.segments.take(self.limits.overtakes)
    }

    /// Gives a tenant back. One compare-and-swap, unless somebody waits.
    #[inline(always)]
    pub(crate) fn put(tenant: Box<Tenant<O>>, now: u64) -> Option<(Arc<O>, Effects<O>)> {
        match slot::publish(tenant) {
            Ok(()) => None,
            Err(tenant) => Some(Self::put_slow(tenant, now)),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_slow(tenant: Box<Tenant<O>>, now: u64) -> (Arc<O>, Effects<O>) {
        let owner = Arc::clone(tenant.owner());
        let mut effects = Effects::new(now);
        let core = owner.core();
        core.receive(&owner, &mut core.state.lock(), tenant, &mut effects);
        (owner, effects)
    }

    /// Work has ended well: its tenant goes to the line, or becomes idle.
    pub(crate) fn complete(tenant: Box<Tenant<O>>, connects: bool, ticket: Option<&Ticket>) -> (Arc<O>, Effects<O>) {
        let owner = Arc::clone(tenant.owner());
        let mut effects = Effects::new(owner.now());
        let core = owner.core();
        let mut state = core.state.lock();
        state.end_work(connects, ticket);
        core.receive(&owner, &mut state, tenant, &mut effects);
        drop(state);
        (owner, effects)
    }

    /// A tenant has come back: to whom it belongs now.
    fn receive(&self, owner: &O, state: &mut State<O>, tenant: Box<Tenant<O>>, effects: &mut Effects<O>) {
        if state.closed || state.surplus() > 0 {
            state.retiring += 1;
            effects.more().retire.push(tenant);
        } else if self.limits.overtakes > 0 && state.waiters.len() > 0 && !self.segments.gated() {
            self.segments.publish_any(tenant);
            if !state.woken {
                state.woken = true;
                effects.wake(state.waiters.head_waker());
            }
            return self.settle(state, effects);
        } else if let Some(tenant) = self.hand_over(owner, state, tenant, effects) {
            self.segments.publish_any(tenant);
        } else if state.waiters.len() > 0 && self.limits.overtakes == 0 && state.saturated(self.limits.ceiling) {
            // The common case under load: one waiter less, and nothing that dispatch could do about the others.
            return;
        }
        self.dispatch(owner, state, effects);
    }

    /// Gives a tenant to the first waiter that has not expired. Hands it back if there is none.
    fn hand_over(
        &self,
        owner: &O,
        state: &mut State<O>,
        tenant: Box<Tenant<O>>,
        effects: &mut Effects<O>,
    ) -> Option<Box<Tenant<O>>> {
        self.expire(owner, state, effects);
        let Served { waker, claim } = match state.waiters.grant(Grant::Tenant(tenant)) {
            Ok(granted) => granted,
            Err(Grant::Tenant(tenant)) => return Some(tenant),
            Err(Grant::Failure(_)) => return None,
        };
        effects.wake(waker);
        state.woken = false;
        if let Some(claim) = claim {
            state.unclaim(claim);
        }
        if self.limits.overtakes > 0 {
            self.set_flags(state, true);
        }
        None
    }

    /// Fails the waiters at the head whose time is over.
    fn expire(&self, owner: &O, state: &mut State<O>, effects: &mut Effects<O>) {
        while let Some(deadline) = state.waiters.deadline()
            && deadline != u64::MAX
            && deadline <= effects.now
        {
            state.fail_head(owner.expired(), effects);
        }
    }

    /// What has to happen after every change: see `DESIGN.md`, section 3.
    fn dispatch(&self, owner: &O, state: &mut State<O>, effects: &mut Effects<O>) {
        // The order is the point: first the flags (a return that sees them comes to the mutex), and only then the look
        // at the idle connections.
        self.set_flags(state, false);
        while state.waiters.len() > 0
            && let Some(tenant) = self.segments.take_any()
        {
            if let Some(tenant) = self.hand_over(owner, state, tenant, effects) {
                self.segments.publish_any(tenant);
            }
        }
        self.settle(state, effects);
    }

    fn settle(&self, state: &mut State<O>, effects: &mut Effects<O>) {
        while state.waiters.len() > state.working
            && let Some(claim) = state.next_claim(self.limits.ceiling)
            && state.start(claim, effects)
        {}
        self.set_flags(state, false);
        if state.closed && state.occupied == 0 && !state.drainers.is_empty() {
            effects.more().wake.append(&mut state.drainers);
        }
    }

    /// Brings the flags in the words up to date with the state.
    fn set_flags(&self, state: &mut State<O>, handed_over: bool) {
        let waits = state.waiters.len() > 0;
        let mut flags = 0;
        if state.closed || state.surplus() > 0 || (waits && self.limits.overtakes == 0) {
            flags |= GATE;
        }
        if waits && self.limits.overtakes > 0 {
            flags |= if state.woken { WAITERS | WOKEN } else { WAITERS };
        }
        if flags == state.flags && !handed_over {
            return;
        }
        // An overtaker may have raised GATE by itself; it stays up until a hand-over, or until nobody waits.
        let mut clear = state.flags & !flags;
        if handed_over || !waits {
            clear |= (GATE & !flags) | OVERTAKES;
        }
        state.flags = flags;
        state.overtakes += self.segments.set_flags(flags, clear);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    #[cfg(feature = "tokio")]
    /// When the head's time is over, `None` if nobody waits.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.state.lock().waiters.deadline()
    }

    pub(crate) fn census(&self) -> Census {
        let state = self.state.lock();
        Census {
            max: state.max,
            occupied: state.occupied,
            idle: self.segments.idle(),
            connecting: state.connecting,
            waiting: state.waiters.len(),
            closed: state.closed,
            overtakes: state.overtakes + self.segments.overtakes(),
        }
    }

    /// Slots that have ever been in use are below this number.
    pub(crate) fn slots_used(&self) -> u32 {
        self.state.lock().vacant.bound
    }
}
