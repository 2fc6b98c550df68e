//! What went wrong elsewhere, one test for each: how other blacklists lost a revocation, or their memory.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use covet_auth::{
    AuditKind, AuthError, Blacklist, BlacklistConfig, BlacklistError, Clock, ClockSource, FingerprintBits,
    FingerprintKey, ManualClock, MemoryStore, NoExpiry, Revocations, Revoked, StoredBlacklist, StoredError, TokenFacts,
};

const NOW: u64 = 1_800_000_000;
const ISS: &str = "https://id.example";

fn config(clock: &ManualClock) -> BlacklistConfig {
    BlacklistConfig::new().leeway(Duration::from_secs(60)).skew(Duration::from_secs(5)).clock(clock.shared())
}

fn setup() -> (ManualClock, Blacklist) {
    let clock = ManualClock::at(NOW);
    let blacklist = Blacklist::new(config(&clock)).unwrap();
    (clock, blacklist)
}

fn token(id: &str, iat: u64, exp: u64) -> TokenFacts {
    TokenFacts::builder().issuer(ISS).id(id).subject("alice").session("s1").issued_at(iat).expires_at(exp).build()
}

fn expire(blacklist: &Blacklist) {
    while blacklist.expire() {}
}

// 7. Revocation by hash.

#[test]
fn p7_a_token_without_jti_is_named_by_what_was_signed_not_by_its_signature() {
    let (_clock, blacklist) = setup();
    let facts = |input: &str| {
        TokenFacts::builder().issuer(ISS).signing_input(input).issued_at(NOW).expires_at(NOW + 60).build()
    };
    // ECDSA's (r, s) and (r, n - s) both verify, lenient base64 spells one signature in several ways: the facts of
    // all these tokens are the same.
    blacklist.revoke_facts(&facts("eyJh.eyJi")).unwrap();
    assert_eq!(blacklist.check_facts(&facts("eyJh.eyJi")), Err(AuthError::Revoked));
    assert_eq!(blacklist.check_facts(&facts("eyJh.eyJj")), Ok(()));
}

#[test]
fn p7_a_jti_is_unique_for_its_issuer_only() {
    let (_clock, blacklist) = setup();
    blacklist.revoke_facts(&token("7", NOW, NOW + 60)).unwrap();
    let other = TokenFacts::builder().issuer("https://other.example").id("7").issued_at(NOW).expires_at(NOW + 60);
    assert_eq!(blacklist.check_facts(&other.build()), Ok(()));
    let nobody = TokenFacts::builder().id("7").issued_at(NOW).expires_at(NOW + 60).build();
    assert_eq!(blacklist.check_facts(&nobody), Ok(()));
    // Nor is a jti ever taken for a signing input.
    let input = TokenFacts::builder().issuer(ISS).signing_input("7").issued_at(NOW).expires_at(NOW + 60).build();
    assert_eq!(blacklist.check_facts(&input), Ok(()));
}

// 8. Retention.

#[test]
fn p8_kept_through_leeway_the_last_second_and_skew() {
    let (clock, blacklist) = setup();
    let facts = token("a", NOW, NOW + 100);
    blacklist.revoke_facts(&facts).unwrap();
    for past in [0, 1, 59, 60, 61, 65, 66] {
        clock.set(NOW + 100 + past);
        expire(&blacklist);
        assert_eq!(blacklist.check_facts(&facts), Err(AuthError::Revoked), "{past} s past exp");
        assert_eq!(blacklist.len(), 1);
    }
    clock.set(NOW + 100 + 66 + 9);
    expire(&blacklist);
    assert_eq!(blacklist.len(), 0);
}

#[test]
fn p8_a_clock_that_steps_back_revives_nothing() {
    let (clock, blacklist) = setup();
    let facts = token("a", NOW, NOW + 100);
    blacklist.revoke_facts(&facts).unwrap();
    clock.set(NOW + 10_000);
    expire(&blacklist);
    assert_eq!(blacklist.len(), 0);
    clock.set(NOW + 50);
    assert_eq!(blacklist.check_facts(&facts), Err(AuthError::Expired));
    // Revoked while the clock ran ahead: no entry, yet refused for good.
    let other = token("b", NOW, NOW + 200);
    clock.set(NOW + 10_000);
    assert_eq!(blacklist.revoke_facts(&other), Ok(Revoked::Lapsed));
    clock.set(NOW + 50);
    assert!(blacklist.check_facts(&other).is_err());
}

