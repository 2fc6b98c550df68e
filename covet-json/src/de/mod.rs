//! Decoding: a single pass from text to serde visitors, without a tree or tape in between.
//!
//! [`Deserializer`] holds a source and a place in its window. This file has its public face and the steps that every part
//! shares; strings, numbers, containers and skipping have files of their own.

#![forbid(unsafe_code)]

mod access;
mod key;
mod options;
mod raw;
pub(crate) mod read;
mod skip;
mod string;
mod value;
mod values;
pub(crate) mod window;

use std::io;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned};

pub(crate) use self::options::Limits;
pub use self::options::{DecodeOptions, DuplicateKeys, Trailing};
pub(crate) use self::raw::TOKEN;
pub use self::read::{Read, SliceRead};
pub(crate) use self::skip::Skip;

pub use self::values::Values;
pub(crate) use self::window::FeedRead;
pub use self::window::IoRead;
use crate::arch::block::{BLOCK, blank_mask};
use crate::arch::run::space_run;
use crate::error::{Code, Error, Result};

/// Decodes a value from JSON text in bytes.
///
/// Strings without escapes can be borrowed from `json` (`&str`, `&[u8]`, `Cow` with `#[serde(borrow)]`). Costs one pass over the text.
///
/// # Errors
///
/// `json` is not one JSON value in UTF-8 with nothing but whitespace around it, it does not fit `T`, or it nests deeper than 127 levels.
///
/// ```
/// let primes: Vec<u32> = covet_json::from_slice(b"[2, 3, 5]")?;
/// assert_eq!(primes, [2, 3, 5]);
/// # Ok::<(), covet_json::Error>(())
/// ```
#[inline]
pub fn from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T> {
    let mut de = Deserializer::from_slice(json);
    let value = T::deserialize(&mut de)?;
    de.end()?;
    Ok(value)
}

/// Decodes a value from JSON text. Like [`from_slice`], without the need to check the text's UTF-8.
///
/// # Errors
///
/// As [`from_slice`].
///
/// ```
/// let greeting: &str = covet_json::from_str(r#""hello""#)?;
/// assert_eq!(greeting, "hello");
/// # Ok::<(), covet_json::Error>(())
/// ```
#[inline]
pub fn from_str<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T> {
    let mut de = Deserializer::from_str(json);
    let value = T::deserialize(&mut de)?;
    de.end()?;
    Ok(value)
}

/// Decodes a value from a reader, in blocks of up to 64 KiB; there is no need for a `BufReader`.
///
/// Reads to the end of the input, because only whitespace may follow the value. Memory is one block, or the longest string if that is
/// longer, besides what `T` holds.
///
/// # Errors
///
/// As [`from_slice`], and when the reader fails.
///
/// ```
/// let file: &[u8] = br#"{"a": 1}"#; // anything that is `io::Read`
/// let map: std::collections::BTreeMap<String, u8> = covet_json::from_reader(file)?;
/// assert_eq!(map["a"], 1);
/// # Ok::<(), covet_json::Error>(())
/// ```
pub fn from_reader<R: io::Read, T: DeserializeOwned>(reader: R) -> Result<T> {
    let mut de = Deserializer::from_reader(reader);
    let value = T::deserialize(&mut de)?;
    de.end()?;
    Ok(value)
}

/// A serde deserializer for JSON text, for uses that [`from_slice`] and its kin do not cover: seeds, several values in a row, text
/// that follows.
///
/// ```
/// use serde::Deserialize;
///
/// let mut de = covet_json::Deserializer::from_str("[1, 2] true");
/// assert_eq!(<Vec<u8>>::deserialize(&mut de)?, [1, 2]);
/// assert_eq!(de.byte_offset(), 6);
/// assert!(bool::deserialize(&mut de)?);
/// de.end()?;
/// # Ok::<(), covet_json::Error>(())
/// ```
#[derive(Debug)]
pub struct Deserializer<R> {
    pub(crate) read: R,
    /// Next byte of the window.
    pub(crate) pos: usize,
    /// Where the scalar read last began.
    token: usize,
    /// Arrays and objects open now.
    depth: usize,
    limits: Limits,
    /// The text of strings that have escapes.
    scratch: String,
}

