//! The immutable half: lookups and what they return.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use crate::builder::{RouteId, RouterBuilder};
use crate::core::{AllSink, Core, Found, MethodSink, More, Pass, RouteInfo, Variant};
use crate::params::Params;
use crate::pattern::Predicates;
use crate::policy::{Case, TrailingSlash};
use crate::walk::CELLS;

/// An immutable table of routes: `Send + Sync` where its values are, and cheap to clone (one reference count).
///
/// A lookup allocates nothing (except for more than sixteen parameters, and for the text of a redirect target under a redirect policy).
pub struct Router<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    core: Core,
    /// By route.
    values: Box<[T]>,
    predicates: Predicates,
}

impl<T> Clone for Router<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T> Router<T> {
    /// An empty [`RouterBuilder`].
    #[must_use]
    pub fn builder() -> RouterBuilder<T> {
        RouterBuilder::new()
    }

    pub(crate) fn new(core: Core, values: Vec<T>, predicates: Predicates) -> Self {
        Self { inner: Arc::new(Inner { core, values: values.into(), predicates }) }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.inner.core
    }

    /// The route for any method that matches `path`. Routes bound to a method or a host are not seen.
    ///
    /// ```
    /// # use covet_router::Router;
    /// let mut b = Router::builder();
    /// b.insert("/users/{id}", "user")?;
    /// let router = b.build()?;
    /// let m = router.at("/users/7").ok_or("no match")?;
    /// assert_eq!((*m.value, m.params.get("id")), ("user", Some("7")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn at<'r, 'p>(&'r self, path: &'p str) -> Option<Match<'r, 'p, T>> {
        let mut cells = [0; CELLS];
        let found = self.inner.core.find_any(path, &mut cells);
        self.matched(found, path, "", &mut cells)
    }

    /// The route for `method` and `path`; routes bound to a host are not seen.
    ///
    /// # Errors
    ///
    /// [`Miss::NotFound`]; [`Miss::MethodNotAllowed`] with the methods of all routes that match the path; and what the policies add.
    #[inline]
    pub fn find<'r, 'p>(&'r self, method: &Method, path: &'p str) -> Result<Match<'r, 'p, T>, Miss<'r>> {
        let core = &self.inner.core;
        let mut cells = [0; CELLS];
        let sink = MethodSink { bit: core.bit(method), allow: Cell::new(0) };
        let found = core.find_method(path, &sink, &mut cells);
        match self.matched(found, path, "", &mut cells) {
            Some(m) => Ok(m),
            None => Err(core.judge(found, method, path, sink.allow.get())),
        }
    }

    /// As [`find`](Self::find), for a request with a host.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn lookup<'r, 'p>(&'r self, target: &Target<'_, 'p>) -> Result<Match<'r, 'p, T>, Miss<'r>> {
        let core = &self.inner.core;
        let mut cells = [0; CELLS];
        let sink = MethodSink { bit: core.bit(target.method), allow: Cell::new(0) };
        let host = host_name(target.host.unwrap_or(""));
        let found = core.search_hosts(host, target.path, &sink, &mut cells);
        match self.matched(found, target.path, host, &mut cells) {
            Some(m) => Ok(m),
            None => Err(core.judge(found, target.method, target.path, sink.allow.get())),
        }
    }

    /// Every route that matches, in order of precedence: the first is what [`find`](Self::find) returns. Routes bound to a host are not seen, policies do not apply.
    /// Allocates the list.
    #[must_use]
    pub fn all_matches<'r, 'p>(&'r self, method: &Method, path: &'p str) -> Vec<Match<'r, 'p, T>> {
        let core = &self.inner.core;
        let sink = AllSink { bit: Some(core.bit(method)), found: RefCell::default() };
        if path.len() <= core.max_path && path.starts_with('/') {
            let table = if core.case == Case::Ignore { core.main.folded.as_ref() } else { None };
            crate::core::general(table.unwrap_or(&core.main.strict), path, false, &sink, &mut [0; CELLS]);
        }
        let pass = Pass { folded: core.case == Case::Ignore, ..Pass::EXACT };
        let (mut found, mut seen) = (sink.found.into_inner(), Vec::new());
        found.retain(|&v| {
            let route = core.variants.get(v as usize).map(|v| v.route);
            let new = !seen.contains(&route);
            seen.push(route);
            new
        });
        found.into_iter().filter_map(|v| self.recaptured(v, pass, path)).collect()
    }

    fn recaptured<'r, 'p>(&'r self, variant: u32, pass: Pass, path: &'p str) -> Option<Match<'r, 'p, T>> {
        let mut cells = [0; CELLS];
        let variant = self.inner.core.variants.get(variant as usize)?;
        let more = self.inner.core.recapture(variant, pass, path, "", &mut cells);
        let value = self.inner.values.get(variant.route as usize)?;
        Some(Match { value, params: Params { path, host: "", variant, cells, more } })
    }

    #[inline(always)]
    fn matched<'r, 'p>(
        &'r self,
        found: Found,
        path: &'p str,
        host: &'p str,
        cells: &mut [u32; CELLS],
    ) -> Option<Match<'r, 'p, T>> {
        let inner = &*self.inner;
        let (variant, value, more) = match found.plain() {
            // The first variant of a route has the route's number.
            Some(index) => match (inner.core.variants.get(index), inner.values.get(index)) {
                (Some(variant), Some(value)) => (variant, value, None),
                _ => self.matched_otherwise(found, path, host, cells)?,
            },
            None if found == Found::NOTHING => return None,
            None => self.matched_otherwise(found, path, host, cells)?,
        };
        Some(Match { value, params: Params { path, host, variant, cells: *cells, more } })
    }

    /// A match by a policy, or with captures to be made, or of a second variant; or none.
    #[inline(never)]
    fn matched_otherwise<'r>(
        &'r self,
        found: Found,
        path: &str,
        host: &str,
        cells: &mut [u32; CELLS],
    ) -> Option<(&'r Variant, &'r T, Option<Box<More>>)> {
        let core = &self.inner.core;
        let variant = core.variants.get(found.variant()?)?;
        let pass = found.pass();
        if core.is_hint(pass) {
            return None;
        }
        let more = if found.is_complex() { core.recapture(variant, pass, path, host, cells) } else { None };
        Some((variant, self.inner.values.get(variant.route as usize)?, more))
    }

    /// The routes, in order of precedence.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = Route<'_, T>> {
        self.inner.core.routes.iter().zip(&self.inner.values).map(|(info, value)| Route { value, info })
    }

    /// How many routes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.values.is_empty()
    }

    /// A builder with the same routes under the same ids, to edit and build anew.
    #[must_use]
    pub fn to_builder(&self) -> RouterBuilder<T>
    where
        T: Clone,
    {
        RouterBuilder::restore(&self.inner.core, self.inner.values.to_vec(), self.inner.predicates.clone())
    }

    /// Bytes of heap memory that lookups walk: nodes, literal text, leaves and the static short-cut. Values, patterns and names are not counted.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        let core = &self.inner.core;
        let tables = core.hosts.iter().map(|h| &h.tables).chain([&core.main]);
        tables.map(|t| t.strict.memory() + t.folded.as_ref().map_or(0, crate::arena::Table::memory)).sum()
    }
}

