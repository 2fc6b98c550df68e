//! A matcher written from the precedence rule alone: every pattern is tried on the whole path by exhaustive search, and the
//! best of those that match wins. Slow, and it shares no code with the crate.

use std::cmp::{Ordering, Reverse};

/// A type of parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    OneOf(Vec<&'static str>),
    U64,
    I64,
    Hex,
    Alpha,
    Alnum,
    /// A predicate: rank and name.
    Even,
    Short,
    Plain,
}

impl Kind {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::OneOf(list) => format!(":{}", list.join("|")),
            Self::U64 => ":u64".into(),
            Self::I64 => ":i64".into(),
            Self::Hex => ":hex".into(),
            Self::Alpha => ":alpha".into(),
            Self::Alnum => ":alnum".into(),
            Self::Even => ":even".into(),
            Self::Short => ":short".into(),
            Self::Plain => String::new(),
        }
    }

    fn level(&self) -> u32 {
        match self {
            Self::OneOf(_) => 0,
            Self::U64 => 2,
            Self::I64 => 3,
            Self::Hex => 4,
            Self::Alpha => 5,
            Self::Alnum => 6,
            Self::Even => 107,
            Self::Short => 109,
            Self::Plain => 1000,
        }
    }

    fn accepts(&self, text: &str) -> bool {
        match self {
            Self::OneOf(list) => list.contains(&text),
            Self::U64 => text.chars().all(|c| c.is_ascii_digit()) && text.parse::<u64>().is_ok(),
            Self::I64 => !text.starts_with('+') && text.parse::<i64>().is_ok(),
            Self::Hex => text.chars().all(|c| c.is_ascii_hexdigit()),
            Self::Alpha => text.chars().all(|c| c.is_ascii_alphabetic()),
            Self::Alnum => text.chars().all(|c| c.is_ascii_alphanumeric()),
            Self::Even => even(text),
            Self::Short => short(text),
            Self::Plain => true,
        }
    }
}

/// The predicate `even` of the tests, rank 7.
pub(crate) fn even(text: &str) -> bool {
    text.len().is_multiple_of(2)
}

