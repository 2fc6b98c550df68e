//! The command line.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::row::{self, Row};
use crate::worker::Python;

pub(crate) const HELP: &str = "\
Usage: cargo xtask bench python [--quick] [--row KEY,...] [--processes N] [--rounds N] [--python PROGRAM] [--out FILE]

Eight rows of JSON and SQLite: covet beside CPython's json and sqlite3 and orjson, in one run on this machine, interleaved,
answers compared. covet-bench/EIGHT-ROWS.md says what each row measures.

  --quick        one process, few rounds: a look, not a claim
  --row          rows: encode50, decode50, megabyte, select, insert, update, await, gather, string, insert_file, update_file
  --processes N  processes of each contender (5)
  --rounds N     rounds in each process, after one that warms up (20)
  --python       the interpreter for the virtual environment (the newest python3 on PATH)
  --out FILE     where the record goes (target/covet-bench/python.json)
";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) processes: usize,
    pub(crate) rounds: usize,
    pub(crate) python: Python,
    pub(crate) interpreter: String,
    pub(crate) frozen: Option<PathBuf>,
    pub(crate) out: Option<PathBuf>,
    pub(crate) command: String,
    chosen: Vec<&'static Row>,
}

impl Options {
    /// `None` after printing the help.
    pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Option<Self>> {
        use lexopt::Arg::{Long, Short};
        let (mut quick, mut processes, mut rounds) = (false, None, None);
        let (mut bin, mut apps) = (None, None);
        let (mut interpreter, mut command) = (String::new(), "cargo xtask bench python".to_owned());
        let (mut frozen, mut out, mut chosen) = (None, None, row::ROWS.iter().collect());
        while let Some(arg) = args.next()? {
            match arg {
                Long("quick") => quick = true,
                Long("processes") => processes = Some(args.value()?.to_string_lossy().parse()?),
                Long("rounds") => rounds = Some(args.value()?.to_string_lossy().parse()?),
                Long("row") => chosen = rows(&args.value()?.to_string_lossy())?,
                Long("python-bin") => bin = Some(args.value()?.into()),
                Long("apps") => apps = Some(args.value()?.into()),
                Long("interpreter") => interpreter = args.value()?.to_string_lossy().into_owned(),
                Long("frozen") => frozen = Some(args.value()?.into()),
                Long("out") => out = Some(args.value()?.into()),
                Long("command") => command = args.value()?.to_string_lossy().into_owned(),
                Long("help") | Short('h') => {
                    print!("{HELP}");
                    return Ok(None);
                }
                other => return Err(other.unexpected().into()),
            }
        }
        let (default_processes, default_rounds) = if quick { (1, 3) } else { (5, 20) };
        let (processes, rounds) = (processes.unwrap_or(default_processes), rounds.unwrap_or(default_rounds));
        if processes == 0 || rounds == 0 {
            bail!("--processes and --rounds must be above zero");
        }
        let missing = "start it as cargo xtask bench python, which installs the peers";
        let python = Python { bin: bin.context(missing)?, apps: apps.context(missing)? };
        Ok(Some(Self { quick, processes, rounds, python, interpreter, frozen, out, command, chosen }))
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &'static Row> + use<> {
        self.chosen.clone().into_iter()
    }

    /// Whether every row is measured.
    pub(crate) fn is_whole(&self) -> bool {
        self.chosen.len() == row::ROWS.len()
    }
}

fn rows(keys: &str) -> Result<Vec<&'static Row>> {
    keys.split(',').map(|key| row::find(key.trim()).with_context(|| format!("no row `{key}`"))).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn parse(words: &[&str]) -> Result<Options> {
        let places = ["--python-bin", "bin", "--apps", "apps"];
        Ok(Options::parse(lexopt::Parser::from_args(places.iter().chain(words)))?.unwrap())
    }

    #[test]
    fn rows_are_chosen_by_key() {
        let options = parse(&["--row", "insert,update", "--rounds", "2"]).unwrap();
        assert_eq!(options.rows().map(|row| row.title).collect::<Vec<_>>(), ["INSERT", "UPDATE"]);
        assert_eq!((options.processes, options.rounds, options.is_whole()), (5, 2, false));
        assert!(parse(&[]).unwrap().is_whole());
        assert!(parse(&["--row", "x"]).is_err() && parse(&["--rounds", "0"]).is_err());
        assert!(Options::parse(lexopt::Parser::from_args(["--quick"])).is_err(), "no Python");
    }
}
