//! The walk over the trie: segments of the path are cut as they are needed, literal children are probed, then parameters in order of
//! precedence, and failure follows the threads laid at build. No stack, no allocation, at most one visit to a node.
//!
//! [`walk`] is the straight way that most requests take, short enough to stay in registers; [`resume`] is the whole search.

use crate::arena::{NO_TABLE, Node, PARAM, PLAIN_CHILD, Table, kind};
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
/// `cells` then holds the segments that were cut, a catch-all at the end being one segment. For tables whose literals are compared as they are and whose
/// depth is below [`CELLS`].
///
/// This is the straight way down: literal children, else a plain parameter. Whatever else there is, and the first failure, is left to [`resume`].
#[inline(always)]
pub(crate) fn walk<S: Sink>(table: &Table, path: &str, sink: &mut S, cells: &mut [u32; CELLS]) -> u32 {
    let bytes = path.as_bytes();
    let (mut depth, mut start) = (0, 1);
    let Some(mut node) = table.nodes.get(1) else {
        return 0;
    };
    let Some(last_word) = bytes.len().checked_sub(8) else {
        return resume::<S, false, CELLS>(table, path, 0, sink, cells, At::ROOT);
    };
    let prefix = &table.prefix;
    if bytes::word(bytes, 0) & prefix.mask == prefix.word
        && let (Some(behind), Some(first)) = (table.nodes.get(prefix.node as usize), cells.first_chunk_mut())
    {
        (node, depth, start) = (behind, prefix.depth, prefix.start);
        *first = prefix.cells;
    }
    let next = loop {
        crate::steps::count();
        if start >= bytes.len() {
            if start == bytes.len() {
                // An empty last segment.
                cells[depth & (CELLS - 1)] = pack(start, start);
                depth += 1;
                start += 1;
                match table.child::<false>(node, &[]) {
                    Some(child) => {
                        node = child;
                        continue;
                    }
                    None => break node.alt,
                }
            }
            if node.leaf != 0 {
                let variant = sink.leaf(table, node.leaf);
                if variant != 0 {
                    return variant;
                }
            }
            break node.fail;
        }
        let segment = start;
        let x = bytes::xored(bytes, start, last_word);
        let child = match bytes::short_end(x) {
            Some(bit) => {
                start += (bit as usize >> 3) + 1;
                if node.shift & NO_TABLE == 0 { table.short_child(node, bytes::short_key(x, bit)) } else { None }
            }
            None => {
                let end = bytes::long_end(bytes, start + 8, last_word);
                start = end + 1;
                if node.shift & NO_TABLE == 0 {
                    table.child::<false>(node, bytes.get(segment..end).unwrap_or_default())
                } else {
                    None
                }
            }
        };
        cells[depth & (CELLS - 1)] = pack(segment, start - 1);
        depth += 1;
        if let Some(child) = child {
            node = child;
        } else if node.shift & PLAIN_CHILD != 0
            && segment + 1 != start
            && let Some(child) = table.nodes.get(node.alt as usize)
        {
            node = child;
        } else {
            break node.alt;
        }
    };
    resume::<S, false, CELLS>(table, path, 0, sink, cells, At { next, known: depth, start })
}

/// Where a search goes on.
#[derive(Clone, Copy)]
pub(crate) struct At {
    /// The alternative to try; 1, the root, is entered without a segment.
    next: u32,
    /// How many segments have been cut.
    known: usize,
    /// Where the next segment begins.
    start: usize,
}

impl At {
    pub(crate) const ROOT: Self = Self { next: 1, known: 0, start: 1 };
}

/// The search with everything in it: any alternative, any way back. `extra` empty segments are added at the end of the path; `N` is a power of
/// two above the table's depth.
#[inline(never)]
pub(crate) fn resume<S: Sink, const FOLD: bool, const N: usize>(
    table: &Table,
    path: &str,
    mut extra: usize,
    sink: &mut S,
    cells: &mut [u32; N],
    at: At,
) -> u32 {
    let bytes = path.as_bytes();
    let At { mut next, mut known, mut start } = at;
    let added = extra > 0;
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
