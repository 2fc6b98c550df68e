//! Verification beside jsonwebtoken on the same backend (AWS-LC), and a guard beside jsonwebtoken with moka.
//!
//! Every contender checks the signature, `iss` and `exp` against the system's clock, and parses the claims into the same
//! type. Keys are prepared outside of the measured time, as far as each library prepares keys at all.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use covet_auth::{Algorithm, Blacklist, BlacklistConfig, Guard, SigningKey, TokenFacts, Verifier, VerifierBuilder};
use covet_bench::workload::tokens;
use covet_bench::{Answer, Bench, Target, black_box};
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde_derive::{Deserialize, Serialize};

/// What a small token carries.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: u64,
}

const ALGORITHMS: [Algorithm; 4] = [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256];

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A key of the algorithm in both libraries' forms, and jsonwebtoken's rules.
struct Keys {
    signing: SigningKey,
    decoding: DecodingKey,
    validation: Validation,
}

fn keys(algorithm: Algorithm) -> Keys {
    const SECRET: [u8; 64] = [7; 64];
    let signing = if algorithm.is_symmetric() {
        SigningKey::secret("2026-11", algorithm, &SECRET)
    } else {
        SigningKey::generate_pkcs8(algorithm).and_then(|der| SigningKey::from_pkcs8("2026-11", algorithm, &der))
    };
    let signing = signing.expect("a key");
    let decoding = match signing.verify_key().to_jwk() {
        None => DecodingKey::from_secret(&SECRET),
        Some(jwk) => DecodingKey::from_jwk(&serde_json::from_str(&jwk).expect("a JWK")).expect("a key"),
    };
    let mut validation = Validation::new(algorithm.name().parse().expect("an algorithm that both have"));
    validation.set_issuer(&[tokens::ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss"]);
    validation.leeway = 30;
    validation.validate_aud = false;
    Keys { signing, decoding, validation }
}

impl Keys {
    fn verifier(&self) -> VerifierBuilder {
        Verifier::builder().key(self.signing.verify_key()).issuer(tokens::ISSUER).any_audience()
    }

    fn token(&self) -> String {
        let claims = Claims { iss: tokens::ISSUER.into(), sub: "user-123456".into(), exp: now() + 100_000 };
        self.signing.sign(&claims).expect("a token")
    }
}

/// A decode that succeeds, with three claims.
pub(crate) fn verify(bench: &mut Bench) {
    for algorithm in ALGORITHMS {
        let keys = keys(algorithm);
        let verifier = keys.verifier().build().expect("a verifier");
        let token = keys.token();
        let Some(mut group) = bench.group(&format!("verify {algorithm}, 3 claims")) else { continue };
        let factor = if algorithm == Algorithm::HS256 { 1.5 } else { 1.0 };
        group.target(Target::times_as_fast(factor, ["jsonwebtoken"]));
        let ours = || verifier.verify::<Claims>(black_box(&token)).ok();
        group.contender("covet-auth", ours, |verified| Answer::debug(&verified.as_ref().map(|v| v.claims()))).ours();
        let peer = || decode::<Claims>(black_box(&token), &keys.decoding, &keys.validation).ok();
        group.contender("jsonwebtoken", peer, |data| Answer::debug(&data.as_ref().map(|data| &data.claims)));
        group.baseline("jsonwebtoken");
        group.run();
    }
}

/// The same, for a token that was seen before.
pub(crate) fn remembered(bench: &mut Bench) {
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        let keys = keys(algorithm);
        let verifier = keys.verifier().remember_signatures(100_000).build().expect("a verifier");
        let token = keys.token();
        let Some(mut group) = bench.group(&format!("verify {algorithm} again, 3 claims")) else { continue };
        group.target(Target::times_as_fast(20.0, ["jsonwebtoken"]));
        let ours = || verifier.verify::<Claims>(black_box(&token)).ok();
        group
            .contender("covet-auth", ours, |verified| Answer::debug(&verified.as_ref().map(|v| v.claims())))
            .ours()
            .note("with remembered signatures");
        let peer = || decode::<Claims>(black_box(&token), &keys.decoding, &keys.validation).ok();
        group
            .contender("jsonwebtoken", peer, |data| Answer::debug(&data.as_ref().map(|data| &data.claims)))
            .note("has nothing to remember with: it verifies each time");
        group.baseline("jsonwebtoken");
        group.run();
    }
}

/// How many tokens are revoked in the guard's group.
const REVOKED: u64 = 1_000_000;

/// A moka entry that lives as long as its token.
struct UntilExpiry;

impl moka::Expiry<String, u64> for UntilExpiry {
    fn expire_after_create(&self, _key: &String, exp: &u64, _created: Instant) -> Option<Duration> {
        Some(Duration::from_secs(exp.saturating_sub(now())))
    }
}

/// What the two ways of refusing revoked tokens work on.
struct World {
    keys: Keys,
    guard: Guard<Blacklist>,
    cache: moka::sync::Cache<String, u64>,
    /// Distinct tokens, so that neither table answers from a warm line alone.
    tokens: Vec<String>,
}

impl World {
    fn new() -> Self {
        let keys = keys(Algorithm::HS256);
        // The workload's tokens live around a fixed time, and jsonwebtoken reads the system's.
        let shift = now() - tokens::NOW + 600;
        let config = BlacklistConfig::new().max_lifetime(Duration::from_secs(86_400));
        let blacklist = Blacklist::new(config).expect("a blacklist");
        let cache = moka::sync::Cache::builder().expire_after(UntilExpiry).build();
        for (id, exp) in tokens::revocations(REVOKED) {
            let facts = TokenFacts::builder().issuer(tokens::ISSUER).id(&id).expires_at(exp + shift).build();
            blacklist.revoke_facts(&facts).expect("room");
            cache.insert(id, exp + shift);
        }
        cache.run_pending_tasks();
        let verifier = keys.verifier().max_lifetime(Duration::from_secs(86_400)).build().expect("a verifier");
        let guard = Guard::new(verifier, blacklist).expect("a guard");
        let token = |n| {
            let claims = tokens::claims(REVOKED + n);
            let claims = tokens::Claims { iat: claims.iat + shift, exp: claims.exp + shift, ..claims };
            keys.signing.sign(&claims).expect("a token")
        };
        let tokens = (0..1000).map(token).collect();
        Self { keys, guard, cache, tokens }
    }
}

/// Verification and revocation together: HS256, eight claims, a million revoked tokens.
pub(crate) fn authenticate(bench: &mut Bench) {
    let world = OnceLock::new();
    let Some(mut group) = bench.group("authenticate HS256, 8 claims, 1,000,000 revoked") else { return };
    let World { keys, guard, cache, tokens } = world.get_or_init(World::new);
    group.target(Target::times_as_fast(1.7, ["jsonwebtoken + moka"]));
    group
        .contender_each(
            "covet-auth",
            tokens,
            |token: &String| guard.authenticate::<tokens::Claims>(token).ok(),
            |verified| Answer::debug(&verified.as_ref().map(|verified| verified.claims())),
        )
        .ours();
    group.contender_each(
        "jsonwebtoken + moka",
        tokens,
        |token: &String| {
            let data = decode::<tokens::Claims>(token, &keys.decoding, &keys.validation).ok()?;
            (!cache.contains_key(&data.claims.jti)).then_some(data.claims)
        },
        |claims| Answer::debug(&claims.as_ref()),
    );
    group.baseline("jsonwebtoken + moka");
    group.run();
}
