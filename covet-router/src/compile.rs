//! From sorted patterns to the arena of one table.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::arena::{ANY_ONLY, Leaf, MORE, NO_TABLE, Node, PLAIN_CHILD, Statics, Table, key_of, kind, slot_of, tag_of};
use crate::methods::{GET, HEAD, OPTIONS, STANDARD};
use crate::order;
use crate::pattern::Segment;

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
pub(crate) fn compile(mut inputs: Vec<Input>, fold: bool, automatic_options: bool) -> Table {
    inputs.sort_by(|a, b| order::pattern_cmp(&a.segments, &b.segments).then_with(|| a.variant.cmp(&b.variant)));
    let mut builder = Builder {
        inputs: &inputs,
        fold,
        automatic_options,
        nodes: vec![Node::UNUSED; 2],
        text: Vec::new(),
        matchers: Vec::new(),
        leaves: Vec::new(),
        statics: Vec::new(),
    };
    builder.fill(1, 0, inputs.len(), 0);
    let depth = inputs.iter().map(|i| i.segments.len()).max().unwrap_or(0);
    let statics = Statics::new(&builder.statics, &builder.text);
    Table {
        nodes: builder.nodes.into(),
        text: builder.text.into(),
        matchers: builder.matchers.into(),
        leaves: builder.leaves.into(),
        statics,
        depth,
        fold,
    }
}

struct Builder<'a> {
    inputs: &'a [Input],
    fold: bool,
    automatic_options: bool,
    nodes: Vec<Node>,
    text: Vec<u8>,
    matchers: Vec<crate::pattern::Params>,
    leaves: Vec<Leaf>,
    statics: Vec<(u32, u32, u32)>,
}

