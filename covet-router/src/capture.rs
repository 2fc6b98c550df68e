//! Matching of one pattern against one path, with captures: the second pass over the pattern that won, and the
//! ground on which explanations, error messages and URL generation stand.
//!
//! The path is cut into segments once. A pattern without a catch-all before its last segment is matched segment by segment. Otherwise sets of
//! segment counts are computed from the right, and the shortest choice is taken from the left.

use crate::pattern::Segment;
use crate::segment;

/// Behind a catch-all in the middle, paths are looked at up to this many segments.
pub(crate) const MAX_PATH_SEGMENTS: usize = 255;

/// What a parameter captured: byte offsets into the text.
pub(crate) type Span = (usize, usize);

/// A text cut at a separator, without allocation.
pub(crate) struct Cut<'p> {
    pub(crate) text: &'p str,
    /// Start of each segment, and one past the end of the last plus one.
    starts: [u16; MAX_PATH_SEGMENTS + 2],
    count: usize,
}

impl<'p> Cut<'p> {
    /// Cuts a path that begins with `/`; `None` if it does not, is too long or has too many segments.
    /// `extra` adds an empty segment at the end, as if the path had one more slash.
    pub(crate) fn path(text: &'p str, extra: bool) -> Option<Self> {
        if !text.starts_with('/') || text.len() > usize::from(u16::MAX) {
            return None;
        }
        let mut cut = Self { text, starts: [0; MAX_PATH_SEGMENTS + 2], count: 0 };
        for (i, _) in text.bytes().enumerate().filter(|&(_, b)| b == b'/') {
            *cut.starts.get_mut(cut.count)? = offset(i + 1);
            cut.count += 1;
        }
        if extra {
            *cut.starts.get_mut(cut.count)? = offset(text.len() + 1);
            cut.count += 1;
        }
        *cut.starts.get_mut(cut.count)? = offset(text.len() + 1);
        Some(cut)
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The span of segments `from..to`, with the separators between them.
    pub(crate) fn span(&self, from: usize, to: usize) -> Span {
        let start = usize::from(self.starts[from]).min(self.text.len());
        let end = usize::from(self.starts[to]).saturating_sub(1).max(start);
        (start, end.min(self.text.len()))
    }

    pub(crate) fn segment(&self, index: usize) -> &'p str {
        let (start, end) = self.span(index, index + 1);
        self.text.get(start..end).unwrap_or("")
    }
}

