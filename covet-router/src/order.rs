//! The precedence rule: a total order on patterns, and the covering relation used by lints and error messages.

use std::cmp::Ordering;

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
