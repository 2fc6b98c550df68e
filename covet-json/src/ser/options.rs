//! Encoding with options: indentation, HTML-safe escapes.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::io;

use serde::Serialize;

use super::mode::Styled;
use super::serializer::Serializer;
use super::write;
use crate::buffer::{self, Buffer, Layout};
use crate::error::Error;

/// How to set out a document.
///
/// Without any option the bytes are those of [`to_vec`](crate::to_vec), which is faster.
///
/// ```
/// use covet_json::EncodeOptions;
///
/// let options = EncodeOptions::new().indent("\t").html_safe(true);
/// assert_eq!(options.to_string(&["</script>"]).unwrap(), "[\n\t\"\\u003c/script\\u003e\"\n]");
/// ```
#[derive(Clone, Debug, Default)]
pub struct EncodeOptions {
    indent: Option<Cow<'static, str>>,
    html: bool,
}

impl EncodeOptions {
    /// One line, only the escapes that JSON needs.
    #[must_use]
    pub const fn new() -> Self {
        EncodeOptions { indent: None, html: false }
    }

    /// Two spaces a level, as the `pretty` functions.
    #[must_use]
    pub const fn pretty() -> Self {
        EncodeOptions { indent: Some(Cow::Borrowed("  ")), html: false }
    }

    /// Every element on a line of its own, behind this text for each level. It may be empty; what is not JSON white space (space,
    /// tab, line feed, carriage return) is left out of it, so that the output is JSON in any case.
    #[must_use]
    pub fn indent(mut self, indent: impl Into<Cow<'static, str>>) -> Self {
        let mut indent = indent.into();
        let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
        if !indent.chars().all(is_space) {
            indent.to_mut().retain(is_space);
        }
        self.indent = Some(indent);
        self
    }

    /// Whether `<`, `>`, `&`, U+2028 and U+2029 are escaped in strings and keys, so that the document can stand inside a `<script>` element
    /// and is also JavaScript. Readers see the same value. Quotes stay: an HTML attribute needs its own escaping.
    #[must_use]
    pub const fn html_safe(mut self, html_safe: bool) -> Self {
        self.html = html_safe;
        self
    }

    pub(super) fn layout(&self) -> Layout<'_> {
        Layout { indent: self.indent.as_deref(), html: self.html }
    }

    /// As [`to_vec`](crate::to_vec).
    ///
    /// # Errors
    ///
    /// As [`to_vec`](crate::to_vec).
    pub fn to_vec<T: Serialize + ?Sized>(&self, value: &T) -> Result<Vec<u8>, Error> {
        buffer::encode_to_vec(self.layout(), write::<Styled, T>(value))
    }

    /// As [`to_string`](crate::to_string).
    ///
    /// # Errors
    ///
    /// As [`to_vec`](crate::to_vec).
    pub fn to_string<T: Serialize + ?Sized>(&self, value: &T) -> Result<String, Error> {
        buffer::encode_string(self.layout(), write::<Styled, T>(value))
    }

    /// As [`to_buf`](crate::to_buf): appends, and leaves `buf` as it was on an error.
    ///
    /// # Errors
    ///
    /// As [`to_vec`](crate::to_vec).
    pub fn to_buf<B: Buffer, T: Serialize + ?Sized>(&self, buf: &mut B, value: &T) -> Result<(), Error> {
        buffer::encode_into(buf, self.layout(), write::<Styled, T>(value))
    }

    /// As [`to_writer`](crate::to_writer).
    ///
    /// # Errors
    ///
    /// As [`to_writer`](crate::to_writer).
    pub fn to_writer<W: io::Write, T: Serialize + ?Sized>(&self, mut writer: W, value: &T) -> Result<(), Error> {
        buffer::encode_to_writer(&mut writer, self.layout(), write::<Styled, T>(value))
    }

    /// A [`Serializer`] that writes this way.
    pub fn serializer<W: io::Write>(self, writer: W) -> Serializer<W, Styled> {
        Serializer::with_options(writer, self)
    }
}
