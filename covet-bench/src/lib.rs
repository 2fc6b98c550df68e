#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod analysis;
pub mod child;
pub mod latency;
pub mod record;
pub mod run;
pub mod stats;
pub mod workload;

mod allocations;
mod answer;
mod bench;
mod cli;
mod group;
mod machine;
mod measure;
mod memory;
mod progress;
mod report;
mod rng;
mod target;
mod timed;

pub use std::hint::black_box;

pub use hdrhistogram;

pub use crate::answer::{Answer, digest};
pub use crate::bench::{Bench, Outcome, captured, main};
pub use crate::group::{About, Group};
pub use crate::latency::LatencyGroup;
pub use crate::machine::{Build, Machine};
pub use crate::memory::MemoryGroup;
pub use crate::record::Throughput;
pub use crate::rng::Rng;
pub use crate::target::{Metric, Target};
pub use crate::timed::{CopyCost, Sink};
