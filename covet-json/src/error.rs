//! The one error type of the crate: a boxed record, so that `Result<T, Error>` stays one pointer wide on the paths that
//! succeed, and so that position and path cost nothing until something fails.

#![forbid(unsafe_code)]

use std::fmt::{self, Display, Write as _};
use std::io;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where in the text, and where in the value.
///
/// The value is one pointer wide. Decoding errors carry the position in the input and the path of the value that could not be
/// decoded; the path is put together only while an error travels up, so it costs nothing when decoding succeeds.
///
/// ```
/// let error = covet_json::from_str::<Vec<u8>>("[1,\n 2, -3]").unwrap_err();
/// assert_eq!((error.line(), error.column(), error.offset()), (2, 5, 8));
/// assert_eq!(error.path(), "$[2]");
/// assert!(error.is_data());
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    code: Code,
    /// Line (0 while the position is unknown), column and byte offset.
    line: usize,
    column: usize,
    offset: usize,
    /// Innermost first: segments are pushed while the error travels outwards.
    path: Vec<Segment>,
}

/// One step of the path from the root to the value that failed.
enum Segment {
    Key(Box<str>),
    Index(usize),
}

/// Longest part of a key, in bytes, that a path repeats: the key comes from outside and may be as large as the input.
const MAX_KEY_IN_PATH: usize = 120;

/// Why an operation failed.
#[derive(Debug)]
pub(crate) enum Code {
    /// A message of serde or of the user's types.
    Message(Box<str>),
    /// The reader or writer underneath failed.
    Io(io::Error),
    EofInValue,
    EofInString,
    EofInArray,
    EofInObject,
    ExpectedValue,
    ExpectedLiteral,
    ExpectedColon,
    ExpectedCommaOrBracket,
    ExpectedCommaOrBrace,
    ExpectedKey,
    ExpectedNumericKey,
    ExpectedQuoteAfterKey,
    ExpectedVariant,
    ExpectedBraceAfterVariant,
    TrailingComma,
    TrailingCharacters,
    InvalidEscape,
    InvalidUnicodeEscape,
    LoneSurrogate,
    ControlCharacter,
    InvalidUtf8,
    InvalidNumber,
    NumberOutOfRange,
    DuplicateKey(Box<str>),
    DepthLimit(usize),
    BytesLimit(usize),
    StringLimit(usize),
    ItemsLimit(usize),
    ElementLimit(usize),
    /// The bytes pushed so far end inside a token; never seen outside the crate.
    Starved,
    /// The pointer does not lead to an array.
    NoArray,
    /// Encoding: a map key that is neither a string nor something JSON writes as one.
    KeyMustBeString,
    /// Encoding: a float key that is NaN or infinite.
    KeyMustBeFinite,
    /// Canonical encoding: NaN and infinities have no canonical form.
    NotFinite,
    /// Canonical encoding: an integer that a double cannot hold exactly.
    InexactInteger,
}

/// The families that the `is_*` predicates tell apart.
#[derive(PartialEq, Eq)]
enum Category {
    Syntax,
    Data,
    Eof,
    Io,
    Limit,
}

impl Code {
    fn category(&self) -> Category {
        match self {
            Code::Message(_)
            | Code::DuplicateKey(_)
            | Code::NoArray
            | Code::KeyMustBeString
            | Code::KeyMustBeFinite
            | Code::NotFinite
            | Code::InexactInteger => Category::Data,
            Code::Io(_) => Category::Io,
            Code::Starved | Code::EofInValue | Code::EofInString | Code::EofInArray | Code::EofInObject => {
                Category::Eof
            }
            Code::DepthLimit(_)
            | Code::BytesLimit(_)
            | Code::StringLimit(_)
            | Code::ItemsLimit(_)
            | Code::ElementLimit(_) => Category::Limit,
            _ => Category::Syntax,
        }
    }
}

impl Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Code::Message(message) => message,
            Code::Io(error) => return Display::fmt(error, f),
            Code::DuplicateKey(key) => return write!(f, "duplicate key {key:?}"),
            Code::DepthLimit(limit) => return write!(f, "nested deeper than the limit of {limit} levels"),
            Code::BytesLimit(limit) => return write!(f, "input longer than the limit of {limit} bytes"),
            Code::StringLimit(limit) => return write!(f, "string longer than the limit of {limit} bytes"),
            Code::ItemsLimit(limit) => {
                return write!(f, "more elements in one array or object than the limit of {limit}");
            }
            Code::ElementLimit(limit) => return write!(f, "streamed element longer than the limit of {limit} bytes"),
            Code::Starved => "more input is needed",
            Code::NoArray => "the pointer does not lead to an array",
            Code::EofInValue => "input ended where a value was expected",
            Code::EofInString => "input ended inside a string",
            Code::EofInArray => "input ended inside an array",
            Code::EofInObject => "input ended inside an object",
            Code::ExpectedValue => "expected a value",
            Code::ExpectedLiteral => "expected `null`, `true` or `false`",
            Code::ExpectedColon => "expected `:` after the key",
            Code::ExpectedCommaOrBracket => "expected `,` or `]`",
            Code::ExpectedCommaOrBrace => "expected `,` or `}`",
            Code::ExpectedKey => "expected a string as the key",
            Code::ExpectedNumericKey => "invalid key: expected a number in quotes",
            Code::ExpectedQuoteAfterKey => "invalid key: expected `\"` after the number",
            Code::ExpectedVariant => "expected a string or an object that names an enum variant",
            Code::ExpectedBraceAfterVariant => "expected `}` after the content of the enum variant",
            Code::TrailingComma => "trailing comma",
            Code::TrailingCharacters => "trailing characters after the value",
            Code::InvalidEscape => "invalid escape: expected one of `\"\\/bfnrtu` after the backslash",
            Code::InvalidUnicodeEscape => "invalid escape: expected four hexadecimal digits after `\\u`",
            Code::LoneSurrogate => "lone surrogate in a `\\u` escape",
            Code::ControlCharacter => "control character in a string: it must be escaped",
            Code::InvalidUtf8 => "invalid UTF-8",
            Code::InvalidNumber => "invalid number",
            Code::NumberOutOfRange => "number out of range",
            Code::KeyMustBeString => "key must be a string",
            Code::KeyMustBeFinite => "float key must be finite",
            Code::NotFinite => "NaN and infinities have no canonical form",
            Code::InexactInteger => "integer is not exactly representable as a double",
        };
        f.write_str(text)
    }
}

