//! Against matchit, wayfind and path-tree, in pairs: `cargo bench -p covet-router --bench peers`.
//!
//! Where a peer rejects part of a table, everyone gets the subset that all accept, and the table says how large it is. Real tables come from
//! `COVET_CORPUS`; without it, generated ones of the same kind take their place where there is one.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use covet_bench::workload::routes::{self, Ids, Request, RouteTable};
use covet_bench::{Answer, Bench, Group, Target, black_box};
use covet_router::{Method, Router};

const PEERS: [&str; 3] = ["matchit", "wayfind", "path-tree"];
const SEED: u64 = 0x5eed;

fn main() -> ExitCode {
    covet_bench::main("covet-router", |bench| {
        // Before anything has been freed that a structure could grow into.
        memory(bench);
        let rest = corpus_or("matchit_bench_130", routes::rest130);
        paths(bench, "130 routes, 2-byte parameters", &rest, Ids::Short, 1.5, &["matchit"]);
        paths(bench, "130 routes, realistic parameters", &rest, Ids::Realistic, 2.0, &["matchit"]);
        let github = corpus_or("github_octokit_2026", routes::github_like);
        paths(bench, "GitHub", &github, Ids::Realistic, 2.0, &PEERS);
        with_corpus(bench, "Kubernetes", "kubernetes_client_python_2026", 2.0);
        let fixed = corpus_or("go-http-routing-benchmark_static", routes::static157);
        paths(bench, "157 routes without parameters", &fixed, Ids::Short, 3.0, &PEERS);
        with_corpus(bench, "GPlus", "go-http-routing-benchmark_gplus", 1.5);
        with_corpus(bench, "Parse", "go-http-routing-benchmark_parse", 1.5);
        methods(bench, &github);
        misses(bench, &github);
        cold(bench);
        building(bench);
    })
}

fn corpus_or(name: &str, generated: impl FnOnce() -> RouteTable) -> RouteTable {
    routes::corpus(name).unwrap_or_else(generated)
}

fn with_corpus(bench: &mut Bench, group: &str, name: &str, factor: f64) {
    match routes::corpus(name) {
        Some(table) => paths(bench, group, &table, Ids::Realistic, factor, &PEERS),
        None => bench.skip(group, covet_bench::workload::corpus::ABSENT),
    }
}

/// The same paths in every router; values are positions in the list.
struct Routers {
    covet: Router<usize>,
    matchit: matchit::Router<usize>,
    wayfind: wayfind::Router<usize>,
    path_tree: path_tree::PathTree<usize>,
}

/// `{p1}` as wayfind writes it.
fn angles(template: &str) -> String {
    template.replace('{', "<").replace('}', ">")
}

/// `{p1}` as path-tree writes it: `+` is a catch-all that is not empty.
fn colons(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').map_or(rest.len(), |n| open + n);
        out.push_str(&rest[..open]);
        let name = &rest[open + 1..close];
        out.push_str(&name.strip_prefix('*').map_or_else(|| format!(":{name}"), |_| ":rest+".to_owned()));
        rest = &rest[close + 1..];
    }
    out + rest
}

/// The paths that every router accepts, and what was left out.
fn common(table: &RouteTable) -> (Vec<(String, Vec<usize>)>, usize) {
    let mut matchit = matchit::Router::new();
    let mut wayfind = wayfind::RouterBuilder::new();
    let all = table.paths();
    let count = all.len();
    let kept: Vec<_> = all
        .into_iter()
        .filter(|(path, _)| wayfind.insert(&angles(path), 0).is_ok() && matchit.insert(path.clone(), 0).is_ok())
        .collect();
    let left_out = count - kept.len();
    (kept, left_out)
}

fn build(paths: &[(String, Vec<usize>)]) -> Routers {
    let mut covet = Router::builder();
    let mut matchit = matchit::Router::new();
    let mut wayfind = wayfind::RouterBuilder::new();
    let mut path_tree = path_tree::PathTree::new();
    for (i, (path, _)) in paths.iter().enumerate() {
        covet.insert(path, i).expect("a common path");
        matchit.insert(path.clone(), i).expect("a common path");
        wayfind.insert(&angles(path), i).expect("a common path");
        let _ = path_tree.insert(&colons(path), i);
    }
    Routers { covet: covet.build().expect("a table"), matchit, wayfind: wayfind.build(), path_tree }
}

