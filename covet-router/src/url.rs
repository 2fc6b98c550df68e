//! From a route's name and values back to a path.

use std::error::Error;
use std::fmt::{self, Display};

use crate::capture::capture;
use crate::core::Pass;
use crate::pattern::{Params, Segment};
use crate::percent;
use crate::router::Router;

/// A parameter for [`Router::url_for`]: a pair of a name and a value, or a reference to one.
pub trait UrlParam {
    /// The name.
    fn name(&self) -> &str;
    /// The value, not encoded.
    fn value(&self) -> String;
}

impl<K: AsRef<str>, V: Display> UrlParam for (K, V) {
    fn name(&self) -> &str {
        self.0.as_ref()
    }

    fn value(&self) -> String {
        self.1.to_string()
    }
}

impl<P: UrlParam> UrlParam for &P {
    fn name(&self) -> &str {
        P::name(self)
    }

    fn value(&self) -> String {
        P::value(self)
    }
}

impl<T> Router<T> {
    /// The path of a named route with these values in the place of its parameters.
    ///
    /// Values are encoded so that each stays within its segment (a catch-all keeps its slashes), and the path leads back to the same values. An optional
    /// parameter may be left out; those of a host are not part of the path and not wanted.
    ///
    /// ```
    /// # use covet_router::Router;
    /// let mut b = Router::builder();
    /// let id = b.insert("/users/{id}/files/{*path}", ())?;
    /// b.name(id, "file")?;
    /// let router = b.build()?;
    /// assert_eq!(router.url_for("file", [("id", "a/b"), ("path", "x/y z")])?, "/users/a%2Fb/files/x/y%20z");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An unknown route name; a missing, unknown or repeated parameter; a value that is empty, does not satisfy its type, is `.` or `..` (clients resolve
    /// those away), or would be read back differently.
    pub fn url_for<I>(&self, name: &str, params: I) -> Result<String, UrlError>
    where
        I: IntoIterator,
        I::Item: UrlParam,
    {
        let core = self.core();
        let route = core.names.get(name).and_then(|&i| core.routes.get(i as usize));
        let route = route.ok_or_else(|| UrlError::UnknownRoute { name: name.to_owned() })?;
        let mut values = Vec::new();
        for param in params {
            let name = param.name();
            if !route.segments.iter().flat_map(Segment::names).any(|n| n == name) {
                return Err(UrlError::UnknownParam { name: name.to_owned(), pattern: route.pattern.to_string() });
            }
            if values.iter().any(|(n, _)| n == name) {
                return Err(UrlError::RepeatedParam { name: name.to_owned() });
            }
            values.push((name.to_owned(), param.value()));
        }
        generate(&route.segments, &values)
    }
}

fn generate(pattern: &[Segment], values: &[(String, String)]) -> Result<String, UrlError> {
    let value = |name: &str| values.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let mut out = String::new();
    let mut present = Vec::new();
    for segment in pattern {
        let start = out.len();
        out.push('/');
        match segment {
            Segment::Literal(text) => out.push_str(text),
            Segment::Rest { name, may_be_empty } => {
                let text = value(name).or(may_be_empty.then_some("")).ok_or_else(|| missing(name))?;
                rest(&mut out, name, text, *may_be_empty)?;
            }
            Segment::Params(p) => {
                if p.optional && p.parts.iter().all(|part| value(&part.name).is_none()) {
                    out.truncate(start);
                    continue;
                }
                params(&mut out, p, &value)?;
                if matches!(&out[start..], "/." | "/..") {
                    return Err(UrlError::DotSegment { name: p.parts[0].name.to_string() });
                }
            }
        }
        present.push(segment.clone());
    }
    if out.is_empty() {
        out.push('/');
        return Ok(out);
    }
    verify(&present, &out, &value)?;
    Ok(out)
}

fn params<'v>(out: &mut String, p: &Params, value: &impl Fn(&str) -> Option<&'v str>) -> Result<(), UrlError> {
    out.push_str(&p.prefix);
    for part in &p.parts {
        let text = value(&part.name).ok_or_else(|| missing(&part.name))?;
        if text.is_empty() {
            return Err(UrlError::Empty { name: part.name.to_string() });
        }
        let start = out.len();
        percent::encode(out, text, false);
        // Constraints look at raw text: what a request will carry.
        if !part.kind.accepts(&out[start..]) {
            let (name, kind) = (part.name.to_string(), part.kind.to_string());
            return Err(UrlError::Constraint { name, kind, value: text.to_owned() });
        }
        out.push_str(&part.after);
    }
    Ok(())
}

