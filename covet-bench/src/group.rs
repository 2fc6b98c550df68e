//! A group: one question, several contenders, one table.

use std::process::Command;
use std::time::Duration;

use crate::bench::Bench;
use crate::child::ChildContender;
use crate::measure::{self, Plan};
use crate::record::{ContenderRecord, GroupRecord, Kind, Role, Throughput};
use crate::timed::{CopyCost, Each, InPlace, Plain, SelfTimed, Sink, Timed};
use crate::{Answer, Target};

/// What a row says beside its numbers. Every method that adds a contender returns this, so that remarks can be chained.
#[derive(Debug, Clone, Default)]
pub struct About {
    pub(crate) name: String,
    pub(crate) role: Role,
    package: Option<String>,
    version: Option<String>,
    notes: Vec<String>,
}

impl About {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Marks the contender as our own. Targets apply to the first one.
    pub fn ours(&mut self) -> &mut Self {
        self.role = Role::Ours;
        self
    }

    /// Shows the contender without comparing it: it answers another question than the rest.
    pub fn aside(&mut self) -> &mut Self {
        self.role = Role::Aside;
        self
    }

    /// The package whose version in Cargo.lock is shown. Without it, the name up to the first space is looked up.
    pub fn package(&mut self, package: impl Into<String>) -> &mut Self {
        self.package = Some(package.into());
        self
    }

    /// The version to show, where the lockfile does not know it (a server, a standard library).
    pub fn version(&mut self, version: impl Into<String>) -> &mut Self {
        self.version = Some(version.into());
        self
    }

    /// A remark shown under the table: settings, or what the contender does differently.
    pub fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.notes.push(note.into());
        self
    }

    /// The start of the contender's row.
    pub(crate) fn record(&self, lockfile: &str, answer: Option<&Answer>) -> ContenderRecord {
        let package = self.package.as_deref().or_else(|| self.name.split(' ').next()).unwrap_or_default();
        ContenderRecord {
            name: self.name.clone(),
            role: self.role,
            version: self.version.clone().or_else(|| crate::machine::package_version(lockfile, package)),
            notes: self.notes.clone(),
            answer: answer.map(|answer| format!("{:016x}", answer.digest())).unwrap_or_default(),
            operations: 1,
            ..ContenderRecord::default()
        }
    }
}

/// What all kinds of group share: names, baseline, targets.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) name: String,
    pub(crate) baseline: Option<String>,
    pub(crate) throughput: Option<Throughput>,
    pub(crate) targets: Vec<Target>,
    pub(crate) unable: Vec<(String, String)>,
}

impl Frame {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The place of the baseline among these contenders: the named one, or the first.
    pub(crate) fn baseline<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<usize, String> {
        let names: Vec<&str> = names.collect();
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                return Err(format!("two contenders are named `{name}`"));
            }
        }
        match &self.baseline {
            _ if names.is_empty() => Err("no contender".to_owned()),
            None => Ok(0),
            Some(wanted) => names
                .iter()
                .position(|name| name == wanted)
                .ok_or_else(|| format!("no contender is named `{wanted}`, the baseline")),
        }
    }

    pub(crate) fn record(self, kind: Kind, baseline: String, contenders: Vec<ContenderRecord>) -> GroupRecord {
        GroupRecord {
            name: self.name,
            kind,
            throughput: self.throughput,
            baseline,
            best_peer: None,
            control_samples: Vec::new(),
            control: None,
            noise: 0.0,
            contenders,
            unable: self.unable,
            winner: None,
            tied: Vec::new(),
            targets: self.targets.into_iter().map(Target::open).collect(),
        }
    }
}

/// A group of contenders that are timed in batches. Made by [`Bench::group`], measured by [`Group::run`].
///
/// The data that contenders borrow must be declared before the group.
#[must_use = "a group does nothing until `run`"]
pub struct Group<'a> {
    bench: &'a mut Bench,
    frame: Frame,
    expected: Option<Answer>,
    contenders: Vec<(About, Box<dyn Timed + 'a>)>,
}

impl std::fmt::Debug for Group<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("frame", &self.frame).finish_non_exhaustive()
    }
}

impl<'a> Group<'a> {
    pub(crate) fn new(bench: &'a mut Bench, name: &str) -> Self {
        Self { bench, frame: Frame::new(name), expected: None, contenders: Vec::new() }
    }

    /// What one operation processes: the table shows bytes or elements per second.
    pub fn throughput(&mut self, throughput: Throughput) -> &mut Self {
        self.frame.throughput = Some(throughput);
        self
    }

    /// The contender that others are compared with and that serves as A/A control. Without it, the first one.
    pub fn baseline(&mut self, name: impl Into<String>) -> &mut Self {
        self.frame.baseline = Some(name.into());
        self
    }

    /// The answer that every contender must give. Without it, the baseline's.
    pub fn expect(&mut self, answer: impl Into<Answer>) -> &mut Self {
        self.expected = Some(answer.into());
        self
    }