/// The predicate `short` of the tests, rank 9.
pub(crate) fn short(text: &str) -> bool {
    text.len() < 3
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seg {
    Lit(&'static str),
    Par { prefix: &'static str, parts: Vec<(Kind, &'static str)>, optional: bool },
    Rest { may_be_empty: bool },
}

/// A pattern; parameters are named by their position.
pub(crate) type Pattern = Vec<Seg>;

/// A segment of a variant, with the position in the pattern it comes from.
type Variant = Vec<(usize, Seg)>;

pub(crate) fn text(pattern: &[Seg]) -> String {
    let mut out = String::new();
    for (i, seg) in pattern.iter().enumerate() {
        out.push('/');
        match seg {
            Seg::Lit(text) => out.push_str(text),
            Seg::Par { prefix, parts, optional } => {
                out.push_str(prefix);
                for (j, (kind, after)) in parts.iter().enumerate() {
                    let question = if *optional { "?" } else { "" };
                    out.push_str(&format!("{{p{i}x{j}{}{question}}}{after}", kind.text()));
                }
            }
            Seg::Rest { may_be_empty } => out.push_str(&format!("{{*p{i}x0{}}}", if *may_be_empty { "?" } else { "" })),
        }
    }
    out
}

pub(crate) fn variants(pattern: &[Seg]) -> Vec<Variant> {
    let mut out: Vec<Variant> = vec![Vec::new()];
    for (i, seg) in pattern.iter().enumerate() {
        let optional = matches!(seg, Seg::Par { optional: true, .. });
        let mut next = Vec::new();
        for variant in out {
            let mut with = variant.clone();
            with.push((i, seg.clone()));
            next.push(with);
            if optional {
                next.push(variant);
            }
        }
        out = next;
    }
    for variant in &mut out {
        if variant.is_empty() {
            variant.push((pattern.len(), Seg::Lit("")));
        }
    }
    let mut kept: Vec<Variant> = Vec::new();
    for variant in out {
        if !kept.iter().any(|other| compare(other, &variant) == Ordering::Equal) {
            kept.push(variant);
        }
    }
    kept
}

#[derive(Clone, Debug)]
enum Token {
    Lit(String),
    Cap(String, Kind),
    Rest(String, bool),
}

fn tokens(variant: &Variant) -> Vec<Token> {
    let mut out = Vec::new();
    for (i, seg) in variant {
        out.push(Token::Lit("/".into()));
        match seg {
            Seg::Lit(text) => out.push(Token::Lit((*text).into())),
            Seg::Par { prefix, parts, .. } => {
                out.push(Token::Lit((*prefix).into()));
                for (j, (kind, after)) in parts.iter().enumerate() {
                    out.push(Token::Cap(format!("p{i}x{j}"), kind.clone()));
                    out.push(Token::Lit((*after).into()));
                }
            }
            Seg::Rest { may_be_empty } => out.push(Token::Rest(format!("p{i}x0"), *may_be_empty)),
        }
    }
    out
}

pub(crate) type Captures = Vec<(String, String)>;

/// Exhaustive, shortest first.
fn search(tokens: &[Token], path: &str) -> Option<Captures> {
    let Some((first, rest)) = tokens.split_first() else {
        return path.is_empty().then(Vec::new);
    };
    match first {
        Token::Lit(text) => search(rest, path.strip_prefix(text.as_str())?),
        Token::Cap(name, kind) => {
            let limit = path.find('/').unwrap_or(path.len());
            (1..=limit).filter(|&n| path.is_char_boundary(n)).find_map(|n| {
                let mut captures = kind.accepts(&path[..n]).then(|| search(rest, &path[n..]))??;
                captures.insert(0, (name.clone(), path[..n].to_owned()));
                Some(captures)
            })
        }
        Token::Rest(name, may_be_empty) => {
            let shortest = usize::from(!may_be_empty);
            let ends = |n: usize| n == path.len() || path.as_bytes()[n] == b'/';
            (shortest..=path.len()).filter(|&n| ends(n)).find_map(|n| {
                let mut captures = search(rest, &path[n..])?;
                captures.insert(0, (name.clone(), path[..n].to_owned()));
                Some(captures)
            })
        }
    }
}

/// The documented order. `Less` is tried first; `Equal` is the same shape.
fn compare(a: &Variant, b: &Variant) -> Ordering {
    for ((_, a), (_, b)) in a.iter().zip(b) {
        let order = rank(a).cmp(&rank(b)).then_with(|| spelling(a).cmp(&spelling(b)));
        if order != Ordering::Equal {
            return order;
        }
    }
    b.len().cmp(&a.len())
}

/// What the rule looks at: the type of the first parameter, then the literals around, then what lies between.
fn rank(seg: &Seg) -> (u32, Reverse<usize>, Reverse<usize>, Vec<(Reverse<usize>, u32)>) {
    let none = (Reverse(0), Reverse(0), Vec::new());
    match seg {
        Seg::Lit(_) => (0, none.0, none.1, none.2),
        Seg::Rest { may_be_empty } => (5000 + u32::from(*may_be_empty), none.0, none.1, none.2),
        Seg::Par { prefix, parts, .. } => {
            let suffix = parts.last().unwrap().1.len();
            // More parameters before fewer: a list that goes on comes first, so it is closed with the worst element.
            let mut inner: Vec<(Reverse<usize>, u32)> =
                parts.windows(2).map(|w| (Reverse(w[0].1.len()), w[1].0.level())).collect();
            inner.push((Reverse(0), u32::MAX));
            (1 + parts[0].0.level(), Reverse(prefix.len()), Reverse(suffix), inner)
        }
    }
}

/// Longer literal first, then byte order: visible behind a catch-all only.
fn spelling(seg: &Seg) -> (Reverse<usize>, String) {
    match seg {
        Seg::Lit(text) => (Reverse(text.len()), (*text).into()),
        Seg::Rest { .. } => (Reverse(0), String::new()),
        Seg::Par { prefix, parts, .. } => {
            let mut out = format!("{prefix}\0");
            for (kind, after) in parts {
                // Alternations compare text by text: what separates them sorts before any letter.
                out.push_str(&format!("{}\0{after}\0", kind.text().replace('|', "\x01")));
            }
            (Reverse(0), out)
        }
    }
}

/// Every variant that matches, in order of precedence, with the index of its pattern and its captures.
fn found(patterns: &[Pattern], path: &str) -> Vec<(Variant, usize, Captures)> {
    let mut found: Vec<(Variant, usize, Captures)> = Vec::new();
    for (i, pattern) in patterns.iter().enumerate() {
        for variant in variants(pattern) {
            if let Some(captures) = search(&tokens(&variant), path) {
                found.push((variant, i, captures));
            }
        }
    }
    found.sort_by(|a, b| compare(&a.0, &b.0));
    found
}

/// All matches in order of precedence: index of the pattern, captures. A pattern counts once.
pub(crate) fn matching(patterns: &[Pattern], path: &str) -> Vec<(usize, Captures)> {
    let mut out: Vec<(usize, Captures)> = Vec::new();
    for (_, i, captures) in found(patterns, path) {
        if !out.iter().any(|(other, _)| *other == i) {
            out.push((i, captures));
        }
    }
    out
}

/// As [`matching`], grouped: patterns of one shape stand together. For `find` on tables with methods.
pub(crate) fn groups(patterns: &[Pattern], path: &str) -> Vec<Vec<(usize, Captures)>> {
    let mut out: Vec<Vec<(usize, Captures)>> = Vec::new();
    let mut last: Option<Variant> = None;
    for (variant, i, captures) in found(patterns, path) {
        let same = last.as_ref().is_some_and(|l| compare(l, &variant) == Ordering::Equal);
        match out.last_mut() {
            Some(group) if same => group.push((i, captures)),
            _ => out.push(vec![(i, captures)]),
        }
        last = Some(variant);
    }
    out
}
