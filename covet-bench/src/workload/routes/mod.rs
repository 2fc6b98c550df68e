//! Route tables and requests for them: hits with short and with realistic parameters, misses of scanners, near misses, and
//! methods that are not allowed.
//!
//! Templates are written `{name}` for a parameter and `{*name}` for the rest of the path. A request that hits says which
//! route it belongs to, so a bench can verify every router's answer against the table instead of against another router.

mod requests;
mod tables;

pub use requests::{Ids, Request};
pub use tables::{corpus, corpus_requests, github_like, large, rest130, static157};

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Upper-case method.
    pub method: String,
    /// The template, `{name}` style.
    pub template: String,
}

impl Route {
    /// The template with its parameters renamed `p1`, `p2`, ..: for routers that demand the same name at the same place.
    #[must_use]
    pub fn numbered(&self) -> String {
        let mut count = 0;
        pieces(&self.template)
            .map(|piece| match piece {
                Piece::Literal(text) => text.to_owned(),
                Piece::Parameter(_) => {
                    count += 1;
                    format!("{{p{count}}}")
                }
                Piece::Rest(_) => {
                    count += 1;
                    format!("{{*p{count}}}")
                }
            })
            .collect()
    }

    /// The numbered template in the older `:p1` and `*p2` style.
    #[must_use]
    pub fn colons(&self) -> String {
        self.numbered().replace("{*", "*").replace('{', ":").replace('}', "")
    }

    /// How many parameters the template has.
    #[must_use]
    pub fn parameters(&self) -> usize {
        pieces(&self.template).filter(|piece| !matches!(piece, Piece::Literal(_))).count()
    }

    /// Whether the template matches a path, by trying every split: slow, and the oracle of everything here. Parameters are not
    /// empty.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let pieces: Vec<Piece<'_>> = pieces(&self.template).collect();
        matches(&pieces, path)
    }
}

fn matches(pieces: &[Piece<'_>], path: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return path.is_empty() };
    match first {
        Piece::Literal(text) => path.strip_prefix(text).is_some_and(|path| matches(rest, path)),
        Piece::Parameter(_) => {
            let end = path.find('/').unwrap_or(path.len());
            (1..=end).any(|at| path.is_char_boundary(at) && matches(rest, &path[at..]))
        }
        Piece::Rest(_) => (1..=path.len()).any(|at| path.is_char_boundary(at) && matches(rest, &path[at..])),
    }
}

/// A part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'t> {
    Literal(&'t str),
    Parameter(&'t str),
    Rest(&'t str),
}

fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut left = template;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let closed = left.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        if let Some((name, after)) = closed {
            left = after;
            return Some(name.strip_prefix('*').map_or(Piece::Parameter(name), Piece::Rest));
        }
        // A brace that opens nothing is a literal, so at least one character is taken.
        let end = left.char_indices().skip(1).find(|(_, c)| *c == '{').map_or(left.len(), |(at, _)| at);
        let (literal, after) = left.split_at(end);
        left = after;
        Some(Piece::Literal(literal))
    })
}

/// A named list of routes without duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// Its name.
    pub name: String,
    /// The routes; requests refer to them by index.
    pub routes: Vec<Route>,
}

impl RouteTable {
    /// A table from `METHOD /template` lines. Lines that repeat an earlier route (names of parameters do not count) and lines
    /// of any other form are left out.
    pub fn parse<'l>(name: impl Into<String>, lines: impl IntoIterator<Item = &'l str>) -> Self {
        let mut table = Self { name: name.into(), routes: Vec::new() };
        let mut seen = std::collections::HashSet::new();
        for line in lines {
            if let Some((method, template)) = line.trim().split_once(' ')
                && template.starts_with('/')
            {
                let route = Route { method: method.to_owned(), template: template.to_owned() };
                if seen.insert((route.method.clone(), route.numbered())) {
                    table.routes.push(route);
                }
            }
        }
        table
    }

    /// The different paths (numbered templates) in order of appearance, with the routes that share each: for routers that know
    /// no methods.
    #[must_use]
    pub fn paths(&self) -> Vec<(String, Vec<usize>)> {
        let mut places = std::collections::HashMap::new();
        let mut paths: Vec<(String, Vec<usize>)> = Vec::new();
        for (index, route) in self.routes.iter().enumerate() {
            let template = route.numbered();
            let place = *places.entry(template.clone()).or_insert(paths.len());
            if place == paths.len() {
                paths.push((template, Vec::new()));
            }
            paths[place].1.push(index);
        }
        paths
    }

    /// The table as text, one `METHOD /template` a line: what its digest is taken of.
    #[must_use]
    pub fn text(&self) -> String {
        self.routes.iter().map(|route| format!("{} {}\n", route.method, route.template)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(template: &str) -> Route {
        Route { method: "GET".to_owned(), template: template.to_owned() }
    }

    #[test]
    fn templates_are_rewritten_for_other_routers() {
        let files = route("/repos/{owner}/{repo}/contents/{*path}");
        assert_eq!(files.numbered(), "/repos/{p1}/{p2}/contents/{*p3}");
        assert_eq!(files.colons(), "/repos/:p1/:p2/contents/*p3");
        assert_eq!(files.parameters(), 3);
        assert_eq!(route("/odd{").numbered(), "/odd{");
    }

    #[test]
    fn the_oracle_matches_as_templates_say() {
        for (template, path, expected) in [
            ("/users/{id}", "/users/7", true),
            ("/users/{id}", "/users/", false),
            ("/users/{id}", "/users/7/keys", false),
            ("/{base}...{head}", "/main...topic", true),
            ("/{base}...{head}", "/main", false),
            ("/files/{*path}", "/files/a/b", true),
            ("/files/{*path}", "/files/", false),
            ("/{*path}/raw", "/a/b/raw", true),
        ] {
            assert_eq!(route(template).matches(path), expected, "{template} {path}");
        }
    }

    #[test]
    fn duplicates_differ_by_more_than_names() {
        let table = RouteTable::parse("t", ["GET /a/{x}", "GET /a/{y}", "POST /a/{y}", "nonsense", "GET /a"]);
        assert_eq!(table.text(), "GET /a/{x}\nPOST /a/{y}\nGET /a\n");
        assert_eq!(table.paths(), [("/a/{p1}".to_owned(), vec![0, 1]), ("/a".to_owned(), vec![2])]);
    }
}
