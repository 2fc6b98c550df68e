//! Groups whose contenders run a whole scenario per round (many tasks on a pool, say) and report a distribution of latencies.
//! Rounds of different contenders alternate; throughput is compared round by round, as in a timed group.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::bench::Bench;
use crate::group::{About, Frame};
use crate::record::{ContenderRecord, Kind, Latency, Throughput};
use crate::{Answer, Target, stats};

/// Percentiles beyond 99.9 need at least this many values to be more than one outlier.
const LEAST_FOR_P999: u64 = 10_000;

/// What a round is for, so that a scenario can choose its size.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    divisor: u64,
}

impl Scale {
    /// The number of operations for this round: `full` when measuring, a tenth with `--quick`, a thousandth (at least one)
    /// when only answers are verified.
    #[must_use]
    pub fn operations(&self, full: u64) -> u64 {
        (full / self.divisor).max(1)
    }
}

/// What a scenario saw in one round.
#[derive(Debug, Clone)]
pub struct Round {
    latencies: Histogram<u64>,
    wall: Duration,
    operations: u64,
    counters: BTreeMap<String, f64>,
    answer: Answer,
}

impl Round {
    /// A round from its wall time, and a histogram of latencies in nanoseconds (see [`latencies`]; add up one per
    /// task). Every recorded latency is one operation.
    #[must_use]
    pub fn new(wall: Duration, latencies: Histogram<u64>) -> Self {
        let operations = latencies.len();
        Self { latencies, wall, operations, counters: BTreeMap::new(), answer: Answer::from("") }
    }

    /// A round from single durations.
    pub fn from_durations(wall: Duration, durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut histogram = latencies();
        for duration in durations {
            record(&mut histogram, duration);
        }
        Self::new(wall, histogram)
    }

    /// The number of operations, if it is not the number of latencies.
    #[must_use]
    pub fn operations(mut self, operations: u64) -> Self {
        self.operations = operations;
        self
    }

    /// A named count, such as overtakes. The table shows the median over rounds.
    #[must_use]
    pub fn counter(mut self, name: impl Into<String>, value: f64) -> Self {
        self.counters.insert(name.into(), value);
        self
    }

    /// What the scenario computed; contenders must agree in every round. Without it, nothing is verified.
    #[must_use]
    pub fn answer(mut self, answer: impl Into<Answer>) -> Self {
        self.answer = answer.into();
        self
    }
}

/// An empty histogram of nanoseconds up to an hour, exact to three digits. Recording into it does not allocate.
#[must_use]
#[allow(clippy::missing_panics_doc, reason = "the bounds are constants, and valid")]
pub fn latencies() -> Histogram<u64> {
    const HOUR: u64 = 3_600_000_000_000;
    Histogram::new_with_bounds(1, HOUR, 3).expect("valid bounds")
}

/// Records one latency; at least a nanosecond and at most an hour.
pub fn record(histogram: &mut Histogram<u64>, latency: Duration) {
    histogram.saturating_record((latency.as_nanos() as u64).max(1));
}

/// A group of scenarios. Made by [`Bench::latency_group`], measured by [`LatencyGroup::run`].
///
/// ```no_run
/// # fn body(bench: &mut covet_bench::Bench) {
/// use covet_bench::latency::{self, Round};
/// use std::time::Instant;
/// let Some(mut group) = bench.latency_group("sort a thousand") else { return };
/// group.contender("std", |scale| {
///     let (mut seen, start) = (latency::latencies(), Instant::now());
///     for n in 0..scale.operations(10_000) {
///         let one = Instant::now();
///         let mut numbers: Vec<u64> = (0..1_000).map(|i| i * n % 997).collect();
///         numbers.sort_unstable();
///         latency::record(&mut seen, one.elapsed());
///     }
///     Round::new(start.elapsed(), seen).counter("tasks", 1.0)
/// });
/// group.run();
/// # }
/// ```
#[must_use = "a group does nothing until `run`"]
pub struct LatencyGroup<'a> {
    bench: &'a mut Bench,
    frame: Frame,
    contenders: Vec<(About, Box<Scenario<'a>>)>,
}

type Scenario<'a> = dyn FnMut(Scale) -> Round + 'a;

impl std::fmt::Debug for LatencyGroup<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LatencyGroup").field("frame", &self.frame).finish_non_exhaustive()
    }
}

impl<'a> LatencyGroup<'a> {
    pub(crate) fn new(bench: &'a mut Bench, name: &str) -> Self {
        let mut frame = Frame::new(name);
        frame.throughput = Some(Throughput::Elements(1));
        Self { bench, frame, contenders: Vec::new() }
    }

