//! The blacklist against `HashMap<id, exp>`, under clocks that jump both ways.
//!
//! The model keeps every acknowledged revocation for ever. Whatever a verifier could still accept, by any reading
//! of the clock from the revocation on, must be refused; whatever was never revoked must pass unless the horizon
//! took it.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use covet_auth::{
    AuthError, Blacklist, BlacklistConfig, BlacklistError, Clock, FingerprintBits, ManualClock, Revoked, TokenFacts,
};
use proptest::prelude::*;

const START: u64 = 1_800_000_000;
const LEEWAY: u64 = 60;
const SKEW: u64 = 5;
const LIFETIME: u64 = 30 * 86_400;
const ISS: &str = "https://id.example";

#[derive(Clone, Debug)]
enum Step {
    /// Revoke the token with this number, which expires so many seconds from the true time.
    Revoke(u16, u64),
    RevokeId(u16),
    RevokeSubject(u16),
    RevokeSession(u16),
    RevokeKey(u16),
    /// True time passes.
    Pass(u64),
    /// The wall clock is set off the true time by so much.
    Jump(i64),
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    let left = prop_oneof![0u64..3, 1u64..3600, 1u64..LIFETIME, Just(LIFETIME)];
    prop_oneof![
        8 => (0u16..300, left).prop_map(|(id, left)| Step::Revoke(id, left)),
        1 => (0u16..300).prop_map(Step::RevokeId),
        1 => (0u16..6).prop_map(Step::RevokeSubject),
        1 => (0u16..7).prop_map(Step::RevokeSession),
        1 => (0u16..23).prop_map(Step::RevokeKey),
        3 => prop_oneof![0u64..5, 0u64..4000, 0u64..LIFETIME].prop_map(Step::Pass),
        1 => prop_oneof![-5i64..5, -90_000i64..90_000, -40_000_000i64..40_000_000].prop_map(Step::Jump),
        2 => Just(Step::Expire),
    ]
}

/// A token in circulation: its names follow from its number.
fn token(id: u16, iat: u64, exp: u64) -> TokenFacts {
    TokenFacts::builder()
        .issuer(ISS)
        .id(&format!("token-{id}"))
        .subject(&format!("s{}", id % 6))
        .session(&format!("d{}", id % 7))
        .key(&format!("k{}", id % 23))
        .issued_at(iat)
        .expires_at(exp)
        .build()
}

struct World {
    clock: ManualClock,
    blacklist: Blacklist,
    truth: u64,
    offset: i64,
    /// `iat` and `exp` of each token, by the true time.
    tokens: HashMap<u16, (u64, u64)>,
    revoked: HashMap<u16, u64>,
    /// Those revoked with the token at hand.
    held: HashSet<u16>,
    keys: HashSet<u16>,
    /// Subject or session to the wall clock when everything before was revoked.
    subjects: HashMap<u16, u64>,
    sessions: HashMap<u16, u64>,
    /// Whether the wall clock ever left the truth: then more may be refused than was revoked.
    jumped: bool,
}

impl World {
    fn new(bits: FingerprintBits) -> Self {
        let clock = ManualClock::at(START);
        let config = BlacklistConfig::new()
            .fingerprint_bits(bits)
            .leeway(Duration::from_secs(LEEWAY))
            .skew(Duration::from_secs(SKEW))
            .max_lifetime(Duration::from_secs(LIFETIME))
            .clock(clock.shared());
        Self {
            clock,
            blacklist: Blacklist::new(config).unwrap(),
            truth: START,
            offset: 0,
            tokens: HashMap::new(),
            revoked: HashMap::new(),
            held: HashSet::new(),
            keys: HashSet::new(),
            subjects: HashMap::new(),
            sessions: HashMap::new(),
            jumped: false,
        }
    }

    fn wall(&self) -> u64 {
        self.truth.saturating_add_signed(self.offset)
    }

    fn issue(&mut self, id: u16, left: u64) -> (u64, u64) {
        let truth = self.truth;
        *self.tokens.entry(id).or_insert((truth, truth + left))
    }

