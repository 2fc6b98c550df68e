//! The precedence rule: a total order on patterns, and the covering relation used by lints and error messages.

use std::cmp::Ordering;

use crate::kind::Kind;
use crate::pattern::{Params, Part, Segment};

/// Compares by the documented rule alone. `Equal` means that the rule cannot tell the two segments apart.
pub(crate) fn rank_cmp(a: &Segment, b: &Segment) -> Ordering {
    match (a, b) {
        (Segment::Params(a), Segment::Params(b)) => params_cmp(a, b),
        _ => class(a).cmp(&class(b)),
    }
}

fn class(segment: &Segment) -> u8 {
    match segment {
        Segment::Literal(_) => 0,
        Segment::Params(_) => 1,
        Segment::Rest { may_be_empty: false, .. } => 2,
        Segment::Rest { may_be_empty: true, .. } => 3,
    }
}

fn params_cmp(a: &Params, b: &Params) -> Ordering {
    let first = match (a.parts.first(), b.parts.first()) {
        (Some(a), Some(b)) => a.kind.rank_cmp(&b.kind),
        _ => Ordering::Equal,
    };
    first
        .then_with(|| b.prefix.len().cmp(&a.prefix.len()))
        .then_with(|| b.suffix().len().cmp(&a.suffix().len()))
        .then_with(|| inner_cmp(&a.parts, &b.parts))
}

/// What lies between the first and the last parameter, from the left.
fn inner_cmp(a: &[Part], b: &[Part]) -> Ordering {
    for (a, b) in a.windows(2).zip(b.windows(2)) {
        let order = b[0].after.len().cmp(&a[0].after.len()).then_with(|| a[1].kind.rank_cmp(&b[1].kind));
        if order.is_ne() {
            return order;
        }
    }
    b.len().cmp(&a.len())
}

/// As [`rank_cmp`], made total by the texts themselves; `Equal` means the same shape.
pub(crate) fn total_cmp(a: &Segment, b: &Segment) -> Ordering {
    rank_cmp(a, b).then_with(|| match (a, b) {
        (Segment::Literal(a), Segment::Literal(b)) => b.len().cmp(&a.len()).then_with(|| a.cmp(b)),
        (Segment::Params(a), Segment::Params(b)) => a.prefix.cmp(&b.prefix).then_with(|| {
            let texts = a.parts.iter().zip(&b.parts);
            texts
                .map(|(a, b)| a.kind.total_cmp(&b.kind).then_with(|| a.after.cmp(&b.after)))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        }),
        _ => Ordering::Equal,
    })
}

/// The order of [`total_cmp`] as an integer, as far as one holds it: what decides first is in the highest bits. The lowest bit says that nothing was left
/// out, so that equal keys are equal segments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentKey(u128);

impl SegmentKey {
    /// So many bytes of a literal fit.
    const TEXT: usize = 13;

    pub(crate) fn new(segment: &Segment) -> Self {
        // Lengths are at most 8 KiB, and the longer one comes first.
        let longer_first = |text: &str| (0x3fff - text.len().min(0x3fff)) as u128;
        let (class, rest, exact) = match segment {
            Segment::Literal(text) => {
                let mut bytes = [0; 16];
                let n = text.len().min(Self::TEXT);
                bytes[16 - Self::TEXT..][..n].copy_from_slice(&text.as_bytes()[..n]);
                (0, longer_first(text) << (8 * Self::TEXT) | u128::from_be_bytes(bytes), text.len() <= Self::TEXT)
            }
            Segment::Params(params) => {
                let (level, rank) = params.parts.first().map_or((0, 0), |p| p.kind.level());
                let lengths = longer_first(&params.prefix) << 14 | longer_first(params.suffix());
                let exact = params.whole().is_some_and(Kind::is_alone);
                (1, (u128::from(level) << 32 | u128::from(rank)) << 28 | lengths, exact)
            }
            Segment::Rest { may_be_empty: false, .. } => (2, 0, true),
            Segment::Rest { may_be_empty: true, .. } => (3, 0, true),
        };
        Self(class << 125 | rest << 1 | u128::from(exact))
    }
}

/// As [`total_cmp`], with the keys of the segments.
#[inline]
pub(crate) fn keyed_cmp(a: (SegmentKey, &Segment), b: (SegmentKey, &Segment)) -> Ordering {
    let ((a, a_segment), (b, b_segment)) = (a, b);
    (a.0 >> 1)
        .cmp(&(b.0 >> 1))
        .then_with(|| if a.0 & b.0 & 1 == 1 { Ordering::Equal } else { total_cmp(a_segment, b_segment) })
}

/// Segments of many patterns with their keys, in one array.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    keys: Vec<SegmentKey>,
    /// Where the keys of each pattern begin.
    starts: Vec<usize>,
}

