//! Changing how much the pool may hold, down to nothing.

use super::state::State;
use super::{Core, Effects, Owner};
use crate::slot::MAX_SLOTS;
use std::task::{Context, Poll};

impl<O: Owner> Core<O> {
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
}
