//! The statistics of paired rounds: medians, and an interval that assumes nothing about the shape of the noise.
//!
//! Times on a shared machine have a long tail to the right, drift together while a neighbour is busy, and are never normal.
//! So nothing here uses a mean or a standard deviation: a ratio is taken within each round, where both sides saw the
//! same neighbour, and the median of those ratios is reported with order statistics as its interval.

use serde::{Deserialize, Serialize};

/// The probability with which an interval holds the true median, if rounds are independent.
pub const CONFIDENCE: f64 = 0.99;

/// No difference below this is ever claimed, however narrow the interval: where the linker puts a function moves its time by
/// about as much, and an A/A control inside one process, whose two sides are the same code, cannot see that.
pub const LEAST_NOISE: f64 = 0.01;

/// A median and the interval around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The lower end of the interval.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// How two contenders compare once noise is taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The first is faster, beyond noise.
    Faster,
    /// The first is slower, beyond noise.
    Slower,
    /// The data do not tell them apart.
    Tie,
}

/// The median of some numbers (the mean of the middle two of an even count), or `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[n / 2]),
        n => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

/// The median and its distribution-free interval: the order statistics between which the true median lies with at least
/// [`CONFIDENCE`], from the binomial distribution. Fewer than eight values cannot give that: their whole range is returned.
#[must_use]
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    let sorted = sorted(values);
    let median = median(&sorted)?;
    let cut = ranks_outside(sorted.len());
    Some(Estimate { low: sorted[cut], median, high: sorted[sorted.len() - 1 - cut] })
}

/// How many times as fast the first contender is as the second: the median over rounds of `other / own`, where entry `i` of
/// both comes from round `i`. `None` if there is no round or the lengths differ.
///
/// ```
/// let ratio = covet_bench::stats::speed_ratio(&[1.0, 2.0, 1.0], &[2.0, 4.0, 2.1]).unwrap();
/// assert_eq!(ratio.median, 2.0);
/// ```
#[must_use]
pub fn speed_ratio(own: &[f64], other: &[f64]) -> Option<Estimate> {
    if own.len() != other.len() {
        return None;
    }
    let ratios: Vec<f64> = own.iter().zip(other).map(|(own, other)| other / own).collect();
    estimate(&ratios)
}

/// The noise floor that an A/A control shows: the largest distance from 1 that its interval reaches, at least
/// [`LEAST_NOISE`].
#[must_use]
pub fn noise_floor(control: &Estimate) -> f64 {
    (control.high - 1.0).abs().max((1.0 - control.low).abs()).max((control.median - 1.0).abs()).max(LEAST_NOISE)
}

/// Whether a speed ratio is a difference: its interval must exclude 1 and its median must be further from 1 than `noise`.
#[must_use]
pub fn verdict(ratio: &Estimate, noise: f64) -> Verdict {
    if ratio.low > 1.0 && ratio.median > 1.0 + noise {
        Verdict::Faster
    } else if ratio.high < 1.0 && ratio.median < 1.0 / (1.0 + noise) {
        Verdict::Slower
    } else {
        Verdict::Tie
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// How many order statistics are left out at each end: the largest `k` for which at most `(1 - CONFIDENCE) / 2` of
/// Binomial(n, 1/2) lies at or below `k`.
fn ranks_outside(n: usize) -> usize {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let mut log_probability = -(n as f64) * std::f64::consts::LN_2;
    let mut cumulative = 0.0;
    for k in 0..n / 2 {
        cumulative += log_probability.exp();
        if cumulative > tail {
            return k.saturating_sub(1);
        }
        log_probability += ((n - k) as f64).ln() - ((k + 1) as f64).ln();
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    fn noisy(rng: &mut Rng, rounds: usize, scale: f64) -> Vec<f64> {
        (0..rounds)
            .map(|_| {
                let jitter = rng.below(1_000) as f64 / 1_000.0 * 0.04;
                let spike = if rng.one_in(20) { 0.8 } else { 0.0 };
                scale * (1.0 + jitter + spike)
            })
            .collect()
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn ranks_follow_the_published_table() {
        // The 99 % sign-test ranks (1-based): n = 10 -> 1, n = 20 -> 4, n = 50 -> 16, n = 100 -> 37.
        assert_eq!(ranks_outside(7), 0);
        assert_eq!([10, 20, 50, 100].map(ranks_outside), [0, 3, 15, 36]);
        assert!(ranks_outside(100_000) > 49_000);
    }

    #[test]
    fn equal_contenders_tie_in_nearly_every_run() {
        let mut rng = Rng::new(42);
        let ties = (0..500)
            .filter(|_| {
                let (a, b) = (noisy(&mut rng, 60, 1.0), noisy(&mut rng, 60, 1.0));
                verdict(&speed_ratio(&a, &b).unwrap(), LEAST_NOISE) == Verdict::Tie
            })
            .count();
        assert!(ties >= 490, "only {ties} of 500");
    }

    #[test]
    fn a_fifth_slower_is_always_seen() {
        let mut rng = Rng::new(43);
        for _ in 0..200 {
            let (a, b) = (noisy(&mut rng, 60, 1.0), noisy(&mut rng, 60, 1.2));
            assert_eq!(verdict(&speed_ratio(&a, &b).unwrap(), 0.02), Verdict::Faster);
            assert_eq!(verdict(&speed_ratio(&b, &a).unwrap(), 0.02), Verdict::Slower);
        }
    }

    #[test]
    fn a_difference_inside_the_noise_is_a_tie() {
        let ratio = Estimate { low: 1.02, median: 1.03, high: 1.04 };
        assert_eq!(verdict(&ratio, 0.05), Verdict::Tie);
        assert_eq!(verdict(&ratio, 0.02), Verdict::Faster);
    }

    #[test]
    fn the_floor_is_the_far_end_of_the_control() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(near(noise_floor(&Estimate { low: 0.93, median: 1.0, high: 1.02 }), 0.07));
        assert!(near(noise_floor(&Estimate { low: 1.0, median: 1.0, high: 1.0 }), LEAST_NOISE));
    }
}
