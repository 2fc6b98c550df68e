//! Where the parser's bytes come from: a slice, or a window that moves over a reader.

#![forbid(unsafe_code)]
#![allow(unnameable_types, reason = "the sealed trait has them in hidden methods")]

use crate::arch::text::{Run, Text, plain_key, plain_str};
use crate::error::{Code, Error, Result};

/// A source of JSON text for [`Deserializer`](crate::Deserializer): [`SliceRead`] or [`IoRead`](crate::IoRead).
///
/// The trait is sealed; it is public so that generic code can name it.
pub trait Read<'de>: private::Sealed {
    /// Whether the window can move.
    #[doc(hidden)]
    const STREAMING: bool;

    /// The bytes at hand.
    #[doc(hidden)]
    fn window(&self) -> &[u8];

    /// The bytes at hand if none of them has to be held against a limit, and nothing otherwise: what follows the most frequent
    /// shapes is taken from here without further questions.
    #[doc(hidden)]
    fn quick(&self) -> &[u8];

    /// Whether [`Self::quick`] is empty.
    #[doc(hidden)]
    fn set_strict(&mut self, strict: bool);

    /// A plain key at `at` with its colon, whose quote was seen, and the length of both.
    #[doc(hidden)]
    fn quick_key<'s>(&'s self, at: usize) -> Option<(Reference<'de, 's>, usize)>;

    /// A plain string at `at`.
    #[doc(hidden)]
    fn quick_str<'s>(&'s self, at: usize) -> Option<Reference<'de, 's>>;

    /// The plain string content at `start`: its length, and its text if all of it is ASCII.
    #[doc(hidden)]
    fn run<'s>(&'s self, start: usize) -> (usize, Option<Reference<'de, 's>>);

    /// `start..end` of the window as text, or the index of the first byte that is not UTF-8.
    #[doc(hidden)]
    fn text<'s>(&'s mut self, start: usize, end: usize) -> Result<Reference<'de, 's>, usize>;

    /// Gets more bytes behind the window, perhaps dropping some before `keep`. Returns how many were dropped, or `None` at the end.
    #[doc(hidden)]
    fn more(&mut self, keep: usize) -> Result<Option<usize>>;

    /// Offset in the input of an index of the window.
    #[doc(hidden)]
    fn offset(&self, at: usize) -> usize;

    /// Line and column (from 1) and offset (from 0) of an index of the window; counts the lines in front of it.
    #[doc(hidden)]
    fn position(&self, at: usize) -> Position;

    /// Holds on to the bytes from `at` until [`Read::unpin`], which returns where they are then.
    #[doc(hidden)]
    fn pin(&mut self, at: usize);

    /// See [`Read::pin`].
    #[doc(hidden)]
    fn unpin(&mut self) -> usize;

    /// Remembers the key at `start..end` for error paths, until [`Read::forget_key`].
    #[doc(hidden)]
    fn remember_key(&mut self, start: usize, end: usize) -> usize;

    /// Bytes that start with the remembered key.
    #[doc(hidden)]
    fn key(&self, mark: usize) -> &[u8];

    /// See [`Read::remember_key`].
    #[doc(hidden)]
    fn forget_key(&mut self, mark: usize);
}

pub(crate) mod private {
    pub trait Sealed {}
}

/// Text that outlives the source, or that is valid until the parser goes on.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Reference<'de, 's> {
    /// Part of the input.
    Borrowed(&'de str),
    /// Part of a buffer.
    Copied(&'s str),
}

impl Reference<'_, '_> {
    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Reference::Borrowed(text) => text,
            Reference::Copied(text) => text,
        }
    }
}

/// A place in the input.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) offset: usize,
}

impl Position {
    pub(crate) const START: Position = Position { line: 1, column: 1, offset: 0 };