    /// As [`Group::baseline`](crate::Group::baseline).
    pub fn baseline(&mut self, name: impl Into<String>) -> &mut Self {
        self.frame.baseline = Some(name.into());
        self
    }

    /// As [`Group::target`](crate::Group::target).
    pub fn target(&mut self, target: Target) -> &mut Self {
        self.frame.targets.push(target);
        self
    }

    /// As [`Group::unable`](crate::Group::unable).
    pub fn unable(&mut self, name: impl Into<String>, reason: impl Into<String>) -> &mut Self {
        self.frame.unable.push((name.into(), reason.into()));
        self
    }

    /// Adds a scenario: one call is one round. All contenders must do the same number of operations.
    pub fn contender(&mut self, name: impl Into<String>, scenario: impl FnMut(Scale) -> Round + 'a) -> &mut About {
        self.contenders.push((About::new(name), Box::new(scenario)));
        let last = self.contenders.len() - 1;
        &mut self.contenders[last].0
    }

    /// Verifies answers with one small round each, then measures (11 rounds; 3 with `--quick`; or `--latency-rounds`) and prints the
    /// table. Left out of an `--allocations` run.
    pub fn run(mut self) {
        self.bench.ran();
        if self.bench.counts_allocations() {
            return;
        }
        if let Err(failure) = self.try_run() {
            let name = &self.frame.name;
            self.bench.fail(format!("{name}: {failure}"));
        }
    }

    fn try_run(&mut self) -> Result<(), String> {
        let names: Vec<String> = self.contenders.iter().map(|(about, _)| about.name.clone()).collect();
        let baseline = self.frame.baseline(names.iter().map(String::as_str))?;
        let tiny = Scale { divisor: 1_000 };
        let answers: Vec<Answer> = self.contenders.iter_mut().map(|(_, scenario)| scenario(tiny).answer).collect();
        same_answers(&names, &answers, &answers[baseline])?;
        if self.bench.only_verifies() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.bench.verified(&self.frame.name, &names);
            return Ok(());
        }
        let quick = self.bench.is_quick();
        let rounds = self.bench.latency_rounds();
        let scale = Scale { divisor: if quick { 10 } else { 1 } };
        let lockfile = self.bench.lockfile().to_owned();
        let (rng, progress) = self.bench.rng_and_progress();
        progress.start(&self.frame.name, rounds);
        let control = self.contenders.len();
        let mut seen: Vec<Vec<Round>> = vec![Vec::new(); control + 1];
        let mut order: Vec<usize> = (0..=control).collect();
        for round in 0..rounds {
            progress.round(round + 1);
            rng.shuffle(&mut order);
            for &entry in &order {
                let index = if entry == control { baseline } else { entry };
                seen[entry].push((self.contenders[index].1)(scale));
            }
        }
        progress.finish();
        check_rounds(&names, &seen)?;
        let control_samples = seen.pop().map(|rounds| wall_times(&rounds)).unwrap_or_default();
        let records = self.contenders.iter().zip(&seen).map(|((about, _), rounds)| {
            let mut record = about.record(&lockfile, rounds.first().map(|round| &round.answer));
            fill(&mut record, rounds);
            record
        });
        let records: Vec<ContenderRecord> = records.collect();
        let frame = std::mem::take(&mut self.frame);
        let mut group = frame.record(Kind::Latency, names[baseline].clone(), records);
        group.control_samples = control_samples;
        self.bench.close(group);
        Ok(())
    }
}

fn same_answers(names: &[String], answers: &[Answer], expected: &Answer) -> Result<(), String> {
    match names.iter().zip(answers).find(|(_, answer)| *answer != expected) {
        Some((name, answer)) => {
            Err(format!("{name}: its answer differs from the baseline's: {}", Answer::difference(expected, answer)))
        }
        None => Ok(()),
    }
}

/// Rejects rounds that cannot be compared: other answers, other amounts of work, no time at all.
fn check_rounds(names: &[String], seen: &[Vec<Round>]) -> Result<(), String> {
    let Some(first) = seen.first().and_then(|rounds| rounds.first()) else { return Ok(()) };
    for (index, rounds) in seen.iter().enumerate() {
        let name = names.get(index).map_or("the A/A control", String::as_str);
        for round in rounds {
            if round.answer != first.answer {
                let difference = Answer::difference(&first.answer, &round.answer);
                return Err(format!("{name}: its answer changed under load: {difference}"));
            }
            if round.operations != first.operations {
                return Err(format!(
                    "{name}: {} operations where {} had {}",
                    round.operations, names[0], first.operations
                ));
            }
            if round.wall < crate::measure::tick() * 100 || round.operations == 0 {
                return Err(format!("{name}: a round of {} operations in {:?}", round.operations, round.wall));
            }
        }
    }
    Ok(())
}

