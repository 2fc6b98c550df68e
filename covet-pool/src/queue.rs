//! The line of waiters: first come, first served, and anybody can leave from the middle in constant time.
//!
//! A slab with links instead of nodes inside the futures: no pinning, no `unsafe`, and nothing dangles when a future is
//! forgotten.

use crate::core::{Claim, Owner};
use crate::slot::Tenant;
use std::task::Waker;

const NONE: u32 = u32::MAX;

/// A place in the line. Whoever holds it must hand it back (by taking a grant or leaving), hence no `Clone`.
#[derive(Debug)]
pub(crate) struct Ticket(u32);

/// What a waiter is given.
pub(crate) enum Grant<O: Owner> {
    Tenant(Box<Tenant<O>>),
    Failure(Box<O::Failure>),
}

enum Stage<O: Owner> {
    Free,
    Waiting {
        /// Work that this waiter shall take up when it is polled next.
        claim: Option<Box<Claim<O>>>,
        /// It has taken up work.
        drives: bool,
    },
    Granted(Grant<O>),
}

/// On a cache line of its own: neighbours in the slab are used by different processors.
#[repr(align(64))]
struct Node<O: Owner> {
    previous: u32,
    next: u32,
    waker: Option<Waker>,
    deadline: u64,
    stage: Stage<O>,
}

/// What is left to do after a grant.
pub(crate) struct Served<O: Owner> {
    pub(crate) waker: Option<Waker>,
    /// Work that the waiter had been asked to do and had not begun.
    pub(crate) claim: Option<Claim<O>>,
}

/// What a waiter finds when it looks at its place.
pub(crate) enum Look<O: Owner> {
    Granted(Grant<O>),
    Claim(Claim<O>),
    /// Nothing yet.
    Waiting,
}

/// What a waiter leaves behind when it goes.
pub(crate) enum Left<O: Owner> {
    Nothing,
    Grant(Grant<O>),
    Claim(Claim<O>),
}

pub(crate) struct Waiters<O: Owner> {
    nodes: Vec<Node<O>>,
    free: u32,
    head: u32,
    tail: u32,
    len: usize,
}

impl<O: Owner> Waiters<O> {
    /// The README says what a waiting caller costs.
    const SMALL: () = assert!(size_of::<Node<O>>() < 100);

    pub(crate) fn new() -> Self {
        let () = Self::SMALL;
        Self { nodes: Vec::new(), free: NONE, head: NONE, tail: NONE, len: 0 }
    }

    /// How many wait and have been granted nothing yet.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Joins the line: at its end, or at its front for who has been served before but with something broken.
    pub(crate) fn join(&mut self, waker: Waker, deadline: u64, front: bool) -> Ticket {
        let index = self.insert(waker, deadline);
        let neighbour = if front { self.head } else { self.tail };
        if neighbour == NONE {
            (self.head, self.tail) = (index, index);
        } else if front {
            self.nodes[index as usize].next = neighbour;
            self.nodes[neighbour as usize].previous = index;
            self.head = index;
        } else {
            self.nodes[index as usize].previous = neighbour;
            self.nodes[neighbour as usize].next = index;
            self.tail = index;
        }
        self.len += 1;
        Ticket(index)
    }

    fn insert(&mut self, waker: Waker, deadline: u64) -> u32 {
        if self.free == NONE {
            let stage = Stage::Waiting { claim: None, drives: false };
            self.nodes.push(Node { previous: NONE, next: NONE, waker: Some(waker), deadline, stage });
            return (self.nodes.len() - 1) as u32;
        }
        let index = self.free;
        let node = &mut self.nodes[index as usize];
        self.free = node.next;
        (node.previous, node.next, node.deadline) = (NONE, NONE, deadline);
        node.waker = Some(waker);
        node.stage = Stage::Waiting { claim: None, drives: false };
        index
    }

    /// The head's deadline, `None` if nobody waits.
    pub(crate) fn deadline(&self) -> Option<u64> {
        (self.head != NONE).then(|| self.nodes[self.head as usize].deadline)
    }

    /// Whether nothing has been granted yet.
    pub(crate) fn waits(&self, ticket: &Ticket) -> bool {
        matches!(self.nodes[ticket.0 as usize].stage, Stage::Waiting { .. })
    }

