//! The record of a run: everything a table shows and everything it was computed from, as JSON. Readers (the report, the claims
//! check) use these types; a change that an old reader would misread raises [`SCHEMA`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::{Build, Machine};
use crate::stats::{Estimate, Verdict};
use crate::{Target, report};

/// The version of the record's layout.
pub const SCHEMA: u32 = 1;

/// One run of one bench binary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// The bench's name, usually the crate's.
    pub bench: String,
    /// Start, in seconds since 1970.
    pub started_unix: u64,
    /// Seconds from start to end.
    pub seconds: f64,
    /// The seed of the order of contenders.
    pub seed: u64,
    /// Rounds asked for.
    pub rounds: usize,
    /// Target duration of one sample in nanoseconds.
    pub batch_ns: u64,
    /// Whether `--quick` was given.
    pub quick: bool,
    /// Whether allocations were counted instead of time.
    pub allocations: bool,
    /// The machine.
    pub machine: Machine,
    /// Compiler, profile, commit, lockfile.
    pub build: Build,
    /// What the bench adds, for example the SIMD level in use.
    pub notes: BTreeMap<String, String>,
    /// Groups in the order they ran.
    pub groups: Vec<GroupRecord>,
    /// Wrong answers, impossible times, children that died. A run with failures exits with 1.
    pub failures: Vec<String>,
}

impl Record {
    /// Reads a record that `--json` wrote.
    ///
    /// # Errors
    /// If the file cannot be read, is no record, or has another [`SCHEMA`]; the text names the file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, String> {
        let path = path.as_ref();
        let wrong = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
        let record: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
        if record.schema != SCHEMA {
            return Err(wrong(&format_args!("schema {}, this reader knows {SCHEMA}", record.schema)));
        }
        Ok(record)
    }
}

/// The tables for people, as the run printed them.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&report::header(self))?;
        self.groups.iter().try_for_each(|group| write!(f, "{group}"))?;
        f.write_str(&report::footer(self))
    }
}

/// The group's table.
impl fmt::Display for GroupRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&report::table(self))
    }
}

/// What a group measures; it says what its samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nanoseconds per operation.
    Time,
    /// Wall nanoseconds per operation of a whole round, beside the distribution of latencies.
    Latency,
    /// Bytes resident (or bytes per element where elements are given).
    Memory,
    /// Nothing but allocations.
    Allocations,
}

/// What one operation processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throughput {
    /// Bytes per operation.
    Bytes(u64),
    /// Elements per operation.
    Elements(u64),
}

/// On which side a contender stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Another library: what ours is compared with.
    #[default]
    Peer,
    /// Our own.
    Ours,
    /// Shown and not compared, because it answers another question.
    Aside,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// Its name, unique in the bench.
    pub name: String,
    /// What it measures.
    pub kind: Kind,
    /// What one operation processes.
    pub throughput: Option<Throughput>,
    /// The contender that others are compared with, and which ran twice.
    pub baseline: String,
    /// The peer with the lowest median.
    pub best_peer: Option<String>,
    /// Samples of the baseline's second entry.
    pub control_samples: Vec<f64>,
    /// The control's speed relative to the baseline: 1, but for noise.
    pub control: Option<Estimate>,
    /// The noise floor taken from it: 0.02 means that no difference below 2 % is claimed.
    pub noise: f64,
    /// Contenders, fastest first.
    pub contenders: Vec<ContenderRecord>,
    /// Contenders that cannot do the job, with the reason.
    pub unable: Vec<(String, String)>,
    /// The fastest, if it is faster than every other beyond noise.
    pub winner: Option<String>,
    /// The fastest and those that cannot be told from it, if there is no winner.
    pub tied: Vec<String>,
    /// Targets and whether they were met.
    pub targets: Vec<TargetRecord>,
}

impl GroupRecord {
    /// The contender of that name.
    #[must_use]
    pub fn contender(&self, name: &str) -> Option<&ContenderRecord> {
        self.contenders.iter().find(|contender| contender.name == name)
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ContenderRecord {
    /// Its name.
    pub name: String,
    /// On which side it stands.
    pub role: Role,
    /// Version of its package in the lockfile, or what a child process said of itself.
    pub version: Option<String>,
    /// Settings and remarks.
    pub notes: Vec<String>,
    /// Digest of the verified answer (hexadecimal).
    pub answer: String,
    /// Iterations per sample.
    pub iterations: u64,
    /// Operations per iteration.
    pub operations: u64,
    /// One value per round, in the order of rounds; see [`Kind`] for the unit.
    pub samples: Vec<f64>,
    /// Median of the samples with its interval.
    pub median: Option<Estimate>,
    /// How many times as fast as (or smaller than) the baseline.
    pub vs_baseline: Option<Estimate>,
    /// How many times as fast as (or smaller than) the best peer.
    pub vs_best_peer: Option<Estimate>,
    /// What noise leaves of the former.
    pub verdict_baseline: Option<Verdict>,
    /// What noise leaves of the latter.
    pub verdict_best_peer: Option<Verdict>,
    /// Allocations, if counted.
    pub allocations: Option<Allocations>,
    /// The distribution of latencies, of [`Kind::Latency`].
    pub latency: Option<Latency>,
    /// Named counts: of [`Kind::Latency`] the contender's own, of [`Kind::Memory`] the children's peak.
    pub counters: BTreeMap<String, f64>,
}

/// Heap use of one operation, on the calling thread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Allocations {
    /// Allocations per operation; a buffer that grows counts each time.
    pub count: f64,
    /// Bytes requested per operation.
    pub bytes: f64,
    /// Most bytes held at once during one iteration.
    pub peak_bytes: u64,
    /// Bytes still held after an iteration, on average: above zero, something accumulates.
    pub kept_bytes: f64,
}

/// Latencies of all rounds together and of each round, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// How many were recorded.
    pub count: u64,
    /// Median of all rounds.
    pub p50: u64,
    /// 99th percentile of all rounds.
    pub p99: u64,
    /// 99.9th percentile of all rounds; absent below 10,000 values.
    pub p999: Option<u64>,
    /// The largest.
    pub max: u64,
    /// 50th percentile of each round.
    pub round_p50: Vec<f64>,
    /// 99th percentile of each round.
    pub round_p99: Vec<f64>,
    /// The largest of each round.
    pub round_max: Vec<f64>,
}

impl Latency {
    /// Adds the rounds of another process. Quantiles of all rounds cannot be had from two summaries: the larger is kept, so
    /// that a merged tail is never flattered.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.count += other.count;
        self.p50 = self.p50.max(other.p50);
        self.p99 = self.p99.max(other.p99);
        self.p999 = self.p999.max(other.p999);
        self.max = self.max.max(other.max);
        self.round_p50.extend_from_slice(&other.round_p50);
        self.round_p99.extend_from_slice(&other.round_p99);
        self.round_max.extend_from_slice(&other.round_max);
    }
}

/// A target as the table shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// The target itself.
    pub target: Target,
    /// The target in words.
    pub text: String,
    /// What was measured; absent if nothing was.
    pub measured: Option<f64>,
    /// The interval, where there is one.
    pub interval: Option<Estimate>,
    /// Whether it is met; absent if it was not measured.
    pub met: Option<bool>,
}
