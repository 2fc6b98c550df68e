//! What runs, how often, in which order.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use covet_bench::Rng;

use super::jobs::{self, Job};
use crate::headlines;

/// What the command line says.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) quick: bool,
    pub(super) list: bool,
    pub(super) anyway: bool,
    pub(super) allocations: bool,
    pub(super) processes: Option<usize>,
    pub(super) out: Option<PathBuf>,
    pub(super) groups: Vec<String>,
}

/// How much a process measures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) processes: usize,
    rounds: usize,
    latency_rounds: usize,
    quick: bool,
    /// When to stop starting processes.
    pub(super) budget: Option<Duration>,
}

impl Options {
    pub(super) fn parse(mut args: lexopt::Parser) -> Result<Self> {
        use lexopt::Arg::{Long, Value};
        let mut options = Self { allocations: true, ..Self::default() };
        while let Some(arg) = args.next()? {
            match arg {
                Long("quick") => options.quick = true,
                Long("list") => options.list = true,
                Long("anyway") => options.anyway = true,
                Long("no-allocations") => options.allocations = false,
                Long("processes") => options.processes = Some(args.value()?.to_string_lossy().parse()?),
                Long("out") => options.out = Some(args.value()?.into()),
                Value(group) => options.groups.push(group.to_string_lossy().into_owned()),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.processes == Some(0) {
            bail!("--processes must be above zero");
        }
        Ok(options)
    }

    /// The jobs that can hold what is asked for: those named, unless a name is no job's and may be any group's.
    pub(super) fn wanted(&self, jobs: Vec<Job>) -> Vec<Job> {
        let all_are_jobs = self.groups.iter().all(|name| jobs.iter().any(|job| job.name == *name));
        if self.groups.is_empty() || !all_are_jobs {
            return jobs;
        }
        jobs.into_iter().filter(|job| self.groups.contains(&job.name)).collect()
    }

    /// The command as a document quotes it.
    pub(super) fn command(&self) -> String {
        let mut command = "cargo xtask bench".to_owned();
        command.push_str(if self.quick { " --quick" } else { "" });
        for group in &self.groups {
            command.push_str(&if group.contains(' ') { format!(" '{group}'") } else { format!(" {group}") });
        }
        command
    }

    pub(super) fn scale(&self) -> Scale {
        let processes = self.processes.unwrap_or(5);
        if self.quick {
            let budget = Some(Duration::from_secs(110));
            Scale { processes, rounds: 9, latency_rounds: 2, quick: true, budget }
        } else {
            Scale { processes, rounds: 25, latency_rounds: 3, quick: false, budget: None }
        }
    }
}

impl Scale {
    /// What a process is told.
    pub(super) fn arguments(&self, seed: u64) -> Vec<String> {
        let numbers = [
            ("--rounds", self.rounds as u64),
            ("--latency-rounds", self.latency_rounds as u64),
            // Each sample of such a group is a process of its own already.
            ("--memory-rounds", 1),
            ("--seed", seed),
        ];
        let mut arguments: Vec<String> =
            numbers.iter().flat_map(|(name, n)| [(*name).to_owned(), n.to_string()]).collect();
        arguments.extend(self.quick.then(|| "--quick".to_owned()));
        arguments
    }
}

/// Which groups of which jobs are wanted: `None` leaves a job out, an empty list takes it whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selection(Vec<Option<Vec<String>>>);

impl Selection {
    /// The arguments by which a job's program knows its groups.
    pub(super) fn filters(&self, job: usize) -> Vec<String> {
        let groups = self.0.get(job).cloned().flatten().unwrap_or_default();
        let exact = (!groups.is_empty()).then(|| "--exact".to_owned());
        exact.into_iter().chain(groups).collect()
    }

    fn wants(&self, job: usize) -> bool {
        self.0.get(job).is_some_and(Option::is_some)
    }
}

/// Chooses the groups, asking the programs for their names.
pub(super) fn select(jobs: &[Job], options: &Options) -> Result<Selection> {
    if options.groups.is_empty() && !options.quick {
        return Ok(Selection(jobs.iter().map(|_| Some(Vec::new())).collect()));
    }
    let names: Vec<(String, Vec<String>)> =
        jobs.iter().map(|job| Ok((job.name.clone(), jobs::groups(job)?))).collect::<Result<_>>()?;
    chosen(&names, options)
}

fn chosen(jobs: &[(String, Vec<String>)], options: &Options) -> Result<Selection> {
    let wanted = |job: &str, group: &str| {
        let asked = options.groups.iter().any(|part| part == job || group.contains(part.as_str()));
        let quick = !options.quick || headlines::QUICK.contains(&(job, group));
        // Groups that are named are wanted even if a quick look would leave them out.
        if options.groups.is_empty() { quick } else { asked }
    };
    let selection: Vec<Option<Vec<String>>> = jobs
        .iter()
        .map(|(job, groups)| {
            let groups: Vec<String> = groups.iter().filter(|group| wanted(job, group)).cloned().collect();
            (!groups.is_empty()).then_some(groups)
        })
        .collect();
    if selection.iter().all(Option::is_none) {
        bail!("no group is called {}; --list names them", options.groups.join(", "));
    }
    Ok(Selection(selection))
}

/// One process.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) job: usize,
    pub(super) variant: usize,
    pub(super) number: usize,
}

impl Turn {
    pub(super) fn title(&self, job: &Job) -> String {
        let variant = job.variants[self.variant].name.map_or_else(String::new, |name| format!(" ({name})"));
        format!("{}{variant}, process {}", job.name, self.number + 1)
    }
}

/// All processes: the first of every job in random order, then the second of every job, and so on, so that each job's
/// processes are spread over the whole time, and a run that is cut short has something of everything.
pub(super) fn turns(jobs: &[Job], selection: &Selection, processes: usize, seed: u64) -> Vec<Turn> {
    let mut rng = Rng::new(seed);
    let mut turns = Vec::new();
    for number in 0..processes {
        let wanted = jobs.iter().enumerate().filter(|(job, _)| selection.wants(*job));
        let mut wave: Vec<Turn> = wanted
            .flat_map(|(index, job)| {
                let possible = job.variants.iter().enumerate().filter(|(_, variant)| variant.possible());
                possible.map(move |(variant, _)| Turn { job: index, variant, number })
            })
            .collect();
        rng.shuffle(&mut wave);
        turns.append(&mut wave);
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Package, Target, Workspace};

    fn options(arguments: &[&str]) -> Options {
        Options::parse(lexopt::Parser::from_args(arguments)).unwrap()
    }

    fn jobs() -> Vec<Job> {
        let package = |name: &str| Package {
            name: name.into(),
            targets: vec![Target { name: "peers".into(), kind: "bench".into(), ..Target::default() }],
            ..Package::default()
        };
        jobs::discover(&Workspace {
            members: vec![package("covet-json"), package("covet-pool")],
            ..Workspace::default()
        })
    }

    #[test]
    fn groups_are_chosen_by_job_and_by_name() {
        let names = [
            ("json".to_owned(), vec!["decode a".to_owned(), "encode a".to_owned()]),
            ("pool".to_owned(), vec!["get".to_owned()]),
        ];
        let pick = |arguments: &[&str]| chosen(&names, &options(arguments));
        let seen = pick(&["pool", "decode"]).unwrap();
        assert_eq!(seen.filters(0), ["--exact", "decode a"]);
        assert_eq!(seen.filters(1), ["--exact", "get"]);
        assert!(!pick(&["pool"]).unwrap().wants(0));
        assert!(pick(&["nothing"]).is_err());
        assert_eq!(options(&["--quick", "a b", "c"]).command(), "cargo xtask bench --quick 'a b' c");
    }

    #[test]
    fn only_what_is_named_is_built() {
        let names =
            |arguments: &[&str]| options(arguments).wanted(jobs()).into_iter().map(|job| job.name).collect::<Vec<_>>();
        assert_eq!(names(&["pool"]), ["pool"]);
        assert_eq!(names(&["pool", "decode"]), ["json", "pool"]);
        assert_eq!(names(&[]), ["json", "pool"]);
    }

    #[test]
    fn every_wave_has_each_job_once() {
        let jobs = jobs();
        let all = Selection(vec![Some(Vec::new()), Some(Vec::new())]);
        let turns = turns(&jobs, &all, 5, 7);
        let per_wave = jobs.iter().flat_map(|job| job.variants).filter(|variant| variant.possible()).count();
        assert_eq!(turns.len(), 5 * per_wave);
        for (number, wave) in turns.chunks(per_wave).enumerate() {
            assert!(wave.iter().all(|turn| turn.number == number));
        }
        assert_eq!(turns, super::turns(&jobs, &all, 5, 7));
        assert!(super::turns(&jobs, &Selection(vec![None, Some(Vec::new())]), 5, 7).iter().all(|turn| turn.job == 1));
        assert!(all.filters(0).is_empty());
    }

    #[test]
    fn a_process_is_told_everything() {
        let told = options(&["--quick"]).scale().arguments(9).join(" ");
        assert_eq!(told, "--rounds 9 --latency-rounds 2 --memory-rounds 1 --seed 9 --quick");
        assert_eq!(options(&["--processes", "7"]).scale().processes, 7);
        assert!(Options::parse(lexopt::Parser::from_args(["--processes", "0"])).is_err());
    }
}
