//! The blacklist kept in Redis, asked for every token, as many services do; beside ours, which holds a copy in the process.

use std::time::{Duration, Instant};

use covet_auth::{Blacklist, BlacklistConfig, TokenFacts};
use covet_bench::workload::tokens::{self, ISSUER};
use covet_bench::{Answer, Bench, black_box};
use redis::AsyncCommands;
use redis::aio::ConnectionManager;
use tokio::runtime::Runtime;

use crate::tokens::now;

const GROUP: &str = "blacklist: one check, 100,000 revoked, beside Redis";
const REVOKED: u64 = 100_000;

pub(crate) fn groups(bench: &mut Bench) {
    let Some(url) = std::env::var_os("COVET_REDIS_URL") else {
        bench.skip(GROUP, "no Redis: cargo xtask services run -- cargo xtask bench");
        return;
    };
    let count = if bench.only_verifies() { 1_000 } else { REVOKED };
    // Declared before the group, which borrows them; filled after, so that a filtered group costs nothing.
    let (runtime, probes, list, redis): (Runtime, Vec<Probe>, Blacklist, Redis);
    let Some(mut group) = bench.group(GROUP) else { return };
    runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    probes = tokens::probes(count, 4, 1_000, 3).into_iter().map(Probe::new).collect();
    list = Blacklist::new(BlacklistConfig::new()).expect("a blacklist");
    for n in 0..count {
        list.revoke_facts(&facts(n)).expect("room");
    }
    redis = runtime.block_on(Redis::fill(&url.to_string_lossy(), count)).expect("a Redis server");
    let ours = |probe: &Probe| list.check_facts(&probe.facts).is_err();
    group.contender_each("covet-auth", &probes, ours, |revoked| *revoked).ours().note("a copy in the process");
    let (asked, verified) = (redis.clone(), redis.clone());
    let (runtime, probes) = (&runtime, &probes);
    group
        .contender_each("redis", probes, move |probe| runtime.block_on(asked.holds(&probe.key)), |revoked| *revoked)
        .note("EXISTS over one connection on loopback: a round trip for each check");
    let concurrent = move |rounds: u64| {
        runtime.block_on(async {
            let mut taken = Duration::ZERO;
            for _ in 0..rounds {
                let start = Instant::now();
                black_box(verified.all(probes).await);
                taken += start.elapsed() / probes.len() as u32;
            }
            taken
        })
    };
    let all = redis;
    group
        .contender_timed("redis, 1,000 at once", concurrent, move || {
            Answer::all(runtime.block_on(all.all(probes)).into_iter().map(Answer::from))
        })
        .package("redis")
        .note("pipelined by the connection: time per check, when a thousand requests wait together");
    group.baseline("redis");
    group.run();
}

struct Probe {
    facts: TokenFacts,
    key: String,
}

impl Probe {
    fn new(n: u64) -> Self {
        Self { facts: facts(n), key: key(n) }
    }
}

fn facts(n: u64) -> TokenFacts {
    TokenFacts::builder().issuer(ISSUER).id(&tokens::id(n)).issued_at(now()).expires_at(now() + 3_600).build()
}

fn key(n: u64) -> String {
    format!("covet-bench:{}:{}", std::process::id(), tokens::id(n))
}

#[derive(Clone)]
struct Redis(ConnectionManager);

impl Redis {
    async fn fill(url: &str, count: u64) -> redis::RedisResult<Self> {
        let mut manager = redis::Client::open(url)?.get_connection_manager().await?;
        for start in (0..count).step_by(1_000) {
            let mut pipe = redis::pipe();
            for n in start..(start + 1_000).min(count) {
                pipe.set_ex(key(n), 1, 3_600).ignore();
            }
            pipe.query_async::<()>(&mut manager).await?;
        }
        Ok(Self(manager))
    }

    async fn holds(&self, key: &str) -> bool {
        self.0.clone().exists(key).await.expect("Redis answers")
    }

    /// All probes at once, over the one connection.
    async fn all(&self, probes: &[Probe]) -> Vec<bool> {
        let mut asked = Vec::with_capacity(probes.len());
        for probe in probes {
            let (redis, key) = (self.clone(), probe.key.clone());
            asked.push(tokio::spawn(async move { redis.holds(&key).await }));
        }
        let mut answers = Vec::with_capacity(asked.len());
        for answer in asked {
            answers.push(answer.await.expect("a task that ends"));
        }
        answers
    }
}
