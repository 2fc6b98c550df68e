//! The compiled form of one table: nodes in one array, literal text in another, and the probes into them.

use crate::bytes;
use crate::pattern::{Params, Segment};
use crate::statics::Statics;

/// The bits of a variant's number (plus one) in a search result.
pub(crate) const NUMBER: u32 = COMPLEX - 1;
/// Set on the number of a variant whose captures are not whole segments among the walk's cells.
pub(crate) const COMPLEX: u32 = 1 << 26;
/// Bit of a `leaf` reference that marks a variant for any method, without a [`Leaf`] of its own.
pub(crate) const ANY_ONLY: u32 = 1 << 31;
/// Set in [`Node::tag`] when a node is reached by something else than a literal segment.
pub(crate) const PARAM: u16 = 1 << 15;
/// Tag of an unused slot.
pub(crate) const EMPTY: u16 = PARAM - 1;
/// Flag in [`Node::depth`] of a slot: a probe that does not match here must look at the next slot.
pub(crate) const MORE: u8 = 1 << 7;
/// Flag in [`Node::shift`]: the node has no literal children.
pub(crate) const NO_TABLE: u8 = 1 << 6;
/// Flag in [`Node::shift`]: the first parameter child is a plain one.
pub(crate) const PLAIN_CHILD: u8 = 1 << 7;

/// What kind of parameter leads to a node; the low bits of its tag.
pub(crate) mod kind {
    pub(crate) const PLAIN: u16 = super::PARAM;
    pub(crate) const REST: u16 = super::PARAM | 1;
    pub(crate) const REST_OR_EMPTY: u16 = super::PARAM | 2;
    pub(crate) const U64: u16 = super::PARAM | 3;
    pub(crate) const I64: u16 = super::PARAM | 4;
    pub(crate) const UUID: u16 = super::PARAM | 5;
    /// Anything else within one segment: `text` is the index of a matcher.
    pub(crate) const MATCHER: u16 = super::PARAM | 6;
    /// A catch-all with more behind it: the subtree is searched with sets of positions.
    pub(crate) const MIDDLE: u16 = super::PARAM | 7;
    pub(crate) const MIDDLE_OR_EMPTY: u16 = super::PARAM | 8;
    /// Behind a catch-all in the middle: the end of a pattern.
    pub(crate) const END: u16 = super::PARAM | 9;
}

/// One line of the cache; see DESIGN.md for what each field means.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Node {
    pub(crate) lo: u64,
    pub(crate) hi: u64,
    pub(crate) middle: u64,
    pub(crate) mult: u64,
    pub(crate) table: u32,
    pub(crate) text: u32,
    pub(crate) leaf: u32,
    pub(crate) alt: u32,
    pub(crate) fail: u32,
    pub(crate) tag: u16,
    pub(crate) last: u16,
    pub(crate) shift: u8,
    pub(crate) depth: u8,
}

impl Node {
    /// No segment has this `lo`: below the highest byte, zeros stand only under the bytes of a segment.
    pub(crate) const UNUSED: Self = Self {
        lo: 1,
        hi: 0,
        middle: 0,
        mult: 0,
        table: 0,
        text: 0,
        leaf: 0,
        alt: 0,
        fail: 0,
        tag: EMPTY,
        last: 0,
        shift: NO_TABLE,
        depth: 0,
    };
}

/// What ends at one place when routes are bound to methods. Variants are stored plus one, 0 is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaf {
    /// By standard method, already resolved: exact, else HEAD as GET, else any.
    pub(crate) resolved: [u32; 9],
    pub(crate) any: u32,
    /// Extension methods by bit number.
    pub(crate) extensions: Box<[(u8, u32)]>,
    /// Methods answered here, with automatic ones.
    pub(crate) allow: u64,
    /// Methods with a route of their own.
    pub(crate) exact: u64,
}

/// Literal segments that nearly all patterns begin with, up to eight bytes with their slashes: one comparison takes the walk past them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefix {
    /// The first bytes of a path that begins with them, and which of the eight they are.
    pub(crate) word: u64,
    pub(crate) mask: u64,
    /// Where the walk is then: the node, and the place of the slash behind it.
    pub(crate) node: u32,
    pub(crate) len: usize,
}

impl Prefix {
    /// So many segments at most.
    pub(crate) const DEPTH: usize = 4;

    /// No word is 1 where nothing is compared.
    pub(crate) const NONE: Self = Self { word: 1, mask: 0, node: 0, len: 0 };
}

/// One compiled table: all patterns of one host (or of none).
#[derive(Debug)]
pub(crate) struct Table {
    /// 0 stands for "nothing", 1 is the root.
    pub(crate) nodes: Box<[Node]>,
    pub(crate) text: Box<[u8]>,
    pub(crate) matchers: Box<[Params]>,
    pub(crate) leaves: Box<[Leaf]>,
    pub(crate) statics: Statics,
    pub(crate) prefix: Prefix,
    /// The most segments any pattern has.
    pub(crate) depth: usize,
    /// Whether literals are compared without regard to ASCII case; they are stored in lower case.
    pub(crate) fold: bool,
}

impl Table {
    /// Bytes of heap memory.
    pub(crate) fn memory(&self) -> usize {
        let matchers = self.matchers.iter().map(|m| size_of_val(&*m.parts) + size_of::<Params>()).sum::<usize>();
        let leaves = self.leaves.iter().map(|l| size_of_val(&*l.extensions) + size_of::<Leaf>()).sum::<usize>();
        size_of_val(&*self.nodes) + self.text.len() + matchers + leaves + self.statics.memory()
    }
}