impl Keys {
    pub(crate) fn new<'a>(patterns: impl Iterator<Item = &'a [Segment]>) -> Self {
        let mut this = Self::default();
        for segments in patterns {
            this.starts.push(this.keys.len());
            this.keys.extend(segments.iter().map(SegmentKey::new));
        }
        this
    }

    /// The keys of a pattern, from the first segment on; those of the next pattern follow.
    fn of(&self, pattern: usize) -> &[SegmentKey] {
        &self.keys[self.starts[pattern]..]
    }

    /// As [`pattern_cmp`], for two patterns by their numbers.
    pub(crate) fn pattern_cmp<'a>(&self, a: (usize, &'a [Segment]), b: (usize, &'a [Segment])) -> Ordering {
        let keyed = |(number, segments): (usize, &'a [Segment])| self.of(number).iter().copied().zip(segments);
        let order = keyed(a).zip(keyed(b)).map(|(a, b)| keyed_cmp(a, b)).find(|o| o.is_ne());
        order.unwrap_or_else(|| b.1.len().cmp(&a.1.len()))
    }

    /// The key of one segment of a pattern.
    pub(crate) fn at(&self, pattern: usize, depth: usize) -> SegmentKey {
        self.of(pattern)[depth]
    }
}

/// Precedence of whole patterns: the one tried first is `Less`. `Equal` means the same shape.
pub(crate) fn pattern_cmp(a: &[Segment], b: &[Segment]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let order = total_cmp(a, b);
        if order.is_ne() {
            return order;
        }
    }
    b.len().cmp(&a.len())
}

/// Whether `a` certainly matches every path that `b` matches. Sound, not complete.
pub(crate) fn covers(a: &[Segment], b: &[Segment]) -> bool {
    let Some((head, tail)) = a.split_first() else {
        return b.is_empty();
    };
    let Segment::Rest { may_be_empty, .. } = head else {
        return b.split_first().is_some_and(|(other, b)| segment_covers(head, other) && covers(tail, b));
    };
    // The catch-all takes the first `n` segments of `b`; a single one must not be possibly empty.
    (1..=b.len()).any(|n| {
        let nonempty = n > 1
            || match &b[0] {
                Segment::Literal(text) => !text.is_empty(),
                Segment::Params(_) => true,
                Segment::Rest { may_be_empty, .. } => !may_be_empty,
            };
        (*may_be_empty || nonempty) && covers(tail, &b[n..])
    })
}

fn segment_covers(a: &Segment, b: &Segment) -> bool {
    match (a, b) {
        (Segment::Literal(a), Segment::Literal(b)) => a == b,
        (Segment::Params(a), Segment::Literal(b)) => crate::segment::accepts(a, b, false),
        (Segment::Params(a), Segment::Params(b)) => params_cover(a, b),
        _ => false,
    }
}

fn params_cover(a: &Params, b: &Params) -> bool {
    match a.parts.as_slice() {
        // One parameter takes whatever the other has between the two literals.
        [part] if part.kind.is_plain() => b.prefix.starts_with(&*a.prefix) && b.suffix().ends_with(&*part.after),
        [part] if b.parts.len() == 1 => {
            *a.prefix == *b.prefix && *part.after == *b.parts[0].after && part.kind.covers(&b.parts[0].kind)
        }
        parts => {
            *a.prefix == *b.prefix
                && parts.len() == b.parts.len()
                && parts.iter().zip(&b.parts).all(|(a, b)| a.after == b.after && a.kind.same(&b.kind))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Predicates, parse_path};

    /// Keys leave things out; the order must not.
    #[test]
    fn keys_order_as_segments_do() {
        let texts = [
            "/",
            "/a",
            "/b",
            "/ab",
            "/abcdefghijklm",
            "/abcdefghijkln",
            "/abcdefghijklmn",
            "/abcdefghijklmo",
            "/{x}",
            "/{y}",
            "/{x:u64}",
            "/{x:i64}",
            "/{x:uuid}",
            "/{x:a|b}",
            "/{x:b|c}",
            "/a{x}",
            "/b{x}",
            "/{x}a",
            "/{x}b",
            "/a{x}b",
            "/{x}-{y}",
            "/{x}-{y}-{z}",
            "/{x}--{y}",
            "/{x}.{y}",
            "/{x}-{y:u64}",
            "/{*x}",
            "/{*y?}",
        ];
        let parsed = |text: &&str| parse_path(text, &Predicates::new()).unwrap().remove(0);
        let segments: Vec<Segment> = texts.iter().map(parsed).collect();
        for a in &segments {
            for b in &segments {
                assert_eq!(keyed_cmp((SegmentKey::new(a), a), (SegmentKey::new(b), b)), total_cmp(a, b), "{a} {b}");
            }
        }
    }
}