impl<'de> Deserializer<SliceRead<'de>> {
    /// Reads from bytes.
    #[must_use]
    #[inline]
    pub fn from_slice(json: &'de [u8]) -> Self {
        Deserializer::with_limits(SliceRead::new(json), Limits::DEFAULT)
    }

    /// Reads from text.
    #[must_use]
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "serde_json's name; `FromStr` cannot borrow from the text")]
    pub fn from_str(json: &'de str) -> Self {
        Deserializer::with_limits(SliceRead::from_str(json), Limits::DEFAULT)
    }
}

impl<R: io::Read> Deserializer<IoRead<R>> {
    /// Reads from a reader, in blocks; bytes behind the value may be taken from the reader.
    #[must_use]
    pub fn from_reader(reader: R) -> Self {
        Deserializer::with_limits(IoRead::new(reader), Limits::DEFAULT)
    }
}

impl<'de, R: Read<'de>> Deserializer<R> {
    #[inline]
    pub(crate) fn with_limits(mut read: R, limits: Limits) -> Self {
        read.set_strict(limits.is_strict());
        Deserializer { read, pos: 0, token: 0, depth: 0, limits, scratch: String::new() }
    }

    /// Checks that nothing but whitespace follows.
    ///
    /// # Errors
    ///
    /// Something does, or the reader fails.
    #[inline]
    pub fn end(&mut self) -> Result<()> {
        let byte = self.peek()?;
        if byte != 0 || !self.at_end() { Err(self.error(Code::TrailingCharacters)) } else { Ok(()) }
    }

    /// How many bytes of the input have been decoded. Behind a value, that is the end of its text.
    pub fn byte_offset(&self) -> usize {
        self.read.offset(self.pos)
    }

