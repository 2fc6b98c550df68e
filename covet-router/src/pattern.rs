//! Parsing of patterns (paths and hosts) into segments.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::error::PatternErrorKind as E;
use crate::kind::{Kind, Predicate};
use crate::order;

/// The most segments a pattern can have: match scratch is sized for it.
pub(crate) const MAX_SEGMENTS: usize = 64;
/// The most parameters a pattern can have.
pub(crate) const MAX_PARAMS: usize = 255;
/// The most parameters one segment can have: the memory of failures in a constrained segment is sized for it.
pub(crate) const MAX_PARAMS_IN_SEGMENT: usize = 32;
/// The most optional segments a pattern can have: each doubles the number of variants.
pub(crate) const MAX_OPTIONAL: usize = 4;
/// The longest pattern text in bytes.
pub(crate) const MAX_PATTERN: usize = 8 * 1024;

pub(crate) type Predicates = HashMap<Box<str>, Arc<Predicate>>;

/// One segment of a pattern.
#[derive(Clone, Debug)]
pub(crate) enum Segment {
    /// Literal text, possibly empty.
    Literal(Box<str>),
    /// One or more parameters with literals around them.
    Params(Params),
    /// One or more whole segments.
    Rest { name: Box<str>, may_be_empty: bool },
}

/// A segment with parameters: `prefix {p0} after0 {p1} after1 ...`; every `after` but the last is non-empty.
#[derive(Clone, Debug)]
pub(crate) struct Params {
    pub(crate) prefix: Box<str>,
    pub(crate) parts: Vec<Part>,
    pub(crate) optional: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) name: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) after: Box<str>,
}

impl Params {
    /// The literal after the last parameter.
    pub(crate) fn suffix(&self) -> &str {
        self.parts.last().map_or("", |p| &p.after)
    }

    /// A single parameter without literals.
    pub(crate) fn whole(&self) -> Option<&Kind> {
        match self.parts.as_slice() {
            [part] if self.prefix.is_empty() && part.after.is_empty() => Some(&part.kind),
            _ => None,
        }
    }
}

impl Segment {
    /// The text that identifies the segment when parameter names do not matter.
    pub(crate) fn write_shape(&self, out: &mut String) {
        match self {
            Self::Literal(text) => write_literal(out, text),
            Self::Params(p) => {
                write_literal(out, &p.prefix);
                for part in &p.parts {
                    out.push_str("{:");
                    let _ = write!(out, "{}", part.kind);
                    out.push('}');
                    write_literal(out, &part.after);
                }
            }
            Self::Rest { may_be_empty, .. } => out.push_str(if *may_be_empty { "{*?}" } else { "{*}" }),
        }
    }

    /// Feeds `state` what [`write_shape`](Self::write_shape) writes, without writing it; the types of parameters are left out.
    pub(crate) fn hash_shape(&self, state: &mut impl Hasher) {
        match self {
            Self::Literal(text) => text.hash(state),
            Self::Params(p) => {
                state.write_u8(b'{');
                p.prefix.hash(state);
                p.parts.iter().for_each(|part| part.after.hash(state));
            }
            Self::Rest { may_be_empty, .. } => state.write_u8(if *may_be_empty { b'?' } else { b'*' }),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let (parts, rest): (&[Part], Option<&str>) = match self {
            Self::Literal(_) => (&[], None),
            Self::Params(p) => (&p.parts, None),
            Self::Rest { name, .. } => (&[], Some(name)),
        };
        parts.iter().map(|p| &*p.name).chain(rest)
    }

    pub(crate) fn is_optional(&self) -> bool {
        matches!(self, Self::Params(Params { optional: true, .. }))
    }

    /// The segment with its ASCII letters in lower case, for case-insensitive tables.
    pub(crate) fn folded(&self) -> Self {
        match self {
            Self::Literal(text) => Self::Literal(text.to_ascii_lowercase().into()),
            Self::Params(p) => Self::Params(Params {
                prefix: p.prefix.to_ascii_lowercase().into(),
                parts: p
                    .parts
                    .iter()
                    .map(|part| Part {
                        name: part.name.clone(),
                        kind: match &part.kind {
                            Kind::OneOf(list) => {
                                let mut list: Vec<Box<str>> =
                                    list.iter().map(|s| s.to_ascii_lowercase().into()).collect();
                                list.sort();
                                list.dedup();
                                Kind::OneOf(list.into())
                            }
                            other => other.clone(),
                        },
                        after: part.after.to_ascii_lowercase().into(),
                    })
                    .collect(),
                optional: p.optional,
            }),
            Self::Rest { .. } => self.clone(),
        }
    }
}

fn write_literal(out: &mut String, text: &str) {
    if !text.contains(['{', '}']) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        if matches!(c, '{' | '}') {
            out.push(c);
        }
        out.push(c);
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        match self {
            Self::Literal(text) => write_literal(&mut out, text),
            Self::Params(p) => {
                write_literal(&mut out, &p.prefix);
                for part in &p.parts {
                    let _ = write!(out, "{{{}", part.name);
                    if !part.kind.is_plain() {
                        let _ = write!(out, ":{}", part.kind);
                    }
                    out.push_str(if p.optional { "?}" } else { "}" });
                    write_literal(&mut out, &part.after);
                }
            }
            Self::Rest { name, may_be_empty } => {
                let _ = write!(out, "{{*{name}{}}}", if *may_be_empty { "?" } else { "" });
            }
        }
        f.write_str(&out)
    }
}

