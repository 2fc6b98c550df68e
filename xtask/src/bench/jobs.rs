//! What there is to measure: every bench target called `peers` or `<something>_peers`, and the suite's own binary.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::metadata::{Package, Target, Workspace};
use crate::process;

const SUITE: &str = "covet-bench-suite";

/// One program that measures.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// What it is called on the command line and in tables: `json`, `sqlite`, `suite`.
    pub(super) name: String,
    pub(super) package: String,
    pub(super) dir: PathBuf,
    /// How a person runs it alone.
    pub(super) command: String,
    pub(super) variants: &'static [Variant],
    /// Cargo's arguments that build it, beside those that every build gets.
    arguments: Vec<String>,
    /// Known once it is built.
    pub(super) program: PathBuf,
}

/// A setting of the whole process under which a job is measured.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) name: Option<&'static str>,
    pub(super) env: &'static [(&'static str, &'static str)],
}

const ONE: &[Variant] = &[Variant { name: None, env: &[] }];

/// `covet-json`'s bench forces the level; one that the CPU lacks is not measured (see [`super::plan::turns`]).
const LEVELS: &[Variant] = &[
    Variant { name: Some("portable"), env: &[("COVET_JSON_SIMD", "portable")] },
    Variant { name: Some("sse2"), env: &[("COVET_JSON_SIMD", "sse2")] },
    Variant { name: Some("avx2"), env: &[("COVET_JSON_SIMD", "avx2")] },
];

impl Variant {
    /// Whether this machine can run it.
    pub(super) fn possible(&self) -> bool {
        match self.name {
            Some("avx2") => has_avx2(),
            Some("sse2") => cfg!(target_arch = "x86_64"),
            _ => true,
        }
    }
}

fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    let has = std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let has = false;
    has
}

pub(super) fn discover(workspace: &Workspace) -> Vec<Job> {
    let mut jobs: Vec<Job> = workspace
        .members
        .iter()
        .flat_map(|package| package.targets_of("bench").map(move |target| (package, target)))
        .filter(|(package, target)| !unpaired(package, target))
        .filter_map(|(package, target)| Some(job(package, target, name(package, target)?)))
        .collect();
    jobs.extend(workspace.member(SUITE).map(suite));
    jobs
}

/// Whether the package says that this bench does not use the paired runner.
fn unpaired(package: &Package, target: &Target) -> bool {
    let named = package.covet["unpaired-benches"].as_array();
    named.is_some_and(|names| names.iter().any(|name| name == target.name.as_str()))
}

/// `covet-pool`'s `sqlite_peers` is `sqlite`; its `peers` is `pool`.
fn name(package: &Package, target: &Target) -> Option<String> {
    match target.name.strip_suffix("peers")? {
        "" => Some(package.name.strip_prefix("covet-").unwrap_or(&package.name).to_owned()),
        part => part.strip_suffix('_').map(str::to_owned),
    }
}

fn job(package: &Package, target: &Target, name: String) -> Job {
    let mut chosen = vec!["-p".to_owned(), package.name.clone(), "--bench".to_owned(), target.name.clone()];
    if !target.required_features.is_empty() {
        chosen.extend(["--features".to_owned(), target.required_features.join(",")]);
    }
    let command = format!("cargo bench {}", chosen.join(" "));
    let arguments = ["bench", "--no-run"].map(str::to_owned).into_iter().chain(chosen).collect();
    Job {
        variants: if name == "json" { LEVELS } else { ONE },
        command,
        name,
        package: package.name.clone(),
        dir: package.dir.clone(),
        arguments,
        program: PathBuf::new(),
    }
}

fn suite(package: &Package) -> Job {
    Job {
        name: "suite".to_owned(),
        package: package.name.clone(),
        dir: package.dir.clone(),
        command: format!("cargo run --release -p {SUITE} -- --bench"),
        variants: ONE,
        arguments: ["build", "--profile", "bench", "-p", SUITE, "--bin", SUITE].map(str::to_owned).to_vec(),
        program: PathBuf::new(),
    }
}

/// Builds all programs as a user's `cargo bench` would, one after the other so that none borrows another's features.
/// `counting` adds the allocation counter.
pub(super) fn build(jobs: &mut [Job], counting: bool) -> Result<()> {
    for job in jobs {
        let mut command = process::cargo();
        command.args(&job.arguments).args(["--message-format", "json-render-diagnostics"]);
        if counting {
            command.args(["--features", "covet-bench/allocations"]);
        }
        eprintln!("$ {}", process::display(&command));
        let line = process::display(&command);
        let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{line}`"))?;
        if !output.status.success() {
            bail!("`{line}` failed ({})", process::describe(output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        job.program = executable(&text).with_context(|| format!("`{line}` built no program"))?;
    }
    Ok(())
}

/// The program that cargo's messages name last.
fn executable(messages: &str) -> Option<PathBuf> {
    let values = messages.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    values.filter_map(|value| value["executable"].as_str().map(PathBuf::from)).next()
}

/// The names of a job's groups.
pub(super) fn groups(job: &Job) -> Result<Vec<String>> {
    let mut command = std::process::Command::new(&job.program);
    command.current_dir(&job.dir).args(["--bench", "--list"]);
    process::scrub(&mut command);
    let text = process::output(&mut command)?;
    Ok(text.lines().filter_map(|line| line.strip_suffix(": benchmark")).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, kind: &str, features: &[&str]) -> Target {
        let required_features = features.iter().map(|feature| (*feature).to_owned()).collect();
        Target { name: name.into(), kind: kind.into(), required_features, ..Target::default() }
    }

    #[test]
    fn benches_with_peers_are_jobs() {
        let pool = Package {
            name: "covet-pool".into(),
            targets: vec![
                target("pool", "bench", &[]),
                target("peers", "bench", &[]),
                target("sqlite_peers", "bench", &["sqlite", "tokio"]),
                target("other_peers", "bench", &[]),
            ],
            covet: serde_json::json!({ "unpaired-benches": ["other_peers"] }),
            ..Package::default()
        };
        let json =
            Package { name: "covet-json".into(), targets: vec![target("peers", "bench", &[])], ..Package::default() };
        let suite = Package { name: SUITE.into(), ..Package::default() };
        let jobs = discover(&Workspace { members: vec![pool, json, suite], ..Workspace::default() });
        let seen: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.variants.len())).collect();
        assert_eq!(seen, [("pool", 1), ("sqlite", 1), ("json", 3), ("suite", 1)]);
        assert_eq!(jobs[1].command, "cargo bench -p covet-pool --bench sqlite_peers --features sqlite,tokio");
    }

    #[test]
    fn the_program_is_read_from_cargos_messages() {
        let messages = "{\"executable\":null}\n{\"executable\":\"/t/peers-1\"}\n{\"reason\":\"build-finished\"}\n";
        assert_eq!(executable(messages), Some("/t/peers-1".into()));
        assert_eq!(executable("{}"), None);
    }
}
