//! The mutable half: routes are inserted, named, nested, merged and removed here; [`RouterBuilder::build`] freezes them.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::arena::{COMPLEX, NUMBER};
use crate::compile::{Input, compile};
use crate::conflict::{Index, Record};
use crate::core::{Core, HostInfo, ParamInfo, RouteInfo, Tables, Variant};
use crate::error::{Conflict, InsertError, PatternError};
use crate::kind::{Kind, Predicate};
use crate::methods::{self, AllowTable};
use crate::order::{self, Keys};
use crate::overlap::{Common, common_path};
use crate::pattern::{self, Predicates, Segment};
use crate::router::Router;
use crate::walk::CELLS;

/// The longest path a router looks at: offsets are 16 bits.
pub const MAX_PATH_LEN: usize = u16::MAX as usize;

/// A handle to a route, valid for the builder that gave it and for the routers built from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub(crate) u32);

impl RouteId {
    /// The id as a small number, for tables beside the router.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a slash at the end of a path means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrailingSlash {
    /// `/a` and `/a/` are different paths.
    #[default]
    Strict,
    /// A path that matches nothing is tried once more with its last slash removed, or with one added.
    Ignore,
    /// Such a path is a miss that carries the other form as a redirect target.
    Redirect,
}

/// What the case of ASCII letters in literal text means. Captures are never changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// `/a` and `/A` are different paths.
    #[default]
    Strict,
    /// Literals match in any case. Patterns that differ in case alone conflict.
    Ignore,
    /// A path that matches in another case only is a miss that carries the right form as a redirect target.
    Redirect,
}

/// The ids that routes of another builder got when they were merged or nested.
#[derive(Clone, Debug, Default)]
pub struct RouteIds(Vec<Option<RouteId>>);

impl RouteIds {
    /// The new id of a route of the other builder.
    #[must_use]
    pub fn get(&self, old: RouteId) -> Option<RouteId> {
        self.0.get(old.index()).copied().flatten()
    }
}

#[derive(Debug)]
struct Entry<T> {
    host: Option<u32>,
    method: Option<Method>,
    text: Arc<str>,
    segments: Arc<[Segment]>,
    variants: Vec<Arc<[Segment]>>,
    name: Option<Box<str>>,
    value: T,
}

#[derive(Clone, Debug)]
struct Host {
    text: Arc<str>,
    labels: Vec<Segment>,
}

/// Collects routes. Insertion order never matters, and no insertion panics.
///
/// ```
/// use covet_router::{Method, Router};
///
/// let mut b = Router::builder();
/// b.insert("/files/{*path}", "files")?;
/// b.route(&Method::GET, "/users/{id:u64}", "user by number")?;
/// b.route(&Method::GET, "/users/{name}", "user by name")?;
/// let router = b.build()?;
/// assert_eq!(*router.find(&Method::GET, "/users/7").unwrap().value, "user by number");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RouterBuilder<T> {
    entries: Vec<Option<Entry<T>>>,
    hosts: Vec<Host>,
    names: HashMap<Box<str>, RouteId>,
    predicates: Predicates,
    index: Index,
    slash: TrailingSlash,
    case: Case,
    automatic_options: bool,
    max_path: usize,
}

impl<T> Default for RouterBuilder<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            hosts: Vec::new(),
            names: HashMap::new(),
            predicates: HashMap::new(),
            index: Index::default(),
            slash: TrailingSlash::default(),
            case: Case::default(),
            automatic_options: true,
            max_path: MAX_PATH_LEN,
        }
    }
}

impl<T> RouterBuilder<T> {
    /// An empty builder; also [`Router::builder`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route for any method.
    ///
    /// # Errors
    ///
    /// A malformed pattern, or one that cannot be told apart from a route for any method that is already there.
    pub fn insert(&mut self, pattern: impl AsRef<str>, value: T) -> Result<RouteId, InsertError> {
        self.add(None, None, pattern.as_ref(), value)
    }

    /// Adds a route for one method. A GET route also answers HEAD where no HEAD route is.
    ///
    /// # Errors
    ///
    /// A malformed pattern, or one that cannot be told apart from a route of the same method that is already there.
    pub fn route(&mut self, method: &Method, pattern: impl AsRef<str>, value: T) -> Result<RouteId, InsertError> {
        self.add(None, Some(method.clone()), pattern.as_ref(), value)
    }

