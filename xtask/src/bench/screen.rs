//! What a person sees: progress while it runs, one screen at the end.

use std::fmt::Write;
use std::time::{Duration, Instant};

use covet_bench::record::{ContenderRecord, GroupRecord, Kind, Role};
use covet_bench::run::Run;
use covet_bench::stats::{Estimate, Verdict};

/// A line per process: which, how far, how long still.
pub(super) struct Progress {
    total: usize,
    done: usize,
    spent: Duration,
    current: Instant,
}

impl Progress {
    pub(super) fn new(total: usize) -> Self {
        Self { total, done: 0, spent: Duration::ZERO, current: Instant::now() }
    }

    pub(super) fn done(&self) -> usize {
        self.done
    }

    pub(super) fn start(&mut self, title: &str, elapsed: Duration) {
        self.current = Instant::now();
        let left = self.average() * (self.total - self.done) as u32;
        let left = if self.done == 0 { String::new() } else { format!(", about {} left", minutes(left)) };
        eprintln!("[{}/{}] {title} ({} gone{left})", self.done + 1, self.total, minutes(elapsed));
    }

    pub(super) fn finish(&mut self) {
        self.done += 1;
        self.spent += self.current.elapsed();
    }

    /// Whether one more process would probably end after `budget`.
    pub(super) fn would_exceed(&self, elapsed: Duration, budget: Duration) -> bool {
        self.done > 0 && elapsed + self.average() > budget
    }

    fn average(&self) -> Duration {
        self.spent / self.done.max(1) as u32
    }
}

fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 90 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

/// The whole run on one screen: a line for each table.
pub(super) fn summary(run: &Run) -> String {
    let mut text = format!("\n{}\n", machine(run));
    let width = run.jobs.iter().flat_map(|job| &job.groups).map(|group| group.name.chars().count()).max().unwrap_or(0);
    for job in &run.jobs {
        let _ = writeln!(text, "\n{}", job.title());
        for group in &job.groups {
            let table = group.table();
            let processes = group.processes();
            let _ = writeln!(text, "  {:<width$}  {}  ({processes} processes)", group.name, line(&table));
        }
    }
    for failure in &run.failures {
        let _ = writeln!(text, "FAILED {failure}");
    }
    if run.quick {
        text.push_str("\n--quick: a look, not a claim.\n");
    }
    text
}

fn machine(run: &Run) -> String {
    let (machine, build) = (&run.machine, &run.build);
    let commit = build.commit.as_deref().unwrap_or("no commit");
    let commit = commit.get(..10).unwrap_or(commit);
    format!("{}, {} logical cores, {}; {}; {commit}", machine.cpu, machine.cores, machine.kernel, build.rustc)
}

/// Our fastest row beside the best peer.
fn line(table: &GroupRecord) -> String {
    let ours = table.contenders.iter().find(|row| row.role == Role::Ours && row.median.is_some());
    let Some(ours) = ours else { return "none of ours takes part".to_owned() };
    let cost = ours.median.map_or_else(String::new, |median| cost(table.kind, median.median));
    match (&table.best_peer, ours.vs_best_peer) {
        (Some(peer), Some(ratio)) => format!("{} vs {peer}, {cost} {}", verdict(ours, &ratio), ours.name),
        _ => format!("{cost} {}", ours.name),
    }
}

fn verdict(row: &ContenderRecord, ratio: &Estimate) -> String {
    let word = match row.verdict_best_peer {
        Some(Verdict::Tie) => "tie ",
        _ => "",
    };
    format!("{word}{}", estimate(ratio))
}

/// A cost with its unit.
fn cost(kind: Kind, value: f64) -> String {
    if kind == Kind::Memory { format!("{} bytes", number(value)) } else { duration(value) }
}

/// A ratio with its interval.
pub(crate) fn estimate(ratio: &Estimate) -> String {
    let digits = if ratio.median >= 10.0 { 1 } else { 2 };
    format!("{:.digits$}x [{:.digits$}, {:.digits$}]", ratio.median, ratio.low, ratio.high)
}

/// Nanoseconds in the unit that reads best.
pub(crate) fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.2} µs", n / 1e3),
        n if n < 1e9 => format!("{:.2} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}

/// A number with its thousands apart.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 1_000.0 {
        return if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") };
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!((number(12.0), number(0.5)), ("12".to_owned(), "0.50".to_owned()));
        assert_eq!(duration(12_340.0), "12.34 µs");
        assert_eq!(minutes(Duration::from_secs(100)), "2 min");
        let ratio = Estimate { low: 1.5, median: 2.0, high: 2.5 };
        assert_eq!(estimate(&ratio), "2.00x [1.50, 2.50]");
    }

    #[test]
    fn a_budget_is_kept() {
        let mut progress = Progress::new(9);
        assert!(!progress.would_exceed(Duration::from_secs(200), Duration::from_secs(100)), "the first always runs");
        progress.done = 2;
        progress.spent = Duration::from_secs(60);
        assert!(progress.would_exceed(Duration::from_secs(75), Duration::from_secs(100)));
        assert!(!progress.would_exceed(Duration::from_secs(65), Duration::from_secs(100)));
    }

    #[test]
    fn a_screen_shows_every_table() {
        let run = crate::report::fixture::run();
        let text = summary(&run);
        assert!(text.contains("decode small") && text.contains("x [") && text.contains("json (sse2)"), "{text}");
        assert!(text.contains("FAILED") != run.failures.is_empty(), "{text}");
    }
}
