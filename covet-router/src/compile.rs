//! From sorted patterns to the arena of one table.

use std::sync::Arc;

use crate::arena::{ANY_ONLY, Leaf, MORE, NO_TABLE, Node, PLAIN_CHILD, Prefix, Table, kind, slot_of, tag_of};
use crate::bytes;
use crate::methods::{GET, HEAD, OPTIONS, STANDARD};
use crate::order::{Keys, SegmentKey, keyed_cmp};
use crate::pattern::Segment;
use crate::statics::Statics;

/// One pattern to place: a variant of a route.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) segments: Arc<[Segment]>,
    /// With [`COMPLEX`](crate::arena::COMPLEX), where it applies.
    pub(crate) variant: u32,
    /// Bit number of the method; `None` for any.
    pub(crate) method: Option<u8>,
}

/// Compiles the patterns of one table. With `fold`, their literals are in lower case.
pub(crate) fn compile(inputs: Vec<Input>, fold: bool, automatic_options: bool) -> Table {
    let keys = Keys::new(inputs.iter().map(|i| &*i.segments));
    let depth = inputs.iter().map(|i| i.segments.len()).max().unwrap_or(0);
    let mut inputs: Vec<(usize, Input)> = inputs.into_iter().enumerate().collect();
    inputs.sort_by(|(i, a), (j, b)| {
        keys.pattern_cmp((*i, &a.segments), (*j, &b.segments)).then_with(|| a.variant.cmp(&b.variant))
    });
    // Rarely are there more than two nodes a route; room that is left is given back.
    let mut nodes = Vec::with_capacity(2 + 2 * inputs.len());
    nodes.resize(2, Node::UNUSED);
    let mut builder = Builder {
        inputs: &inputs,
        keys: &keys,
        arranger: Arranger::default(),
        children: Vec::new(),
        fold,
        automatic_options,
        nodes,
        text: Vec::new(),
        matchers: Vec::new(),
        leaves: Vec::new(),
        statics: Vec::new(),
        static_text: Vec::new(),
    };
    builder.fill(1, 0, inputs.len(), 0);
    let statics = Statics::new(&builder.statics, builder.static_text);
    let mut table = Table {
        nodes: builder.nodes.into(),
        text: builder.text.into(),
        matchers: builder.matchers.into(),
        leaves: builder.leaves.into(),
        statics,
        prefix: Prefix::NONE,
        depth,
        fold,
    };
    table.prefix = common_prefix(&table, &inputs);
    table
}

/// The literal segments that at least nine of ten patterns begin with: with fewer, the comparison would often be a wrong guess.
fn common_prefix(table: &Table, inputs: &[(usize, Input)]) -> Prefix {
    let mut prefix = Prefix::NONE;
    if table.fold {
        return prefix;
    }
    let (mut group, mut text) = (inputs, String::from("/"));
    for depth in 0..Prefix::DEPTH {
        let literal = |input: &'_ (usize, Input)| match input.1.segments.get(depth) {
            Some(Segment::Literal(text)) => Some(text.clone()),
            _ => None,
        };
        let groups = group.chunk_by(|a, b| literal(a) == literal(b));
        let Some(largest) = groups.filter(|g| g.len() * 10 >= inputs.len() * 9).max_by_key(|g| g.len()) else { break };
        let Some(segment) = largest.first().and_then(literal) else { break };
        let parent = if depth == 0 { 1 } else { prefix.node as usize };
        let child = table.nodes.get(parent).and_then(|parent| table.child::<false>(parent, segment.as_bytes()));
        let node = child.and_then(|child| table.nodes.iter().position(|node| std::ptr::eq(node, child)));
        let (Some(node), true) = (node, text.len() + segment.len() < 8) else { break };
        text.push_str(&segment);
        text.push('/');
        let mut word = [0; 8];
        word[..text.len()].copy_from_slice(text.as_bytes());
        prefix.word = u64::from_le_bytes(word);
        prefix.mask = u64::MAX >> (64 - 8 * text.len());
        (prefix.node, prefix.len) = (index(node), text.len() - 1);
        group = largest;
    }
    prefix
}

struct Builder<'a> {
    /// Sorted, with the number that `keys` has them under.
    inputs: &'a [(usize, Input)],
    keys: &'a Keys,
    /// Children of the nodes on the way down, the deepest last.
    children: Vec<Child<'a>>,
    arranger: Arranger,
    fold: bool,
    automatic_options: bool,
    nodes: Vec<Node>,
    text: Vec<u8>,
    matchers: Vec<crate::pattern::Params>,
    leaves: Vec<Leaf>,
    statics: Vec<(u32, u32, u32)>,
    static_text: Vec<u8>,
}

