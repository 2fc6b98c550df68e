//! The words in which the state machine is spoken to and answers.

use super::Owner;
use crate::queue::Ticket;
use crate::slot::Tenant;
use std::task::Waker;

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
    pub(super) now: u64,
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
    pub(super) stale: Option<Waker>,
    /// To be dropped.
    pub(super) unheard: Option<Box<O::Failure>>,
}

impl<O: Owner> Effects<O> {
    pub(super) fn new(now: u64) -> Self {
        Self { now, wake: None, more: None }
    }

    pub(super) fn wake(&mut self, waker: Option<Waker>) {
        match (waker, &mut self.wake) {
            (Some(waker), none @ None) => *none = Some(waker),
            (Some(waker), Some(_)) => self.more().wake.push(waker),
            (None, _) => {}
        }
    }

    pub(super) fn stale(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            self.more().stale = waker;
        }
    }

    pub(super) fn more(&mut self) -> &mut More<O> {
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

impl Census {
    /// Connections that are neither idle nor being opened.
    pub(crate) fn in_use(&self) -> usize {
        self.occupied.saturating_sub(self.idle).saturating_sub(self.connecting)
    }
}
