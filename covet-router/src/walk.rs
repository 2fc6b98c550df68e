//! The walk over the trie: segments of the path are cut as they are needed, literal children are probed, then parameters in order of
//! precedence, and failure follows the threads laid at build. No stack, no allocation, at most one visit to a node.
//!
//! [`walk`] is the straight way that most requests take, short enough to stay in registers; [`resume`] is the whole search.

use crate::arena::{NO_TABLE, Node, PARAM, PLAIN_CHILD, Table, kind};
use crate::bytes;
use crate::{kind as types, segment, sets};

/// Decides at the end of a pattern whether the search is over. Passed by value: what it gathers it has a reference to.
pub(crate) trait Sink: Copy {
    /// The variant to answer with plus one, or 0 to search on.
    fn leaf(self, table: &Table, leaf: u32) -> u32;
}

/// Cells of the tables that are walked most: up to fifteen segments.
pub(crate) const CELLS: usize = 16;
/// Cells for every other table; more than a pattern can have segments.
pub(crate) const MANY_CELLS: usize = 128;

/// What the README says of the scratch on the stack: cells, and the sets that a catch-all in the middle tries.
const _: () =
    assert!(size_of::<[u32; MANY_CELLS]>() + size_of::<[[u64; 4]; crate::pattern::MAX_SEGMENTS + 1]>() < 4 << 10);

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
/// `cells` then holds the segments that are parameters, at their place in the path; a catch-all at the end is one segment. For tables whose literals are
/// compared as they are and whose depth is below [`CELLS`].
///
/// This is the straight way down: literal children, else a plain parameter. Whatever else there is, and the first failure, is left to [`resume`].
#[inline(never)]
pub(crate) fn walk<S: Sink>(table: &Table, path: &str, sink: S, cells: &mut [u32; CELLS]) -> u32 {
    let bytes = path.as_bytes();
    let nodes = &*table.nodes;
    let Some(mut node) = nodes.get(1) else {
        return 0;
    };
    let Some(last_word) = bytes.len().checked_sub(8) else {
        return resume::<S, false, CELLS>(table, path, 0, sink, cells, 1);
    };
    // The slash in front of the next segment; the end of the path when there is none.
    let mut slash = 0;
    let prefix = &table.prefix;
    if bytes::word(bytes, 0) & prefix.mask == prefix.word
        && let Some(behind) = nodes.get(prefix.node as usize)
    {
        (node, slash) = (behind, prefix.len);
    }
    let next = loop {
        crate::steps::count();
        let start = slash + 1;
        let x = if start <= last_word {
            bytes::word(bytes, start) ^ bytes::SLASHES
        } else if start < bytes.len() {
            bytes::last_xored(bytes, start, last_word)
        } else if start == bytes.len() {
            // An empty last segment.
            0
        } else {
            if node.leaf != 0 {
                let variant = sink.leaf(table, node.leaf);
                if variant != 0 {
                    return variant;
                }
            }
            break node.fail;
        };
        let has_table = node.shift & NO_TABLE == 0;
        let end = if let Some(bit) = bytes::short_end(x) {
            let end = start + (bit as usize >> 3);
            if has_table && let Some(child) = table.short_child(node, bytes::short_key(x, bit)) {
                (node, slash) = (child, end);
                continue;
            }
            end
        } else {
            if has_table && let Some(child) = table.long_child(node, x, bytes, start, last_word) {
                (node, slash) = (child, start + child.tag as usize);
                continue;
            }
            bytes::long_end(bytes, start + 8, last_word)
        };
        if node.shift & PLAIN_CHILD == 0 || start == end {
            break node.alt;
        }
        let Some(child) = nodes.get(node.alt as usize) else { break 0 };
        cells[child.text as usize & (CELLS - 1)] = pack(start, end);
        (node, slash) = (child, end);
    };
    if next == 0 {
        return 0;
    }
    resume::<S, false, CELLS>(table, path, 0, sink, cells, next)
}

/// The search with everything in it: any alternative, any way back. It goes on at node `next`; 1, the root, is entered without a segment. `extra` empty segments are
/// added at the end of the path; `N` is a power of two above the table's depth.
#[inline(never)]
pub(crate) fn resume<S: Sink, const FOLD: bool, const N: usize>(
    table: &Table,
    path: &str,
    mut extra: usize,
    sink: S,
    cells: &mut [u32; N],
    mut next: u32,
) -> u32 {
    let bytes = path.as_bytes();
    let added = extra > 0;
    // The segments up to the one that `next` is to be tried on: the straight walk keeps parameters only.
    let mut known = table.nodes.get(next as usize).map_or(0, |node| usize::from(node.depth));
    let mut start = 1;
    for cell in cells.iter_mut().take(known) {
        let end = bytes::segment_end(bytes, start);
        *cell = pack(start, end);
        start = end + 1;
    }
    loop {
        // The first alternative that takes its segment, at this place or further up.
        let (mut node, mut depth) = loop {
            let Some(node) = table.nodes.get(next as usize) else {
                return 0;
            };
            crate::steps::count();
            if next <= 1 {
                if next == 0 {
                    return 0;
                }
                break (node, 0);
            }
            let depth = usize::from(node.depth);
            let cell = &mut cells[(depth - 1) & (N - 1)];
            let (from, to) = unpack(*cell);
            match node.tag {
                kind::PLAIN => {
                    if from != to {
                        break (node, depth);
                    }
                }
                kind::REST | kind::REST_OR_EMPTY => {
                    if from < bytes.len() || node.tag == kind::REST_OR_EMPTY {
                        let variant = sink.leaf(table, node.leaf);
                        if variant != 0 {
                            *cell = pack(from, bytes.len());
                            return variant;
                        }
                    }
                }
                kind::MIDDLE | kind::MIDDLE_OR_EMPTY => {
                    let variant = sets::search::<S, FOLD>(table, path, added, next, depth - 1, sink);
                    if variant != 0 {
                        // For a pattern that ends with this very catch-all; the others are captured anew.
                        *cell = pack(from, bytes.len());
                        return variant;
                    }
                }
                _ => {
                    if accepts(table, node, path, from, to, FOLD) {
                        break (node, depth);
                    }
                }
            }
            next = node.fail;
        };
        // Down, as long as literal children take the segments.
        loop {
            let from = if depth < known { unpack(cells[depth & (N - 1)]).0 } else { start };
            if depth == known && from > bytes.len() && extra == 0 {
                if node.leaf != 0 {
                    let variant = sink.leaf(table, node.leaf);
                    if variant != 0 {
                        return variant;
                    }
                }
                next = node.fail;
                break;
            }
            if depth == known {
                extra -= usize::from(from > bytes.len());
            }
            // An added segment is empty, at the end of the path.
            let from = from.min(bytes.len());
            let end = bytes::segment_end(bytes, from);
            if depth == known {
                cells[depth & (N - 1)] = pack(from, end);
                known += 1;
                start = end + 1;
            }
            match table.child::<FOLD>(node, bytes.get(from..end).unwrap_or_default()) {
                Some(child) => {
                    crate::steps::count();
                    node = child;
                    depth += 1;
                }
                None => {
                    next = node.alt;
                    break;
                }
            }
        }
    }
}

/// Whether a segment satisfies the constraint of a node that is neither plain nor a catch-all.
#[inline(never)]
pub(crate) fn accepts(table: &Table, node: &Node, path: &str, start: usize, end: usize, fold: bool) -> bool {
    debug_assert!(node.tag & PARAM != 0, "a node of the alternatives");
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
