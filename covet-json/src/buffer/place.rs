//! What the serializers see of the cursor: a [`Room`] for one value, a [`Spot`] between elements. Safe to use: every method
//! either has its bytes free by the type's invariant or reserves them first.

use std::fmt;

use super::out::{Cursor, Out, SLACK};
use crate::arch::escape::has_special;
use crate::error::Error;

/// The longest key that is stored without a call; longer ones are copied like any string.
const SHORT_KEY: usize = 32;

/// A place for one value, with [`SLACK`] bytes free.
pub(crate) struct Room<'a, 's> {
    pub(super) out: &'a mut Out<'s>,
    pub(super) pos: usize,
}

/// A place between the elements of an array or object. `sep` is what comes before the next one: the opening bracket, which
/// is not written before it is known whether there are elements, then commas.
///
/// With `STYLED`, methods follow the layout; without it they know that everything goes on one line and nothing is escaped for HTML.
pub(crate) struct Spot<'a, 's> {
    pub(super) out: &'a mut Out<'s>,
    pub(super) pos: usize,
    pub(super) sep: u8,
}

/// Methods that write one short token: at most half the slack, which is free by the type's invariant.
impl<'a, 's> Room<'a, 's> {
    /// # Safety
    ///
    /// `N <= SLACK`, and `len <= N`.
    #[inline(always)]
    unsafe fn token<const N: usize>(self, bytes: [u8; N], len: usize) -> Cursor {
        const { assert!(N <= SLACK) };
        debug_assert!(len <= N);
        // SAFETY: a room has the slack free.
        unsafe { self.out.put(self.pos, bytes) };
        Cursor(self.pos + len)
    }

    #[inline(always)]
    pub(crate) fn null(self) -> Cursor {
        // SAFETY: four bytes of four.
        unsafe { self.token(*b"null", 4) }
    }

    #[inline(always)]
    pub(crate) fn bool(self, value: bool) -> Cursor {
        let (bytes, len) = if value { (*b"true    ", 4) } else { (*b"false   ", 5) };
        // SAFETY: at most five bytes of eight.
        unsafe { self.token(bytes, len) }
    }

    #[inline(always)]
    pub(crate) fn unsigned(self, value: u64) -> Cursor {
        Cursor(self.out.unsigned(self.pos, value))
    }

    #[inline(always)]
    pub(crate) fn signed(self, value: i64) -> Cursor {
        // The sign is stored in any case and counted if there is one.
        // SAFETY: one byte of the slack.
        unsafe { self.out.put(self.pos, [b'-']) };
        Cursor(self.out.unsigned(self.pos + usize::from(value < 0), value.unsigned_abs()))
    }

    pub(crate) fn unsigned_wide(self, value: u128) -> Cursor {
        if let Ok(value) = u64::try_from(value) {
            return self.unsigned(value);
        }
        self.digits(itoa::Buffer::new().format(value))
    }

    pub(crate) fn signed_wide(self, value: i128) -> Cursor {
        if let Ok(value) = i64::try_from(value) {
            return self.signed(value);
        }
        self.digits(itoa::Buffer::new().format(value))
    }

    /// A number that was formatted elsewhere; it must fit in the slack, as every number does.
    pub(crate) fn digits(self, text: &str) -> Cursor {
        assert!(text.len() <= SLACK);
        // SAFETY: a room has the slack free.
        Cursor(unsafe { self.out.copy(self.pos, text.as_bytes()) })
    }

    /// A finite float.
    #[inline]
    pub(crate) fn double(self, value: f64) -> Cursor {
        Cursor(self.out.double(self.pos, value))
    }

    /// A finite float.
    #[inline]
    pub(crate) fn single(self, value: f32) -> Cursor {
        Cursor(self.out.single(self.pos, value))
    }

