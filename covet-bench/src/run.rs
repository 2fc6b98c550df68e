//! A recorded run: many processes of many benches, reduced to what a report needs, small enough to live in the repository.
//!
//! The process is the sample. Where a process happens to place its code and data moves every time in it alike, so rounds of
//! one process agree with each other more than they deserve. [`RunGroup::table`] therefore reduces each process to one value
//! per contender and takes its intervals over processes. The raw samples stay in the record, to four significant digits.

mod assemble;
mod compact;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::{Build, Machine};
use crate::record::{Allocations, ContenderRecord, GroupRecord, Kind, Latency, Role, Throughput};
use crate::workload::inventory::Item;
use crate::{Target, analysis, stats};

pub use assemble::Assembly;

/// The version of the layout of a run.
pub const SCHEMA: u32 = 1;

/// One run of the whole suite, or of a part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// The command that makes such a run.
    pub command: String,
    /// Start, in seconds since 1970.
    pub started_unix: u64,
    /// Seconds from start to end, building not counted.
    pub seconds: f64,
    /// Whether it was a quick look.
    pub quick: bool,
    /// Whether every job ran to its end, in as many processes as asked for. Only such a run is rendered into documents.
    pub complete: bool,
    /// The seed of the order of processes.
    pub seed: u64,
    /// The machine.
    pub machine: Machine,
    /// Compiler, profile, commit, lockfile.
    pub build: Build,
    /// The version of the generated workloads.
    pub workloads: u32,
    /// Their sizes and digests.
    #[serde(default)]
    pub inventory: Vec<Item>,
    /// Whether `COVET_CORPUS` named a folder with real documents.
    pub corpus: bool,
    /// What kept the machine from being quiet, before and during the run.
    pub disturbances: Vec<String>,
    /// Wrong answers, impossible times, processes that died.
    pub failures: Vec<String>,
    /// What was measured.
    pub jobs: Vec<Job>,
}

/// One bench in one variant: `json` at one SIMD level, say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its short name, such as `router`.
    pub name: String,
    /// Which of several settings of the process, such as a SIMD level; absent if there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The package whose bench it is.
    pub package: String,
    /// The command that runs this bench alone.
    pub command: String,
    /// What the bench said of itself.
    pub notes: BTreeMap<String, String>,
    /// Its tables.
    pub groups: Vec<RunGroup>,
}

/// One table with the samples of all processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunGroup {
    /// Its name, unique in the bench.
    pub name: String,
    /// What it measures.
    pub kind: Kind,
    /// What one operation processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<Throughput>,
    /// The contender that others are compared with, and which ran twice.
    pub baseline: String,
    /// The rows.
    pub contenders: Vec<RunContender>,
    /// Samples of the baseline's second entry, per process.
    #[serde(with = "compact")]
    pub control: Vec<Vec<f64>>,
    /// Who cannot do the job, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unable: Vec<(String, String)>,
    /// What it is meant to show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunContender {
    /// Its name.
    pub name: String,
    /// On which side it stands.
    pub role: Role,
    /// Version of its package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Settings and remarks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Digest of the verified answer; all processes agreed on it.
    pub answer: String,
    /// Samples per process, each in the order of rounds; see [`Kind`] for the unit.
    #[serde(with = "compact")]
    pub samples: Vec<Vec<f64>>,
    /// Latencies per process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tails: Vec<Tail>,
    /// Named counts: the median over processes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, f64>,
    /// Heap use of one operation, from a build that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocations: Option<Allocations>,
}

/// The latencies of one process, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// How many.
    pub count: u64,
    /// Median.
    pub p50: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile, if there were enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999: Option<u64>,
    /// The largest.
    pub max: u64,
}

impl Run {
    /// Reads a run.
    ///
    /// # Errors
    /// If the file cannot be read, is no run, or has another [`SCHEMA`]; the text names the file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, String> {
        let path = path.as_ref();
        let wrong = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
        let run: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
        if run.schema != SCHEMA {
            return Err(wrong(&format_args!("schema {}, this reader knows {SCHEMA}", run.schema)));
        }
        Ok(run)
    }

    /// The text of the file: JSON with a line for each row of a table, so that two runs can be compared by eye.
    #[must_use]
    pub fn to_text(&self) -> String {
        compact::lines(&serde_json::to_value(self).unwrap_or_default())
    }

    /// The job of that name; of several variants, all.
    pub fn jobs_named<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r Job> {
        self.jobs.iter().filter(move |job| job.name == name)
    }

    /// Versions of everything that took part, by the package's name as tables show it.
    #[must_use]
    pub fn versions(&self) -> BTreeMap<String, String> {
        let rows = self.jobs.iter().flat_map(|job| &job.groups).flat_map(|group| &group.contenders);
        rows.filter_map(|row| {
            let name = row.name.split(' ').next()?;
            Some((name.to_owned(), row.version.clone()?))
        })
        .collect()
    }
}

impl Job {
    /// The table of that name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&RunGroup> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The name with the variant.
    #[must_use]
    pub fn title(&self) -> String {
        self.variant.as_ref().map_or_else(|| self.name.clone(), |variant| format!("{} ({variant})", self.name))
    }
}

