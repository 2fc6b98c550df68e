//! A path that two patterns both match, found by running both as automata over bytes in lock step.

use std::collections::{HashMap, VecDeque};

use crate::capture::{capture, fits};
use crate::kind::Kind;
use crate::pattern::{Params, Segment};

/// Beyond this many pairs of states the search gives up and assumes a common path.
const MAX_PAIRS: usize = 200_000;

/// Whether two patterns share a path.
#[derive(Debug, PartialEq)]
pub(crate) enum Common {
    /// They do, for instance this one.
    Path(String),
    /// Predicates (or the size of the patterns) leave it open.
    Unknown,
    /// They do not.
    None,
}

/// Whether some path matches both patterns.
pub(crate) fn common_path(a: &[Segment], b: &[Segment], fold: bool) -> Common {
    let matches = |path: &str| capture(a, path, false, fold, &mut |_| {}) && capture(b, path, false, fold, &mut |_| {});
    let opaque = a.iter().chain(b).any(has_predicate);
    if opaque && literals_differ(a, b, fold) {
        return Common::None;
    }
    if opaque {
        // A predicate stands for those usual texts that satisfy it, and for what the two patterns spell out.
        let mut texts: Vec<&str> = TEXTS.to_vec();
        texts.extend(a.iter().chain(b).flat_map(spelled_out));
        let found = product(&Automaton::new(a, fold, Some(&texts)), &Automaton::new(b, fold, Some(&texts)));
        if let Some(Some(path)) = found.filter(|path| path.as_deref().is_some_and(matches)) {
            return Common::Path(path);
        }
    }
    match product(&Automaton::new(a, fold, None), &Automaton::new(b, fold, None)) {
        None => Common::None,
        Some(Some(path)) if matches(&path) => Common::Path(path),
        _ if opaque => Common::Unknown,
        _ => Common::None,
    }
}

/// Whether a literal of one pattern certainly does not fit the segment of the other that it would have to.
fn literals_differ(a: &[Segment], b: &[Segment], fold: bool) -> bool {
    let aligned = !a.iter().chain(b).any(|s| matches!(s, Segment::Rest { .. }));
    let fits = |a: &Segment, b: &Segment| match a {
        Segment::Literal(text) => fits(b, text, fold),
        _ => true,
    };
    aligned && a.iter().zip(b).any(|(a, b)| !fits(a, b) || !fits(b, a))
}

/// Texts that a predicate is tried on.
const TEXTS: [&str; 18] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "10",
    "12",
    "42",
    "100",
    "a",
    "b",
    "x",
    "ab",
    "abc",
    "A",
    "-",
    "a-b",
    "67e55044-10b1-426f-9247-bb680e5fe0c8",
];

fn has_predicate(segment: &Segment) -> bool {
    matches!(segment, Segment::Params(p) if p.parts.iter().any(|part| matches!(part.kind, Kind::Predicate(_))))
}

/// The literal texts of a segment.
fn spelled_out(segment: &Segment) -> Vec<&str> {
    let mut texts: Vec<&str> = Vec::new();
    match segment {
        Segment::Literal(text) => texts.push(text),
        Segment::Rest { .. } => {}
        Segment::Params(p) => {
            texts.push(&p.prefix);
            for part in &p.parts {
                texts.push(&part.after);
                if let Kind::OneOf(list) = &part.kind {
                    texts.extend(list.iter().map(|s| &**s));
                }
            }
        }
    }
    texts
}

/// Whether some text satisfies both segments (neither is a catch-all).
pub(crate) fn segments_overlap(a: &Segment, b: &Segment, fold: bool) -> bool {
    common_path(std::slice::from_ref(a), std::slice::from_ref(b), fold) != Common::None
}

#[derive(Clone, Copy, Debug)]
enum Class {
    Byte(u8),
    Digit,
    Hex,
    Alpha,
    Alnum,
    InSegment,
    Any,
}

impl Class {
    fn contains(self, b: u8) -> bool {
        match self {
            Self::Byte(byte) => byte == b,
            Self::Digit => b.is_ascii_digit(),
            Self::Hex => b.is_ascii_hexdigit(),
            Self::Alpha => b.is_ascii_alphabetic(),
            Self::Alnum => b.is_ascii_alphanumeric(),
            Self::InSegment => b != b'/',
            Self::Any => true,
        }
    }
}

/// A nondeterministic automaton; the last state accepts.
#[derive(Default)]
struct Automaton {
    steps: Vec<Vec<(Class, usize)>>,
    free: Vec<Vec<usize>>,
    fold: bool,
}

impl Automaton {
    /// With `texts`, a predicate is the alternation of those it accepts; without, it is anything.
    fn new(pattern: &[Segment], fold: bool, texts: Option<&[&str]>) -> Self {
        let mut this = Self { fold, ..Self::default() };
        let mut at = this.state();
        for segment in pattern {
            at = this.literal(at, "/");
            at = match segment {
                Segment::Literal(text) => this.literal(at, text),
                Segment::Rest { may_be_empty: false, .. } => this.repeat(at, Class::Any),
                Segment::Rest { may_be_empty: true, .. } => {
                    let end = this.repeat(at, Class::Any);
                    this.free[at].push(end);
                    end
                }
                Segment::Params(params) => this.params(at, params, texts),
            };
        }
        // The accepting state is the last one.
        let end = this.state();
        this.free[at].push(end);
        this
    }

    fn state(&mut self) -> usize {
        self.steps.push(Vec::new());
        self.free.push(Vec::new());
        self.steps.len() - 1
    }

    fn step(&mut self, from: usize, class: Class) -> usize {
        let to = self.state();
        self.steps[from].push((class, to));
        to
    }

