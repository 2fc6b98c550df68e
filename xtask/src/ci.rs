//! The gate: everything that has to hold before a change lands, step by step.
//!
//! `.ci/run` runs exactly this, so a green run here is a green run there. A failing step does not stop the others: one
//! run tells all that is wrong.

mod audit;
mod build;

use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

pub(crate) use self::audit::package_command;
use crate::metadata::Workspace;
use crate::{claims, loom, readme, report, tidy};

pub(crate) const HELP: &str = "\
Usage: cargo xtask ci [--list] [--fail-fast] [STEP...]

Runs the steps of the gate, or those named. Prints each step's duration and ends with a summary. Tests that need a
server run if COVET_REDIS_URL and COVET_POSTGRES_URL are set: cargo xtask services run -- cargo xtask ci

  --list         names the steps
  --fail-fast    stops at the first failing step
";

/// What a step works on.
pub(crate) struct Context {
    pub(crate) workspace: Workspace,
    /// Whether tests that need a server can run.
    pub(crate) servers: bool,
}

/// What a step has to say beyond "passed": what it could not check, and why. Repeated in the summary.
pub(crate) type Notices = Vec<String>;

pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    run: fn(&Context) -> Result<Notices>,
}

/// Cheap steps first, then in an order in which each finds most of its dependencies already built.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "tidy", about: "the laws of the workspace that no linter knows", run: tidy_step },
    Step { name: "readme", about: "generated text in documents is up to date", run: readme_step },
    Step { name: "report", about: "result tables are what the newest record says", run: report_step },
    Step { name: "fmt", about: "formatting", run: build::fmt },
    Step {
        name: "clippy",
        about: "clippy, warnings denied: all features, each crate's defaults, no features",
        run: build::clippy,
    },
    Step {
        name: "test",
        about: "unit and integration tests, all features, with servers if they are up; examples are built",
        run: build::test,
    },
    Step { name: "test-none", about: "tests of the published crates without features", run: build::test_none },
    Step { name: "doctest", about: "examples in the documentation", run: build::doctest },
    Step { name: "examples", about: "example programs build with the features a user gets", run: build::examples },
    Step { name: "bench", about: "benchmarks compile and run once as tests", run: build::bench },
    Step {
        name: "claims",
        about: "every sentence with a figure is tied to what proves it; allocations are counted again",
        run: claims_step,
    },
    Step { name: "docs", about: "documentation builds, warnings denied", run: build::docs },
    Step { name: "loom", about: "model-checked tests of hand-written atomic protocols", run: loom_step },
    Step { name: "package", about: "crates are packed and build from their packages", run: audit::package },
    Step { name: "deny", about: "dependencies: advisories, licences, duplicates, sources", run: audit::deny },
];

fn tidy_step(_: &Context) -> Result<Notices> {
    match tidy::report(&tidy::Tree::load()?) {
        0 => Ok(Vec::new()),
        errors => bail!("{errors} breaches of the workspace's laws"),
    }
}

fn readme_step(context: &Context) -> Result<Notices> {
    readme::check(&context.workspace)?;
    Ok(Vec::new())
}

fn report_step(context: &Context) -> Result<Notices> {
    report::check(&context.workspace)
}

fn claims_step(context: &Context) -> Result<Notices> {
    claims::check(&context.workspace, true)
}

fn loom_step(context: &Context) -> Result<Notices> {
    loom::test_all(&context.workspace)
}

