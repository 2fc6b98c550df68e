//! The atomics of the read path, exchanged for loom's under `--cfg covet_loom` so that every interleaving is tried.

#[cfg(covet_loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(covet_loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
