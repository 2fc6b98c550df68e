//! Routing: actix-router, which tries its routes one after the other and would make a large table's benchmark last for hours.

use covet_bench::workload::routes::{self, Ids, RouteTable};
use covet_bench::{Answer, Bench, Throughput};

const SEED: u64 = 11;

pub(crate) fn groups(bench: &mut Bench) {
    group(bench, "router: 130 routes, beside actix-router", &routes::rest130());
    group(bench, "router: GitHub's shape, beside actix-router", &routes::github_like());
}

/// `{*p1}` as actix-router writes it: a parameter with an expression.
fn expression(template: &str) -> String {
    let Some((before, rest)) = template.split_once("{*") else { return template.to_owned() };
    let (name, after) = rest.split_once('}').unwrap_or((rest, ""));
    format!("{before}{{{name}:.+}}{after}")
}

fn group(bench: &mut Bench, name: &str, table: &RouteTable) {
    let (mut ours, mut matchit, mut actix) =
        (covet_router::Router::builder(), matchit::Router::new(), actix_router::Router::<usize>::build());
    // Its order of precedence is the order of registration: fixed paths come first, as its users would write them.
    let mut paths: Vec<String> = table.paths().into_iter().map(|(path, _)| path).collect();
    paths.retain(|path| matchit.insert(path.clone(), 0).is_ok());
    paths.sort_by_key(|path| path.split('/').map(|segment| segment.contains('{')).collect::<Vec<_>>());
    let mut matchit = matchit::Router::new();
    for (index, path) in paths.iter().enumerate() {
        ours.insert(path, index).expect("a path");
        matchit.insert(path.clone(), index).expect("a path that was taken before");
        actix.path(expression(path), index);
    }
    let (ours, actix) = (ours.build().expect("a table"), actix.finish());
    let hits = table.hits(Ids::Realistic, SEED).into_iter().map(|request| request.path);
    let recognized = |path: &str| actix.recognize(&mut actix_router::Path::new(path)).map(|(index, _)| *index);
    // Requests that all three send to the same route: only speed is compared.
    let requests: Vec<String> =
        hits.filter(|path| ours.at(path).is_some_and(|hit| recognized(path) == Some(*hit.value))).collect();
    let Some(mut group) = bench.group(name) else { return };
    group.throughput(Throughput::Elements(1));
    let check = |hit: &Option<covet_router::Match<'_, '_, usize>>| {
        spelled(hit.as_ref().map(|hit| (*hit.value, hit.params.iter().map(|(_, text)| text))))
    };
    group.contender_each("covet-router", &requests, |path| ours.at(path), check).ours();
    let check = |hit: &Option<matchit::Match<'_, '_, &usize>>| {
        spelled(hit.as_ref().map(|hit| (*hit.value, hit.params.iter().map(|(_, text)| text))))
    };
    group.contender_each("matchit", &requests, |path| matchit.at(path).ok(), check);
    group
        .contender_each(
            "actix-router",
            &requests,
            |path| recognize(&actix, path),
            |(index, resource)| spelled(index.map(|index| (index, resource.iter().map(|(_, text)| text)))),
        )
        .note("tries routes in the order of registration; here fixed segments first");
    group.baseline("matchit");
    group.run();
}

fn recognize<'p>(router: &actix_router::Router<usize>, path: &'p str) -> (Option<usize>, actix_router::Path<&'p str>) {
    let mut resource = actix_router::Path::new(path);
    (router.recognize(&mut resource).map(|(index, _)| *index), resource)
}

fn spelled<'t>(hit: Option<(usize, impl Iterator<Item = &'t str>)>) -> Answer {
    match hit {
        Some((index, params)) => Answer::from(format!("{index} {}", params.collect::<Vec<_>>().join(" "))),
        None => Answer::from("miss"),
    }
}
