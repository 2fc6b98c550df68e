//! A caller's closure in the writer's queue.

use super::call::{Outcome, Ticket};
use super::conn::Conn;
use super::error::{Error, Result};
use super::guard::Mode;
use super::inbox::Call;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A write of some type.
pub(super) trait Job: Call + Send {
    /// Whether it wants the connection for itself, outside any transaction of the pool.
    fn is_alone(&self) -> bool;

    /// Its turn has come. False if its caller has gone.
    fn begin(&self) -> bool;

    /// Runs the closure, which may be done several times unless it `is_alone`. Returns whether it said `Ok`.
    fn run(&mut self, conn: &Conn) -> bool;

    /// Tells the caller: what the closure said last, or this error instead.
    fn settle(self: Box<Self>, instead: Option<Error>);
}

pub(super) type BoxJob = Box<dyn Job>;

impl Call for BoxJob {
    fn is_gone(&self) -> bool {
        (**self).is_gone()
    }
}

/// Runs a closure and keeps its panic for its caller.
pub(super) fn guarded<T>(conn: &Conn, closure: impl FnOnce(&Conn) -> Result<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(|| closure(conn)))
}

/// A write that shares its transaction.
pub(super) struct Shared<T, F> {
    closure: F,
    last: Option<Outcome<T>>,
    ticket: Ticket<T>,
}

impl<T, F> Shared<T, F> {
    pub(super) fn new(closure: F, ticket: Ticket<T>) -> Self {
        Self { closure, last: None, ticket }
    }
}

impl<T, F> Call for Shared<T, F> {
    fn is_gone(&self) -> bool {
        self.ticket.is_gone()
    }
}

impl<T, F> Job for Shared<T, F>
where
    T: Send,
    F: FnMut(&Conn) -> Result<T> + Send,
{
    fn is_alone(&self) -> bool {
        false
    }

    fn begin(&self) -> bool {
        self.ticket.begin(None)
    }

    fn run(&mut self, conn: &Conn) -> bool {
        conn.guard.set(Mode::Job);
        let outcome = guarded(conn, &mut self.closure);
        conn.guard.set(Mode::Free);
        let good = matches!(outcome, Ok(Ok(_)));
        self.last = Some(outcome);
        good
    }

    fn settle(self: Box<Self>, instead: Option<Error>) {
        settle(&self.ticket, instead, self.last);
    }
}

/// A write that has the connection for itself.
pub(super) struct Alone<T, F> {
    closure: Option<F>,
    last: Option<Outcome<T>>,
    ticket: Ticket<T>,
}

impl<T, F> Alone<T, F> {
    pub(super) fn new(closure: F, ticket: Ticket<T>) -> Self {
        Self { closure: Some(closure), last: None, ticket }
    }
}

impl<T, F> Call for Alone<T, F> {
    fn is_gone(&self) -> bool {
        self.ticket.is_gone()
    }
}

impl<T, F> Job for Alone<T, F>
where
    T: Send,
    F: FnOnce(&Conn) -> Result<T> + Send,
{
    fn is_alone(&self) -> bool {
        true
    }

    fn begin(&self) -> bool {
        self.ticket.begin(None)
    }

    fn run(&mut self, conn: &Conn) -> bool {
        let Some(closure) = self.closure.take() else { return false };
        let outcome = guarded(conn, closure);
        let good = matches!(outcome, Ok(Ok(_)));
        self.last = Some(outcome);
        good
    }

    fn settle(self: Box<Self>, instead: Option<Error>) {
        settle(&self.ticket, instead, self.last);
    }
}

fn settle<T>(ticket: &Ticket<T>, instead: Option<Error>, last: Option<Outcome<T>>) {
    let outcome = match (instead, last) {
        (Some(error), _) => Ok(Err(error)),
        (None, Some(outcome)) => outcome,
        (None, None) => Ok(Err(Error::closed())),
    };
    ticket.finish(outcome);
}
