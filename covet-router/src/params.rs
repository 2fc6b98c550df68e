//! What a request put in the place of parameters: borrowed from router and path, or owned.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::core::{More, ParamInfo, Variant};
use crate::percent::{self, Undecodable};
use crate::walk::{CELLS, unpack};

/// The parameters of a match, in the order of the pattern (those of the host first).
///
/// Up to sixteen are held inline; values are slices of the path as it was given, still percent-encoded. [`decode`](Self::decode) and
/// [`parse`](Self::parse) decode once.
#[derive(Clone)]
pub struct Params<'r, 'p> {
    pub(crate) path: &'p str,
    pub(crate) host: &'p str,
    pub(crate) variant: &'r Variant,
    pub(crate) cells: [u32; CELLS],
    pub(crate) more: Option<Box<More>>,
}

impl<'r, 'p> Params<'r, 'p> {
    /// How many parameters there are. An optional one that is absent does not count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.variant.params.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variant.params.is_empty()
    }

    /// The raw text of the parameter of this name. Costs a comparison per parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'p str> {
        self.variant.params.iter().find(|p| *p.name == *name).map(|p| self.value(p))
    }

    /// Name and raw text of the parameter at this position.
    #[must_use]
    pub fn nth(&self, index: usize) -> Option<(&'r str, &'p str)> {
        self.variant.params.get(index).map(|p| (&*p.name, self.value(p)))
    }

    /// Names and raw texts.
    pub fn iter(&self) -> ParamsIter<'_, 'r, 'p> {
        ParamsIter { params: self, next: 0 }
    }

    /// The decoded value of a parameter, parsed.
    ///
    /// # Errors
    ///
    /// No parameter of this name, a malformed escape, invalid UTF-8, or a value that does not parse; the error names the parameter.
    pub fn parse<V>(&self, name: &str) -> Result<V, ParamError>
    where
        V: FromStr,
        V::Err: fmt::Display,
    {
        parse(name, self.get(name))
    }

    /// The value of a parameter, every escape decoded exactly once. Borrows when there is nothing to decode.
    ///
    /// # Errors
    ///
    /// No parameter of this name, a malformed escape, or bytes that are not UTF-8 after decoding.
    pub fn decode(&self, name: &str) -> Result<Cow<'p, str>, ParamError> {
        decode(name, self.get(name))
    }

    /// A copy that borrows nothing and fits `http::Extensions`. Allocates one text and one list.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "the owned form is another type, as with `Path` and `PathBuf`")]
    pub fn to_owned(&self) -> OwnedParams {
        let mut text = String::new();
        let ends = self.iter().map(|(_, value)| {
            text.push_str(value);
            text.len()
        });
        let ends = ends.collect();
        OwnedParams { names: Arc::clone(&self.variant.params), text: text.into(), ends }
    }

    /// Deserializes the decoded values: a struct or map by name, a tuple or sequence by position, a plain value from the only parameter.
    ///
    /// # Errors
    ///
    /// A value that cannot be decoded or does not fit its type, a missing field, or a shape that parameters do not have; the error
    /// names the parameter.
    #[cfg(feature = "serde")]
    pub fn deserialize<T: serde::Deserialize<'p>>(&self) -> Result<T, crate::DeserializeError> {
        crate::de::from_pairs(self.iter().collect())
    }

    #[inline]
    fn value(&self, param: &ParamInfo) -> &'p str {
        let cells = self.more.as_ref().map_or(self.cells.as_slice(), |more| &more.0);
        let (start, end) = unpack(cells.get(usize::from(param.cell)).copied().unwrap_or(0));
        let text = if param.from_host { self.host } else { self.path };
        text.get(start..end).unwrap_or("")
    }
}

fn decode<'p>(name: &str, value: Option<&'p str>) -> Result<Cow<'p, str>, ParamError> {
    let value = value.ok_or_else(|| ParamError { name: name.into(), kind: ParamErrorKind::Missing })?;
    percent::decode(value).map_err(|e| ParamError {
        name: name.into(),
        kind: match e {
            Undecodable::Escape(_) => ParamErrorKind::Escape,
            Undecodable::Utf8 => ParamErrorKind::Utf8,
        },
    })
}

