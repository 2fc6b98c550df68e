//! The session: options in, groups one after the other, record and exit code out.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::cli::{HELP, Mode, Options};
use crate::machine::{Build, Machine};
use crate::progress::Progress;
use crate::record::{GroupRecord, Record, SCHEMA};
use crate::{Group, LatencyGroup, MemoryGroup, Rng, analysis, report};

/// One run of a bench binary. Made by [`main`](crate::main()), which hands it to the bench's body.
#[derive(Debug)]
pub struct Bench {
    options: Options,
    record: Record,
    started: Instant,
    rng: Rng,
    progress: Progress,
    lockfile: String,
    /// Where text for people goes: to stdout, or kept for a test to read.
    capture: Option<String>,
    header_printed: bool,
    verified: usize,
    failed: usize,
    ignored: usize,
    filtered_out: usize,
    known: Vec<String>,
    /// The group handed out and not run yet.
    open: Option<String>,
    empty_loop: Option<f64>,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// The record, complete.
    pub record: Record,
    /// 0, or 1 if something failed, or 2 if the command line was wrong.
    pub exit: u8,
    /// What was printed, if it was captured.
    pub text: String,
}

/// Runs a bench with the arguments of this process: the whole `main` of a `benches/peers.rs`.
///
/// `name` is the bench's name in tables and records, usually the crate's; `body` declares and runs the groups.
pub fn main(name: &str, body: impl FnOnce(&mut Bench)) -> ExitCode {
    ExitCode::from(Bench::execute(name, std::env::args().skip(1), None, body).exit)
}

/// As [`main`](crate::main()), with the given arguments and without printing: for tests of a bench and for tools that embed
/// one.
pub fn captured<S: Into<String>>(
    name: &str,
    arguments: impl IntoIterator<Item = S>,
    body: impl FnOnce(&mut Bench),
) -> Outcome {
    Bench::execute(name, arguments.into_iter().map(Into::into), Some(String::new()), body)
}

impl Bench {
    fn execute(
        name: &str,
        arguments: impl Iterator<Item = String>,
        capture: Option<String>,
        body: impl FnOnce(&mut Self),
    ) -> Outcome {
        let options = Options::parse(arguments);
        let fallback = || Options::parse(["--help".to_owned()]);
        let (options, error) = match options {
            Ok(options) if options.allocations && !crate::allocations::AVAILABLE => {
                (Ok(options), Some(crate::allocations::MISSING.to_owned()))
            }
            Ok(options) => (Ok(options), None),
            Err(error) => (fallback(), Some(error)),
        };
        let Ok(options) = options else { unreachable!("--help parses") };
        let mut bench = Self::new(name, options, capture);
        if let Some(error) = error {
            eprintln!("error: {error}");
            return Outcome { record: bench.record, exit: 2, text: error };
        }
        if bench.options.mode == Mode::Help {
            bench.print(HELP);
        } else {
            body(&mut bench);
        }
        bench.finish()
    }

    fn new(name: &str, options: Options, capture: Option<String>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // A seed of twelve digits or fewer, so that a person can type it again.
        let seed = options.seed.unwrap_or(now.as_nanos() as u64 % 1_000_000_000);
        let measures = options.mode == Mode::Measure;
        let record = Record {
            schema: SCHEMA,
            bench: name.to_owned(),
            started_unix: now.as_secs(),
            seconds: 0.0,
            seed,
            rounds: options.rounds(),
            batch_ns: options.batch().as_nanos() as u64,
            quick: options.quick,
            allocations: options.allocations,
            machine: if measures { Machine::read() } else { Machine::default() },
            build: if measures { Build::read() } else { Build::default() },
            notes: BTreeMap::new(),
            groups: Vec::new(),
            failures: Vec::new(),
        };
        Self {
            rng: Rng::new(seed),
            progress: Progress::new(capture.is_some()),
            lockfile: if measures { crate::machine::lockfile().unwrap_or_default() } else { String::new() },
            options,
            record,
            started: Instant::now(),
            capture,
            header_printed: false,
            verified: 0,
            failed: 0,
            ignored: 0,
            filtered_out: 0,
            known: Vec::new(),
            open: None,
            empty_loop: None,
        }
    }

