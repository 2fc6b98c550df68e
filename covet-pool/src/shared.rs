//! What all handles of a pool share, and what becomes of a connection when it comes and goes. Everything that runs foreign
//! code runs here, outside the core's mutex.

use crate::clock;
use crate::config::{CheckPolicy, PoolConfig};
use crate::core::{Claim, Core, Effects, Leaving, Limits, More, Owner};
use crate::error::{PoolError, Timeout};
use crate::hooks::{CloseReason, ConnInfo, Event, Hooks, Verdict};
use crate::job::{Driver, Ended, Failed, Job, Kind};
use crate::manager::{Manager, Return};
use crate::observe::{self, Instruments};
use crate::queue::Ticket;
use crate::runtime::Runtime;
use crate::slot::Tenant;
use crate::stats::Counters;
use crate::sync::stat::{AtomicU64, Ordering};
use crate::time::Alarm;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) type Lease<M> = Box<Tenant<Shared<M>>>;

/// A connection and what the pool knows of it.
pub(crate) struct Entry<M: Manager> {
    /// Until this coarse moment it may be handed out without a second thought.
    fresh_until: u64,
    pub(crate) generation: u64,
    pub(crate) uses: u64,
    expires_at: u64,
    idle_since: u64,
    /// When it was handed out last.
    pub(crate) taken_at: u64,
    created: Instant,
    pub(crate) conn: M::Conn,
}

impl<M: Manager> Entry<M> {
    pub(crate) fn new(shared: &Shared<M>, conn: M::Conn, generation: u64) -> Self {
        let now = shared.now();
        let lifetime = shared.config.max_lifetime.map_or(u64::MAX, |limit| jittered(clock::millis(limit), shared));
        let mut entry = Self {
            fresh_until: 0,
            generation,
            uses: 0,
            expires_at: now.saturating_add(lifetime),
            idle_since: now,
            taken_at: now,
            created: Instant::now(),
            conn,
        };
        entry.rest(shared);
        entry
    }

    /// Notes that it works now and rests from now on.
    #[inline(always)]
    pub(crate) fn rest(&mut self, shared: &Shared<M>) {
        self.rest_at(shared, shared.now());
    }

    #[inline(always)]
    fn rest_at(&mut self, shared: &Shared<M>, now: u64) {
        self.idle_since = now;
        self.fresh_until = now.saturating_add(shared.fresh_for).min(self.expires_at);
    }

    pub(crate) fn info(&self, slot: u32) -> ConnInfo {
        ConnInfo { slot, created: self.created, uses: self.uses, generation: self.generation }
    }

    /// Why it should go, if it should.
    pub(crate) fn outdated(&self, shared: &Shared<M>, now: u64) -> Option<CloseReason> {
        if self.generation != shared.generation() {
            Some(CloseReason::Generation)
        } else if now >= self.expires_at {
            Some(CloseReason::Lifetime)
        } else if shared.config.max_uses.is_some_and(|max| self.uses >= max) {
            Some(CloseReason::Uses)
        } else {
            None
        }
    }

    /// As `outdated`, for a connection that nobody uses.
    pub(crate) fn spent(&self, shared: &Shared<M>, now: u64) -> Option<CloseReason> {
        let too_long =
            shared.config.idle_timeout.is_some_and(|limit| now.saturating_sub(self.idle_since) >= clock::millis(limit));
        self.outdated(shared, now).or(too_long.then_some(CloseReason::Idle))
    }

    fn check_due(&self, shared: &Shared<M>, now: u64) -> bool {
        match shared.check {
            CheckPolicy::Never => false,
            // One that has just been opened has just proved itself.
            CheckPolicy::Always => self.uses > 0 || now.saturating_sub(self.idle_since) >= 500,
            CheckPolicy::IfIdle(limit) => now.saturating_sub(self.idle_since) >= clock::millis(limit),
        }
    }
}

/// Takes up to the configured part off a lifetime. The randomness only has to spread expiries.
fn jittered<M: Manager>(lifetime: u64, shared: &Shared<M>) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(shared.now()) >> 11;
    let part = random as f64 / (1_u64 << 53) as f64 * shared.config.lifetime_jitter.clamp(0.0, 1.0);
    lifetime - (lifetime as f64 * part) as u64
}