fn spelled<'a>(value: usize, params: impl Iterator<Item = &'a str>) -> Answer {
    let mut out = value.to_string();
    for param in params {
        let _ = write!(out, " {param}");
    }
    Answer::debug(&out)
}

/// Lookups by path alone.
fn paths(bench: &mut Bench, name: &str, table: &RouteTable, ids: Ids, factor: f64, against: &[&str]) {
    let (common, left_out) = common(table);
    let routers = build(&common);
    let requests: Vec<String> = hits(table, &common, ids);
    let Some(mut group) = bench.group(name) else { return };
    group.target(Target::times_as_fast(factor, against.iter().copied()));
    contenders(&mut group, &routers, &requests);
    if left_out > 0 {
        group.unable(
            "the whole table",
            format!("matchit and wayfind reject {left_out} of its paths; the others are measured"),
        );
    }
    group.baseline("matchit");
    group.run();
}

fn contenders<'a>(group: &mut Group<'a>, routers: &'a Routers, requests: &'a [String]) {
    let check = |m: &Option<covet_router::Match<'_, '_, usize>>| match m {
        Some(m) => spelled(*m.value, m.params.iter().map(|(_, v)| v)),
        None => Answer::debug("miss"),
    };
    group.contender_each("covet-router", requests, |path| routers.covet.at(path), check).ours();
    let check = |m: &Option<matchit::Match<'_, '_, &usize>>| match m {
        Some(m) => spelled(*m.value, m.params.iter().map(|(_, v)| v)),
        None => Answer::debug("miss"),
    };
    group.contender_each("matchit", requests, |path| routers.matchit.at(path).ok(), check);
    let check = |m: &Option<wayfind::Match<'_, '_, usize>>| match m {
        Some(m) => spelled(*m.data(), m.parameters().iter().map(|(_, v)| *v)),
        None => Answer::debug("miss"),
    };
    group.contender_each("wayfind", requests, |path| routers.wayfind.search(path), check);
    let check = |m: &Option<(&usize, path_tree::Path<'_, '_>)>| match m {
        Some((value, path)) => spelled(**value, path.params_iter().map(|(_, v)| v)),
        None => Answer::debug("miss"),
    };
    group.contender_each("path-tree", requests, |path| routers.path_tree.find(path), check);
}

/// One request per common path, shuffled, of those that belong to it and to no path before it.
fn hits(table: &RouteTable, common: &[(String, Vec<usize>)], ids: Ids) -> Vec<String> {
    let place: HashMap<usize, usize> =
        common.iter().enumerate().flat_map(|(i, (_, routes))| routes.iter().map(move |r| (*r, i))).collect();
    let routers = build(common);
    let mut seen = vec![false; common.len()];
    let mut requests = Vec::new();
    for Request { path, route, .. } in table.hits(ids, SEED) {
        let Some(&place) = route.and_then(|r| place.get(&r)) else { continue };
        let agreed = routers.matchit.at(&path).is_ok_and(|m| *m.value == place)
            && routers.wayfind.search(&path).is_some_and(|m| *m.data() == place)
            && routers.path_tree.find(&path).is_some_and(|(value, _)| *value == place);
        if agreed && !std::mem::replace(&mut seen[place], true) {
            requests.push(path);
        }
    }
    requests
}