pub(crate) fn run(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::{Long, Value};
    let mut fail_fast = false;
    let mut chosen = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Long("list") => {
                for step in STEPS {
                    println!("{:<10} {}", step.name, step.about);
                }
                return Ok(ExitCode::SUCCESS);
            }
            Long("fail-fast") => fail_fast = true,
            Value(name) => chosen.push(find(&name.to_string_lossy())?),
            other => return Err(other.unexpected().into()),
        }
    }
    if chosen.is_empty() {
        chosen.extend(STEPS);
    }
    let servers = ["COVET_REDIS_URL", "COVET_POSTGRES_URL"].iter().all(|name| env::var_os(name).is_some());
    let context = Context { workspace: Workspace::load()?, servers };
    let outcomes = run_steps(&context, &chosen, fail_fast);
    eprint!("{}", summary(&outcomes, chosen.len()));
    let green = outcomes.len() == chosen.len() && outcomes.iter().all(|outcome| outcome.result.is_ok());
    Ok(if green { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find(name: &str) -> Result<&'static Step> {
    match STEPS.iter().find(|step| step.name == name) {
        Some(step) => Ok(step),
        None => bail!("no step `{name}`; `cargo xtask ci --list` names them"),
    }
}

struct Outcome {
    name: &'static str,
    duration: Duration,
    result: Result<Notices>,
}

fn run_steps(context: &Context, steps: &[&'static Step], fail_fast: bool) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        eprintln!("\n==== {} ({}/{}): {} ====", step.name, number + 1, steps.len(), step.about);
        let start = Instant::now();
        let outcome = Outcome { name: step.name, result: (step.run)(context), duration: start.elapsed() };
        match &outcome.result {
            Ok(_) => eprintln!("---- {}: passed in {} ----", step.name, seconds(outcome.duration)),
            Err(error) => eprintln!("---- {}: FAILED after {}: {error:#} ----", step.name, seconds(outcome.duration)),
        }
        let failed = outcome.result.is_err();
        outcomes.push(outcome);
        if failed && fail_fast {
            break;
        }
    }
    outcomes
}

fn summary(outcomes: &[Outcome], planned: usize) -> String {
    let mut text = String::from("\n==== summary ====\n");
    for outcome in outcomes {
        let (word, details) = match &outcome.result {
            Ok(notices) if notices.is_empty() => ("passed", Vec::new()),
            Ok(notices) => ("PASSED, BUT", notices.clone()),
            Err(error) => ("FAILED", vec![format!("{error:#}"), format!("again: cargo xtask ci {}", outcome.name)]),
        };
        text.push_str(&format!("{:<10} {:>8}  {word}\n", outcome.name, seconds(outcome.duration)));
        for line in details.iter().flat_map(|detail| detail.lines()) {
            text.push_str(&format!("{:22}{line}\n", ""));
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    let total = seconds(outcomes.iter().map(|outcome| outcome.duration).sum());
    let skipped = planned - outcomes.len();
    text.push_str(&match (failed, skipped) {
        (0, 0) => format!("{planned} steps passed in {total}\n"),
        (_, 0) => format!("{failed} of {planned} steps FAILED in {total}\n"),
        _ => format!("{failed} of {planned} steps FAILED in {total}, {skipped} not run\n"),
    });
    text
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &'static str, result: Result<Notices>) -> Outcome {
        Outcome { name, duration: Duration::from_millis(1500), result }
    }

    #[test]
    fn the_summary_repeats_failures_and_notices() {
        let outcomes = [
            outcome("fmt", Ok(vec![])),
            outcome("deny", Ok(vec!["no advisory database".into()])),
            outcome("test", Err(anyhow::anyhow!("`cargo test` failed"))),
        ];
        let text = summary(&outcomes, 4);
        assert!(text.contains("fmt           1.5 s  passed\n"), "{text}");
        assert!(text.contains("PASSED, BUT\n                      no advisory database\n"), "{text}");
        assert!(text.contains("`cargo test` failed\n                      again: cargo xtask ci test\n"), "{text}");
        assert!(text.ends_with("1 of 4 steps FAILED in 4.5 s, 1 not run\n"), "{text}");
        assert!(summary(&outcomes[..1], 1).ends_with("1 steps passed in 1.5 s\n"));
    }

    #[test]
    fn steps_go_on_after_a_failure_unless_told_otherwise() {
        static FAILS: Step = Step { name: "fails", about: "", run: |_| bail!("no") };
        static PASSES: Step = Step { name: "passes", about: "", run: |_| Ok(Vec::new()) };
        let context = Context { workspace: Workspace::default(), servers: false };
        assert_eq!(run_steps(&context, &[&FAILS, &PASSES], false).len(), 2);
        assert_eq!(run_steps(&context, &[&FAILS, &PASSES], true).len(), 1);
    }
}
