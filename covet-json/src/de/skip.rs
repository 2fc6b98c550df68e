//! Skipping a value: as strict as decoding it, but iterative, so that depth costs a bit and no stack.
//!
//! The place inside the value is a [`Skip`], which outlives a source that runs dry: a feed goes on where it stopped.

#![forbid(unsafe_code)]

use super::Deserializer;
use super::access::Seen;
use super::read::Read;
use crate::error::{Code, Result};
use crate::number;

/// What has to come next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expect {
    #[default]
    Value,
    FirstElement,
    FirstKey,
    Key,
    Colon,
    /// A comma or the end of the innermost container.
    Next,
}

/// A place inside a value that is being skipped. The default is before the value.
#[derive(Debug, Default)]
pub(crate) struct Skip {
    expect: Expect,
    /// The innermost 64 open containers, one bit each, 1 for an object; the innermost is bit 0.
    kinds: u64,
    /// The ones around them, 64 to a word.
    outer: Vec<u64>,
    depth: usize,
    /// One per open container, kept only if a limit asks for it.
    frames: Vec<Frame>,
}

#[derive(Debug, Default)]
struct Frame {
    items: usize,
    seen: Option<Box<Seen>>,
}

impl Skip {
    /// The place behind a value inside of these containers (outermost first, `true` for an object), all of which are still open.
    pub(crate) fn inside(objects: impl IntoIterator<Item = bool>) -> Skip {
        let mut skip = Skip { expect: Expect::Next, ..Skip::default() };
        for object in objects {
            skip.push(object);
            skip.frames.push(Frame { items: 1, seen: None });
        }
        skip
    }

    #[inline(always)]
    fn push(&mut self, object: bool) {
        if self.depth.is_multiple_of(64) && self.depth > 0 {
            self.outer.push(self.kinds);
        }
        self.kinds = self.kinds << 1 | u64::from(object);
        self.depth += 1;
    }

    #[inline(always)]
    fn pop(&mut self) {
        self.depth -= 1;
        self.kinds >>= 1;
        if self.depth.is_multiple_of(64) && self.depth > 0 {
            self.kinds = self.outer.pop().unwrap_or_default();
        }
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        self.kinds & 1 != 0
    }
}

