//! The paired runner proper: verify, calibrate, then rounds in which every contender takes one sample, in random order.

use std::time::{Duration, Instant};

use crate::timed::{Plain, Timed};
use crate::{Answer, Rng};

/// A batch shorter than this many ticks of the clock says more about the clock than about the work.
const LEAST_TICKS: u32 = 100;

/// Half a cycle at 5 GHz: nothing that computes takes less, so the optimiser removed it.
const LEAST_NANOSECONDS: f64 = 0.1;

/// How a group is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) batch: Duration,
}

/// The samples of a group: nanoseconds per operation, `[contender][round]`.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) iterations: Vec<u64>,
    pub(crate) contenders: Vec<Vec<f64>>,
    pub(crate) control: Vec<f64>,
}

/// The smallest step between two readings of the clock.
pub(crate) fn tick() -> Duration {
    let mut least = Duration::from_secs(1);
    for _ in 0..1_000 {
        let start = Instant::now();
        let mut step = start.elapsed();
        while step.is_zero() {
            step = start.elapsed();
        }
        least = least.min(step);
    }
    least
}

/// Nanoseconds that the timed loop itself takes per iteration.
pub(crate) fn empty_loop() -> f64 {
    const ITERATIONS: u64 = 1 << 16;
    let mut nothing = Plain { op: || (), check: |(): &()| 0_u64 };
    let best = (0..16).filter_map(|_| nothing.run(ITERATIONS).ok()).min().unwrap_or_default();
    best.as_nanos() as f64 / ITERATIONS as f64
}

/// Asks every contender for its answer and compares it with `expected`, or with the baseline's.
///
/// The error names every contender that differs. Answers come back in the order of contenders.
pub(crate) fn verify(
    contenders: &mut [(String, &mut dyn Timed)],
    baseline: usize,
    expected: Option<&Answer>,
) -> Result<Vec<Answer>, Vec<String>> {
    let mut answers = Vec::new();
    let mut failures = Vec::new();
    for (name, timed) in contenders.iter_mut() {
        match timed.answer() {
            Ok(answer) => answers.push(Some(answer)),
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                answers.push(None);
            }
        }
    }
    let (expected, whose) = match expected {
        Some(answer) => (Some(answer.clone()), "the group's"),
        None => (answers.get(baseline).cloned().flatten(), "the baseline's"),
    };
    if let Some(expected) = expected {
        for ((name, _), answer) in contenders.iter().zip(&answers) {
            if let Some(answer) = answer
                && *answer != expected
            {
                failures.push(format!(
                    "{name}: its answer differs from {whose}: {}",
                    Answer::difference(&expected, answer)
                ));
            }
        }
    }
    if failures.is_empty() { Ok(answers.into_iter().flatten().collect()) } else { Err(failures) }
}

/// Measures verified contenders. The baseline takes two samples per round, the second as the A/A control.
pub(crate) fn measure(
    contenders: &mut [(String, &mut dyn Timed)],
    baseline: usize,
    plan: Plan,
    rng: &mut Rng,
    progress: &mut dyn FnMut(usize),
) -> Result<Samples, String> {
    let least = tick() * LEAST_TICKS;
    let mut iterations = Vec::new();
    for (name, timed) in contenders.iter_mut() {
        iterations.push(calibrate(*timed, plan.batch).map_err(|error| format!("{name}: {error}"))?);
    }
    let control = contenders.len();
    let mut order: Vec<usize> = (0..=control).collect();
    let mut samples = vec![Vec::with_capacity(plan.rounds); control + 1];
    // Round 0 warms caches, predictors and the frequency governor with the final batch sizes, and is not kept.
    for round in 0..=plan.rounds {
        progress(round);
        rng.shuffle(&mut order);
        for &entry in &order {
            let index = if entry == control { baseline } else { entry };
            let (name, timed) = &mut contenders[index];
            let fail = |error: String| format!("{name}: {error}");
            let elapsed = timed.run(iterations[index]).map_err(fail)?;
            let sample = sample(elapsed, iterations[index], timed.operations(), least).map_err(fail)?;
            if round > 0 {
                samples[entry].push(sample);
            }
        }
    }
    let control = samples.pop().unwrap_or_default();
    Ok(Samples { iterations, contenders: samples, control })
}

