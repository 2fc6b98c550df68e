//! The state machine of `DESIGN.md`: slots, waiters, grants, resize and close. It knows nothing of connections, time-outs
//! or runtimes, so that the models can attack it alone.
//!
//! Nothing foreign runs under the mutex: whatever has to be woken, started or closed comes back in [`Effects`].

use crate::queue::{Grant, Left, Look, Served, Ticket, Waiters};
use crate::slot::{self, GATE, MAX_OVERTAKES, MAX_SLOTS, OVERTAKES, Segments, Take, Tenant, WAITERS, WOKEN};
use crate::sync::{Mutex, MutexGuard};
use crossbeam_utils::CachePadded;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

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

/// The right and duty to fill a slot.
pub(crate) struct Claim<O: Owner> {
    pub(crate) slot: u32,
    /// Work begun by somebody else; `None` means to connect.
    pub(crate) job: Option<O::Job>,
    /// Whether it counts against the ceiling of concurrent connects.
    pub(crate) connects: bool,
}

/// What to do after the mutex has been released. Small, because almost always it is to wake one waiter at most.
#[must_use = "waiters sleep and connections stay open until the effects are run"]
pub(crate) struct Effects<O: Owner> {
    /// When the operation began, read before the mutex was taken.
    now: u64,
    pub(crate) wake: Option<Waker>,
    pub(crate) more: Option<Box<More<O>>>,
}

/// Effects that are rare.
pub(crate) struct More<O: Owner> {
    pub(crate) wake: Vec<Waker>,
    /// To be started as tasks.
    pub(crate) spawn: Vec<Claim<O>>,
    /// To be closed and then vacated as retired.
    pub(crate) retire: Vec<Box<Tenant<O>>>,
    /// To be dropped and then vacated as retired.
    pub(crate) abandon: Vec<Claim<O>>,
    /// To be dropped.
    stale: Option<Waker>,
    /// To be dropped.
    unheard: Option<Box<O::Failure>>,
}

impl<O: Owner> Effects<O> {
    fn new(now: u64) -> Self {
        Self { now, wake: None, more: None }
    }

    fn wake(&mut self, waker: Option<Waker>) {
        match (waker, &mut self.wake) {
            (Some(waker), none @ None) => *none = Some(waker),
            (Some(waker), Some(_)) => self.more().wake.push(waker),
            (None, _) => {}
        }
    }

    fn stale(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.more().stale = waker;
        }
    }

    fn more(&mut self) -> &mut More<O> {
        self.more.get_or_insert_with(|| {
            Box::new(More {
                wake: Vec::new(),
                spawn: Vec::new(),
                retire: Vec::new(),
                abandon: Vec::new(),
                stale: None,
                unheard: None,
            })
        })
    }
}

/// How a tenant's slot became free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// Its holder gave it up.
    Held,
    /// The core asked for it.
    Retired { connects: bool },
    /// Work on it came to nothing.
    Worked { connects: bool },
}

/// What came of joining the line.
pub(crate) enum Joined {
    /// In line; there may be something for the ticket already.
    Queued(Ticket),
    /// In line, and for the time being there is nothing to do but to sleep. One in eight is asked to take the time.
    Asleep(Ticket, bool),
    Full,
    Closed,
}

/// Numbers for the statistics, all taken at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Census {
    pub(crate) max: usize,
    pub(crate) occupied: usize,
    pub(crate) idle: usize,
    pub(crate) connecting: usize,
    pub(crate) waiting: usize,
    pub(crate) closed: bool,
    pub(crate) overtakes: u64,
}

/// Fixed properties of a core.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max: usize,
    pub(crate) ceiling: usize,
    pub(crate) queue: usize,
    /// Overtakes that newcomers are allowed between two hand-offs; zero is strict.
    pub(crate) overtakes: u32,
}

/// Laid out by hand: what every hand-over touches comes first, in as few cache lines as possible.
#[repr(C)]
struct State<O: Owner> {
    waiters: Waiters<O>,
    closed: bool,
    /// Bounded barging: the head is awake and will look.
    woken: bool,
    /// Claims become tasks instead of being given to waiters.
    spawns: bool,
    /// How many have joined the line.
    joined: u32,
    max: usize,
    /// Slots that are not vacant.
    occupied: usize,
    /// Slots whose connection the core has asked somebody to close.
    retiring: usize,
    /// Connects begun and not ended, whether or not anybody drives them now.
    connecting: usize,
    /// Work that somebody is driving and whose result will come to the line.
    working: usize,
    /// The flags in the words, but for a GATE that an overtaker may have raised.
    flags: u64,
    /// Work that nobody drives.
    pending: VecDeque<Claim<O>>,
    vacant: SlotSet,
    drainers: Vec<Waker>,
    /// Overtakes so far, but for those that the words still count.
    overtakes: u64,
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
        let state = State {
            waiters: Waiters::new(),
            vacant: SlotSet::default(),
            max,
            occupied: 0,
            retiring: 0,
            connecting: 0,
            working: 0,
            pending: VecDeque::new(),
            flags: 0,
            woken: false,
            spawns: false,
            closed: false,
            drainers: Vec::new(),
            overtakes: 0,
            joined: 0,
        };
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

