//! Why a request matched or missed, and which routes no request can reach.

use std::fmt;

use http::Method;

use crate::capture::{self, capture};
use crate::core::{Core, RouteInfo};
use crate::methods;
use crate::order;
use crate::pattern::Segment;
use crate::router::Router;

/// The account of one lookup; print it with `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// What was asked, and what a lookup answers.
    pub summary: String,
    /// Routes whose pattern matches the path, in order of precedence.
    pub matching: Vec<Verdict>,
    /// Other routes, those that got furthest first; at most eight.
    pub nearest: Vec<Verdict>,
}

/// What became of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Method (if any), host (if any) and pattern.
    pub route: String,
    /// Why it was chosen, passed over, or does not match.
    pub reason: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary)?;
        for (title, verdicts) in [("matching, in order:", &self.matching), ("nearest others:", &self.nearest)] {
            if !verdicts.is_empty() {
                writeln!(f, "{title}")?;
            }
            for verdict in verdicts {
                writeln!(f, "  {}: {}", verdict.route, verdict.reason)?;
            }
        }
        Ok(())
    }
}

impl<T> Router<T> {
    /// Says why [`find`](Self::find) matches or misses. Tests every route by itself: for people, not for the hot path.
    #[must_use]
    pub fn explain(&self, method: &Method, path: &str) -> Explanation {
        let core = self.core();
        let outcome = match self.find(method, path) {
            Ok(m) => format!("matches `{}`", m.pattern()),
            Err(miss) => format!("misses: {miss}"),
        };
        let mut summary = format!("{method} {path} {outcome}");
        if let Some(hint) = path_hint(core, path) {
            summary.push_str(&format!(" ({hint})"));
        }
        let chosen = self.find(method, path).ok().map(|m| m.route_id());
        let mut matching = Vec::new();
        let mut others = Vec::new();
        for (i, route) in core.routes.iter().enumerate() {
            let variants = core.variants.iter().filter(|v| v.route as usize == i);
            let (depth, reason) = variants
                .map(|v| progress(&v.segments, path, core.case == crate::policy::Case::Ignore))
                .max_by_key(|(depth, _)| *depth)
                .unwrap_or((0, String::new()));
            let name = describe(core, route);
            if depth < usize::MAX {
                others.push((depth, Verdict { route: name, reason }));
                continue;
            }
            let reason = if chosen == Some(route.id) {
                "chosen".to_owned()
            } else if route.host.is_some() {
                "bound to a host; see `lookup`".to_owned()
            } else if !answers(route, method) {
                format!("does not answer {method}")
            } else {
                "comes later in the order of precedence".to_owned()
            };
            matching.push(Verdict { route: name, reason });
        }
        others.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
        let nearest = others.into_iter().take(8).map(|(_, v)| v).collect();
        Explanation { summary, matching, nearest }
    }

    /// Routes that no request reaches, because one other route that comes before matches all their paths and methods.
    ///
    /// What several routes cover together is not found; nothing is reported that can be reached.
    #[must_use]
    pub fn unreachable_routes(&self) -> Vec<Shadowed> {
        let core = self.core();
        let mut found = Vec::new();
        for (i, route) in core.routes.iter().enumerate() {
            let mine = || core.variants.iter().filter(move |v| v.route as usize == i);
            // Every variant has to be covered; they can be covered by different routes, the first is named.
            let mut by = None;
            let all = mine().all(|variant| {
                let cover = core.variants.iter().find(|other| {
                    let info = core.routes.get(other.route as usize);
                    let before = order::pattern_cmp(&other.segments, &variant.segments).is_lt();
                    other.route as usize != i
                        && before
                        && info.is_some_and(|info| info.host == route.host && takes_all(info, route))
                        && order::covers(&other.segments, &variant.segments)
                });
                by = by.or(cover.map(|c| c.route));
                cover.is_some()
            });
            if let (true, Some(by)) = (all, by.and_then(|by| core.routes.get(by as usize))) {
                found.push(Shadowed { route: describe(core, route), by: describe(core, by), id: route.id });
            }
        }
        found
    }
}

/// A route that no request reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shadowed {
    /// The route: method, host and pattern.
    pub route: String,
    /// The route that takes all its requests.
    pub by: String,
    /// The id of the unreachable route.
    pub id: crate::RouteId,
}

impl fmt::Display for Shadowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is unreachable: `{}` comes first and matches all of it", self.route, self.by)
    }
}

/// Whether every request that `b` answers by its method is answered by `a` too.
fn takes_all(a: &RouteInfo, b: &RouteInfo) -> bool {
    match (&a.method, &b.method) {
        (None, _) => true,
        (Some(a), Some(b)) => a == b || (*a == Method::GET && *b == Method::HEAD),
        (Some(_), None) => false,
    }
}

fn answers(route: &RouteInfo, method: &Method) -> bool {
    route.method.as_ref().is_none_or(|m| {
        m == method || (*m == methods::STANDARD[methods::GET] && *method == methods::STANDARD[methods::HEAD])
    })
}

fn describe(core: &Core, route: &RouteInfo) -> String {
    let mut out = String::new();
    if let Some(method) = &route.method {
        out.push_str(method.as_str());
        out.push(' ');
    }
    if let Some(host) = route.host.and_then(|h| core.hosts.get(h as usize)) {
        out.push_str(&host.text);
    }
    out.push_str(&route.pattern);
    out
}

fn path_hint(core: &Core, path: &str) -> Option<&'static str> {
    Some(match path {
        "" => "the path is empty; the root is `/`",
        "*" => "`*` is no path",
        p if p.contains("://") && !p.starts_with('/') => "absolute form: pass the path alone",
        p if !p.starts_with('/') => "a path begins with `/`",
        p if p.contains(['?', '#']) => "contains `?` or `#`: pass the path without query and fragment",
        p if p.len() > core.max_path => "longer than the limit",
        p if p.contains("//") => "contains `//`: an empty segment is a segment, nothing is merged",
        p if p.split('/').any(|s| matches!(s, "." | "..")) => {
            "contains a dot segment: nothing is resolved, see `normalize`"
        }
        _ => return None,
    })
}

/// How many segments of a pattern match, and what stops it; `usize::MAX` for a match.
fn progress(pattern: &[Segment], path: &str, fold: bool) -> (usize, String) {
    if capture(pattern, path, false, fold, &mut |_| {}) && !path.contains(['?', '#']) {
        return (usize::MAX, String::new());
    }
    let mut texts = path.strip_prefix('/').into_iter().flat_map(|p| p.split('/'));
    for (i, segment) in pattern.iter().enumerate() {
        let Some(text) = texts.next() else {
            return (i, format!("the path ends before `{segment}`"));
        };
        if matches!(segment, Segment::Rest { .. }) {
            let what =
                if i + 1 == pattern.len() { "needs something to capture" } else { "what follows it is not found" };
            return (i, format!("`{segment}`: {what}"));
        }
        if !capture::fits(segment, text, fold) {
            return (i, format!("segment {} is `{text}`, not `{segment}`", i + 1));
        }
    }
    (pattern.len(), "the path goes on after the pattern".to_owned())
}
