//! A closed loop: each lane sends as soon as it has its answer. It shows how much a server can do, and nothing about latency,
//! because the load waits with the server.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Failures, LANES, Lane, Target, Usage};

#[derive(Clone, Debug)]
pub(crate) struct Closed {
    pub(crate) completed: u64,
    pub(crate) elapsed: Duration,
    pub(crate) usage: Usage,
    pub(crate) failures: Failures,
}

impl Closed {
    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.completed as f64 / self.elapsed.as_secs_f64()
    }

    /// Nanoseconds of the server's processor time for a request.
    pub(crate) fn cost(&self) -> f64 {
        self.usage.server.as_nanos() as f64 / self.completed.max(1) as f64
    }

    /// The share of its processor that the client used.
    pub(crate) fn client_share(&self) -> f64 {
        self.usage.client.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// The share of its processor that the server used.
    pub(crate) fn server_share(&self) -> f64 {
        self.usage.server.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

#[derive(Default)]
struct Shared {
    completed: u64,
    failures: Failures,
    over: bool,
}

/// Loads for `warm`, then measures for `time`.
pub(crate) async fn run(target: &Target, warm: Duration, time: Duration) -> Result<Closed> {
    let shared = Rc::new(RefCell::new(Shared::default()));
    let mut tasks = Vec::with_capacity(LANES);
    for mut lane in Lane::open(target, LANES).await? {
        let shared = shared.clone();
        tasks.push(tokio::task::spawn_local(async move {
            loop {
                let done = lane.exchange().await;
                let mut shared = shared.borrow_mut();
                match done {
                    Ok(()) => shared.completed += 1,
                    Err(error) => shared.failures.add(&error),
                }
                if shared.over || shared.failures.count > 1_000 {
                    break;
                }
            }
        }));
    }
    tokio::time::sleep(warm).await;
    let (start, before, first) = (Instant::now(), Usage::read(target.process), shared.borrow().completed);
    tokio::time::sleep(time).await;
    let (elapsed, usage) = (start.elapsed(), Usage::read(target.process).since(before));
    let completed = shared.borrow().completed - first;
    shared.borrow_mut().over = true;
    for task in tasks {
        task.await?;
    }
    let failures = shared.borrow().failures.clone();
    Ok(Closed { completed, elapsed, usage, failures })
}