    fn literal(&mut self, mut at: usize, text: &str) -> usize {
        for b in text.bytes() {
            at = self.step(at, Class::Byte(if self.fold { b.to_ascii_lowercase() } else { b }));
        }
        at
    }

    fn repeat(&mut self, at: usize, class: Class) -> usize {
        let end = self.step(at, class);
        self.steps[end].push((class, end));
        end
    }

    fn params(&mut self, at: usize, params: &Params, texts: Option<&[&str]>) -> usize {
        let mut at = self.literal(at, &params.prefix);
        for part in &params.parts {
            at = self.kind(at, &part.kind, texts);
            at = self.literal(at, &part.after);
        }
        at
    }

    fn kind(&mut self, at: usize, kind: &Kind, texts: Option<&[&str]>) -> usize {
        match (kind, texts) {
            (Kind::Predicate(p), Some(texts)) => {
                let accepted = texts.iter().filter(|text| !text.is_empty() && !text.contains('/') && (p.test)(text));
                self.one_of(at, accepted.copied())
            }
            _ => self.class(at, kind),
        }
    }

    fn one_of<'t>(&mut self, at: usize, list: impl Iterator<Item = &'t str>) -> usize {
        let ends: Vec<usize> = list.map(|text| self.literal(at, text)).collect();
        let join = self.state();
        for end in ends {
            self.free[end].push(join);
        }
        join
    }

    fn class(&mut self, at: usize, kind: &Kind) -> usize {
        match kind {
            Kind::Plain | Kind::Predicate(_) => self.repeat(at, Class::InSegment),
            Kind::U64 => self.repeat(at, Class::Digit),
            Kind::Hex => self.repeat(at, Class::Hex),
            Kind::Alpha => self.repeat(at, Class::Alpha),
            Kind::Alnum => self.repeat(at, Class::Alnum),
            Kind::I64 => {
                let signed = self.step(at, Class::Byte(b'-'));
                self.free[at].push(signed);
                self.repeat(signed, Class::Digit)
            }
            Kind::Uuid => (0..36).fold(at, |at, i| {
                self.step(at, if matches!(i, 8 | 13 | 18 | 23) { Class::Byte(b'-') } else { Class::Hex })
            }),
            Kind::OneOf(list) => self.one_of(at, list.iter().map(|s| &**s)),
        }
    }

    fn accepting(&self) -> usize {
        self.steps.len() - 1
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        self.steps.iter().flatten().filter_map(|(class, _)| match class {
            Class::Byte(b) => Some(*b),
            _ => None,
        })
    }
}

/// How each pair of states was reached: from which pair, by which byte.
type Steps = HashMap<(usize, usize), ((usize, usize), Option<u8>)>;

/// A shortest text that both accept; `Some(None)` when the search was given up.
fn product(a: &Automaton, b: &Automaton) -> Option<Option<String>> {
    let mut alphabet: Vec<u8> = b"a0z-x_AZ/".to_vec();
    for byte in a.bytes().chain(b.bytes()) {
        if !alphabet.contains(&byte) {
            alphabet.push(byte);
        }
    }
    let mut came = Steps::new();
    let mut queue = VecDeque::from([(0, 0)]);
    came.insert((0, 0), ((0, 0), None));
    while let Some(pair @ (p, q)) = queue.pop_front() {
        if pair == (a.accepting(), b.accepting()) {
            return Some(spelled(&came, pair));
        }
        if came.len() > MAX_PAIRS {
            return Some(None);
        }
        let free = a.free[p].iter().map(|&p| (p, q)).chain(b.free[q].iter().map(|&q| (p, q)));
        let mut next: Vec<((usize, usize), Option<u8>)> = free.map(|pair| (pair, None)).collect();
        for &(class, p) in &a.steps[p] {
            for &(other, q) in &b.steps[q] {
                let byte = alphabet.iter().find(|&&byte| class.contains(byte) && other.contains(byte));
                next.extend(byte.map(|&byte| ((p, q), Some(byte))));
            }
        }
        for (to, byte) in next {
            came.entry(to).or_insert_with(|| {
                queue.push_back(to);
                (pair, byte)
            });
        }
    }
    None
}

fn spelled(came: &Steps, end: (usize, usize)) -> Option<String> {
    let mut bytes = Vec::new();
    let mut at = end;
    while at != (0, 0) {
        let (from, byte) = came.get(&at)?;
        bytes.extend(byte);
        at = *from;
    }
    bytes.reverse();
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Predicates, parse_path};

    fn common(a: &str, b: &str) -> Common {
        let parse = |text| parse_path(text, &Predicates::new()).unwrap();
        common_path(&parse(a), &parse(b), false)
    }

    #[test]
    fn finds_a_path_or_none() {
        for (a, b, path) in [
            ("/a/{x}", "/{y}/b", Some("/a/b")),
            ("/{x:a|b}", "/{x:b|c}", Some("/b")),
            ("/{a}-{b}", "/{a}.{b}", Some("/a.-a")),
            ("/{a}-{b}", "/{a}.{b}/x", None),
            ("/{a}.png", "/{a}.jpg", None),
            ("/{a:u64}", "/{a:alpha}", None),
            ("/{a:hex}", "/{a:i64}", Some("/0")),
            ("/{*a}/x/{*b}", "/{*a}/y/{*b}", Some("/a/x/y/a")),
            ("/{*a}", "/x/y", Some("/x/y")),
            ("/x/{*a?}", "/x/", Some("/x/")),
            ("/x/{*a}", "/x/", None),
        ] {
            match (common(a, b), path) {
                (Common::Path(found), Some(path)) => assert_eq!(found.len(), path.len(), "{a} {b}: {found}"),
                (Common::None, None) => {}
                (found, _) => panic!("{a} {b}: {found:?}"),
            }
        }
    }
}
