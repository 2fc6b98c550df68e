//! From the routes of a builder to a router: routes in order of precedence, their variants, the tables, and every `Allow` value.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::arena::{COMPLEX, NUMBER};
use crate::builder::{Entry, RouteId, RouterBuilder, records};
use crate::compile::{Input, compile};
use crate::conflict::Index;
use crate::core::{Core, HostInfo, ParamInfo, RouteInfo, Tables, Variant};
use crate::error::Conflict;
use crate::methods::{self, AllowTable};
use crate::order::{self, Keys};
use crate::pattern::Segment;
use crate::policy::{Case, TrailingSlash};
use crate::router::Router;
use crate::walk::CELLS;

impl<T> RouterBuilder<T> {
    /// Compiles the routes. Costs some microseconds a route.
    ///
    /// # Errors
    ///
    /// With a [`Case`] policy other than strict, patterns that conflict when case is ignored; more extension methods or more distinct `Allow` values
    /// than a router holds.
    pub fn build(self) -> Result<Router<T>, BuildError> {
        self.check_folded()?;
        let extensions = self.extensions()?;
        let bit = |method: &Method| {
            methods::standard(method)
                .or_else(|| extensions.iter().position(|m| m == method).map(|i| i + methods::STANDARD.len()))
                .and_then(|bit| u8::try_from(bit).ok())
        };
        // Hosts and routes in order of precedence, so that nothing depends on the order of insertion.
        let mut host_order: Vec<usize> = (0..self.hosts.len()).collect();
        host_order.sort_by(|&a, &b| order::pattern_cmp(&self.hosts[a].labels, &self.hosts[b].labels));
        let mut host_rank = vec![0; self.hosts.len()];
        for (rank, &host) in host_order.iter().enumerate() {
            host_rank[host] = rank;
        }
        let rank_of = |host: Option<u32>| host.map_or(usize::MAX, |h| host_rank[h as usize]);
        let place_of = |host: Option<u32>| HostPlace {
            rank: rank_of(host),
            labels: host.map_or(&[], |h| &self.hosts[h as usize].labels),
        };
        let mut entries: Vec<Option<(RouteId, Entry<T>)>> = self
            .entries
            .into_iter()
            .enumerate()
            .filter_map(|(i, e)| Some(Some((RouteId(u32::try_from(i).ok()?), e?))))
            .collect();
        // Numbers are sorted, and the routes moved once.
        let keys = Keys::new(entries.iter().flatten().map(|(_, e)| &*e.segments));
        let mut sorted: Vec<(usize, usize, &Entry<T>)> =
            entries.iter().flatten().enumerate().map(|(i, (_, e))| (rank_of(e.host), i, e)).collect();
        sorted.sort_by(|(a_rank, i, a), (b_rank, j, b)| {
            let method = |e: &Entry<T>| e.method.as_ref().map_or(u8::MAX, |m| bit(m).unwrap_or(u8::MAX));
            a_rank
                .cmp(b_rank)
                .then_with(|| keys.pattern_cmp((*i, &a.segments), (*j, &b.segments)))
                .then_with(|| method(a).cmp(&method(b)))
                .then_with(|| a.text.cmp(&b.text))
        });
        let sorted: Vec<usize> = sorted.into_iter().map(|(_, i, _)| i).collect();
        let entries: Vec<(RouteId, Entry<T>)> = sorted.into_iter().filter_map(|i| entries[i].take()).collect();
        let info = |id: RouteId, entry: &Entry<T>| {
            Arc::new(RouteInfo {
                id,
                method: entry.method.clone(),
                host: entry.host.and_then(|h| u32::try_from(host_rank[h as usize]).ok()),
                host_text: entry.host.map(|h| Arc::clone(&self.hosts[h as usize].text)),
                pattern: Arc::clone(&entry.text),
                name: entry.name.clone(),
                segments: Arc::clone(&entry.segments),
            })
        };
        let routes: Vec<Arc<RouteInfo>> = entries.iter().map(|(id, entry)| info(*id, entry)).collect();
        let mut plan = Plan { variants: Vec::new(), inputs: vec![Vec::new(); host_order.len() + 1] };
        for (route, (_, entry)) in entries.iter().enumerate() {
            plan.add(&routes, route, 0, entry, place_of(entry.host), entry.method.as_ref().and_then(&bit));
        }
        for (route, (_, entry)) in entries.iter().enumerate() {
            for variant in 1..entry.variants.len() {
                plan.add(&routes, route, variant, entry, place_of(entry.host), entry.method.as_ref().and_then(&bit));
            }
        }
        if plan.variants.len() >= NUMBER as usize {
            return Err(BuildError::TooManyRoutes { max: NUMBER as usize });
        }
        let (fold, automatic) = (self.case != Case::Strict, self.automatic_options);
        let mut tables = plan.inputs.into_iter().map(|inputs| Tables {
            folded: fold.then(|| compile(folded(&inputs), true, automatic)),
            strict: compile(inputs, false, automatic),
        });
        let hosts: Vec<HostInfo> = host_order
            .iter()
            .map(|&h| &self.hosts[h])
            .zip(tables.by_ref())
            .map(|(h, tables)| HostInfo { text: Arc::clone(&h.text), labels: h.labels.clone(), tables })
            .collect();
        // One list of inputs per host, and one more.
        let main =
            tables.next().unwrap_or_else(|| Tables { strict: compile(Vec::new(), false, automatic), folded: None });
        let leaves = hosts
            .iter()
            .map(|h| &h.tables)
            .chain([&main])
            .flat_map(|t| t.strict.leaves.iter().chain(t.folded.iter().flat_map(|f| f.leaves.iter())));
        let mut sets: BTreeSet<u64> = leaves.map(|l| l.allow).collect();
        let mut all_methods = sets.iter().fold(0, |all, set| all | set);
        if automatic {
            all_methods |= 1 << methods::OPTIONS;
        }
        sets.insert(all_methods);
        let allow =
            AllowTable::new(&sets, &extensions).ok_or(BuildError::TooManyMethodSets { max: methods::MAX_ALLOW })?;
        let mut literal_hosts: Vec<(Box<str>, usize)> = hosts
            .iter()
            .enumerate()
            .filter(|(_, h)| h.labels.iter().all(|l| matches!(l, Segment::Literal(_))))
            .map(|(i, h)| (h.text.to_ascii_lowercase().into(), i))
            .collect();
        literal_hosts.sort();
        let values = entries.into_iter().map(|(_, entry)| entry.value).collect();
        let names = (0u32..).zip(&routes).filter_map(|(i, r)| Some((r.name.clone()?, i))).collect();
        let core = Core {
            main,
            hosts,
            literal_hosts,
            variants: plan.variants,
            routes,
            names,
            extensions,
            allow,
            all_methods,
            slash: self.slash,
            case: self.case,
            quick: if self.slash == TrailingSlash::Strict && self.case == Case::Strict { self.max_path } else { 0 },
            automatic_options: automatic,
            max_path: self.max_path,
        };
        Ok(Router::new(core, values, self.predicates))
    }

