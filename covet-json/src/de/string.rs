//! Strings: plain ones in place, escaped ones through a buffer, and both through one scan for skipping.

#![forbid(unsafe_code)]

use super::Deserializer;
use super::read::{Read, Reference};
use crate::error::{Code, Result};

/// Where the content of a string goes.
trait Sink {
    fn text(&mut self, text: &str);
    fn char(&mut self, char: char);
    /// A surrogate without its other half; `false` refuses it.
    fn surrogate(&mut self, unit: u16) -> bool;
}

impl Sink for String {
    #[inline]
    fn text(&mut self, text: &str) {
        self.push_str(text);
    }

    #[inline]
    fn char(&mut self, char: char) {
        self.push(char);
    }

    fn surrogate(&mut self, _unit: u16) -> bool {
        false
    }
}

/// Bytes, in which a lone surrogate is written as WTF-8 would.
impl Sink for Vec<u8> {
    fn text(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }

    fn char(&mut self, char: char) {
        self.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn surrogate(&mut self, unit: u16) -> bool {
        let [high, low] = unit.to_be_bytes();
        self.extend_from_slice(&[0xE0 | high >> 4, 0x80 | (high & 0x0F) << 2 | low >> 6, 0x80 | low & 0x3F]);
        true
    }
}

/// Checks and drops.
struct Discard;

impl Sink for Discard {
    fn text(&mut self, _text: &str) {}

    fn char(&mut self, _char: char) {}

    fn surrogate(&mut self, _unit: u16) -> bool {
        false
    }
}

impl<'de, R: Read<'de>> Deserializer<R> {
    /// Takes the string at `pos`, whose quote was seen, and calls `use_it` with its text.
    #[inline(always)]
    pub(crate) fn with_str<T>(&mut self, use_it: impl FnOnce(Reference<'de, '_>) -> Result<T>) -> Result<T> {
        let text = match self.str()? {
            Ok(text) => text,
            Err(at) => return Err(self.error_at(Code::InvalidUtf8, at)),
        };
        use_it(text)
    }

    /// Takes the string at `pos`, whose quote was seen. The inner error is the index of a byte that is not UTF-8.
    #[inline(never)]
    pub(super) fn str<'s>(&'s mut self) -> Result<Result<Reference<'de, 's>, usize>> {
        let start = self.pos + 1;
        let (len, text) = self.read.run(start);
        let ascii = text.is_some();
        if self.read.window().get(start + len) != Some(&b'"') || len > self.limits.max_string {
            return self.str_slow();
        }
        self.token = self.pos;
        self.pos = start + len + 1;
        if ascii {
            // The scan is the proof, so it has to be seen again; what comes here is rarely ASCII.
            return Ok(self.read.run(start).1.ok_or(start));
        }
        Ok(self.read.text(start, start + len))
    }

