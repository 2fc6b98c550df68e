//! Elements out of a reader, as iterators.

use std::io;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::MAX_ELEMENT;
use super::walk::Walk;
use crate::de::{DecodeOptions, Deserializer, IoRead, Read as _};
use crate::error::{Code, Error, Result};

/// What both iterators are: a walk over a reader.
#[derive(Debug)]
struct Source<R> {
    de: Deserializer<IoRead<R>>,
    walk: Walk,
    max_element: usize,
}

impl<R: io::Read> Source<R> {
    fn new(reader: R, walk: Walk) -> Source<R> {
        Source { de: Deserializer::from_reader(reader), walk, max_element: MAX_ELEMENT }
    }

    fn set_options(&mut self, options: &DecodeOptions) {
        self.de.set_limits(options.limits);
        self.de.read.set_max_bytes(options.max_bytes);
    }

    fn next<T: DeserializeOwned>(&mut self) -> Option<Result<T>> {
        if self.walk.is_done() {
            return None;
        }
        match self.try_next() {
            Ok(None) => None,
            Ok(Some(value)) => Some(Ok(value)),
            Err(error) => {
                self.walk.stop();
                Some(Err(error))
            }
        }
    }

    fn try_next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        if !self.walk.next(&mut self.de)? {
            return Ok(None);
        }
        let byte = self.de.peek()?;
        let start = self.de.read.offset(self.de.pos);
        self.de.read.limit_element(start.saturating_add(self.max_element), self.max_element);
        let result = T::deserialize(&mut self.de);
        self.de.read.limit_element(usize::MAX, 0);
        let value = result.map_err(|error| self.walk.inside_element(error))?;
        // The source only checks between blocks.
        if self.de.read.offset(self.de.pos) - start > self.max_element {
            return Err(self.walk.inside_element(self.de.error(Code::ElementLimit(self.max_element))));
        }
        if self.walk.is_values() && !matches!(byte, b'[' | b'{' | b'"') {
            self.de.check_delimiter()?;
        }
        Ok(Some(value))
    }
}

/// The methods of an iterator over a source, and the iterator itself.
macro_rules! source_iterator {
    ($name:ident, $options:literal, $max_element:literal) => {
        impl<R: io::Read, T: DeserializeOwned> $name<R, T> {
            #[doc = $options]
            #[must_use]
            pub fn options(mut self, options: &DecodeOptions) -> Self {
                self.source.set_options(options);
                self
            }

            #[doc = $max_element]
            #[must_use]
            pub fn max_element(mut self, bytes: usize) -> Self {
                self.source.max_element = bytes;
                self
            }
        }

        impl<R: io::Read, T: DeserializeOwned> Iterator for $name<R, T> {
            type Item = Result<T, Error>;

            #[inline]
            fn next(&mut self) -> Option<Result<T, Error>> {
                self.source.next()
            }
        }

        impl<R: io::Read, T: DeserializeOwned> FusedIterator for $name<R, T> {}
    };
}

/// An iterator over the elements of one array, which is decoded while it is read.
///
/// The array is the document, or stands at a pointer inside of it. Everything is validated, including what stands around the array;
/// the iterator only ends with `None` when the whole document was read. An error is the last item.
///
/// ```
/// use covet_json::stream::ArrayReader;
///
/// let file: &[u8] = br#"{"count": 3, "items": [{"n": 1}, {"n": 2}, {"n": 4}]}"#;
/// let mut sum = 0;
/// for item in ArrayReader::<_, std::collections::HashMap<String, u32>>::at(file, "/items") {
///     sum += item?["n"];
/// }
/// assert_eq!(sum, 7);
/// # Ok::<(), covet_json::Error>(())
/// ```
#[derive(Debug)]
pub struct ArrayReader<R, T> {
    source: Source<R>,
    element: PhantomData<fn() -> T>,
}

impl<R: io::Read, T: DeserializeOwned> ArrayReader<R, T> {
    /// Elements of a document that is an array.
    #[must_use]
    pub fn new(reader: R) -> ArrayReader<R, T> {
        ArrayReader::at(reader, "")
    }

    /// Elements of the array at an RFC 6901 pointer. Where a key occurs more than once, the first is followed.
    #[must_use]
    pub fn at(reader: R, pointer: &str) -> ArrayReader<R, T> {
        ArrayReader { source: Source::new(reader, Walk::array(pointer)), element: PhantomData }
    }
}

source_iterator! {
    ArrayReader,
    "Sets limits; `max_items` holds for the streamed array too, `trailing` has no effect.",
    "How many bytes one element may have; 16 MiB by default."
}

/// An iterator over values that stand one after the other: NDJSON, JSON Lines, or documents without anything between them.
///
/// Any whitespace separates values, so a value may also span lines. An error is the last item.
///
/// ```
/// use covet_json::stream::LinesReader;
///
/// let log: &[u8] = b"{\"level\": 1}\n{\"level\": 3}\n";
/// let lines = LinesReader::<_, std::collections::HashMap<String, u8>>::new(log);
/// assert_eq!(lines.filter_map(Result::ok).map(|line| line["level"]).max(), Some(3));
/// ```
#[derive(Debug)]
pub struct LinesReader<R, T> {
    source: Source<R>,
    value: PhantomData<fn() -> T>,
}

impl<R: io::Read, T: DeserializeOwned> LinesReader<R, T> {
    /// Values from a reader.
    #[must_use]
    pub fn new(reader: R) -> LinesReader<R, T> {
        LinesReader { source: Source::new(reader, Walk::values()), value: PhantomData }
    }
}

source_iterator! {
    LinesReader,
    "Sets limits; `max_bytes` holds for the whole input, `trailing` has no effect.",
    "How many bytes one value may have; 16 MiB by default."
}
