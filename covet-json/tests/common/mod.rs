//! What the integration tests share: running at each SIMD level, and readers that split their bytes.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::io;
use std::sync::Mutex;

use covet_json::{SimdLevel, force_simd_level};

static ONE_LEVEL_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Calls `test` once for each level that this CPU runs. The level belongs to the process, so such tests take turns.
pub(crate) fn at_each_level(mut test: impl FnMut()) {
    let _turn = ONE_LEVEL_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for level in [SimdLevel::Portable, SimdLevel::Sse2, SimdLevel::Avx2] {
        if force_simd_level(level) {
            test();
        }
    }
}

/// A reader that hands out at most `step` bytes at a time.
pub(crate) struct Chunked<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) step: usize,
}

impl io::Read for Chunked<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.step.min(buf.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(len);
        buf[..len].copy_from_slice(now);
        self.bytes = later;
        Ok(len)
    }
}

/// A reader that hands out `bytes[..split]` first and the rest then.
pub(crate) fn split_at(bytes: &[u8], split: usize) -> io::Chain<&[u8], &[u8]> {
    io::Read::chain(&bytes[..split], &bytes[split..])
}
