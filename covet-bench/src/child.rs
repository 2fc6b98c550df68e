//! Contenders in child processes: what cannot live in one build (two crates that link the same C library, a peer built for
//! one processor, another allocator) still takes its turn in every round.
//!
//! The parent writes lines to the child's stdin, the child answers each with one line on stdout:
//!
//! | parent | child | meaning |
//! |---|---|---|
//! | `prepare CASE` | `ready OPERATIONS VERSION` | make that case ready; how many operations an iteration holds; who answers |
//! | `verify` | `answer TEXT` | run once, untimed |
//! | `run N` | `time NANOSECONDS` | run N iterations, timed by the child |
//! | end of input | exits | |
//!
//! `error TEXT` may answer anything. In TEXT, `\` and line breaks are escaped with `\`. stderr is free.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::Answer;
use crate::timed::{Each, Plain, SelfTimed, Timed};

/// How long a child may take for one answer; a batch takes milliseconds, so only a stuck child ever gets here.
const PATIENCE: Duration = Duration::from_secs(300);

/// One thing that a child can do, in the child.
pub struct Case<'a> {
    timed: Box<dyn Timed + 'a>,
    version: String,
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("version", &self.version).finish_non_exhaustive()
    }
}

impl<'a> Case<'a> {
    /// An operation and the answer it gives, as [`Group::contender`](crate::Group::contender).
    pub fn new<O: 'a, A: Into<Answer> + 'a>(op: impl FnMut() -> O + 'a, check: impl FnMut(&O) -> A + 'a) -> Self {
        Self { timed: Box::new(Plain { op, check }), version: String::new() }
    }

    /// An operation over a list of inputs, as [`Group::contender_each`](crate::Group::contender_each).
    pub fn each<I: 'a, O: 'a, A: Into<Answer> + 'a>(
        inputs: &'a [I],
        op: impl FnMut(&'a I) -> O + 'a,
        check: impl FnMut(&O) -> A + 'a,
    ) -> Self {
        Self { timed: Box::new(Each { inputs, op, check }), version: String::new() }
    }

    /// A contender that keeps time itself, as [`Group::contender_timed`](crate::Group::contender_timed).
    pub fn timed<A: Into<Answer> + 'a>(run: impl FnMut(u64) -> Duration + 'a, check: impl FnMut() -> A + 'a) -> Self {
        Self { timed: Box::new(SelfTimed { run, check }), version: String::new() }
    }

    /// The version to show in the table.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }
}

/// The whole `main` of a child: answers the parent on stdin and stdout until the parent is done.
///
/// `prepare` makes the named case ready, or says why it cannot.
pub fn serve<'a>(prepare: impl FnMut(&str) -> Result<Case<'a>, String>) -> ExitCode {
    match serve_on(io::stdin().lock(), io::stdout().lock(), prepare) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("covet-bench child: {error}");
            ExitCode::FAILURE
        }
    }
}

/// [`serve`] on any pair of streams.
///
/// # Errors
/// If a stream fails. Whatever goes wrong in a case is answered to the parent instead.
pub fn serve_on<'a>(
    input: impl BufRead,
    mut output: impl Write,
    mut prepare: impl FnMut(&str) -> Result<Case<'a>, String>,
) -> io::Result<()> {
    let mut case: Option<Case<'a>> = None;
    for line in input.lines() {
        let line = line?;
        let reply = respond(&line, &mut case, &mut prepare).unwrap_or_else(|error| format!("error {}", escape(&error)));
        writeln!(output, "{reply}")?;
        output.flush()?;
    }
    Ok(())
}

fn respond<'a>(
    line: &str,
    case: &mut Option<Case<'a>>,
    prepare: &mut impl FnMut(&str) -> Result<Case<'a>, String>,
) -> Result<String, String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    if word == "prepare" {
        // The old case goes first: it may hold a database or a port that the new one needs.
        *case = None;
        let prepared = case.insert(prepare(rest)?);
        return Ok(format!("ready {} {}", prepared.timed.operations(), escape(&prepared.version)));
    }
    let case = case.as_mut().ok_or("nothing is prepared")?;
    match word {
        "verify" => Ok(format!("answer {}", escape(case.timed.answer()?.as_str()))),
        "run" => {
            let iterations = rest.parse().map_err(|_| format!("`{rest}` is no number of iterations"))?;
            Ok(format!("time {}", case.timed.run(iterations)?.as_nanos()))
        }
        _ => Err(format!("unknown request `{word}`")),
    }
}

/// The parent's side: starts the child at the first question, stops it when dropped.
pub(crate) struct ChildContender {
    command: Command,
    case: String,
    connection: Option<Connection>,
    operations: u64,
    version: Option<String>,
}

struct Connection {
    child: Child,
    requests: ChildStdin,
    replies: Receiver<io::Result<String>>,
}

