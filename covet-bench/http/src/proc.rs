//! What the kernel says of a server and its children: processor time and memory.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// `USER_HZ`, in which `/proc` counts on every Linux that matters here.
const TICK: Duration = Duration::from_millis(10);

/// Processor time so far of a process and all that descends from it.
pub(crate) fn cpu(root: u32) -> Duration {
    let stats = all();
    let ticks: u64 = family(root, &stats).iter().filter_map(|id| stats.get(id)).map(|stat| stat.ticks).sum();
    TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// Processor time so far of this process.
pub(crate) fn own_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").ok().and_then(|line| Stat::parse(&line));
    stat.map_or(Duration::ZERO, |stat| TICK * u32::try_from(stat.ticks).unwrap_or(u32::MAX))
}

/// Resident bytes of a process and all that descends from it. Pages that several of them share count once (the kernel's
/// proportional set size); where the kernel does not tell, they count as often as they are mapped.
pub(crate) fn memory(root: u32) -> u64 {
    let stats = all();
    let one = |id: &u32| {
        let field = |file: &str, name: &str| kilobytes(&fs::read_to_string(format!("/proc/{id}/{file}")).ok()?, name);
        field("smaps_rollup", "Pss:").or_else(|| field("status", "VmRSS:"))
    };
    family(root, &stats).iter().filter_map(one).sum::<u64>() * 1024
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and kernel time.
    ticks: u64,
}

impl Stat {
    /// A line of `/proc/<id>/stat`; the name in it may hold spaces and parentheses.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.get(line.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self { parent: u32::try_from(number(1)?).ok()?, ticks: number(11)? + number(12)? })
    }
}

fn all() -> HashMap<u32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| Some((id, Stat::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)?))).collect()
}

/// `root` and its descendants.
fn family(root: u32, stats: &HashMap<u32, Stat>) -> Vec<u32> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(stats.iter().filter(|(id, stat)| stat.parent == parent && **id != parent).map(|(id, _)| *id));
        next += 1;
    }
    family
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_is_read() {
        let line = "42 (a (odd) name) S 7 42 42 0 -1 4194304 100 0 0 0 30 12 5 5 20 0 1 0 5 1 1";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 7, ticks: 42 }));
        assert_eq!(Stat::parse("42 (x) S 7"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn grandchildren_belong_to_the_family_and_strangers_do_not() {
        let stat = |parent| Stat { parent, ticks: 1 };
        let stats = HashMap::from([(1, stat(0)), (10, stat(1)), (11, stat(10)), (12, stat(11)), (20, stat(1))]);
        let mut found = family(10, &stats);
        found.sort_unstable();
        assert_eq!(found, [10, 11, 12]);
    }

    #[test]
    fn memory_is_read_in_kilobytes() {
        assert_eq!(kilobytes("Rss:  10 kB\nPss:     1234 kB\nPss_Anon: 1 kB\n", "Pss:"), Some(1234));
        assert_eq!(kilobytes("Rss:  10 kB\n", "Pss:"), None);
    }

    #[test]
    fn this_process_has_memory_and_uses_time() {
        assert!(memory(std::process::id()) > 100_000);
        let mut sum = 0_u64;
        while own_cpu() < TICK * 2 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(cpu(std::process::id()) >= TICK * 2);
    }
}
