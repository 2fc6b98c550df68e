//! Matching of one segment against literals and parameters: does it fit, and what does each parameter capture.
//!
//! Captures are shortest-first: the leftmost parameter as short as possible, then the next.

use crate::pattern::Params;

/// A segment in which one of several parameters is constrained matches at most this many bytes.
pub(crate) const MAX_CONSTRAINED: usize = 255;

/// Whether `text` fits the segment; `fold` ignores the case of literals.
pub(crate) fn accepts(params: &Params, text: &str, fold: bool) -> bool {
    search(params, text, fold, &mut |_, _| {})
}

/// Calls `found(start, end)` for each parameter in order, if `text` fits the segment.
pub(crate) fn capture(params: &Params, text: &str, fold: bool, found: &mut dyn FnMut(usize, usize)) -> bool {
    search(params, text, fold, found)
}

fn search(params: &Params, text: &str, fold: bool, found: &mut dyn FnMut(usize, usize)) -> bool {
    let Some(inner_end) = text.len().checked_sub(params.suffix().len()) else {
        return false;
    };
    let start = params.prefix.len();
    if start >= inner_end || !at(text, 0, &params.prefix, fold) || !at(text, inner_end, params.suffix(), fold) {
        return false;
    }
    if let [part] = params.parts.as_slice() {
        let fits = text.get(start..inner_end).is_some_and(|t| part.kind.is_plain() || kind_fits(&part.kind, t, fold));
        if fits {
            found(start, inner_end);
        }
        return fits;
    }
    let mut search = Search { params, text, fold, inner_end };
    if params.parts.iter().all(|p| p.kind.is_plain()) {
        return search.leftmost(start, found);
    }
    if text.len() > MAX_CONSTRAINED {
        return false;
    }
    search.constrained(start, found)
}

fn kind_fits(kind: &crate::kind::Kind, text: &str, fold: bool) -> bool {
    if fold { kind.accepts_folded(text) } else { kind.accepts(text) }
}

/// Whether `literal` stands in `text` at byte `pos`.
fn at(text: &str, pos: usize, literal: &str, fold: bool) -> bool {
    let Some(part) = text.as_bytes().get(pos..pos + literal.len()) else {
        return false;
    };
    if fold { part.eq_ignore_ascii_case(literal.as_bytes()) } else { part == literal.as_bytes() }
}

struct Search<'a> {
    params: &'a Params,
    text: &'a str,
    fold: bool,
    /// Where the suffix begins.
    inner_end: usize,
}

impl Search<'_> {
    /// The first place at or after `from` where `literal` stands before the suffix, leaving a byte for the last parameter.
    fn find(&self, literal: &str, from: usize) -> Option<usize> {
        let limit = self.inner_end.checked_sub(1)?;
        let from = self.text.ceil_char_boundary(from);
        if !self.fold {
            return self.text.get(from..self.text.floor_char_boundary(limit))?.find(literal).map(|n| from + n);
        }
        let last = limit.checked_sub(literal.len())?;
        (from..=last).find(|&pos| at(self.text, pos, literal, true))
    }

    /// All parameters plain: the leftmost place of each literal is the only one worth trying.
    fn leftmost(&mut self, mut start: usize, found: &mut dyn FnMut(usize, usize)) -> bool {
        let last = self.params.parts.len() - 1;
        // Decide before reporting, so that a failed match reports nothing.
        let mut check = start;
        for part in &self.params.parts[..last] {
            let Some(pos) = self.find(&part.after, check + 1) else {
                return false;
            };
            check = pos + part.after.len();
        }
        for part in &self.params.parts[..last] {
            let Some(pos) = self.find(&part.after, start + 1) else {
                return false;
            };
            found(start, pos);
            start = pos + part.after.len();
        }
        found(start, self.inner_end);
        true
    }

    /// Some parameter is constrained: search with a memory of failed (part, position) pairs.
    fn constrained(&mut self, start: usize, found: &mut dyn FnMut(usize, usize)) -> bool {
        let mut failed = Failed::default();
        if !self.fits_from(0, start, &mut failed) {
            return false;
        }
        // Walk the successful path again: what can succeed has not been marked as failed.
        let mut pos = start;
        for i in 0..self.params.parts.len() {
            let Some(end) = self.end_of(i, pos, &mut failed) else {
                return false;
            };
            found(pos, end);
            pos = end + self.params.parts[i].after.len();
        }
        true
    }

    fn fits_from(&mut self, part: usize, start: usize, failed: &mut Failed) -> bool {
        if failed.contains(part, start) {
            return false;
        }
        let fits = self.end_of(part, start, failed).is_some();
        if !fits {
            failed.insert(part, start);
        }
        fits
    }

    /// The shortest end of parameter `part` from which the rest of the segment matches.
    fn end_of(&mut self, part: usize, start: usize, failed: &mut Failed) -> Option<usize> {
        let params = self.params;
        let this = params.parts.get(part)?;
        if part + 1 == params.parts.len() {
            let text = self.text.get(start..self.inner_end)?;
            return (!text.is_empty() && kind_fits(&this.kind, text, self.fold)).then_some(self.inner_end);
        }
        let mut from = start + 1;
        while let Some(end) = self.find(&this.after, from) {
            let fits = self.text.get(start..end).is_some_and(|t| kind_fits(&this.kind, t, self.fold));
            if fits && self.fits_from(part + 1, end + this.after.len(), failed) {
                return Some(end);
            }
            from = end + 1;
        }
        None
    }
}