fn wall_times(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().map(|round| round.wall.as_nanos() as f64 / round.operations as f64).collect()
}

fn fill(record: &mut ContenderRecord, rounds: &[Round]) {
    record.samples = wall_times(rounds);
    record.iterations = rounds.first().map_or(0, |round| round.operations);
    let mut all = latencies();
    all.auto(true);
    let mut latency = Latency::default();
    for round in rounds {
        // It resizes itself, so adding one with wider bounds cannot fail.
        let _ = all.add(&round.latencies);
        latency.round_p50.push(round.latencies.value_at_quantile(0.5) as f64);
        latency.round_p99.push(round.latencies.value_at_quantile(0.99) as f64);
        latency.round_max.push(round.latencies.max() as f64);
    }
    latency.count = all.len();
    latency.p50 = all.value_at_quantile(0.5);
    latency.p99 = all.value_at_quantile(0.99);
    latency.p999 = (all.len() >= LEAST_FOR_P999).then(|| all.value_at_quantile(0.999));
    latency.max = all.max();
    record.latency = Some(latency);
    let names: Vec<&String> = rounds.iter().flat_map(|round| round.counters.keys()).collect();
    for name in names {
        let values: Vec<f64> = rounds.iter().filter_map(|round| round.counters.get(name).copied()).collect();
        if let Some(median) = stats::median(&values) {
            record.counters.insert(name.clone(), median);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, captured};

    fn round(scale: Scale, nanoseconds: u64) -> Round {
        let operations = scale.operations(20_000);
        let latencies = (1..=operations).map(|n| Duration::from_nanos(nanoseconds + n % 100));
        Round::from_durations(Duration::from_nanos(operations * nanoseconds), latencies)
    }

    #[test]
    fn percentiles_counters_and_targets_reach_the_record() {
        let outcome = captured("test", ["--rounds", "9", "--seed", "1"], |bench| {
            let mut group = bench.latency_group("tail").expect("measures");
            group.target(Target::at_most_times(Metric::P99, 0.5, ["slow"]));
            group.target(Target::at_most(Metric::Counter("overtakes".to_owned()), 0.0));
            group.target(Target::at_most(Metric::Allocations, 0.0));
            let mut calls = 0.0;
            group.contender("slow", move |scale| {
                calls += 1.0;
                round(scale, 9_000).counter("overtakes", calls)
            });
            group.contender("ours", |scale| round(scale, 3_000).counter("overtakes", 0.0)).ours();
            group.run();
        });
        assert_eq!(outcome.exit, 0, "{}", outcome.text);
        let group = &outcome.record.groups[0];
        let ours = group.contender("ours").unwrap();
        assert!((ours.vs_baseline.unwrap().median - 3.0).abs() < 1e-9);
        let latency = ours.latency.as_ref().unwrap();
        assert_eq!((latency.count, latency.round_p99.len()), (180_000, 9));
        assert!(latency.p50.abs_diff(3_050) <= 4 && latency.p99.abs_diff(3_099) <= 4, "{latency:?}");
        assert!(latency.p999.is_some());
        // Call 1 verified; nine rounds and nine controls share the calls 2 to 19.
        let overtakes = group.contender("slow").unwrap().counters["overtakes"];
        assert!((2.0..=19.0).contains(&overtakes));
        assert_eq!(group.targets.iter().map(|t| t.met).collect::<Vec<_>>(), [Some(true), Some(true), None]);
        assert!(outcome.text.contains("target open: ours: allocations at most 0: not measured"), "{}", outcome.text);
    }

    #[test]
    fn rounds_that_cannot_be_compared_fail() {
        let fail = |scenario: fn(Scale) -> Round| {
            let outcome = captured("test", ["--quick"], |bench| {
                let mut group = bench.latency_group("g").expect("measures");
                group.contender("right", |scale| round(scale, 1_000).answer("yes"));
                group.contender("wrong", scenario);
                group.run();
            });
            assert_eq!(outcome.exit, 1);
            outcome.record.failures[0].clone()
        };
        let failure = fail(|scale| round(scale, 1_000).answer("no"));
        assert!(failure.contains("expected `yes`, found `no`"), "{failure}");
        let failure = fail(|scale| round(scale, 1_000).operations(7).answer("yes"));
        assert!(failure.contains("7 operations where right had 2000"), "{failure}");
        let failure = fail(|scale| Round { wall: Duration::ZERO, ..round(scale, 1_000) }.answer("yes"));
        assert!(failure.contains("operations in 0ns"), "{failure}");
    }
}
