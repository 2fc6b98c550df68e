//! The pool against forty lines that say what a pool is: random callers, failures and settings, and after every step both
//! agree on who has been served.

mod common;

use common::{Fake, Outcome, Plan, poll};
use covet_pool::{Fairness, Get, Pool, PoolError};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

#[derive(Debug, Clone)]
enum Step {
    Get,
    TryGet,
    Cancel(usize),
    Return(usize),
    Discard(usize),
    Detach(usize),
    Resize(usize),
    Invalidate,
    FailNext,
    PanicNext,
    Maintain,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => Just(Step::Get),
        2 => Just(Step::TryGet),
        4 => any::<usize>().prop_map(Step::Cancel),
        10 => any::<usize>().prop_map(Step::Return),
        2 => any::<usize>().prop_map(Step::Discard),
        1 => any::<usize>().prop_map(Step::Detach),
        2 => (1..6usize).prop_map(Step::Resize),
        1 => Just(Step::Invalidate),
        1 => Just(Step::FailNext),
        1 => Just(Step::PanicNext),
        1 => Just(Step::Maintain),
    ]
}

/// What a pool is. Callers are numbers, in the order in which they came.
struct Reference {
    max: usize,
    idle: usize,
    held: Vec<(usize, u64)>,
    waiting: VecDeque<usize>,
    generation: u64,
    failures: usize,
}

impl Reference {
    fn live(&self) -> usize {
        self.idle + self.held.len()
    }

    /// Serves the line, first come first served. Returns who was served and who was failed.
    fn serve(&mut self) -> (Vec<usize>, Vec<usize>) {
        let (mut served, mut failed) = (Vec::new(), Vec::new());
        while !self.waiting.is_empty() && (self.idle > 0 || self.live() < self.max) {
            let Some(caller) = self.waiting.pop_front() else { break };
            if self.idle > 0 {
                self.idle -= 1;
            } else if self.failures > 0 {
                self.failures -= 1;
                failed.push(caller);
                continue;
            }
            self.held.push((caller, self.generation));
            served.push(caller);
        }
        (served, failed)
    }

    fn give_back(&mut self, at: usize) {
        let (_, generation) = self.held.remove(at);
        if generation == self.generation && self.live() < self.max {
            self.idle += 1;
        }
    }

    fn resize(&mut self, max: usize) {
        self.max = max;
        self.idle = self.idle.min(max.saturating_sub(self.held.len()));
    }
}

/// Polls all waiters until none of them gets any further.
fn serve<'p>(waiting: &mut VecDeque<(usize, Get<'p, Fake>)>) -> Vec<(usize, Outcome)> {
    let mut ready = Vec::new();
    loop {
        let before = ready.len();
        for (caller, mut get) in std::mem::take(waiting) {
            match poll(&mut get) {
                Poll::Ready(outcome) => ready.push((caller, outcome)),
                Poll::Pending => waiting.push_back((caller, get)),
            }
        }
        if ready.len() == before {
            return ready;
        }
    }
}

fn run(max: usize, fairness: Fairness, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    let pool = Pool::builder(fake).max_size(max).fairness(fairness).build().expect("the settings fit together");
    let mut model = Reference { max, idle: 0, held: Vec::new(), waiting: VecDeque::new(), generation: 0, failures: 0 };
    let mut waiting = VecDeque::new();
    let mut held = Vec::new();
    let mut detached = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        match step {
            Step::Get => {
                waiting.push_back((number, pool.get()));
                model.waiting.push_back(number);
            }
            Step::TryGet => match pool.try_get() {
                Ok(conn) => {
                    prop_assert!(model.idle > 0 && model.waiting.is_empty());
                    model.idle -= 1;
                    model.held.push((number, model.generation));
                    held.push((number, conn));
                }
                Err(error) => {
                    prop_assert!(matches!(error, PoolError::Empty));
                    prop_assert!(model.idle == 0 || !model.waiting.is_empty());
                }
            },
            Step::Cancel(at) if !waiting.is_empty() => {
                let at = at % waiting.len();
                waiting.remove(at);
                model.waiting.remove(at);
            }
            Step::Return(at) if !held.is_empty() => {
                let at = at % held.len();
                drop(held.remove(at));
                model.give_back(at);
            }
            Step::Discard(at) if !held.is_empty() => {
                let at = at % held.len();
                held.remove(at).1.discard();
                model.held.remove(at);
            }
            Step::Detach(at) if !held.is_empty() => {
                let at = at % held.len();
                detached.push(held.remove(at).1.detach());
                model.held.remove(at);
            }
            Step::Resize(max) => {
                pool.resize(max);
                model.resize(max);
            }
            Step::Invalidate => {
                pool.invalidate_all();
                model.generation += 1;
                model.idle = 0;
            }
            Step::FailNext => {
                told.plan_connect([Plan::Fail]);
                model.failures += 1;
            }
            Step::PanicNext => {
                told.plan_connect([Plan::Panic]);
                model.failures += 1;
            }
            Step::Maintain => pool.maintain_blocking(),
            Step::Cancel(_) | Step::Return(_) | Step::Discard(_) | Step::Detach(_) => {}
        }
        let (expected, expected_failed) = model.serve();
        let (mut served, mut failed) = (Vec::new(), Vec::new());
        for (caller, outcome) in serve(&mut waiting) {
            match outcome {
                Ok(conn) => {
                    served.push(caller);
                    held.push((caller, conn));
                }
                Err(_) => failed.push(caller),
            }
        }
        served.sort_unstable();
        failed.sort_unstable();
        prop_assert_eq!(&served, &expected, "served after step {}", number);
        prop_assert_eq!(&failed, &expected_failed, "failed after step {}", number);
        held.sort_by_key(|(caller, _)| *caller);
        model.held.sort_by_key(|(caller, _)| *caller);

        let status = pool.status();
        prop_assert_eq!(told.live() - detached.len(), model.live(), "{:?}", status);
        prop_assert_eq!(
            (status.size, status.idle, status.in_use, status.waiting),
            (model.live(), model.idle, model.held.len(), model.waiting.len())
        );
        prop_assert!(status.size <= model.max || status.idle == 0, "above the maximum nothing rests");
        prop_assert!(status.waiting == 0 || (status.idle == 0 && status.size >= status.max_size));
    }
    drop((waiting, held));
    prop_assert_eq!(pool.close_blocking(), 0);
    prop_assert_eq!(told.live(), detached.len());
    Ok(())
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn strict_pools_agree_with_the_reference(max in 1..5usize, steps in prop::collection::vec(step(), 0..80)) {
        std::panic::set_hook(Box::new(|info| {
            if info.payload_as_str() != Some("as planned") {
                eprintln!("{info}");
            }
        }));
        run(max, Fairness::Strict, steps)?;
    }
}
