//! Memory that stays: each contender builds its structure in a fresh process, which reports how much its resident memory
//! grew. In one process, the second contender would reuse what the first one freed.

use std::process::Command;

use crate::bench::Bench;
use crate::cli::{MEMORY_CHILD, Mode};
use crate::group::{About, Frame};
use crate::record::{ContenderRecord, Kind, Throughput};
use crate::{Answer, Target};

/// The line by which a child reports, told apart from whatever else it prints.
const REPORT: &str = "covet-bench-memory";

/// A group of structures whose resident size is compared. Made by [`Bench::memory_group`], measured by [`MemoryGroup::run`].
///
/// The bench runs itself again for every sample, with only this group and one contender selected: whatever the bench's body
/// does outside groups happens in the child too, before the measurement. Linux only; elsewhere `run` says so and measures
/// nothing.
///
/// ```no_run
/// # fn body(bench: &mut covet_bench::Bench) {
/// let Some(mut group) = bench.memory_group("a million ids") else { return };
/// group.elements(1_000_000);
/// group.contender("Vec", || (0..1_000_000_u64).collect::<Vec<_>>(), |ids| ids.len());
/// group.contender("BTreeSet", || (0..1_000_000_u64).collect::<std::collections::BTreeSet<_>>(), |ids| ids.len());
/// group.run();
/// # }
/// ```
#[must_use = "a group does nothing until `run`"]
pub struct MemoryGroup<'a> {
    bench: &'a mut Bench,
    frame: Frame,
    elements: u64,
    contenders: Vec<(About, Box<dyn FnMut() -> Grown + 'a>)>,
}

/// What building a structure did to the process.
#[derive(Debug)]
struct Grown {
    bytes: u64,
    peak: u64,
    answer: Answer,
}

impl std::fmt::Debug for MemoryGroup<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryGroup").field("frame", &self.frame).finish_non_exhaustive()
    }
}

impl<'a> MemoryGroup<'a> {
    pub(crate) fn new(bench: &'a mut Bench, name: &str) -> Self {
        Self { bench, frame: Frame::new(name), elements: 1, contenders: Vec::new() }
    }

    /// How many elements the structure holds: sizes are shown per element.
    pub fn elements(&mut self, elements: u64) -> &mut Self {
        self.elements = elements.max(1);
        self.frame.throughput = Some(Throughput::Elements(self.elements));
        self
    }

    /// As [`Group::baseline`](crate::Group::baseline).
    pub fn baseline(&mut self, name: impl Into<String>) -> &mut Self {
        self.frame.baseline = Some(name.into());
        self
    }

    /// As [`Group::target`](crate::Group::target).
    pub fn target(&mut self, target: Target) -> &mut Self {
        self.frame.targets.push(target);
        self
    }

    /// As [`Group::unable`](crate::Group::unable).
    pub fn unable(&mut self, name: impl Into<String>, reason: impl Into<String>) -> &mut Self {
        self.frame.unable.push((name.into(), reason.into()));
        self
    }

    /// Adds a structure: `build` makes it, and should create its elements one by one, because an input that is built first
    /// and freed inside `build` leaves room that hides the structure's own. `check` is run on the finished structure.
    pub fn contender<T, A: Into<Answer>>(
        &mut self,
        name: impl Into<String>,
        mut build: impl FnMut() -> T + 'a,
        mut check: impl FnMut(&T) -> A + 'a,
    ) -> &mut About {
        let grow = move || {
            let before = resident();
            let built = build();
            let after = resident();
            let peak = peak_resident();
            let answer = check(std::hint::black_box(&built)).into();
            Grown { bytes: after.saturating_sub(before), peak: peak.saturating_sub(before), answer }
        };
        self.contenders.push((About::new(name), Box::new(grow)));
        let last = self.contenders.len() - 1;
        &mut self.contenders[last].0
    }

    /// Builds every structure in as many processes as there are rounds (5; 2 with `--quick`; or `--memory-rounds`), in random
    /// order, and prints the table. Left out of an `--allocations` run.
    pub fn run(mut self) {
        self.bench.ran();
        if let Mode::MemoryChild { contender, .. } = self.bench.mode() {
            let wanted = contender.clone();
            for (_, grow) in self.contenders.iter_mut().filter(|(about, _)| about.name == wanted) {
                let grown = grow();
                println!("\n{REPORT} {} {} {:016x}", grown.bytes, grown.peak, grown.answer.digest());
            }
            return;
        }
        let name = self.frame.name.clone();
        if self.bench.counts_allocations() {
            return;
        }
        if !cfg!(target_os = "linux") {
            self.bench.print(&format!("\n{name}: left out, resident memory is read from /proc, on Linux only\n"));
        } else if let Err(failure) = self.try_run() {
            self.bench.fail(format!("{name}: {failure}"));
        }
    }

