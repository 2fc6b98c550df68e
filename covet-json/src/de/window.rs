//! A buffer that moves over a stream of bytes: what [`IoRead`] fills from a reader and a feed fills by hand.

#![forbid(unsafe_code)]

use std::io;

use super::read::{Position, Read, Reference, private};
use crate::arch::text::{Run, plain_key, plain_str, validate};
use crate::error::{Code, Error, Result};

/// First size of the buffer: small bodies need no more.
const FIRST: usize = 4 << 10;
/// Least that is asked of a reader which hands out a few bytes at a time.
const LEAST: usize = 64;
/// Size up to which the buffer grows because the input goes on; beyond that it grows only for one token that needs it.
const BLOCK: usize = 64 << 10;

/// The window, and what is remembered of the bytes that have left it.
#[derive(Debug)]
pub(crate) struct Window {
    /// The window; its spare capacity is the room for more.
    buffer: Vec<u8>,
    /// How much to ask a reader for: room is cleared before it is offered, which must not cost more than what comes.
    ask: usize,
    /// Position of the first byte of the window.
    base: Position,
    /// Bytes from here on must stay; `usize::MAX` if none must.
    pinned: usize,
    /// The keys that lead to the place where the parser is, the outermost first.
    keys: Vec<Key>,
    /// Raw text of those that have left the window.
    left: Vec<u8>,
    /// Whether there are limits for which tokens must be looked at one by one.
    strict: bool,
}

/// A key on the way to the place where the parser is.
#[derive(Clone, Copy, Debug)]
struct Key {
    /// Where its text is: offsets in the input, or indexes of `left` once it has left the window.
    start: usize,
    end: usize,
    left: bool,
}

impl Window {
    pub(crate) fn new() -> Window {
        Window {
            buffer: Vec::new(),
            ask: FIRST,
            base: Position::START,
            pinned: usize::MAX,
            keys: Vec::new(),
            left: Vec::new(),
            strict: false,
        }
    }

    #[inline(always)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Bytes that were in the window so far.
    pub(crate) fn total(&self) -> usize {
        self.base.offset + self.buffer.len()
    }

    /// Makes room for at least one byte; bytes before `keep` may go. Returns how many went.
    fn make_room(&mut self, keep: usize) -> usize {
        let keep = keep.min(self.pinned).min(self.buffer.len());
        // A full buffer says that the input is longer than it.
        let (len, capacity) = (self.buffer.len(), self.buffer.capacity());
        let full = len == capacity;
        let mut dropped = 0;
        if keep == len || (full && keep >= len / 2) {
            dropped = keep;
            self.forget(keep);
        }
        if (full && capacity < BLOCK) || self.buffer.len() == capacity {
            self.buffer.reserve_exact((capacity * 2).max(FIRST) - self.buffer.len());
        }
        dropped
    }

    /// Drops the first bytes and remembers where that leads.
    fn forget(&mut self, count: usize) {
        self.save_keys(count);
        self.base = self.base.after(&self.buffer[..count]);
        self.buffer.drain(..count);
        if self.pinned != usize::MAX {
            self.pinned -= count;
        }
    }

    /// Reads into the room, `most` bytes at most; returns how many.
    fn read(&mut self, reader: &mut impl io::Read, most: usize) -> io::Result<usize> {
        let len = self.buffer.len();
        let room = (self.buffer.capacity() - len).min(most).min(self.ask);
        self.buffer.resize(len + room, 0);
        let read = loop {
            match reader.read(&mut self.buffer[len..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let read = read.map(|read| read.min(room));
        let got = *read.as_ref().unwrap_or(&0);
        self.buffer.truncate(len + got);
        if got == self.ask {
            self.ask = (self.ask * 2).min(BLOCK);
        } else if got < self.ask / 4 {
            self.ask = (self.ask / 2).max(LEAST);
        }
        read
    }

    /// Appends bytes, dropping those before `keep` if that saves memory. Returns how many were dropped.
    pub(crate) fn push(&mut self, keep: usize, bytes: &[u8]) -> usize {
        let keep = keep.min(self.buffer.len());
        // Moving the rest to the front costs no more than the bytes that were consumed.
        let dropped = if keep >= self.buffer.len() - keep { keep } else { 0 };
        if dropped > 0 {
            self.forget(dropped);
        }
        self.buffer.extend_from_slice(bytes);
        dropped
    }

    fn text(&self, start: usize, end: usize) -> Result<&str, usize> {
        validate(&self.bytes()[start..end]).map_err(|valid| start + valid)
    }

    pub(crate) fn position(&self, at: usize) -> Position {
        self.base.after(&self.buffer[..at.min(self.buffer.len())])
    }

    fn pin(&mut self, at: usize) {
        self.pinned = at;
    }

    fn unpin(&mut self) -> usize {
        std::mem::replace(&mut self.pinned, usize::MAX)
    }

    #[inline(always)]
    fn remember_key(&mut self, start: usize, end: usize) -> usize {
        let mark = self.keys.len();
        self.keys.push(Key { start: self.base.offset + start, end: self.base.offset + end, left: false });
        mark
    }

    /// Copies the keys that start in the first `count` bytes, which are about to be dropped.
    fn save_keys(&mut self, count: usize) {
        let kept = self.keys.iter().rev().find(|key| key.left).map_or(0, |key| key.end);
        self.left.truncate(kept);
        let base = self.base.offset;
        for key in &mut self.keys {
            if !key.left && key.start < base + count {
                let text = self.buffer.get(key.start - base..key.end - base).unwrap_or_default();
                let start = self.left.len();
                self.left.extend_from_slice(text);
                *key = Key { start, end: self.left.len(), left: true };
            }
        }
    }

    fn key(&self, mark: usize) -> &[u8] {
        let text = self.keys.get(mark).and_then(|key| {
            if key.left { self.left.get(key.start..key.end) } else { self.buffer.get(key.start - self.base.offset..) }
        });
        text.unwrap_or_default()
    }

    #[inline(always)]
    fn forget_key(&mut self, mark: usize) {
        self.keys.truncate(mark);
    }
}

/// The parts of [`Read`] that every source with a window shares.
macro_rules! read_window {
    () => {
        const STREAMING: bool = true;

        #[inline(always)]
        fn window(&self) -> &[u8] {
            self.window.bytes()
        }

        #[inline(always)]
        fn quick(&self) -> &[u8] {
            if self.window.strict { &[] } else { self.window.bytes() }
        }

        fn set_strict(&mut self, strict: bool) {
            self.window.strict = strict;
        }

        #[inline(always)]
        fn quick_key<'s>(&'s self, at: usize) -> Option<(Reference<'de, 's>, usize)> {
            plain_key(Read::quick(self).get(at..)?).map(|(key, len)| (Reference::Copied(key), len))
        }

        #[inline(always)]
        fn quick_str<'s>(&'s self, at: usize) -> Option<Reference<'de, 's>> {
            plain_str(Read::quick(self).get(at..)?).map(Reference::Copied)
        }

        #[inline(always)]
        fn run<'s>(&'s self, start: usize) -> (usize, Option<Reference<'de, 's>>) {
            let Some(rest) = self.window.bytes().get(start..) else { return (0, None) };
            let run = Run::scan(rest);
            (run.len(), run.ascii().map(Reference::Copied))
        }

        #[inline]
        fn text<'s>(&'s mut self, start: usize, end: usize) -> Result<Reference<'de, 's>, usize> {
            self.window.text(start, end).map(Reference::Copied)
        }