    /// Leaves work for somebody else to carry on.
    pub(crate) fn park(&self, owner: &O, claim: Claim<O>, ticket: Option<&Ticket>, driven: bool) -> Effects<O> {
        let mut effects = Effects::new(owner.now());
        let mut state = self.state.lock();
        if driven {
            state.working -= 1;
        }
        if let Some(ticket) = ticket {
            state.waiters.idle(ticket);
        }
        if state.closed || state.surplus() > 0 {
            state.retiring += 1;
            effects.more().abandon.push(claim);
        } else if state.spawns {
            state.working += 1;
            effects.more().spawn.push(claim);
        } else {
            state.pending.push_back(claim);
        }
        self.dispatch(owner, &mut state, &mut effects);
        drop(state);
        effects
    }

    /// A slot's connection is closed, or was never opened; with a failure if the head of the line should hear of it.
    pub(crate) fn vacate(
        &self,
        owner: &O,
        slot: u32,
        leaving: Leaving,
        failure: Option<O::Failure>,
        ticket: Option<&Ticket>,
    ) -> Effects<O> {
        let mut effects = Effects::new(owner.now());
        let mut state = self.state.lock();
        match leaving {
            Leaving::Held => {}
            Leaving::Retired { connects } => {
                state.retiring -= 1;
                state.connecting -= usize::from(connects);
            }
            Leaving::Worked { connects } => state.end_work(connects, ticket),
        }
        state.occupied -= 1;
        state.vacant.insert(slot);
        if let Some(failure) = failure {
            state.fail_head(failure, &mut effects);
        }
        self.dispatch(owner, &mut state, &mut effects);
        drop(state);
        effects
    }

    /// A claim that nobody waits for, to fill the pool ahead of demand. `None` if the bound or the ceiling is reached.
    pub(crate) fn claim_ahead(&self) -> Option<Claim<O>> {
        let mut state = self.state.lock();
        let claim = state.new_claim(self.limits.ceiling)?;
        state.working += 1;
        Some(claim)
    }

    /// From now on claims are tasks. Those that lie about are started.
    pub(crate) fn spawn_from_now_on(&self, owner: &O) -> Effects<O> {
        let mut effects = Effects::new(owner.now());
        let mut state = self.state.lock();
        state.spawns = true;
        while let Some(claim) = state.pending.pop_front() {
            state.working += 1;
            effects.more().spawn.push(claim);
        }
        self.dispatch(owner, &mut state, &mut effects);
        drop(state);
        effects
    }

