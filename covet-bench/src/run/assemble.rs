//! From the records of single processes to a run.

use std::collections::BTreeMap;

use super::{Job, RunContender, RunGroup, Tail, compact};
use crate::record::{GroupRecord, Kind, Record};
use crate::stats;

/// Collects the processes of one job.
#[derive(Debug)]
pub struct Assembly {
    job: Job,
    counters: BTreeMap<(String, String, String), Vec<f64>>,
}

impl Assembly {
    /// A job without processes.
    #[must_use]
    pub fn new(name: &str, variant: Option<&str>, package: &str, command: &str) -> Self {
        let job = Job {
            name: name.to_owned(),
            variant: variant.map(str::to_owned),
            package: package.to_owned(),
            command: command.to_owned(),
            notes: BTreeMap::new(),
            groups: Vec::new(),
        };
        Self { job, counters: BTreeMap::new() }
    }

    /// Adds what one process measured, or counted if it counted allocations.
    ///
    /// # Errors
    /// If a group has other contenders than in the processes before, or answers differ. What agrees is taken.
    pub fn add(&mut self, record: &Record) -> Result<(), String> {
        self.job.notes.extend(record.notes.clone());
        let mut problems = Vec::new();
        for group in &record.groups {
            let done = if group.kind == Kind::Allocations { self.count(group) } else { self.measure(group) };
            problems.extend(done.err().map(|problem| format!("{}: {problem}", group.name)));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }

    /// The job with all that was added.
    #[must_use]
    pub fn finish(mut self) -> Job {
        for ((group, contender, counter), values) in self.counters {
            let row = self.job.groups.iter_mut().find(|known| known.name == group);
            let row = row.and_then(|group| group.contenders.iter_mut().find(|row| row.name == contender));
            if let (Some(row), Some(median)) = (row, stats::median(&values)) {
                row.counters.insert(counter, compact::rounded(median));
            }
        }
        self.job
    }

    fn measure(&mut self, group: &GroupRecord) -> Result<(), String> {
        let index = match self.job.groups.iter().position(|known| known.name == group.name) {
            Some(index) => index,
            None => {
                self.job.groups.push(empty(group));
                self.job.groups.len() - 1
            }
        };
        let known = &mut self.job.groups[index];
        let same = (known.kind, &known.baseline, known.contenders.len())
            == (group.kind, &group.baseline, group.contenders.len());
        if !same {
            return Err("is another group in another process".to_owned());
        }
        for row in &known.contenders {
            let other = group.contender(&row.name).ok_or_else(|| format!("`{}` is missing in a process", row.name))?;
            if other.answer != row.answer {
                return Err(format!("`{}` answers differently in two processes", row.name));
            }
        }
        let short = |samples: &[f64]| samples.iter().map(|value| compact::rounded(*value)).collect::<Vec<_>>();
        known.control.push(short(&group.control_samples));
        for row in &mut known.contenders {
            let Some(other) = group.contender(&row.name) else { continue };
            row.samples.push(short(&other.samples));
            row.tails.extend(other.latency.as_ref().map(|latency| Tail {
                count: latency.count,
                p50: latency.p50,
                p99: latency.p99,
                p999: latency.p999,
                max: latency.max,
            }));
            for (name, value) in &other.counters {
                let key = (group.name.clone(), row.name.clone(), name.clone());
                self.counters.entry(key).or_default().push(*value);
            }
        }
        Ok(())
    }

    fn count(&mut self, group: &GroupRecord) -> Result<(), String> {
        let known = self.job.groups.iter_mut().find(|known| known.name == group.name);
        let known = known.ok_or("counted, but not measured")?;
        for row in &mut known.contenders {
            row.allocations = group.contender(&row.name).and_then(|counted| counted.allocations);
        }
        Ok(())
    }
}

fn empty(group: &GroupRecord) -> RunGroup {
    let row = |contender: &crate::record::ContenderRecord| RunContender {
        name: contender.name.clone(),
        role: contender.role,
        version: contender.version.clone(),
        notes: contender.notes.clone(),
        answer: contender.answer.clone(),
        ..RunContender::default()
    };
    RunGroup {
        name: group.name.clone(),
        kind: group.kind,
        throughput: group.throughput,
        baseline: group.baseline.clone(),
        contenders: group.contenders.iter().map(row).collect(),
        control: Vec::new(),
        unable: group.unable.clone(),
        targets: group.targets.iter().map(|open| open.target.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::latency::Round;
    use crate::run::{Run, SCHEMA};
    use crate::{Target, captured};

    fn process(ours: u64, answer: &'static str) -> Record {
        let outcome = captured("test", ["--rounds", "7", "--latency-rounds", "3"], |bench| {
            bench.note("simd", "none");
            let mut group = bench.group("timed").expect("measures");
            group.target(Target::times_as_fast(2.0, ["peer"])).unable("other", "why");
            group.contender_timed("peer", |n| Duration::from_nanos(n * 1_234), move || answer);
            group.contender_timed("ours", move |n| Duration::from_nanos(n * ours), move || answer).ours().note("so");
            group.run();
            let mut group = bench.latency_group("tails").expect("measures");
            group.contender("peer", |_| {
                let each = [Duration::from_micros(9); 40];
                Round::from_durations(Duration::from_millis(2), each).counter("overtakes", 3.0)
            });
            group.run();
        });
        assert_eq!(outcome.exit, 0, "{}", outcome.text);
        outcome.record
    }

    fn run(job: Job) -> Run {
        let record = process(1, "x");
        Run {
            schema: SCHEMA,
            command: "cargo xtask bench".to_owned(),
            started_unix: record.started_unix,
            seconds: 1.5,
            quick: false,
            complete: true,
            seed: 1,
            machine: record.machine,
            build: record.build,
            workloads: 1,
            inventory: crate::workload::inventory::inventory(),
            corpus: false,
            disturbances: Vec::new(),
            failures: Vec::new(),
            jobs: vec![job],
        }
    }

    #[test]
    fn a_run_survives_its_file() {
        let mut assembly = Assembly::new("json", Some("sse2"), "covet-json", "cargo bench");
        for ours in [600, 610, 620] {
            assembly.add(&process(ours, "yes")).unwrap();
        }
        let run = run(assembly.finish());
        let job = &run.jobs[0];
        assert_eq!((job.title().as_str(), job.notes["simd"].as_str()), ("json (sse2)", "none"));
        let group = job.group("timed").unwrap();
        assert_eq!((group.processes(), group.contenders[0].samples[0].len()), (3, 7));
        let ratio = group.table().contender("ours").and_then(|row| row.vs_best_peer).unwrap();
        assert!((ratio.median - 1_234.0 / 610.0).abs() < 0.01 && ratio.low < ratio.high, "{ratio:?}");
        let tails = job.group("tails").unwrap();
        assert_eq!((tails.contenders[0].tails.len(), tails.contenders[0].counters["overtakes"]), (3, 3.0));
        assert_eq!(tails.table().contenders[0].latency.as_ref().map(|latency| latency.count), Some(360));

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        std::fs::write(&file, run.to_text()).unwrap();
        assert_eq!(Run::load(&file).unwrap(), run);
        std::fs::write(&file, run.to_text().replace("\"schema\": 1", "\"schema\": 0")).unwrap();
        assert!(Run::load(&file).unwrap_err().contains("schema 0"));
    }

    #[test]
    fn processes_that_are_not_alike_are_refused() {
        let mut assembly = Assembly::new("json", None, "covet-json", "cargo bench");
        assembly.add(&process(600, "yes")).unwrap();
        let problem = assembly.add(&process(600, "no")).unwrap_err();
        assert!(problem.contains("answers differently"), "{problem}");
        let job = assembly.finish();
        assert_eq!(job.group("timed").unwrap().processes(), 1);
        assert_eq!(job.group("tails").unwrap().processes(), 2);
    }
}