    /// The token that `write` writes, between quotes: a map key.
    pub(crate) fn in_quotes(self, write: impl FnOnce(Room<'_, 's>) -> Result<Cursor, Error>) -> Result<Cursor, Error> {
        // SAFETY: one byte of the slack.
        let pos = unsafe { self.out.put(self.pos, [b'"']) };
        let Cursor(pos) = write(self.out.room(pos, 0)?)?;
        let pos = self.out.reserve(pos, 1)?;
        // SAFETY: reserved just now.
        Ok(Cursor(unsafe { self.out.put(pos, [b'"']) }))
    }
}

/// Text, and starting an array or object.
impl<'a, 's> Room<'a, 's> {
    /// A quoted string.
    #[inline(always)]
    pub(crate) fn str<const STYLED: bool>(self, text: &str) -> Result<Cursor, Error> {
        if STYLED && self.out.layout.html {
            return self.out.quoted_html(self.pos, text).map(Cursor);
        }
        self.out.quoted_plain(self.pos, text).map(Cursor)
    }

    /// What `value` displays, quoted and escaped piece by piece.
    pub(crate) fn display<const STYLED: bool>(self, value: fmt::Arguments<'_>) -> Result<Cursor, Error> {
        // SAFETY: one byte of the slack.
        let pos = unsafe { self.out.put(self.pos, [b'"']) };
        let mut pieces = Pieces::<STYLED> { out: self.out, pos, error: None };
        let result = fmt::write(&mut pieces, value);
        let Pieces { out, pos, error } = pieces;
        if result.is_err() {
            out.failed = true;
            return Err(
                error.unwrap_or_else(|| serde::ser::Error::custom("a Display implementation returned an error"))
            );
        }
        let pos = out.reserve(pos, 1)?;
        // SAFETY: reserved just now.
        Ok(Cursor(unsafe { out.put(pos, [b'"']) }))
    }

    /// Text that is JSON already.
    pub(crate) fn raw<const STYLED: bool>(self, json: &str) -> Result<Cursor, Error> {
        if STYLED && self.out.layout.html {
            return self.out.raw_html(self.pos, json.as_bytes()).map(Cursor);
        }
        self.out.raw(self.pos, json.as_bytes()).map(Cursor)
    }

    /// Starts an array (`open` is `[`) or object (`{`).
    #[inline(always)]
    pub(crate) fn open<const STYLED: bool>(self, open: u8) -> Spot<'a, 's> {
        if STYLED {
            self.out.depth += 1;
        }
        Spot { out: self.out, pos: self.pos, sep: open }
    }

    /// An array of bytes as numbers.
    pub(crate) fn bytes<const STYLED: bool>(self, bytes: &[u8]) -> Result<Cursor, Error> {
        let mut spot = self.open::<STYLED>(b'[');
        for &byte in bytes {
            let Cursor(pos) = spot.element::<STYLED>()?.unsigned(u64::from(byte));
            spot.pos = pos;
        }
        spot.close::<STYLED>(b']')
    }

    /// The object around an enum variant's content: writes `{"name":`, lets `content` write its value, closes.
    #[inline(always)]
    pub(crate) fn variant<const STYLED: bool>(
        self,
        name: &'static str,
        content: impl FnOnce(Room<'_, 's>) -> Result<Cursor, Error>,
    ) -> Result<Cursor, Error> {
        let mut spot = self.open::<STYLED>(b'{');
        let Cursor(pos) = content(spot.key::<STYLED>(name)?)?;
        spot.pos = pos;
        spot.close::<STYLED>(b'}')
    }

    /// Starts the object around an enum variant's content and the array or object that is the content;
    /// [`Spot::close_variant`] closes both.
    #[inline(always)]
    pub(crate) fn open_variant<const STYLED: bool>(self, name: &'static str, open: u8) -> Result<Spot<'a, 's>, Error> {
        let mut spot = self.open::<STYLED>(b'{');
        spot.nest::<STYLED>(name, open)?;
        Ok(spot)
    }
}

