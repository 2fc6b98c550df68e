//! Latencies of one open loop, in nanoseconds, to three significant digits.

use std::time::Duration;

use covet_bench::hdrhistogram::Histogram;
use covet_bench::run::Tail;

/// One minute: what takes longer counts as that.
const LONGEST: u64 = 60_000_000_000;

/// Fewer values than this say nothing of the 99.9th percentile.
const ENOUGH: u64 = 10_000;

#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        // Constant bounds, which the constructor accepts.
        Self(Histogram::new_with_bounds(1, LONGEST, 3).unwrap_or_else(|_| unreachable!("bounds of this file")))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(LONGEST).clamp(1, LONGEST));
    }

    pub(crate) fn quantile(&self, share: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(share))
    }

    pub(crate) fn tail(&self) -> Tail {
        let count = self.0.len();
        Tail {
            count,
            p50: self.0.value_at_quantile(0.5),
            p99: self.0.value_at_quantile(0.99),
            p999: (count >= ENOUGH).then(|| self.0.value_at_quantile(0.999)),
            max: self.0.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut latencies = Latencies::new();
        for micros in 1..=10_000 {
            latencies.record(Duration::from_micros(micros));
        }
        let tail = latencies.tail();
        let near = |value: u64, micros: u64| value.abs_diff(micros * 1_000) <= micros;
        assert!(near(tail.p50, 5_000) && near(tail.p99, 9_900) && near(tail.max, 10_000), "{tail:?}");
        assert!(tail.p999.is_some_and(|value| near(value, 9_990)), "{tail:?}");
        assert_eq!(tail.count, 10_000);
    }

    #[test]
    fn extremes_are_kept_in_bounds_and_few_values_have_no_far_tail() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::ZERO);
        latencies.record(Duration::from_secs(3_600));
        let tail = latencies.tail();
        assert!(tail.max >= LONGEST && tail.max < LONGEST + LONGEST / 500 && tail.p999.is_none(), "{tail:?}");
    }
}