    /// A target that the table shows as met or missed.
    pub fn target(&mut self, target: Target) -> &mut Self {
        self.frame.targets.push(target);
        self
    }

    /// A peer that cannot do this job, shown with the reason instead of a number.
    pub fn unable(&mut self, name: impl Into<String>, reason: impl Into<String>) -> &mut Self {
        self.frame.unable.push((name.into(), reason.into()));
        self
    }

    /// Adds an operation. `op` is timed, together with dropping what it returns; inputs that the optimiser could see through
    /// belong into [`black_box`](crate::black_box). `check` turns a result into its [`Answer`], untimed, once before timing.
    ///
    /// ```no_run
    /// # fn body(bench: &mut covet_bench::Bench) {
    /// use covet_bench::{Answer, black_box};
    /// let text = String::from("1,2,3");
    /// let Some(mut group) = bench.group("split") else { return };
    /// group.contender("std", || black_box(&text).split(',').collect::<Vec<_>>(), Answer::debug);
    /// group.run();
    /// # }
    /// ```
    pub fn contender<O: 'a, A: Into<Answer> + 'a>(
        &mut self,
        name: impl Into<String>,
        op: impl FnMut() -> O + 'a,
        check: impl FnMut(&O) -> A + 'a,
    ) -> &mut About {
        self.add(name, Box::new(Plain { op, check }))
    }

    /// Adds an operation over a list of inputs, each of which goes through `black_box`. One iteration is a pass over the
    /// list; times are per input; the answers of all inputs are compared, in order.
    ///
    /// ```no_run
    /// # fn body(bench: &mut covet_bench::Bench) {
    /// let words = ["seven", "9", "-1"].map(str::to_owned);
    /// let Some(mut group) = bench.group("parse") else { return };
    /// group.contender_each("std", &words, |word| word.parse::<u32>().ok(), |n| n.unwrap_or(u32::MAX));
    /// group.run();
    /// # }
    /// ```
    pub fn contender_each<I: 'a, O: 'a, A: Into<Answer> + 'a>(
        &mut self,
        name: impl Into<String>,
        inputs: &'a [I],
        op: impl FnMut(&'a I) -> O + 'a,
        check: impl FnMut(&O) -> A + 'a,
    ) -> &mut About {
        self.add(name, Box::new(Each { inputs, op, check }))
    }