#[test]
fn p8_a_clock_that_was_far_behind_lapses_no_id_and_no_cut_off() {
    let (clock, blacklist) = setup();
    clock.set(86_400); // as a machine without a battery wakes up
    blacklist.revoke_id(ISS, "a").unwrap();
    clock.set(NOW);
    expire(&blacklist);
    assert!(blacklist.check_facts(&token("a", NOW - 10, NOW + 100)).is_err());
    assert!(blacklist.revoke_subject(ISS, "bob").is_ok());
    clock.set(NOW - 5_000);
    blacklist.revoke_subject(ISS, "alice").unwrap();
    // By the highest time seen, not by the one that was set back: tokens issued in between are covered.
    assert!(blacklist.check_facts(&token("c", NOW - 100, NOW + 100)).is_err());
}

#[test]
fn p8_bucket_edges_and_long_lives() {
    let (clock, blacklist) = setup();
    let edges = [0, 1, 7, 8, 255, 256, 4095, 4096, 8191, 8192, 131_071, 131_072, 262_143, 262_144, 89 * 86_400];
    let facts: Vec<_> = edges.iter().map(|edge| token(&format!("e{edge}"), NOW, NOW + edge)).collect();
    for facts in &facts {
        assert_eq!(blacklist.revoke_facts(facts), Ok(Revoked::New));
        assert_eq!(blacklist.revoke_facts(facts), Ok(Revoked::Already));
    }
    for (edge, facts) in edges.iter().zip(&facts) {
        clock.set(NOW + edge + 60);
        expire(&blacklist);
        assert_eq!(blacklist.check_facts(facts), Err(AuthError::Revoked), "{edge}");
        // The same token, revoked when it has less to live, is found as it was.
        assert_eq!(blacklist.revoke_facts(facts), Ok(Revoked::Already), "{edge}");
    }
    let endless = token("far", NOW, u64::MAX);
    assert_eq!(blacklist.revoke_facts(&endless), Err(BlacklistError::Lifetime));
    assert_eq!(blacklist.check_facts(&endless), Err(AuthError::Lifetime));
}

#[test]
fn p8_tokens_without_expiry_are_a_policy() {
    let clock = ManualClock::at(NOW);
    let facts = TokenFacts::builder().issuer(ISS).id("a").issued_at(NOW).build();
    let refusing = Blacklist::new(config(&clock)).unwrap();
    assert_eq!(refusing.check_facts(&facts), Err(AuthError::NoExpiry));
    assert_eq!(refusing.revoke_facts(&facts), Ok(Revoked::Already));
    let keeping = Blacklist::new(config(&clock).no_expiry(NoExpiry::KeepForever)).unwrap();
    assert_eq!(keeping.check_facts(&facts), Ok(()));
    keeping.revoke_facts(&facts).unwrap();
    keeping.revoke_subject(ISS, "bob").unwrap();
    clock.advance(Duration::from_secs(50 * 365 * 86_400));
    expire(&keeping);
    assert_eq!(keeping.check_facts(&facts), Err(AuthError::Revoked));
    assert!(keeping.not_before(ISS, Some("bob"), None).is_some());
}

// 9. Bounds.

#[test]
fn p9_nothing_is_evicted_and_a_full_blacklist_says_so() {
    let clock = ManualClock::at(NOW);
    let blacklist = Blacklist::new(config(&clock).max_entries(100)).unwrap();
    for n in 0..100 {
        blacklist.revoke_facts(&token(&format!("t{n}"), NOW, NOW + 60)).unwrap();
    }
    let more = token("more", NOW, NOW + 60);
    let full = blacklist.revoke_facts(&more).unwrap_err();
    assert!(full.is_full() && full == BlacklistError::Full { limit: 100 }, "{full}");
    assert!(blacklist.revoke_id(ISS, "x").unwrap_err().is_full());
    assert!(blacklist.revoke_subject(ISS, "x").unwrap_err().is_full());
    assert_eq!(blacklist.revoke_facts(&token("t7", NOW, NOW + 60)), Ok(Revoked::Already), "a repetition needs no room");
    for n in 0..100 {
        assert!(blacklist.check_facts(&token(&format!("t{n}"), NOW, NOW + 60)).is_err());
    }
    clock.set(NOW + 60 + 66 + 9);
    let fresh = token("fresh", NOW + 100, NOW + 600);
    assert_eq!(blacklist.revoke_facts(&fresh), Ok(Revoked::New), "what lapsed makes room without being asked");
}

