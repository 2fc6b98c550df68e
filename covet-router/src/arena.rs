//! The compiled form of one table: nodes in one array, literal text in another, and the probes into them.

use crate::bytes;
use crate::pattern::{Params, Segment};

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

/// See DESIGN.md for what each field means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) lo: u64,
    pub(crate) hi: u64,
    pub(crate) mult: u64,
    pub(crate) table: u32,
    pub(crate) text: u32,
    pub(crate) leaf: u32,
    pub(crate) alt: u32,
    pub(crate) fail: u32,
    pub(crate) tag: u16,
    pub(crate) shift: u8,
    pub(crate) depth: u8,
}

impl Node {
    /// No segment has this `lo`: below the highest byte, zeros stand only under the bytes of a segment.
    pub(crate) const UNUSED: Self = Self {
        lo: 1,
        hi: 0,
        mult: 0,
        table: 0,
        text: 0,
        leaf: 0,
        alt: 0,
        fail: 0,
        tag: EMPTY,
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

/// Where a path without parameters leads.
#[derive(Clone, Copy, Debug, Default)]
struct StaticSlot {
    hash: u32,
    text: u32,
    len: u32,
    leaf: u32,
}

/// Paths without parameters, by the whole path.
#[derive(Debug, Default)]
pub(crate) struct Statics {
    slots: Box<[StaticSlot]>,
    /// One bit per length (modulo 256) that occurs.
    lengths: [u64; 4],
    shift: u32,
}

impl Statics {
    /// `paths` gives the position of each path in `text`, its length, and its leaf.
    pub(crate) fn new(paths: &[(u32, u32, u32)], text: &[u8]) -> Self {
        if paths.is_empty() {
            return Self::default();
        }
        let size = (paths.len() * 2).next_power_of_two().max(4);
        let mut this = Self {
            slots: vec![StaticSlot::default(); size].into(),
            lengths: [0; 4],
            shift: 32 - size.trailing_zeros(),
        };
        for &(start, len, leaf) in paths {
            let path = &text[start as usize..(start + len) as usize];
            this.lengths[(path.len() >> 6) & 3] |= 1 << (path.len() & 63);
            let hash = static_hash(path);
            let mut at = (hash >> this.shift) as usize;
            while this.slots[at].leaf != 0 {
                at = (at + 1) & (size - 1);
            }
            this.slots[at] = StaticSlot { hash, text: start, len, leaf };
        }
        this
    }

    /// The leaf of this very path, or 0.
    #[inline(always)]
    pub(crate) fn get(&self, path: &[u8], text: &[u8]) -> u32 {
        if self.lengths[(path.len() >> 6) & 3] >> (path.len() & 63) & 1 == 0 {
            return 0;
        }
        let hash = static_hash(path);
        let mut at = (hash >> self.shift) as usize;
        while let Some(slot) = self.slots.get(at) {
            if slot.leaf == 0 {
                return 0;
            }
            if slot.hash == hash && slot.len as usize == path.len() && same_text(text, slot.text as usize, path) {
                return slot.leaf;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        0
    }

    fn memory(&self) -> usize {
        size_of_val(&*self.slots)
    }
}

/// Length and the first, middle and last eight bytes; equality is checked on the whole path.
#[inline(always)]
fn static_hash(path: &[u8]) -> u32 {
    const A: u64 = 0x9e37_79b9_7f4a_7c15;
    const B: u64 = 0xd6e8_feb8_6659_fd93;
    let n = path.len();
    let mut h = n as u64;
    if n >= 8 {
        h = (h ^ bytes::word(path, 0)).wrapping_mul(A);
        h = (h ^ (h >> 29) ^ bytes::word(path, n - 8)).wrapping_mul(B);
        if n > 16 {
            h = (h ^ (h >> 31) ^ bytes::word(path, n / 2 - 4)).wrapping_mul(A);
        }
    } else {
        h = (h ^ (bytes::short_word(path) << 8)).wrapping_mul(A);
    }
    #[allow(clippy::cast_possible_truncation, reason = "the upper half, which is the well mixed one")]
    let hash = (h >> 32) as u32;
    hash
}

/// Whether `path` stands in `text` at `at`.
#[inline(always)]
fn same_text(text: &[u8], at: usize, path: &[u8]) -> bool {
    let Some(stored) = text.get(at..at + path.len()) else {
        return false;
    };
    match (stored.last_chunk::<8>(), path.last_chunk::<8>()) {
        (Some(a), Some(b)) => {
            let ((first, _), (second, _)) = (stored.as_chunks::<8>(), path.as_chunks::<8>());
            a == b && first.iter().zip(second).all(|(a, b)| a == b)
        }
        _ => bytes::short_word(stored) == bytes::short_word(path),
    }
}

/// Literal segments that nearly all patterns begin with, up to eight bytes with their slashes: one comparison takes the walk past them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefix {
    /// The first bytes of a path that begins with them, and which of the eight they are.
    pub(crate) word: u64,
    pub(crate) mask: u64,
    /// Where the walk is then: the node, how many segments are cut, where the next one begins.
    pub(crate) node: u32,
    pub(crate) depth: usize,
    pub(crate) start: usize,
    /// What the walk would have put into its cells.
    pub(crate) cells: [u32; Self::DEPTH],
}

impl Prefix {
    /// So many segments at most.
    pub(crate) const DEPTH: usize = 4;

    /// No word is 1 where nothing is compared.
    pub(crate) const NONE: Self = Self { word: 1, mask: 0, node: 0, depth: 0, start: 1, cells: [0; Self::DEPTH] };
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

/// The slot of a key; `hi` are the last eight bytes of segments of eight and more, 0 for others.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the shift leaves fewer bits than a table has slots")]
pub(crate) fn slot_of(lo: u64, hi: u64, mult: u64, shift: u8) -> usize {
    ((lo ^ hi.rotate_left(27)).wrapping_mul(mult) >> (shift & 63)) as usize
}

/// First and last eight bytes of a segment as its node holds them.
pub(crate) fn key_of<const FOLD: bool>(segment: &[u8]) -> (u64, u64) {
    let hi = segment.last_chunk::<8>().map_or(0, |last| u64::from_le_bytes(*last));
    (bytes::key::<FOLD>(segment), if FOLD { bytes::fold_word(hi) } else { hi })
}

impl Table {
    /// The literal child of `node` for a segment of less than eight bytes, by its key.
    #[inline(always)]
    pub(crate) fn short_child(&self, node: &Node, key: u64) -> Option<&Node> {
        let first = slot_of(key, 0, node.mult, node.shift);
        let slot = self.nodes.get(node.table as usize + first)?;
        if slot.lo == key {
            return Some(slot);
        }
        if slot.depth & MORE == 0 { None } else { self.probe(node, first, |slot| slot.lo == key) }
    }

    /// The literal child of `node` for any segment.
    #[inline]
    pub(crate) fn child<const FOLD: bool>(&self, node: &Node, segment: &[u8]) -> Option<&Node> {
        if node.shift & NO_TABLE != 0 {
            return None;
        }
        let (lo, hi) = key_of::<FOLD>(segment);
        let is_here = |slot: &Node| {
            slot.lo == lo
                && slot.hi == hi
                && slot.tag as usize == segment.len()
                && (segment.len() <= 16 || self.middle::<FOLD>(slot, segment))
        };
        let first = slot_of(lo, hi, node.mult, node.shift);
        let slot = self.nodes.get(node.table as usize + first)?;
        if is_here(slot) {
            return Some(slot);
        }
        if slot.depth & MORE == 0 { None } else { self.probe(node, first, is_here) }
    }

    /// Looks at the slots after the first one.
    #[inline(never)]
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

    /// The part of a long segment that its key does not hold.
    #[inline(never)]
    fn middle<const FOLD: bool>(&self, slot: &Node, segment: &[u8]) -> bool {
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