impl ChildContender {
    pub(crate) fn new(command: Command, case: String) -> Self {
        Self { command, case, connection: None, operations: 1, version: None }
    }

    fn ask(&mut self, request: &str, expected: &str) -> Result<String, String> {
        if self.connection.is_none() {
            self.connect()?;
        }
        let connection = self.connection.as_mut().ok_or("the child is gone")?;
        connection.ask(request, expected)
    }

    fn connect(&mut self) -> Result<(), String> {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {:?}: {error}", self.command.get_program()))?;
        let (Some(requests), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the child has no streams".to_owned());
        };
        let (sender, replies) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let connection = self.connection.insert(Connection { child, requests, replies });
        let ready = connection.ask(&format!("prepare {}", self.case), "ready")?;
        let (operations, version) = ready.split_once(' ').unwrap_or((&ready, ""));
        self.operations = operations.parse().map_err(|_| format!("the child holds `{operations}` operations"))?;
        self.version = (!version.is_empty()).then(|| version.to_owned());
        Ok(())
    }
}

impl Connection {
    fn ask(&mut self, request: &str, expected: &str) -> Result<String, String> {
        writeln!(self.requests, "{request}").map_err(|error| format!("the child does not listen: {error}"))?;
        let line = match self.replies.recv_timeout(PATIENCE) {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => return Err(format!("cannot read from the child: {error}")),
            Err(RecvTimeoutError::Timeout) => return Err(format!("the child is silent since {PATIENCE:?}")),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
                return Err(format!("the child died while asked to `{request}` ({status})"));
            }
        };
        match line.split_once(' ') {
            Some((word, rest)) if word == expected => Ok(unescape(rest)),
            Some(("error", rest)) => Err(unescape(rest)),
            _ => Err(format!("the child answered `{line}` to `{request}`")),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The child may be in the middle of a batch: it holds nothing worth waiting for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Timed for ChildContender {
    fn answer(&mut self) -> Result<Answer, String> {
        self.ask("verify", "answer").map(Answer::from)
    }

    fn run(&mut self, iterations: u64) -> Result<Duration, String> {
        let nanoseconds = self.ask(&format!("run {iterations}"), "time")?;
        nanoseconds.parse().map(Duration::from_nanos).map_err(|_| format!("the child's time is `{nanoseconds}`"))
    }

    fn operations(&self) -> u64 {
        self.operations
    }

    fn version(&self) -> Option<String> {
        self.version.clone()
    }

    fn allocates_here(&self) -> bool {
        false
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, if character == '\\' { characters.next() } else { None }) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some('r')) => plain.push('\r'),
            ('\\', Some(other)) => plain.push(other),
            (other, _) => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk(requests: &str) -> Vec<String> {
        let words = ["one", "two"];
        let mut output = Vec::new();
        serve_on(requests.as_bytes(), &mut output, |case| match case {
            "lines" => Ok(Case::new(|| "a\nb\\", |text: &&str| *text).version("1.2.3")),
            "words" => Ok(Case::each(&words, |word| word.len(), |length: &usize| *length)),
            "clock" => Ok(Case::timed(|n| Duration::from_nanos(n * 7), || true)),
            other => Err(format!("no case\n{other}")),
        })
        .unwrap();
        String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_protocol_goes_round() {
        assert_eq!(talk("prepare lines\nverify\n"), ["ready 1 1.2.3", "answer a\\nb\\\\"]);
        assert_eq!(talk("prepare words\nverify\n"), ["ready 2 ", "answer 3\\n3\\n"]);
        assert_eq!(talk("prepare clock\nrun 6\n"), ["ready 1 ", "time 42"]);
    }

    #[test]
    fn errors_are_answers() {
        assert_eq!(talk("verify\n"), ["error nothing is prepared"]);
        assert_eq!(talk("prepare none\n"), ["error no case\\nnone"]);
        assert_eq!(
            talk("prepare clock\nrun x\nfly\n")[1..],
            ["error `x` is no number of iterations".to_owned(), "error unknown request `fly`".to_owned()]
        );
    }

    #[test]
    fn escaping_is_undone() {
        for text in ["", "plain", "a\nb\r\\n\\", "\\\\\n"] {
            assert_eq!(unescape(&escape(text)), text);
            assert!(!escape(text).contains('\n'));
        }
    }

    #[test]
    fn a_child_that_cannot_start_or_dies_is_an_error() {
        let mut missing = ChildContender::new(Command::new("covet-bench-no-such-program"), "x".to_owned());
        assert!(missing.answer().unwrap_err().contains("cannot start"));
        let mut mute = ChildContender::new(Command::new("true"), "x".to_owned());
        let error = mute.answer().unwrap_err();
        assert!(error.contains("died") || error.contains("listen"), "{error}");
    }
}