#[test]
fn p9_twice_is_once_and_memory_comes_back() {
    let (clock, blacklist) = setup();
    let idle = blacklist.memory().bytes;
    for _ in 0..3 {
        for n in 0..5_000 {
            blacklist.revoke_facts(&token(&format!("t{n}"), NOW, NOW + 60 + n)).unwrap();
        }
        assert_eq!(blacklist.len(), 5_000);
    }
    assert!(blacklist.memory().bytes < 5_000 * 14 + 700 * 400, "{:?}", blacklist.memory());
    clock.set(NOW + 100_000);
    expire(&blacklist);
    assert!(blacklist.memory().bytes <= idle + 4096);
    assert_eq!(blacklist.stats().expired, 0);
}

#[test]
fn p9_a_crowd_revokes_checks_and_expires_at_once() {
    for bits in [FingerprintBits::Bits64, FingerprintBits::Bits128] {
        let clock = ManualClock::at(NOW);
        let blacklist = Blacklist::new(config(&clock).fingerprint_bits(bits)).unwrap();
        let done = AtomicBool::new(false);
        let acknowledged = [const { AtomicUsize::new(0) }; 2];
        std::thread::scope(|scope| {
            for (writer, count) in acknowledged.iter().enumerate() {
                let blacklist = &blacklist;
                scope.spawn(move || {
                    for n in 0..15_000 {
                        blacklist.revoke_facts(&token(&format!("w{writer}-{n}"), NOW, NOW + 90_000)).unwrap();
                        count.store(n + 1, Ordering::Release);
                        // Short-lived company, so that buckets come and go beside what must stay.
                        if n % 16 == 0 {
                            blacklist
                                .revoke_facts(&token(&format!("x{writer}-{n}"), NOW, NOW + n as u64 / 16))
                                .unwrap();
                        }
                    }
                });
            }
            for reader in 0..2 {
                let (blacklist, done, acknowledged) = (&blacklist, &done, &acknowledged);
                scope.spawn(move || {
                    let mut n = 0;
                    while !done.load(Ordering::Relaxed) {
                        n += 7919;
                        let count = acknowledged[reader].load(Ordering::Acquire);
                        if count > 0 {
                            let id = format!("w{reader}-{}", n % count);
                            let answer = blacklist.check_facts(&token(&id, NOW, NOW + 90_000));
                            assert_eq!(answer, Err(AuthError::Revoked), "{id} of {count}");
                        }
                        assert_eq!(blacklist.check_facts(&token("good", NOW, NOW + 90_000)), Ok(()));
                    }
                });
            }
            let (blacklist, clock) = (&blacklist, &clock);
            let acknowledged = &acknowledged;
            let done = &done;
            scope.spawn(move || {
                while acknowledged.iter().any(|count| count.load(Ordering::Acquire) < 15_000) {
                    clock.advance(Duration::from_secs(1));
                    blacklist.expire();
                    std::thread::yield_now();
                    if clock.now() > NOW + 80_000 {
                        clock.set(NOW);
                    }
                }
                done.store(true, Ordering::Relaxed);
            });
        });
    }
}

/// A clock that stops whoever reads `elapsed`, as a revocation does under its lock.
#[derive(Debug)]
struct Stopping {
    clock: ManualClock,
    stop: AtomicBool,
    stopped: Barrier,
    go_on: Barrier,
}

impl Clock for Stopping {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn elapsed(&self) -> Duration {
        if self.stop.swap(false, Ordering::AcqRel) {
            self.stopped.wait();
            self.go_on.wait();
        }
        self.clock.elapsed()
    }

    fn source(&self) -> ClockSource {
        self.clock.source()
    }
}

