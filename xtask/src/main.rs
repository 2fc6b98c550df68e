//! `cargo xtask`: the development commands of this workspace that plain cargo does not have.
//!
//! Start with [`COMMANDS`]: each command is one module with a `run` function and its own help text. Checks that can
//! be written as a pure function over parsed input are, and are tested on inputs that break them.

#![forbid(unsafe_code)]

mod bench;
mod bench_servers;
mod ci;
mod claims;
mod date;
mod features;
mod fuzz;
mod headlines;
mod loom;
mod metadata;
mod process;
mod readme;
mod release;
mod report;
mod services;
mod tidy;
mod venv;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// One command: how it is called, one line for the overview, the long help, and what it does.
struct CommandSpec {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(lexopt::Parser) -> Result<ExitCode>,
}

const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "ci",
        summary: "run everything the gate runs, or single steps of it",
        help: ci::HELP,
        run: ci::run,
    },
    CommandSpec {
        name: "tidy",
        summary: "check the laws of the workspace that no linter knows",
        help: tidy::HELP,
        run: tidy::run,
    },
    CommandSpec {
        name: "readme",
        summary: "check or write the generated text in documents",
        help: readme::HELP,
        run: readme::run,
    },
    CommandSpec {
        name: "bench",
        summary: "measure everything beside its peers, in several processes each, and write a record",
        help: bench::HELP,
        run: bench::run,
    },
    CommandSpec {
        name: "report",
        summary: "check or write the result tables and the results page, from the newest record",
        help: report::HELP,
        run: report::run,
    },
    CommandSpec {
        name: "claims",
        summary: "check every sentence with a figure against what proves it",
        help: claims::HELP,
        run: claims::run,
    },
    CommandSpec {
        name: "services",
        summary: "start private redis-server and postgres processes, for tests that need them",
        help: services::HELP,
        run: services::run,
    },
    CommandSpec {
        name: "features",
        summary: "build every feature alone and every pair of them",
        help: features::HELP,
        run: features::run,
    },
    CommandSpec { name: "loom", summary: "run the model-checked tests", help: loom::HELP, run: loom::run },
    CommandSpec { name: "fuzz", summary: "run the fuzz targets", help: fuzz::HELP, run: fuzz::run },
    CommandSpec {
        name: "release",
        summary: "check that the crates are ready to publish, and say what publishing would do",
        help: release::HELP,
        run: release::run,
    },
];

fn main() -> ExitCode {
    match dispatch(lexopt::Parser::from_env()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(mut args: lexopt::Parser) -> Result<ExitCode> {
    use lexopt::Arg::{Long, Short, Value};
    match args.next()? {
        None | Some(Long("help") | Short('h')) => print!("{}", overview()),
        Some(Value(name)) if name == "help" => match args.optional_value().or_else(|| args.value().ok()) {
            Some(topic) => print!("{}", find(&topic.to_string_lossy())?.help),
            None => print!("{}", overview()),
        },
        Some(Value(name)) => {
            let command = find(&name.to_string_lossy())?;
            // A command sees `--help` only if it comes first: `services run -- CMD --help` belongs to CMD.
            if let Some(first) = args.try_raw_args().and_then(|raw| raw.peek().map(ToOwned::to_owned))
                && (first == "--help" || first == "-h")
            {
                print!("{}", command.help);
                return Ok(ExitCode::SUCCESS);
            }
            return (command.run)(args);
        }
        Some(other) => return Err(other.unexpected().into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn find(name: &str) -> Result<&'static CommandSpec> {
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => Ok(command),
        None => bail!("no command `{name}`; `cargo xtask --help` lists them"),
    }
}

/// The text of `cargo xtask --help`.
fn overview() -> String {
    let mut text = String::from(
        "Development commands of the Covet workspace.\n\nUsage: cargo xtask <COMMAND> [ARGS]\n\nCommands:\n",
    );
    for command in COMMANDS {
        text.push_str(&format!("  {:<10}{}\n", command.name, command.summary));
    }
    text.push_str("\n`cargo xtask <COMMAND> --help` explains one of them:\n");
    for command in COMMANDS {
        text.push_str(&format!("\n---- {} ----\n\n{}", command.name, command.help));
    }
    text
}
