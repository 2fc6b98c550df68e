//! What a contender computed, in a form that can be compared between contenders whose types have nothing in common.

use std::fmt;

/// The result of one operation, reduced to text that is equal if and only if the results are.
///
/// Build it from numbers, booleans and text with `into()`, or with one of the constructors:
///
/// ```
/// use covet_bench::Answer;
/// assert_eq!(Answer::from(7_u64), Answer::from("7"));
/// assert_eq!(Answer::debug(&Some(1)), Answer::from("Some(1)"));
/// assert_eq!(Answer::json(br#"{"a":1e0,"b":[]}"#), Answer::json(br#"{ "b": [], "a": 1.0 }"#));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Answer(String);

impl Answer {
    /// The `Debug` text of a value: the simplest answer when all contenders produce the same type.
    #[must_use]
    pub fn debug<T: fmt::Debug + ?Sized>(value: &T) -> Self {
        Self(format!("{value:?}"))
    }

    /// Exact bytes. Text is kept as text, so that a mismatch can be read.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self(text.to_owned()),
            Err(_) => Self(format!("{bytes:02x?}")),
        }
    }

    /// A JSON document, equal to another that says the same: order of keys, spaces and spelling of numbers do not count.
    /// Bytes that are no JSON give an answer that says so and equals no document.
    #[must_use]
    pub fn json(document: &[u8]) -> Self {
        match serde_json::from_slice::<serde_json::Value>(document) {
            Ok(value) => Self(value.to_string()),
            Err(error) => Self(format!("not JSON ({error}): {}", String::from_utf8_lossy(document))),
        }
    }

    /// One answer from many, in order.
    #[must_use]
    pub fn all(answers: impl IntoIterator<Item = Self>) -> Self {
        let mut text = String::new();
        for answer in answers {
            text.push_str(&answer.0);
            text.push('\n');
        }
        Self(text)
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A stable 64-bit digest of the text ([`digest`]).
    #[must_use]
    pub fn digest(&self) -> u64 {
        digest(self.0.as_bytes())
    }

    /// Both answers around their first difference, for a message.
    pub(crate) fn difference(expected: &Self, found: &Self) -> String {
        let same = expected.0.bytes().zip(found.0.bytes()).take_while(|(a, b)| a == b).count();
        format!("expected {}, found {}", expected.excerpt(same), found.excerpt(same))
    }

    fn excerpt(&self, at: usize) -> String {
        const BEFORE: usize = 24;
        const AFTER: usize = 96;
        if self.0.len() <= BEFORE + AFTER {
            return format!("`{}`", self.0);
        }
        let start = self.0.floor_char_boundary(at.saturating_sub(BEFORE));
        let end = self.0.floor_char_boundary((at + AFTER).min(self.0.len()));
        format!("`..{}..` (byte {at} of {})", &self.0[start..end.max(start)], self.0.len())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.excerpt(0))
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self(text)
    }
}

macro_rules! from_display {
    ($($type:ty),*) => {$(
        impl From<$type> for Answer {
            fn from(value: $type) -> Self {
                Self(value.to_string())
            }
        }
    )*};
}
from_display!(u8, u16, u32, u64, usize, i32, i64, bool);

/// The FNV-1a digest (64 bits) of some bytes: stable across platforms, compilers and releases, so that it can be written
/// into a test. It finds accidents, not forgeries.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_fnv_1a() {
        assert_eq!(digest(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(digest(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(digest(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_difference_shows_both_sides_near_it() {
        let long = "x".repeat(5_000);
        let text = Answer::difference(&Answer::from(format!("{long}A tail")), &Answer::from(format!("{long}B tail")));
        assert!(text.contains("xA tail") && text.contains("xB tail") && text.len() < 400, "{text}");
        assert_eq!(Answer::difference(&Answer::from(1_u64), &Answer::from(2_u64)), "expected `1`, found `2`");
    }

    #[test]
    fn a_difference_survives_wide_characters_and_prefixes() {
        let long = "é".repeat(400);
        let text = Answer::difference(&Answer::from(long.as_str()), &Answer::from(format!("{long}é")));
        assert!(text.contains("expected"), "{text}");
    }
}