/// Method and path, against a map of matchit routers.
fn methods(bench: &mut Bench, table: &RouteTable) {
    let (common, _) = common(table);
    let mut covet = Router::builder();
    let mut map: HashMap<Method, matchit::Router<usize>> = HashMap::new();
    for (path, routes) in &common {
        for &route in routes {
            let method: Method = table.routes[route].method.parse().expect("a method");
            let accepted = map.entry(method.clone()).or_default().insert(path.clone(), route).is_ok();
            if accepted {
                covet.route(&method, path, route).expect("a common path");
            }
        }
    }
    let covet = covet.build().expect("a table");
    let requests: Vec<(Method, String)> = table
        .hits(Ids::Realistic, SEED)
        .into_iter()
        .map(|r| (r.method.parse().expect("a method"), r.path))
        .filter(|(m, p)| map.get(m).is_some_and(|r| r.at(p).is_ok()))
        .collect();
    let Some(mut group) = bench.group("GitHub, with methods") else { return };
    group.target(Target::times_as_fast(2.0, ["a map of matchit routers"]));
    let check = |m: &Option<covet_router::Match<'_, '_, usize>>| match m {
        Some(m) => spelled(*m.value, m.params.iter().map(|(_, v)| v)),
        None => Answer::debug("miss"),
    };
    group.contender_each("covet-router", &requests, |(m, p)| covet.find(m, p).ok(), check).ours();
    let check = |m: &Option<matchit::Match<'_, '_, &usize>>| match m {
        Some(m) => spelled(*m.value, m.params.iter().map(|(_, v)| v)),
        None => Answer::debug("miss"),
    };
    let map = &map;
    group
        .contender_each("a map of matchit routers", &requests, |(m, p)| map.get(m).and_then(|r| r.at(p).ok()), check)
        .package("matchit");
    group.baseline("a map of matchit routers");
    group.run();
}

/// What does not match, beside what does.
fn misses(bench: &mut Bench, table: &RouteTable) {
    let mut covet = Router::builder();
    for (i, route) in table.routes.iter().enumerate() {
        covet.route(&route.method.parse().expect("a method"), &route.template, i).expect("the whole table");
    }
    let covet = covet.build().expect("a table");
    let requests = |list: Vec<Request>, hit: bool| -> Vec<(Method, String)> {
        let parsed = list.into_iter().map(|r| (r.method.parse().expect("a method"), r.path));
        parsed.filter(|(m, p): &(Method, String)| covet.find(m, p).is_ok() == hit).collect()
    };
    let lists = [
        ("hits", requests(table.hits(Ids::Realistic, SEED), true)),
        ("scans", requests(table.scans(), false)),
        ("near misses", requests(table.near_misses(200, SEED), false)),
        ("refused methods", requests(table.not_allowed(200, SEED), false)),
    ];
    let Some(mut group) = bench.group("GitHub, misses beside hits") else { return };
    let limits = [("scans", 1.0), ("near misses", 2.0), ("refused methods", 1.0)];
    for (name, factor) in limits {
        group.target(Target::at_most_times(covet_bench::Metric::Cost, factor, ["hits"]).of(name));
    }
    for (name, list) in &lists {
        let covet = &covet;
        let run = move |n: u64| {
            let start = Instant::now();
            for _ in 0..n.div_ceil(list.len() as u64) {
                for (method, path) in list {
                    let _ = black_box(covet.find(black_box(method), black_box(path)));
                }
            }
            let passes = n.div_ceil(list.len() as u64) * list.len() as u64;
            // Whole passes, so that every list is weighed evenly; reported for `n`.
            start.elapsed().mul_f64(n as f64 / passes as f64)
        };
        group
            .contender_timed(*name, run, || Answer::debug("verified when the lists were made"))
            .package("covet-router");
    }
    group.baseline("hits");
    group.run();
}

/// Lookups after other work has taken the caches.
fn cold(bench: &mut Bench) {
    let table = routes::large(3000);
    let (common, _) = common(&table);
    let routers = build(&common);
    let requests = hits(&table, &common, Ids::Realistic);
    let Some(mut group) = bench.group("3,000 routes, cold caches") else { return };
    group.target(Target::times_as_fast(1.5, PEERS));
    let requests = &requests;
    let answer = || Answer::debug("verified when the requests were made");
    group
        .contender_timed("covet-router", |n| after_other_work(n, requests, |p| routers.covet.at(p).is_some()), answer)
        .ours();
    group.contender_timed("matchit", |n| after_other_work(n, requests, |p| routers.matchit.at(p).is_ok()), answer);
    group.contender_timed(
        "wayfind",
        |n| after_other_work(n, requests, |p| routers.wayfind.search(p).is_some()),
        answer,
    );
    group.contender_timed(
        "path-tree",
        |n| after_other_work(n, requests, |p| routers.path_tree.find(p).is_some()),
        answer,
    );
    group.baseline("matchit");
    group.run();
}