/// The patterns of one child: they agree up to and including the segment that leads to it.
#[derive(Clone, Copy)]
struct Child<'a> {
    key: SegmentKey,
    segment: &'a Segment,
    from: usize,
    to: usize,
    /// Its node, once there is one.
    node: usize,
}

/// The text of a literal child.
fn literal<'a>(child: &Child<'a>) -> &'a str {
    if let Segment::Literal(text) = child.segment { text } else { "" }
}

#[allow(clippy::cast_possible_truncation, reason = "a table of four billion nodes does not fit into memory")]
fn index(n: usize) -> u32 {
    n as u32
}

#[allow(clippy::cast_possible_truncation, reason = "patterns have at most 64 segments")]
fn depth_of(n: usize) -> u8 {
    n as u8
}

impl<'a> Builder<'a> {
    /// Splits `inputs[from..to]`, which agree on their first `depth` segments, into children and the patterns that end here. Gives the
    /// place of the children in `self.children`, and the first of the patterns that end.
    fn split(&mut self, from: usize, to: usize, depth: usize) -> (std::ops::Range<usize>, usize) {
        let inputs = self.inputs;
        let first = self.children.len();
        let mut at = from;
        while at < to && inputs[at].1.segments.len() > depth {
            let (number, input) = &inputs[at];
            let (key, segment) = (self.keys.at(*number, depth), &input.segments[depth]);
            match self.children[first..].last_mut() {
                Some(child) if keyed_cmp((child.key, child.segment), (key, segment)).is_eq() => child.to = at + 1,
                _ => self.children.push(Child { key, segment, from: at, to: at + 1, node: 0 }),
            }
            at += 1;
        }
        (first..self.children.len(), at)
    }

    /// Fills node `at`, whose `fail` is set.
    fn fill(&mut self, at: usize, from: usize, to: usize, depth: usize) {
        let (children, ends) = self.split(from, to, depth);
        self.nodes[at].leaf = self.leaf(ends, to);
        self.add_static(from.max(ends), to, self.nodes[at].leaf);
        let is_literal = |c: &Child<'_>| matches!(c.segment, Segment::Literal(_));
        let literals = children.start + self.children[children.clone()].iter().take_while(|c| is_literal(c)).count();
        self.place_literals(at, children.start..literals);
        let fail = self.nodes[at].fail;
        let first = self.nodes.len();
        for i in literals..children.end {
            let fail = if i + 1 < children.end { index(self.nodes.len() + 1) } else { fail };
            self.push_child(i, depth, fail);
        }
        let alt = if literals < children.end { index(first) } else { fail };
        self.nodes[at].alt = alt;
        if literals < children.end && tag_of(self.children[literals].segment) == kind::PLAIN {
            self.nodes[at].shift |= PLAIN_CHILD;
        }
        for i in children.start..literals {
            let child = self.children[i];
            self.nodes[child.node].fail = alt;
            self.fill(child.node, child.from, child.to, depth + 1);
        }
        for i in literals..children.end {
            self.descend(self.children[i], depth, false);
        }
        self.children.truncate(children.start);
    }

    fn descend(&mut self, child: Child<'a>, depth: usize, behind_rest: bool) {
        let at = child.node;
        if matches!(child.segment, Segment::Rest { .. }) {
            let goes_on = |(_, input): &(usize, Input)| input.segments.len() > depth + 1;
            let middle = behind_rest || self.inputs[child.from..child.to].iter().any(goes_on);
            if middle {
                let empty = self.nodes[at].tag == kind::REST_OR_EMPTY;
                self.nodes[at].tag = if empty { kind::MIDDLE_OR_EMPTY } else { kind::MIDDLE };
                self.fill_chain(at, child.from, child.to, depth + 1);
            } else {
                self.nodes[at].leaf = self.leaf(child.from, child.to);
                self.nodes[at].alt = self.nodes[at].fail;
            }
        } else if behind_rest {
            self.fill_chain(at, child.from, child.to, depth + 1);
        } else {
            self.fill(at, child.from, child.to, depth + 1);
        }
    }

