//! The mutable half: routes are inserted, named, nested, merged and removed here; [`RouterBuilder::build`] freezes them.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;

use crate::conflict::{Index, Record};
use crate::core::Core;
use crate::error::{InsertError, PatternError};
use crate::host::Host;
use crate::kind::{Kind, Predicate};
use crate::pattern::{self, Predicates, Segment};
use crate::policy::{Case, MAX_PATH_LEN, TrailingSlash};

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

#[derive(Debug)]
pub(crate) struct Entry<T> {
    pub(crate) host: Option<u32>,
    pub(crate) method: Option<Method>,
    pub(crate) text: Arc<str>,
    pub(crate) segments: Arc<[Segment]>,
    pub(crate) variants: Vec<Arc<[Segment]>>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) value: T,
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
    pub(crate) entries: Vec<Option<Entry<T>>>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) names: HashMap<Box<str>, RouteId>,
    pub(crate) predicates: Predicates,
    pub(crate) index: Index,
    pub(crate) slash: TrailingSlash,
    pub(crate) case: Case,
    pub(crate) automatic_options: bool,
    pub(crate) max_path: usize,
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
    /// An empty builder; also [`Router::builder`](crate::Router::builder).
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

    /// Gives a route a name for [`Router::url_for`](crate::Router::url_for); an earlier name of the route is given up.
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

    pub(crate) fn add(
        &mut self,
        host: Option<u32>,
        method: Option<Method>,
        text: &str,
        value: T,
    ) -> Result<RouteId, InsertError> {
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

pub(crate) fn records<T>(id: RouteId, entry: &Entry<T>) -> Vec<Record> {
    let record = |segments: &Arc<[Segment]>| Record {
        route: id.0,
        host: entry.host,
        method: entry.method.clone(),
        segments: Arc::clone(segments),
        text: Arc::clone(&entry.text),
    };
    entry.variants.iter().map(record).collect()
}

pub(crate) fn pattern_error(text: &str, (offset, kind): (usize, crate::error::PatternErrorKind)) -> PatternError {
    PatternError { pattern: text.to_owned(), offset, kind }
}