/// The patterns of one child: they agree up to and including the segment that leads to it.
struct Child<'a> {
    segment: &'a Segment,
    from: usize,
    to: usize,
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
    /// Splits `inputs[from..to]`, which agree on their first `depth` segments, into children and the patterns that end here.
    fn split(&self, from: usize, to: usize, depth: usize) -> (Vec<Child<'a>>, usize) {
        let inputs = self.inputs;
        let longer = inputs[from..to].iter().take_while(|i| i.segments.len() > depth).count();
        let mut children: Vec<Child<'a>> = Vec::new();
        for (i, input) in inputs.iter().enumerate().take(from + longer).skip(from) {
            let segment = &input.segments[depth];
            match children.last_mut() {
                Some(child) if order::total_cmp(child.segment, segment) == Ordering::Equal => child.to = i + 1,
                _ => children.push(Child { segment, from: i, to: i + 1 }),
            }
        }
        (children, from + longer)
    }

    /// Fills node `at`, whose `fail` is set.
    fn fill(&mut self, at: usize, from: usize, to: usize, depth: usize) {
        let (children, ends) = self.split(from, to, depth);
        self.nodes[at].leaf = self.leaf(ends, to);
        self.add_static(from.max(ends), to, self.nodes[at].leaf);
        let literals = children.iter().take_while(|c| matches!(c.segment, Segment::Literal(_))).count();
        let slots = self.place_literals(at, &children[..literals]);
        let fail = self.nodes[at].fail;
        let first = self.nodes.len();
        for (i, child) in children[literals..].iter().enumerate() {
            let fail = if literals + i + 1 < children.len() { index(first + i + 1) } else { fail };
            self.push_child(child, depth, fail);
        }
        let alt = if literals < children.len() { index(first) } else { fail };
        self.nodes[at].alt = alt;
        if children.get(literals).is_some_and(|c| tag_of(c.segment) == kind::PLAIN) {
            self.nodes[at].shift |= PLAIN_CHILD;
        }
        for (child, slot) in children.iter().zip(slots) {
            self.nodes[slot].fail = alt;
            self.fill(slot, child.from, child.to, depth + 1);
        }
        for (i, child) in children[literals..].iter().enumerate() {
            self.descend(first + i, child, depth, false);
        }
    }

    fn descend(&mut self, at: usize, child: &Child<'a>, depth: usize, behind_rest: bool) {
        if matches!(child.segment, Segment::Rest { .. }) {
            let middle = behind_rest || self.inputs[child.from..child.to].iter().any(|i| i.segments.len() > depth + 1);
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
        for (i, child) in children.iter().enumerate() {
            let fail = if i + 1 < total { index(first + i + 1) } else { outer };
            self.push_child(child, depth, fail);
        }
        if ends < to {
            let leaf = self.leaf(ends, to);
            let depth = depth_of(depth + 1);
            self.nodes.push(Node { tag: kind::END, leaf, alt: outer, fail: outer, depth, ..Node::UNUSED });
        }
        self.nodes[at].alt = if total > 0 { index(first) } else { outer };
        for (i, child) in children.iter().enumerate() {
            self.descend(first + i, child, depth, true);
        }
    }

    fn push_child(&mut self, child: &Child<'a>, depth: usize, fail: u32) {
        let mut node = Node { tag: tag_of(child.segment), fail, depth: depth_of(depth + 1), ..Node::UNUSED };
        match child.segment {
            Segment::Literal(text) => {
                node.text = self.add_text(text);
                node.tag = literal_len(text);
            }
            Segment::Params(params) if node.tag == kind::MATCHER => {
                node.text = index(self.matchers.len());
                self.matchers.push(params.clone());
            }
            _ => {}
        }
        self.nodes.push(node);
    }

    fn add_text(&mut self, text: &str) -> u32 {
        self.text.extend_from_slice(text.as_bytes());
        index(self.text.len() - text.len())
    }

    /// Adds a path without parameters to the static short-cut.
    fn add_static(&mut self, from: usize, to: usize, leaf: u32) {
        let Some(input) = self.inputs[from..to].first() else {
            return;
        };
        let mut path = String::new();
        for segment in input.segments.iter() {
            let Segment::Literal(text) = segment else {
                return;
            };
            path.push('/');
            path.push_str(text);
        }
        if !self.fold && !path.is_empty() {
            let start = self.add_text(&path);
            self.statics.push((start, index(path.len()), leaf));
        }
    }

    /// Allocates the table of literal children and returns the slot of each.
    fn place_literals(&mut self, at: usize, children: &[Child<'a>]) -> Vec<usize> {
        if children.is_empty() {
            return Vec::new();
        }
        let texts: Vec<&str> =
            children.iter().map(|c| if let Segment::Literal(text) = c.segment { &**text } else { "" }).collect();
        let keys: Vec<Key> = texts.iter().map(|t| key_of::<false>(t.as_bytes())).collect();
        let (bits, mult, slots) = arrange(&keys);
        let base = self.nodes.len();
        self.nodes.resize(base + (1 << bits), Node::UNUSED);
        let mask = (1 << bits) - 1;
        for ((text, key), &slot) in texts.iter().zip(&keys).zip(&slots) {
            let text_at = if text.len() > 16 { self.add_text(text) } else { 0 };
            let depth = self.nodes[base + slot].depth;
            self.nodes[base + slot] =
                Node { lo: key.0, hi: key.1, text: text_at, tag: literal_len(text), depth, ..Node::UNUSED };
            // Whoever probes from the home slot has to pass every slot before this one.
            let mut pass = slot_of(key.0, key.1, mult, shift_of(bits));
            while pass != slot {
                self.nodes[base + pass].depth |= MORE;
                pass = (pass + 1) & mask;
            }
        }
        self.nodes[at].table = index(base);
        self.nodes[at].mult = mult;
        self.nodes[at].shift = (self.nodes[at].shift & !NO_TABLE) | shift_of(bits);
        slots.iter().map(|slot| base + slot).collect()
    }

    /// The leaf of `inputs[from..to]`, which all have the same shape.
    fn leaf(&mut self, from: usize, to: usize) -> u32 {
        let inputs = &self.inputs[from..to];
        let any = inputs.iter().find(|i| i.method.is_none());
        match (any, inputs.len()) {
            (_, 0) => return 0,
            (Some(any), 1) => return ANY_ONLY | any.variant,
            _ => {}
        }
        let mut leaf = Leaf { any: any.map_or(0, |i| i.variant + 1), ..Leaf::default() };
        let mut extensions = Vec::new();
        for input in inputs {
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

/// What is hashed of a literal segment.
type Key = (u64, u64);

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

/// Up to this many children the table has no collisions.
const PERFECT: usize = 8;

/// Chooses size, multiplier and slot of each key.
fn arrange(keys: &[Key]) -> (u32, u64, Vec<usize>) {
    if keys.len() == 1 {
        return (0, 0, vec![0]);
    }
    let small = keys.len() <= PERFECT;
    let bits = if small { keys.len() } else { keys.len() * 4 / 3 }.next_power_of_two().trailing_zeros();
    let mut best: Option<(usize, u32, u64, Vec<usize>)> = None;
    for bits in bits..=bits + 1 {
        let tries = if small { 400 } else { 8 };
        for attempt in 1..=tries {
            let mult = splitmix(attempt + (u64::from(bits) << 32)) | 1;
            // Nearly every attempt of a small table fails: found out without allocating.
            if small && attempt < tries && collides(keys, bits, mult) {
                continue;
            }
            let (cost, slots) = place(keys, bits, mult);
            if best.as_ref().is_none_or(|b| cost < b.0) {
                best = Some((cost, bits, mult, slots));
            }
            if cost == 0 {
                break;
            }
        }
        // A larger table only where it removes the collisions of a small one.
        if !small || best.as_ref().is_some_and(|b| b.0 == 0) {
            break;
        }
    }
    best.map_or_else(|| (0, 0, Vec::new()), |(_, bits, mult, slots)| (bits, mult, slots))
}

fn collides(keys: &[Key], bits: u32, mult: u64) -> bool {
    let mut used = 0u64;
    keys.iter().any(|key| {
        let bit = 1 << (slot_of(key.0, key.1, mult, shift_of(bits)) & 63);
        let taken = used & bit != 0;
        used |= bit;
        taken
    })
}

/// The slot of each key with linear probing, and the sum of the distances from home.
fn place(keys: &[Key], bits: u32, mult: u64) -> (usize, Vec<usize>) {
    let size = 1usize << bits;
    let mut used = vec![false; size];
    let mut cost = 0;
    let slots = keys
        .iter()
        .map(|key| {
            let mut slot = slot_of(key.0, key.1, mult, shift_of(bits));
            while used[slot] {
                slot = (slot + 1) & (size - 1);
                cost += 1;
            }
            used[slot] = true;
            slot
        })
        .collect();
    (cost, slots)
}

fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