/// Times single lookups, each after a walk over more memory than the second-level cache holds.
fn after_other_work(n: u64, requests: &[String], mut find: impl FnMut(&str) -> bool) -> Duration {
    const BATCH: usize = 16;
    thread_local! {
        static MEMORY: std::cell::RefCell<Vec<u64>> = std::cell::RefCell::new(vec![1; 6 << 17]);
    }
    let mut total = Duration::ZERO;
    let mut done = 0;
    let mut next = 0;
    while done < n {
        MEMORY.with_borrow_mut(|memory| {
            for line in memory.chunks_mut(8) {
                line[0] = line[0].wrapping_add(1);
            }
        });
        let count = BATCH.min(usize::try_from(n - done).unwrap_or(BATCH));
        let start = Instant::now();
        for _ in 0..count {
            // A stride that visits the whole list, far from the request before.
            next = (next + 1009) % requests.len();
            black_box(find(black_box(&requests[next])));
        }
        total += start.elapsed();
        done += count as u64;
    }
    total
}

/// From templates to a router.
fn building(bench: &mut Bench) {
    let table = routes::large(1000);
    let paths: Vec<String> = table.paths().into_iter().map(|(path, _)| path).collect();
    let Some(mut group) = bench.group("building 1,000 routes") else { return };
    group.target(Target::at_most(covet_bench::Metric::Cost, 5e6));
    let paths = &paths;
    let covet = move || {
        let mut b = Router::builder();
        for (i, path) in paths.iter().enumerate() {
            b.insert(path, i).expect("a path");
        }
        b.build().expect("a table")
    };
    group.contender("covet-router", covet, |r| Answer::debug(&r.len())).ours();
    let matchit = move || {
        let mut router = matchit::Router::new();
        let inserted = paths.iter().enumerate().filter(|(i, path)| router.insert((*path).clone(), *i).is_ok()).count();
        (router, inserted)
    };
    group.contender("matchit", matchit, |(_, inserted)| Answer::debug(inserted));
    group.baseline("matchit");
    group.run();
}

/// What stays resident, per router. All hold the same paths and one value for each; ours also holds patterns, names and parsed segments, for listing, `url_for` and
/// `to_builder`. What lookups walk is the arena, which matchit's tree is to be compared with; it is shown by a buffer of its size.
///
/// Resident memory is counted in pages, so many copies are built.
fn memory(bench: &mut Bench) {
    const COPIES: usize = 200;
    fn copies<T>(mut build: impl FnMut() -> T) -> Vec<T> {
        (0..COPIES).map(|_| build()).collect()
    }
    let (paths, _) = common(&routes::large(1000));
    let paths: Vec<(String, usize)> = paths.into_iter().zip(0..).map(|((path, _), i)| (path, i)).collect();
    let paths = paths.as_slice();
    let covet = move || {
        let mut b = Router::builder();
        for (path, i) in paths {
            b.insert(path, *i).expect("a common path");
        }
        b.build().expect("a table")
    };
    let arena = covet().arena_bytes();
    bench.note("arena of 1,000 routes, bytes", arena.to_string());
    let Some(mut group) = bench.memory_group("memory of 1,000 routes") else { return };
    group.elements(COPIES as u64);
    group.target(Target::at_most_times(covet_bench::Metric::Cost, 1.0, ["matchit"]).of("the arena of covet-router"));
    group.contender("covet-router", move || copies(covet), Vec::len).ours();
    // In one piece: of many, some would go where the router built above has been.
    let arenas = move || vec![1_u8; COPIES * arena];
    group.contender("the arena of covet-router", arenas, move |all| all.len() / arena).package("covet-router");
    let matchit = move || {
        let mut router = matchit::Router::new();
        for (path, i) in paths {
            router.insert(path.as_str(), *i).expect("a common path");
        }
        router
    };
    group.contender("matchit", move || copies(matchit), Vec::len);
    let wayfind = move || {
        let mut router = wayfind::RouterBuilder::new();
        for (path, i) in paths {
            router.insert(&angles(path), *i).expect("a common path");
        }
        router.build()
    };
    group.contender("wayfind", move || copies(wayfind), Vec::len);
    let path_tree = move || {
        let mut router = path_tree::PathTree::new();
        for (path, i) in paths {
            let _ = router.insert(&colons(path), *i);
        }
        router
    };
    group.contender("path-tree", move || copies(path_tree), Vec::len);
    group.baseline("matchit");
    group.run();
}
