//! `cargo xtask bench`: every bench that compares with peers, in several processes each, written down as one record.
//!
//! Where a process places its code and data moves results as much as many an optimisation does, and no number of rounds
//! inside one process shows it. So each bench runs in several processes, the processes of all benches take turns in random
//! order, and intervals are taken over processes ([`covet_bench::run`] does the arithmetic).

mod jobs;
mod plan;
mod quiet;
mod screen;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use covet_bench::record::Record;
use covet_bench::run::{Assembly, Run, SCHEMA};
use covet_bench::workload;

use self::jobs::Job;
use self::plan::{Options, Turn};
use crate::metadata::Workspace;
use crate::{bench_servers, process};

pub(crate) use self::screen::{duration, estimate, number};

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench [--quick] [--list] [--processes N] [--anyway] [--out FILE] [GROUP...]
       cargo xtask bench http [OPTIONS]      the service example beside other frameworks, under load
       cargo xtask bench python [OPTIONS]    eight rows of JSON and SQLite beside CPython and orjson

Builds every bench that compares us with peers, checks that the machine is quiet, runs each bench in several processes
that take turns in random order, and writes one record: raw samples, machine, compiler, commit, peers' versions.

  GROUP          a job (json, router, ...), or a part of the name of a group
  --list         names jobs and their groups
  --quick        a few groups, two minutes after building, one screen: a look, not a claim
  --processes N  processes per bench (5)
  --anyway       measures on a busy machine too; the record says what disturbed it
  --no-allocations
                 leaves out the second build, which counts allocations
  --out FILE     where the record goes; without it a run of everything goes to covet-bench/records, any other to
                 target/covet-bench

JSON runs at each SIMD level. Groups that need a Redis or PostgreSQL server are measured if there is one:
cargo xtask services run --durable -- cargo xtask bench. Real documents are used if COVET_CORPUS names their folder.
`http` and `python` explain their options: cargo xtask bench http --help
";

