//! The walk over the trie: segments of the path are cut as they are needed, literal children are probed, then parameters in order of
//! precedence, and failure follows the threads laid at build. No stack, no allocation, at most one visit to a node.

use crate::arena::{EMPTY, MORE, NO_TABLE, Node, PARAM, Table, kind};
use crate::bytes;
use crate::{kind as types, segment, sets};

/// Decides at the end of a pattern whether the search is over.
pub(crate) trait Sink {
    /// The variant to answer with plus one, or 0 to search on.
    fn leaf(&mut self, table: &Table, leaf: u32) -> u32;
}

/// Cells of the tables that are walked most: up to fifteen segments.
pub(crate) const CELLS: usize = 16;
/// Cells for every other table; more than a pattern can have segments.
pub(crate) const MANY_CELLS: usize = 128;

/// Start and end of a segment in one word.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "paths are at most 65,535 bytes long")]
pub(crate) fn pack(start: usize, end: usize) -> u32 {
    (start as u32) | (end as u32) << 16
}

#[inline(always)]
pub(crate) fn unpack(cell: u32) -> (usize, usize) {
    ((cell & 0xffff) as usize, (cell >> 16) as usize)
}

/// Searches `table` for `path`, which begins with a slash and is at most 65,535 bytes long. Returns the variant plus one, or 0.
///
/// `cells` then holds the segments that were cut, a catch-all at the end being one segment. `N` is a power of two above the table's depth.
#[inline(always)]
pub(crate) fn walk<S: Sink, const FOLD: bool, const N: usize>(
    table: &Table,
    path: &str,
    extra: bool,
    sink: &mut S,
    cells: &mut [u32; N],
) -> u32 {
    let bytes = path.as_bytes();
    let Some(mut node) = table.nodes.get(1) else {
        return 0;
    };
    // Segments consumed on the way to `node`; segments cut so far; where the next one begins; empty segments to add at the end.
    let (mut depth, mut known, mut start, mut extra_left) = (0, 0, 1, usize::from(extra));
    loop {
        crate::steps::count();
        let mut next = node.alt;
        let here = if depth < known {
            // Back at a segment that was cut before.
            unpack(cells[depth & (N - 1)]).0
        } else {
            start
        };
        if here > bytes.len() && extra_left == 0 {
            // The path ends at this node.
            if node.leaf != 0 {
                let variant = sink.leaf(table, node.leaf);
                if variant != 0 {
                    return variant;
                }
            }
            next = node.fail;
        } else {
            let cut = bytes::cut(bytes, here);
            if depth == known {
                extra_left -= usize::from(here > bytes.len());
                cells[depth & (N - 1)] = pack(here.min(bytes.len()), cut.end);
                known += 1;
                start = cut.end + 1;
            }
            if node.shift & !MORE != NO_TABLE
                && let Some(child) = table.child::<FOLD>(node, bytes, here, cut.end, cut.word)
            {
                node = child;
                depth += 1;
                continue;
            }
        }
        // Parameters, in order, at this place and then further up.
        loop {
            if next == 0 {
                return 0;
            }
            let Some(alternative) = table.nodes.get(next as usize) else {
                return 0;
            };
            crate::steps::count();
            let at = usize::from(alternative.depth) - 1;
            let (start, end) = unpack(cells[at & (N - 1)]);
            if alternative.tag == kind::PLAIN {
                if start != end {
                    node = alternative;
                    depth = at + 1;
                    break;
                }
            } else if alternative.tag == kind::REST || alternative.tag == kind::REST_OR_EMPTY {
                if start < bytes.len() || alternative.tag == kind::REST_OR_EMPTY {
                    let variant = sink.leaf(table, alternative.leaf);
                    if variant != 0 {
                        cells[at & (N - 1)] = pack(start, bytes.len());
                        return variant;
                    }
                }
            } else if alternative.tag == kind::MIDDLE || alternative.tag == kind::MIDDLE_OR_EMPTY {
                let variant = sets::search::<S, FOLD>(table, path, extra, next, at, sink);
                if variant != 0 {
                    // For a pattern that ends with this very catch-all; the others are captured anew.
                    cells[at & (N - 1)] = pack(start, bytes.len());
                    return variant;
                }
            } else if accepts(table, alternative, path, start, end, FOLD) {
                node = alternative;
                depth = at + 1;
                break;
            }
            next = alternative.fail;
        }
    }
}

/// Whether a segment satisfies the constraint of a node that is neither plain nor a catch-all.
#[inline(never)]
pub(crate) fn accepts(table: &Table, node: &Node, path: &str, start: usize, end: usize, fold: bool) -> bool {
    debug_assert!(node.tag & PARAM != 0 && node.tag != EMPTY && node.shift & MORE == 0);
    let Some(text) = path.get(start..end) else {
        return false;
    };
    match node.tag {
        kind::PLAIN => !text.is_empty(),
        kind::U64 => types::is_u64(text.as_bytes()),
        kind::I64 => types::is_i64(text.as_bytes()),
        kind::UUID => types::is_uuid(text.as_bytes()),
        _ => table.matchers.get(node.text as usize).is_some_and(|m| segment::accepts(m, text, fold)),
    }
}