/// Which (part, position) pairs are known to lead nowhere: 32 bytes for each of the first parts.
struct Failed([[u64; 4]; Self::PARTS]);

impl Default for Failed {
    fn default() -> Self {
        Self([[0; 4]; Self::PARTS])
    }
}

impl Failed {
    const PARTS: usize = crate::pattern::MAX_PARAMS_IN_SEGMENT;

    fn contains(&self, part: usize, pos: usize) -> bool {
        self.0.get(part).is_some_and(|set| set[(pos >> 6) & 3] >> (pos & 63) & 1 == 1)
    }

    fn insert(&mut self, part: usize, pos: usize) {
        if let Some(set) = self.0.get_mut(part) {
            set[(pos >> 6) & 3] |= 1 << (pos & 63);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Predicates, Segment, parse_path};

    fn captured(pattern: &str, text: &str) -> Option<Vec<String>> {
        let segments = parse_path(pattern, &Predicates::new()).unwrap();
        let Segment::Params(params) = &segments[0] else { panic!("a segment with parameters") };
        let mut out = Vec::new();
        capture(params, text, false, &mut |s, e| out.push(text[s..e].to_owned())).then_some(out)
    }

    #[test]
    fn shortest_first() {
        let some = |list: &[&str]| Some(list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(captured("/{a}.{b}", "x.y.z"), some(&["x", "y.z"]));
        assert_eq!(captured("/{a}...{b}", "main...dev"), some(&["main", "dev"]));
        assert_eq!(captured("/{a}...{b}", "...dev"), None);
        assert_eq!(captured("/{a}...{b}", ".....dev"), some(&[".", ".dev"]));
        assert_eq!(captured("/{a}-{b}.gz", "a-b-c.gz"), some(&["a", "b-c"]));
        assert_eq!(captured("/{a}-{b}.gz", "a-.gz"), None);
        assert_eq!(
            captured("/{a:uuid}-{b}", "67e55044-10b1-426f-9247-bb680e5fe0c8-x"),
            some(&["67e55044-10b1-426f-9247-bb680e5fe0c8", "x"])
        );
        assert_eq!(captured("/{a}-{b:u64}-{c}", "a-b-7-c"), some(&["a-b", "7", "c"]));
        assert_eq!(captured("/{a}-{b:u64}", "a-b-7"), some(&["a-b", "7"]));
        assert_eq!(captured("/v{a:u64}x", "v12x"), some(&["12"]));
        assert_eq!(captured("/v{a:u64}x", "vx"), None);
        assert_eq!(captured("/aa{a}aa", "aaa"), None);
        assert_eq!(captured("/aa{a}aa", "aaaaa"), some(&["a"]));
    }

    #[test]
    fn constrained_search_stays_small() {
        // Without the memory of failures this would be exponential in the number of parameters.
        let pattern = format!("/{}{{z:u64}}", (0..15).map(|i| format!("{{p{i}:alnum}}a")).collect::<String>());
        assert_eq!(captured(&pattern, &"a".repeat(255)), None);
        assert!(captured(&pattern, &format!("{}1", "a".repeat(254))).is_some());
        assert_eq!(
            captured(&pattern, &format!("{}1", "a".repeat(255))),
            None,
            "longer than a constrained segment may be"
        );
    }
}
