//! The cursor: unchecked stores into memory that was checked once per token.
//!
//! A position travels by value, in a register, through serde's calls: [`Room`] goes in, [`Cursor`] comes back as the
//! serializer's `Ok`. It is an offset and not a pointer, so a position that is older than the last growth is still inside
//! the memory. Three invariants carry the unsafe code:
//!
//! 1. `base` is valid for writes of `cap` bytes (the sink's promise; both are replaced together).
//! 2. A `Room` has at least [`SLACK`] bytes between its position and `cap`. Only [`Out::room`] makes one, after the check.
//! 3. All bytes in front of a position that this module hands out were written, and form whole pieces of UTF-8. A position
//!    becomes a `Cursor` only by writing; `Cursor`s cannot be copied or made elsewhere.

use std::mem::size_of;

use super::int::{Pieces, padded8, pieces, trimmed8};
use super::place::Room;
use super::sink::{Sink, ignored_error};
use crate::arch::escape::{ESCAPES, copy_plain, copy_short};
use crate::error::Error;

/// Bytes that are always free behind a value's start: enough for every number, literal and short string without a check.
pub(super) const SLACK: usize = 64;

/// The longest string that needs no check: two quotes and a wide store fit behind it.
const SHORT: usize = SLACK - 16;

/// How values are set out, for the modes that ask.
#[derive(Clone, Copy)]
pub(crate) struct Layout<'s> {
    /// The text of one level of indentation; `None` writes everything on one line.
    pub(crate) indent: Option<&'s str>,
    /// Escape what could end a script element or start markup.
    pub(crate) html: bool,
}

impl Layout<'_> {
    pub(crate) const COMPACT: Layout<'static> = Layout { indent: None, html: false };
}

/// The memory being written and what stands behind it.
pub(super) struct Out<'s> {
    base: *mut u8,
    cap: usize,
    sink: &'s mut dyn Sink,
    piece: usize,
    pub(super) layout: Layout<'s>,
    pub(super) depth: usize,
    /// Something failed; whatever is written after that is thrown away.
    pub(super) failed: bool,
}

/// Where encoding goes on: the serializer's `Ok`.
pub(crate) struct Cursor(pub(super) usize);

impl<'s> Out<'s> {
    #[inline]
    pub(super) fn new(sink: &'s mut dyn Sink, layout: Layout<'s>) -> Self {
        let region = sink.start();
        let piece = sink.piece();
        Out { base: region.base, cap: region.cap, sink, piece, layout, depth: 0, failed: false }
    }

    /// The place for the document's value.
    #[inline]
    pub(super) fn begin(&mut self) -> Result<Room<'_, 's>, Error> {
        self.room(0, 0)
    }

    /// How many bytes the last region holds, unless something failed on the way.
    #[inline]
    #[allow(clippy::needless_pass_by_value, reason = "a cursor is used up")]
    pub(super) fn finish(&self, end: Cursor) -> Result<usize, Error> {
        if self.failed {
            return Err(ignored_error());
        }
        debug_assert!(end.0 <= self.cap);
        Ok(end.0)
    }

