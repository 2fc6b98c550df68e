//! Arrays that are written element by element: to a writer, or as chunks for a response body.

#![forbid(unsafe_code)]

use std::fmt;
use std::io;

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use crate::error::Error;

/// Bytes that are collected before the writer sees them.
const BLOCK: usize = 32 * 1024;

/// Writes one array to an [`io::Write`], element by element, in constant memory: a block of 32 KiB and the largest element.
///
/// Only [`end`](ArrayWriter::end) closes the array. A writer that is dropped before leaves it open, so that a reader sees that the
/// document is cut short; what was not yet handed on is dropped as well.
///
/// ```
/// use covet_json::stream::ArrayWriter;
///
/// let mut array = ArrayWriter::new(Vec::new());
/// array.write("a").unwrap();
/// array.write(&1).unwrap();
/// assert_eq!(array.end().unwrap(), br#"["a",1]"#);
/// ```
pub struct ArrayWriter<W> {
    writer: W,
    block: Vec<u8>,
    /// What comes before the next element.
    separator: u8,
    /// The writer failed: how much of the block it has taken is unknown, so nothing may follow.
    broken: bool,
}

impl<W: io::Write> ArrayWriter<W> {
    /// Starts an array. Nothing is written before the first block is full or [`flush`](ArrayWriter::flush) or
    /// [`end`](ArrayWriter::end) is called.
    pub const fn new(writer: W) -> Self {
        ArrayWriter { writer, block: Vec::new(), separator: b'[', broken: false }
    }

    /// Appends an element.
    ///
    /// # Errors
    ///
    /// The element cannot be encoded: then the array is as before, and more elements can follow. Or the writer failed: then
    /// all later calls fail too.
    pub fn write<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Error> {
        self.check()?;
        append(&mut self.block, &mut self.separator, element)?;
        if self.block.len() >= BLOCK { self.hand_on() } else { Ok(()) }
    }

    /// Hands everything so far to the writer and flushes it.
    ///
    /// # Errors
    ///
    /// The writer failed; all later calls fail too.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.check()?;
        self.hand_on()?;
        self.writer.flush().map_err(Error::io)
    }

    /// Closes the array, flushes and returns the writer.
    ///
    /// # Errors
    ///
    /// The writer failed, now or before.
    pub fn end(mut self) -> Result<W, Error> {
        if self.separator == b'[' {
            self.block.push(b'[');
        }
        self.block.push(b']');
        self.flush()?;
        Ok(self.writer)
    }

    fn hand_on(&mut self) -> Result<(), Error> {
        self.broken = true;
        self.writer.write_all(&self.block).map_err(Error::io)?;
        self.broken = false;
        self.block.clear();
        // One huge element does not keep its memory for ever.
        self.block.shrink_to(4 * BLOCK);
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        if self.broken {
            return Err(Error::io(io::Error::other("an earlier write failed")));
        }
        Ok(())
    }
}

impl<W> fmt::Debug for ArrayWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayWriter").field("pending", &self.block.len()).finish_non_exhaustive()
    }
}

/// Appends the separator and the element, or nothing if the element fails.
fn append<B, T>(block: &mut B, separator: &mut u8, element: &T) -> Result<(), Error>
where
    B: crate::Buffer + Text,
    T: Serialize + ?Sized,
{
    let before = block.len();
    let mut undo = Undo { block, before };
    undo.block.push(*separator);
    crate::to_buf(undo.block, element)?;
    undo.before = undo.block.len();
    *separator = b',';
    Ok(())
}

/// Takes the separator back if the element fails or panics.
struct Undo<'a, B: Text> {
    block: &'a mut B,
    before: usize,
}

impl<B: Text> Drop for Undo<'_, B> {
    fn drop(&mut self) {
        self.block.truncate(self.before);
    }
}

/// What both buffers have under different names.
trait Text {
    fn len(&self) -> usize;
    fn push(&mut self, byte: u8);
    fn truncate(&mut self, len: usize);
}

impl Text for Vec<u8> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn push(&mut self, byte: u8) {
        Vec::push(self, byte);
    }

    fn truncate(&mut self, len: usize) {
        Vec::truncate(self, len);
    }
}

impl Text for BytesMut {
    fn len(&self) -> usize {
        BytesMut::len(self)
    }

    fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    fn truncate(&mut self, len: usize) {
        BytesMut::truncate(self, len);
    }
}

/// Encodes the elements of `iter` as one array, in chunks of `size` bytes (at least 1; the last chunk is shorter): a body for a
/// response that never is in memory whole. Memory stays constant: one chunk and the largest element.
///
/// The first element that cannot be encoded surfaces as `Err` and ends the stream. The array is then never closed, so a client
/// that has received earlier chunks sees that the document is cut short.
///
/// ```
/// let chunks: Vec<_> = covet_json::stream::encode_chunks(1..=5, 4).map(Result::unwrap).collect();
/// assert_eq!(chunks, ["[1,2", ",3,4", ",5]"]);
/// ```
pub fn encode_chunks<I>(iter: I, size: usize) -> EncodeChunks<I::IntoIter>
where
    I: IntoIterator,
    I::Item: Serialize,
{
    EncodeChunks { elements: Some(iter.into_iter()), pending: BytesMut::new(), separator: b'[', size: size.max(1) }
}

/// The iterator that [`encode_chunks`] returns.
pub struct EncodeChunks<I> {
    /// `None` when the array is closed or failed.
    elements: Option<I>,
    pending: BytesMut,
    separator: u8,
    size: usize,
}

impl<I> EncodeChunks<I> {
    fn close(&mut self) {
        self.elements = None;
        if self.separator == b'[' {
            Text::push(&mut self.pending, b'[');
        }
        Text::push(&mut self.pending, b']');
    }
}

impl<I> Iterator for EncodeChunks<I>
where
    I: Iterator,
    I::Item: Serialize,
{
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.pending.len() < self.size {
            let Some(elements) = &mut self.elements else { break };
            let Some(element) = elements.next() else {
                self.close();
                break;
            };
            if self.pending.capacity() == 0 {
                self.pending.reserve(self.size.min(4 * BLOCK));
            }
            if let Err(error) = append(&mut self.pending, &mut self.separator, &element) {
                self.elements = None;
                self.pending.clear();
                return Some(Err(error));
            }
        }
        if self.pending.is_empty() {
            return None;
        }
        let chunk = self.pending.split_to(self.size.min(self.pending.len()));
        Some(Ok(chunk.freeze()))
    }
}

impl<I> std::iter::FusedIterator for EncodeChunks<I>
where
    I: Iterator,
    I::Item: Serialize,
{
}

impl<I> fmt::Debug for EncodeChunks<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodeChunks")
            .field("pending", &self.pending.len())
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