/// The slot of a key.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the shift leaves fewer bits than a table has slots")]
pub(crate) fn slot_of(lo: u64, mult: u64, shift: u8) -> usize {
    (lo.wrapping_mul(mult) >> (shift & 63)) as usize
}

impl Table {
    /// The literal child of `node` for a segment of less than eight bytes, by its key.
    #[inline(always)]
    pub(crate) fn short_child(&self, node: &Node, key: u64) -> Option<&Node> {
        let first = slot_of(key, node.mult, node.shift);
        let slot = self.nodes.get(node.table as usize + first)?;
        if slot.lo == key {
            return Some(slot);
        }
        if slot.depth & MORE == 0 { None } else { self.probe_short(node, first, key) }
    }

    /// The literal child of `node` for a segment of eight bytes and more that begins at `start` with `lo`. Its end need not be known: the child's length says where it
    /// would be. `last_word` is `bytes.len() - 8`.
    #[inline(always)]
    pub(crate) fn long_child(
        &self,
        node: &Node,
        lo: u64,
        bytes: &[u8],
        start: usize,
        last_word: usize,
    ) -> Option<&Node> {
        let first = slot_of(lo, node.mult, node.shift);
        let slot = self.nodes.get(node.table as usize + first)?;
        if slot.lo == lo && self.is_here(slot, bytes, start, last_word) {
            return Some(slot);
        }
        if slot.depth & MORE == 0 { None } else { self.probe_long(node, first, bytes, start) }
    }

    /// Whether the literal of a slot, whose first eight bytes stand at `start`, stands there whole and is followed by a slash or the end.
    #[inline(always)]
    fn is_here(&self, slot: &Node, bytes: &[u8], start: usize, last_word: usize) -> bool {
        let at = start + slot.last as usize;
        at <= last_word
            && bytes::word(bytes, at) == slot.hi
            && (at == last_word || bytes.get(at + 8) == Some(&b'/'))
            && (slot.last <= 8 || self.is_middle(slot, bytes, start, at))
    }

    /// What stands between the first and the last eight bytes of a longer literal.
    #[inline(never)]
    fn is_middle(&self, slot: &Node, bytes: &[u8], start: usize, at: usize) -> bool {
        bytes::word(bytes, start + 8) == slot.middle
            && (slot.last <= 16 || bytes.get(start..at + 8).is_some_and(|segment| self.is_text::<false>(slot, segment)))
    }

    /// As [`short_child`](Self::short_child), from the slot after the first one.
    #[inline(never)]
    fn probe_short(&self, node: &Node, first: usize, key: u64) -> Option<&Node> {
        self.probe(node, first, |slot| slot.lo == key)
    }

    /// As [`long_child`](Self::long_child), from the slot after the first one.
    #[inline(never)]
    fn probe_long(&self, node: &Node, first: usize, bytes: &[u8], start: usize) -> Option<&Node> {
        let lo = bytes::word(bytes, start) ^ bytes::SLASHES;
        let last_word = bytes.len().saturating_sub(8);
        self.probe(node, first, |slot| slot.lo == lo && self.is_here(slot, bytes, start, last_word))
    }

    /// The literal child of `node` for any segment.
    #[inline]
    pub(crate) fn child<const FOLD: bool>(&self, node: &Node, segment: &[u8]) -> Option<&Node> {
        if node.shift & NO_TABLE != 0 {
            return None;
        }
        let lo = bytes::key::<FOLD>(segment);
        let is_here = |slot: &Node| {
            slot.lo == lo
                && slot.tag as usize == segment.len()
                && (segment.len() < 8 || self.is_text::<FOLD>(slot, segment))
        };
        let first = slot_of(lo, node.mult, node.shift);
        let slot = self.nodes.get(node.table as usize + first)?;
        if is_here(slot) {
            return Some(slot);
        }
        if slot.depth & MORE == 0 { None } else { self.probe(node, first, is_here) }
    }

    /// Looks at the slots after the first one.
    #[inline(always)]
    fn probe(&self, node: &Node, first: usize, is_here: impl Fn(&Node) -> bool) -> Option<&Node> {
        let mask = (1usize << (64 - u32::from(node.shift & 63))) - 1;
        let mut at = first;
        loop {
            at = (at + 1) & mask;
            let slot = self.nodes.get(node.table as usize + at)?;
            if is_here(slot) {
                return Some(slot);
            }
            if slot.depth & MORE == 0 || at == first {
                return None;
            }
        }
    }

    fn is_text<const FOLD: bool>(&self, slot: &Node, segment: &[u8]) -> bool {
        let from = slot.text as usize;
        match self.text.get(from..from + segment.len()) {
            Some(text) if FOLD => text.eq_ignore_ascii_case(segment),
            Some(text) => text == segment,
            None => false,
        }
    }
}

/// Whether a segment is a whole parameter of a type the walk tests by itself, and its tag.
pub(crate) fn tag_of(segment: &Segment) -> u16 {
    use crate::kind::Kind;
    match segment {
        Segment::Literal(_) => EMPTY,
        Segment::Rest { may_be_empty: false, .. } => kind::REST,
        Segment::Rest { may_be_empty: true, .. } => kind::REST_OR_EMPTY,
        Segment::Params(p) => match p.whole() {
            Some(Kind::Plain) => kind::PLAIN,
            Some(Kind::U64) => kind::U64,
            Some(Kind::I64) => kind::I64,
            Some(Kind::Uuid) => kind::UUID,
            _ => kind::MATCHER,
        },
    }
}
