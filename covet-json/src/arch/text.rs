//! Slices of text without validating them twice: the only place that turns bytes into `str` on a proof instead of a check.
//! The proofs are values that only this file makes.

use super::block::{BLOCK, is_string_stop, special_mask, string_masks};
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
        let Some(block) = bytes.first_chunk::<BLOCK>() else { return Run::scan_run(bytes) };
        let masks = string_masks(block);
        if masks.stops == 0 {
            return Run::scan_second(bytes, masks.high == 0);
        }
        let end = masks.stops.trailing_zeros();
        let ascii = masks.high & ((1 << end) - 1) == 0;
        Run { bytes: &block[..end as usize % BLOCK], ascii }
    }

    /// Goes on behind the first block, which holds no stop.
    #[inline(never)]
    fn scan_second(bytes: &'a [u8], ascii: bool) -> Run<'a> {
        if let Some(block) = bytes.get(BLOCK..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            let masks = string_masks(block);
            if masks.stops != 0 {
                let end = masks.stops.trailing_zeros();
                let ascii = ascii && masks.high & ((1 << end) - 1) == 0;
                return Run { bytes: &bytes[..BLOCK + end as usize], ascii };
            }
        }
        Run::scan_run(bytes)
    }

    fn scan_run(bytes: &'a [u8]) -> Run<'a> {
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

/// The key at the start of `bytes`, whose quote was seen, if it is plain ASCII and its colon follows at once; and the length of all
/// that, with one space behind the colon.
#[inline(always)]
pub(crate) fn plain_key(bytes: &[u8]) -> Option<(&str, usize)> {
    let shape = bytes.first_chunk::<{ 1 + BLOCK + 3 }>()?;
    let mask = special_mask(shape[1..].first_chunk::<BLOCK>()?);
    if mask == 0 {
        return long_plain_key(bytes);
    }
    let len = mask.trailing_zeros() as usize % BLOCK;
    if shape[1 + len..3 + len] != *b"\":" {
        return None;
    }
    let space = usize::from(shape[3 + len] == b' ');
    // SAFETY: no byte in front of `len` is special, so all of them are ASCII.
    let key = unsafe { std::str::from_utf8_unchecked(&shape[1..1 + len]) };
    Some((key, len + 3 + space))
}

/// The same when the first block has nothing special.
#[inline(never)]
fn long_plain_key(bytes: &[u8]) -> Option<(&str, usize)> {
    let key = long_plain_str(&bytes[1..])?;
    match bytes.get(key.len() + 2..)? {
        [b':', b' ', ..] => Some((key, key.len() + 4)),
        [b':', ..] => Some((key, key.len() + 3)),
        _ => None,
    }
}

/// The string at the start of `bytes`, if there is one of plain ASCII.
#[inline(always)]
pub(crate) fn plain_str(bytes: &[u8]) -> Option<&str> {
    let shape = bytes.first_chunk::<{ 1 + BLOCK + 1 }>()?;
    if shape[0] != b'"' {
        return None;
    }
    let mask = special_mask(shape[1..].first_chunk::<BLOCK>()?);
    if mask == 0 {
        return longer_plain_str(&bytes[1..]);
    }
    let len = mask.trailing_zeros() as usize % BLOCK;
    if shape[1 + len] != b'"' {
        return None;
    }
    // SAFETY: no byte in front of `len` is special, so all of them are ASCII.
    Some(unsafe { std::str::from_utf8_unchecked(&shape[1..1 + len]) })
}

#[inline(never)]
fn longer_plain_str(bytes: &[u8]) -> Option<&str> {
    long_plain_str(bytes)
}

/// The text of a plain string behind its quote, when the first block has nothing special.
#[inline]
fn long_plain_str(bytes: &[u8]) -> Option<&str> {
    let (start, second) = bytes.split_first_chunk::<BLOCK>()?;
    // The callers know, but the proof must be at hand where it is used.
    if special_mask(start) != 0 {
        return None;
    }
    let mask = second.first_chunk::<BLOCK>().map_or(0, special_mask);
    let len = if mask != 0 {
        BLOCK + mask.trailing_zeros() as usize
    } else {
        let (len, ascii) = string_run(second);
        if !ascii {
            return None;
        }
        BLOCK + len
    };
    if bytes.get(len) != Some(&b'"') {
        return None;
    }
    // SAFETY: neither the first block nor what was scanned behind it, up to `len`, has a byte that is not ASCII.
    Some(unsafe { std::str::from_utf8_unchecked(&bytes[..len]) })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_run(bytes: &[u8]) {
        let len = bytes.iter().position(|&byte| is_string_stop(byte)).unwrap_or(bytes.len());
        let run = Run::scan(bytes);
        assert_eq!(run.len(), len);
        let ascii = bytes[..len].is_ascii().then(|| std::str::from_utf8(&bytes[..len]).expect("ASCII"));
        assert_eq!(run.ascii(), ascii);
    }

    #[test]
    fn runs_of_every_length() {
        for len in 0..120 {
            check_run(&vec![b'x'; len]);
            for at in 0..len {
                for byte in [b'"', b'\\', 0x1F, 0x20, 0x7F, 0x80, 0xFF] {
                    let mut bytes = vec![b'x'; len];
                    bytes[at] = byte;
                    check_run(&bytes);
                }
            }
        }
    }

    /// What [`plain_key`] and [`plain_str`] answer, byte by byte.
    fn check_shapes(bytes: &[u8]) {
        let text = bytes.get(1..).unwrap_or_default();
        let len = text.iter().position(|&byte| is_string_stop(byte) || byte >= 0x80).unwrap_or(text.len());
        let whole = bytes.first() == Some(&b'"') && text.get(len) == Some(&b'"');
        let content = std::str::from_utf8(&text[..len]).expect("ASCII");
        let plain = plain_str(bytes);
        if bytes.len() >= 18 {
            assert_eq!(plain, whole.then_some(content));
        } else {
            assert_eq!(plain, None);
        }
        if bytes.first() == Some(&b'"') {
            let behind = text.get(len + 1..).unwrap_or_default();
            let key = (bytes.len() >= 20 && whole && behind.first() == Some(&b':'))
                .then(|| (content, len + 3 + usize::from(behind.get(1) == Some(&b' '))));
            assert_eq!(plain_key(bytes), key);
        }
    }

    #[test]
    fn shapes_of_every_length() {
        for len in 0..80 {
            for end in ["\":1,", "\": 1", "\"", "\" :1", "", "\\\":", "é\":", "\u{1f}\":"] {
                for fill in [0, 1, 40] {
                    let text = format!("\"{}{end}{}", "k".repeat(len), "x".repeat(fill));
                    check_shapes(text.as_bytes());
                    check_shapes(&text.as_bytes()[1..]);
                }
            }
        }
    }

    #[test]
    fn slices_never_split_a_character() {
        let text = "aé日😀z".repeat(5);
        let mut whole = Text::from_str(&text);
        let mut piecewise = Text::unchecked(text.as_bytes());
        for start in 0..=text.len() {
            for end in start..=text.len() {
                assert_eq!(whole.slice(start, end).ok(), text.get(start..end));
                // What has not been validated is validated from `start` on, so a wrong start is an error as well.
                assert_eq!(piecewise.slice(start, end).ok(), text.get(start..end));
            }
        }
    }

    proptest! {
        #[test]
        fn shapes_of_arbitrary_text(text in "\"?[a-zé\\\\]{0,40}(\": ?)?[ -~]{0,20}") {
            check_shapes(text.as_bytes());
        }

        #[test]
        fn slices_of_arbitrary_bytes(parts: Vec<(String, Option<u8>)>, cuts: Vec<(prop::sample::Index, prop::sample::Index)>) {
            let mut bytes = Vec::new();
            for (text, byte) in parts {
                bytes.extend_from_slice(text.as_bytes());
                bytes.extend(byte);
            }
            let mut text = Text::unchecked(&bytes);
            for (a, b) in cuts {
                let (a, b) = (a.index(bytes.len() + 1), b.index(bytes.len() + 1));
                let (start, end) = (a.min(b), a.max(b));
                let sliced = text.slice(start, end);
                if let Ok(sliced) = sliced {
                    prop_assert_eq!(Some(sliced), std::str::from_utf8(&bytes[start..end]).ok());
                }
            }
        }
    }
}