/// What separates segments: `/` in paths, `.` in hosts.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Syntax {
    Path,
    Host,
}

/// Parses a path pattern. The error carries the byte offset it was found at.
pub(crate) fn parse_path(text: &str, predicates: &Predicates) -> Result<Vec<Segment>, (usize, E)> {
    if text.is_empty() {
        return Err((0, E::Empty));
    }
    let Some(rest) = text.strip_prefix('/') else {
        return Err((0, E::MissingSlash));
    };
    let segments = parse(rest, Syntax::Path, predicates).map_err(|(at, e)| (at + 1, e))?;
    let optional = segments.iter().filter(|s| s.is_optional()).count();
    if optional > MAX_OPTIONAL {
        return Err((text.len(), E::TooManyOptional { max: MAX_OPTIONAL }));
    }
    Ok(segments)
}

/// Parses a host pattern into labels, rightmost first (the most significant one).
pub(crate) fn parse_host(text: &str, predicates: &Predicates) -> Result<Vec<Segment>, (usize, E)> {
    if text.is_empty() {
        return Err((0, E::Empty));
    }
    let mut labels = parse(text, Syntax::Host, predicates)?;
    if labels.iter().any(|l| l.is_optional() || matches!(l, Segment::Rest { may_be_empty: true, .. })) {
        return Err((text.len(), E::OptionalInHost));
    }
    if labels.iter().any(|l| matches!(l, Segment::Literal(t) if t.is_empty())) {
        return Err((text.len(), E::EmptyLabel));
    }
    labels.reverse();
    if labels.iter().rev().skip(1).any(|l| matches!(l, Segment::Rest { .. })) {
        return Err((text.len(), E::RestNotWhole));
    }
    Ok(labels.iter().map(Segment::folded).collect())
}

fn parse(text: &str, syntax: Syntax, predicates: &Predicates) -> Result<Vec<Segment>, (usize, E)> {
    if text.len() > MAX_PATTERN {
        return Err((MAX_PATTERN, E::TooLong { max: MAX_PATTERN }));
    }
    let separator = if syntax == Syntax::Path { '/' } else { '.' };
    let mut segments = Vec::with_capacity(1 + text.bytes().filter(|&b| b == separator as u8).count());
    let mut current = Pieces::default();
    let special = |c: char| matches!(c, '{' | '}' | '/' | '?' | '#') || c == separator;
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && !rest.is_empty()
    {
        if current.is_empty()
            && let Some((segment, len)) = whole(rest, separator, predicates).map_err(|e| (at, e))?
        {
            segments.push(segment);
            at += len + 1;
            if at <= text.len() {
                continue;
            }
            check_whole(&segments).map_err(|e| (text.len(), e))?;
            return Ok(segments);
        }
        let run = rest.find(special).unwrap_or(rest.len());
        current.literal.push_str(&rest[..run]);
        at += run;
        let mut following = rest[run..].chars();
        let Some(c) = following.next() else { break };
        let doubled = following.next() == Some(c);
        match c {
            '{' | '}' if doubled => {
                current.literal.push(c);
                at += 1;
            }
            '}' => return Err((at, E::UnmatchedClose)),
            '{' => {
                let close = text[at..].find('}').map(|n| at + n).ok_or((at, E::UnmatchedOpen))?;
                let spec = parse_spec(&text[at + 1..close], predicates).map_err(|e| (at, e))?;
                current.param(spec).map_err(|e| (at, e))?;
                at = close;
            }
            '?' | '#' => return Err((at, E::QueryOrFragment)),
            c if c == separator => segments.push(std::mem::take(&mut current).finish().map_err(|e| (at, e))?),
            _ => return Err((at, E::SlashInHost)),
        }
        at += 1;
    }
    segments.push(current.finish().map_err(|e| (text.len(), e))?);
    check_whole(&segments).map_err(|e| (text.len(), e))?;
    Ok(segments)
}