    fn take(&mut self, step: &Step) {
        let wall = self.wall();
        match *step {
            Step::Revoke(id, left) => {
                let (iat, exp) = self.issue(id, left);
                match self.blacklist.revoke_facts(&token(id, iat, exp)) {
                    Ok(outcome) => {
                        self.revoked.insert(id, exp);
                        let again = !self.held.insert(id);
                        assert!(!again || outcome != Revoked::New || self.jumped, "a second time is no news");
                    }
                    // Loud, as it must be: by a clock that is far behind, the token outlives the longest lifetime.
                    Err(BlacklistError::Lifetime) => assert!(self.jumped),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::RevokeId(id) => {
                let (_, exp) = self.issue(id, LIFETIME / 2);
                self.blacklist.revoke_id(ISS, &format!("token-{id}")).unwrap();
                // By a clock that is far behind, the token outlives the longest lifetime: with the token at hand that
                // is an error, by its id alone nobody can know.
                if exp <= wall + LIFETIME {
                    self.revoked.insert(id, exp);
                } else {
                    assert!(self.jumped);
                }
            }
            Step::RevokeSubject(who) => {
                self.blacklist.revoke_subject(ISS, &format!("s{who}")).unwrap();
                let cutoff = self.subjects.entry(who).or_insert(wall);
                *cutoff = wall.max(*cutoff);
            }
            Step::RevokeSession(who) => {
                self.blacklist.revoke_session(ISS, &format!("d{who}")).unwrap();
                let cutoff = self.sessions.entry(who).or_insert(wall);
                *cutoff = wall.max(*cutoff);
            }
            Step::RevokeKey(kid) => {
                self.blacklist.revoke_key(ISS, &format!("k{kid}")).unwrap();
                self.keys.insert(kid);
            }
            Step::Pass(seconds) => {
                self.truth += seconds;
                self.clock.advance(Duration::from_secs(seconds));
                self.clock.set(self.wall());
            }
            Step::Jump(offset) => {
                self.offset = offset;
                self.jumped |= offset != 0;
                self.clock.set(self.wall());
            }
            Step::Expire => while self.blacklist.expire() {},
        }
    }

    fn cut_off(&self, id: u16, iat: u64) -> bool {
        let under = |cutoff: Option<&u64>| cutoff.is_some_and(|&cutoff| iat <= cutoff + SKEW);
        under(self.subjects.get(&(id % 6))) || under(self.sessions.get(&(id % 7)))
    }

    fn verify(&self) {
        let horizon = self.blacklist.stats().horizon;
        for (&id, &(iat, exp)) in &self.tokens {
            let answer = self.blacklist.check_facts(&token(id, iat, exp));
            // A verifier accepts while exp > now - leeway or, if it compares whole seconds loosely, one more.
            let acceptable = self.wall() <= exp + LEEWAY + 1;
            let revoked = self.revoked.contains_key(&id) || self.keys.contains(&(id % 23)) || self.cut_off(id, iat);
            if revoked && acceptable {
                assert!(answer.is_err(), "token {id} (iat {iat}, exp {exp}) is accepted at {}", self.wall());
            }
            if !revoked && !self.jumped {
                assert_eq!(answer, if exp < horizon { Err(AuthError::Expired) } else { Ok(()) });
                assert!(exp >= horizon || !acceptable, "the horizon took a live token");
            }
        }
    }
}

fn run(bits: FingerprintBits, steps: &[Step]) {
    let mut world = World::new(bits);
    let mut horizon = 0;
    for step in steps {
        world.take(step);
        world.verify();
        let now = world.blacklist.stats().horizon;
        assert!(now >= horizon, "the horizon fell");
        horizon = now;
    }
}

fn cases() -> u32 {
    std::env::var("COVET_AUTH_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn refuses_exactly_what_was_revoked_64(steps in prop::collection::vec(step(), 1..100)) {
        run(FingerprintBits::Bits64, &steps);
    }

    #[test]
    fn refuses_exactly_what_was_revoked_128(steps in prop::collection::vec(step(), 1..100)) {
        run(FingerprintBits::Bits128, &steps);
    }
}

/// Memory follows what lives: after everything lapsed, nothing is held, and the next wave costs the same.
#[test]
fn memory_is_bounded_by_what_lives() {
    let clock = ManualClock::at(START);
    let blacklist = Blacklist::new(BlacklistConfig::new().clock(clock.shared())).unwrap();
    let idle = blacklist.memory().bytes;
    let mut peaks = Vec::new();
    for wave in 0..4u64 {
        let now = clock.now();
        for n in 0..20_000u64 {
            let id = format!("{wave}-{n}");
            let facts = TokenFacts::builder().issuer(ISS).id(&id).issued_at(now).expires_at(now + 1 + n % 3600);
            assert_eq!(blacklist.revoke_facts(&facts.build()), Ok(Revoked::New));
        }
        assert_eq!(blacklist.len(), 20_000);
        peaks.push(blacklist.memory().bytes);
        clock.advance(Duration::from_secs(3600 + 256 + LEEWAY + SKEW + 2));
        while blacklist.expire() {}
        assert_eq!(blacklist.len(), 0);
        assert!(blacklist.memory().bytes <= idle + 4096, "{} bytes for nothing", blacklist.memory().bytes);
    }
    let (least, most) = (peaks.iter().min().unwrap(), peaks.iter().max().unwrap());
    assert!(most - least < least / 10, "{peaks:?}");
}