#[test]
fn p9_a_check_does_not_wait_for_a_writer_that_is_stopped_in_the_middle() {
    for reader_cache in [0, 24 << 20] {
        let clock = Arc::new(Stopping {
            clock: ManualClock::at(NOW),
            stop: AtomicBool::new(false),
            stopped: Barrier::new(2),
            go_on: Barrier::new(2),
        });
        let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let blacklist = Blacklist::new(BlacklistConfig::new().reader_cache(reader_cache).clock(shared)).unwrap();
        blacklist.revoke_facts(&token("before", NOW, NOW + 60)).unwrap();
        clock.stop.store(true, Ordering::Release);
        std::thread::scope(|scope| {
            scope.spawn(|| blacklist.revoke_facts(&token("during", NOW, NOW + 60)).unwrap());
            clock.stopped.wait();
            // The writer holds its lock from here on.
            for id in 0..1000 {
                assert_eq!(blacklist.check_facts(&token(&id.to_string(), NOW, NOW + 60)), Ok(()));
                assert!(blacklist.check_facts(&token("before", NOW, NOW + 60)).is_err());
            }
            clock.go_on.wait();
        });
        assert!(blacklist.check_facts(&token("during", NOW, NOW + 60)).is_err());
    }
}

// 10. Loss.

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

#[test]
fn p10_a_restart_forgets_nothing_that_was_stored() {
    let clock = ManualClock::at(NOW);
    let store = MemoryStore::new();
    let open = |bits, key| {
        let blacklist = Blacklist::new(config(&clock).fingerprint_bits(bits).key(FingerprintKey::from_bytes(key)));
        block_on(StoredBlacklist::open(blacklist.unwrap(), store.clone()))
    };
    let first = open(FingerprintBits::Bits128, [1; 16]).unwrap();
    block_on(async {
        first.revoke_facts(&token("a", NOW, NOW + 500)).await.unwrap();
        first.revoke_id(ISS, "b").await.unwrap();
        first.revoke_subject(ISS, "bob").await.unwrap();
        first.revoke_key(ISS, "stolen").await.unwrap();
    });
    drop(first);
    for bits in [FingerprintBits::Bits64, FingerprintBits::Bits128] {
        let next = open(bits, [1; 16]).unwrap();
        assert!(next.check(&token("a", NOW, NOW + 500)).is_err());
        assert!(next.check(&token("b", NOW, NOW + 900)).is_err());
        assert!(next.check(&token("c", NOW, NOW + 500)).is_ok());
        assert!(next.not_before(ISS, Some("bob"), None).is_some());
        let stolen = TokenFacts::builder().issuer(ISS).id("d").key("stolen").issued_at(NOW + 9).expires_at(NOW + 99);
        assert!(next.check(&stolen.build()).is_err());
    }
    assert!(matches!(open(FingerprintBits::Bits64, [2; 16]), Err(StoredError::OtherKey)));
    let keyless = Blacklist::new(config(&clock)).unwrap();
    assert!(matches!(block_on(StoredBlacklist::open(keyless, store.clone())), Err(StoredError::NoKey)));
    let before = store.len();
    clock.set(NOW + 1000);
    let next = open(FingerprintBits::Bits64, [1; 16]).unwrap();
    block_on(next.expire()).unwrap();
    assert_eq!(store.len(), before - 1, "the store, too, drops what lapsed");
}

// 11. Cut-offs.

#[test]
fn p11_the_strictest_scope_wins() {
    let (clock, blacklist) = setup();
    blacklist.revoke_subject(ISS, "alice").unwrap();
    clock.set(NOW + 1_000);
    blacklist.revoke_session(ISS, "s1").unwrap();
    // An older cut-off of another scope does not hide the newer one, whichever way round.
    assert!(blacklist.check_facts(&token("a", NOW + 900, NOW + 5_000)).is_err());
    clock.set(NOW + 2_000);
    blacklist.revoke_subject(ISS, "alice").unwrap();
    assert!(blacklist.check_facts(&token("a", NOW + 1_900, NOW + 5_000)).is_err());
    assert_eq!(blacklist.not_before(ISS, Some("alice"), Some("s1")), Some(NOW + 2_000 + 5 + 1));
}

#[test]
fn p11_the_second_of_the_cut_off_is_refused_and_the_issuer_stamps_past_it() {
    let (_clock, blacklist) = setup();
    blacklist.revoke_session(ISS, "s1").unwrap();
    for iat in [NOW - 100, NOW, NOW + 5] {
        assert!(blacklist.check_facts(&token("a", iat, NOW + 500)).is_err(), "iat {iat}");
    }
    let stamp = blacklist.not_before(ISS, None, Some("s1")).unwrap();
    assert!(blacklist.check_facts(&token("a", stamp, NOW + 500)).is_ok());
    assert!(blacklist.check_facts(&token("a", stamp - 1, NOW + 500)).is_err());
    let other = TokenFacts::builder().issuer(ISS).id("a").session("s2").issued_at(NOW).expires_at(NOW + 500).build();
    assert!(blacklist.check_facts(&other).is_ok());
}