/// Where records of whole runs live, below the workspace.
pub(crate) const RECORDS: &str = "covet-bench/records";

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    if let Some(run) = bench_servers::dispatch(&mut args) {
        return run(args);
    }
    let options = Options::parse(args)?;
    let workspace = Workspace::load()?;
    let mut jobs = options.wanted(jobs::discover(&workspace));
    jobs::build(&mut jobs, false)?;
    if options.list {
        for job in &jobs {
            println!("{} ({})", job.name, job.command);
            jobs::groups(job)?.iter().for_each(|group| println!("  {group}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let selection = plan::select(&jobs, &options)?;
    let mut disturbances = quiet::check(Duration::from_secs(2));
    for disturbance in &disturbances {
        eprintln!("not quiet: {disturbance}");
    }
    if !disturbances.is_empty() && !options.quick && !options.anyway {
        bail!("the machine is busy; stop what is named above, or say --anyway");
    }
    for server in ["COVET_REDIS_URL", "COVET_POSTGRES_URL"].iter().filter(|name| std::env::var_os(name).is_none()) {
        eprintln!("{server} names no server: what needs it is left out (cargo xtask services run --durable -- ...)");
    }
    let watch = quiet::Watch::start();
    let mut session = Session::new(&workspace, &options)?;
    session.measure(&jobs, &selection);
    if !options.quick && options.allocations {
        let mut counting = options.wanted(jobs::discover(&workspace));
        jobs::build(&mut counting, true)?;
        session.count(&counting, &selection);
    }
    disturbances.extend(watch.finish());
    let complete = !options.quick && options.groups.is_empty() && session.failures.is_empty() && session.all_ran;
    let run = session.finish(&options, disturbances, complete)?;
    print!("{}", screen::summary(&run));
    let file = options.out.unwrap_or_else(|| place(&workspace, &run));
    write(&file, &run.to_text())?;
    eprintln!("record written to {} ({} kB)", file.display(), run.to_text().len() / 1000);
    Ok(if run.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a run gathers while it goes.
struct Session {
    assemblies: BTreeMap<(usize, usize), Assembly>,
    /// Machine and build as the first process saw them.
    first: Option<Record>,
    failures: Vec<String>,
    all_ran: bool,
    started: Instant,
    started_unix: u64,
    seed: u64,
    folder: PathBuf,
    scale: plan::Scale,
}

impl Session {
    fn new(workspace: &Workspace, options: &Options) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let folder = workspace.target_dir.join("covet-bench");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self {
            assemblies: BTreeMap::new(),
            first: None,
            failures: Vec::new(),
            all_ran: true,
            started: Instant::now(),
            started_unix: now.as_secs(),
            seed: now.as_nanos() as u64 % 1_000_000_000,
            folder,
            scale: options.scale(),
        })
    }

    /// All processes, in random order.
    fn measure(&mut self, jobs: &[Job], selection: &plan::Selection) {
        let turns = plan::turns(jobs, selection, self.scale.processes, self.seed);
        let mut progress = screen::Progress::new(turns.len());
        for turn in &turns {
            if self.scale.budget.is_some_and(|budget| progress.would_exceed(self.started.elapsed(), budget)) {
                self.all_ran = false;
                eprintln!("the time is up: {} of {} processes ran", progress.done(), turns.len());
                break;
            }
            let job = &jobs[turn.job];
            progress.start(&turn.title(job), self.started.elapsed());
            let extra = self.scale.arguments(self.seed.wrapping_add(turn.number as u64));
            self.take(job, turn, selection, &extra);
            progress.finish();
        }
    }

    /// One more process of each bench, of the build that counts allocations.
    fn count(&mut self, jobs: &[Job], selection: &plan::Selection) {
        for turn in plan::turns(jobs, selection, 1, self.seed) {
            let job = &jobs[turn.job];
            eprintln!("counting allocations: {}", turn.title(job));
            self.take(job, &turn, selection, &["--allocations".to_owned()]);
        }
    }

    fn take(&mut self, job: &Job, turn: &Turn, selection: &plan::Selection, extra: &[String]) {
        let filters = selection.filters(turn.job);
        match self.process(job, turn, &filters, extra) {
            Ok(record) => {
                let key = (turn.job, turn.variant);
                let assembly = self.assemblies.entry(key).or_insert_with(|| {
                    Assembly::new(&job.name, job.variants[turn.variant].name, &job.package, &job.command)
                });
                let problem = assembly.add(&record).err();
                let wrong = record.failures.iter().cloned().chain(problem);
                self.failures.extend(wrong.map(|failure| format!("{}: {failure}", turn.title(job))));
                self.first.get_or_insert(record);
            }
            Err(error) => self.failures.push(format!("{}: {error:#}", turn.title(job))),
        }
    }

    /// Runs one process and reads what it recorded. What it prints goes to a log beside the record.
    fn process(&self, job: &Job, turn: &Turn, filters: &[String], extra: &[String]) -> Result<Record> {
        let stem = format!("{}-{}-{}", job.name, turn.variant, turn.number);
        let (file, log) = (self.folder.join(format!("{stem}.json")), self.folder.join(format!("{stem}.log")));
        let _ = fs::remove_file(&file);
        let output = fs::File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        let mut command = Command::new(&job.program);
        command.current_dir(&job.dir).args(["--bench", "--json"]).arg(&file).args(extra).args(filters);
        command.envs(job.variants[turn.variant].env.iter().copied());
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        process::scrub(&mut command);
        let status = command.status().with_context(|| format!("cannot start {}", job.program.display()))?;
        let record = Record::load(&file).map_err(anyhow::Error::msg);
        record.with_context(|| format!("{}; its output is in {}", process::describe(status), log.display()))
    }

    fn finish(self, options: &Options, disturbances: Vec<String>, complete: bool) -> Result<Run> {
        let Some(first) = self.first else { bail!("nothing was measured:\n{}", self.failures.join("\n")) };
        let mut machine = first.machine;
        machine.load_after = None;
        machine.stolen_ticks = None;
        Ok(Run {
            schema: SCHEMA,
            command: options.command(),
            started_unix: self.started_unix,
            seconds: self.started.elapsed().as_secs_f64().round(),
            quick: options.quick,
            complete,
            seed: self.seed,
            machine,
            build: first.build,
            workloads: workload::VERSION,
            inventory: workload::inventory::inventory(),
            corpus: workload::corpus::folder().is_some(),
            disturbances,
            failures: self.failures,
            jobs: self.assemblies.into_values().map(Assembly::finish).collect(),
        })
    }
}

/// Where the record goes if nobody says.
fn place(workspace: &Workspace, run: &Run) -> PathBuf {
    let day = crate::date::Date::from_unix(run.started_unix);
    if run.complete {
        workspace.root.join(RECORDS).join(format!("{day}.json"))
    } else {
        workspace.target_dir.join("covet-bench").join(if run.quick { "quick.json" } else { "part.json" })
    }
}

fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