fn parse<V>(name: &str, value: Option<&str>) -> Result<V, ParamError>
where
    V: FromStr,
    V::Err: fmt::Display,
{
    let value = decode(name, value)?;
    value
        .parse()
        .map_err(|e: V::Err| ParamError { name: name.into(), kind: ParamErrorKind::Value { message: e.to_string() } })
}

impl fmt::Debug for Params<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl PartialEq for Params<'_, '_> {
    /// Same names and values in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, 'r, 'p> IntoIterator for &'a Params<'r, 'p> {
    type Item = (&'r str, &'p str);
    type IntoIter = ParamsIter<'a, 'r, 'p>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Names and raw texts of [`Params`].
#[derive(Clone, Debug)]
pub struct ParamsIter<'a, 'r, 'p> {
    params: &'a Params<'r, 'p>,
    next: usize,
}

impl<'r, 'p> Iterator for ParamsIter<'_, 'r, 'p> {
    type Item = (&'r str, &'p str);

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.params.nth(self.next)?;
        self.next += 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.params.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for ParamsIter<'_, '_, '_> {}

/// Parameters that borrow nothing; cheap to keep in request extensions.
#[derive(Clone)]
pub struct OwnedParams {
    names: Arc<[ParamInfo]>,
    /// All values, one after the other, and where each ends.
    text: Box<str>,
    ends: Box<[usize]>,
}

impl OwnedParams {
    /// How many parameters there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The raw text of the parameter of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// Names and raw texts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(self.ends.iter().copied());
        self.names.iter().zip(spans).map(|(p, (start, end))| (&*p.name, self.text.get(start..end).unwrap_or("")))
    }

    /// As [`Params::parse`].
    ///
    /// # Errors
    ///
    /// As [`Params::parse`].
    pub fn parse<V>(&self, name: &str) -> Result<V, ParamError>
    where
        V: FromStr,
        V::Err: fmt::Display,
    {
        parse(name, self.get(name))
    }

    /// As [`Params::decode`].
    ///
    /// # Errors
    ///
    /// As [`Params::decode`].
    pub fn decode(&self, name: &str) -> Result<Cow<'_, str>, ParamError> {
        decode(name, self.get(name))
    }

    /// As [`Params::deserialize`].
    ///
    /// # Errors
    ///
    /// As [`Params::deserialize`].
    #[cfg(feature = "serde")]
    pub fn deserialize<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, crate::DeserializeError> {
        crate::de::from_pairs(self.iter().collect())
    }
}

impl fmt::Debug for OwnedParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Why a parameter's value could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParamError {
    /// The parameter.
    pub name: String,
    /// What is wrong.
    pub kind: ParamErrorKind,
}

impl ParamError {
    /// Whether the request is at fault (as opposed to a name the route does not have): a 400, not a 500.
    #[must_use]
    pub fn is_bad_request(&self) -> bool {
        !matches!(self.kind, ParamErrorKind::Missing)
    }
}

/// What is wrong with a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamErrorKind {
    /// The matched pattern has no parameter of this name, or it is optional and absent.
    Missing,
    /// `%` without two hexadecimal digits.
    Escape,
    /// Not UTF-8 after decoding.
    Utf8,
    /// The value does not parse.
    Value {
        /// What the parser said.
        message: String,
    },
}

impl fmt::Display for ParamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind } = self;
        match kind {
            ParamErrorKind::Missing => write!(f, "there is no parameter `{name}`"),
            ParamErrorKind::Escape => write!(f, "parameter `{name}`: `%` without two hexadecimal digits"),
            ParamErrorKind::Utf8 => write!(f, "parameter `{name}`: not UTF-8 after decoding"),
            ParamErrorKind::Value { message } => write!(f, "parameter `{name}`: {message}"),
        }
    }
}

impl Error for ParamError {}