impl<'s> Spot<'_, 's> {
    /// The place for the next element of an array, or for the next key of an object.
    #[inline(always)]
    pub(crate) fn element<const STYLED: bool>(&mut self) -> Result<Room<'_, 's>, Error> {
        let pos = self.out.reserve(self.pos, 1 + SLACK)?;
        // SAFETY: reserved just now.
        let pos = unsafe { self.out.put(pos, [self.sep]) };
        self.sep = b',';
        if STYLED {
            let pos = self.out.line(pos)?;
            return self.out.room(pos, 0);
        }
        Ok(Room { out: self.out, pos })
    }

    /// Writes the next key and the colon, and returns the place for its value. For a key that the compiler knows, length, check
    /// and copy fold into a few stores.
    #[inline(always)]
    pub(crate) fn key<const STYLED: bool>(&mut self, key: &'static str) -> Result<Room<'_, 's>, Error> {
        let len = key.len();
        if STYLED || len > SHORT_KEY || !is_plain(key) {
            return self.key_slow::<STYLED>(key);
        }
        let pos = self.out.reserve(self.pos, len + 4 + SLACK)?;
        // SAFETY: four bytes more than the key were reserved just now.
        let pos = unsafe { self.out.put_key(pos, self.sep, key.as_bytes()) };
        self.sep = b',';
        Ok(Room { out: self.out, pos })
    }

    #[cold]
    fn key_slow<const STYLED: bool>(&mut self, key: &str) -> Result<Room<'_, 's>, Error> {
        let Cursor(pos) = self.element::<STYLED>()?.str::<STYLED>(key)?;
        self.pos = pos;
        self.colon::<STYLED>()
    }

    /// The place for a value that stands for the whole object, of which nothing is written yet.
    #[inline(always)]
    pub(crate) fn instead(&mut self) -> Result<Room<'_, 's>, Error> {
        self.out.room(self.pos, 0)
    }

    /// Ends the object without writing anything.
    pub(crate) fn leave(self) -> Cursor {
        self.out.depth = self.out.depth.saturating_sub(1);
        Cursor(self.pos)
    }

    /// Writes the colon behind a key, and returns the place for its value.
    #[inline(always)]
    pub(crate) fn colon<const STYLED: bool>(&mut self) -> Result<Room<'_, 's>, Error> {
        let pos = self.out.reserve(self.pos, 2 + SLACK)?;
        // SAFETY: reserved just now.
        let mut pos = unsafe { self.out.put(pos, [b':']) };
        if STYLED && self.out.layout.indent.is_some() {
            // SAFETY: two bytes and the slack were reserved.
            pos = unsafe { self.out.put(pos, [b' ']) };
        }
        Ok(Room { out: self.out, pos })
    }

    /// Writes the next key, and starts an array or object as its value.
    #[inline(always)]
    pub(crate) fn nest<const STYLED: bool>(&mut self, key: &'static str, open: u8) -> Result<(), Error> {
        let pos = self.key::<STYLED>(key)?.pos;
        if STYLED {
            self.out.depth += 1;
        }
        (self.pos, self.sep) = (pos, open);
        Ok(())
    }

    /// Goes on behind what was written into a room of this spot. If that failed, everything has.
    #[inline(always)]
    pub(crate) fn accept(&mut self, written: Result<Cursor, Error>) -> Result<(), Error> {
        match written {
            Ok(Cursor(pos)) => {
                self.pos = pos;
                Ok(())
            }
            Err(error) => {
                self.out.failed = true;
                Err(error)
            }
        }
    }

    /// Ends the array (`end` is `]`) or object (`}`).
    #[inline(always)]
    pub(crate) fn close<const STYLED: bool>(self, end: u8) -> Result<Cursor, Error> {
        let Spot { out, pos, sep } = self;
        let pos = unindent::<STYLED>(out, pos, sep)?;
        let pos = out.reserve(pos, 2)?;
        // SAFETY: two bytes were reserved just now.
        Ok(Cursor(unsafe { put_end(out, pos, sep, end) }))
    }

    /// Ends the array or object, and the object around the variant.
    #[inline(always)]
    pub(crate) fn close_variant<const STYLED: bool>(self, end: u8) -> Result<Cursor, Error> {
        let Spot { out, pos, sep } = self;
        let pos = unindent::<STYLED>(out, pos, sep)?;
        let pos = out.reserve(pos, 3)?;
        // SAFETY: three bytes were reserved just now.
        let pos = unsafe { put_end(out, pos, sep, end) };
        if STYLED {
            return Spot { out, pos, sep: b',' }.close::<true>(b'}');
        }
        // SAFETY: the last of the three.
        Ok(Cursor(unsafe { out.put(pos, [b'}']) }))
    }

    /// The position of this place.
    pub(crate) fn position(&self) -> usize {
        self.pos
    }

    /// What was written from `start` to here, if the sink still has it.
    pub(crate) fn written(&mut self, start: usize) -> &mut [u8] {
        self.out.written(start, self.pos)
    }
}

