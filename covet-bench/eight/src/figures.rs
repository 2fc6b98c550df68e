//! Mean, median, standard deviation and 99th percentile of single operations, in nanoseconds. The report behind these rows
//! gave means, and complained of one row's spread.

use covet_bench::run::Tail;
use covet_bench::stats;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) count: usize,
    pub(crate) mean: f64,
    pub(crate) median: f64,
    /// Of the values about their mean (with Bessel's correction).
    pub(crate) deviation: f64,
    pub(crate) p99: f64,
}

impl Figures {
    /// `None` of nothing.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some(Self {
            count,
            mean,
            median: stats::median(values)?,
            deviation: (squares / (count.max(2) - 1) as f64).sqrt(),
            p99: quantile(values, 0.99)?,
        })
    }
}

/// The smallest value that so large a share of all does not exceed.
fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

/// The same values as the record keeps latencies.
pub(crate) fn tail(values: &[f64]) -> Option<Tail> {
    let whole = |value: f64| value.round() as u64;
    Some(Tail {
        count: values.len() as u64,
        p50: whole(stats::median(values)?),
        p99: whole(quantile(values, 0.99)?),
        p999: (values.len() >= 10_000).then(|| quantile(values, 0.999)).flatten().map(whole),
        max: whole(quantile(values, 1.0)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_known_values() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let figures = Figures::of(&values).unwrap();
        assert_eq!((figures.count, figures.mean, figures.median, figures.p99), (100, 50.5, 50.5, 99.0));
        assert!((figures.deviation - 29.011).abs() < 0.001, "{figures:?}");
        assert_eq!(Figures::of(&[7.0]).unwrap().deviation, 0.0);
        assert_eq!(Figures::of(&[]), None);
        let tail = tail(&values).unwrap();
        assert_eq!((tail.count, tail.p99, tail.max, tail.p999), (100, 99, 100, None));
    }
}