    /// The position behind `bytes`, which start here.
    pub(crate) fn after(self, bytes: &[u8]) -> Position {
        let lines = memchr::memchr_iter(b'\n', bytes).count();
        let column = match memchr::memrchr(b'\n', bytes) {
            Some(newline) => bytes.len() - newline,
            None => self.column + bytes.len(),
        };
        Position { line: self.line + lines, column, offset: self.offset + bytes.len() }
    }

    #[cold]
    pub(crate) fn error(self, code: Code) -> Error {
        self.place(Error::new(code))
    }

    /// Gives an error this position, unless it has one.
    #[cold]
    pub(crate) fn place(self, error: Error) -> Error {
        error.at(self.line, self.column, self.offset)
    }
}

/// A source that is a slice of bytes; strings without escapes are borrowed from it.
#[derive(Clone, Debug)]
pub struct SliceRead<'de> {
    text: Text<'de>,
    quick: &'de [u8],
    pinned: usize,
}

impl<'de> SliceRead<'de> {
    pub(crate) fn new(bytes: &'de [u8]) -> SliceRead<'de> {
        SliceRead { text: Text::unchecked(bytes), quick: bytes, pinned: 0 }
    }

    pub(crate) fn from_str(text: &'de str) -> SliceRead<'de> {
        SliceRead { text: Text::from_str(text), quick: text.as_bytes(), pinned: 0 }
    }

    /// `start..end` as text, borrowed from the input.
    pub(crate) fn slice(&mut self, start: usize, end: usize) -> Result<&'de str, usize> {
        self.text.slice(start, end)
    }
}

impl private::Sealed for SliceRead<'_> {}

impl<'de> Read<'de> for SliceRead<'de> {
    const STREAMING: bool = false;

    #[inline(always)]
    fn window(&self) -> &[u8] {
        self.text.bytes()
    }

    #[inline(always)]
    fn quick(&self) -> &[u8] {
        self.quick
    }

    #[inline]
    fn set_strict(&mut self, strict: bool) {
        self.quick = if strict { &[] } else { self.text.bytes() };
    }

    #[inline(always)]
    fn quick_key<'s>(&'s self, at: usize) -> Option<(Reference<'de, 's>, usize)> {
        plain_key(self.quick.get(at..)?).map(|(key, len)| (Reference::Borrowed(key), len))
    }

    #[inline(always)]
    fn quick_str<'s>(&'s self, at: usize) -> Option<Reference<'de, 's>> {
        plain_str(self.quick.get(at..)?).map(Reference::Borrowed)
    }

    #[inline(always)]
    fn run<'s>(&'s self, start: usize) -> (usize, Option<Reference<'de, 's>>) {
        let Some(rest) = self.text.bytes().get(start..) else { return (0, None) };
        let run = Run::scan(rest);
        (run.len(), run.ascii().map(Reference::Borrowed))
    }

    #[inline]
    fn text<'s>(&'s mut self, start: usize, end: usize) -> Result<Reference<'de, 's>, usize> {
        self.text.slice(start, end).map(Reference::Borrowed)
    }

    #[inline(always)]
    fn more(&mut self, _keep: usize) -> Result<Option<usize>> {
        Ok(None)
    }

    #[inline]
    fn offset(&self, at: usize) -> usize {
        at
    }

    fn position(&self, at: usize) -> Position {
        let bytes = self.text.bytes();
        Position::START.after(&bytes[..at.min(bytes.len())])
    }

    #[inline(always)]
    fn pin(&mut self, at: usize) {
        self.pinned = at;
    }

    #[inline(always)]
    fn unpin(&mut self) -> usize {
        self.pinned
    }

    #[inline(always)]
    fn remember_key(&mut self, start: usize, _end: usize) -> usize {
        start
    }

    fn key(&self, mark: usize) -> &[u8] {
        self.text.bytes().get(mark..).unwrap_or_default()
    }

    #[inline(always)]
    fn forget_key(&mut self, _mark: usize) {}
}
