//! Which instructions run: levels, detection, and the kernels behind safe signatures.
//!
//! Two kinds of kernels live here. *Inline* kernels handle 16 bytes at a time with SSE2, which every x86-64 has, and are
//! chosen at compile time. *Run* kernels handle long runs with AVX2; they are chosen by [`simd_level`], which asks the CPU
//! once per process. Both have a portable twin, which is also what other architectures run. In builds with debug assertions
//! the inline kernels obey [`force_simd_level`] too, so that the tests run whole at each level.

#![allow(unsafe_code, reason = "SIMD loads and calls of functions that need a detected CPU feature")]

#[cfg(target_arch = "x86_64")]
mod avx2;
pub(crate) mod block;
pub(crate) mod escape;
pub(crate) mod run;
pub(crate) mod text;

use std::sync::atomic::{AtomicU8, Ordering};

/// The kernels that the process uses for long runs of bytes.
///
/// What is read and written is the same at every level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SimdLevel {
    /// Words of eight bytes and no vector instructions.
    Portable,
    /// 16-byte vectors, part of every x86-64.
    Sse2,
    /// 32-byte vectors for long runs, 16-byte vectors for short ones.
    Avx2,
}

impl SimdLevel {
    /// The name as log lines show it: `portable`, `sse2`, `avx2`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SimdLevel::Portable => "portable",
            SimdLevel::Sse2 => "sse2",
            SimdLevel::Avx2 => "avx2",
        }
    }
}

impl std::fmt::Display for SimdLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

const UNKNOWN: u8 = 0;
const PORTABLE: u8 = 1;
const SSE2: u8 = 2;
const AVX2: u8 = 3;

/// The level in use. Every value that it ever holds is one the CPU can run.
static LEVEL: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Which kernels run: detected from the CPU once per process.
///
/// ```
/// println!("JSON kernels: {}", covet_json::simd_level());
/// ```
#[must_use]
#[inline]
pub fn simd_level() -> SimdLevel {
    match LEVEL.load(Ordering::Relaxed) {
        PORTABLE => SimdLevel::Portable,
        SSE2 => SimdLevel::Sse2,
        AVX2 => SimdLevel::Avx2,
        _ => init(),
    }
}

#[cold]
#[inline(never)]
fn init() -> SimdLevel {
    let best = best_level();
    LEVEL.store(code(best), Ordering::Relaxed);
    best
}

/// The highest level that this CPU runs.
fn best_level() -> SimdLevel {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") { SimdLevel::Avx2 } else { SimdLevel::Sse2 }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        SimdLevel::Portable
    }
}

const fn code(level: SimdLevel) -> u8 {
    match level {
        SimdLevel::Portable => PORTABLE,
        SimdLevel::Sse2 => SSE2,
        SimdLevel::Avx2 => AVX2,
    }
}

/// For tests: uses `level` from now on, in the whole process. `false` if the CPU cannot run it; then nothing changes.
#[doc(hidden)]
#[must_use]
pub fn force_simd_level(level: SimdLevel) -> bool {
    let possible = level <= best_level();
    if possible {
        LEVEL.store(code(level), Ordering::Relaxed);
    }
    possible
}

/// Whether the inline kernels use vectors: known at compile time, except that tests may say otherwise.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn inline_simd() -> bool {
    !cfg!(debug_assertions) || simd_level() != SimdLevel::Portable
}