pub(crate) struct Shared<M: Manager> {
    core: Core<Self>,
    pub(crate) manager: M,
    pub(crate) config: PoolConfig,
    pub(crate) hooks: Hooks<M>,
    pub(crate) counters: Counters,
    pub(crate) runtime: Runtime,
    pub(crate) instruments: Instruments,
    generation: AtomicU64,
    check: CheckPolicy,
    /// For how long a connection that has just come back needs no second thought, in milliseconds.
    fresh_for: u64,
    /// The tests' hand on the clock.
    #[cfg(test)]
    pub(crate) skew: AtomicU64,
}

impl<M: Manager> Owner for Shared<M> {
    type Value = Entry<M>;
    type Job = Job<M>;
    type Failure = PoolError<M::Error>;

    #[inline(always)]
    fn core(&self) -> &Core<Self> {
        &self.core
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        #[cfg(test)]
        return clock::coarse() + self.skew.load(Ordering::Relaxed);
        #[cfg(not(test))]
        clock::coarse()
    }

    fn expired(&self) -> PoolError<M::Error> {
        PoolError::Timeout(Timeout::default())
    }

    fn closed(&self) -> PoolError<M::Error> {
        PoolError::Closed
    }
}

/// What a connection is good for when somebody is about to get it.
pub(crate) enum Admit<M: Manager> {
    Ready(Lease<M>),
    Check(Lease<M>),
    /// It was closed.
    Gone,
}

impl<M: Manager> Shared<M> {
    pub(crate) fn new(manager: M, config: PoolConfig, hooks: Hooks<M>) -> Self {
        let check = config.check.unwrap_or_else(|| manager.check_policy());
        let idle = config.idle_timeout.map_or(u64::MAX, clock::millis);
        let fresh_for = match check {
            _ if hooks.before_checkout.is_some() => 0,
            CheckPolicy::Always => 0,
            CheckPolicy::IfIdle(limit) => clock::millis(limit).min(idle),
            CheckPolicy::Never => idle,
        };
        let limits = Limits {
            max: config.max_size,
            ceiling: config.max_connecting,
            queue: config.max_waiting,
            overtakes: config.overtakes(),
        };
        Self {
            core: Core::new(limits),
            instruments: Instruments::new(&config.name),
            manager,
            config,
            hooks,
            counters: Counters::default(),
            runtime: Runtime::default(),
            generation: AtomicU64::new(0),
            check,
            fresh_for,
            #[cfg(test)]
            skew: AtomicU64::new(0),
        }
    }

    #[inline(always)]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    pub(crate) fn next_generation(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// An alarm in so long, if there is a timer.
    pub(crate) fn alarm(&self, limit: Option<Duration>) -> Option<Alarm> {
        self.runtime.alarm(limit?)
    }

    /// Runs foreign code and counts its panic instead of passing it on. Returns `None` if it panicked.
    pub(crate) fn quietly<R>(&self, foreign: impl FnOnce() -> R) -> Option<R> {
        let result = catch_unwind(AssertUnwindSafe(foreign)).ok();
        if result.is_none() {
            self.panicked();
        }
        result
    }

    #[cold]
    fn panicked(&self) {
        self.counters.panics.fetch_add(1, Ordering::Relaxed);
        self.emit(&Event::Panicked);
    }

