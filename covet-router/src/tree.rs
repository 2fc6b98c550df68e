//! The routes as a tree, for people: segments in order of precedence, methods and names at the ends.

use std::fmt;

use crate::core::RouteInfo;
use crate::order;
use crate::router::Router;

impl<T> fmt::Display for Router<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let core = self.core();
        let hosts = (0u32..).zip(&core.hosts).map(|(i, h)| (Some(i), &*h.text)).chain([(None, "")]);
        for (host, text) in hosts {
            let routes: Vec<&RouteInfo> = core.routes.iter().map(|r| &**r).filter(|r| r.host == host).collect();
            if !routes.is_empty() {
                writeln!(f, "{}", if text.is_empty() { "*" } else { text })?;
                branch(f, &routes, 0, &mut String::new())?;
            }
        }
        Ok(())
    }
}

/// Prints the children of a node; `routes` agree on their first `depth` segments.
fn branch(f: &mut fmt::Formatter<'_>, routes: &[&RouteInfo], depth: usize, indent: &mut String) -> fmt::Result {
    let longer: Vec<&RouteInfo> = routes.iter().filter(|r| r.segments.len() > depth).copied().collect();
    let mut groups: Vec<&[&RouteInfo]> =
        longer.chunk_by(|a, b| order::total_cmp(&a.segments[depth], &b.segments[depth]).is_eq()).collect();
    // A group that only ends here reads better before its longer siblings; the order of precedence is kept otherwise.
    groups.sort_by_key(|g| g[0].segments[depth].to_string().is_empty());
    for (i, group) in groups.iter().enumerate() {
        let last = i + 1 == groups.len();
        let mut label = String::new();
        let mut at = depth;
        // Segments without a branch are printed on one line.
        loop {
            label.push('/');
            label.push_str(&group[0].segments[at].to_string());
            at += 1;
            let ends = group.iter().any(|r| r.segments.len() == at);
            let one = !ends && group.iter().all(|r| order::total_cmp(&r.segments[at], &group[0].segments[at]).is_eq());
            if !one {
                break;
            }
        }
        write!(f, "{indent}{}{label}", if last { "└── " } else { "├── " })?;
        let ends: Vec<&RouteInfo> = group.iter().filter(|r| r.segments.len() == at).copied().collect();
        if !ends.is_empty() {
            let texts: Vec<String> = ends.iter().map(|r| end(r, group[0], at)).collect();
            write!(f, "  [{}]", texts.join(", "))?;
        }
        writeln!(f)?;
        let kept = indent.len();
        indent.push_str(if last { "    " } else { "│   " });
        branch(f, group, at, indent)?;
        indent.truncate(kept);
    }
    Ok(())
}

/// Method and name of a route; its own pattern too where its parameters are named differently from those printed.
fn end(route: &RouteInfo, shown: &RouteInfo, depth: usize) -> String {
    let mut text = route.method.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string);
    if let Some(name) = &route.name {
        text.push_str(&format!(" \"{name}\""));
    }
    let names = |r: &RouteInfo| r.segments.iter().take(depth).map(ToString::to_string).collect::<Vec<_>>();
    if names(route) != names(shown) {
        text.push_str(&format!(" as {}", route.pattern));
    }
    text
}