    /// All extension methods, by name.
    fn extensions(&self) -> Result<Vec<Method>, BuildError> {
        let used = self.entries.iter().flatten().filter_map(|e| e.method.clone());
        let mut extensions: Vec<Method> = used.filter(|m| methods::standard(m).is_none()).collect();
        extensions.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        extensions.dedup();
        if extensions.len() > methods::MAX_EXTENSIONS {
            return Err(BuildError::TooManyMethods { max: methods::MAX_EXTENSIONS });
        }
        Ok(extensions)
    }

    /// Under a case policy, patterns must be tellable apart without case too.
    fn check_folded(&self) -> Result<(), BuildError> {
        if self.case == Case::Strict {
            return Ok(());
        }
        let mut index = Index::new(true);
        for (i, entry) in (0u32..).zip(&self.entries) {
            for mut record in entry.iter().flat_map(|e| records(RouteId(i), e)) {
                record.segments = record.segments.iter().map(Segment::folded).collect();
                if let Some(conflict) = index.clash(&record) {
                    return Err(BuildError::Conflict(Box::new(conflict)));
                }
                index.add(record);
            }
        }
        Ok(())
    }
}

/// Where the routes of a host go.
#[derive(Clone, Copy)]
struct HostPlace<'a> {
    /// Index of the table; past the last host for routes without one.
    rank: usize,
    labels: &'a [Segment],
}