    /// Opens a group of timed contenders, or `None` if this run does not want it (a filter, `--list`). Names must be unique.
    pub fn group(&mut self, name: &str) -> Option<Group<'_>> {
        self.open(name).then(|| Group::new(self, name))
    }

    /// Opens a group whose contenders report a distribution of latencies per round, or `None` if this run does not want it.
    pub fn latency_group(&mut self, name: &str) -> Option<LatencyGroup<'_>> {
        self.open(name).then(|| LatencyGroup::new(self, name))
    }

    /// Opens a group whose contenders are built in fresh processes to see what memory they keep, or `None` if this run does
    /// not want it.
    pub fn memory_group(&mut self, name: &str) -> Option<MemoryGroup<'_>> {
        self.open(name).then(|| MemoryGroup::new(self, name))
    }

    /// Adds a fact to the header and the record, such as the SIMD level in use.
    pub fn note(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.record.notes.insert(name.into(), value.into());
    }

    /// Says that a group is left out and why, for example because its data are not on this machine.
    pub fn skip(&mut self, group: &str, reason: &str) {
        if self.wants(group) {
            if self.only_verifies() {
                self.print(&format!("test {group} ... ignored, {reason}\n"));
                self.ignored += 1;
            } else {
                self.print(&format!("\n{group}: left out, {reason}\n"));
            }
        }
    }

    /// Reports a failure of the bench itself: it is printed, and the run will exit with 1.
    pub fn fail(&mut self, failure: impl Into<String>) {
        let failure = failure.into();
        if self.only_verifies() {
            self.print(&format!("test {failure} ... FAILED\n"));
            self.failed += 1;
        } else {
            eprintln!("FAILED {failure}");
        }
        self.record.failures.push(failure);
    }

    /// True if this run only verifies answers: contenders with work of a fixed size may then do less of it.
    #[must_use]
    pub fn only_verifies(&self) -> bool {
        self.options.mode == Mode::Test
    }

    /// True with `--quick`.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        self.options.quick
    }

    pub(crate) fn mode(&self) -> &Mode {
        &self.options.mode
    }

    pub(crate) fn counts_allocations(&self) -> bool {
        self.options.allocations
    }

    pub(crate) fn rounds(&self) -> usize {
        self.options.rounds()
    }

    pub(crate) fn latency_rounds(&self) -> usize {
        self.options.latency_rounds()
    }

    pub(crate) fn memory_rounds(&self) -> usize {
        self.options.memory_rounds()
    }

    pub(crate) fn batch(&self) -> Duration {
        self.options.batch()
    }

    pub(crate) fn lockfile(&self) -> &str {
        &self.lockfile
    }

    pub(crate) fn rng_and_progress(&mut self) -> (&mut Rng, &mut Progress) {
        (&mut self.rng, &mut self.progress)
    }

    /// Hands a group out, if this run wants it.
    fn open(&mut self, name: &str) -> bool {
        self.check_all_ran();
        let wanted = self.wants(name);
        if wanted {
            self.open = Some(name.to_owned());
        }
        wanted
    }

    /// A group that was filled and forgotten would look like a group that passed.
    fn check_all_ran(&mut self) {
        if let Some(name) = self.open.take() {
            self.fail(format!("{name}: the group was never run"));
        }
    }

    pub(crate) fn ran(&mut self) {
        self.open = None;
    }

    /// Nanoseconds of an iteration that does nothing, measured once.
    pub(crate) fn empty_loop(&mut self) -> f64 {
        *self.empty_loop.get_or_insert_with(crate::measure::empty_loop)
    }

    /// Whether this run opens the group; also keeps the books of names.
    fn wants(&mut self, name: &str) -> bool {
        if self.known.iter().any(|known| known == name) {
            self.fail(format!("{name}: a group of this name exists already"));
            return false;
        }
        self.known.push(name.to_owned());
        match &self.options.mode {
            Mode::Help => false,
            Mode::MemoryChild { group, .. } => group == name,
            _ if !self.options.selects(name) => {
                self.filtered_out += 1;
                false
            }
            Mode::List => {
                self.print(&format!("{name}: benchmark\n"));
                false
            }
            Mode::Measure | Mode::Test => true,
        }
    }

    /// Books the contenders of a group whose answers agree.
    pub(crate) fn verified(&mut self, group: &str, contenders: &[&str]) {
        for contender in contenders {
            self.print(&format!("test {group}/{contender} ... ok\n"));
        }
        self.verified += contenders.len();
    }

    /// Takes a measured group: analyses, prints, keeps.
    pub(crate) fn close(&mut self, mut group: GroupRecord) {
        analysis::analyse(&mut group);
        if !self.header_printed {
            self.header_printed = true;
            self.print(&report::header(&self.record));
        }
        self.print(&report::table(&group));
        self.record.groups.push(group);
    }

    fn finish(mut self) -> Outcome {
        self.check_all_ran();
        self.record.seconds = self.started.elapsed().as_secs_f64();
        let failed = !self.record.failures.is_empty();
        match self.options.mode {
            Mode::Test => {
                let line = report::libtest_line(
                    self.verified,
                    self.failed,
                    self.ignored,
                    self.filtered_out,
                    self.record.seconds,
                );
                self.print(&line);
            }
            Mode::Measure => self.finish_measuring(),
            Mode::List | Mode::Help | Mode::MemoryChild { .. } => {}
        }
        let exit = u8::from(failed || !self.record.failures.is_empty());
        Outcome { record: self.record, exit, text: self.capture.unwrap_or_default() }
    }

    fn finish_measuring(&mut self) {
        self.record.machine.finish();
        if self.record.groups.is_empty() && self.filtered_out > 0 {
            eprintln!("no group matches the filter; --list names them");
        }
        let text = report::footer(&self.record);
        self.print(&text);
        let Some(path) = self.options.json.clone() else { return };
        let written = serde_json::to_vec_pretty(&self.record)
            .map_err(std::io::Error::from)
            .and_then(|bytes| std::fs::write(&path, bytes));
        match written {
            Ok(()) => eprintln!("record written to {}", path.display()),
            Err(error) => self.fail(format!("cannot write {}: {error}", path.display())),
        }
    }

    pub(crate) fn print(&mut self, text: &str) {
        match &mut self.capture {
            Some(captured) => captured.push_str(text),
            None => {
                use std::io::Write;
                // A reader that went away (`| head`) is no reason to stop measuring.
                let _ = std::io::stdout().write_all(text.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(body: impl FnOnce(&mut Bench)) -> Vec<String> {
        let outcome = captured("test", ["--rounds", "3", "--batch-ms", "1"], body);
        assert_eq!(outcome.exit, u8::from(!outcome.record.failures.is_empty()));
        outcome.record.failures
    }

    #[test]
    fn mistakes_in_a_bench_fail_it() {
        let seen = failures(|bench| {
            let _forgotten = bench.group("forgotten").map(|group| format!("{group:?}"));
            let mut twice = bench.group("twice").expect("wanted");
            twice.contender("same", || 1_u64, |n| *n);
            twice.contender("same", || 1_u64, |n| *n);
            twice.run();
            let mut lost = bench.group("lost").expect("wanted");
            lost.baseline("nobody").contender("somebody", || 1_u64, |n| *n);
            lost.run();
            bench.group("empty").expect("wanted").run();
            assert!(bench.group("empty").is_none());
        });
        let expected = [
            "forgotten: the group was never run",
            "twice: two contenders are named `same`",
            "lost: no contender is named `nobody`, the baseline",
            "empty: no contender",
            "empty: a group of this name exists already",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn an_expected_answer_binds_the_baseline_too() {
        let seen = failures(|bench| {
            let mut group = bench.group("g").expect("wanted");
            group.expect(3_u64).contender("base", || 2_u64, |n| *n);
            group.run();
        });
        assert_eq!(seen, ["g: base: its answer differs from the group's: expected `3`, found `2`"]);
    }

    #[test]
    fn an_operation_that_was_removed_fails() {
        let seen = failures(|bench| {
            let mut group = bench.group("g").expect("wanted");
            group.contender_timed("gone", |_| Duration::ZERO, || 1_u64);
            group.run();
        });
        assert!(
            seen.len() == 1 && seen[0].starts_with("g: gone: ") && seen[0].contains("the work is not there"),
            "{seen:?}"
        );
    }

    #[test]
    fn what_is_left_out_is_counted_as_ignored() {
        let outcome = captured("test", ["--test", "g"], |bench| {
            bench.skip("g real", "no corpus");
            bench.skip("other", "filtered out anyway");
        });
        assert!(outcome.text.contains("test g real ... ignored, no corpus"), "{}", outcome.text);
        assert!(outcome.text.contains("0 passed; 0 failed; 1 ignored; 0 measured; 1 filtered out"), "{}", outcome.text);
    }

    #[test]
    fn an_empty_operation_is_pointed_out() {
        let outcome = captured("test", ["--rounds", "3"], |bench| {
            let mut group = bench.group("g").expect("wanted");
            // 0.15 ns: above the time that is rejected, below what an iteration costs anywhere.
            group.contender_timed("nothing", |n| Duration::from_nanos(n * 15 / 100), || 1_u64);
            group.run();
        });
        assert!(outcome.text.contains("as fast as an empty loop"), "{}", outcome.text);
    }
}