    /// From now on claims are given to waiters.
    pub(crate) fn spawn_no_more(&self) {
        self.state.lock().spawns = false;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    #[cfg(feature = "tokio")]
    /// When the head's time is over, `None` if nobody waits.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.state.lock().waiters.deadline()
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

    /// Sets the maximum, within 1 and [`MAX_SLOTS`].
    pub(crate) fn resize(&self, owner: &O, max: usize) -> Effects<O> {
        let mut effects = Effects::new(owner.now());
        let mut state = self.state.lock();
        state.max = max.clamp(1, MAX_SLOTS);
        self.segments.reserve(state.max, state.flags);
        self.shrink(&mut state, &mut effects);
        self.dispatch(owner, &mut state, &mut effects);
        drop(state);
        effects
    }

    fn shrink(&self, state: &mut State<O>, effects: &mut Effects<O>) {
        // GATE first: what is returned from here on comes to the mutex and is retired there.
        self.set_flags(state, false);
        while state.closed || state.surplus() > 0 {
            if let Some(claim) = state.pending.pop_back() {
                effects.more().abandon.push(claim);
            } else if let Some(tenant) = self.segments.take_coldest() {
                effects.more().retire.push(tenant);
            } else {
                break;
            }
            state.retiring += 1;
        }
    }

    /// Takes every idle tenant that `judge` condemns out of the pool. `judge` runs under the mutex.
    pub(crate) fn sweep(&self, owner: &O, mut judge: impl FnMut(&mut O::Value) -> bool) -> Effects<O> {
        let mut effects = Effects::new(owner.now());
        let mut state = self.state.lock();
        for slot in 0..state.vacant.bound {
            let Some(mut tenant) = self.segments.take_at(slot) else { continue };
            if judge(&mut tenant.value) {
                state.retiring += 1;
                effects.more().retire.push(tenant);
            } else {
                self.segments.publish_any(tenant);
            }
        }
        self.dispatch(owner, &mut state, &mut effects);
        drop(state);
        effects
    }

    /// Closes: waiters fail, idle connections and work that nobody drives go. What is held goes when it comes back.
    pub(crate) fn close(&self, owner: &O) -> Effects<O> {
        let mut effects = Effects::new(owner.now());
        let mut state = self.state.lock();
        state.closed = true;
        self.shrink(&mut state, &mut effects);
        while state.waiters.len() > 0 {
            state.fail_head(owner.closed(), &mut effects);
        }
        self.dispatch(owner, &mut state, &mut effects);
        drop(state);
        effects
    }

    /// Ready when the pool is closed and its last connection gone.
    pub(crate) fn poll_drained(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.closed && state.occupied == 0 {
            return Poll::Ready(());
        }
        if !state.drainers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.drainers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(crate) fn census(&self) -> Census {
        let state: MutexGuard<'_, State<O>> = self.state.lock();
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

impl Census {
    /// Connections that are neither idle nor being opened.
    pub(crate) fn in_use(&self) -> usize {
        self.occupied.saturating_sub(self.idle).saturating_sub(self.connecting)
    }
}

impl<O: Owner> State<O> {
    /// By how much the pool exceeds its maximum, what is being closed already apart.
    fn surplus(&self) -> usize {
        (self.occupied - self.retiring).saturating_sub(self.max)
    }

    /// Whether nothing can be begun for those who wait.
    fn saturated(&self, ceiling: usize) -> bool {
        self.pending.is_empty() && (self.occupied >= self.max || self.connecting >= ceiling)
    }

    fn end_work(&mut self, connects: bool, ticket: Option<&Ticket>) {
        self.working -= 1;
        self.connecting -= usize::from(connects);
        if let Some(ticket) = ticket {
            self.waiters.idle(ticket);
        }
    }

    fn next_claim(&mut self, ceiling: usize) -> Option<Claim<O>> {
        self.pending.pop_front().or_else(|| self.new_claim(ceiling))
    }

    fn new_claim(&mut self, ceiling: usize) -> Option<Claim<O>> {
        if self.closed || self.occupied >= self.max || self.connecting >= ceiling {
            return None;
        }
        let slot = self.vacant.pop();
        self.occupied += 1;
        self.connecting += 1;
        Some(Claim { slot, job: None, connects: true })
    }

    /// Has work begun. Returns whether somebody will do it.
    fn start(&mut self, claim: Claim<O>, effects: &mut Effects<O>) -> bool {
        self.working += 1;
        if self.spawns {
            effects.more().spawn.push(claim);
            return true;
        }
        match self.waiters.assign(claim) {
            Ok(waker) => effects.wake(waker),
            // Not reached: more wait than work is driven, so one of them drives nothing.
            Err(claim) => {
                self.unclaim(claim);
                return false;
            }
        }
        true
    }

    /// Takes back a claim that was handed out and not begun.
    fn unclaim(&mut self, claim: Claim<O>) {
        self.working -= 1;
        if claim.job.is_some() {
            self.pending.push_front(claim);
        } else {
            self.connecting -= 1;
            self.occupied -= 1;
            self.vacant.insert(claim.slot);
        }
    }

    fn fail_head(&mut self, failure: O::Failure, effects: &mut Effects<O>) {
        if let Ok(Served { waker, claim }) = self.waiters.grant(Grant::Failure(Box::new(failure))) {
            effects.wake(waker);
            self.woken = false;
            if let Some(claim) = claim {
                self.unclaim(claim);
            }
        }
    }
}

/// The vacant slots: those freed, and all from `bound` upwards. The lowest is used first.
#[derive(Debug, Default)]
struct SlotSet {
    freed: Vec<u32>,
    bound: u32,
}

impl SlotSet {
    fn insert(&mut self, slot: u32) {
        // Highest first, so that `pop` gives the lowest. Slots are freed rarely.
        let at = self.freed.partition_point(|&other| other > slot);
        self.freed.insert(at, slot);
    }

    /// The lowest vacant slot. The caller has made sure that there is one (`occupied < max <= MAX_SLOTS`).
    fn pop(&mut self) -> u32 {
        self.freed.pop().unwrap_or_else(|| {
            self.bound += 1;
            self.bound - 1
        })
    }
}
