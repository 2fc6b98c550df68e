//! Work on slots: left for others, begun ahead of demand, handed to a runtime; and slots that become vacant.

use super::{Claim, Core, Effects, Leaving, Owner};
use crate::queue::Ticket;

impl<O: Owner> Core<O> {
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
}