    /// Decodes the values of the input one after the other, as an iterator.
    ///
    /// ```
    /// let values = covet_json::Deserializer::from_str("1 2\n[3]").into_iter::<serde_json::Value>();
    /// assert_eq!(values.collect::<Result<Vec<_>, _>>()?.len(), 3);
    /// # Ok::<(), covet_json::Error>(())
    /// ```
    #[expect(
        clippy::should_implement_trait,
        reason = "serde_json's name and shape; the type of the values is chosen here"
    )]
    pub fn into_iter<T: Deserialize<'de>>(self) -> Values<'de, R, T> {
        Values::new(self, PhantomData)
    }

    /// Whether the input ends at the place where the parser is. Only meaningful after [`Self::peek`] said 0.
    #[inline]
    pub(crate) fn at_end(&self) -> bool {
        self.pos >= self.read.window().len()
    }

    /// How far it is over `taken` bytes and the line break after them, and the byte there, if it can be taken without questions.
    #[inline(always)]
    fn quick_line(&self, taken: usize) -> Option<(usize, u8)> {
        let (len, byte) = line_break(self.read.quick().get(self.pos + taken..)?)?;
        Some((taken + len, byte))
    }

    /// Skips whitespace and returns the next byte without taking it; 0 at the end.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Result<u8> {
        if let Some(&byte) = self.read.window().get(self.pos)
            && byte > b' '
        {
            return Ok(byte);
        }
        match self.peek_behind_space() {
            Ok(byte) => Ok(byte as u8),
            Err(error) => Err(error),
        }
    }

    /// As wide as the error, so that the result fits in two registers.
    #[inline(never)]
    fn peek_behind_space(&mut self) -> Result<usize> {
        loop {
            let rest = self.read.window().get(self.pos..).unwrap_or_default();
            if let Some((len, byte)) = line_break(rest) {
                self.pos += len;
                return Ok(usize::from(byte));
            }
            let skipped = space_run(rest);
            let byte = rest.get(skipped).copied();
            self.pos += skipped;
            if let Some(byte) = byte {
                return Ok(usize::from(byte));
            }
            if !self.refill()? {
                return Ok(0);
            }
        }
    }

    /// Gets more bytes, keeping those from `pos` on. `false` at the end of the input.
    #[inline(always)]
    fn refill(&mut self) -> Result<bool> {
        if !R::STREAMING {
            return Ok(false);
        }
        match self.read.more(self.pos)? {
            Some(dropped) => {
                self.pos -= dropped;
                self.token = self.token.saturating_sub(dropped);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Whether the window holds at least `len` bytes from `pos` on, after getting more if that helps.
    #[inline(always)]
    fn ensure(&mut self, len: usize) -> Result<bool> {
        loop {
            if self.read.window().len() - self.pos >= len {
                return Ok(true);
            }
            if !self.refill()? {
                return Ok(false);
            }
        }
    }

    /// Takes a literal, of which the first byte was seen.
    #[inline]
    fn literal(&mut self, text: &'static [u8]) -> Result<()> {
        if R::STREAMING {
            self.ensure(text.len())?;
        }
        if self.read.window().get(self.pos..self.pos + text.len()) == Some(text) {
            self.token = self.pos;
            self.pos += text.len();
            return Ok(());
        }
        Err(self.bad_literal(text))
    }

    #[cold]
    fn bad_literal(&mut self, text: &'static [u8]) -> Error {
        let rest = self.read.window().get(self.pos..).unwrap_or_default();
        let matching = rest.iter().zip(text).take_while(|(a, b)| a == b).count();
        let code = if matching == rest.len() { Code::EofInValue } else { Code::ExpectedLiteral };
        self.error_at(code, self.pos + matching)
    }

    /// Opens an array or object whose bracket was seen.
    #[inline(always)]
    pub(crate) fn enter(&mut self) -> Result<()> {
        if self.depth >= self.limits.max_depth {
            return Err(self.error(Code::DepthLimit(self.limits.max_depth)));
        }
        self.depth += 1;
        self.pos += 1;
        Ok(())
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.read.set_strict(limits.is_strict());
        self.limits = limits;
    }

    /// Forgets containers that something else will close.
    pub(crate) fn leave_many(&mut self, count: usize) {
        self.depth -= count;
    }

    /// Takes the bracket that was seen, and closes what it closes.
    #[inline(always)]
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
        self.pos += 1;
    }

    /// An error at the place where the parser is.
    #[cold]
    #[inline(never)]
    pub(crate) fn error(&self, code: Code) -> Error {
        self.error_at(code, self.pos)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn error_at(&self, code: Code, at: usize) -> Error {
        self.read.position(at).error(code)
    }

    /// The error for a byte that does not fit; `at_eof` if there is none.
    #[cold]
    #[inline(never)]
    pub(crate) fn unexpected(&self, code: Code, at_eof: Code) -> Error {
        self.error(if self.at_end() { at_eof } else { code })
    }

    /// Gives an error of the visitor the position of the scalar that it refused.
    #[cold]
    #[inline(never)]
    fn fix_token(&self, error: Error) -> Error {
        self.read.position(self.token).place(error)
    }

    /// Gives an error of the visitor the place where the parser is.
    #[cold]
    #[inline(never)]
    fn fix(&self, error: Error) -> Error {
        self.read.position(self.pos).place(error)
    }
}

/// The length of what most often stands between tokens, and the byte behind it: a line break and up to 31 spaces, or spaces alone.
#[inline(always)]
fn line_break(rest: &[u8]) -> Option<(usize, u8)> {
    let shape = rest.first_chunk::<{ 1 + 2 * BLOCK }>()?;
    if !matches!(shape[0], b'\n' | b' ') {
        return None;
    }
    let low = blank_mask(shape[1..].first_chunk()?);
    let high = blank_mask(shape[1 + BLOCK..].first_chunk()?);
    // The bit behind both blocks is never set, so that there is no index beyond them.
    let count = (!(low | high << BLOCK)).trailing_zeros() as usize;
    let byte = *shape.get(1 + count)?;
    (byte > b' ').then_some((1 + count, byte))
}
