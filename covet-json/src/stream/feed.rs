//! Elements out of bytes that are pushed in.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::MAX_ELEMENT;
use super::walk::Walk;
use crate::de::{DecodeOptions, Deserializer, FeedRead, Limits, Skip};
use crate::error::{Code, Error, Result};

/// Decodes elements from bytes that arrive in pieces, such as the chunks of a request body.
///
/// Push what has arrived, pull elements until there are none, and [`finish`](Feed::finish) at the end. Pieces may end anywhere, in
/// the middle of an escape or of a character. What is kept between calls is one element that is not whole yet.
///
/// ```
/// use covet_json::stream::Feed;
///
/// let mut feed = Feed::<(String, u8)>::array();
/// let mut pairs = Vec::new();
/// for piece in [r#"[["a", 1], ["b"#, r#"", 2"#, "], [\"c\", 3]]"] {
///     feed.push(piece.as_bytes())?;
///     while let Some(pair) = feed.pull() {
///         pairs.push(pair?);
///     }
/// }
/// feed.finish();
/// assert!(feed.pull().is_none() && feed.is_done());
/// assert_eq!(pairs.len(), 3);
/// # Ok::<(), covet_json::Error>(())
/// ```
#[derive(Debug)]
pub struct Feed<T> {
    de: Deserializer<FeedRead>,
    walk: Walk,
    /// The element that is not whole yet: where it starts, and how far it was looked at.
    element: Option<Element>,
    max_element: usize,
    max_bytes: usize,
    failed: bool,
    output: PhantomData<fn() -> T>,
}

/// An element in the window.
#[derive(Debug)]
struct Element {
    start: usize,
    skip: Skip,
    /// Whether `pos` is behind it.
    whole: bool,
    /// Whether it ends only where something else begins.
    open_ended: bool,
}

impl<T: DeserializeOwned> Feed<T> {
    /// The elements of a document that is an array.
    #[must_use]
    pub fn array() -> Feed<T> {
        Feed::array_at("")
    }

    /// The elements of the array at an RFC 6901 pointer. Where a key occurs more than once, the first is followed.
    #[must_use]
    pub fn array_at(pointer: &str) -> Feed<T> {
        Feed::new(Walk::array(pointer))
    }

    /// Values that stand one after the other, such as NDJSON.
    #[must_use]
    pub fn lines() -> Feed<T> {
        Feed::new(Walk::values())
    }

    fn new(walk: Walk) -> Feed<T> {
        Feed {
            de: Deserializer::with_limits(FeedRead::new(), Limits::DEFAULT),
            walk,
            element: None,
            max_element: MAX_ELEMENT,
            max_bytes: usize::MAX,
            failed: false,
            output: PhantomData,
        }
    }

    /// Sets limits; `trailing` has no effect.
    #[must_use]
    pub fn options(mut self, options: &DecodeOptions) -> Self {
        self.de.set_limits(options.limits);
        self.max_bytes = options.max_bytes;
        self
    }

    /// How many bytes one element may have, and one token on the way to the array; 16 MiB by default.
    #[must_use]
    pub fn max_element(mut self, bytes: usize) -> Self {
        self.max_element = bytes;
        self
    }

    /// Takes the next piece of the document. Costs a copy of the piece, and of what is kept.
    ///
    /// # Errors
    ///
    /// The document exceeds the limit on its bytes. An element that exceeds its limit is reported by [`pull`](Feed::pull).
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() > self.max_bytes.saturating_sub(self.de.read.window.total()) {
            self.failed = true;
            let at = self.de.read.window.bytes().len();
            return Err(self.de.error_at(Code::BytesLimit(self.max_bytes), at));
        }
        let keep = self.element.as_ref().map_or(self.de.pos, |element| element.start);
        let dropped = self.de.read.window.push(keep, bytes);
        self.de.pos -= dropped;
        if let Some(element) = &mut self.element {
            element.start -= dropped;
        }
        Ok(())
    }

    /// Says that nothing more will come: from now on [`pull`](Feed::pull) reports a document that is cut off.
    pub fn finish(&mut self) {
        self.de.read.finished = true;
    }

    /// The next element, if the bytes pushed so far hold one. After an error there are no more.
    pub fn pull(&mut self) -> Option<Result<T, Error>> {
        if self.failed || self.walk.is_done() {
            return None;
        }
        match self.try_pull() {
            Ok(value) => value.map(Ok),
            Err(error) if error.is_starved() => {
                // What is held for one element or token may not grow for ever.
                let start = self.element.as_ref().map_or(self.de.pos, |element| element.start);
                if self.de.read.window.bytes().len() - start <= self.max_element {
                    return None;
                }
                self.failed = true;
                Some(Err(self.limit_error()))
            }
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }

    /// Whether the document has ended as it should. A feed that was dropped or finished before that saw a truncated document.
    #[must_use]
    pub fn is_done(&self) -> bool {
        !self.failed && self.walk.is_done()
    }

    /// After a failure of the source: there are no more elements.
    #[cfg(feature = "async")]
    pub(super) fn abandon(&mut self) {
        self.failed = true;
    }

    fn limit_error(&self) -> Error {
        self.walk.inside_element(self.de.error(Code::ElementLimit(self.max_element)))
    }

    fn try_pull(&mut self) -> Result<Option<T>> {
        if self.element.is_none() {
            if !self.walk.next(&mut self.de)? {
                return Ok(None);
            }
            // The walk stops before the element, or before the whitespace in front of it.
            let byte = self.de.peek()?;
            let open_ended = self.walk.is_values() && !matches!(byte, b'[' | b'{' | b'"');
            self.element = Some(Element { start: self.de.pos, skip: Skip::default(), whole: false, open_ended });
        }
        let Some(element) = &mut self.element else { return Ok(None) };
        // Whether the element is whole is found by skipping it, which goes on where it ran dry; then it is decoded.
        if !element.whole {
            let skipped = self.de.skip_on(&mut element.skip);
            skipped.map_err(|error| if error.is_starved() { error } else { self.walk.inside_element(error) })?;
            element.whole = true;
        }
        if element.open_ended {
            self.de.check_delimiter()?;
        }
        let (start, end) = (element.start, self.de.pos);
        if end - start > self.max_element {
            return Err(self.limit_error());
        }
        self.de.pos = start;
        self.element = None;
        let value = T::deserialize(&mut self.de).map_err(|error| self.walk.inside_element(error))?;
        Ok(Some(value))
    }
}
