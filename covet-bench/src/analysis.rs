//! From samples to verdicts: fills in what a group's record derives from its raw samples. Works on a record alone, so that a
//! report which merges the samples of several processes goes through the same code.

use crate::Target;
use crate::record::{ContenderRecord, GroupRecord, Role};
use crate::stats::{self, Verdict};

/// Computes medians, ratios, noise, verdicts, winner and targets from the raw samples, and sorts contenders by cost (those set
/// aside last). Samples of one round must stand at the same index in all contenders and in the control.
pub fn analyse(group: &mut GroupRecord, targets: &[Target]) {
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
    group.targets = targets.iter().map(|target| target.evaluate(group, first_ours.as_deref())).collect();
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