impl<T> fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("routes", &self.len()).field("arena_bytes", &self.arena_bytes()).finish()
    }
}

/// The host of a `Host` header or authority: without user information, port and final dot.
fn host_name(authority: &str) -> &str {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let host = match port {
        // A colon inside brackets belongs to an address.
        Some((name, _)) if !name.starts_with('[') || name.ends_with(']') => name,
        _ => host,
    };
    host.strip_suffix('.').unwrap_or(host)
}

impl Core {
    /// Under a redirect policy another form of the path is no match but a hint.
    fn is_hint(&self, pass: Pass) -> bool {
        ((pass.added || pass.removed) && self.slash == TrailingSlash::Redirect)
            || (pass.folded && self.case == Case::Redirect)
    }

    /// What a search without a match means. `allow` are the methods seen on the way.
    #[inline(never)]
    fn judge<'r>(&'r self, found: Found, method: &Method, path: &str, allow: u64) -> Miss<'r> {
        let star = allow == 0 && path == "*" && *method == Method::OPTIONS && self.automatic_options;
        // A path that exists as given, for other methods, is not redirected.
        if let Some(allow) = self.allow.get(if star { self.all_methods } else { allow }) {
            return Miss::MethodNotAllowed { allow };
        }
        if path.len() > self.max_path {
            return Miss::TooLong { max: self.max_path };
        }
        self.location(found, path).map_or(Miss::NotFound, |location| Miss::Redirect { location })
    }

    /// The form of the path that matches as it is: path-only, one slash in front, nothing that a browser would turn into one.
    fn location(&self, found: Found, path: &str) -> Option<Box<str>> {
        let variant = self.variants.get(found.variant()?)?;
        let pass = found.pass();
        let unsafe_start = path.starts_with("//") || path.starts_with("/\\");
        if unsafe_start || path.bytes().any(|b| b == b'\\' || b.is_ascii_control()) {
            return None;
        }
        let mut out =
            if pass.folded { crate::url::respell(&variant.segments, pass, path)? } else { pass.path(path).to_owned() };
        if pass.added && !pass.folded {
            out.push('/');
        }
        (out != path && !out.starts_with("//")).then(|| out.into())
    }
}

/// A successful lookup.
pub struct Match<'r, 'p, T> {
    /// The value the route was inserted with.
    pub value: &'r T,
    /// What the path has in the place of parameters.
    pub params: Params<'r, 'p>,
}

