//! Is the machine quiet, and if not, who disturbs it? Read from `/proc`; elsewhere nothing is known, and that is said.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// A share of one processor below which a process is no disturbance.
const NOTICEABLE: f64 = 0.05;

/// The share of all processors that others may take before a run is told about it.
const TOLERABLE: f64 = 0.10;

/// Ticks of the kernel's clock per second, as `/proc` counts on every Linux that matters here.
const TICKS: f64 = 100.0;

/// Watches for `span` and names what disturbs: nothing, on a quiet machine.
pub(super) fn check(span: Duration) -> Vec<String> {
    let Some(before) = Sample::read() else {
        return vec!["unknown: there is no /proc to see other programs by".to_owned()];
    };
    let start = Instant::now();
    std::thread::sleep(span);
    Sample::read().map_or_else(Vec::new, |after| disturbances(&before, &after, start.elapsed().as_secs_f64()))
}

/// Looks at the hypervisor over a whole run: other programs cannot be told from ours by then.
pub(super) struct Watch(Option<(Sample, Instant)>);

impl Watch {
    pub(super) fn start() -> Self {
        Self(Sample::read().map(|sample| (sample, Instant::now())))
    }

    pub(super) fn finish(self) -> Option<String> {
        let (before, start) = self.0?;
        let stolen = Sample::read()?.stolen.saturating_sub(before.stolen) as f64 / TICKS;
        let share = stolen / start.elapsed().as_secs_f64();
        (share > 0.01).then(|| format!("the hypervisor took {:.1} % of a processor during the run", share * 100.0))
    }
}

/// Processor time so far, in ticks.
#[derive(Debug, Default)]
struct Sample {
    busy: u64,
    stolen: u64,
    processors: usize,
    /// By process: its name and ticks.
    processes: HashMap<u32, (String, u64)>,
}

impl Sample {
    fn read() -> Option<Self> {
        let mut sample = Self::totals(&fs::read_to_string("/proc/stat").ok()?)?;
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let line = fs::read_to_string(entry.path().join("stat")).ok();
            if let Some(process) = line.as_deref().and_then(process) {
                sample.processes.insert(id, process);
            }
        }
        sample.processes.remove(&std::process::id());
        Some(sample)
    }

    fn totals(stat: &str) -> Option<Self> {
        let fields: Vec<u64> = stat.lines().next()?.split_ascii_whitespace().skip(1).flat_map(str::parse).collect();
        let idle = fields.get(3)? + fields.get(4)?;
        // Guests' time is in the users' already.
        let all: u64 = fields.iter().take(8).sum();
        let processors = stat.lines().filter(|line| line.starts_with("cpu")).count().saturating_sub(1);
        Some(Self { busy: all - idle, stolen: *fields.get(7)?, processors, processes: HashMap::new() })
    }
}

/// Name and ticks out of a line of `/proc/<id>/stat`; the name may hold spaces and parentheses.
fn process(line: &str) -> Option<(String, u64)> {
    let (start, end) = (line.find('(')?, line.rfind(')')?);
    let fields: Vec<&str> = line.get(end + 1..)?.split_ascii_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some((line.get(start + 1..end)?.to_owned(), ticks))
}

fn disturbances(before: &Sample, after: &Sample, seconds: f64) -> Vec<String> {
    let available = seconds * TICKS;
    let mut found = Vec::new();
    let stolen = after.stolen.saturating_sub(before.stolen) as f64 / available;
    if stolen > 0.01 {
        found.push(format!("the hypervisor takes {:.0} % of a processor", stolen * 100.0));
    }
    let busy = after.busy.saturating_sub(before.busy) as f64 / available / after.processors.max(1) as f64;
    if busy <= TOLERABLE {
        return found;
    }
    let mut shares: Vec<(f64, &str, u32)> = after
        .processes
        .iter()
        .map(|(id, (name, ticks))| {
            let earlier = before.processes.get(id).map_or(0, |(_, ticks)| *ticks);
            (ticks.saturating_sub(earlier) as f64 / available, name.as_str(), *id)
        })
        .filter(|(share, ..)| *share >= NOTICEABLE)
        .collect();
    shares.sort_by(|a, b| b.0.total_cmp(&a.0));
    let named = shares
        .iter()
        .take(5)
        .map(|(share, name, id)| format!("{name} ({id}) takes {:.0} % of a processor", share * 100.0));
    found.extend(named);
    if found.is_empty() {
        found.push(format!("short-lived programs keep the processors {:.0} % busy", busy * 100.0));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(busy: u64, stolen: u64, processes: &[(u32, &str, u64)]) -> Sample {
        let processes = processes.iter().map(|(id, name, ticks)| (*id, ((*name).to_owned(), *ticks))).collect();
        Sample { busy, stolen, processors: 2, processes }
    }

    #[test]
    fn a_quiet_machine_has_nothing_to_say() {
        let (before, after) = (sample(100, 0, &[(1, "init", 5)]), sample(110, 0, &[(1, "init", 6)]));
        assert_eq!(disturbances(&before, &after, 1.0), Vec::<String>::new());
    }

    #[test]
    fn who_disturbs_is_named() {
        let before = sample(100, 0, &[(1, "init", 5), (7, "rustc", 50)]);
        let after = sample(220, 20, &[(1, "init", 6), (7, "rustc", 150), (8, "ld", 20)]);
        let expected = [
            "the hypervisor takes 20 % of a processor",
            "rustc (7) takes 100 % of a processor",
            "ld (8) takes 20 % of a processor",
        ];
        assert_eq!(disturbances(&before, &after, 1.0), expected);
        let short = disturbances(&sample(0, 0, &[]), &sample(100, 0, &[]), 1.0);
        assert_eq!(short, ["short-lived programs keep the processors 50 % busy"]);
    }

    #[test]
    fn the_kernels_files_are_read() {
        let stat = "cpu  10 1 20 100 5 0 1 3 0 0\ncpu0 1 1 1 1\ncpu1 1 1 1 1\nintr 1\n";
        let sample = Sample::totals(stat).unwrap();
        assert_eq!((sample.busy, sample.stolen, sample.processors), (35, 3, 2));
        let line = "42 (a (odd) name) S 1 42 42 0 -1 4194304 100 0 0 0 30 12 0 0 20 0 1 0 5 1 1";
        assert_eq!(process(line), Some(("a (odd) name".to_owned(), 42)));
    }
}