/// What `build` collects before tables are compiled.
struct Plan {
    variants: Vec<Variant>,
    inputs: Vec<Vec<Input>>,
}

impl Plan {
    fn add<T>(
        &mut self,
        routes: &[Arc<RouteInfo>],
        route: usize,
        variant: usize,
        entry: &Entry<T>,
        host: HostPlace<'_>,
        method: Option<u8>,
    ) {
        let segments = &entry.variants[variant];
        let table = host.rank.min(self.inputs.len() - 1);
        let number = u32::try_from(self.variants.len()).unwrap_or(u32::MAX);
        let simple = entry.host.is_none() && is_simple(segments);
        let flags = if simple { 0 } else { COMPLEX };
        self.inputs[table].push(Input { segments: Arc::clone(segments), variant: number | flags, method });
        let host_names = (0u16..).zip(host.labels.iter().flat_map(Segment::names));
        let mut params: Vec<ParamInfo> =
            host_names.map(|(cell, name)| ParamInfo { name: name.into(), cell, from_host: true }).collect();
        for (i, segment) in segments.iter().enumerate() {
            for name in segment.names() {
                let cell = if simple { i } else { params.len() };
                params.push(ParamInfo {
                    name: name.into(),
                    cell: u16::try_from(cell).unwrap_or(u16::MAX),
                    from_host: false,
                });
            }
        }
        self.variants.push(Variant {
            route: u32::try_from(route).unwrap_or(u32::MAX),
            params: params.into(),
            segments: Arc::clone(segments),
            info: Arc::clone(&routes[route]),
        });
    }
}

/// Whether every parameter is a whole segment among those that the walk's cells hold.
fn is_simple(segments: &[Segment]) -> bool {
    let last = segments.len().saturating_sub(1);
    segments.iter().enumerate().all(|(i, segment)| match segment {
        Segment::Literal(_) => true,
        Segment::Params(p) => p.whole().is_some() && i < CELLS,
        Segment::Rest { .. } => i == last && i < CELLS,
    })
}

fn folded(inputs: &[Input]) -> Vec<Input> {
    let fold =
        |input: &Input| Input { segments: input.segments.iter().map(Segment::folded).collect(), ..input.clone() };
    inputs.iter().map(fold).collect()
}

/// Why a router could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// Patterns that conflict when case is ignored.
    Conflict(Box<Conflict>),
    /// More distinct extension methods than a router can hold.
    TooManyMethods {
        /// The most it can hold.
        max: usize,
    },
    /// The sets of methods of the routes have more unions than `Allow` values are rendered for.
    TooManyMethodSets {
        /// The most that are rendered.
        max: usize,
    },
    /// More routes (with their variants by optional segments) than a router can hold.
    TooManyRoutes {
        /// The most it can hold.
        max: usize,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(conflict) => write!(f, "when case is ignored, {conflict}"),
            Self::TooManyMethods { max } => write!(f, "more than {max} distinct extension methods"),
            Self::TooManyMethodSets { max } => write!(f, "more than {max} distinct values of `Allow`"),
            Self::TooManyRoutes { max } => write!(f, "more than {max} routes"),
        }
    }
}

impl Error for BuildError {}
