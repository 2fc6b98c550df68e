//! A contender in a process of its own, asked in lines of JSON: see `covet-bench/python/eight.py` for the words. Our own
//! contender runs in such a process too, so that all are treated alike.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::covet::Covet;

/// The other end of our own contender.
pub(crate) fn serve() -> Result<()> {
    let mut covet: Option<Covet> = None;
    let mut output = std::io::stdout();
    for line in std::io::stdin().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let answer = if let Some(folder) = asked["hello"].as_str() {
            json!({ "versions": covet.insert(Covet::new(Path::new(folder))?).versions() })
        } else {
            let covet = covet.as_mut().context("no greeting")?;
            match (asked["answer"].as_str(), asked["row"].as_str()) {
                (Some(row), _) => json!({ "answer": covet.answer(row)? }),
                (_, Some(row)) => {
                    json!({ "ns": covet.run(row, asked["count"].as_u64().unwrap_or_default() as usize)? })
                }
                _ => bail!("neither a row nor an answer is asked for"),
            }
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// One contender, as a process.
#[derive(Debug)]
pub(crate) struct Worker {
    name: &'static str,
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(crate) versions: BTreeMap<String, String>,
}

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    Covet,
    CPython,
    Orjson,
    /// `CPython` once more: what differs between the two is noise.
    Control,
}

impl Contender {
    pub(crate) const ALL: [Self; 4] = [Self::Covet, Self::CPython, Self::Orjson, Self::Control];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Covet => "covet",
            Self::CPython => "CPython",
            Self::Orjson => "orjson",
            Self::Control => "CPython (A/A)",
        }
    }
}

/// Where Python is.
#[derive(Debug)]
pub(crate) struct Python {
    pub(crate) bin: PathBuf,
    pub(crate) apps: PathBuf,
}

impl Worker {
    /// Starts a contender on the data in `folder`.
    pub(crate) fn start(contender: Contender, python: &Python, folder: &Path) -> Result<Self> {
        let mut command = if contender == Contender::Covet {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("worker");
            command
        } else {
            let mut command = Command::new(python.bin.join("python"));
            command.arg(python.apps.join("eight.py")).args((contender == Contender::Orjson).then_some("orjson"));
            command
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let (input, output) = (process.stdin.take(), process.stdout.take().context("no output")?);
        let name = contender.name();
        let mut worker = Self { name, process, input, output: BufReader::new(output), versions: BTreeMap::new() };
        let said = worker.ask(&json!({ "hello": folder }))?;
        worker.versions = serde_json::from_value(said["versions"].clone())?;
        Ok(worker)
    }

    /// Nanoseconds of each of `count` operations.
    pub(crate) fn run(&mut self, row: &str, count: usize) -> Result<Vec<f64>> {
        let said = self.ask(&json!({ "row": row, "count": count }))?;
        let taken: Vec<f64> = serde_json::from_value(said["ns"].clone())?;
        if taken.len() != count {
            bail!("{}: {row}: {} operations instead of {count}", self.name, taken.len());
        }
        Ok(taken)
    }

    pub(crate) fn answer(&mut self, row: &str) -> Result<Value> {
        Ok(self.ask(&json!({ "answer": row }))?["answer"].take())
    }

    fn ask(&mut self, question: &Value) -> Result<Value> {
        let input = self.input.as_mut().context("the process is gone")?;
        let sent = writeln!(input, "{question}").and_then(|()| input.flush());
        let mut line = String::new();
        if sent.is_err() || self.output.read_line(&mut line)? == 0 {
            bail!("{}: ended without an answer to {question}", self.name);
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The end of its input is the end of it.
        self.input = None;
        let _ = self.process.wait();
    }
}
