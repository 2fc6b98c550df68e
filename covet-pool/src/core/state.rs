//! What the mutex guards: counts of slots, the line, and work that nobody drives.

use super::{Claim, Effects, Owner};
use crate::queue::{Grant, Served, Ticket, Waiters};
use std::collections::VecDeque;
use std::task::Waker;

/// Laid out by hand: what every hand-over touches comes first, in as few cache lines as possible.
#[repr(C)]
pub(super) struct State<O: Owner> {
    pub(super) waiters: Waiters<O>,
    pub(super) closed: bool,
    /// Bounded barging: the head is awake and will look.
    pub(super) woken: bool,
    /// Claims become tasks instead of being given to waiters.
    pub(super) spawns: bool,
    /// How many have joined the line.
    pub(super) joined: u32,
    pub(super) max: usize,
    /// Slots that are not vacant.
    pub(super) occupied: usize,
    /// Slots whose connection the core has asked somebody to close.
    pub(super) retiring: usize,
    /// Connects begun and not ended, whether or not anybody drives them now.
    pub(super) connecting: usize,
    /// Work that somebody is driving and whose result will come to the line.
    pub(super) working: usize,
    /// The flags in the words, but for a GATE that an overtaker may have raised.
    pub(super) flags: u64,
    /// Work that nobody drives.
    pub(super) pending: VecDeque<Claim<O>>,
    pub(super) vacant: SlotSet,
    pub(super) drainers: Vec<Waker>,
    /// Overtakes so far, but for those that the words still count.
    pub(super) overtakes: u64,
}

impl<O: Owner> State<O> {
    pub(super) fn new(max: usize) -> Self {
        Self {
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
        }
    }

    /// By how much the pool exceeds its maximum, what is being closed already apart.
    pub(super) fn surplus(&self) -> usize {
        (self.occupied - self.retiring).saturating_sub(self.max)
    }

    /// Whether nothing can be begun for those who wait.
    pub(super) fn saturated(&self, ceiling: usize) -> bool {
        self.pending.is_empty() && (self.occupied >= self.max || self.connecting >= ceiling)
    }

    pub(super) fn end_work(&mut self, connects: bool, ticket: Option<&Ticket>) {
        self.working -= 1;
        self.connecting -= usize::from(connects);
        if let Some(ticket) = ticket {
            self.waiters.idle(ticket);
        }
    }

    pub(super) fn next_claim(&mut self, ceiling: usize) -> Option<Claim<O>> {
        self.pending.pop_front().or_else(|| self.new_claim(ceiling))
    }

    pub(super) fn new_claim(&mut self, ceiling: usize) -> Option<Claim<O>> {
        if self.closed || self.occupied >= self.max || self.connecting >= ceiling {
            return None;
        }
        let slot = self.vacant.pop();
        self.occupied += 1;
        self.connecting += 1;
        Some(Claim { slot, job: None, connects: true })
    }

    /// Has work begun. Returns whether somebody will do it.
    pub(super) fn start(&mut self, claim: Claim<O>, effects: &mut Effects<O>) -> bool {
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
    pub(super) fn unclaim(&mut self, claim: Claim<O>) {
        self.working -= 1;
        if claim.job.is_some() {
            self.pending.push_front(claim);
        } else {
            self.connecting -= 1;
            self.occupied -= 1;
            self.vacant.insert(claim.slot);
        }
    }

    pub(super) fn fail_head(&mut self, failure: O::Failure, effects: &mut Effects<O>) {
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
pub(super) struct SlotSet {
    freed: Vec<u32>,
    pub(super) bound: u32,
}

impl SlotSet {
    pub(super) fn insert(&mut self, slot: u32) {
        // Highest first, so that `pop` gives the lowest. Slots are freed rarely.
        let at = self.freed.partition_point(|&other| other > slot);
        self.freed.insert(at, slot);
    }

    /// The lowest vacant slot. The caller has made sure that there is one (`occupied < max <= MAX_SLOTS`).
    pub(super) fn pop(&mut self) -> u32 {
        self.freed.pop().unwrap_or_else(|| {
            self.bound += 1;
            self.bound - 1
        })
    }
}
