//! Everything of a router that does not depend on the type of its values: tables per host, variants, routes, policies, and the passes
//! that a request makes through them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use http::Method;

use crate::arena::{ANY_ONLY, COMPLEX, NUMBER, Table};
use crate::builder::RouteId;
use crate::capture;
use crate::methods::{self, AllowTable};
use crate::pattern::Segment;
use crate::policy::{Case, TrailingSlash};
use crate::statics::UNSURE;
use crate::walk::{CELLS, MANY_CELLS, Sink, pack, resume, walk};

/// The spans of a match with more parameters than cells.
#[derive(Clone, Debug)]
pub(crate) struct More(pub(crate) Vec<u32>);

/// A parameter of a variant.
#[derive(Debug)]
pub(crate) struct ParamInfo {
    pub(crate) name: Box<str>,
    /// Which cell holds its span.
    pub(crate) cell: u16,
    pub(crate) from_host: bool,
}

/// One pattern in a table. A route has several when it has optional segments.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) route: u32,
    pub(crate) params: Arc<[ParamInfo]>,
    pub(crate) segments: Arc<[Segment]>,
    pub(crate) info: Arc<RouteInfo>,
}

/// A route without its value.
#[derive(Debug)]
pub(crate) struct RouteInfo {
    pub(crate) id: RouteId,
    pub(crate) method: Option<Method>,
    pub(crate) host: Option<u32>,
    pub(crate) host_text: Option<Arc<str>>,
    pub(crate) pattern: Arc<str>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) segments: Arc<[Segment]>,
}

/// The tables of one host pattern, or of no host.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) strict: Table,
    /// The same patterns in lower case, when the policy asks for it.
    pub(crate) folded: Option<Table>,
}

#[derive(Debug)]
pub(crate) struct HostInfo {
    pub(crate) text: Arc<str>,
    pub(crate) labels: Vec<Segment>,
    pub(crate) tables: Tables,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) main: Tables,
    /// In order of precedence.
    pub(crate) hosts: Vec<HostInfo>,
    /// Hosts without parameters, sorted by their text, with their index in `hosts`.
    pub(crate) literal_hosts: Vec<(Box<str>, usize)>,
    /// The first variant of route `i` is variant `i`.
    pub(crate) variants: Vec<Variant>,
    /// In order of precedence.
    pub(crate) routes: Vec<Arc<RouteInfo>>,
    pub(crate) names: HashMap<Box<str>, u32>,
    pub(crate) extensions: Vec<Method>,
    pub(crate) allow: AllowTable,
    /// All methods of all routes, for `OPTIONS *`.
    pub(crate) all_methods: u64,
    pub(crate) slash: TrailingSlash,
    pub(crate) case: Case,
    /// Paths up to this length are looked up in one pass; 0 where policies ask for several.
    pub(crate) quick: usize,
    pub(crate) automatic_options: bool,
    pub(crate) max_path: usize,
}

/// Which pass found a variant: what captures and hints need to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pass {
    /// The path was matched with a slash more.
    pub(crate) added: bool,
    /// The path was matched with its last slash removed.
    pub(crate) removed: bool,
    pub(crate) folded: bool,
}

impl Pass {
    pub(crate) const EXACT: Self = Self { added: false, removed: false, folded: false };

    /// The path that is matched.
    pub(crate) fn path(self, path: &str) -> &str {
        if self.removed { path.strip_suffix('/').unwrap_or(path) } else { path }
    }
}

/// The outcome of a search: 0, or a variant's number plus one with flags. Below [`COMPLEX`] it is a match whose captures are the walk's cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found(pub(crate) u32);

impl Found {
    pub(crate) const NOTHING: Self = Self(0);
    const ADDED: u32 = 1 << 27;
    const REMOVED: u32 = 1 << 28;
    const FOLDED: u32 = 1 << 29;

