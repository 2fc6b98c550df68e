//! Whole tables: generated ones always, real ones when `COVET_CORPUS` is set. Every route is accepted, every request finds the route it was made for, and
//! no lookup allocates.

#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "helpers of tests and benches say what they expect by unwrapping it"
)]

use std::collections::HashMap;

use covet_bench::workload::routes::{self, Ids, RouteTable};
use covet_router::{InsertError, Method, Miss, Router};

const CORPUS: [&str; 9] = [
    "github_octokit_2026",
    "go-http-routing-benchmark_github",
    "go-http-routing-benchmark_github_full239",
    "go-http-routing-benchmark_gplus",
    "go-http-routing-benchmark_parse",
    "go-http-routing-benchmark_static",
    "kubernetes_client_python_2026",
    "matchit_bench_130",
    "path-tree_github_315",
];

fn tables() -> Vec<RouteTable> {
    let generated = [routes::rest130(), routes::static157(), routes::github_like(), routes::large(500)];
    generated.into_iter().chain(CORPUS.iter().filter_map(|name| routes::corpus(name))).collect()
}

fn method(text: &str) -> Method {
    text.parse().unwrap()
}

fn build(table: &RouteTable, reversed: bool) -> Router<usize> {
    let mut b = Router::builder();
    let mut indices: Vec<usize> = (0..table.routes.len()).collect();
    if reversed {
        indices.reverse();
    }
    for i in indices {
        let route = &table.routes[i];
        b.route(&method(&route.method), &route.template, i).unwrap_or_else(|e| panic!("{}: {e}", table.name));
    }
    b.build().unwrap()
}

#[test]
fn every_table_is_accepted_whole_and_in_any_order() {
    for table in tables() {
        let router = build(&table, false);
        assert_eq!(router.len(), table.routes.len());
        assert_eq!(router.to_string(), build(&table, true).to_string(), "{}", table.name);
        if table.routes.len() < 400 {
            assert_eq!(router.unreachable_routes(), [], "{}", table.name);
        }
    }
}

#[test]
fn real_files_are_accepted_line_by_line() {
    let Ok(corpus) = std::env::var("COVET_CORPUS") else { return };
    for name in CORPUS {
        let text = std::fs::read_to_string(format!("{corpus}/routes/{name}.txt")).unwrap();
        let mut b = Router::builder();
        let mut seen: HashMap<(String, String), String> = HashMap::new();
        for line in text.lines() {
            let (verb, template) = line.split_once(' ').unwrap();
            let nameless = routes::Route { method: verb.to_owned(), template: template.to_owned() }.numbered();
            let twin = seen.insert((verb.to_owned(), nameless), template.to_owned());
            match (b.route(&method(verb), template, ()), twin) {
                (Ok(_), None) => {}
                // Two templates of one method that differ in names alone are the same route.
                (Err(InsertError::Conflict(c)), Some(twin)) => assert_eq!(c.existing, format!("{verb} {twin}")),
                (result, twin) => panic!("{name}: {line}: {result:?}, twin {twin:?}"),
            }
        }
        b.build().unwrap();
    }
}

#[test]
fn requests_find_the_best_route_that_matches() {
    for table in tables() {
        let router = build(&table, false);
        for ids in [Ids::Short, Ids::Realistic] {
            // Debug builds are slow, and each request is compared with the whole table.
            for request in table.hits(ids, 1).into_iter().take(250) {
                let m = router.find(&method(&request.method), &request.path).unwrap();
                let found = &table.routes[*m.value];
                assert!(found.matches(&request.path) && found.method == request.method);
                // What was asked for may be shadowed by a better match; then that one comes first in the list of all.
                let all = router.all_matches(&method(&request.method), &request.path);
                assert_eq!(all[0].value, m.value);
                assert!(all.iter().any(|m| Some(*m.value) == request.route), "{} {}", request.method, request.path);
                let rebuilt = filled(m.pattern(), m.params.iter());
                assert_eq!(rebuilt, request.path);
            }
        }
        for request in table.scans().into_iter().chain(table.near_misses(100, 2)) {
            assert!(router.find(&method(&request.method), &request.path).is_err(), "{} {}", table.name, request.path);
        }
        for request in table.not_allowed(100, 3) {
            let asked = method(&request.method);
            match router.find(&asked, &request.path) {
                Err(Miss::MethodNotAllowed { allow }) => {
                    let mut allowed: Vec<&str> = table
                        .routes
                        .iter()
                        .filter(|r| r.matches(&request.path))
                        .flat_map(|r| if r.method == "GET" { vec!["GET", "HEAD"] } else { vec![r.method.as_str()] })
                        .chain(["OPTIONS"])
                        .collect();
                    let mut listed: Vec<&str> = allow.to_str().unwrap().split(", ").collect();
                    allowed.sort_unstable();
                    allowed.dedup();
                    listed.sort_unstable();
                    assert_eq!(listed, allowed, "{}", request.path);
                }
                other => panic!("{asked} {}: {other:?}", request.path),
            }
        }
    }
}