    /// Gives a route a name for [`Router::url_for`]; an earlier name of the route is given up.
    ///
    /// # Errors
    ///
    /// The name belongs to another route, or the id to none.
    pub fn name(&mut self, id: RouteId, name: impl AsRef<str>) -> Result<(), InsertError> {
        let name = name.as_ref();
        if let Some(&other) = self.names.get(name)
            && other != id
        {
            let pattern = self.pattern(other).unwrap_or_default().to_owned();
            return Err(InsertError::DuplicateName { name: name.to_owned(), pattern });
        }
        let entry = self.entries.get_mut(id.index()).and_then(Option::as_mut).ok_or(InsertError::UnknownRoute)?;
        if let Some(old) = entry.name.replace(name.into()) {
            self.names.remove(&old);
        }
        self.names.insert(name.into(), id);
        Ok(())
    }

    /// Opens the routes of a host pattern, such as `api.example.com`, `{tenant}.example.com` or `{*sub}.example.com` (one or more
    /// labels, leftmost only). They are seen by [`Router::lookup`] with a host that matches, before those of less specific hosts and those without.
    ///
    /// # Errors
    ///
    /// A malformed pattern, or one that cannot be told apart from another host pattern.
    pub fn host(&mut self, pattern: impl AsRef<str>) -> Result<HostBuilder<'_, T>, InsertError> {
        let host = self.add_host(pattern.as_ref())?;
        Ok(HostBuilder { builder: self, host })
    }

    /// Registers a test that patterns use by name, as in `{n:even}`. Smaller ranks are tried first; two predicates of one rank at one place are
    /// a conflict. The test sees raw text, never empty. It must give the same answer for the same text and should not panic.
    ///
    /// # Errors
    ///
    /// The name is taken, that of a built-in type, or not made of letters, digits, `_` and `-`.
    pub fn predicate(
        &mut self,
        name: impl AsRef<str>,
        rank: u32,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Result<(), InsertError> {
        let name = name.as_ref();
        let usable = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if !usable || Kind::built_in(name).is_some() || self.predicates.contains_key(name) {
            return Err(InsertError::PredicateName { name: name.to_owned() });
        }
        let predicate = Predicate { name: name.into(), rank, test: Box::new(test) };
        self.predicates.insert(name.into(), Arc::new(predicate));
        Ok(())
    }

    /// Adds all routes of `other` under a prefix, which may have parameters. The pattern `/` becomes the prefix itself. Names and hosts are kept, policies of
    /// `other` are not. Returns the new ids.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), for the prefix or any joined pattern; also a taken name, or a predicate name that means something else here. Nothing is added then.
    pub fn nest(&mut self, prefix: impl AsRef<str>, other: Self) -> Result<RouteIds, InsertError> {
        let prefix = prefix.as_ref();
        let mut predicates = self.predicates.clone();
        predicates.extend(other.predicates.iter().map(|(k, v)| (k.clone(), Arc::clone(v))));
        pattern::parse_path(prefix, &predicates).map_err(|e| InsertError::Prefix(pattern_error(prefix, e)))?;
        self.absorb(other, |pattern| match pattern {
            "/" => prefix.to_owned(),
            _ => format!("{}{pattern}", prefix.strip_suffix('/').unwrap_or(prefix)),
        })
    }

    /// Adds all routes of `other`, with names and hosts. Returns the new ids.
    ///
    /// # Errors
    ///
    /// As [`nest`](Self::nest). Nothing is added then.
    pub fn merge(&mut self, other: Self) -> Result<RouteIds, InsertError> {
        self.absorb(other, str::to_owned)
    }

    /// Takes a route out again and returns its value; `None` if the id belongs to no route.
    pub fn remove(&mut self, id: RouteId) -> Option<T> {
        let entry = self.entries.get_mut(id.index())?.take()?;
        for record in records(id, &entry) {
            self.index.remove(&record);
        }
        if let Some(name) = &entry.name {
            self.names.remove(name);
        }
        Some(entry.value)
    }

    /// What a slash at the end of a path means; [`TrailingSlash::Strict`] by default.
    pub fn trailing_slash(&mut self, policy: TrailingSlash) -> &mut Self {
        self.slash = policy;
        self
    }

    /// What the case of literal text means; [`Case::Strict`] by default.
    pub fn case(&mut self, policy: Case) -> &mut Self {
        self.case = policy;
        self
    }

    /// Whether `OPTIONS` is listed in `Allow` for every path that has a route, on by default.
    pub fn automatic_options(&mut self, on: bool) -> &mut Self {
        self.automatic_options = on;
        self
    }

    /// The longest path in bytes that is looked at, at most and by default [`MAX_PATH_LEN`]; longer ones are [`Miss::TooLong`](crate::Miss::TooLong).
    pub fn max_path_len(&mut self, bytes: usize) -> &mut Self {
        self.max_path = bytes.min(MAX_PATH_LEN);
        self
    }

    /// How many routes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pattern of a route.
    #[must_use]
    pub fn pattern(&self, id: RouteId) -> Option<&str> {
        self.entries.get(id.index())?.as_ref().map(|e| &*e.text)
    }

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

    fn add(&mut self, host: Option<u32>, method: Option<Method>, text: &str, value: T) -> Result<RouteId, InsertError> {
        let segments = pattern::parse_path(text, &self.predicates).map_err(|e| pattern_error(text, e))?;
        if let Some(name) = self.name_in_host(host, &segments) {
            return Err(pattern_error(text, (0, crate::error::PatternErrorKind::DuplicateName { name })).into());
        }
        let segments: Arc<[Segment]> = segments.into();
        let variants = pattern::variants(&segments);
        let id = RouteId(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        let entry = Entry { host, method, text: text.into(), segments, variants, name: None, value };
        let records = records(id, &entry);
        if let Some(conflict) = records.iter().find_map(|record| self.index.clash(record)) {
            return Err(InsertError::Conflict(Box::new(conflict)));
        }
        for record in records {
            self.index.add(record);
        }
        self.entries.push(Some(entry));
        Ok(id)
    }

    /// A name that the host pattern and the path pattern both use.
    fn name_in_host(&self, host: Option<u32>, segments: &[Segment]) -> Option<Box<str>> {
        let labels = &self.hosts.get(host? as usize)?.labels;
        let taken = |name: &&str| labels.iter().flat_map(Segment::names).any(|other| other == *name);
        segments.iter().flat_map(Segment::names).find(taken).map(Box::from)
    }

    fn add_host(&mut self, text: &str) -> Result<u32, InsertError> {
        let labels = pattern::parse_host(text, &self.predicates).map_err(|e| pattern_error(text, e))?;
        for (i, other) in (0u32..).zip(&self.hosts) {
            if order::pattern_cmp(&labels, &other.labels).is_eq() {
                if labels.iter().flat_map(Segment::names).eq(other.labels.iter().flat_map(Segment::names)) {
                    return Ok(i);
                }
                return Err(host_conflict(text, &labels, other));
            }
            let differing = labels.iter().zip(&other.labels).find(|(a, b)| order::total_cmp(a, b).is_ne());
            if differing.is_some_and(|(a, b)| order::rank_cmp(a, b).is_eq())
                && common_path(&labels, &other.labels, true) != Common::None
            {
                return Err(host_conflict(text, &labels, other));
            }
        }
        self.hosts.push(Host { text: text.into(), labels });
        Ok(u32::try_from(self.hosts.len() - 1).unwrap_or(u32::MAX))
    }

    fn absorb(&mut self, other: Self, join: impl Fn(&str) -> String) -> Result<RouteIds, InsertError> {
        let before = (self.entries.len(), self.hosts.len(), self.predicates.clone());
        let result = self.try_absorb(other, join);
        if result.is_err() {
            for i in before.0..self.entries.len() {
                self.remove(RouteId(u32::try_from(i).unwrap_or(u32::MAX)));
            }
            self.entries.truncate(before.0);
            self.hosts.truncate(before.1);
            self.predicates = before.2;
        }
        result
    }

    fn try_absorb(&mut self, other: Self, join: impl Fn(&str) -> String) -> Result<RouteIds, InsertError> {
        for (name, predicate) in other.predicates {
            match self.predicates.get(&name) {
                Some(mine) if !Arc::ptr_eq(mine, &predicate) => {
                    return Err(InsertError::PredicateName { name: name.into() });
                }
                _ => self.predicates.insert(name, predicate),
            };
        }
        let mut hosts = Vec::new();
        for host in &other.hosts {
            hosts.push(self.add_host(&host.text)?);
        }
        let mut ids = Vec::with_capacity(other.entries.len());
        for entry in other.entries {
            let Some(entry) = entry else {
                ids.push(None);
                continue;
            };
            let host = entry.host.map(|h| hosts[h as usize]);
            let id = self.add(host, entry.method, &join(&entry.text), entry.value)?;
            if let Some(name) = entry.name {
                self.name(id, name)?;
            }
            ids.push(Some(id));
        }
        Ok(RouteIds(ids))
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

    /// A builder with the routes of a router, each in its old place.
    pub(crate) fn restore(core: &Core, values: Vec<T>, predicates: Predicates) -> Self {
        let mut this = Self { predicates, slash: core.slash, case: core.case, ..Self::default() };
        this.automatic_options = core.automatic_options;
        this.max_path = core.max_path;
        this.hosts = core.hosts.iter().map(|h| Host { text: Arc::clone(&h.text), labels: h.labels.clone() }).collect();
        let slots = core.routes.iter().map(|r| r.id.index() + 1).max().unwrap_or(0);
        this.entries.resize_with(slots, || None);
        for (route, value) in core.routes.iter().zip(values) {
            let variants = pattern::variants(&route.segments);
            let entry = Entry {
                host: route.host,
                method: route.method.clone(),
                text: Arc::clone(&route.pattern),
                segments: Arc::clone(&route.segments),
                variants,
                name: route.name.clone(),
                value,
            };
            for record in records(route.id, &entry) {
                this.index.add(record);
            }
            this.names.extend(route.name.clone().map(|name| (name, route.id)));
            if let Some(slot) = this.entries.get_mut(route.id.index()) {
                *slot = Some(entry);
            }
        }
        this
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

fn records<T>(id: RouteId, entry: &Entry<T>) -> Vec<Record> {
    let record = |segments: &Arc<[Segment]>| Record {
        route: id.0,
        host: entry.host,
        method: entry.method.clone(),
        segments: Arc::clone(segments),
        text: Arc::clone(&entry.text),
    };
    entry.variants.iter().map(record).collect()
}

fn pattern_error(text: &str, (offset, kind): (usize, crate::error::PatternErrorKind)) -> PatternError {
    PatternError { pattern: text.to_owned(), offset, kind }
}

fn host_conflict(text: &str, labels: &[Segment], other: &Host) -> InsertError {
    let witness = match common_path(labels, &other.labels, true) {
        Common::Path(path) => Some(path.trim_start_matches('/').split('/').rev().collect::<Vec<_>>().join(".")),
        Common::Unknown | Common::None => None,
    };
    InsertError::Conflict(Box::new(Conflict {
        new: text.to_owned(),
        existing: other.text.to_string(),
        relation: crate::error::Relation::Overlap,
        witness,
    }))
}

/// Adds routes for one host pattern; see [`RouterBuilder::host`].
#[derive(Debug)]
pub struct HostBuilder<'b, T> {
    builder: &'b mut RouterBuilder<T>,
    host: u32,
}

impl<T> HostBuilder<'_, T> {
    /// As [`RouterBuilder::insert`], for this host.
    ///
    /// # Errors
    ///
    /// As [`RouterBuilder::insert`].
    pub fn insert(&mut self, pattern: impl AsRef<str>, value: T) -> Result<RouteId, InsertError> {
        self.builder.add(Some(self.host), None, pattern.as_ref(), value)
    }

    /// As [`RouterBuilder::route`], for this host.
    ///
    /// # Errors
    ///
    /// As [`RouterBuilder::route`].
    pub fn route(&mut self, method: &Method, pattern: impl AsRef<str>, value: T) -> Result<RouteId, InsertError> {
        self.builder.add(Some(self.host), Some(method.clone()), pattern.as_ref(), value)
    }

    /// As [`RouterBuilder::name`].
    ///
    /// # Errors
    ///
    /// As [`RouterBuilder::name`].
    pub fn name(&mut self, id: RouteId, name: impl AsRef<str>) -> Result<(), InsertError> {
        self.builder.name(id, name)
    }
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
