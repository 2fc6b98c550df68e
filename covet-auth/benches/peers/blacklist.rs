//! The blacklist beside what services use for one: a `HashMap` behind a lock, `dashmap`, `quick_cache`, moka.
//!
//! All look up the same tokens, whose ids lie ready as text: nobody's key is built in the measured time. Whoever has no
//! expiry of its own holds the token's and looks at it. The maps' keys are the `jti` alone, which is less than the
//! blacklist does: it tells issuers apart and holds no id in the clear.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use covet_auth::{Blacklist, BlacklistConfig, Clock, FingerprintBits, ManualClock, TokenFacts};
use covet_bench::workload::tokens::{ISSUER, NOW, id};
use covet_bench::{Bench, Target, black_box};

/// Over what time the revoked tokens expire.
const SPREADS: [(&str, u64); 3] = [("one second", 1), ("one hour", 3_600), ("30 days", 30 * 86_400)];

const MILLION: u64 = 1_000_000;

/// When the token `n` expires, by an arithmetic that leaves no pattern.
fn expiry(n: u64, spread: u64) -> u64 {
    let mixed = (n ^ (n >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    NOW + 60 + (mixed >> 20) % spread
}

fn facts(n: u64, spread: u64) -> TokenFacts {
    let exp = expiry(n, spread);
    TokenFacts::builder().issuer(ISSUER).id(&id(n)).issued_at(NOW).expires_at(exp).build()
}

fn filled(count: u64, spread: u64, bits: FingerprintBits) -> Blacklist {
    let config = BlacklistConfig::new().fingerprint_bits(bits).clock(ManualClock::at(NOW).shared());
    let blacklist = Blacklist::new(config).expect("a blacklist");
    for n in 0..count {
        blacklist.revoke_facts(&facts(n, spread)).expect("room");
    }
    blacklist
}

/// A moka entry that lives as long as its token.
struct UntilExpiry;

impl moka::Expiry<String, u64> for UntilExpiry {
    fn expire_after_create(&self, _key: &String, exp: &u64, _created: Instant) -> Option<Duration> {
        Some(Duration::from_secs(exp.saturating_sub(NOW)))
    }
}

fn moka(count: u64, spread: u64) -> moka::sync::Cache<String, u64> {
    let cache = moka::sync::Cache::builder().expire_after(UntilExpiry).build();
    for n in 0..count {
        cache.insert(id(n), expiry(n, spread) + 100_000);
    }
    cache.run_pending_tasks();
    cache
}

fn quick(count: u64, spread: u64) -> quick_cache::sync::Cache<String, u64> {
    let cache = quick_cache::sync::Cache::new(usize::try_from(count * 2).expect("a count"));
    for n in 0..count {
        cache.insert(id(n), expiry(n, spread));
    }
    cache
}

fn dash(count: u64, spread: u64) -> dashmap::DashMap<String, u64, RandomState> {
    (0..count).map(|n| (id(n), expiry(n, spread))).collect()
}

fn locked(count: u64, spread: u64) -> RwLock<HashMap<String, u64>> {
    RwLock::new((0..count).map(|n| (id(n), expiry(n, spread))).collect())
}

/// Whether a token that expires then may still be about.
fn alive(exp: Option<u64>) -> bool {
    exp.is_some_and(|exp| exp + 60 >= black_box(NOW))
}

fn scattered(count: usize, from: u64, below: u64) -> impl Iterator<Item = u64> {
    (0..count as u64).map(move |n| from + n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % below)
}

/// Misses and hits of a million, at each spread.
pub(crate) fn check(bench: &mut Bench) {
    let count = if bench.only_verifies() { 10_000 } else { MILLION };
    for (name, spread) in SPREADS {
        for (kind, from) in [("miss", count), ("hit", 0)] {
            check_one(bench, &format!("check {kind}, 1,000,000 revoked, expiries over {name}"), count, spread, from);
        }
    }
}

fn check_one(bench: &mut Bench, name: &str, count: u64, spread: u64, from: u64) {
    // Declared before the group, which borrows them; filled after, so that a filtered group costs nothing.
    let (probes, blacklist, moka, quick, dash, locked): (Vec<TokenFacts>, _, _, _, _, _);
    let Some(mut group) = bench.group(name) else { return };
    probes = scattered(16_384, from, count).map(|n| facts(n, spread)).collect();
    blacklist = filled(count, spread, FingerprintBits::Bits64);
    moka = self::moka(count, spread);
    quick = self::quick(count, spread);
    dash = self::dash(count, spread);
    locked = self::locked(count, spread);
    group.target(Target::times_as_fast(5.0, ["moka"]));
    group.target(Target::times_as_fast(2.0, ["HashMap behind RwLock"]));
    group
        .contender_each("covet-auth", &probes, |facts: &TokenFacts| blacklist.check_facts(facts).is_err(), |hit| *hit)
        .ours();
    group.contender_each(
        "HashMap behind RwLock",
        &probes,
        |facts: &TokenFacts| locked.read().is_ok_and(|map| alive(map.get(facts.jti().unwrap_or_default()).copied())),
        |hit| *hit,
    );
    group.contender_each(
        "dashmap",
        &probes,
        |facts: &TokenFacts| alive(dash.get(facts.jti().unwrap_or_default()).map(|exp| *exp)),
        |hit| *hit,
    );
    group.contender_each(
        "quick_cache",
        &probes,
        |facts: &TokenFacts| alive(quick.get(facts.jti().unwrap_or_default())),
        |hit| *hit,
    );
    group.contender_each(
        "moka",
        &probes,
        |facts: &TokenFacts| moka.contains_key(facts.jti().unwrap_or_default()),
        |hit| *hit,
    );
    group.baseline("HashMap behind RwLock");
    group.run();
}

/// A check of ten million while another thread revokes, beside a dependent random read of an array as large.
pub(crate) fn beside_a_writer(bench: &mut Bench) {
    let count = if bench.only_verifies() { 20_000 } else { 10 * MILLION };
    let (probes, blacklist, array): (Vec<TokenFacts>, Blacklist, Vec<u32>);
    let stop = Arc::new(AtomicBool::new(false));
    let Some(mut group) = bench.group("check miss, 10,000,000 revoked, beside one writer") else { return };
    probes = scattered(65_536, count, count).map(|n| facts(n, 3_600)).collect();
    blacklist = filled(count, 3_600, FingerprintBits::Bits64);
    let slots = u32::try_from(blacklist.memory().bytes / 4).unwrap_or(u32::MAX);
    array = cycle(slots);
    let writer = {
        let (blacklist, stop) = (blacklist.clone(), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut n = 20 * MILLION;
            while !stop.load(Ordering::Relaxed) {
                blacklist.revoke_facts(&facts(n, 3_600)).expect("room");
                n += 1;
                std::thread::sleep(Duration::from_micros(100));
            }
        })
    };
    group.target(Target::times_as_fast(0.5, ["dependent read"]));
    let mut at = 0u32;
    group
        .contender_each("covet-auth", &probes, |facts: &TokenFacts| blacklist.check_facts(facts).is_err(), |hit| *hit)
        .ours();
    group.contender_each(
        "dependent read",
        &probes,
        move |_: &TokenFacts| {
            at = array[at as usize];
            black_box(at) == u32::MAX
        },
        |hit| *hit,
    );
    group.run();
    stop.store(true, Ordering::Relaxed);
    let _ = writer.join();
}

/// One cycle through all places in an order without pattern (Sattolo's shuffle).
fn cycle(len: u32) -> Vec<u32> {
    let mut places: Vec<u32> = (0..len).collect();
    let mut state = 0x2545_f491_4f6c_dd1du64;
    for at in (1..places.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        places.swap(at, usize::try_from(state % at as u64).unwrap_or(0));
    }
    places
}

/// The longest that any call takes while a million tokens lapse.
pub(crate) fn expire(bench: &mut Bench) {
    let count = if bench.only_verifies() { 10_000 } else { MILLION };
    let Some(mut group) = bench.group("longest call while 1,000,000 tokens lapse") else { return };
    group.contender_timed("covet-auth", move |rounds| (0..rounds).map(|_| longest_call(count)).sum(), || 0u64).ours();
    group.run();
}

fn longest_call(count: u64) -> Duration {
    let clock = ManualClock::at(NOW);
    let blacklist = Blacklist::new(BlacklistConfig::new().clock(clock.shared())).expect("a blacklist");
    for n in 0..count {
        blacklist.revoke_facts(&facts(n, 1)).expect("room");
    }
    clock.set(clock.now() + 1_000);
    let mut longest = Duration::ZERO;
    loop {
        let started = Instant::now();
        let more = blacklist.expire();
        longest = longest.max(started.elapsed());
        if !more {
            assert_eq!(blacklist.memory().retired_bytes, 0);
            return longest;
        }
    }
}

/// What stays resident, each structure in a fresh process.
pub(crate) fn memory(bench: &mut Bench) {
    for (name, spread) in SPREADS {
        resident(bench, &format!("memory of 10,000,000, expiries over {name}"), 10 * MILLION, spread);
    }
    resident(bench, "memory of 100,000, expiries over 30 days", 100_000, 30 * 86_400);
    resident(bench, "memory of 1,500,000, expiries over one hour", 1_500_000, 3_600);
}

fn resident(bench: &mut Bench, name: &str, count: u64, spread: u64) {
    let count = if bench.only_verifies() { 5_000 } else { count };
    let Some(mut group) = bench.memory_group(name) else { return };
    group.elements(count);
    group
        .contender("covet-auth, 64 bits", || filled(count, spread, FingerprintBits::Bits64), |list| list.len() as u64)
        .ours();
    group
        .contender("covet-auth, 128 bits", || filled(count, spread, FingerprintBits::Bits128), |list| list.len() as u64)
        .ours();
    group.contender("HashMap", move || locked(count, spread), |map| map.read().map_or(0, |map| map.len()) as u64);
    group.contender("dashmap", move || dash(count, spread), |map| map.len() as u64);
    group.contender("quick_cache", move || quick(count, spread), |cache| cache.len() as u64);
    group.contender("moka", move || moka(count, spread), |cache| cache.iter().count() as u64);
    group.unable("Redis", "another process: `redis-cli INFO memory` before and after tells its share");
    group.baseline("HashMap");
    group.run();
}
