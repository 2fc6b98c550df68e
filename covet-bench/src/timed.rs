//! The timed loops. Each way to describe a contender becomes one [`Timed`]: the loop is compiled together with its operation,
//! and only the call per batch goes through a pointer.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Answer;

/// One contender as the runner sees it.
pub(crate) trait Timed {
    /// Runs the operation once, untimed, and returns what it computed.
    fn answer(&mut self) -> Result<Answer, String>;

    /// Runs `iterations` iterations and returns the time they took, without what the contender declares untimed.
    fn run(&mut self, iterations: u64) -> Result<Duration, String>;

    /// How many operations one iteration holds.
    fn operations(&self) -> u64 {
        1
    }

    /// The version that the contender says of itself, if it does.
    fn version(&self) -> Option<String> {
        None
    }

    /// False if the work happens where allocations cannot be counted.
    fn allocates_here(&self) -> bool {
        true
    }
}

/// Whether the private copy of the input, which a contender that works in place needs for every operation, is part of its
/// time. The table names the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyCost {
    /// The copy counts: what a caller pays who must keep the input.
    Timed,
    /// The copy does not count: what a caller pays who owns the input and is done with it, such as a request body.
    Untimed,
}

/// Receives the result of an in-place operation, which may borrow from its input and so cannot leave the closure.
#[derive(Debug)]
pub struct Sink<'s> {
    answer: Option<&'s mut Option<Answer>>,
}

impl Sink<'_> {
    /// Takes a result. While timing, the value only becomes visible to the optimiser; `answer` runs when answers are verified.
    pub fn take<T, A: Into<Answer>>(&mut self, value: &T, answer: impl FnOnce(&T) -> A) {
        black_box(value);
        if let Some(slot) = self.answer.as_deref_mut() {
            *slot = Some(answer(value).into());
        }
    }
}

pub(crate) struct Plain<Op, Check> {
    pub(crate) op: Op,
    pub(crate) check: Check,
}

impl<O, A, Op, Check> Timed for Plain<Op, Check>
where
    Op: FnMut() -> O,
    Check: FnMut(&O) -> A,
    A: Into<Answer>,
{
    fn answer(&mut self) -> Result<Answer, String> {
        let output = (self.op)();
        Ok((self.check)(&output).into())
    }

    fn run(&mut self, iterations: u64) -> Result<Duration, String> {
        let start = Instant::now();
        for _ in 0..iterations {
            let output = (self.op)();
            black_box(&output);
        }
        Ok(start.elapsed())
    }
}

pub(crate) struct Each<'a, I, Op, Check> {
    pub(crate) inputs: &'a [I],
    pub(crate) op: Op,
    pub(crate) check: Check,
}

impl<'a, I, O, A, Op, Check> Timed for Each<'a, I, Op, Check>
where
    Op: FnMut(&'a I) -> O,
    Check: FnMut(&O) -> A,
    A: Into<Answer>,
{
    fn answer(&mut self) -> Result<Answer, String> {
        Ok(Answer::all(self.inputs.iter().map(|input| {
            let output = (self.op)(input);
            (self.check)(&output).into()
        })))
    }

    fn run(&mut self, iterations: u64) -> Result<Duration, String> {
        let start = Instant::now();
        for _ in 0..iterations {
            for input in self.inputs {
                let output = (self.op)(black_box(input));
                black_box(&output);
            }
        }
        Ok(start.elapsed())
    }

    fn operations(&self) -> u64 {
        self.inputs.len() as u64
    }
}

/// An operation on a private input which it may overwrite. `chunk` inputs are made ready, then used one after the other: few
/// enough to stay in the cache, enough to drown the two clock readings.
pub(crate) struct InPlace<I, Reset, Op> {
    pub(crate) inputs: Vec<I>,
    pub(crate) cost: CopyCost,
    pub(crate) reset: Reset,
    pub(crate) op: Op,
}

impl<I, Reset, Op> Timed for InPlace<I, Reset, Op>
where
    Reset: FnMut(&mut I),
    Op: FnMut(&mut I, &mut Sink<'_>),
{
    fn answer(&mut self) -> Result<Answer, String> {
        let mut answer = None;
        let input = self.inputs.first_mut().ok_or("no input")?;
        (self.reset)(input);
        (self.op)(input, &mut Sink { answer: Some(&mut answer) });
        answer.ok_or_else(|| "the operation gave its sink no result".to_owned())
    }

    fn run(&mut self, iterations: u64) -> Result<Duration, String> {
        let mut sink = Sink { answer: None };
        let Self { inputs, cost, reset, op } = self;
        if *cost == CopyCost::Timed {
            let input = inputs.first_mut().ok_or("no input")?;
            let start = Instant::now();
            for _ in 0..iterations {
                reset(black_box(input));
                op(black_box(input), &mut sink);
            }
            return Ok(start.elapsed());
        }
        let mut total = Duration::ZERO;
        let mut left = iterations;
        while left > 0 {
            let chunk = inputs.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let inputs = inputs.get_mut(..chunk).ok_or("no input")?;
            inputs.iter_mut().for_each(&mut *reset);
            let start = Instant::now();
            for input in inputs {
                op(black_box(input), &mut sink);
            }
            total += start.elapsed();
            left -= chunk as u64;
        }
        Ok(total)
    }
}

/// A contender that keeps time itself.
pub(crate) struct SelfTimed<Run, Check> {
    pub(crate) run: Run,
    pub(crate) check: Check,
}

impl<A, Run, Check> Timed for SelfTimed<Run, Check>
where
    Run: FnMut(u64) -> Duration,
    Check: FnMut() -> A,
    A: Into<Answer>,
{
    fn answer(&mut self) -> Result<Answer, String> {
        Ok((self.check)().into())
    }

    fn run(&mut self, iterations: u64) -> Result<Duration, String> {
        Ok((self.run)(iterations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_in_place_input_is_fresh_for_every_operation() {
        for cost in [CopyCost::Timed, CopyCost::Untimed] {
            let mut uses = 0;
            let mut timed = InPlace {
                inputs: vec![Vec::new(); 3],
                cost,
                reset: |buffer: &mut Vec<u8>| {
                    buffer.clear();
                    buffer.extend_from_slice(b"abc");
                },
                op: |buffer: &mut Vec<u8>, sink: &mut Sink<'_>| {
                    assert_eq!(buffer, b"abc");
                    buffer.fill(0);
                    uses += 1;
                    sink.take(&buffer.as_slice(), |bytes| bytes.len());
                },
            };
            assert_eq!(timed.answer().unwrap(), Answer::from(3_usize));
            timed.run(8).unwrap();
            drop(timed);
            assert_eq!(uses, 9);
        }
    }

    #[test]
    fn a_silent_operation_has_no_answer() {
        let mut timed = InPlace {
            inputs: vec![()],
            cost: CopyCost::Timed,
            reset: |_: &mut ()| {},
            op: |_: &mut (), _: &mut Sink<'_>| {},
        };
        assert!(timed.answer().is_err());
    }

    #[test]
    fn every_input_counts_as_an_operation() {
        let inputs = [1_u64, 2, 3];
        let mut sum = 0;
        let mut timed = Each {
            inputs: &inputs,
            op: |n: &u64| {
                sum += n;
                *n
            },
            check: |n: &u64| *n,
        };
        assert_eq!(timed.operations(), 3);
        assert_eq!(timed.answer().unwrap().as_str(), "1\n2\n3\n");
        timed.run(2).unwrap();
        assert_eq!(sum, 18);
    }
}