        fn offset(&self, at: usize) -> usize {
            self.window.base.offset + at
        }

        fn position(&self, at: usize) -> Position {
            self.window.position(at)
        }

        fn pin(&mut self, at: usize) {
            self.window.pin(at);
        }

        fn unpin(&mut self) -> usize {
            self.window.unpin()
        }

        #[inline(always)]
        fn remember_key(&mut self, start: usize, end: usize) -> usize {
            self.window.remember_key(start, end)
        }

        fn key(&self, mark: usize) -> &[u8] {
            self.window.key(mark)
        }

        #[inline(always)]
        fn forget_key(&mut self, mark: usize) {
            self.window.forget_key(mark);
        }
    };
}

/// A source that reads from an [`io::Read`] in blocks of up to 64 KiB.
///
/// It reads ahead: bytes behind the value may have been taken from the reader. A token longer than a block makes the buffer grow
/// to hold it.
#[derive(Debug)]
pub struct IoRead<R> {
    reader: R,
    window: Window,
    /// Bytes that may come at most.
    max_bytes: usize,
    /// Offset that the current element of a stream may reach, and its limit.
    element_end: usize,
    max_element: usize,
}

impl<R: io::Read> IoRead<R> {
    pub(crate) fn new(reader: R) -> IoRead<R> {
        IoRead {
            reader,
            window: Window::new(),
            max_bytes: usize::MAX,
            element_end: usize::MAX,
            max_element: usize::MAX,
        }
    }

    pub(crate) fn set_max_bytes(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
    }

    /// Nothing may be read once the offset `end` was reached, because of a limit of `max_element` bytes; `usize::MAX` lifts it.
    pub(crate) fn limit_element(&mut self, end: usize, max_element: usize) {
        self.element_end = end;
        self.max_element = max_element;
    }
}

impl<R> private::Sealed for IoRead<R> {}

impl<'de, R: io::Read> Read<'de> for IoRead<R> {
    read_window!();

    #[cold]
    fn more(&mut self, keep: usize) -> Result<Option<usize>> {
        // The element goes on behind the window.
        if self.window.total() >= self.element_end {
            let at = self.window.bytes().len();
            return Err(self.window.position(at).error(Code::ElementLimit(self.max_element)));
        }
        let dropped = self.window.make_room(keep);
        let left = self.max_bytes - self.window.total();
        // One byte more than may come tells an input of the limit's length from a longer one.
        let len = self.window.read(&mut self.reader, left.saturating_add(1)).map_err(Error::io)?;
        if len > left {
            let at = self.window.bytes().len();
            return Err(self.window.position(at).error(Code::BytesLimit(self.max_bytes)));
        }
        if len == 0 && dropped == 0 {
            return Ok(None);
        }
        Ok(Some(dropped))
    }
}

/// A source whose bytes are pushed in; when it runs dry before the end it answers [`Code::Starved`].
#[derive(Debug)]
pub(crate) struct FeedRead {
    pub(crate) window: Window,
    pub(crate) finished: bool,
}

impl FeedRead {
    pub(crate) fn new() -> FeedRead {
        FeedRead { window: Window::new(), finished: false }
    }
}

impl private::Sealed for FeedRead {}

impl<'de> Read<'de> for FeedRead {
    read_window!();

    fn more(&mut self, _keep: usize) -> Result<Option<usize>> {
        if self.finished { Ok(None) } else { Err(Error::new(Code::Starved)) }
    }
}