    /// Tells the listener.
    pub(crate) fn emit(&self, event: &Event<'_, M::Error>) {
        observe::log(&self.config.name, event);
        self.instruments.event(event);
        if let Some(hook) = &self.hooks.on_event
            && catch_unwind(AssertUnwindSafe(|| hook(event))).is_err()
        {
            self.counters.panics.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn connected(&self, slot: u32, took: Duration) {
        self.counters.created.fetch_add(1, Ordering::Relaxed);
        self.counters.connect_time.record(took);
        self.emit(&Event::Connected { slot, took });
    }

    /// Decides whether an idle connection can be handed out.
    #[inline(always)]
    pub(crate) fn admit(self: &Arc<Self>, lease: Lease<M>, now: u64) -> Admit<M> {
        let entry = &lease.value;
        if now < entry.fresh_until && entry.generation == self.generation() && !self.manager.is_dead(&entry.conn) {
            return Admit::Ready(lease);
        }
        self.admit_slow(lease, now)
    }

    #[cold]
    #[inline(never)]
    fn admit_slow(self: &Arc<Self>, mut lease: Lease<M>, now: u64) -> Admit<M> {
        if let Some(reason) = lease.value.spent(self, now) {
            self.retire(lease, reason, Leaving::Held);
            return Admit::Gone;
        }
        if self.manager.is_dead(&lease.value.conn) {
            self.retire(lease, CloseReason::Check, Leaving::Held);
            return Admit::Gone;
        }
        if self.hooked(&self.hooks.before_checkout, &mut lease) == Verdict::Discard {
            self.retire(lease, CloseReason::Hook, Leaving::Held);
            return Admit::Gone;
        }
        if lease.value.check_due(self, now) { Admit::Check(lease) } else { Admit::Ready(lease) }
    }

    fn hooked(&self, hook: &Option<crate::hooks::Judge<M>>, lease: &mut Lease<M>) -> Verdict {
        let Some(hook) = hook else { return Verdict::Keep };
        let info = lease.value.info(lease.slot());
        self.quietly(|| hook(&mut lease.value.conn, &info)).unwrap_or(Verdict::Discard)
    }

    /// A holder gives its connection back.
    #[inline(always)]
    pub(crate) fn give_back(mut lease: Lease<M>) {
        if std::thread::panicking() {
            return Self::discard(lease, CloseReason::Panicked);
        }
        let (shared, entry) = lease.split();
        let verdict = catch_unwind(AssertUnwindSafe(|| shared.manager.on_return(&mut entry.conn)));
        let now = shared.now();
        entry.rest_at(shared, now);
        shared.instruments.used(now.saturating_sub(entry.taken_at));
        let simple = entry.outdated(shared, now).is_none() && shared.hooks.after_return.is_none();
        match verdict {
            Ok(Return::Ready) if simple => Self::put(lease, now),
            verdict => Self::give_back_slow(lease, verdict.ok()),
        }
    }

    #[cold]
    #[inline(never)]
    fn give_back_slow(mut lease: Lease<M>, verdict: Option<Return>) {
        lease.marks().clear();
        let shared = Arc::clone(lease.owner());
        let reset = match verdict {
            Some(Return::Ready) => false,
            Some(Return::Reset) => true,
            Some(Return::Discard) => return shared.retire(lease, CloseReason::Manager, Leaving::Held),
            None => {
                shared.panicked();
                return shared.retire(lease, CloseReason::Manager, Leaving::Held);
            }
        };
        if let Some(reason) = lease.value.outdated(&shared, shared.now()) {
            return shared.retire(lease, reason, Leaving::Held);
        }
        if shared.hooked(&shared.hooks.after_return, &mut lease) == Verdict::Discard {
            return shared.retire(lease, CloseReason::Hook, Leaving::Held);
        }
        if reset {
            let claim = Claim { slot: lease.slot(), job: Some(Job::reset(lease)), connects: false };
            let effects = shared.core.park(&*shared, claim, None, false);
            shared.run(effects);
        } else {
            let now = shared.now();
            Self::put(lease, now);
        }
    }

    #[inline(always)]
    fn put(lease: Lease<M>, now: u64) {
        if let Some((shared, effects)) = Core::put(lease, now) {
            shared.run(effects);
        }
    }

    /// A holder gives its connection up.
    #[cold]
    pub(crate) fn discard(lease: Lease<M>, reason: CloseReason) {
        let shared = Arc::clone(lease.owner());
        shared.retire(lease, reason, Leaving::Held);
    }

    /// Closes a connection and vacates its slot.
    pub(crate) fn retire(self: &Arc<Self>, lease: Lease<M>, reason: CloseReason, leaving: Leaving) {
        let effects = self.retire_quietly(lease, reason, leaving);
        self.run(effects);
    }

    fn retire_quietly(self: &Arc<Self>, lease: Lease<M>, reason: CloseReason, leaving: Leaving) -> Effects<Self> {
        let (_, slot, entry) = lease.into_parts();
        let info = entry.info(slot);
        // Closed first, vacated after: a new connection must not coexist with the one it replaces.
        self.quietly(|| drop(entry));
        self.closed_one(&info, reason);
        self.vacate(slot, leaving, None, None)
    }

    /// Lets a connection live on outside the pool.
    pub(crate) fn detach(lease: Lease<M>) -> M::Conn {
        let (shared, slot, entry) = lease.into_parts();
        let info = entry.info(slot);
        shared.closed_one(&info, CloseReason::Detached);
        let effects = shared.vacate(slot, Leaving::Held, None, None);
        shared.run(effects);
        entry.conn
    }

    pub(crate) fn closed_one(&self, info: &ConnInfo, reason: CloseReason) {
        self.counters.closed(reason, info.uses);
        self.emit(&Event::Closed { info: *info, reason });
    }

    pub(crate) fn vacate(
        &self,
        slot: u32,
        leaving: Leaving,
        failure: Option<PoolError<M::Error>>,
        ticket: Option<&Ticket>,
    ) -> Effects<Self> {
        self.core.segments.marks(slot).clear();
        self.core.vacate(self, slot, leaving, failure, ticket)
    }

    /// Work has ended: its connection or its failure goes where it belongs.
    pub(crate) fn finish(self: &Arc<Self>, ended: Ended<M>, ticket: Option<&Ticket>) {
        let Ended { slot, kind, info, orphaned, counted, outcome } = ended;
        let connects = kind == Kind::Connect;
        let failed = match outcome {
            Ok(lease) => {
                let (_, effects) = Core::complete(lease, connects, ticket);
                return self.run(effects);
            }
            Err(failed) => failed,
        };
        if matches!(failed, Failed::Panicked) {
            self.panicked();
        }
        if let Some(info) = info {
            self.closed_one(&info, kind.close_reason());
        }
        let failure = if connects { Some(self.connect_failed(failed)) } else { None };
        // What somebody else began and left fails for reasons that are old: the waiters get a fresh attempt.
        let failure = failure.filter(|_| !orphaned);
        let leaving = if counted { Leaving::Worked { connects } } else { Leaving::Held };
        let effects = self.vacate(slot, leaving, failure, ticket);
        self.run(effects);
    }

    pub(crate) fn connect_failed(&self, failed: Failed<M::Error>) -> PoolError<M::Error> {
        self.counters.connect_failures.fetch_add(1, Ordering::Relaxed);
        match failed {
            Failed::Error(error) => {
                self.emit(&Event::ConnectFailed { error: Some(&error) });
                PoolError::Connect(error)
            }
            Failed::TooLong => {
                self.emit(&Event::ConnectFailed { error: None });
                PoolError::ConnectTimeout
            }
            Failed::Panicked => {
                self.emit(&Event::ConnectFailed { error: None });
                PoolError::Panicked
            }
        }
    }

    /// Leaves work to others.
    pub(crate) fn leave_behind(self: &Arc<Self>, driver: Driver<M>, ticket: Option<&Ticket>) {
        if let Some((claim, counted)) = driver.let_go() {
            let effects = self.core.park(self, claim, ticket, counted);
            self.run(effects);
        }
    }

    /// Does what the core asked for, and what follows from that.
    #[inline]
    pub(crate) fn run(self: &Arc<Self>, effects: Effects<Self>) {
        match effects {
            Effects { wake: None, more: None, .. } => {}
            Effects { wake: Some(waker), more: None, .. } => drop(self.quietly(|| waker.wake())),
            effects => self.run_more(effects),
        }
    }

    #[cold]
    #[inline(never)]
    fn run_more(self: &Arc<Self>, effects: Effects<Self>) {
        let mut todo = Some(effects);
        let mut later = Vec::new();
        while let Some(effects) = todo.take().or_else(|| later.pop()) {
            let Effects { wake, more, .. } = effects;
            if let Some(waker) = wake {
                self.quietly(|| waker.wake());
            }
            let Some(more) = more else { continue };
            let More { wake, spawn, retire, abandon, .. } = *more;
            for waker in wake {
                self.quietly(|| waker.wake());
            }
            for claim in spawn {
                self.spawn(claim);
            }
            for lease in retire {
                let reason = self.retire_reason(&lease);
                later.push(self.retire_quietly(lease, reason, Leaving::Retired { connects: false }));
            }
            for claim in abandon {
                self.quietly(|| drop(claim.job));
                later.push(self.vacate(claim.slot, Leaving::Retired { connects: claim.connects }, None, None));
            }
        }
    }

    /// Why the core had a connection retired.
    fn retire_reason(&self, lease: &Lease<M>) -> CloseReason {
        if self.core.is_closed() {
            return CloseReason::Closed;
        }
        lease.value.spent(self, self.now()).unwrap_or(CloseReason::Shrunk)
    }

    fn spawn(self: &Arc<Self>, claim: Claim<Self>) {
        let driver = Driver::take_up(self, claim);
        if let Err(driver) = self.runtime.spawn(driver) {
            self.lose_runtime();
            if let Some((claim, counted)) = driver.let_go() {
                let effects = self.core.park(self, claim, None, counted);
                self.run(effects);
            }
        }
    }

    /// The runtime is gone: from now on getters do the work themselves.
    pub(crate) fn lose_runtime(&self) {
        self.runtime.forget();
        self.core.spawn_no_more();
    }

    /// If the caller runs in a runtime and the pool has none yet, uses it from now on.
    pub(crate) fn adopt_runtime(self: &Arc<Self>) {
        if self.runtime.adopt() {
            let effects = self.core.spawn_from_now_on(self);
            self.run(effects);
            self.start_maintenance();
        }
    }
}