impl Error {
    /// Line of the failure, counted from 1; 0 if the error has no position (encoding, I/O).
    #[must_use]
    pub fn line(&self) -> usize {
        self.inner.line
    }

    /// Column of the failure in bytes, counted from 1; 0 if the error has no position.
    #[must_use]
    pub fn column(&self) -> usize {
        self.inner.column
    }

    /// Byte offset of the failure in the input, counted from 0; 0 if the error has no position.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.inner.offset
    }

    /// Where in the value decoding failed, from the root `$`: `$.users[3].email`. Keys that are not plain identifiers are
    /// quoted (`$["odd key"]`), long ones shortened. Costs one pass over the segments.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::from("$");
        for segment in self.inner.path.iter().rev() {
            // Writing to a `String` cannot fail.
            let _ = match segment {
                Segment::Index(index) => write!(path, "[{index}]"),
                Segment::Key(key) if is_plain(key) => write!(path, ".{key}"),
                Segment::Key(key) => write!(path, "[{key:?}]"),
            };
        }
        path
    }

    /// The input is not JSON.
    #[must_use]
    pub fn is_syntax(&self) -> bool {
        self.inner.code.category() == Category::Syntax
    }

    /// The input is JSON but does not fit the type, or the value cannot be written as JSON.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.inner.code.category() == Category::Data
    }

    /// The input ended too early; more bytes might have made it whole.
    #[must_use]
    pub fn is_eof(&self) -> bool {
        self.inner.code.category() == Category::Eof
    }

    /// The reader or writer underneath failed.
    #[must_use]
    pub fn is_io(&self) -> bool {
        self.inner.code.category() == Category::Io
    }

    /// One of the limits of `DecodeOptions` or of a stream was reached.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        self.inner.code.category() == Category::Limit
    }

    /// The kind of the I/O failure, if [`is_io`](Error::is_io).
    #[must_use]
    pub fn io_error_kind(&self) -> Option<io::ErrorKind> {
        match &self.inner.code {
            Code::Io(error) => Some(error.kind()),
            _ => None,
        }
    }

    /// An error without a position.
    #[cold]
    #[inline(never)]
    pub(crate) fn new(code: Code) -> Error {
        Error { inner: Box::new(Inner { code, line: 0, column: 0, offset: 0, path: Vec::new() }) }
    }

    /// An I/O failure.
    #[cold]
    pub(crate) fn io(error: io::Error) -> Error {
        Error::new(Code::Io(error))
    }

    /// Whether the error only says that more bytes must be pushed.
    pub(crate) fn is_starved(&self) -> bool {
        matches!(self.inner.code, Code::Starved)
    }

    /// Gives the error its position, unless an inner layer knew better.
    #[must_use]
    pub(crate) fn at(mut self, line: usize, column: usize, offset: usize) -> Error {
        if self.inner.line == 0 {
            (self.inner.line, self.inner.column, self.inner.offset) = (line, column, offset);
        }
        self
    }

    /// Prepends a key to the path.
    pub(crate) fn push_key(&mut self, key: &str) {
        let key = match key.char_indices().map(|(at, _)| at).find(|&at| at >= MAX_KEY_IN_PATH) {
            Some(end) => format!("{}...", &key[..end]),
            None => key.to_owned(),
        };
        self.inner.path.push(Segment::Key(key.into_boxed_str()));
    }

    /// Prepends an index to the path.
    pub(crate) fn push_index(&mut self, index: usize) {
        self.inner.path.push(Segment::Index(index));
    }
}

/// Whether a key can stand behind a dot without quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c == '_' || c == '-' || c.is_alphanumeric())
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.inner.code, f)?;
        if self.inner.line != 0 {
            write!(f, " at line {} column {}", self.inner.line, self.inner.column)?;
        }
        if !self.inner.path.is_empty() {
            write!(f, " ({})", self.path())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.inner.code)
            .field("line", &self.inner.line)
            .field("column", &self.inner.column)
            .field("offset", &self.inner.offset)
            .field("path", &self.path())
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.inner.code {
            Code::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl serde::de::Error for Error {
    #[cold]
    fn custom<T: Display>(message: T) -> Error {
        Error::new(Code::Message(message.to_string().into_boxed_str()))
    }
}

impl serde::ser::Error for Error {
    #[cold]
    fn custom<T: Display>(message: T) -> Error {
        Error::new(Code::Message(message.to_string().into_boxed_str()))
    }
}

impl From<Error> for io::Error {
    /// An I/O failure comes out as it went in; an early end becomes `UnexpectedEof`, everything else `InvalidData`.
    fn from(error: Error) -> io::Error {
        match error.inner.code {
            Code::Io(error) => error,
            _ if error.is_eof() => io::Error::new(io::ErrorKind::UnexpectedEof, error),
            _ => io::Error::new(io::ErrorKind::InvalidData, error),
        }
    }
}