    fn new(variant: u32, pass: Pass) -> Self {
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        let flags = flag(pass.added, Self::ADDED) | flag(pass.removed, Self::REMOVED) | flag(pass.folded, Self::FOLDED);
        Self(variant | flags)
    }

    /// Index of the variant, if there is one.
    pub(crate) fn variant(self) -> Option<usize> {
        ((self.0 & NUMBER) as usize).checked_sub(1)
    }

    /// Index of the variant, if it is an ordinary match with nothing left to do.
    #[inline(always)]
    pub(crate) fn plain(self) -> Option<usize> {
        if self.0 < COMPLEX { (self.0 as usize).checked_sub(1) } else { None }
    }

    /// Whether the walk's cells are not the captures: by the pattern, or because the path was matched in another form.
    pub(crate) fn is_complex(self) -> bool {
        self.0 & !NUMBER != 0
    }

    pub(crate) fn pass(self) -> Pass {
        let has = |flag| self.0 & flag != 0;
        Pass { added: has(Self::ADDED), removed: has(Self::REMOVED), folded: has(Self::FOLDED) }
    }
}

/// Sees routes for any method.
#[derive(Clone, Copy)]
pub(crate) struct AnySink;

impl Sink for AnySink {
    #[inline(always)]
    fn leaf(self, table: &Table, leaf: u32) -> u32 {
        if leaf & ANY_ONLY != 0 {
            return (leaf & !ANY_ONLY) + 1;
        }
        table.leaves.get((leaf as usize).wrapping_sub(1)).map_or(0, |l| l.any)
    }
}

/// Sees routes for one method and collects those for others.
pub(crate) struct MethodSink {
    /// Bit number; 64 for a method no route has.
    pub(crate) bit: usize,
    pub(crate) allow: Cell<u64>,
}

impl Sink for &MethodSink {
    #[inline(always)]
    fn leaf(self, table: &Table, leaf: u32) -> u32 {
        if leaf & ANY_ONLY != 0 {
            return (leaf & !ANY_ONLY) + 1;
        }
        let Some(leaf) = table.leaves.get((leaf as usize).wrapping_sub(1)) else {
            return 0;
        };
        let variant = match leaf.resolved.get(self.bit) {
            Some(variant) => *variant,
            None => leaf.extensions.iter().find(|(bit, _)| usize::from(*bit) == self.bit).map_or(leaf.any, |e| e.1),
        };
        if variant == 0 {
            self.allow.set(self.allow.get() | leaf.allow);
        }
        variant
    }
}

/// Collects everything that matches, in order.
pub(crate) struct AllSink {
    /// `None`: routes for any method only.
    pub(crate) bit: Option<usize>,
    pub(crate) found: RefCell<Vec<u32>>,
}

impl Sink for &AllSink {
    fn leaf(self, table: &Table, leaf: u32) -> u32 {
        if leaf & ANY_ONLY != 0 {
            self.found.borrow_mut().push(leaf & NUMBER);
            return 0;
        }
        let Some(leaf) = table.leaves.get((leaf as usize).wrapping_sub(1)) else {
            return 0;
        };
        let mut found = self.found.borrow_mut();
        let mut add = |variant: u32| {
            if let Some(variant) = (variant & NUMBER).checked_sub(1)
                && !found.contains(&variant)
            {
                found.push(variant);
            }
        };
        if let Some(bit) = self.bit {
            add(leaf.extensions.iter().find(|(b, _)| usize::from(*b) == bit).map_or(0, |e| e.1));
            let exact = |bit: usize| leaf.exact.checked_shr(u32::try_from(bit).unwrap_or(64)).unwrap_or(0) & 1 == 1;
            let resolved = |bit: usize| leaf.resolved.get(bit).map_or(0, |v| if exact(bit) { *v } else { 0 });
            add(resolved(bit));
            if bit == methods::HEAD {
                add(resolved(methods::GET));
            }
        }
        add(leaf.any);
        0
    }
}