    /// Adds an operation that overwrites its input, such as an in-place parser: it gets a private copy of `document` every
    /// time. `cost` says whether that copy is timed, and the table repeats it. The result goes to the sink, so it may borrow
    /// from the copy.
    ///
    /// ```no_run
    /// # fn body(bench: &mut covet_bench::Bench) {
    /// use covet_bench::CopyCost;
    /// let text = b"some text".to_vec();
    /// let Some(mut group) = bench.group("upper") else { return };
    /// group.contender_in_place("std", CopyCost::Untimed, &text, |copy, sink| {
    ///     copy.make_ascii_uppercase();
    ///     sink.take(&&*copy, |upper| covet_bench::Answer::bytes(upper));
    /// });
    /// group.run();
    /// # }
    /// ```
    pub fn contender_in_place(
        &mut self,
        name: impl Into<String>,
        cost: CopyCost,
        document: &'a [u8],
        mut op: impl FnMut(&mut [u8], &mut Sink<'_>) + 'a,
    ) -> &mut About {
        // As many copies as stay in a first-level cache together, so that an untimed copy is as warm as the input of others.
        let copies = (32 * 1024 / document.len().max(1)).clamp(1, 16);
        let reset = move |copy: &mut Vec<u8>| {
            copy.clear();
            copy.extend_from_slice(document);
        };
        let inputs = vec![document.to_vec(); copies];
        self.add_in_place(name, cost, inputs, reset, move |copy: &mut Vec<u8>, sink: &mut Sink<'_>| op(copy, sink))
    }

    /// As [`contender_in_place`](Self::contender_in_place), for inputs of any type: `reset` makes one ready before each
    /// operation, and is what `cost` is about. The inputs are used in turn; with an untimed reset, as many operations as
    /// there are inputs share two readings of the clock, so give several for an operation below a microsecond.
    pub fn contender_with_input<I: 'a>(
        &mut self,
        name: impl Into<String>,
        cost: CopyCost,
        inputs: Vec<I>,
        reset: impl FnMut(&mut I) + 'a,
        op: impl FnMut(&mut I, &mut Sink<'_>) + 'a,
    ) -> &mut About {
        self.add_in_place(name, cost, inputs, reset, op)
    }

    fn add_in_place<I: 'a>(
        &mut self,
        name: impl Into<String>,
        cost: CopyCost,
        inputs: Vec<I>,
        reset: impl FnMut(&mut I) + 'a,
        op: impl FnMut(&mut I, &mut Sink<'_>) + 'a,
    ) -> &mut About {
        let note = match cost {
            CopyCost::Timed => "works on a private input; making it is timed",
            CopyCost::Untimed => "works on a private input; making it is not timed",
        };
        self.add(name, Box::new(InPlace { inputs, cost, reset, op })).note(note)
    }

    /// Adds a contender that keeps time itself: `run` does that many operations and returns how long they took. For
    /// asynchronous work, so that one `block_on` serves a whole batch:
    ///
    /// ```no_run
    /// # fn block_on<F: Future>(_: F) -> F::Output { loop {} }
    /// # async fn get() -> u64 { 7 }
    /// # fn body(bench: &mut covet_bench::Bench) {
    /// use covet_bench::black_box;
    /// use std::time::Instant;
    /// let Some(mut group) = bench.group("get") else { return };
    /// group.contender_timed(
    ///     "pool",
    ///     |n| block_on(async {
    ///         let start = Instant::now();
    ///         for _ in 0..n {
    ///             black_box(get().await);
    ///         }
    ///         start.elapsed()
    ///     }),
    ///     || block_on(get()),
    /// );
    /// group.run();
    /// # }
    /// ```
    pub fn contender_timed<A: Into<Answer> + 'a>(
        &mut self,
        name: impl Into<String>,
        run: impl FnMut(u64) -> Duration + 'a,
        check: impl FnMut() -> A + 'a,
    ) -> &mut About {
        self.add(name, Box::new(SelfTimed { run, check }))
    }

    /// Adds a contender that lives in another program, because it cannot live in this build: `command` starts a program that
    /// calls [`child::serve`](crate::child::serve), and `case` names what it is to do. It is started by `run` and stopped
    /// with the group.
    pub fn contender_child(
        &mut self,
        name: impl Into<String>,
        command: Command,
        case: impl Into<String>,
    ) -> &mut About {
        self.add(name, Box::new(ChildContender::new(command, case.into())))
    }

    fn add(&mut self, name: impl Into<String>, timed: Box<dyn Timed + 'a>) -> &mut About {
        self.contenders.push((About::new(name), timed));
        let last = self.contenders.len() - 1;
        &mut self.contenders[last].0
    }

    /// Verifies all answers, then measures and prints the table. Failures are printed, make the whole bench exit with 1, and
    /// let the next group run.
    pub fn run(mut self) {
        self.bench.ran();
        let name = self.frame.name.clone();
        if let Err(failures) = self.try_run() {
            for failure in failures {
                self.bench.fail(format!("{name}: {failure}"));
            }
        }
    }

    fn try_run(&mut self) -> Result<(), Vec<String>> {
        let one = |error: String| vec![error];
        let baseline =
            self.frame.baseline(self.contenders.iter().map(|(about, _)| about.name.as_str())).map_err(one)?;
        let (abouts, mut timed): (Vec<&About>, Vec<(String, &mut dyn Timed)>) = self
            .contenders
            .iter_mut()
            .map(|(about, timed)| (&*about, (about.name.clone(), timed.as_mut() as &mut dyn Timed)))
            .unzip();
        let answers = measure::verify(&mut timed, baseline, self.expected.as_ref())?;
        let names: Vec<&str> = abouts.iter().map(|about| about.name.as_str()).collect();
        if self.bench.only_verifies() {
            for (name, timed) in &mut timed {
                timed.run(1).map_err(|error| vec![format!("{name}: {error}")])?;
            }
            self.bench.verified(&self.frame.name, &names);
            return Ok(());
        }
        let lockfile = self.bench.lockfile().to_owned();
        let mut records: Vec<ContenderRecord> =
            abouts.iter().zip(&answers).map(|(about, answer)| about.record(&lockfile, Some(answer))).collect();
        for ((_, timed), record) in timed.iter().zip(&mut records) {
            record.version = timed.version().or(record.version.take());
        }
        let name = self.frame.name.clone();
        let mut kind = Kind::Time;
        let mut control = Vec::new();
        if self.bench.counts_allocations() {
            kind = Kind::Allocations;
            for ((_, timed), record) in timed.iter_mut().zip(&mut records) {
                record.operations = timed.operations();
                record.allocations = crate::allocations::count(*timed).map_err(one)?;
            }
        } else {
            let plan = Plan { rounds: self.bench.rounds(), batch: self.bench.batch() };
            let (rng, progress) = self.bench.rng_and_progress();
            progress.start(&name, plan.rounds);
            let samples = measure::measure(&mut timed, baseline, plan, rng, &mut |round| progress.round(round));
            progress.finish();
            let samples = samples.map_err(one)?;
            control = samples.control;
            let empty = self.bench.empty_loop();
            for (((_, timed), record), (samples, iterations)) in
                timed.iter().zip(&mut records).zip(samples.contenders.into_iter().zip(samples.iterations))
            {
                record.samples = samples;
                record.iterations = iterations;
                record.operations = timed.operations();
                if record.samples.iter().any(|sample| *sample < empty * 1.5) {
                    record.notes.push("as fast as an empty loop: is the work still there?".to_owned());
                }
            }
        }
        let baseline = names[baseline].to_owned();
        let frame = std::mem::take(&mut self.frame);
        let mut group = frame.record(kind, baseline, records);
        group.control_samples = control;
        self.bench.close(group);
        Ok(())
    }
}