    /// As [`fill`](Self::fill) behind a catch-all: all children form one chain, literals too, and an end is a child.
    fn fill_chain(&mut self, at: usize, from: usize, to: usize, depth: usize) {
        let (children, ends) = self.split(from, to, depth);
        let outer = self.nodes[at].fail;
        let first = self.nodes.len();
        let total = children.len() + usize::from(ends < to);
        for i in children.clone() {
            let last = self.nodes.len() + 1 == first + total;
            let fail = if last { outer } else { index(self.nodes.len() + 1) };
            self.push_child(i, depth, fail);
        }
        if ends < to {
            let leaf = self.leaf(ends, to);
            let depth = depth_of(depth + 1);
            self.nodes.push(Node { tag: kind::END, leaf, alt: outer, fail: outer, depth, ..Node::UNUSED });
        }
        self.nodes[at].alt = if total > 0 { index(first) } else { outer };
        for i in children.clone() {
            self.descend(self.children[i], depth, true);
        }
        self.children.truncate(children.start);
    }

    /// Adds the node of a child that is no slot of a table.
    fn push_child(&mut self, child: usize, depth: usize, fail: u32) {
        let segment = self.children[child].segment;
        let mut node = Node { tag: tag_of(segment), fail, depth: depth_of(depth + 1), ..Node::UNUSED };
        match segment {
            Segment::Literal(text) => {
                node.text = self.add_text(text);
                node.tag = literal_len(text);
            }
            // Where the walk keeps what the segment is.
            Segment::Params(_) if node.tag == kind::PLAIN => node.text = index(depth),
            Segment::Params(params) if node.tag == kind::MATCHER => {
                node.text = index(self.matchers.len());
                self.matchers.push(params.clone());
            }
            _ => {}
        }
        self.children[child].node = self.nodes.len();
        self.nodes.push(node);
    }

    fn add_text(&mut self, text: &str) -> u32 {
        self.text.extend_from_slice(text.as_bytes());
        index(self.text.len() - text.len())
    }

    /// Adds a path without parameters to the static short-cut.
    fn add_static(&mut self, from: usize, to: usize, leaf: u32) {
        let inputs = self.inputs;
        let Some((_, input)) = inputs[from..to].first() else {
            return;
        };
        if self.fold || input.segments.iter().any(|s| !matches!(s, Segment::Literal(_))) {
            return;
        }
        let start = self.static_text.len();
        for segment in input.segments.iter() {
            if let Segment::Literal(text) = segment {
                self.static_text.push(b'/');
                self.static_text.extend_from_slice(text.as_bytes());
            }
        }
        let len = self.static_text.len() - start;
        if len > 0 {
            self.statics.push((index(start), index(len), leaf));
        }
    }

    /// Allocates the table of literal children and gives each its node.
    fn place_literals(&mut self, at: usize, children: std::ops::Range<usize>) {
        if children.is_empty() {
            return;
        }
        let mut arranger = std::mem::take(&mut self.arranger);
        arranger.keys.clear();
        arranger
            .keys
            .extend(self.children[children.clone()].iter().map(|c| bytes::key::<false>(literal(c).as_bytes())));
        let (bits, mult) = arranger.arrange();
        let base = self.nodes.len();
        self.nodes.resize(base + (1 << bits), Node::UNUSED);
        let mask = (1 << bits) - 1;
        for (child, (key, &slot)) in children.zip(arranger.keys.iter().zip(&arranger.slots)) {
            let text = literal(&self.children[child]);
            let text_at = if text.len() < 8 { 0 } else { self.add_text(text) };
            let depth = self.nodes[base + slot].depth;
            let (tag, last) = (literal_len(text), literal_len(text).saturating_sub(8));
            let hi = bytes::word(text.as_bytes(), usize::from(last));
            let middle = bytes::word(text.as_bytes(), 8);
            self.nodes[base + slot] = Node { lo: *key, hi, middle, text: text_at, tag, last, depth, ..Node::UNUSED };
            self.children[child].node = base + slot;
            // Whoever probes from the home slot has to pass every slot before this one.
            let mut pass = slot_of(*key, mult, shift_of(bits));
            while pass != slot {
                self.nodes[base + pass].depth |= MORE;
                pass = (pass + 1) & mask;
            }
        }
        self.nodes[at].table = index(base);
        self.nodes[at].mult = mult;
        self.nodes[at].shift = (self.nodes[at].shift & !NO_TABLE) | shift_of(bits);
        self.arranger = arranger;
    }