    /// Whether there is nothing for this ticket yet, neither a grant nor work.
    pub(crate) fn sleeps(&self, ticket: &Ticket) -> bool {
        matches!(self.nodes[ticket.0 as usize].stage, Stage::Waiting { claim: None, .. })
    }

    pub(crate) fn is_head(&self, ticket: &Ticket) -> bool {
        self.head == ticket.0
    }

    /// Grants something to the head. Hands it back if nobody waits.
    pub(crate) fn grant(&mut self, grant: Grant<O>) -> Result<Served<O>, Grant<O>> {
        let index = self.head;
        if index == NONE {
            return Err(grant);
        }
        self.unlink(index);
        let node = &mut self.nodes[index as usize];
        match std::mem::replace(&mut node.stage, Stage::Granted(grant)) {
            Stage::Waiting { claim, .. } => Ok(Served { waker: node.waker.take(), claim: claim.map(|claim| *claim) }),
            Stage::Free | Stage::Granted(_) => unreachable!("only waiting nodes are in the line"),
        }
    }

    /// Asks the first waiter that does no work yet to take up some.
    pub(crate) fn assign(&mut self, work: Claim<O>) -> Result<Option<Waker>, Claim<O>> {
        let mut index = self.head;
        while index != NONE {
            let node = &mut self.nodes[index as usize];
            match &mut node.stage {
                Stage::Waiting { claim: claim @ None, drives: false } => {
                    *claim = Some(Box::new(work));
                    return Ok(node.waker.clone());
                }
                _ => index = node.next,
            }
        }
        Err(work)
    }

    /// The head's waker, without granting it anything.
    pub(crate) fn head_waker(&self) -> Option<Waker> {
        self.nodes.get(self.head as usize).and_then(|node| node.waker.clone())
    }

    /// Looks at one's place. After `Look::Granted` the ticket is spent. A waker that is no longer needed goes to `stale`:
    /// dropping it may run foreign code, which the mutex must not see.
    pub(crate) fn look(&mut self, ticket: &Ticket, waker: &Waker, stale: &mut Option<Waker>) -> Look<O> {
        let node = &mut self.nodes[ticket.0 as usize];
        match &mut node.stage {
            Stage::Waiting { claim, drives } => {
                if !node.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
                    *stale = node.waker.replace(waker.clone());
                }
                match claim.take() {
                    None => Look::Waiting,
                    Some(work) => {
                        *drives = true;
                        Look::Claim(*work)
                    }
                }
            }
            Stage::Granted(_) | Stage::Free => match self.release(ticket, stale) {
                Stage::Granted(grant) => Look::Granted(grant),
                Stage::Waiting { .. } | Stage::Free => unreachable!("a ticket is spent once"),
            },
        }
    }

    /// Notes that the waiter has finished or given away the work it did.
    pub(crate) fn idle(&mut self, ticket: &Ticket) {
        if let Stage::Waiting { drives, .. } = &mut self.nodes[ticket.0 as usize].stage {
            *drives = false;
        }
    }

    /// Leaves. The ticket is spent; what had been given to it must go to somebody else.
    pub(crate) fn leave(&mut self, ticket: &Ticket, stale: &mut Option<Waker>) -> Left<O> {
        if matches!(self.nodes[ticket.0 as usize].stage, Stage::Waiting { .. }) {
            self.unlink(ticket.0);
        }
        match self.release(ticket, stale) {
            Stage::Granted(grant) => Left::Grant(grant),
            Stage::Waiting { claim: Some(claim), .. } => Left::Claim(*claim),
            Stage::Waiting { .. } | Stage::Free => Left::Nothing,
        }
    }

    fn release(&mut self, ticket: &Ticket, stale: &mut Option<Waker>) -> Stage<O> {
        let node = &mut self.nodes[ticket.0 as usize];
        *stale = node.waker.take();
        node.next = self.free;
        self.free = ticket.0;
        std::mem::replace(&mut node.stage, Stage::Free)
    }

    fn unlink(&mut self, index: u32) {
        let (previous, next) = (self.nodes[index as usize].previous, self.nodes[index as usize].next);
        match self.nodes.get_mut(previous as usize) {
            Some(node) => node.next = next,
            None => self.head = next,
        }
        match self.nodes.get_mut(next as usize) {
            Some(node) => node.previous = previous,
            None => self.tail = previous,
        }
        self.len -= 1;
    }
}