impl RunGroup {
    /// The processes that took part.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.control.len()
    }

    /// The table: medians, ratios, intervals and verdicts over processes.
    #[must_use]
    pub fn table(&self) -> GroupRecord {
        let base: Vec<&[f64]> = self
            .contenders
            .iter()
            .find(|row| row.name == self.baseline)
            .map(|row| slices(&row.samples))
            .unwrap_or_default();
        let mut group = GroupRecord {
            name: self.name.clone(),
            kind: self.kind,
            throughput: self.throughput,
            baseline: self.baseline.clone(),
            best_peer: None,
            control_samples: reduced(&slices(&self.control), &base),
            control: None,
            noise: 0.0,
            contenders: self.contenders.iter().map(|row| row.reduced(&base)).collect(),
            unable: self.unable.clone(),
            winner: None,
            tied: Vec::new(),
            targets: self.targets.iter().cloned().map(Target::open).collect(),
        };
        analysis::analyse(&mut group);
        group
    }
}

impl RunContender {
    fn reduced(&self, base: &[&[f64]]) -> ContenderRecord {
        let median_of = |value: fn(&Tail) -> f64| {
            stats::median(&self.tails.iter().map(value).collect::<Vec<_>>()).unwrap_or_default() as u64
        };
        let latency = (!self.tails.is_empty()).then(|| Latency {
            count: self.tails.iter().map(|tail| tail.count).sum(),
            p50: median_of(|tail| tail.p50 as f64),
            p99: median_of(|tail| tail.p99 as f64),
            p999: self
                .tails
                .iter()
                .map(|tail| tail.p999)
                .collect::<Option<Vec<_>>>()
                .map(|_| median_of(|tail| tail.p999.unwrap_or_default() as f64)),
            max: self.tails.iter().map(|tail| tail.max).max().unwrap_or_default(),
            ..Latency::default()
        });
        ContenderRecord {
            name: self.name.clone(),
            role: self.role,
            version: self.version.clone(),
            notes: self.notes.clone(),
            answer: self.answer.clone(),
            iterations: 1,
            operations: 1,
            samples: reduced(&slices(&self.samples), base),
            latency,
            counters: self.counters.clone(),
            allocations: self.allocations,
            ..ContenderRecord::default()
        }
    }
}

fn slices(samples: &[Vec<f64>]) -> Vec<&[f64]> {
    samples.iter().map(Vec::as_slice).collect()
}

/// One value per process: the baseline's median, divided by the median of the paired ratios, so that the quotient of two
/// rows is again a comparison within rounds.
fn reduced(own: &[&[f64]], base: &[&[f64]]) -> Vec<f64> {
    let one = |(own, base): (&&[f64], &&[f64])| {
        let ratio = stats::speed_ratio(own, base)?;
        Some(stats::median(base)? / ratio.median)
    };
    own.iter().zip(base).filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Verdict;

    fn row(name: &str, role: Role, samples: &[&[f64]]) -> RunContender {
        RunContender {
            name: name.to_owned(),
            role,
            samples: samples.iter().map(|process| process.to_vec()).collect(),
            ..RunContender::default()
        }
    }

    fn group(ours: &[&[f64]]) -> RunGroup {
        RunGroup {
            name: "g".to_owned(),
            kind: Kind::Time,
            throughput: None,
            baseline: "peer".to_owned(),
            contenders: vec![
                row("ours", Role::Ours, ours),
                row("peer", Role::Peer, &[&[100.0, 200.0, 100.0], &[110.0, 110.0, 110.0], &[90.0, 90.0, 90.0]]),
            ],
            control: vec![vec![100.0, 200.0, 100.0], vec![111.0, 110.0, 110.0], vec![90.0, 91.0, 90.0]],
            unable: Vec::new(),
            targets: vec![Target::times_as_fast(2.0, ["peer"])],
        }
    }

    #[test]
    fn the_process_is_the_sample() {
        // Paired within rounds: the slow second round of the first process does not count twice.
        let table = group(&[&[50.0, 100.0, 50.0], &[50.0, 50.0, 50.0], &[50.0, 50.0, 50.0]]).table();
        let ours = table.contender("ours").unwrap();
        let ratio = ours.vs_best_peer.unwrap();
        assert_eq!((ours.samples.len(), table.best_peer.as_deref()), (3, Some("peer")));
        assert!((ratio.median - 2.0).abs() < 1e-9 && (ratio.low - 1.8).abs() < 1e-9, "{ratio:?}");
        assert!((ratio.high - 2.2).abs() < 1e-9 && ours.verdict_best_peer == Some(Verdict::Faster), "{ratio:?}");
        assert_eq!(table.targets[0].met, Some(true));
    }

    #[test]
    fn processes_that_disagree_are_a_tie() {
        let table = group(&[&[50.0, 100.0, 50.0], &[120.0, 120.0, 120.0], &[50.0, 50.0, 50.0]]).table();
        assert_eq!(table.contender("ours").unwrap().verdict_best_peer, Some(Verdict::Tie));
        assert_eq!(table.winner, None);
    }
}
