//! The tables for people.

use std::fmt::Write;

use crate::record::{ContenderRecord, GroupRecord, Kind, Record, Role, Throughput};
use crate::stats::{CONFIDENCE, Estimate, Verdict};

/// What holds for all groups of a run: machine, build, seed, notes.
pub(crate) fn header(record: &Record) -> String {
    let (machine, build) = (&record.machine, &record.build);
    let mut text = String::new();
    let _ = writeln!(text, "{}: paired comparison, {} rounds, seed {}", record.bench, record.rounds, record.seed);
    let load = machine.load_before.map_or_else(String::new, |load| format!(", load {load}"));
    let siblings = if machine.siblings.iter().any(|s| s.contains(['-', ','])) { ", sharing cores" } else { "" };
    let _ =
        writeln!(text, "machine: {}, {} logical cores{siblings}, {}{load}", machine.cpu, machine.cores, machine.kernel);
    let flags = if build.rustflags.is_empty() { String::new() } else { format!(", RUSTFLAGS {}", build.rustflags) };
    let _ = writeln!(text, "build: {}, {} opt-level {}{flags}", build.rustc, build.profile, build.opt_level);
    if let Some(commit) = &build.commit {
        let _ = writeln!(text, "commit: {commit}");
    }
    for (name, value) in &record.notes {
        let _ = writeln!(text, "{name}: {value}");
    }
    if build.opt_level == "0" {
        let _ = writeln!(text, "WARNING: built without optimisation; these times say nothing");
    }
    if build.counts_allocations && !record.allocations {
        let _ = writeln!(text, "WARNING: built with the allocation counter, which is inside every time");
    }
    if machine.load_before.is_some_and(|load| load > machine.cores as f64 * 0.5) {
        let _ = writeln!(text, "WARNING: the machine is busy; expect wide intervals");
    }
    if record.quick {
        let _ = writeln!(text, "--quick: for a look, not for a claim");
    }
    text
}

/// One group.
pub(crate) fn table(group: &GroupRecord) -> String {
    let mut text = format!("\n{}", group.name);
    match group.throughput {
        Some(Throughput::Bytes(bytes)) => {
            let _ = write!(text, " ({} bytes)", thousands(bytes));
        }
        Some(Throughput::Elements(elements)) => {
            let _ = write!(text, " ({} elements)", thousands(elements));
        }
        None => {}
    }
    text.push('\n');
    let mut rows = vec![columns(group)];
    rows.extend(group.contenders.iter().map(|contender| row(group, contender)));
    write_aligned(&mut text, &rows);
    if let Some(control) = &group.control {
        let _ = writeln!(
            text,
            "  A/A control: {} again is {}; differences below {:.1} % print as tie",
            group.baseline,
            ratio(control),
            group.noise * 100.0
        );
    }
    verdicts(&mut text, group);
    text
}

fn verdicts(text: &mut String, group: &GroupRecord) {
    if group.kind != Kind::Allocations {
        match (&group.winner, group.tied.as_slice()) {
            (Some(winner), _) => {
                let _ = writeln!(text, "  first: {winner}");
            }
            (None, []) => {}
            (None, tied) => {
                let _ = writeln!(text, "  first: a tie of {}", tied.join(", "));
            }
        }
    }
    for target in &group.targets {
        let measured = match (target.interval, target.measured) {
            (Some(interval), _) => ratio(&interval),
            (None, Some(measured)) => number(measured),
            (None, None) => "not measured".to_owned(),
        };
        let word = match target.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "open",
        };
        let _ = writeln!(text, "  target {word}: {}: {measured}", target.text);
    }
    for contender in &group.contenders {
        for note in &contender.notes {
            let _ = writeln!(text, "  note: {}: {note}", contender.name);
        }
    }
    for (name, reason) in &group.unable {
        let _ = writeln!(text, "  not in the table: {name}: {reason}");
    }
}

fn columns(group: &GroupRecord) -> Vec<String> {
    let mut columns = match group.kind {
        Kind::Allocations => vec!["allocations", "bytes", "peak bytes", "kept bytes"],
        Kind::Memory => vec!["vs best peer", "vs baseline", "bytes"],
        Kind::Time => vec!["vs best peer", "vs baseline", "time/op"],
        Kind::Latency => vec!["vs best peer", "vs baseline", "wall/op", "p50", "p99", "p99.9", "max"],
    };
    if group.kind != Kind::Allocations && group.throughput.is_some() && group.kind != Kind::Memory {
        columns.push("throughput");
    }
    let mut columns: Vec<String> = columns.into_iter().map(str::to_owned).collect();
    columns.extend(counter_names(group));
    columns.push("contender".to_owned());
    columns
}