fn check_whole(segments: &[Segment]) -> Result<(), E> {
    if segments.len() > MAX_SEGMENTS {
        return Err(E::TooManySegments { max: MAX_SEGMENTS });
    }
    let names = || segments.iter().flat_map(Segment::names);
    if names().nth(MAX_PARAMS).is_some() {
        return Err(E::TooManyParams { max: MAX_PARAMS });
    }
    for (i, name) in names().enumerate() {
        if names().take(i).any(|other| other == name) {
            return Err(E::DuplicateName { name: name.into() });
        }
    }
    Ok(())
}

/// A segment at the beginning of `text` that is nothing but literal text or one parameter, and its length; read in one go because most are.
/// What is doubtful is left to [`parse`].
fn whole(text: &str, separator: char, predicates: &Predicates) -> Result<Option<(Segment, usize)>, E> {
    let special = |b: &u8| matches!(b, b'{' | b'}' | b'/' | b'?' | b'#') || char::from(*b) == separator;
    let bytes = text.as_bytes();
    let ends_at = |at: usize| bytes.get(at).is_none_or(|&b| char::from(b) == separator);
    let literal = bytes.iter().position(special).unwrap_or(bytes.len());
    if literal > 0 {
        return Ok(ends_at(literal).then(|| (Segment::Literal(text[..literal].into()), literal)));
    }
    if !text.starts_with('{') || text.starts_with("{{") {
        return Ok(None);
    }
    let Some(close) = bytes.iter().position(|&b| b == b'}').filter(|&at| ends_at(at + 1)) else {
        return Ok(None);
    };
    let segment = match parse_spec(&text[1..close], predicates)? {
        Spec::Rest { name, may_be_empty } => Segment::Rest { name, may_be_empty },
        Spec::Param { name, kind, optional } => Segment::Params(Params {
            prefix: Box::default(),
            parts: vec![Part { name, kind, after: Box::default() }],
            optional,
        }),
    };
    Ok(Some((segment, close + 1)))
}

/// What stands between one pair of braces.
enum Spec {
    Param { name: Box<str>, kind: Kind, optional: bool },
    Rest { name: Box<str>, may_be_empty: bool },
}

fn parse_spec(spec: &str, predicates: &Predicates) -> Result<Spec, E> {
    if spec.contains(['{', '/']) {
        return Err(E::UnmatchedOpen);
    }
    let (spec, question) = match spec.strip_suffix('?') {
        Some(spec) => (spec, true),
        None => (spec, false),
    };
    let check = |name: &str| match name {
        "" => Err(E::EmptyName),
        n if n.contains(['*', '?', '|', ':', '#']) => Err(E::InvalidName { name: n.into() }),
        _ => Ok(()),
    };
    if let Some(name) = spec.strip_prefix('*') {
        if name.contains(':') {
            return Err(E::TypedRest);
        }
        check(name)?;
        return Ok(Spec::Rest { name: name.into(), may_be_empty: question });
    }
    let (name, kind) = match spec.split_once(':') {
        None => (spec, Kind::Plain),
        Some((name, kind)) => (name, parse_kind(kind, predicates)?),
    };
    check(name)?;
    Ok(Spec::Param { name: name.into(), kind, optional: question })
}

fn parse_kind(text: &str, predicates: &Predicates) -> Result<Kind, E> {
    if text.contains('|') {
        let mut list: Vec<Box<str>> = text.split('|').map(Box::from).collect();
        if list.iter().any(|s| s.is_empty() || s.contains(['?', '#'])) {
            return Err(E::InvalidAlternative);
        }
        list.sort();
        list.dedup();
        return Ok(Kind::OneOf(list.into()));
    }
    Kind::built_in(text)
        .or_else(|| predicates.get(text).map(|p| Kind::Predicate(Arc::clone(p))))
        .ok_or_else(|| E::UnknownType { name: text.into() })
}

/// Collects the pieces of one segment.
#[derive(Default)]
struct Pieces {
    prefix: String,
    parts: Vec<Part>,
    literal: String,
    optional: bool,
    rest: Option<(Box<str>, bool)>,
}

impl Pieces {
    fn is_empty(&self) -> bool {
        self.literal.is_empty() && self.parts.is_empty() && self.rest.is_none()
    }