/// One level less, and a line of its own for the bracket if there were elements.
#[inline(always)]
fn unindent<const STYLED: bool>(out: &mut Out<'_>, pos: usize, sep: u8) -> Result<usize, Error> {
    if !STYLED {
        return Ok(pos);
    }
    out.depth = out.depth.saturating_sub(1);
    if sep == b',' { out.line(pos) } else { Ok(pos) }
}

/// The closing bracket, after the opening one if no element has written that.
///
/// # Safety
///
/// Two bytes are free at `pos`.
#[inline(always)]
unsafe fn put_end(out: &mut Out<'_>, pos: usize, sep: u8, end: u8) -> usize {
    if sep == b',' {
        // SAFETY: the caller's promise.
        unsafe { out.put(pos, [end]) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { out.put(pos, [sep, end]) }
    }
}

/// Whether a key of at most [`SHORT_KEY`] bytes can be copied as it is. Without loops, so that it folds for a known key.
#[inline(always)]
const fn is_plain(key: &str) -> bool {
    let bytes = key.as_bytes();
    let n = bytes.len();
    if n < 8 {
        let mut word = u64::from_ne_bytes([b' '; 8]);
        macro_rules! add {
            ($($at:literal)*) => { $(if n > $at { word = word << 8 | bytes[$at] as u64; })* };
        }
        add!(0 1 2 3 4 5 6);
        return !has_special::<false>(word);
    }
    if has_special::<false>(word_at(bytes, 0)) || has_special::<false>(word_at(bytes, n - 8)) {
        return false;
    }
    if n > 16 && has_special::<false>(word_at(bytes, 8)) {
        return false;
    }
    n <= 24 || !has_special::<false>(word_at(bytes, 16))
}

#[inline(always)]
const fn word_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes([
        bytes[at],
        bytes[at + 1],
        bytes[at + 2],
        bytes[at + 3],
        bytes[at + 4],
        bytes[at + 5],
        bytes[at + 6],
        bytes[at + 7],
    ])
}

/// Takes text from a `Display` implementation.
struct Pieces<'a, 's, const STYLED: bool> {
    out: &'a mut Out<'s>,
    pos: usize,
    error: Option<Error>,
}

impl<const STYLED: bool> fmt::Write for Pieces<'_, '_, STYLED> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let written = if STYLED && self.out.layout.html {
            self.out.text::<true>(self.pos, text)
        } else {
            self.out.text::<false>(self.pos, text)
        };
        match written {
            Ok(pos) => {
                self.pos = pos;
                Ok(())
            }
            Err(error) => {
                self.error = Some(error);
                Err(fmt::Error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_judged_at_every_place() {
        for n in 0..=SHORT_KEY {
            let plain = "k".repeat(n);
            assert!(is_plain(&plain));
            for at in 0..n {
                for special in ["\"", "\\", "\n", "\0"] {
                    let mut key = plain.clone();
                    key.replace_range(at..=at, special);
                    assert!(!is_plain(&key), "{key:?}");
                }
                let mut key = plain.clone();
                key.replace_range(at..=at, "\u{7f}");
                assert!(is_plain(&key), "{key:?}");
            }
        }
    }
}