fn offset(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// Whether a segment of a pattern that is no catch-all matches `text`.
pub(crate) fn fits(segment: &Segment, text: &str, fold: bool) -> bool {
    match segment {
        Segment::Literal(literal) if fold => literal.eq_ignore_ascii_case(text),
        Segment::Literal(literal) => **literal == *text,
        Segment::Params(params) => segment::accepts(params, text, fold),
        Segment::Rest { .. } => false,
    }
}

/// Matches a path pattern, calling `found` with the span of each parameter in order.
pub(crate) fn capture(pattern: &[Segment], path: &str, extra: bool, fold: bool, found: &mut dyn FnMut(Span)) -> bool {
    let Some((last, front)) = pattern.split_last() else {
        return false;
    };
    if front.iter().any(|s| matches!(s, Segment::Rest { .. })) {
        return Cut::path(path, extra).is_some_and(|cut| sets(pattern, &cut, fold, found));
    }
    let Some(mut rest) = path.strip_prefix('/') else {
        return false;
    };
    let mut extra = extra;
    for segment in front {
        let end = match rest.find('/') {
            Some(end) => end,
            None if std::mem::take(&mut extra) => rest.len(),
            None => return false,
        };
        let start = path.len() - rest.len();
        if !one(segment, &rest[..end], start, fold, found) {
            return false;
        }
        rest = rest.get(end + 1..).unwrap_or("");
    }
    let start = path.len() - rest.len();
    if let Segment::Rest { may_be_empty, .. } = last {
        found((start, path.len()));
        return *may_be_empty || !rest.is_empty();
    }
    !rest.contains('/') && !extra && one(last, rest, start, fold, found)
}

fn one(segment: &Segment, text: &str, start: usize, fold: bool, found: &mut dyn FnMut(Span)) -> bool {
    match segment {
        Segment::Params(params) => segment::capture(params, text, fold, &mut |s, e| found((start + s, start + e))),
        _ => fits(segment, text, fold),
    }
}

/// A set of segment counts.
type Set = [u64; 4];

fn has(set: &Set, n: usize) -> bool {
    set.get(n >> 6).is_some_and(|word| word >> (n & 63) & 1 == 1)
}

fn add(set: &mut Set, n: usize) {
    if let Some(word) = set.get_mut(n >> 6) {
        *word |= 1 << (n & 63);
    }
}

/// The general case. `tails[i]` holds the counts `n` such that segments `n..` of the path match `pattern[i..]`.
fn sets(pattern: &[Segment], cut: &Cut<'_>, fold: bool, found: &mut dyn FnMut(Span)) -> bool {
    let mut tails: [Set; crate::pattern::MAX_SEGMENTS + 1] = [[0; 4]; crate::pattern::MAX_SEGMENTS + 1];
    let count = cut.count();
    add(&mut tails[pattern.len()], count);
    for (i, segment) in pattern.iter().enumerate().rev() {
        let next = tails[i + 1];
        let mut here = [0; 4];
        for n in 0..count {
            let fits = match segment {
                Segment::Rest { may_be_empty, .. } => rest_end(cut, n, *may_be_empty, &next).is_some(),
                _ => has(&next, n + 1) && fits(segment, cut.segment(n), fold),
            };
            if fits {
                add(&mut here, n);
            }
        }
        tails[i] = here;
    }
    if !has(&tails[0], 0) {
        return false;
    }
    let mut n = 0;
    for (segment, next) in pattern.iter().zip(&tails[1..]) {
        if let Segment::Rest { may_be_empty, .. } = segment {
            let Some(end) = rest_end(cut, n, *may_be_empty, next) else {
                return false;
            };
            found(cut.span(n, end));
            n = end;
        } else {
            one(segment, cut.segment(n), cut.span(n, n + 1).0, fold, found);
            n += 1;
        }
    }
    true
}

/// The smallest count in `next` to which a catch-all that starts at segment `n` can extend.
fn rest_end(cut: &Cut<'_>, n: usize, may_be_empty: bool, next: &Set) -> Option<usize> {
    let first = if may_be_empty || !cut.segment(n).is_empty() { n + 1 } else { n + 2 };
    (first..=cut.count()).find(|&end| has(next, end))
}

/// Matches a host, labels from the right, calling `found` in the order of the labels of `pattern`.
pub(crate) fn capture_host(pattern: &[Segment], host: &str, found: &mut dyn FnMut(Span)) -> bool {
    let mut rest = Some(host);
    for (i, segment) in pattern.iter().enumerate() {
        let Some(text) = rest else {
            return false;
        };
        if let Segment::Rest { .. } = segment {
            // Only the last one (the leftmost label) takes the remainder; see the parser of hosts.
            let last = i + 1 == pattern.len();
            found((0, text.len()));
            return last && !text.is_empty() && !text.split('.').any(str::is_empty);
        }
        let (label, start) = match text.rfind('.') {
            Some(dot) => (&text[dot + 1..], dot + 1),
            None => (text, 0),
        };
        rest = start.checked_sub(1).map(|end| &text[..end]);
        if !one(segment, label, start, true, found) {
            return false;
        }
    }
    rest.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{Predicates, parse_path};

    fn captured(pattern: &str, path: &str) -> Option<Vec<String>> {
        let segments = parse_path(pattern, &Predicates::new()).unwrap();
        let mut out = Vec::new();
        let matched = capture(&segments, path, false, false, &mut |(s, e)| out.push(path[s..e].to_owned()));
        matched.then_some(out)
    }

    fn some(list: &[&str]) -> Option<Vec<String>> {
        Some(list.iter().map(|s| (*s).to_owned()).collect())
    }

    #[test]
    fn catch_alls_anywhere() {
        assert_eq!(captured("/{*a}", "/"), None);
        assert_eq!(captured("/{*a?}", "/"), some(&[""]));
        assert_eq!(captured("/{*a}", "//"), some(&["/"]));
        assert_eq!(captured("/x/{*a?}", "/x"), None);
        assert_eq!(captured("/x/{*a?}", "/x/"), some(&[""]));
        assert_eq!(captured("/v2/{*n}/tags/list", "/v2/a/b/tags/list"), some(&["a/b"]));
        assert_eq!(captured("/v2/{*n}/tags/list", "/v2/tags/list"), None);
        assert_eq!(captured("/v2/{*n?}/tags", "/v2//tags"), some(&[""]));
        assert_eq!(captured("/v2/{*n}/tags", "/v2//tags"), None);
        assert_eq!(captured("/v2/{*n}/tags", "/v2///tags"), some(&["/"]));
        assert_eq!(captured("/{*a}/x/{*b}", "/1/x/2/x/3"), some(&["1", "2/x/3"]));
        assert_eq!(captured("/{*a}/x/{b}", "/1/x/2/x/3"), some(&["1/x/2", "3"]));
        assert_eq!(captured("/{*a}/{b:u64}.{c}", "/q/w/7.gz"), some(&["q/w", "7", "gz"]));
        assert_eq!(captured("/{*a}/x", &format!("{}/x", "/a".repeat(254))).map(|v| v.len()), Some(1));
        assert_eq!(captured("/{*a}/x", &format!("{}/x", "/a".repeat(255))), None);
    }

    #[test]
    fn hosts_from_the_right() {
        let labels = crate::pattern::parse_host("{t}.Example.com", &Predicates::new()).unwrap();
        let mut out = Vec::new();
        assert!(capture_host(&labels, "acme.EXAMPLE.com", &mut |s| out.push(s)));
        assert_eq!(out, [(0, 4)]);
        assert!(!capture_host(&labels, "example.com", &mut |_| {}));
        assert!(!capture_host(&labels, "a.b.example.com", &mut |_| {}));
        let labels = crate::pattern::parse_host("{*sub}.example.com", &Predicates::new()).unwrap();
        assert!(capture_host(&labels, "a.b.example.com", &mut |_| {}));
        assert!(!capture_host(&labels, "example.com", &mut |_| {}));
    }
}