    fn try_run(&mut self) -> Result<(), String> {
        let names: Vec<String> = self.contenders.iter().map(|(about, _)| about.name.clone()).collect();
        let baseline = self.frame.baseline(names.iter().map(String::as_str))?;
        if self.bench.only_verifies() {
            return self.verify_here(&names, baseline);
        }
        let rounds = self.bench.memory_rounds();
        let lockfile = self.bench.lockfile().to_owned();
        let (rng, progress) = self.bench.rng_and_progress();
        progress.start(&self.frame.name, rounds);
        let control = names.len();
        let mut order: Vec<usize> = (0..=control).collect();
        let mut samples = vec![Vec::new(); control + 1];
        let mut peaks = vec![0.0_f64; control + 1];
        let mut answers = vec![String::new(); control + 1];
        for round in 0..rounds {
            progress.round(round + 1);
            rng.shuffle(&mut order);
            for &entry in &order {
                let name = &names[if entry == control { baseline } else { entry }];
                let (bytes, peak, answer) = ask(&self.frame.name, name).map_err(|error| format!("{name}: {error}"))?;
                if bytes == 0 {
                    return Err(format!(
                        "{name}: its memory did not grow; the structure is too small to be seen by page"
                    ));
                }
                samples[entry].push(bytes as f64 / self.elements as f64);
                peaks[entry] = peaks[entry].max(peak as f64);
                answers[entry] = answer;
            }
        }
        progress.finish();
        if let Some(index) = answers.iter().position(|answer| *answer != answers[baseline]) {
            let name = names.get(index).map_or("the A/A control", String::as_str);
            return Err(format!(
                "{name}: its answer has digest {}, the baseline's {}",
                answers[index], answers[baseline]
            ));
        }
        let control_samples = samples.pop().unwrap_or_default();
        let records: Vec<ContenderRecord> = self
            .contenders
            .iter()
            .zip(samples)
            .zip(answers.iter().zip(&peaks))
            .map(|(((about, _), samples), (answer, peak))| {
                let mut record = ContenderRecord { samples, iterations: 1, ..about.record(&lockfile, None) };
                record.answer.clone_from(answer);
                record.counters.insert("peak bytes".to_owned(), *peak);
                record
            })
            .collect();
        let frame = std::mem::take(&mut self.frame);
        let mut group = frame.record(Kind::Memory, names[baseline].clone(), records);
        group.control_samples = control_samples;
        self.bench.close(group);
        Ok(())
    }

    /// Builds every structure once in this process and compares answers.
    fn verify_here(&mut self, names: &[String], baseline: usize) -> Result<(), String> {
        let answers: Vec<Answer> = self.contenders.iter_mut().map(|(_, grow)| grow().answer).collect();
        if let Some(index) = answers.iter().position(|answer| *answer != answers[baseline]) {
            let difference = Answer::difference(&answers[baseline], &answers[index]);
            return Err(format!("{}: its answer differs from the baseline's: {difference}", names[index]));
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.bench.verified(&self.frame.name, &names);
        Ok(())
    }
}

/// Starts this program again for one structure.
fn ask(group: &str, contender: &str) -> Result<(u64, u64, String), String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let output = Command::new(program)
        .args([MEMORY_CHILD, group, contender])
        .output()
        .map_err(|error| format!("cannot start a child: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let report = text.lines().find_map(|line| line.strip_prefix(REPORT));
    let mut fields = report.unwrap_or_default().split_ascii_whitespace();
    let mut number = || fields.next().and_then(|field| field.parse::<u64>().ok());
    match (number(), number(), fields.next()) {
        (Some(bytes), Some(peak), Some(answer)) => Ok((bytes, peak, answer.to_owned())),
        _ => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            Err(format!("the child reported nothing ({}): {}", output.status, complaint.trim_end()))
        }
    }
}

/// Anonymous resident memory in bytes: what the heap holds, without code pages that happen to be touched.
fn resident() -> u64 {
    status_kib("RssAnon:") * 1024
}

fn peak_resident() -> u64 {
    // The kernel keeps the high-water mark of all resident memory only; files mapped before the build are in it too.
    let files = (status_kib("VmRSS:") - status_kib("RssAnon:").min(status_kib("VmRSS:"))) * 1024;
    (status_kib("VmHWM:") * 1024).saturating_sub(files)
}

fn status_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    // Half of the buffer: other tests of this process free memory meanwhile.
    fn a_touched_buffer_is_resident() {
        let before = resident();
        let buffer = std::hint::black_box(vec![1_u8; 64 << 20]);
        let grown = resident().saturating_sub(before);
        assert!(grown >= 32 << 20, "{grown}");
        assert!(peak_resident() >= resident() / 2);
        drop(buffer);
    }
}
