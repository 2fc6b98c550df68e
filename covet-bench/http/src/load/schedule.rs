//! When each request of an open loop is meant to be sent. Latency counts from here, whether or not the client or the server
//! was ready: a stall delays every request that was due meanwhile, and each of them says so.

use std::time::Duration;

/// A constant rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    rate: f64,
}

impl Schedule {
    /// Requests per second, above zero.
    pub(crate) fn new(rate: f64) -> Self {
        Self { rate: rate.max(1e-3) }
    }

    /// When request `index` is meant to be sent, from the start.
    pub(crate) fn intended(self, index: u64) -> Duration {
        Duration::from_secs_f64(index as f64 / self.rate)
    }

    /// The first request that is meant to be sent at `elapsed` or later, which is how many are meant to be sent before it.
    pub(crate) fn before(self, elapsed: Duration) -> u64 {
        let mut index = (elapsed.as_secs_f64() * self.rate).ceil() as u64;
        // Rounding may be off by one on either side.
        while index > 0 && self.intended(index - 1) >= elapsed {
            index -= 1;
        }
        while self.intended(index) < elapsed {
            index += 1;
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_kept_without_drift() {
        let schedule = Schedule::new(3_000.0);
        assert_eq!(schedule.intended(0), Duration::ZERO);
        assert_eq!(schedule.intended(3_000 * 3_600), Duration::from_secs(3_600));
    }

    #[test]
    fn counting_agrees_with_the_times() {
        for rate in [0.5, 7.0, 333.3, 50_000.0, 123_456.7] {
            let schedule = Schedule::new(rate);
            for nanos in [0, 1, 999, 1_000_000, 20_000_001, 3_000_000_000] {
                let elapsed = Duration::from_nanos(nanos);
                let count = schedule.before(elapsed);
                assert!(count == 0 || schedule.intended(count - 1) < elapsed, "{rate} {nanos}");
                assert!(schedule.intended(count) >= elapsed, "{rate} {nanos}");
            }
        }
    }
}