impl Core {
    /// The bit of a method; 64 if no route and no standard has it.
    #[inline(always)]
    pub(crate) fn bit(&self, method: &Method) -> usize {
        methods::standard(method).unwrap_or_else(|| self.extension(method))
    }

    #[cold]
    fn extension(&self, method: &Method) -> usize {
        self.extensions.iter().position(|m| m == method).map_or(64, |i| methods::STANDARD.len() + i)
    }

    /// The search of `at`: routes for any method, no host.
    #[inline(never)]
    pub(crate) fn find_any(&self, path: &str, cells: &mut [u32; CELLS]) -> Found {
        self.search(path, AnySink, cells)
    }

    /// The search of `find`: one method, no host.
    #[inline(never)]
    pub(crate) fn find_method(&self, path: &str, sink: &MethodSink, cells: &mut [u32; CELLS]) -> Found {
        self.search(path, sink, cells)
    }

    #[inline(always)]
    fn search<S: Sink>(&self, path: &str, sink: S, cells: &mut [u32; CELLS]) -> Found {
        // No path is shorter than one byte: a limit of 0 sends every path the other way.
        if path.len().wrapping_sub(1) < self.quick && path.starts_with('/') {
            let table = &self.main.strict;
            Found(if table.statics.may_have(path.len()) {
                exact(table, path, sink, cells)
            } else {
                below(table, path, sink, cells)
            })
        } else {
            self.search_otherwise(path, sink, cells)
        }
    }

    #[cold]
    #[inline(never)]
    fn search_otherwise<S: Sink>(&self, path: &str, sink: S, cells: &mut [u32; CELLS]) -> Found {
        if path.len() > self.max_path || !path.starts_with('/') {
            return Found::NOTHING;
        }
        self.passes(&self.main, path, sink, cells)
    }

    /// All passes through the tables of the hosts that match, then through those without a host.
    pub(crate) fn search_hosts<S: Sink>(&self, host: &str, path: &str, sink: S, cells: &mut [u32; CELLS]) -> Found {
        if path.len() > self.max_path || !path.starts_with('/') {
            return Found::NOTHING;
        }
        if self.hosts.is_empty() {
            return self.search(path, sink, cells);
        }
        let mut found = self.tables_of(host).map(|tables| self.passes(tables, path, sink, cells));
        found.find(|found| *found != Found::NOTHING).unwrap_or(Found::NOTHING)
    }

    /// The tables that apply to a host (without port; empty for none), in order of precedence.
    pub(crate) fn tables_of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Tables> {
        let folded = |s: &'a str| s.bytes().map(|b| b.to_ascii_lowercase());
        let literal = self.literal_hosts.binary_search_by(|(text, _)| text.bytes().cmp(folded(host))).ok();
        let literal = literal.and_then(|i| self.literal_hosts.get(i)).and_then(|(_, i)| self.hosts.get(*i));
        let patterns = self.hosts.iter().filter(move |h| {
            !host.is_empty()
                && h.labels.iter().any(|l| !matches!(l, Segment::Literal(_)))
                && capture::capture_host(&h.labels, host, &mut |_| {})
        });
        literal.into_iter().chain(patterns).map(|h| &h.tables).chain([&self.main])
    }

    /// The passes that the policies ask for, in order: as given, slash toggled, case folded, both.
    #[cold]
    #[inline(never)]
    fn passes<S: Sink>(&self, tables: &Tables, path: &str, sink: S, cells: &mut [u32; CELLS]) -> Found {
        if self.case != Case::Ignore {
            let variant = exact(&tables.strict, path, sink, cells);
            if variant != 0 {
                return Found(variant);
            }
        }
        let toggled = self.slash != TrailingSlash::Strict && path.len() > 1;
        let removed = path.ends_with('/');
        let pass = |folded, toggle| Pass { folded, removed: toggle && removed, added: toggle && !removed };
        let folded = tables.folded.as_ref();
        let passes = [
            (toggled && self.case != Case::Ignore).then(|| (&tables.strict, pass(false, true))),
            folded.map(|table| (table, pass(true, false))),
            folded.filter(|_| toggled).map(|table| (table, pass(true, true))),
        ];
        for (table, pass) in passes.into_iter().flatten() {
            let variant = general(table, pass.path(path), pass.added, sink, cells);
            if variant != 0 {
                return Found::new(variant, pass);
            }
        }
        Found::NOTHING
    }

