//! The search behind a catch-all in the middle of a pattern: the same preorder over nodes, with the set of segment counts that can have
//! been consumed in place of one position. Each node is visited at most once.

use crate::arena::{PARAM, Table, kind};
use crate::capture::{Cut, MAX_PATH_SEGMENTS};
use crate::pattern::MAX_SEGMENTS;
use crate::walk::{Sink, accepts};

/// Segment counts 0..=255.
type Set = [u64; 4];

const NONE: Set = [0; 4];

/// All counts from `from` to `to`, inclusive.
fn range(from: usize, to: usize) -> Set {
    let mut set = NONE;
    for n in from..=to.min(MAX_PATH_SEGMENTS) {
        set[n >> 6] |= 1 << (n & 63);
    }
    set
}

fn members(set: Set) -> impl Iterator<Item = usize> {
    set.into_iter().enumerate().flat_map(|(i, mut word)| {
        std::iter::from_fn(move || {
            let bit = word.trailing_zeros() as usize;
            word &= word.wrapping_sub(1);
            (bit < 64).then_some(i * 64 + bit)
        })
    })
}

/// Searches the subtree of the catch-all node `root`, which starts at segment `position`. Returns the variant plus one, or 0.
#[inline(never)]
pub(crate) fn search<S: Sink, const FOLD: bool>(
    table: &Table,
    path: &str,
    extra: bool,
    root: u32,
    position: usize,
    sink: S,
) -> u32 {
    let Some(cut) = Cut::path(path, extra) else {
        return 0;
    };
    let count = cut.count();
    let Some(top) = table.nodes.get(root as usize) else {
        return 0;
    };
    // Indexed by the depth of the node that has the set.
    let mut sets = [NONE; MAX_SEGMENTS + 1];
    sets[usize::from(top.depth) - 1] = range(position, position);
    let mut next = root;
    while next != 0 && (next != top.fail || next == root) {
        let Some(node) = table.nodes.get(next as usize) else {
            return 0;
        };
        crate::steps::count();
        let parent = sets[usize::from(node.depth) - 1];
        let here = match node.tag {
            kind::END => {
                if members(parent).any(|n| n == count) {
                    let variant = sink.leaf(table, node.leaf);
                    if variant != 0 {
                        return variant;
                    }
                }
                NONE
            }
            kind::MIDDLE | kind::MIDDLE_OR_EMPTY => {
                let ends = members(parent).filter(|&n| n < count).map(|n| {
                    let empty = node.tag == kind::MIDDLE && cut.segment(n).is_empty();
                    if empty { n + 2 } else { n + 1 }
                });
                ends.min().map_or(NONE, |first| range(first, count))
            }
            _ => {
                let mut set = NONE;
                for n in members(parent).filter(|&n| n < count) {
                    let (start, end) = cut.span(n, n + 1);
                    let fits = if node.tag & PARAM == 0 {
                        literal::<FOLD>(table, node.text as usize, usize::from(node.tag), &path.as_bytes()[start..end])
                    } else {
                        accepts(table, node, path, start, end, FOLD)
                    };
                    if fits {
                        set[(n + 1) >> 6] |= 1 << ((n + 1) & 63);
                    }
                }
                set
            }
        };
        if here == NONE {
            next = node.fail;
        } else {
            sets[usize::from(node.depth)] = here;
            next = node.alt;
        }
    }
    0
}

fn literal<const FOLD: bool>(table: &Table, at: usize, len: usize, segment: &[u8]) -> bool {
    segment.len() == len
        && table
            .text
            .get(at..at + len)
            .is_some_and(|text| if FOLD { text.eq_ignore_ascii_case(segment) } else { text == segment })
}
