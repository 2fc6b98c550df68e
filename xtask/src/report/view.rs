//! The tables of a run as documents show them: one for each group, at the SIMD level that flatters us least.

use covet_bench::record::{ContenderRecord, GroupRecord, Role};
use covet_bench::run::Run;
use covet_bench::stats::{Estimate, Verdict};

/// One table.
pub(crate) struct View {
    pub(crate) job: String,
    /// The package that it speaks for.
    pub(crate) package: String,
    /// What runs it alone.
    pub(crate) command: String,
    pub(crate) table: GroupRecord,
    pub(crate) processes: usize,
    /// The level shown, if there are several.
    pub(crate) variant: Option<String>,
    /// What our fastest row does at each level.
    pub(crate) levels: Vec<(String, Estimate)>,
}

impl View {
    /// Our fastest row.
    pub(crate) fn ours(&self) -> Option<&ContenderRecord> {
        self.table.contenders.iter().find(|row| row.role == Role::Ours && row.median.is_some())
    }

    pub(crate) fn best_peer(&self) -> Option<&ContenderRecord> {
        self.table.best_peer.as_deref().and_then(|name| self.table.contender(name))
    }

    /// Rows of ours that the best peer beats, each with its ratio.
    pub(crate) fn losses(&self) -> impl Iterator<Item = (&ContenderRecord, Estimate)> {
        let ours = self.table.contenders.iter().filter(|row| row.role == Role::Ours);
        ours.filter(|row| row.verdict_best_peer == Some(Verdict::Slower))
            .filter_map(|row| Some((row, row.vs_best_peer?)))
    }
}

/// A contender's name with its version.
pub(crate) fn versioned(row: &ContenderRecord) -> String {
    row.version.as_ref().map_or_else(|| row.name.clone(), |version| format!("{} {version}", row.name))
}

/// All tables of a run, in the order of the run.
pub(crate) fn views(run: &Run) -> Vec<View> {
    let mut views: Vec<View> = Vec::new();
    for job in &run.jobs {
        for group in &job.groups {
            let fresh = View {
                job: job.name.clone(),
                package: owner(&job.package, &group.name).to_owned(),
                command: job.command.clone(),
                table: group.table(),
                processes: group.processes(),
                variant: job.variant.clone(),
                levels: Vec::new(),
            };
            let level = job.variant.clone().zip(ratio(&fresh));
            match views.iter_mut().find(|known| known.job == job.name && known.table.name == group.name) {
                Some(known) => {
                    known.levels.extend(level);
                    if lower(&fresh, known) {
                        let levels = std::mem::take(&mut known.levels);
                        *known = View { levels, ..fresh };
                    }
                }
                None => views.push(View { levels: level.into_iter().collect(), ..fresh }),
            }
        }
    }
    views
}

fn ratio(view: &View) -> Option<Estimate> {
    view.ours()?.vs_best_peer
}

fn lower(fresh: &View, known: &View) -> bool {
    match (ratio(fresh), ratio(known)) {
        (Some(fresh), Some(known)) => fresh.median < known.median,
        _ => false,
    }
}

/// The package whose README shows a table: groups of the suite begin with the name of their job.
fn owner<'p>(package: &'p str, group: &str) -> &'p str {
    match (package, group.split(':').next()) {
        ("covet-bench-suite", Some("json")) => "covet-json",
        ("covet-bench-suite", Some("router")) => "covet-router",
        ("covet-bench-suite", Some("tokens" | "blacklist")) => "covet-auth",
        ("covet-bench-suite", Some("pool" | "sqlite" | "postgres")) => "covet-pool",
        ("covet-bench-suite", Some("cache" | "composed")) => "covet-kit",
        _ => package,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_lowest_level_is_shown_and_all_are_named() {
        let views = views(&fixture::run());
        assert_eq!(views.len(), 3);
        let decode = &views[0];
        assert_eq!((decode.variant.as_deref(), decode.levels.len()), (Some("sse2"), 2));
        assert!((ratio(decode).unwrap().median - 2.0).abs() < 0.01);
        assert_eq!(decode.losses().count(), 0);
        assert_eq!(decode.best_peer().map(versioned).as_deref(), Some("sonic-rs 0.5.10"));
        assert_eq!(views[1].losses().count(), 1);
        assert_eq!(views[2].losses().count(), 0, "a tie is no loss");
    }

    #[test]
    fn tables_of_the_suite_belong_to_a_crate() {
        assert_eq!(owner("covet-bench-suite", "cache: hit"), "covet-kit");
        assert_eq!(owner("covet-bench-suite", "anything"), "covet-bench-suite");
        assert_eq!(owner("covet-pool", "cache: hit"), "covet-pool");
    }
}
