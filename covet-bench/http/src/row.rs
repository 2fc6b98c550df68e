//! What one cell of a table is worth: a value per block, or the reason why there is none.

use covet_bench::run::Tail;
use covet_bench::stats;

use crate::load::closed::Closed;
use crate::load::open::Open;
use crate::run::{Figures, Found, Level};

/// Above this share of its processor the client may be what limits a row.
const BUSY: f64 = 0.9;

/// Rows below this share of their intended rate are dropped: their latency is that of a growing queue.
const REACHED: f64 = 0.99;

/// What the client may be late by, as the 99th percentile, before a latency is marked.
const LATE_NS: u64 = 1_000_000;

pub(crate) fn median(blocks: &[Figures], value: impl Fn(&Figures) -> f64) -> f64 {
    stats::median(&blocks.iter().map(value).collect::<Vec<_>>()).unwrap_or_default()
}

/// Whether the client, and not the server, set the limit.
pub(crate) fn is_client_limited(closed: &Closed, found: &Found) -> bool {
    let near = found.ceiling.is_some_and(|(ceiling, _)| closed.rate() > BUSY * ceiling);
    near || (closed.client_share() > BUSY && closed.server_share() < BUSY)
}

/// An open loop that can be shown.
pub(crate) fn usable(open: &Open) -> Result<Tail, String> {
    if open.failures.count > 0 {
        let first = open.failures.first.as_deref().unwrap_or_default();
        return Err(format!("{} requests failed at {} requests/s: {first}", open.failures.count, open.rate));
    }
    if open.achieved() < REACHED {
        return Err(format!("reached {:.1} % of {} requests/s", open.achieved() * 100.0, open.rate));
    }
    Ok(open.latencies.tail())
}

/// Whether the client was so busy, or so late, that a latency may be its own.
pub(crate) fn is_client_late(open: &Open) -> bool {
    open.client_share() > BUSY || open.lag.quantile(0.99).as_nanos() > u128::from(LATE_NS)
}

/// The tails of one level over all blocks; if one block cannot be shown, none is.
pub(crate) fn tails(blocks: &[Figures], level: Level) -> Result<Vec<Tail>, String> {
    let one = |figures: &Figures| usable(figures.open.get(&level).ok_or("not measured")?);
    blocks.iter().map(one).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::load::latencies::Latencies;
    use crate::load::{Failures, Usage};

    /// A server that takes `cost` of processor time for a request and saturates at `rate`, in one block.
    pub(crate) fn figures(rate: u64, cost: Duration) -> Figures {
        let usage = |completed: u64| Usage {
            server: cost * u32::try_from(completed).unwrap(),
            client: Duration::from_millis(300),
        };
        let failures = Failures::default();
        let elapsed = Duration::from_secs(1);
        let closed = Closed { completed: rate, elapsed, usage: usage(rate), failures: failures.clone() };
        let open = |rate: u64| {
            let (mut latencies, mut lag) = (Latencies::new(), Latencies::new());
            (0..rate).for_each(|_| latencies.record(Duration::from_micros(200)));
            lag.record(Duration::from_micros(20));
            let (usage, failures) = (usage(rate), failures.clone());
            Open { rate: rate as f64, completed: rate, elapsed, latencies, lag, usage, failures }
        };
        let levels = [(Level::Half, rate / 2), (Level::Most, rate * 4 / 5), (Level::Common, 100)];
        let open: BTreeMap<_, _> = levels.into_iter().map(|(level, rate)| (level, open(rate))).collect();
        Figures { closed, open, memory: 10 << 20 }
    }

    #[test]
    fn a_rate_that_is_not_reached_is_dropped() {
        let mut seen = figures(10_000, Duration::from_micros(90));
        assert!(tails(&[seen.clone()], Level::Half).is_ok());
        let open = seen.open.get_mut(&Level::Half).unwrap();
        open.completed = 4_940;
        assert!(usable(open).unwrap_err().contains("98.8 %"));
        open.completed = 4_960;
        assert!(usable(open).is_ok());
        open.failures.add(&anyhow::anyhow!("why"));
        assert!(tails(&[seen], Level::Half).unwrap_err().contains("why"));
    }

    #[test]
    fn the_client_is_blamed_for_what_it_limits() {
        let mut seen = figures(10_000, Duration::from_micros(50));
        let mut found = Found { ceiling: Some((60_000.0, 1.0)), ..Found::default() };
        assert!(!is_client_limited(&seen.closed, &found));
        seen.closed.usage.client = Duration::from_millis(990);
        assert!(is_client_limited(&seen.closed, &found), "the server rests half of the time");
        found.ceiling = Some((10_500.0, 1.0));
        seen.closed.usage.client = Duration::from_millis(300);
        assert!(is_client_limited(&seen.closed, &found), "near the ceiling");
        let open = seen.open.get_mut(&Level::Half).unwrap();
        assert!(!is_client_late(open));
        open.lag.record(Duration::from_millis(9));
        assert!(is_client_late(open));
    }
}