    /// The leaf of `inputs[from..to]`, which all have the same shape.
    fn leaf(&mut self, from: usize, to: usize) -> u32 {
        let inputs = &self.inputs[from..to];
        let any = inputs.iter().map(|(_, input)| input).find(|i| i.method.is_none());
        match (any, inputs.len()) {
            (_, 0) => return 0,
            (Some(any), 1) => return ANY_ONLY | any.variant,
            _ => {}
        }
        let mut leaf = Leaf { any: any.map_or(0, |i| i.variant + 1), ..Leaf::default() };
        let mut extensions = Vec::new();
        for (_, input) in inputs {
            let Some(bit) = input.method else { continue };
            if leaf.exact >> bit & 1 == 1 {
                continue; // A variant of the same route; the one whose leftmost optional is present came first.
            }
            leaf.exact |= 1 << bit;
            match leaf.resolved.get_mut(usize::from(bit)) {
                Some(slot) => *slot = input.variant + 1,
                None => extensions.push((bit, input.variant + 1)),
            }
        }
        leaf.extensions = extensions.into();
        leaf.allow = leaf.exact;
        if leaf.exact >> GET & 1 == 1 {
            leaf.allow |= 1 << HEAD;
            if leaf.resolved[HEAD] == 0 {
                leaf.resolved[HEAD] = leaf.resolved[GET];
            }
        }
        if self.automatic_options {
            leaf.allow |= 1 << OPTIONS;
        }
        for slot in leaf.resolved.iter_mut().take(STANDARD.len()) {
            if *slot == 0 {
                *slot = leaf.any;
            }
        }
        self.leaves.push(leaf);
        index(self.leaves.len())
    }
}

/// Literal segments are shorter than a pattern may be.
#[allow(clippy::cast_possible_truncation, reason = "patterns are at most 8 KiB long")]
fn literal_len(text: &str) -> u16 {
    text.len() as u16
}

fn shift_of(bits: u32) -> u8 {
    #[allow(clippy::cast_possible_truncation, reason = "at most 63")]
    let shift = (64 - bits.max(1)) as u8;
    shift
}

/// Up to this many children the table has no collisions, unless literals begin alike.
const PERFECT: usize = 8;

/// Chooses size, multiplier and slots of a table; kept for its allocations.
#[derive(Debug, Default)]
struct Arranger {
    keys: Vec<u64>,
    /// Of each key, in the table last chosen.
    slots: Vec<usize>,
    trial: Vec<usize>,
    used: Vec<bool>,
}

impl Arranger {
    /// Base-two logarithm of the size, and the multiplier.
    fn arrange(&mut self) -> (u32, u64) {
        self.slots.clear();
        if self.keys.len() <= 1 {
            self.slots.push(0);
            return (0, 0);
        }
        // Literals that begin with the same eight bytes have one key.
        let twice = |(i, key): (usize, &u64)| self.keys[..i].contains(key);
        let small = self.keys.len() <= PERFECT && !self.keys.iter().enumerate().any(twice);
        let size = if small { self.keys.len() } else { self.keys.len() * 4 / 3 };
        let bits = size.next_power_of_two().trailing_zeros();
        let mut best: Option<(usize, u32, u64)> = None;
        for bits in bits..=bits + 1 {
            let tries = if small { 400 } else { 8 };
            for attempt in 1..=tries {
                let mult = splitmix(attempt + (u64::from(bits) << 32)) | 1;
                // Nearly every attempt of a small table fails: found out without placing the keys.
                if small && attempt < tries && collides(&self.keys, bits, mult) {
                    continue;
                }
                let cost = self.place(bits, mult);
                if best.is_none_or(|b| cost < b.0) {
                    best = Some((cost, bits, mult));
                    std::mem::swap(&mut self.slots, &mut self.trial);
                }
                if cost == 0 {
                    break;
                }
            }
            // A larger table only where it removes the collisions of a small one.
            if !small || best.is_some_and(|b| b.0 == 0) {
                break;
            }
        }
        best.map_or((0, 0), |(_, bits, mult)| (bits, mult))
    }

    /// The slot of each key with linear probing, in `trial`, and the sum of the distances from home.
    fn place(&mut self, bits: u32, mult: u64) -> usize {
        let size = 1usize << bits;
        self.used.clear();
        self.used.resize(size, false);
        self.trial.clear();
        let mut cost = 0;
        for key in &self.keys {
            let mut slot = slot_of(*key, mult, shift_of(bits));
            while self.used[slot] {
                slot = (slot + 1) & (size - 1);
                cost += 1;
            }
            self.used[slot] = true;
            self.trial.push(slot);
        }
        cost
    }
}

fn collides(keys: &[u64], bits: u32, mult: u64) -> bool {
    let mut used = 0u64;
    keys.iter().any(|key| {
        let bit = 1 << (slot_of(*key, mult, shift_of(bits)) & 63);
        let taken = used & bit != 0;
        used |= bit;
        taken
    })
}

/// One of many multipliers.
pub(crate) fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
