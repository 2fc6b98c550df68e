//! The fingerprint of the machine and of the build: without it, a number is an anecdote.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The machine, as far as Linux tells. Elsewhere most fields are empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Logical processors that this process may use.
    pub cores: usize,
    /// Logical processors that share a core, such as `0-1`; the same number alone means no sibling.
    pub siblings: Vec<String>,
    /// Operating system and kernel release.
    pub kernel: String,
    /// The frequency governor of the first processor; empty where the machine hides it.
    pub governor: String,
    /// Load average over one minute before the run.
    pub load_before: Option<f64>,
    /// Load average over one minute after the run; the run itself adds about 1.
    pub load_after: Option<f64>,
    /// Hundredths of a second stolen by the hypervisor during the run, all processors.
    pub stolen_ticks: Option<u64>,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo
            .lines()
            .find(|line| line.starts_with("model name"))
            .and_then(|line| line.split_once(':'))
            .map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned());
        let siblings = (0..1024)
            .map_while(|n| trimmed(&format!("/sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list")))
            .collect();
        let kernel = trimmed("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            siblings,
            kernel: format!("{} {kernel}", std::env::consts::OS).trim_end().to_owned(),
            governor: trimmed("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").unwrap_or_default(),
            load_before: load_average(),
            load_after: None,
            stolen_ticks: stolen_ticks(),
        }
    }

    /// Completes what is known only at the end.
    pub(crate) fn finish(&mut self) {
        self.load_after = load_average();
        self.stolen_ticks = stolen_ticks().zip(self.stolen_ticks).map(|(now, before)| now.saturating_sub(before));
    }
}

/// What was compiled, with what, from which sources.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Build {
    /// The compiler's version line.
    pub rustc: String,
    /// Cargo's profile family: `release` (also of `bench`) or `debug`.
    pub profile: String,
    /// The optimisation level of this library, which is the contenders' unless a manifest says otherwise.
    pub opt_level: String,
    /// Target triple.
    pub target: String,
    /// Target features that the compiler was allowed to assume.
    pub target_features: String,
    /// `RUSTFLAGS`; empty is what users have.
    pub rustflags: String,
    /// Whether the allocation counter is the global allocator; times of such a build are not comparable.
    pub counts_allocations: bool,
    /// The commit, with `+dirty` if the tree differs from it.
    pub commit: Option<String>,
    /// Digest of Cargo.lock (hexadecimal).
    pub lockfile: Option<String>,
}

impl Build {
    pub(crate) fn read() -> Self {
        Self {
            rustc: env!("COVET_BENCH_RUSTC").to_owned(),
            profile: env!("COVET_BENCH_PROFILE").to_owned(),
            opt_level: env!("COVET_BENCH_OPT_LEVEL").to_owned(),
            target: env!("COVET_BENCH_TARGET").to_owned(),
            target_features: env!("COVET_BENCH_TARGET_FEATURES").to_owned(),
            rustflags: env!("COVET_BENCH_RUSTFLAGS").to_owned(),
            counts_allocations: crate::allocations::AVAILABLE,
            commit: commit(),
            lockfile: lockfile().map(|text| format!("{:016x}", crate::digest(text.as_bytes()))),
        }
    }
}

/// The version that the lockfile gives a package; several are joined by `|`, because the file alone does not say which one a
/// contender links.
pub(crate) fn package_version(lockfile: &str, package: &str) -> Option<String> {
    let wanted = format!("name = \"{package}\"");
    let mut versions = Vec::new();
    let mut lines = lockfile.lines();
    while let Some(line) = lines.next() {
        if line == wanted
            && let Some(version) = lines.next().and_then(|line| line.strip_prefix("version = \""))
        {
            versions.push(version.trim_end_matches('"'));
        }
    }
    (!versions.is_empty()).then(|| versions.join("|"))
}

/// The text of the nearest Cargo.lock at or above the working directory.
pub(crate) fn lockfile() -> Option<String> {
    let start: PathBuf = std::env::current_dir().ok()?;
    start.ancestors().find_map(|folder| fs::read_to_string(folder.join("Cargo.lock")).ok())
}

fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "HEAD"])?;
    let dirty = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    Some(if dirty { format!("{head}+dirty") } else { head })
}

fn trimmed(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn load_average() -> Option<f64> {
    trimmed("/proc/loadavg")?.split(' ').next()?.parse().ok()
}

fn stolen_ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().next()?.split_ascii_whitespace().nth(8)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lockfile() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"ab\"\nversion = \"9.0.0\"\n\n\
                    [[package]]\nname = \"a\"\nversion = \"2.0.0\"\n";
        assert_eq!(package_version(lock, "a").as_deref(), Some("1.2.3|2.0.0"));
        assert_eq!(package_version(lock, "ab").as_deref(), Some("9.0.0"));
        assert_eq!(package_version(lock, "b"), None);
    }

    #[test]
    fn the_fingerprint_of_this_machine_is_not_empty() {
        let (machine, build) = (Machine::read(), Build::read());
        assert!(machine.cores > 0 && !machine.cpu.is_empty());
        assert!(build.rustc.starts_with("rustc") && !build.profile.is_empty());
        assert!(build.lockfile.is_some(), "tests run inside the workspace");
    }
}