    fn param(&mut self, spec: Spec) -> Result<(), E> {
        let literal = std::mem::take(&mut self.literal);
        if self.rest.is_some() {
            return Err(E::RestNotWhole);
        }
        match spec {
            Spec::Rest { name, may_be_empty } => {
                if !literal.is_empty() || !self.parts.is_empty() {
                    return Err(E::RestNotWhole);
                }
                self.rest = Some((name, may_be_empty));
            }
            Spec::Param { name, kind, optional } => {
                match self.parts.last_mut() {
                    None => self.prefix = literal,
                    Some(_) if literal.is_empty() => return Err(E::AdjacentParams),
                    Some(last) => last.after = literal.into(),
                }
                self.optional |= optional;
                self.parts.push(Part { name, kind, after: Box::default() });
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Segment, E> {
        if let Some((name, may_be_empty)) = self.rest {
            return if self.literal.is_empty() {
                Ok(Segment::Rest { name, may_be_empty })
            } else {
                Err(E::RestNotWhole)
            };
        }
        let Some(last) = self.parts.last_mut() else {
            return Ok(Segment::Literal(self.literal.into()));
        };
        last.after = self.literal.into();
        if self.parts.len() > MAX_PARAMS_IN_SEGMENT {
            return Err(E::TooManyParams { max: MAX_PARAMS_IN_SEGMENT });
        }
        let params = Params { prefix: self.prefix.into(), parts: self.parts, optional: self.optional };
        if params.optional && params.whole().is_none() {
            return Err(E::OptionalNotWhole);
        }
        Ok(Segment::Params(params))
    }
}

/// The variants of a pattern with optional segments, those with the leftmost ones present first.
pub(crate) fn variants(segments: &Arc<[Segment]>) -> Vec<Arc<[Segment]>> {
    if !segments.iter().any(Segment::is_optional) {
        return vec![Arc::clone(segments)];
    }
    let mut out: Vec<Arc<[Segment]>> = Vec::new();
    for variant in expanded(segments) {
        // `/{a?}/{b?}` can be `/{a}` in two ways; the one whose leftmost optional is present stays.
        if !out.iter().any(|v| order::pattern_cmp(v, &variant).is_eq()) {
            out.push(variant.into());
        }
    }
    out
}

/// The variants of a pattern with optional segments, the leftmost ones present first.
fn expanded(segments: &[Segment]) -> Vec<Vec<Segment>> {
    let mut out = vec![Vec::with_capacity(segments.len())];
    for segment in segments {
        let without = if segment.is_optional() { out.clone() } else { Vec::new() };
        for variant in &mut out {
            variant.push(segment.clone());
        }
        if !without.is_empty() {
            out = out.into_iter().zip(without).flat_map(|(with, without)| [with, without]).collect();
        }
    }
    for variant in &mut out {
        if variant.is_empty() {
            variant.push(Segment::Literal(Box::default()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, E> {
        let segments = parse_path(text, &Predicates::new()).map_err(|(_, e)| e)?;
        Ok(segments.iter().fold(String::new(), |acc, s| format!("{acc}/{s}")))
    }

    #[test]
    fn display_gives_the_pattern_back() {
        for text in [
            "/",
            "/a",
            "/a/",
            "//",
            "/{id}",
            "/v{a}.{b:u64}-{c}.gz",
            "/{*rest}",
            "/{*rest?}/x",
            "/{id?}",
            "/{id:u64?}/y",
            "/{{x}}/{a}",
            "/é/{ß}",
            "/{m:a|b}",
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, error) in [
            ("", E::Empty),
            ("a", E::MissingSlash),
            ("/{", E::UnmatchedOpen),
            ("/{a", E::UnmatchedOpen),
            ("/a}", E::UnmatchedClose),
            ("/{a/b}", E::UnmatchedOpen),
            ("/{}", E::EmptyName),
            ("/{*}", E::EmptyName),
            ("/{:u64}", E::EmptyName),
            ("/{a}{b}", E::AdjacentParams),
            ("/a{*b}", E::RestNotWhole),
            ("/{*b}a", E::RestNotWhole),
            ("/{a}{*b}", E::RestNotWhole),
            ("/{*b:u64}", E::TypedRest),
            ("/x{a?}", E::OptionalNotWhole),
            ("/{a?}x", E::OptionalNotWhole),
            ("/{a:b||c}", E::InvalidAlternative),
            ("/{a:what}", E::UnknownType { name: "what".into() }),
            ("/{a:}", E::UnknownType { name: "".into() }),
            ("/{a}/{a}", E::DuplicateName { name: "a".into() }),
            ("/a?b", E::QueryOrFragment),
            ("/a#b", E::QueryOrFragment),
            ("/{a?}/{b?}/{c?}/{d?}/{e?}", E::TooManyOptional { max: MAX_OPTIONAL }),
        ] {
            assert_eq!(parsed(text), Err(error), "{text}");
        }
        assert_eq!(parsed(&"/a".repeat(65)), Err(E::TooManySegments { max: MAX_SEGMENTS }));
    }

    #[test]
    fn optional_segments_expand() {
        let texts: Vec<String> = variants(&parse_path("/{a?}/x/{b?}", &Predicates::new()).unwrap().into())
            .iter()
            .map(|v| v.iter().fold(String::new(), |acc, s| format!("{acc}/{s}")))
            .collect();
        assert_eq!(texts, ["/{a?}/x/{b?}", "/{a?}/x", "/x/{b?}", "/x"]);
        assert_eq!(variants(&parse_path("/{a?}", &Predicates::new()).unwrap().into()).len(), 2);
    }
}