    /// The captures of a variant, from a second look at the path; what does not fit into the cells is returned.
    #[cold]
    #[inline(never)]
    pub(crate) fn recapture(
        &self,
        variant: &Variant,
        pass: Pass,
        path: &str,
        host: &str,
        cells: &mut [u32; CELLS],
    ) -> Option<Box<More>> {
        let mut more: Vec<u32> = Vec::new();
        let many = variant.params.len() > CELLS;
        let mut next = 0;
        let mut found = |cell: usize, (start, end): (usize, usize)| {
            if many {
                more.resize(more.len().max(cell + 1), 0);
                more[cell] = pack(start, end);
            } else if let Some(slot) = cells.get_mut(cell) {
                *slot = pack(start, end);
            }
        };
        if let Some(host_info) = variant.info.host.and_then(|h| self.hosts.get(h as usize)) {
            capture::capture_host(&host_info.labels, host, &mut |span| {
                found(next, span);
                next += 1;
            });
        }
        let mut each = |span| {
            let cell = variant.params.get(next).map_or(next, |p| usize::from(p.cell));
            found(cell, span);
            next += 1;
        };
        capture::capture(&variant.segments, pass.path(path), pass.added, pass.folded, &mut each);
        many.then(|| Box::new(More(more)))
    }
}

/// The first pass: the static short-cut, then the walk. Nothing but calls at the end, so nothing has to be saved.
#[inline(never)]
fn exact<S: Sink>(table: &Table, path: &str, sink: S, cells: &mut [u32; CELLS]) -> u32 {
    match table.statics.first(path.as_bytes()) {
        UNSURE => exact_unsure(table, path, sink, cells),
        leaf => leaf_or_below(leaf, table, path, sink, cells),
    }
}

/// As [`exact`], where the first slot of the short-cut does not decide.
#[inline(never)]
fn exact_unsure<S: Sink>(table: &Table, path: &str, sink: S, cells: &mut [u32; CELLS]) -> u32 {
    leaf_or_below(table.statics.get(path.as_bytes()), table, path, sink, cells)
}

/// What the short-cut found, if the method fits; else the walk.
#[inline(always)]
fn leaf_or_below<S: Sink>(leaf: u32, table: &Table, path: &str, sink: S, cells: &mut [u32; CELLS]) -> u32 {
    if leaf != 0 {
        let variant = sink.leaf(table, leaf);
        if variant != 0 {
            return variant;
        }
    }
    below(table, path, sink, cells)
}

/// The first pass without the static short-cut.
#[inline(always)]
fn below<S: Sink>(table: &Table, path: &str, sink: S, cells: &mut [u32; CELLS]) -> u32 {
    if table.depth < CELLS { walk(table, path, sink, cells) } else { general(table, path, false, sink, cells) }
}

/// Any table, any pass.
#[cold]
#[inline(never)]
pub(crate) fn general<S: Sink>(table: &Table, path: &str, extra: bool, sink: S, cells: &mut [u32; CELLS]) -> u32 {
    let mut many = [0; MANY_CELLS];
    let extra = usize::from(extra);
    let variant = if table.fold {
        resume::<S, true, MANY_CELLS>(table, path, extra, sink, &mut many, 1)
    } else {
        resume::<S, false, MANY_CELLS>(table, path, extra, sink, &mut many, 1)
    };
    if let Some(first) = many.first_chunk::<CELLS>() {
        *cells = *first;
    }
    variant
}