impl<'de, R: Read<'de>> Deserializer<R> {
    /// Skips the next value.
    ///
    /// # Errors
    ///
    /// Whatever decoding it into a tree would report.
    #[inline]
    pub(crate) fn skip_value(&mut self) -> Result<()> {
        match self.peek()? {
            b'"' => self.skip_str(),
            b'0'..=b'9' | b'-' => self.skip_number(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ if R::STREAMING || self.is_strict() => self.skip_on(&mut Skip::default()),
            byte => self.skip_container(byte),
        }
    }

    /// Whether containers have limits that must be counted.
    #[inline]
    fn is_strict(&self) -> bool {
        self.limits.reject_duplicates || self.limits.max_items != usize::MAX
    }

    /// Skips the container at `pos`, which starts with `byte`: what [`Self::skip_on`] does, without stopping on the way and without
    /// counting.
    #[inline(never)]
    fn skip_container(&mut self, mut byte: u8) -> Result<()> {
        let mut at = Skip::default();
        loop {
            match byte {
                b'"' => self.skip_str()?,
                b'0'..=b'9' | b'-' => self.skip_number()?,
                b'{' => {
                    self.check_depth(at.depth)?;
                    self.pos += 1;
                    byte = self.peek()?;
                    if byte != b'}' {
                        at.push(true);
                        byte = self.skip_key(byte, false)?;
                        continue;
                    }
                    self.pos += 1;
                }
                b'[' => {
                    self.check_depth(at.depth)?;
                    self.pos += 1;
                    byte = self.peek()?;
                    if byte != b']' {
                        at.push(false);
                        continue;
                    }
                    self.pos += 1;
                }
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => return Err(self.unexpected(Code::ExpectedValue, Code::EofInValue)),
            }
            loop {
                if at.depth == 0 {
                    return Ok(());
                }
                byte = self.peek()?;
                let object = at.in_object();
                if byte == b',' {
                    self.pos += 1;
                    byte = self.peek()?;
                    if object {
                        byte = self.skip_key(byte, true)?;
                    } else if byte == b']' {
                        return Err(self.error(Code::TrailingComma));
                    }
                    break;
                }
                // The brackets differ from the braces in one bit.
                if byte != b']' | (u8::from(object) << 5) {
                    return Err(if object {
                        self.unexpected(Code::ExpectedCommaOrBrace, Code::EofInObject)
                    } else {
                        self.unexpected(Code::ExpectedCommaOrBracket, Code::EofInArray)
                    });
                }
                self.pos += 1;
                at.pop();
            }
        }
    }

    /// Skips the key that should start with `byte`, and its colon; returns the first byte of the value.
    #[inline(always)]
    fn skip_key(&mut self, byte: u8, behind_comma: bool) -> Result<u8> {
        if byte != b'"' {
            let code = if behind_comma && byte == b'}' { Code::TrailingComma } else { Code::ExpectedKey };
            return Err(self.unexpected(code, Code::EofInObject));
        }
        self.skip_str()?;
        self.colon()?;
        self.peek()
    }

    /// Whether one more container may be opened inside of `inside` others.
    #[inline(always)]
    fn check_depth(&self, inside: usize) -> Result<()> {
        if self.depth + inside >= self.limits.max_depth {
            return Err(self.error(Code::DepthLimit(self.limits.max_depth)));
        }
        Ok(())
    }

    #[inline(always)]
    fn skip_number(&mut self) -> Result<()> {
        self.number_with(|text| number::skip(text).map(|len| ((), len)))?;
        if self.pos - self.token > self.limits.max_string {
            return Err(self.error(Code::StringLimit(self.limits.max_string)));
        }
        Ok(())
    }

    /// Goes on skipping from `at` to the end of its value. After [`Code::Starved`], call it again when there are more bytes.
    #[inline(never)]
    pub(crate) fn skip_on(&mut self, at: &mut Skip) -> Result<()> {
        let strict = self.is_strict();
        loop {
            let byte = self.peek()?;
            match at.expect {
                Expect::Value => {}
                Expect::FirstElement if byte == b']' => {
                    self.skip_close(at);
                    if at.depth == 0 {
                        return Ok(());
                    }
                    continue;
                }
                Expect::FirstElement => {
                    if strict {
                        self.skip_strict(at, false)?;
                    }
                    at.expect = Expect::Value;
                }
                Expect::FirstKey if byte == b'}' => {
                    self.skip_close(at);
                    if at.depth == 0 {
                        return Ok(());
                    }
                    continue;
                }
                Expect::FirstKey | Expect::Key => {
                    if byte != b'"' {
                        let comma = at.expect == Expect::Key && byte == b'}';
                        let code = if comma { Code::TrailingComma } else { Code::ExpectedKey };
                        return Err(self.unexpected(code, Code::EofInObject));
                    }
                    self.skip_str()?;
                    if strict {
                        self.skip_strict(at, true)?;
                    }
                    at.expect = Expect::Colon;
                    continue;
                }
                Expect::Colon => {
                    self.colon()?;
                    at.expect = Expect::Value;
                    continue;
                }
                Expect::Next => {
                    let object = at.in_object();
                    match byte {
                        b',' => {
                            self.pos += 1;
                            at.expect = if object { Expect::Key } else { Expect::Value };
                            if strict && !object {
                                self.skip_strict(at, false)?;
                            }
                        }
                        b'}' if object => self.skip_close(at),
                        b']' if !object => self.skip_close(at),
                        _ if object => return Err(self.unexpected(Code::ExpectedCommaOrBrace, Code::EofInObject)),
                        _ => return Err(self.unexpected(Code::ExpectedCommaOrBracket, Code::EofInArray)),
                    }
                    if at.depth == 0 {
                        return Ok(());
                    }
                    continue;
                }
            }
            match byte {
                b'"' => self.skip_str()?,
                b'0'..=b'9' | b'-' => self.skip_number()?,
                b'{' | b'[' => {
                    self.check_depth(at.depth)?;
                    self.pos += 1;
                    at.push(byte == b'{');
                    at.expect = if byte == b'{' { Expect::FirstKey } else { Expect::FirstElement };
                    if strict {
                        at.frames.push(Frame::default());
                    }
                    continue;
                }
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                _ => {
                    let comma = byte == b']' && at.depth > 0 && !at.in_object();
                    let code = if comma { Code::TrailingComma } else { Code::ExpectedValue };
                    return Err(self.unexpected(code, Code::EofInValue));
                }
            }
            at.expect = Expect::Next;
            if at.depth == 0 {
                return Ok(());
            }
        }
    }

    /// Takes the bracket that ends the innermost container.
    #[inline(always)]
    fn skip_close(&mut self, at: &mut Skip) {
        self.pos += 1;
        at.pop();
        at.frames.pop();
        at.expect = Expect::Next;
    }

    /// Counts an item of the innermost container, and notes its key, which was just taken.
    #[cold]
    fn skip_strict(&mut self, at: &mut Skip, key: bool) -> Result<()> {
        let Some(frame) = at.frames.last_mut() else { return Ok(()) };
        self.check_items(frame.items)?;
        frame.items += 1;
        if key && self.limits.reject_duplicates {
            let raw = &self.read.window()[self.token..self.pos];
            let seen = frame.seen.get_or_insert_default();
            seen.add(raw).map_err(|error| self.fix_token(error))?;
        }
        Ok(())
    }
}