    /// A position with at least `need` bytes free: this one, or the one after growing.
    #[inline(always)]
    pub(super) fn reserve(&mut self, pos: usize, need: usize) -> Result<usize, Error> {
        // Neither exceeds `isize::MAX` by more than the slack, so the sum does not wrap.
        if pos + need > self.cap { self.grow(pos, need) } else { Ok(pos) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, pos: usize, need: usize) -> Result<usize, Error> {
        if self.failed {
            return Err(ignored_error());
        }
        // Stays set if the sink fails or panics.
        self.failed = true;
        // SAFETY: invariant 3.
        let region = unsafe { self.sink.grow(pos, need) }?;
        self.failed = false;
        debug_assert!(region.pos + need <= region.cap);
        (self.base, self.cap) = (region.base, region.cap);
        Ok(region.pos)
    }

    /// A room behind `ahead` bytes that the caller is about to write.
    #[inline(always)]
    pub(super) fn room(&mut self, pos: usize, ahead: usize) -> Result<Room<'_, 's>, Error> {
        let pos = self.reserve(pos, ahead + SLACK)?;
        Ok(Room { out: self, pos })
    }

    /// Stores `bytes` at `pos` and returns the position behind them.
    ///
    /// # Safety
    ///
    /// `pos + N <= self.cap`.
    #[inline(always)]
    pub(super) unsafe fn put<const N: usize>(&mut self, pos: usize, bytes: [u8; N]) -> usize {
        debug_assert!(pos + N <= self.cap);
        // SAFETY: within the memory by the caller's promise.
        let to = unsafe { self.base.add(pos) }.cast::<[u8; N]>();
        // SAFETY: `N` bytes are writable there (invariant 1); arrays of bytes have alignment 1.
        unsafe { to.write(bytes) };
        pos + N
    }

    /// Copies `bytes` to `pos` and returns the position behind them.
    ///
    /// # Safety
    ///
    /// `pos + bytes.len() <= self.cap`.
    #[inline(always)]
    pub(super) unsafe fn copy(&mut self, pos: usize, bytes: &[u8]) -> usize {
        debug_assert!(pos + bytes.len() <= self.cap);
        // SAFETY: within the memory by the caller's promise.
        let to = unsafe { self.base.add(pos) };
        // SAFETY: writable by invariant 1; `bytes` is borrowed, so it is not the memory that only this cursor writes.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        pos + bytes.len()
    }

    /// Writes `sep`, the key in quotes and the colon; the address is computed once, because the compiler must assume that a stored
    /// byte changes `base`. Returns the position behind them.
    ///
    /// # Safety
    ///
    /// `pos + key.len() + 4 <= self.cap`.
    #[inline(always)]
    pub(super) unsafe fn put_key(&mut self, pos: usize, sep: u8, key: &[u8]) -> usize {
        let len = key.len();
        debug_assert!(pos + len + 4 <= self.cap);
        // SAFETY: within the memory by the caller's promise.
        let start = unsafe { self.base.add(pos) };
        // SAFETY: the first two of the bytes.
        unsafe { start.cast::<[u8; 2]>().write([sep, b'"']) };
        // SAFETY: within the memory.
        let middle = unsafe { start.add(2) };
        // SAFETY: `len` bytes follow; `key` is borrowed, so it is not the memory that only this cursor writes.
        unsafe { middle.copy_from_nonoverlapping(key.as_ptr(), len) };
        // SAFETY: within the memory.
        let end = unsafe { middle.add(len) };
        // SAFETY: the last two of the bytes.
        unsafe { end.cast::<[u8; 2]>().write(*b"\":") };
        pos + len + 4
    }

    /// Copies text of any length as it is.
    pub(super) fn raw(&mut self, mut pos: usize, text: &[u8]) -> Result<usize, Error> {
        for piece in text.chunks(self.piece) {
            pos = self.reserve(pos, piece.len())?;
            // SAFETY: reserved just now.
            pos = unsafe { self.copy(pos, piece) };
        }
        Ok(pos)
    }

    /// Copies text as it is, except for what HTML wants escaped: in JSON outside of strings none of it occurs, and inside of
    /// strings an escape means the same.
    pub(super) fn raw_html(&mut self, mut pos: usize, text: &[u8]) -> Result<usize, Error> {
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xE2)) {
            let (plain, special) = rest.split_at(at);
            pos = self.raw(pos, plain)?;
            pos = self.reserve(pos, SLACK)?;
            // SAFETY: the slack was reserved.
            let (end, used) = unsafe { self.escape(pos, special) };
            pos = end;
            rest = &special[used..];
        }
        self.raw(pos, rest)
    }

    /// Text of any length, escaped, without quotes. Leaves nothing free behind it.
    pub(super) fn text<const HTML: bool>(&mut self, mut pos: usize, text: &str) -> Result<usize, Error> {
        let mut rest = text.as_bytes();
        loop {
            let piece = rest.get(..self.piece).unwrap_or(rest);
            pos = self.reserve(pos, piece.len() + SLACK)?;
            // SAFETY: within the memory by the line above.
            let to = unsafe { self.base.add(pos) };
            // SAFETY: `piece.len()` bytes were reserved there; `text` is borrowed, so it is not the memory that only this cursor
            // writes.
            let plain = unsafe { copy_plain::<HTML>(piece, to) };
            pos += plain;
            if plain == piece.len() {
                rest = &rest[plain..];
                if rest.is_empty() {
                    return Ok(pos);
                }
            } else {
                let special = &rest[plain..];
                // SAFETY: at most `piece.len()` of the reserved bytes are used, so the slack is still free.
                let (end, used) = unsafe { self.escape(pos, special) };
                pos = end;
                rest = &special[used..];
            }
        }
    }

    /// Escapes the first character of `text`, one that the kernels stopped at. Returns the position behind it and how many
    /// bytes of `text` it was.
    ///
    /// # Safety
    ///
    /// `pos + 8 <= self.cap`.
    #[inline(always)]
    unsafe fn escape(&mut self, pos: usize, text: &[u8]) -> (usize, usize) {
        let Some(&byte) = text.first() else { return (pos, 0) };
        if byte < 0x80 {
            let word = ESCAPES[usize::from(byte)].to_le_bytes();
            // SAFETY: the caller's promise.
            unsafe { self.put(pos, word) };
            return (pos + usize::from(word[7]), 1);
        }
        let (word, used): ([u8; 8], usize) = match text {
            [0xE2, 0x80, 0xA8, ..] => (*b"\\u2028\0\x06", 3),
            [0xE2, 0x80, 0xA9, ..] => (*b"\\u2029\0\x06", 3),
            _ => ([byte, 0, 0, 0, 0, 0, 0, 1], 1),
        };
        // SAFETY: the caller's promise.
        unsafe { self.put(pos, word) };
        (pos + usize::from(word[7]), used)
    }

    /// A quoted string. Short ones, and those without anything to escape, end here without a call.
    #[inline(always)]
    fn quoted<const HTML: bool>(&mut self, pos: usize, text: &str) -> Result<usize, Error> {
        if text.len() > SHORT {
            return self.quoted_long::<HTML>(pos, text);
        }
        // SAFETY: called with the slack free: the text, two quotes and 14 bytes more fit.
        let start = unsafe { self.put(pos, [b'"']) };
        // SAFETY: within the memory, see above.
        let to = unsafe { self.base.add(start) };
        // SAFETY: the text fits, see above; it is borrowed, so it is not the memory that only this cursor writes.
        let plain = unsafe { copy_short::<HTML>(text.as_bytes(), to) };
        if plain == text.len() {
            // SAFETY: one of the bytes behind the text.
            return Ok(unsafe { self.put(start + plain, [b'"']) });
        }
        self.quoted_rest::<HTML>(start + plain, text.as_bytes().get(plain..).unwrap_or_default())
    }

    /// A quoted string that needs a check of the memory.
    #[inline(never)]
    fn quoted_long<const HTML: bool>(&mut self, pos: usize, text: &str) -> Result<usize, Error> {
        let pos = self.reserve(pos, text.len().min(self.piece) + SLACK)?;
        if text.len() > self.piece {
            return self.quoted_slow::<HTML>(pos, text);
        }
        // SAFETY: the text and the slack are free.
        let start = unsafe { self.put(pos, [b'"']) };
        // SAFETY: within the memory, see above.
        let to = unsafe { self.base.add(start) };
        // SAFETY: the text fits, see above; it is borrowed, so it is not the memory that only this cursor writes.
        let plain = unsafe { copy_plain::<HTML>(text.as_bytes(), to) };
        if plain == text.len() {
            // SAFETY: part of the slack.
            return Ok(unsafe { self.put(start + plain, [b'"']) });
        }
        self.quoted_rest::<HTML>(start + plain, text.as_bytes().get(plain..).unwrap_or_default())
    }

    /// The rest of a string, which starts with a character to escape, and the closing quote.
    #[inline(never)]
    fn quoted_rest<const HTML: bool>(&mut self, mut pos: usize, mut rest: &[u8]) -> Result<usize, Error> {
        loop {
            pos = self.reserve(pos, rest.len() + SLACK)?;
            // SAFETY: the slack was reserved.
            let (end, used) = unsafe { self.escape(pos, rest) };
            pos = end;
            rest = &rest[used..];
            // SAFETY: within the memory: an escape takes at most six bytes of the slack.
            let to = unsafe { self.base.add(pos) };
            // SAFETY: `rest` and most of the slack are reserved behind `pos`; the text is borrowed, so it is not the memory that
            // only this cursor writes.
            let plain = unsafe { copy_plain::<HTML>(rest, to) };
            pos += plain;
            if plain == rest.len() {
                // SAFETY: part of the slack.
                return Ok(unsafe { self.put(pos, [b'"']) });
            }
            rest = &rest[plain..];
        }
    }

    /// A string that is longer than the pieces that the sink wants.
    #[cold]
    fn quoted_slow<const HTML: bool>(&mut self, pos: usize, text: &str) -> Result<usize, Error> {
        // SAFETY: the caller reserved the slack.
        let pos = unsafe { self.put(pos, [b'"']) };
        let pos = self.text::<HTML>(pos, text)?;
        let pos = self.reserve(pos, 1)?;
        // SAFETY: reserved just now.
        Ok(unsafe { self.put(pos, [b'"']) })
    }

    /// A line break and the indentation of the current depth; nothing if everything goes on one line.
    pub(super) fn line(&mut self, mut pos: usize) -> Result<usize, Error> {
        let Some(indent) = self.layout.indent else { return Ok(pos) };
        pos = self.reserve(pos, 1)?;
        // SAFETY: reserved just now.
        pos = unsafe { self.put(pos, [b'\n']) };
        for _ in 0..self.depth {
            pos = self.raw(pos, indent.as_bytes())?;
        }
        Ok(pos)
    }

    #[inline(never)]
    pub(super) fn unsigned(&mut self, pos: usize, n: u64) -> usize {
        debug_assert!(pos + SLACK / 2 <= self.cap);
        if n < 10 {
            // SAFETY: called with at least half the slack free; this takes at most 24 bytes of it.
            return unsafe { self.put(pos, [b'0' + n as u8]) };
        }
        let (first, rest) = match pieces(n) {
            Pieces::One(first) => (first, None),
            Pieces::Two(first, second) => (first, Some((second, None))),
            Pieces::Three(first, second, third) => (first, Some((second, Some(third)))),
        };
        let (word, len) = trimmed8(first);
        // SAFETY: as above.
        unsafe { self.put(pos, word) };
        let mut pos = pos + len;
        if let Some((second, third)) = rest {
            // SAFETY: as above.
            pos = unsafe { self.put(pos, padded8(second)) };
            if let Some(third) = third {
                // SAFETY: as above.
                pos = unsafe { self.put(pos, padded8(third)) };
            }
        }
        pos
    }

    /// A string in quotes.
    #[inline(never)]
    pub(super) fn quoted_plain(&mut self, pos: usize, text: &str) -> Result<usize, Error> {
        self.quoted::<false>(pos, text)
    }

    /// A string in quotes, with what HTML wants escaped.
    #[inline(never)]
    pub(super) fn quoted_html(&mut self, pos: usize, text: &str) -> Result<usize, Error> {
        self.quoted::<true>(pos, text)
    }

    #[inline(never)]
    pub(super) fn double(&mut self, pos: usize, value: f64) -> usize {
        // Integral values below 2^53 have as many digits as the integer; -0.0 has a sign that the integer lacks.
        let integer = value as i64;
        if integer as f64 == value && integer.unsigned_abs() < 1 << 53 && integer != 0 {
            return self.integral(pos, integer);
        }
        self.float(pos, value)
    }

    #[inline(never)]
    pub(super) fn single(&mut self, pos: usize, value: f32) -> usize {
        let integer = value as i64;
        if integer as f32 == value && integer.unsigned_abs() < 1 << 24 && integer != 0 {
            return self.integral(pos, integer);
        }
        self.float(pos, value)
    }

    /// An integral float.
    fn integral(&mut self, pos: usize, value: i64) -> usize {
        // SAFETY: called with at least half the slack free; sign, at most 16 digits and two bytes more fit.
        unsafe { self.put(pos, [b'-']) };
        let pos = self.unsigned(pos + usize::from(value < 0), value.unsigned_abs());
        // SAFETY: as above.
        unsafe { self.put(pos, *b".0") }
    }

    /// The bytes from `start` to `end`, a position that was handed out.
    pub(super) fn written(&mut self, start: usize, end: usize) -> &mut [u8] {
        let start = start.min(end);
        // SAFETY: within the memory, `start <= end`.
        let from = unsafe { self.base.add(start) };
        // SAFETY: initialised by invariant 3, and borrowed from `self`, which alone writes there.
        unsafe { std::slice::from_raw_parts_mut(from, end - start) }
    }

    /// A finite number in the shortest form that reads back as the same float.
    #[inline(always)]
    fn float<F: zmij::Float>(&mut self, pos: usize, value: F) -> usize {
        debug_assert!(pos + SLACK / 2 <= self.cap);
        const { assert!(size_of::<zmij::Buffer>() <= SLACK / 2 && align_of::<zmij::Buffer>() == 1) };
        // SAFETY: within the memory: called with at least half the slack free.
        let to = unsafe { self.base.add(pos) };
        let place = to.cast::<zmij::Buffer>();
        // SAFETY: half the slack is at least one formatting buffer, which has alignment 1.
        unsafe { place.write(zmij::Buffer::new()) };
        // SAFETY: a value of the type was just written there, and nothing else refers to this memory.
        let buffer = unsafe { &mut *place };
        let text = buffer.format_finite(value);
        let (from, len) = (text.as_ptr(), text.len());
        if from != to.cast_const() {
            // SAFETY: the text is at most the buffer long, so it fits; `copy` allows the overlap.
            unsafe { to.copy_from(from, len) };
        }
        pos + len
    }
}