/// A pattern with its parameters replaced in order.
fn filled<'a>(pattern: &str, mut params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        out.push_str(params.next().unwrap().1);
        rest = &rest[open + rest[open..].find('}').unwrap() + 1..];
    }
    out + rest
}

#[test]
fn no_lookup_allocates() {
    let none = |what: &str, run: &mut dyn FnMut()| {
        let counted = allocation_counter::measure(run);
        assert_eq!(counted.count_total, 0, "{what}");
    };
    for table in tables() {
        let mut b = Router::builder();
        let mut by_path = Router::builder();
        for (i, route) in table.routes.iter().enumerate() {
            b.route(&method(&route.method), &route.template, i).unwrap();
            let _ = by_path.insert(&route.template, i);
        }
        let (router, by_path) = (b.build().unwrap(), by_path.build().unwrap());
        let mut requests = table.hits(Ids::Realistic, 4);
        requests.extend(table.hits(Ids::Short, 4));
        requests.extend(table.scans());
        requests.extend(table.near_misses(200, 5));
        requests.extend(table.not_allowed(200, 6));
        for request in requests {
            let method = method(&request.method);
            none(&format!("{} {} {}", table.name, method, request.path), &mut || {
                let _ = router.find(&method, &request.path);
                if let Some(m) = by_path.at(&request.path) {
                    assert!(
                        m.params.iter().all(|(n, v)| !n.is_empty() && !v.is_empty()) && m.params.get("-").is_none()
                    );
                }
            });
        }
    }
    // Everything the general matcher knows, too.
    let mut b = Router::builder();
    b.predicate("even", 1, |s| s.len() % 2 == 0).unwrap();
    for pattern in [
        "/{a}/x/{b:u64}.{c}-{d:alnum}",
        "/{*a}/m/{b:even}/{*c?}",
        "/{a:one|two}/{b?}",
        "/q/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}",
    ] {
        b.insert(pattern, 0).unwrap();
    }
    b.host("{t}.example.com").unwrap().insert("/{x}", 0).unwrap();
    b.trailing_slash(covet_router::TrailingSlash::Ignore);
    let router = b.build().unwrap();
    let q = format!("/q{}", "/v".repeat(16));
    for path in
        ["/1/x/7.tar-z", "/1/x/7.tar", "/a/b/m/xx/", "/a/b/m/xxx/", "/two", "/two/", "/two/3/", &q, "/a", "//", ""]
    {
        let target = covet_router::Target { method: &Method::GET, path, host: Some("a.example.com:80") };
        none(path, &mut || {
            let _ = router.at(path);
            let _ = router.find(&Method::GET, path);
            let _ = router.lookup(&target);
        });
    }
    assert_eq!(router.at(&q).unwrap().params.len(), 16);
}

/// On tables that matchit accepts, and paths without the differences listed here, both say the same.
///
/// Differences on the common language: matchit lets a catch-all match after a failed branch only where no static sibling swallowed the way back; its
/// suffixes do not fall back. Templates with literals around a parameter are left to the brute-force matcher for that reason.
#[test]
fn matchit_agrees_on_the_common_language() {
    for table in tables() {
        let mut ours = Router::builder();
        let mut theirs = matchit::Router::new();
        for (i, (path, _)) in table.paths().into_iter().enumerate() {
            if theirs.insert(path.clone(), i).is_ok() {
                ours.insert(&path, i).unwrap();
            }
        }
        let ours = ours.build().unwrap();
        let mut paths: Vec<String> = table.hits(Ids::Realistic, 8).into_iter().map(|r| r.path).collect();
        paths.extend(table.near_misses(300, 9).into_iter().map(|r| r.path));
        paths.extend(table.scans().into_iter().map(|r| r.path));
        for path in paths {
            let a = ours.at(&path).map(|m| (*m.value, m.params.iter().map(|(_, v)| v.to_owned()).collect::<Vec<_>>()));
            let b = theirs.at(&path).ok();
            let b = b.map(|m| (*m.value, m.params.iter().map(|(_, v)| v.to_owned()).collect::<Vec<_>>()));
            assert_eq!(a, b, "{} {path}", table.name);
        }
    }
}
