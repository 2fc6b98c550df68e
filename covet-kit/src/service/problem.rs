//! Failures as RFC 9457 problem documents that say what the client did wrong and nothing of what the service holds.
//!
//! A problem has a fixed code, a fixed title and, for JSON, a position. It never carries another error's message: serde's messages
//! repeat input values (passwords among them), database errors carry SQL, client errors carry URLs. Log those instead.

use std::fmt;

use http::{HeaderValue, Response, StatusCode, header};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::Body;

/// The longest path that a problem repeats, in bytes: keys in it come from the client.
const MAX_PATH: usize = 128;

/// A problem document (RFC 9457), ready to be a response.
///
/// ```
/// use covet_kit::service::Problem;
/// use http::StatusCode;
///
/// let response = Problem::new(StatusCode::CONFLICT, "name-taken", "The name is taken").into_response();
/// assert_eq!(response.headers()["content-type"], "application/problem+json");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    position: Option<Position>,
    headers: Vec<(header::HeaderName, HeaderValue)>,
}

#[derive(Clone, PartialEq, Eq)]
struct Position {
    line: usize,
    column: usize,
    path: String,
}

impl Problem {
    /// A problem with a status, a code for machines (lower case, hyphens) and a title for people. Both texts are constants: what is
    /// in them cannot depend on a request.
    #[must_use]
    pub const fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, position: None, headers: Vec::new() }
    }

    /// 404: nothing is at this path.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing at this path")
    }

    /// 500, without a reason: that belongs into the log.
    #[must_use]
    pub const fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service failed")
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code for machines.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Where in a JSON body the failure is. The path is cut to 128 bytes, with its control and non-ASCII characters escaped.
    #[must_use]
    pub fn at(mut self, line: usize, column: usize, path: &str) -> Self {
        self.position = Some(Position { line, column, path: shorten(path) });
        self
    }

    /// The response: the document, `application/problem+json`, not to be stored by caches.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.document()));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers());
        response
    }

    /// The encoded document.
    pub(crate) fn document(&self) -> Vec<u8> {
        // A struct of numbers and strings always encodes.
        covet_json::to_vec(self).unwrap_or_default()
    }

    /// All headers of the response.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (header::HeaderName, HeaderValue)> {
        let fixed = [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        fixed
            .into_iter()
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .chain(self.headers.iter().cloned())
    }
}

fn shorten(path: &str) -> String {
    let escaped = path.escape_default();
    let mut short = String::with_capacity(path.len().min(MAX_PATH));
    for escape in escaped {
        if short.len() == MAX_PATH {
            short.truncate(MAX_PATH - 3);
            short.push_str("...");
            break;
        }
        short.push(escape);
    }
    short
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("Problem", 6)?;
        document.serialize_field("title", self.title)?;
        document.serialize_field("status", &self.status.as_u16())?;
        document.serialize_field("code", self.code)?;
        if let Some(position) = &self.position {
            document.serialize_field("line", &position.line)?;
            document.serialize_field("column", &position.column)?;
            document.serialize_field("path", &position.path)?;
        }
        document.end()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.title)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({self}")?;
        if let Some(Position { line, column, path }) = &self.position {
            write!(f, " at {line}:{column} {path}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for Response<Body> {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_short_and_plain() {
        assert_eq!(shorten("$.users[3].email"), "$.users[3].email");
        assert_eq!(shorten("$.\u{7f}é\n"), "$.\\u{7f}\\u{e9}\\n");
        let long = shorten(&"k".repeat(10_000));
        assert_eq!(long.len(), MAX_PATH);
        assert!(long.ends_with("..."));
        assert_eq!(shorten(&"k".repeat(MAX_PATH)), "k".repeat(MAX_PATH));
    }
}