/// Finds how many iterations fill a batch.
fn calibrate(timed: &mut dyn Timed, batch: Duration) -> Result<u64, String> {
    let mut iterations: u64 = 1;
    loop {
        let elapsed = timed.run(iterations)?;
        if elapsed >= batch / 2 {
            let wanted = iterations as f64 * batch.as_secs_f64() / elapsed.as_secs_f64();
            return Ok((wanted.round() as u64).max(1));
        }
        if iterations > 1 << 36 {
            return Err(format!("{iterations} iterations took only {elapsed:?}: the work is not there"));
        }
        let missing = batch.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
        iterations = iterations.saturating_mul((missing * 0.8) as u64).clamp(iterations * 2, iterations * 64);
    }
}

/// Turns a batch into nanoseconds per operation, or says why it cannot be true.
fn sample(elapsed: Duration, iterations: u64, operations: u64, least: Duration) -> Result<f64, String> {
    if elapsed < least {
        return Err(format!(
            "a batch of {iterations} iterations took {elapsed:?}, below {LEAST_TICKS} ticks of the clock ({least:?})"
        ));
    }
    let nanoseconds = elapsed.as_nanos() as f64 / iterations as f64 / operations.max(1) as f64;
    if nanoseconds < LEAST_NANOSECONDS {
        return Err(format!("{nanoseconds:.4} ns per operation is below half a cycle: the optimiser removed the work"));
    }
    Ok(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timed::SelfTimed;

    const PLAN: Plan = Plan { rounds: 5, batch: Duration::from_millis(1) };

    fn run_one(timed: &mut dyn Timed) -> Result<Samples, String> {
        measure(&mut [("it".to_owned(), timed)], 0, PLAN, &mut Rng::new(1), &mut |_| {})
    }

    #[test]
    fn every_round_has_a_sample_of_everyone() {
        let mut a = SelfTimed { run: |n| Duration::from_nanos(n * 100), check: || 1_u64 };
        let mut b = SelfTimed { run: |n| Duration::from_nanos(n * 300), check: || 1_u64 };
        let mut both: Vec<(String, &mut dyn Timed)> = vec![("a".to_owned(), &mut a), ("b".to_owned(), &mut b)];
        let samples = measure(&mut both, 1, PLAN, &mut Rng::new(1), &mut |_| {}).unwrap();
        assert_eq!(samples.contenders, [vec![100.0; 5], vec![300.0; 5]]);
        assert_eq!(samples.control, [300.0; 5]);
        assert_eq!(samples.iterations, [10_000, 3_333]);
    }

    #[test]
    fn zero_time_is_rejected() {
        let error = run_one(&mut SelfTimed { run: |_| Duration::ZERO, check: || 1_u64 }).unwrap_err();
        assert!(error.contains("not there"), "{error}");
    }

    #[test]
    fn less_than_half_a_cycle_is_rejected() {
        let error = run_one(&mut SelfTimed { run: |n| Duration::from_nanos(n / 50), check: || 1_u64 }).unwrap_err();
        assert!(error.contains("half a cycle"), "{error}");
    }

    #[test]
    fn a_time_that_collapses_after_calibration_is_rejected() {
        let mut calls = 0;
        let collapsing = |n: u64| {
            calls += 1;
            if calls > 3 { Duration::ZERO } else { Duration::from_micros(n) }
        };
        let error = run_one(&mut SelfTimed { run: collapsing, check: || 1_u64 }).unwrap_err();
        assert!(error.contains("not there") || error.contains("ticks"), "{error}");
    }

    #[test]
    fn a_wrong_answer_names_both_values() {
        let mut right = Plain { op: || 42_u64, check: |n: &u64| *n };
        let mut wrong = Plain { op: || 41_u64, check: |n: &u64| *n };
        let mut both: Vec<(String, &mut dyn Timed)> =
            vec![("right".to_owned(), &mut right), ("wrong".to_owned(), &mut wrong)];
        let failures = verify(&mut both, 0, None).unwrap_err();
        assert_eq!(failures.len(), 1);
        assert!(
            failures[0].contains("wrong") && failures[0].contains("42") && failures[0].contains("41"),
            "{failures:?}"
        );
        assert!(verify(&mut both, 0, Some(&Answer::from(41_u64))).unwrap_err()[0].starts_with("right"));
    }
}
