//! The command line of a peers bench, including what cargo and test runners pass to every bench binary.

use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
A paired benchmark: contenders of a group run interleaved, in random order, over many rounds.

USAGE: cargo bench -p CRATE --bench peers [-- [FILTER]... [OPTIONS]]

  FILTER            run groups whose name contains one of the filters
  --rounds N        rounds per group (60; --quick: 15)
  --latency-rounds N, --memory-rounds N
                    rounds of groups of those kinds (11 and 5; --quick: 3 and 2)
  --batch-ms N      duration of one sample in milliseconds (2; --quick: 1)
  --quick           fewer and shorter samples: for a look, not for a claim
  --seed N          seed of the order of contenders (printed with every table)
  --allocations     count allocations instead of measuring time
                    (needs a build with `--features covet-bench/allocations`)
  --json FILE       write the record: raw samples, machine, versions
  --list            name the groups
  --test            run each contender once and verify its answer; the default without cargo's `--bench`
  --help            this text
";

/// What the binary is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    Measure,
    Test,
    List,
    Help,
    /// This process was started to build one contender of a memory group and report its size.
    MemoryChild {
        group: String,
        contender: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) filters: Vec<String>,
    pub(crate) exact: bool,
    pub(crate) skips: Vec<String>,
    pub(crate) rounds: Option<usize>,
    pub(crate) latency_rounds: Option<usize>,
    pub(crate) memory_rounds: Option<usize>,
    pub(crate) batch: Option<Duration>,
    pub(crate) quick: bool,
    pub(crate) allocations: bool,
    pub(crate) json: Option<PathBuf>,
    pub(crate) seed: Option<u64>,
}

pub(crate) const MEMORY_CHILD: &str = "--covet-bench-memory-child";

impl Options {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            mode: Mode::Test,
            filters: Vec::new(),
            exact: false,
            skips: Vec::new(),
            rounds: None,
            latency_rounds: None,
            memory_rounds: None,
            batch: None,
            quick: false,
            allocations: false,
            json: None,
            seed: None,
        };
        let (mut bench, mut test, mut nothing_to_do) = (false, false, false);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (name, mut inline) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (argument, None),
            };
            let mut value =
                || inline.take().or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--bench" => bench = true,
                "--test" => test = true,
                "--list" => options.mode = Mode::List,
                "--help" | "-h" => options.mode = Mode::Help,
                "--quick" => options.quick = true,
                "--allocations" => options.allocations = true,
                "--rounds" => options.rounds = Some(number(&name, &value()?)?),
                "--latency-rounds" => options.latency_rounds = Some(number(&name, &value()?)?),
                "--memory-rounds" => options.memory_rounds = Some(number(&name, &value()?)?),
                "--batch-ms" => options.batch = Some(Duration::from_millis(number(&name, &value()?)?)),
                "--seed" => options.seed = Some(number(&name, &value()?)?),
                "--json" => options.json = Some(value()?.into()),
                MEMORY_CHILD => options.mode = Mode::MemoryChild { group: value()?, contender: value()? },
                "--exact" => options.exact = true,
                "--skip" => options.skips.push(value()?),
                // Nothing here is ever ignored, so "only the ignored" is nothing.
                "--ignored" => nothing_to_do = true,
                // The rest of what libtest takes and test runners pass.
                "--include-ignored"
                | "--nocapture"
                | "--no-capture"
                | "--show-output"
                | "--quiet"
                | "-q"
                | "--verbose"
                | "--exclude-should-panic"
                | "--report-time" => {}
                "--format" | "--color" | "--test-threads" | "--logfile" | "-Z" | "--shuffle-seed" => drop(value()?),
                other if other.starts_with('-') => return Err(format!("unknown option {other}; --help names them")),
                _ => options.filters.push(name),
            }
        }
        let asked_to_measure =
            bench || options.allocations || options.quick || options.rounds.is_some() || options.json.is_some();
        if options.mode == Mode::Test && asked_to_measure && !test {
            options.mode = Mode::Measure;
        }
        if nothing_to_do {
            options.exact = true;
            options.filters = vec!["\0".to_owned()];
        }
        let rounds = [options.rounds, options.latency_rounds, options.memory_rounds];
        if rounds.contains(&Some(0)) || options.batch == Some(Duration::ZERO) {
            return Err("rounds and --batch-ms must be above zero".to_owned());
        }
        Ok(options)
    }

    pub(crate) fn selects(&self, group: &str) -> bool {
        let hit = |filter: &String| if self.exact { group == filter } else { group.contains(filter.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(hit)) && !self.skips.iter().any(hit)
    }

    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 15 } else { 60 })
    }

    pub(crate) fn latency_rounds(&self) -> usize {
        self.latency_rounds.or(self.rounds).unwrap_or(if self.quick { 3 } else { 11 })
    }

    pub(crate) fn memory_rounds(&self) -> usize {
        self.memory_rounds.or(self.rounds).unwrap_or(if self.quick { 2 } else { 5 })
    }

    pub(crate) fn batch(&self) -> Duration {
        self.batch.unwrap_or(Duration::from_millis(if self.quick { 1 } else { 2 }))
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name}: `{text}` is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Options {
        Options::parse(line.split_whitespace().map(str::to_owned)).unwrap()
    }

    #[test]
    fn cargo_bench_measures_and_cargo_test_tests() {
        assert_eq!(parse("--bench").mode, Mode::Measure);
        assert_eq!(parse("").mode, Mode::Test);
        assert_eq!(parse("--bench --test").mode, Mode::Test);
        assert_eq!(parse("--test --quick").mode, Mode::Test);
        assert_eq!(parse("--quick").mode, Mode::Measure);
        assert_eq!(parse("--bench --list --format terse").mode, Mode::List);
    }

    #[test]
    fn values_may_be_joined_or_follow() {
        let options = parse("--bench decode --rounds=9 --batch-ms 3 --seed 7 --json out.json encode");
        assert_eq!(options.filters, ["decode", "encode"]);
        assert_eq!((options.rounds(), options.batch(), options.seed), (9, Duration::from_millis(3), Some(7)));
        assert_eq!(options.json, Some("out.json".into()));
        assert_eq!((options.latency_rounds(), options.memory_rounds()), (9, 9));
        let options = parse("--bench --quick --memory-rounds 1");
        assert_eq!((options.latency_rounds(), options.memory_rounds(), options.rounds()), (3, 1, 15));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, part) in [
            ("--rounds", "needs a value"),
            ("--rounds x", "no number"),
            ("--rounds 0", "above zero"),
            ("--wrong", "unknown option"),
        ] {
            let error = Options::parse(line.split(' ').map(str::to_owned)).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn filters_select_groups() {
        let options = parse("decode --skip 1mb");
        assert!(options.selects("decode users50") && !options.selects("encode") && !options.selects("decode 1mb"));
        assert!(!parse("--exact deco").selects("decode"));
        assert!(!parse("--ignored").selects("decode"));
    }
}