fn rest(out: &mut String, name: &str, text: &str, may_be_empty: bool) -> Result<(), UrlError> {
    if text.is_empty() && !may_be_empty {
        return Err(UrlError::Empty { name: name.to_owned() });
    }
    if text.split('/').any(|s| matches!(s, "." | "..")) {
        return Err(UrlError::DotSegment { name: name.to_owned() });
    }
    percent::encode(out, text, true);
    Ok(())
}

fn missing(name: &str) -> UrlError {
    UrlError::MissingParam { name: name.to_owned() }
}

/// Reads the path back: with several parameters in a segment or several catch-alls, values can shift.
fn verify<'v>(present: &[Segment], path: &str, value: &impl Fn(&str) -> Option<&'v str>) -> Result<(), UrlError> {
    if path.starts_with("//") {
        return Err(UrlError::Ambiguous { path: path.to_owned() });
    }
    let mut names = present.iter().flat_map(Segment::names);
    let mut same = true;
    let matched = capture(present, path, false, false, &mut |(start, end)| {
        let raw = path.get(start..end).unwrap_or("");
        let expected = names.next().and_then(value).unwrap_or("");
        same &= percent::decode(raw).is_ok_and(|decoded| decoded == expected);
    });
    if matched && same { Ok(()) } else { Err(UrlError::Ambiguous { path: path.to_owned() }) }
}

/// A path that matches a pattern in another case, with the literals as the pattern spells them and the captures as they are.
pub(crate) fn respell(pattern: &[Segment], pass: Pass, path: &str) -> Option<String> {
    let mut spans = Vec::new();
    let matched = capture(pattern, pass.path(path), pass.added, true, &mut |span| spans.push(span));
    let mut texts = spans.into_iter().map(|(start, end)| path.get(start..end).unwrap_or(""));
    let mut out = String::new();
    for segment in pattern {
        out.push('/');
        match segment {
            Segment::Literal(text) => out.push_str(text),
            Segment::Rest { .. } => out.push_str(texts.next()?),
            Segment::Params(p) => {
                out.push_str(&p.prefix);
                for part in &p.parts {
                    let text = texts.next()?;
                    match &part.kind {
                        crate::kind::Kind::OneOf(list) => {
                            out.push_str(list.iter().find(|s| s.eq_ignore_ascii_case(text))?);
                        }
                        _ => out.push_str(text),
                    }
                    out.push_str(&part.after);
                }
            }
        }
    }
    matched.then_some(out)
}

/// Why a path could not be generated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// No route has this name.
    UnknownRoute {
        /// The name.
        name: String,
    },
    /// A parameter of the pattern was not given.
    MissingParam {
        /// The parameter.
        name: String,
    },
    /// The pattern has no parameter of this name.
    UnknownParam {
        /// The parameter.
        name: String,
        /// The pattern.
        pattern: String,
    },
    /// A parameter was given twice.
    RepeatedParam {
        /// The parameter.
        name: String,
    },
    /// The value is empty.
    Empty {
        /// The parameter.
        name: String,
    },
    /// The value does not satisfy the parameter's type.
    Constraint {
        /// The parameter.
        name: String,
        /// Its type.
        kind: String,
        /// The value.
        value: String,
    },
    /// The segment would be `.` or `..`, which clients resolve before they send a request.
    DotSegment {
        /// The parameter.
        name: String,
    },
    /// The path would be read back with other values, or begin with two slashes.
    Ambiguous {
        /// The path.
        path: String,
    },
}

impl Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRoute { name } => write!(f, "no route is named `{name}`"),
            Self::MissingParam { name } => write!(f, "parameter `{name}` is missing"),
            Self::UnknownParam { name, pattern } => write!(f, "`{pattern}` has no parameter `{name}`"),
            Self::RepeatedParam { name } => write!(f, "parameter `{name}` is given twice"),
            Self::Empty { name } => write!(f, "parameter `{name}` is empty"),
            Self::Constraint { name, kind, value } => {
                write!(f, "parameter `{name}`: `{value}` is not of type `{kind}`")
            }
            Self::DotSegment { name } => write!(f, "parameter `{name}` makes a `.` or `..` segment"),
            Self::Ambiguous { path } => write!(f, "`{path}` would be read back with other values"),
        }
    }
}

impl Error for UrlError {}