#[test]
fn p11_a_token_without_iat_is_refused_under_a_cut_off_alone() {
    let (_clock, blacklist) = setup();
    let timeless = TokenFacts::builder().issuer(ISS).id("a").subject("alice").expires_at(NOW + 500).build();
    assert!(blacklist.check_facts(&timeless).is_ok());
    blacklist.revoke_subject(ISS, "alice").unwrap();
    assert!(blacklist.check_facts(&timeless).is_err());
}

#[test]
fn p11_a_cut_off_outlives_every_token_it_covers_and_then_lapses() {
    let (clock, blacklist) = setup();
    let lifetime = 90 * 86_400;
    blacklist.revoke_subject(ISS, "alice").unwrap();
    let last = token("refresh", NOW + 5, NOW + 5 + lifetime);
    clock.advance(Duration::from_secs(lifetime + 5 + 65));
    expire(&blacklist);
    assert!(blacklist.check_facts(&last).is_err());
    clock.advance(Duration::from_secs(lifetime / 2));
    expire(&blacklist);
    assert_eq!(blacklist.len(), 0);
    assert!(blacklist.check_facts(&last).is_err(), "below the horizon");
}

#[test]
fn p11_a_revoked_key_is_revoked_whatever_iat_says() {
    let (clock, blacklist) = setup();
    blacklist.revoke_key(ISS, "stolen").unwrap();
    let signed =
        |kid: &str, iat| TokenFacts::builder().issuer(ISS).id("a").key(kid).issued_at(iat).expires_at(iat + 60).build();
    clock.advance(Duration::from_secs(400 * 86_400));
    expire(&blacklist);
    for iat in [0, NOW, NOW + 400 * 86_400, NOW * 2] {
        assert!(blacklist.check_facts(&signed("stolen", iat)).is_err());
        assert!(blacklist.check_facts(&signed("fresh", NOW + 400 * 86_400)).is_ok());
    }
    let later = NOW + 400 * 86_400;
    let elsewhere = TokenFacts::builder().issuer("https://other.example").id("a").key("stolen");
    assert!(blacklist.check_facts(&elsewhere.issued_at(later).expires_at(later + 60).build()).is_ok());
    assert_eq!(blacklist.stats().keys, 1);
}

// Names and secrets.

#[test]
fn the_audit_hook_sees_every_revocation_and_debug_prints_no_name() {
    let clock = ManualClock::at(NOW);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let audited = config(&clock).key(FingerprintKey::from_bytes(*b"hush hush secret")).audit(move |event| {
        assert_eq!((event.iss(), event.at()), (Some(ISS), NOW));
        sink.lock().unwrap().push((event.kind(), event.name().map(str::to_owned), format!("{event:?}")));
    });
    let blacklist = Blacklist::new(audited).unwrap();
    blacklist.revoke_facts(&token("jti-name", NOW, NOW + 60)).unwrap();
    blacklist.revoke_id(ISS, "id-name").unwrap();
    blacklist.revoke_subject(ISS, "sub-name").unwrap();
    blacklist.revoke_session(ISS, "sid-name").unwrap();
    blacklist.revoke_key(ISS, "kid-name").unwrap();
    let seen = seen.lock().unwrap();
    let kinds: Vec<AuditKind> = seen.iter().map(|(kind, ..)| *kind).collect();
    use AuditKind::{Id, Key, Session, Subject, Token};
    assert_eq!(kinds, [Token, Id, Subject, Session, Key]);
    for (_, name, printed) in seen.iter() {
        assert!(!printed.contains(name.as_deref().unwrap()), "{printed}");
    }
    let printed = format!("{blacklist:?}");
    assert!(!printed.contains("name") && !printed.contains("hush"), "{printed}");
}

#[test]
fn odds_are_told() {
    let (_clock, blacklist) = setup();
    assert!(blacklist.stats().false_refusal == 0.0);
    blacklist.revoke_facts(&token("a", NOW, NOW + 60)).unwrap();
    assert!(blacklist.stats().false_refusal > 0.0 && blacklist.stats().false_refusal < 1e-18);
}
