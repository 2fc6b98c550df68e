//! Route, authenticate, select a row, encode it: 64 callers at once on two threads.

use std::sync::Arc;
use std::time::Instant;

use covet_bench::latency::{Round, Scale};
use covet_bench::{Bench, Target};
use covet_kit::rows::RowsJson;
use tokio::runtime::Runtime;

use crate::parts::{Cache, Database, Encoding, Requests, Routing, Service, Tokens};

const CALLERS: u64 = 64;
const PEERS: &str = "matchit + jsonwebtoken + moka + deadpool-sqlite + serde_json";
/// Every so many requests one is timed: reading the clock for each would be a part of what is measured.
const TIMED: u64 = 16;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn ours(folder: &std::path::Path) -> Service {
    Service {
        routing: Routing::covet(),
        tokens: Tokens::covet(),
        database: Database::covet(folder),
        encoding: Encoding::Rows(RowsJson::objects()),
        cache: Cache::None,
    }
}

fn peers(folder: &std::path::Path) -> Service {
    Service {
        routing: Routing::matchit(),
        tokens: Tokens::jsonwebtoken_and_moka(),
        database: Database::deadpool(folder),
        encoding: Encoding::SerdeJson,
        cache: Cache::None,
    }
}

/// One round: tasks that send one request after the other. The answer is a sum over what came.
fn round(runtime: &Runtime, operations: u64, service: &Arc<Service>, requests: &Arc<Requests>) -> Round {
    let each = operations.div_ceil(CALLERS);
    runtime.block_on(async {
        let start = Instant::now();
        let tasks: Vec<_> = (0..CALLERS)
            .map(|task| {
                let (service, requests) = (service.clone(), requests.clone());
                tokio::spawn(async move {
                    let (mut seen, mut sum) = (Vec::with_capacity((each / TIMED + 1) as usize), 0_u64);
                    let mut clock = Instant::now();
                    for i in 0..each {
                        let n = (task * each + i) as usize;
                        let path = &requests.paths[n % requests.paths.len()];
                        let header = &requests.headers[n % requests.headers.len()];
                        if i % TIMED == 0 {
                            clock = Instant::now();
                        }
                        let body = service.answer(path, header).await;
                        if i % TIMED == 0 {
                            seen.push(clock.elapsed());
                        }
                        sum += body.len() as u64 + u64::from(body[body.len() / 2]);
                    }
                    (seen, sum)
                })
            })
            .collect();
        let mut ended = Vec::with_capacity(CALLERS as usize);
        for task in tasks {
            ended.push(task.await.unwrap());
        }
        let wall = start.elapsed();
        let sum: u64 = ended.iter().map(|(_, sum)| sum).sum();
        let seen = ended.into_iter().flat_map(|(seen, _)| seen);
        Round::from_durations(wall, seen).operations(each * CALLERS).answer(sum.to_string())
    })
}

/// All parts ours beside all parts theirs.
pub(crate) fn point_select(bench: &mut Bench) {
    let (runtime, folder, requests) = (runtime(), tempfile::tempdir().unwrap(), Arc::new(Requests::new()));
    let _context = runtime.enter();
    let Some(mut group) = bench.latency_group("route + authenticate + point select + encode, 64 callers") else {
        return;
    };
    group.target(Target::times_as_fast(2.0, [PEERS]));
    let (ours, peers) = (Arc::new(ours(folder.path())), Arc::new(peers(folder.path())));
    let (runtime, requests) = (&runtime, &requests);
    let answer =
        |service: Arc<Service>| move |scale: Scale| round(runtime, scale.operations(8_000), &service, requests);
    group.contender("covet-kit", answer(ours)).ours();
    group.contender(PEERS, answer(peers)).package("deadpool-sqlite");
    group.baseline(PEERS);
    group.run();
}

/// The same with every answer in a cache.
pub(crate) fn cached(bench: &mut Bench) {
    let (runtime, folder, requests) = (runtime(), tempfile::tempdir().unwrap(), Arc::new(Requests::new()));
    let _context = runtime.enter();
    let name = "route + authenticate + cached result, 64 callers";
    let Some(mut group) = bench.latency_group(name) else { return };
    group.target(Target::times_as_fast(2.0, [PEERS]));
    let ours = Arc::new(Service { cache: Cache::covet(), ..ours(folder.path()) });
    let peers = Arc::new(Service { cache: Cache::moka(), ..peers(folder.path()) });
    let (runtime, requests) = (&runtime, &requests);
    for service in [&ours, &peers] {
        round(runtime, requests.paths.len() as u64, service, requests);
    }
    let answer =
        |service: Arc<Service>| move |scale: Scale| round(runtime, scale.operations(64_000), &service, requests);
    group.contender("covet-kit", answer(ours)).ours();
    group.contender(PEERS, answer(peers)).package("moka");
    group.baseline(PEERS);
    group.run();
}

/// Theirs with one part of ours, each in its turn: what earns what.
pub(crate) fn one_part_at_a_time(bench: &mut Bench) {
    let (runtime, folder, requests) = (runtime(), tempfile::tempdir().unwrap(), Arc::new(Requests::new()));
    let _context = runtime.enter();
    let Some(mut group) = bench.latency_group("one part swapped at a time, 64 callers") else { return };
    let folder = folder.path();
    let json = || Encoding::CovetJson;
    let services = [
        ("covet-router for matchit", Service { routing: Routing::covet(), ..peers(folder) }),
        ("covet-auth for jsonwebtoken + moka", Service { tokens: Tokens::covet(), ..peers(folder) }),
        ("covet-pool for deadpool-sqlite", Service { database: Database::covet(folder), ..peers(folder) }),
        ("covet-json for serde_json", Service { encoding: json(), ..peers(folder) }),
        ("all four", Service { encoding: json(), ..ours(folder) }),
        ("all four, rows for struct + covet-json", ours(folder)),
    ];
    let (runtime, requests) = (&runtime, &requests);
    let answer = |service: Service| {
        let service = Arc::new(service);
        move |scale: Scale| round(runtime, scale.operations(8_000), &service, requests)
    };
    for (name, service) in services {
        group.contender(name, answer(service)).package("covet-kit").ours();
    }
    group.contender(PEERS, answer(peers(folder))).package("deadpool-sqlite");
    group.baseline(PEERS);
    group.run();
}
