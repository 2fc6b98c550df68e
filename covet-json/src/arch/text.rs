//! Slices of text without validating them twice: the only place that turns bytes into `str` on a proof instead of a check.
//! The proofs are values that only this file makes.

use super::block::{BLOCK, is_string_stop, string_masks};
use super::run::string_run;
use super::{SimdLevel, simd_level};

/// Plain string content: the bytes up to the first quote, backslash or control character.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    bytes: &'a [u8],
    ascii: bool,
}

impl<'a> Run<'a> {
    /// Scans from the start of `bytes`.
    #[inline(always)]
    pub(crate) fn scan(bytes: &'a [u8]) -> Run<'a> {
        if let Some(block) = bytes.first_chunk::<BLOCK>() {
            let masks = string_masks(block);
            if masks.stops != 0 {
                let end = masks.stops.trailing_zeros();
                let ascii = masks.high & ((1 << end) - 1) == 0;
                return Run { bytes: &block[..end as usize % BLOCK], ascii };
            }
        }
        Run::scan_long(bytes)
    }

    #[inline(never)]
    fn scan_long(bytes: &'a [u8]) -> Run<'a> {
        let (len, ascii) = string_run(bytes);
        Run { bytes: &bytes[..len], ascii }
    }

    /// Number of bytes.
    #[inline(always)]
    pub(crate) fn len(self) -> usize {
        self.bytes.len()
    }

    /// The text, if the scan found nothing but ASCII.
    #[inline(always)]
    pub(crate) fn ascii(self) -> Option<&'a str> {
        debug_assert!(!self.bytes.iter().copied().any(is_string_stop));
        // SAFETY: the scan saw that no byte of `bytes` has its high bit set, and ASCII is UTF-8.
        self.ascii.then(|| unsafe { std::str::from_utf8_unchecked(self.bytes) })
    }
}

/// How many bytes are validated at once, beyond what is needed: enough for the kernels to run at full speed, and the
/// validated bytes are still in the cache when they are parsed.
const AHEAD: usize = 16 << 10;

/// Bytes of which a part is known to be UTF-8.
///
/// Validation happens in stretches of [`AHEAD`] bytes from the first string that is not plain ASCII, so a document without
/// such strings never pays for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checked {
    /// Everything in `from..to` is UTF-8; both ends are character boundaries.
    from: usize,
    to: usize,
}

impl Checked {
    /// The proof for text that already is a `str`.
    pub(crate) fn all(text: &str) -> Checked {
        Checked { from: 0, to: text.len() }
    }
}

/// Bytes together with what is known of them. The bytes are private and never change, so the proof stays true.
#[derive(Clone, Debug)]
pub(crate) struct Text<'a> {
    bytes: &'a [u8],
    checked: Checked,
}

impl<'a> Text<'a> {
    pub(crate) fn unchecked(bytes: &'a [u8]) -> Text<'a> {
        Text { bytes, checked: Checked::default() }
    }

    pub(crate) fn from_str(text: &'a str) -> Text<'a> {
        Text { bytes: text.as_bytes(), checked: Checked::all(text) }
    }

    #[inline(always)]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// `start..end` as text.
    ///
    /// # Errors
    ///
    /// The index of the first byte that is not UTF-8.
    #[inline]
    pub(crate) fn slice(&mut self, start: usize, end: usize) -> Result<&'a str, usize> {
        if start < self.checked.from || end > self.checked.to {
            self.check(start, end)?;
        }
        let bytes = &self.bytes[start..end];
        // A character that straddles an end of the range would break the proof.
        let boundary = |at: usize| self.bytes.get(at).is_none_or(|&byte| byte & 0xC0 != 0x80);
        if !boundary(start) || !boundary(end) {
            return Err(start);
        }
        // SAFETY: `from..to` is UTF-8, `from <= start <= end <= to`, and neither end splits a character.
        Ok(unsafe { std::str::from_utf8_unchecked(bytes) })
    }

    /// Validates from `start` to at least `end`.
    #[inline(never)]
    fn check(&mut self, start: usize, end: usize) -> Result<(), usize> {
        let ahead = end.saturating_add(AHEAD).min(self.bytes.len());
        let valid = start + valid_prefix(&self.bytes[start..ahead]);
        if valid < end {
            return Err(valid);
        }
        self.checked = Checked { from: start, to: valid };
        Ok(())
    }
}

/// Length of the longest prefix that is UTF-8.
pub(crate) fn valid_prefix(bytes: &[u8]) -> usize {
    match validate(bytes) {
        Ok(_) => bytes.len(),
        Err(valid) => valid,
    }
}

/// `bytes` as text, or the length of the longest valid prefix.
pub(crate) fn validate(bytes: &[u8]) -> Result<&str, usize> {
    if simd_level() == SimdLevel::Portable {
        return std::str::from_utf8(bytes).map_err(|error| error.valid_up_to());
    }
    simdutf8::compat::from_utf8(bytes).map_err(|error| error.valid_up_to())
}
