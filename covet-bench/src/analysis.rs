//! From samples to verdicts: fills in what a group's record derives from its raw samples. Works on a record alone, so that a
//! report which merges the samples of several processes goes through the same code.

use crate::record::{ContenderRecord, GroupRecord, Role};
use crate::stats::{self, Verdict};

/// Computes medians, ratios, noise, verdicts, winner and targets from the raw samples, and sorts contenders by cost (those set
/// aside last). Samples of one round must stand at the same index in all contenders and in the control.
pub fn analyse(group: &mut GroupRecord) {
    let first_ours = group.contenders.iter().find(|c| c.role == Role::Ours).map(|c| c.name.clone());
    for contender in &mut group.contenders {
        contender.median = stats::estimate(&contender.samples);
    }
    group.contenders.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    group.contenders.sort_by_key(|contender| contender.role == Role::Aside);

    let baseline = group.contender(&group.baseline).map(|baseline| baseline.samples.clone()).unwrap_or_default();
    group.control = stats::speed_ratio(&group.control_samples, &baseline);
    group.noise = group.control.map_or(stats::LEAST_NOISE, |control| stats::noise_floor(&control));
    let noise = group.noise;

    let measured_peer = |contender: &&ContenderRecord| contender.role == Role::Peer && contender.median.is_some();
    let best = group.contenders.iter().find(measured_peer).map(|best| (best.name.clone(), best.samples.clone()));
    for contender in &mut group.contenders {
        contender.vs_baseline = stats::speed_ratio(&contender.samples, &baseline);
        contender.verdict_baseline = contender.vs_baseline.map(|ratio| stats::verdict(&ratio, noise));
        contender.vs_best_peer = best.as_ref().and_then(|(_, samples)| stats::speed_ratio(&contender.samples, samples));
        contender.verdict_best_peer = contender.vs_best_peer.map(|ratio| stats::verdict(&ratio, noise));
    }
    group.best_peer = best.map(|(name, _)| name);
    crown(group);
    let targets: Vec<_> = group.targets.iter().map(|open| open.target.evaluate(group, first_ours.as_deref())).collect();
    group.targets = targets;
}

/// Names the winner, or those that share the lead.
fn crown(group: &mut GroupRecord) {
    group.winner = None;
    group.tied.clear();
    let mut compared = group.contenders.iter().filter(|c| c.role != Role::Aside && c.median.is_some());
    let Some(first) = compared.next() else { return };
    let equals: Vec<String> = compared
        .filter(|other| {
            stats::speed_ratio(&first.samples, &other.samples)
                .is_none_or(|ratio| stats::verdict(&ratio, group.noise) != Verdict::Faster)
        })
        .map(|other| other.name.clone())
        .collect();
    let first = first.name.clone();
    if equals.is_empty() {
        group.winner = Some(first);
    } else {
        group.tied = std::iter::once(first).chain(equals).collect();
    }
}

fn cost(contender: &ContenderRecord) -> f64 {
    contender
        .median
        .map(|median| median.median)
        .or(contender.allocations.map(|allocations| allocations.count))
        .unwrap_or(f64::INFINITY)
}

/// Puts the samples of one group from several processes together, in order, and analyses them: where a process happens to
/// place its code and data moves results too, and one process cannot see that.
///
/// # Errors
/// If there is nothing to merge, or the groups differ in name, kind, baseline or contenders.
pub fn merge(groups: &[GroupRecord]) -> Result<GroupRecord, String> {
    let (first, rest) = groups.split_first().ok_or("no group to merge")?;
    let mut merged = first.clone();
    for group in rest {
        if (&group.name, group.kind, &group.baseline) != (&first.name, first.kind, &first.baseline)
            || group.contenders.len() != first.contenders.len()
        {
            return Err(format!("`{}` and `{}` are not the same group", first.name, group.name));
        }
        merged.control_samples.extend_from_slice(&group.control_samples);
        for contender in &mut merged.contenders {
            let other = group
                .contender(&contender.name)
                .ok_or_else(|| format!("{}: `{}` is missing from one process", first.name, contender.name))?;
            if other.answer != contender.answer {
                return Err(format!("{}: `{}` answers differently in two processes", first.name, contender.name));
            }
            contender.samples.extend_from_slice(&other.samples);
            if let (Some(latency), Some(other)) = (&mut contender.latency, &other.latency) {
                latency.extend(other);
            }
        }
    }
    analyse(&mut merged);
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Target, captured};
    use std::time::Duration;

    /// A group of contenders that claim these nanoseconds per operation, with a little noise of a fixed seed.
    fn group(times: &[(&str, u64, bool)], seed: u64) -> GroupRecord {
        let outcome = captured("test", ["--rounds", "40", "--seed", "1"], |bench| {
            let mut group = bench.group("g").expect("measures");
            group.target(Target::times_as_fast(2.0, ["slow", "slower"])).target(Target::times_as_fast(9.0, ["slow"]));
            for (index, (name, nanoseconds, ours)) in times.iter().enumerate() {
                let mut rng = crate::Rng::new(seed + index as u64);
                let run = move |n: u64| Duration::from_nanos(n * nanoseconds + rng.below(n * nanoseconds / 50 + 1));
                let about = group.contender_timed(*name, run, || 1_u64);
                if *ours {
                    about.ours();
                }
            }
            group.run();
        });
        assert_eq!(outcome.exit, 0, "{}", outcome.text);
        outcome.record.groups[0].clone()
    }

    #[test]
    fn identical_contenders_tie_and_a_fifth_slower_does_not() {
        let seen = group(&[("one", 1_000, false), ("same", 1_000, false), ("slower", 1_200, false)], 7);
        assert_eq!(seen.winner, None);
        let mut tied = seen.tied.clone();
        tied.sort_unstable();
        assert_eq!(tied, ["one", "same"]);
        assert_eq!(seen.contender("same").and_then(|c| c.verdict_baseline), Some(Verdict::Tie));
        assert_eq!(seen.contender("slower").and_then(|c| c.verdict_baseline), Some(Verdict::Slower));
        assert!(seen.noise < 0.05, "{}", seen.noise);
    }

    #[test]
    fn ours_is_compared_with_the_best_peer_and_with_targets() {
        let seen = group(&[("slow", 1_000, false), ("ours", 300, true), ("slower", 3_000, false)], 8);
        assert_eq!(seen.winner.as_deref(), Some("ours"));
        assert_eq!(seen.best_peer.as_deref(), Some("slow"));
        let ratio = seen.contender("ours").and_then(|c| c.vs_best_peer).unwrap();
        assert!(ratio.low > 3.2 && ratio.high < 3.5, "{ratio:?}");
        assert_eq!(seen.targets.iter().map(|t| t.met).collect::<Vec<_>>(), [Some(true), Some(false)]);
    }

    #[test]
    fn processes_merge_if_they_ran_the_same() {
        let times = [("slow", 1_000, false), ("ours", 300, true)];
        let merged = merge(&[group(&times, 1), group(&times, 2)]).unwrap();
        assert_eq!(merged.contender("ours").map(|c| c.samples.len()), Some(80));
        assert_eq!(merged.control_samples.len(), 80);
        assert_eq!(merged.targets.len(), 2);
        let other = group(&[("slow", 1_000, false), ("new", 300, true)], 3);
        assert!(merge(&[group(&times, 1), other]).is_err());
        assert!(merge(&[]).is_err());
    }
}