impl<'r, T> Match<'r, '_, T> {
    fn info(&self) -> &'r RouteInfo {
        &self.params.variant.info
    }

    /// The pattern as it was inserted (after nesting): what a metric or trace wants as a label.
    #[must_use]
    pub fn pattern(&self) -> &'r str {
        &self.info().pattern
    }

    /// The method of the route; `None` for any. It is `GET` when GET answers HEAD.
    #[must_use]
    pub fn method(&self) -> Option<&'r Method> {
        self.info().method.as_ref()
    }

    /// The host pattern of the route.
    #[must_use]
    pub fn host(&self) -> Option<&'r str> {
        self.info().host_text.as_deref()
    }

    /// The name of the route.
    #[must_use]
    pub fn name(&self) -> Option<&'r str> {
        self.info().name.as_deref()
    }

    /// The id that the builder gave the route.
    #[must_use]
    pub fn route_id(&self) -> RouteId {
        self.info().id
    }
}

impl<T> Clone for Match<'_, '_, T> {
    fn clone(&self) -> Self {
        Self { value: self.value, params: self.params.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Match<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Match")
            .field("pattern", &self.pattern())
            .field("value", self.value)
            .field("params", &self.params)
            .finish()
    }
}

/// Why a request has no match.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Miss<'r> {
    /// No route matches the path: 404.
    NotFound,
    /// Routes match the path, but not the method: 405. For `OPTIONS` it is the automatic answer: 204 with this `Allow`.
    MethodNotAllowed {
        /// The methods of all routes that match the path, rendered at build.
        allow: &'r HeaderValue,
    },
    /// Another form of the path matches: 308, under a redirect policy only.
    Redirect {
        /// The path to redirect to, without query: one slash in front, no backslash. Append the query of the request.
        location: Box<str>,
    },
    /// The path is longer than the limit: 414.
    TooLong {
        /// The limit in bytes.
        max: usize,
    },
}

impl Miss<'_> {
    /// The status to answer a request of this method with: 404, 405 (204 for `OPTIONS`), 308 or 414.
    #[must_use]
    pub fn status(&self, method: &Method) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } if *method == Method::OPTIONS => StatusCode::NO_CONTENT,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Redirect { .. } => StatusCode::PERMANENT_REDIRECT,
            Self::TooLong { .. } => StatusCode::URI_TOO_LONG,
        }
    }
}

impl fmt::Display for Miss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no route matches the path"),
            Self::MethodNotAllowed { allow } => {
                write!(f, "the path has routes for other methods: {}", allow.to_str().unwrap_or("?"))
            }
            Self::Redirect { location } => write!(f, "the path is spelled `{location}`"),
            Self::TooLong { max } => write!(f, "the path is longer than {max} bytes"),
        }
    }
}

impl Error for Miss<'_> {}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'m, 'p> {
    /// The method.
    pub method: &'m Method,
    /// The path, raw: still percent-encoded, without query.
    pub path: &'p str,
    /// The host, if there is one; a port is ignored.
    pub host: Option<&'p str>,
}

impl<'m, 'p> Target<'m, 'p> {
    /// A target without a host.
    #[must_use]
    pub fn new(method: &'m Method, path: &'p str) -> Self {
        Self { method, path, host: None }
    }

    /// The target of a request. The authority of an absolute-form target goes before the `Host` header, as RFC 9112 wants it.
    /// The path is empty for the authority form (`CONNECT`) and `*` for the asterisk form; neither matches a pattern.
    #[must_use]
    pub fn from_request_parts(method: &'m Method, uri: &'p Uri, headers: &'p HeaderMap) -> Self {
        let header = || headers.get(header::HOST).and_then(|h| h.to_str().ok());
        // `http` gives "/" as the path of an authority-form target.
        let path = if uri.scheme().is_none() && uri.authority().is_some() { "" } else { uri.path() };
        Self { method, path, host: uri.authority().map(http::uri::Authority::as_str).or_else(header) }
    }
}

/// A route of a [`Router`].
pub struct Route<'r, T> {
    /// The value.
    pub value: &'r T,
    info: &'r RouteInfo,
}

impl<'r, T> Route<'r, T> {
    /// The id that the builder gave the route.
    #[must_use]
    pub fn id(&self) -> RouteId {
        self.info.id
    }

    /// The method; `None` for any.
    #[must_use]
    pub fn method(&self) -> Option<&'r Method> {
        self.info.method.as_ref()
    }

    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &'r str {
        &self.info.pattern
    }

    /// The host pattern.
    #[must_use]
    pub fn host(&self) -> Option<&'r str> {
        self.info.host_text.as_deref()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Option<&'r str> {
        self.info.name.as_deref()
    }

    /// The names of the parameters, in the order of the pattern.
    pub fn params(&self) -> impl Iterator<Item = &'r str> {
        self.info.segments.iter().flat_map(crate::pattern::Segment::names)
    }
}

impl<T: fmt::Debug> fmt::Debug for Route<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("method", &self.method())
            .field("pattern", &self.pattern())
            .field("value", self.value)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names() {
        for (authority, host) in [
            ("example.com", "example.com"),
            ("example.com:8080", "example.com"),
            ("example.com.", "example.com"),
            ("user:pw@example.com:1", "example.com"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(host_name(authority), host);
        }
    }
}
