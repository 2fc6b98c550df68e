//! Several values in a row.

#![forbid(unsafe_code)]

use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::de::Deserialize;

use super::Deserializer;
use super::read::Read;
use crate::error::{Code, Error, Result};

/// An iterator over values that stand one after the other, made by [`Deserializer::into_iter`].
///
/// Whitespace between them is optional where a value ends by itself (`{}[]"a"`). The first error is the last item.
#[derive(Debug)]
pub struct Values<'de, R, T> {
    de: Deserializer<R>,
    offset: usize,
    failed: bool,
    output: PhantomData<fn(&'de ()) -> T>,
}

impl<'de, R: Read<'de>, T> Values<'de, R, T> {
    pub(super) fn new(de: Deserializer<R>, output: PhantomData<fn(&'de ()) -> T>) -> Self {
        let offset = de.byte_offset();
        Values { de, offset, failed: false, output }
    }

    /// Offset behind the last value that was decoded. After [`Error::is_eof`], the text from here on is what was cut off.
    #[must_use]
    pub fn byte_offset(&self) -> usize {
        self.offset
    }
}

impl<'de, R: Read<'de>, T: Deserialize<'de>> Values<'de, R, T> {
    fn next_value(&mut self) -> Result<Option<T>> {
        let first = self.de.peek()?;
        if first == 0 && self.de.at_end() {
            self.offset = self.de.byte_offset();
            return Ok(None);
        }
        let value = T::deserialize(&mut self.de)?;
        self.offset = self.de.byte_offset();
        // Numbers and literals end where something else begins.
        if !matches!(first, b'[' | b'{' | b'"') {
            self.de.check_delimiter()?;
        }
        Ok(Some(value))
    }
}

impl<'de, R: Read<'de>> Deserializer<R> {
    /// After a number or literal: the next byte must be one that cannot go on with it.
    pub(crate) fn check_delimiter(&mut self) -> Result<()> {
        self.ensure(1)?;
        match self.read.window().get(self.pos) {
            None | Some(b' ' | b'\n' | b'\t' | b'\r' | b'"' | b'[' | b']' | b'{' | b'}' | b',' | b':') => Ok(()),
            Some(_) => Err(self.error(Code::TrailingCharacters)),
        }
    }
}

impl<'de, R: Read<'de>, T: Deserialize<'de>> Iterator for Values<'de, R, T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Result<T, Error>> {
        if self.failed {
            return None;
        }
        let next = self.next_value();
        self.failed = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

impl<'de, R: Read<'de>, T: Deserialize<'de>> FusedIterator for Values<'de, R, T> {}