    /// The same for strings with escapes, or not whole in the window.
    #[inline(never)]
    fn str_slow<'s>(&'s mut self) -> Result<Result<Reference<'de, 's>, usize>> {
        let stop = self.run_from(1)?;
        let stop_byte = self.read.window()[self.pos + stop];
        if stop_byte == b'"' {
            self.check_string_len(stop - 1)?;
            let (start, end) = (self.pos + 1, self.pos + stop);
            self.token = self.pos;
            self.pos = end + 1;
            return Ok(self.read.text(start, end));
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let done = self.unescape(&mut scratch);
        self.scratch = scratch;
        done?;
        Ok(Ok(Reference::Copied(&self.scratch)))
    }

    /// Takes a string as bytes: like text, but lone surrogates pass. `None` if it can be borrowed as `token + 1..pos - 1`.
    pub(super) fn bytes_slow(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.unescape(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes a string and checks it as [`Self::with_str`] would.
    #[inline(always)]
    pub(super) fn skip_str(&mut self) -> Result<()> {
        let start = self.pos + 1;
        let (len, text) = self.read.run(start);
        let ascii = text.is_some();
        if self.read.window().get(start + len) == Some(&b'"') && len <= self.limits.max_string {
            if !ascii && let Err(at) = self.read.text(start, start + len) {
                return Err(self.error_at(Code::InvalidUtf8, at));
            }
            self.token = self.pos;
            self.pos = start + len + 1;
            return Ok(());
        }
        self.unescape(&mut Discard)
    }

    /// From offset `from` behind `pos`, the offset of the next byte that is not plain content, which the window then holds.
    #[inline]
    fn run_from(&mut self, mut from: usize) -> Result<usize> {
        loop {
            from += self.read.run(self.pos + from).0;
            if self.pos + from < self.read.window().len() {
                return Ok(from);
            }
            self.check_string_len(from - 1)?;
            if !self.refill()? {
                return Err(self.error_at(Code::EofInString, self.pos + from));
            }
        }
    }

    #[inline(always)]
    fn check_string_len(&self, len: usize) -> Result<()> {
        if len > self.limits.max_string { Err(self.error(Code::StringLimit(self.limits.max_string))) } else { Ok(()) }
    }

    /// Takes the string at `pos` and sends its content to `sink`.
    #[inline(never)]
    fn unescape<S: Sink>(&mut self, sink: &mut S) -> Result<()> {
        let mut from = 1;
        loop {
            let stop = self.segment(from, sink)?;
            match self.read.window()[self.pos + stop] {
                b'"' => {
                    self.check_string_len(stop - 1)?;
                    self.token = self.pos;
                    self.pos += stop + 1;
                    return Ok(());
                }
                b'\\' => from = self.escape(stop + 1, sink)?,
                _ => return Err(self.error_at(Code::ControlCharacter, self.pos + stop)),
            }
        }
    }

    /// Sends the plain content from offset `from` on to `sink`; returns the offset of the byte that ends it.
    #[inline]
    fn segment<S: Sink>(&mut self, from: usize, sink: &mut S) -> Result<usize> {
        let (len, text) = self.read.run(self.pos + from);
        if self.pos + from + len < self.read.window().len()
            && let Some(text) = text
        {
            sink.text(text.as_str());
            return Ok(from + len);
        }
        let stop = self.run_from(from + len)?;
        match self.read.text(self.pos + from, self.pos + stop) {
            Ok(text) => sink.text(text.as_str()),
            Err(at) => return Err(self.error_at(Code::InvalidUtf8, at)),
        }
        Ok(stop)
    }

    /// Decodes the escape whose backslash stands before offset `at`; returns the offset behind it.
    #[inline]
    fn escape<S: Sink>(&mut self, at: usize, sink: &mut S) -> Result<usize> {
        if !self.ensure(at + 1)? {
            return Err(self.error_at(Code::EofInString, self.pos + at));
        }
        let char = match self.read.window()[self.pos + at] {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(at + 1, sink),
            _ => return Err(self.error_at(Code::InvalidEscape, self.pos + at)),
        };
        sink.char(char);
        Ok(at + 1)
    }

    /// Decodes the digits of a `\u` escape at offset `at`, and the second escape of a surrogate pair.
    #[inline(never)]
    fn unicode_escape<S: Sink>(&mut self, at: usize, sink: &mut S) -> Result<usize> {
        let unit = self.hex(at)?;
        let mut end = at + 4;
        let mut units = [unit, 0];
        let mut len = 1;
        // Only a high surrogate followed by a low one makes a pair; any other escape behind is decoded by itself.
        if matches!(unit, 0xD800..=0xDBFF) {
            self.ensure(end + 2)?;
            let behind = self.read.window().get(self.pos + end..).unwrap_or_default();
            if behind.is_empty() || behind == b"\\" {
                return Err(self.error_at(Code::EofInString, self.pos + end + behind.len()));
            }
            if behind.starts_with(b"\\u") {
                let second = self.hex(end + 2)?;
                if matches!(second, 0xDC00..=0xDFFF) {
                    units[1] = second;
                    len = 2;
                    end += 6;
                }
            }
        }
        match char::decode_utf16(units.into_iter().take(len)).next() {
            Some(Ok(char)) => sink.char(char),
            _ if sink.surrogate(unit) => {}
            _ => return Err(self.error_at(Code::LoneSurrogate, self.pos + at - 2)),
        }
        Ok(end)
    }

    /// Four hexadecimal digits at offset `at`.
    #[inline]
    fn hex(&mut self, at: usize) -> Result<u16> {
        let whole = self.ensure(at + 4)?;
        let digits = self.read.window().get(self.pos + at..).unwrap_or_default();
        let mut unit = 0;
        for (i, &digit) in digits.iter().take(4).enumerate() {
            match (digit as char).to_digit(16) {
                Some(value) => unit = unit << 4 | value as u16,
                None => return Err(self.error_at(Code::InvalidUnicodeEscape, self.pos + at + i)),
            }
        }
        if !whole {
            return Err(self.error_at(Code::EofInString, self.pos + at + digits.len()));
        }
        Ok(unit)
    }
}
