//! Targets: what a group is meant to show. A missed target is printed as missed and fails nothing, because a benchmark that
//! may fail gets tuned until it passes.

use serde::{Deserialize, Serialize};

use crate::record::{ContenderRecord, GroupRecord, Kind, Role, TargetRecord};
use crate::stats;

/// A quantity that a target bounds. Lower is better for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// Time per operation (of a memory group: bytes).
    Cost,
    /// Median latency.
    P50,
    /// 99th percentile of latency.
    P99,
    /// 99.9th percentile of latency.
    P999,
    /// The largest latency.
    Max,
    /// Allocations per operation.
    Allocations,
    /// Bytes allocated per operation.
    AllocatedBytes,
    /// A named counter of a latency contender.
    Counter(String),
}

impl Metric {
    fn of(&self, contender: &ContenderRecord) -> Option<f64> {
        let latency = contender.latency.as_ref();
        match self {
            Self::Cost => contender.median.map(|median| median.median),
            Self::P50 => latency.map(|l| l.p50 as f64),
            Self::P99 => latency.map(|l| l.p99 as f64),
            Self::P999 => latency.and_then(|l| l.p999).map(|p| p as f64),
            Self::Max => latency.map(|l| l.max as f64),
            Self::Allocations => contender.allocations.map(|a| a.count),
            Self::AllocatedBytes => contender.allocations.map(|a| a.bytes),
            Self::Counter(name) => contender.counters.get(name).copied(),
        }
    }

    fn name(&self, kind: Kind) -> &str {
        match self {
            Self::Cost if kind == Kind::Memory => "bytes",
            Self::Cost => "time",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
            Self::Allocations => "allocations",
            Self::AllocatedBytes => "allocated bytes",
            Self::Counter(name) => name,
        }
    }
}

/// A bound on our first contender (or a named one), against others or absolute.
///
/// ```
/// use covet_bench::{Metric, Target};
/// let fast = Target::times_as_fast(2.0, ["sonic-rs", "simd-json"]);
/// let fair = Target::at_most_times(Metric::P99, 0.5, ["deadpool", "bb8"]);
/// let lean = Target::at_most(Metric::Allocations, 0.0).of("covet-router");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    subject: Option<String>,
    bound: Bound,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    Speed(f64, Vec<String>),
    Ratio(Metric, f64, Vec<String>),
    Absolute(Metric, f64),
}

impl Target {
    /// At least `factor` times as fast as (of a memory group: as small as) the best of the named contenders.
    #[must_use]
    pub fn times_as_fast<S: Into<String>>(factor: f64, best_of: impl IntoIterator<Item = S>) -> Self {
        Self { subject: None, bound: Bound::Speed(factor, best_of.into_iter().map(Into::into).collect()) }
    }

    /// At most `factor` times the lowest value among the named contenders.
    #[must_use]
    pub fn at_most_times<S: Into<String>>(metric: Metric, factor: f64, best_of: impl IntoIterator<Item = S>) -> Self {
        Self { subject: None, bound: Bound::Ratio(metric, factor, best_of.into_iter().map(Into::into).collect()) }
    }

    /// At most `limit`: nanoseconds, bytes or a count, as the metric says.
    #[must_use]
    pub fn at_most(metric: Metric, limit: f64) -> Self {
        Self { subject: None, bound: Bound::Absolute(metric, limit) }
    }

    /// Applies the target to this contender; without it, to the first with the role `Ours`.
    #[must_use]
    pub fn of(mut self, contender: impl Into<String>) -> Self {
        self.subject = Some(contender.into());
        self
    }

    /// A target not measured yet, as a group's record carries it.
    pub(crate) fn open(self) -> TargetRecord {
        TargetRecord { target: self, text: String::new(), measured: None, interval: None, met: None }
    }

    fn record(&self, text: String, measured: Option<f64>, met: impl Fn(f64) -> bool) -> TargetRecord {
        TargetRecord { target: self.clone(), text, measured, interval: None, met: measured.map(met) }
    }

    pub(crate) fn evaluate(&self, group: &GroupRecord, first_ours: Option<&str>) -> TargetRecord {
        let subject = self.subject.as_deref().or(first_ours);
        let own = subject.and_then(|name| group.contender(name));
        let who = subject.unwrap_or("ours");
        match &self.bound {
            Bound::Speed(factor, names) => {
                let word = if group.kind == Kind::Memory { "small" } else { "fast" };
                let text = format!("{who} at least {factor}x as {word} as the best of [{}]", names.join(", "));
                let best = best_of(group, names, &Metric::Cost);
                let ratio = own.zip(best).and_then(|(own, best)| stats::speed_ratio(&own.samples, &best.samples));
                let measured = ratio.map(|ratio| ratio.median);
                TargetRecord { interval: ratio, ..self.record(text, measured, |measured| measured >= *factor) }
            }
            Bound::Ratio(metric, factor, names) => {
                let text =
                    format!("{who}: {} at most {factor}x the best of [{}]", metric.name(group.kind), names.join(", "));
                let best = best_of(group, names, metric).and_then(|best| metric.of(best));
                let own = own.and_then(|own| metric.of(own));
                let measured = own.zip(best).map(|(own, best)| if own == best { 1.0 } else { own / best });
                self.record(text, measured, |measured| measured <= *factor)
            }
            Bound::Absolute(metric, limit) => {
                let text = format!("{who}: {} at most {limit}", metric.name(group.kind));
                let measured = own.and_then(|own| metric.of(own));
                self.record(text, measured, |measured| measured <= *limit)
            }
        }
    }
}

fn best_of<'g>(group: &'g GroupRecord, names: &[String], metric: &Metric) -> Option<&'g ContenderRecord> {
    let named = group.contenders.iter().filter(|c| c.role != Role::Aside && names.contains(&c.name));
    named
        .filter_map(|contender| Some((metric.of(contender)?, contender)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, contender)| contender)
}
