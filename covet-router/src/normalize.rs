//! The canonical form of a path, for services that decide by path before or beside routing.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::percent;

/// Decodes escaped unreserved bytes (letters, digits, `-`, `.`, `_`, `~`), writes the other escapes in upper case, and refuses what servers and proxies disagree
/// about. What RFC 3986 calls equivalent comes out equal, so that `/%61dmin` cannot slip past a rule for `/admin`; `%2F` stays `%2F`, and nothing is decoded twice.
///
/// Borrows when there is nothing to do; one pass then.
///
/// ```
/// # use covet_router::{normalize, PathErrorKind};
/// assert_eq!(normalize("/%61dmin/a%2fb")?, "/admin/a%2Fb");
/// assert_eq!(normalize("/a//b").unwrap_err().kind, PathErrorKind::EmptySegment);
/// assert_eq!(normalize("/a/%2e%2e/b").unwrap_err().kind, PathErrorKind::DotSegment);
/// # Ok::<(), covet_router::PathError>(())
/// ```
///
/// # Errors
///
/// A path that does not begin with `/`, an empty segment (`//`), a `.` or `..` segment (also escaped), a backslash, a malformed escape, a control character, `?` or `#`.
pub fn normalize(path: &str) -> Result<Cow<'_, str>, PathError> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(PathError { offset: 0, kind: PathErrorKind::MissingSlash });
    }
    let mut previous = 0;
    let mut escape = None;
    let mut suspicious = None;
    for (at, &b) in bytes.iter().enumerate() {
        match CLASS[usize::from(b)] {
            PLAIN => {}
            ESCAPE => escape = escape.or(Some(at)),
            // A slash or dot right after a slash: look closer.
            MARK => {
                if previous == b'/' {
                    suspicious = suspicious.or(Some(at));
                }
            }
            _ => return Err(PathError { offset: at, kind: forbidden(b) }),
        }
        previous = b;
    }
    if let Some(first) = escape {
        let decoded = decode_unreserved(path, first)?;
        check_segments(&decoded)?;
        return Ok(if decoded == path { Cow::Borrowed(path) } else { Cow::Owned(decoded) });
    }
    if suspicious.is_some() {
        check_segments(path)?;
    }
    Ok(Cow::Borrowed(path))
}

const PLAIN: u8 = 0;
const MARK: u8 = 1;
const ESCAPE: u8 = 2;
const FORBIDDEN: u8 = 3;

/// What each byte asks for.
const CLASS: [u8; 256] = {
    let mut class = [PLAIN; 256];
    let mut b = 0;
    while b < 256 {
        class[b] = match b {
            0..=0x1f | 0x7f | 0x3f | 0x23 | 0x5c => FORBIDDEN,
            0x2f | 0x2e => MARK,
            0x25 => ESCAPE,
            _ => PLAIN,
        };
        b += 1;
    }
    class
};

fn forbidden(b: u8) -> PathErrorKind {
    match b {
        b'?' | b'#' => PathErrorKind::QueryOrFragment,
        b'\\' => PathErrorKind::Backslash,
        _ => PathErrorKind::Control,
    }
}

fn decode_unreserved(path: &str, first: usize) -> Result<String, PathError> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    out.push_str(&path[..first]);
    rest = &rest[first..];
    while let Some(next) = rest.find('%') {
        out.push_str(&rest[..next]);
        let offset = path.len() - rest.len() + next;
        let byte = percent::escaped(rest.as_bytes(), next).ok_or(PathError { offset, kind: PathErrorKind::Escape })?;
        if percent::is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&rest[next..next + 3].to_ascii_uppercase());
        }
        rest = &rest[next + 3..];
    }
    out.push_str(rest);
    Ok(out)
}

fn check_segments(path: &str) -> Result<(), PathError> {
    let mut offset = 1;
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    for segment in segments {
        let last = offset + segment.len() >= path.len();
        match segment {
            "" if !last => return Err(PathError { offset, kind: PathErrorKind::EmptySegment }),
            "." | ".." => return Err(PathError { offset, kind: PathErrorKind::DotSegment }),
            _ => offset += segment.len() + 1,
        }
    }
    Ok(())
}

/// Why a path has no canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathError {
    /// Byte offset of the offence (for segments: in the path with its unreserved escapes decoded).
    pub offset: usize,
    /// What it is.
    pub kind: PathErrorKind,
}

/// What stands in the way of a canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathErrorKind {
    /// It does not begin with `/`: empty, `*`, absolute or authority form.
    MissingSlash,
    /// `//`.
    EmptySegment,
    /// A `.` or `..` segment.
    DotSegment,
    /// A backslash, which some clients and servers take for a slash.
    Backslash,
    /// `%` without two hexadecimal digits.
    Escape,
    /// A control character.
    Control,
    /// `?` or `#`.
    QueryOrFragment,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            PathErrorKind::MissingSlash => "the path does not begin with `/`",
            PathErrorKind::EmptySegment => "empty segment (`//`)",
            PathErrorKind::DotSegment => "`.` or `..` segment",
            PathErrorKind::Backslash => "backslash",
            PathErrorKind::Escape => "`%` without two hexadecimal digits",
            PathErrorKind::Control => "control character",
            PathErrorKind::QueryOrFragment => "`?` or `#` in a path",
        };
        write!(f, "{what} at byte {}", self.offset)
    }
}

impl Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        for (path, normal) in [
            ("/", "/"),
            ("/a/b/", "/a/b/"),
            ("/%61dmin", "/admin"),
            ("/%7Euser", "/~user"),
            ("/a%2fb", "/a%2Fb"),
            ("/%2561", "/%2561"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/é%41", "/éA"),
            ("/...", "/..."),
            ("/.well-known/x", "/.well-known/x"),
            ("/a.b/..c", "/a.b/..c"),
        ] {
            assert_eq!(normalize(path).unwrap(), normal, "{path}");
            assert_eq!(normalize(normal).unwrap(), normal, "a normal form is its own");
        }
        assert!(matches!(normalize("/a%2Fb"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn refusals() {
        use PathErrorKind as K;
        for (path, kind) in [
            ("", K::MissingSlash),
            ("*", K::MissingSlash),
            ("http://host/", K::MissingSlash),
            ("host:443", K::MissingSlash),
            ("//", K::EmptySegment),
            ("//host/x", K::EmptySegment),
            ("/a//b", K::EmptySegment),
            ("/a//", K::EmptySegment),
            ("/.", K::DotSegment),
            ("/a/..", K::DotSegment),
            ("/a/../b", K::DotSegment),
            ("/a/%2E./b", K::DotSegment),
            ("/%2e", K::DotSegment),
            ("/a\\b", K::Backslash),
            ("/%", K::Escape),
            ("/a%2", K::Escape),
            ("/%zz", K::Escape),
            ("/%é", K::Escape),
            ("/a\0", K::Control),
            ("/a?b", K::QueryOrFragment),
            ("/a#b", K::QueryOrFragment),
        ] {
            assert_eq!(normalize(path).map_err(|e| e.kind), Err(kind), "{path}");
        }
    }
}
