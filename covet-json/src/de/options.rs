//! Limits and choices for decoding input that is not trusted, or not quite JSON text alone.

#![forbid(unsafe_code)]

use std::io;

use serde::de::{Deserialize, DeserializeOwned};

use super::Deserializer;
use super::read::{Position, Read, SliceRead};
use super::window::IoRead;
use crate::error::{Code, Result};

/// Nested arrays and objects that pass unless told otherwise; `serde_json` allows as many.
const DEFAULT_DEPTH: usize = 127;

/// What to do with a key that an object already had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DuplicateKeys {
    /// Hand every key to the type being decoded, as `serde_json` does: derived structs refuse a second one, maps keep the last.
    #[default]
    Serde,
    /// An error, wherever it occurs, in skipped values too. Costs a hash set per object.
    Reject,
}

/// What to do with text behind the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trailing {
    /// Only whitespace may follow.
    #[default]
    Reject,
    /// Whatever follows is not looked at.
    Allow,
}

/// The limits as the parser holds them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_depth: usize,
    pub(crate) max_string: usize,
    pub(crate) max_items: usize,
    pub(crate) reject_duplicates: bool,
}

impl Limits {
    pub(crate) const DEFAULT: Limits =
        Limits { max_depth: DEFAULT_DEPTH, max_string: usize::MAX, max_items: usize::MAX, reject_duplicates: false };

    /// Whether there are limits for which strings, numbers or members must be looked at one by one.
    #[inline]
    pub(crate) fn is_strict(&self) -> bool {
        self.max_string != usize::MAX || self.max_items != usize::MAX || self.reject_duplicates
    }
}

/// How to decode: limits on what the input may make the process do, and what else to accept or refuse.
///
/// Every limit holds for skipped values as well, and reaching one is an error for which [`is_limit`](crate::Error::is_limit)
/// answers `true`.
///
/// ```
/// use covet_json::{DecodeOptions, DuplicateKeys};
///
/// let options = DecodeOptions::new().max_depth(3).max_bytes(1 << 20).duplicate_keys(DuplicateKeys::Reject);
/// let value: Vec<Vec<u8>> = options.from_slice(b"[[1, 2], [3]]")?;
/// assert_eq!(value, [vec![1, 2], vec![3]]);
/// assert!(options.from_str::<serde_json::Value>("[[[[]]]]").unwrap_err().is_limit());
/// # Ok::<(), covet_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DecodeOptions {
    pub(crate) limits: Limits,
    pub(crate) max_bytes: usize,
    trailing: Trailing,
}

impl Default for DecodeOptions {
    fn default() -> DecodeOptions {
        DecodeOptions::new()
    }
}

impl DecodeOptions {
    /// 127 nested levels, no other limit, duplicate keys to the type, nothing but whitespace behind the value.
    pub const fn new() -> DecodeOptions {
        DecodeOptions { limits: Limits::DEFAULT, max_bytes: usize::MAX, trailing: Trailing::Reject }
    }

    /// How many arrays and objects may be open at once; `[[]]` needs 2. The default is 127.
    ///
    /// Decoding nested values takes stack: a few hundred bytes a level for most types. Raise the limit only with a stack that
    /// holds it. Skipping takes one bit a level and no stack.
    pub const fn max_depth(mut self, levels: usize) -> DecodeOptions {
        self.limits.max_depth = levels;
        self
    }

    /// How long the input may be, in bytes, whitespace included. Unlimited by default.
    pub const fn max_bytes(mut self, bytes: usize) -> DecodeOptions {
        self.max_bytes = bytes;
        self
    }

    /// How long one string may be, in bytes of its text between the quotes (an escape counts as written); holds for keys and the
    /// text of numbers too. Unlimited by default.
    pub const fn max_string(mut self, bytes: usize) -> DecodeOptions {
        self.limits.max_string = bytes;
        self
    }

    /// How many elements one array, or members one object, may have. Unlimited by default.
    pub const fn max_items(mut self, items: usize) -> DecodeOptions {
        self.limits.max_items = items;
        self
    }

    /// What to do with repeated keys.
    pub const fn duplicate_keys(mut self, choice: DuplicateKeys) -> DecodeOptions {
        self.limits.reject_duplicates = matches!(choice, DuplicateKeys::Reject);
        self
    }

    /// What to do with text behind the value.
    pub const fn trailing(mut self, choice: Trailing) -> DecodeOptions {
        self.trailing = choice;
        self
    }

    /// Decodes a value from bytes. See [`from_slice`](crate::from_slice).
    ///
    /// # Errors
    ///
    /// As [`from_slice`](crate::from_slice), and when a limit is reached.
    pub fn from_slice<'de, T: Deserialize<'de>>(&self, json: &'de [u8]) -> Result<T> {
        self.check_len(json.len())?;
        self.run(Deserializer::with_limits(SliceRead::new(json), self.limits))
    }

    /// Decodes a value from text. See [`from_str`](crate::from_str).
    ///
    /// # Errors
    ///
    /// As [`from_str`](crate::from_str), and when a limit is reached.
    pub fn from_str<'de, T: Deserialize<'de>>(&self, json: &'de str) -> Result<T> {
        self.check_len(json.len())?;
        self.run(Deserializer::with_limits(SliceRead::from_str(json), self.limits))
    }

    /// Decodes a value from a reader. See [`from_reader`](crate::from_reader).
    ///
    /// # Errors
    ///
    /// As [`from_reader`](crate::from_reader), and when a limit is reached; at most one block beyond the limit is read.
    pub fn from_reader<R: io::Read, T: DeserializeOwned>(&self, reader: R) -> Result<T> {
        let mut read = IoRead::new(reader);
        read.set_max_bytes(self.max_bytes);
        self.run(Deserializer::with_limits(read, self.limits))
    }

    fn check_len(&self, len: usize) -> Result<()> {
        if len > self.max_bytes {
            return Err(Position::START.error(Code::BytesLimit(self.max_bytes)));
        }
        Ok(())
    }

    #[inline]
    fn run<'de, R: Read<'de>, T: Deserialize<'de>>(&self, mut de: Deserializer<R>) -> Result<T> {
        let value = T::deserialize(&mut de)?;
        if self.trailing == Trailing::Reject {
            de.end()?;
        }
        Ok(value)
    }
}