fn row(group: &GroupRecord, contender: &ContenderRecord) -> Vec<String> {
    let mut cells = Vec::new();
    if group.kind == Kind::Allocations {
        match contender.allocations {
            Some(allocations) => cells.extend([
                number(allocations.count),
                number(allocations.bytes),
                thousands(allocations.peak_bytes),
                number(allocations.kept_bytes),
            ]),
            None => cells.extend(["not here", "", "", ""].map(str::to_owned)),
        }
    } else {
        let aside = contender.role == Role::Aside;
        let is_best = group.best_peer.as_deref() == Some(&contender.name);
        cells.push(comparison(
            contender.vs_best_peer,
            contender.verdict_best_peer,
            is_best.then_some("best peer"),
            aside,
        ));
        let is_base = group.baseline == contender.name;
        cells.push(comparison(contender.vs_baseline, contender.verdict_baseline, is_base.then_some("baseline"), aside));
        let median = contender.median.map(|median| median.median);
        cells.push(match (group.kind, median) {
            (_, None) => "-".to_owned(),
            (Kind::Memory, Some(bytes)) => number(bytes),
            (_, Some(nanoseconds)) => duration(nanoseconds),
        });
        if group.kind == Kind::Latency {
            let latency = contender.latency.clone().unwrap_or_default();
            let cell = |nanoseconds: u64| duration(nanoseconds as f64);
            cells.extend([cell(latency.p50), cell(latency.p99)]);
            cells.push(latency.p999.map_or_else(|| "-".to_owned(), cell));
            cells.push(cell(latency.max));
        }
        if group.kind != Kind::Memory
            && let Some(throughput) = group.throughput
        {
            cells.push(median.map_or_else(|| "-".to_owned(), |nanoseconds| rate(throughput, nanoseconds)));
        }
    }
    for name in counter_names(group) {
        cells.push(contender.counters.get(&name).map_or_else(|| "-".to_owned(), |value| number(*value)));
    }
    let version = contender.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    let role = match contender.role {
        Role::Ours => " (ours)",
        Role::Aside => " (not comparable)",
        Role::Peer => "",
    };
    cells.push(format!("{}{version}{role}", contender.name));
    cells
}

fn counter_names(group: &GroupRecord) -> Vec<String> {
    let mut names: Vec<String> = group.contenders.iter().flat_map(|c| c.counters.keys().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn comparison(estimate: Option<Estimate>, verdict: Option<Verdict>, itself: Option<&str>, aside: bool) -> String {
    match (itself, estimate, verdict) {
        (Some(itself), ..) => itself.to_owned(),
        _ if aside => "-".to_owned(),
        (_, Some(estimate), Some(Verdict::Tie)) => format!("tie {}", ratio(&estimate)),
        (_, Some(estimate), _) => ratio(&estimate),
        _ => "-".to_owned(),
    }
}

fn write_aligned(text: &mut String, rows: &[Vec<String>]) {
    let count = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        text.push(' ');
        for (index, cell) in row.iter().enumerate() {
            if index + 1 == count {
                let _ = write!(text, " {cell}");
            } else {
                let _ = write!(text, " {cell:>width$} ", width = widths[index]);
            }
        }
        text.push('\n');
    }
}

/// What the run ended with.
pub(crate) fn footer(record: &Record) -> String {
    let mut text = format!(
        "\n{} groups in {:.0} s. Ratios: how many times as fast (or small), median of paired rounds, [{:.0} % interval].\n",
        record.groups.len(),
        record.seconds,
        CONFIDENCE * 100.0
    );
    if let (Some(before), Some(after)) = (record.machine.load_before, record.machine.load_after) {
        let stolen = record.machine.stolen_ticks.unwrap_or(0);
        let _ = writeln!(text, "load average {before} before, {after} after; {stolen} ticks stolen by the hypervisor");
    }
    for failure in &record.failures {
        let _ = writeln!(text, "FAILED {failure}");
    }
    text
}

/// The closing line of libtest's form, which test runners read.
pub(crate) fn libtest_line(passed: usize, failed: usize, ignored: usize, filtered_out: usize, seconds: f64) -> String {
    let word = if failed == 0 { "ok" } else { "FAILED" };
    format!(
        "\ntest result: {word}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; {filtered_out} filtered out; \
         finished in {seconds:.2}s\n"
    )
}

fn ratio(estimate: &Estimate) -> String {
    let digits = if estimate.median >= 10.0 { 1 } else { 2 };
    let Estimate { low, median, high } = estimate;
    format!("{median:.digits$}x [{low:.digits$}, {high:.digits$}]")
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.2} µs", n / 1e3),
        n if n < 1e9 => format!("{:.2} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}

fn rate(throughput: Throughput, nanoseconds: f64) -> String {
    match throughput {
        Throughput::Bytes(bytes) => format!("{:.0} MB/s", bytes as f64 * 1e3 / nanoseconds),
        Throughput::Elements(elements) => {
            let per_second = elements as f64 * 1e9 / nanoseconds;
            if per_second >= 1e6 {
                format!("{:.2} M/s", per_second / 1e6)
            } else {
                format!("{:.1} k/s", per_second / 1e3)
            }
        }
    }
}

fn number(value: f64) -> String {
    if value.abs() >= 1_000.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", thousands(value.abs().round() as u64))
    } else if value.fract() == 0.0 {
        format!("{value}")
    } else {
        format!("{value:.2}")
    }
}

fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
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
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(12), "12");
        assert_eq!(number(0.5), "0.50");
        assert_eq!(number(12_345.4), "12,345");
        assert_eq!(duration(12.34), "12.3 ns");
        assert_eq!(duration(12_340.0), "12.34 µs");
        assert_eq!(rate(Throughput::Bytes(1_000), 1_000.0), "1000 MB/s");
        assert_eq!(rate(Throughput::Elements(1), 20.0), "50.00 M/s");
    }

    #[test]
    fn runners_can_count() {
        assert!(
            libtest_line(3, 0, 0, 1, 0.5)
                .contains("test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out")
        );
        assert!(libtest_line(3, 1, 0, 0, 0.5).contains("test result: FAILED. 3 passed; 1 failed"));
    }
}
