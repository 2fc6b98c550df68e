//! The crate's own operations, for exploring and for regressions. Comparisons with peers are in `peers.rs`.

use std::hint::black_box;
use std::time::Duration;

use covet_auth::{
    Algorithm, Backend, Blacklist, BlacklistConfig, Guard, Identity, Issuer, ManualClock, SigningKey, Verifier,
};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_derive::Deserialize;

const NOW: u64 = 1_800_000_000;

#[derive(Deserialize)]
struct Claims {
    #[expect(dead_code, reason = "parsing it is what is measured")]
    sub: String,
}

fn issuer(algorithm: Algorithm) -> Issuer {
    let key = if algorithm.is_symmetric() {
        SigningKey::secret("k1", algorithm, &[7; 64])
    } else {
        SigningKey::generate_pkcs8(algorithm).and_then(|der| SigningKey::from_pkcs8("k1", algorithm, &der))
    };
    Issuer::builder("https://id.example")
        .key(key.expect("a key"))
        .audience("https://api.example")
        .clock(ManualClock::at(NOW))
        .build()
        .expect("an issuer")
}

fn verifier(issuer: &Issuer, backend: Backend, remember: usize, clock: &ManualClock) -> Verifier {
    Verifier::builder()
        .backend(backend)
        .key(issuer.verify_keys().remove(0))
        .audience("https://api.example")
        .max_lifetime(Duration::from_secs(3600))
        .remember_signatures(remember)
        .clock(clock.clone())
        .build()
        .expect("a verifier")
}

fn verify(c: &mut Criterion) {
    let clock = ManualClock::at(NOW);
    for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        let issuer = issuer(algorithm);
        let token = issuer.access_token(Identity::subject("alice"), &()).expect("a token");
        for &backend in Backend::AVAILABLE {
            let plain = verifier(&issuer, backend, 0, &clock);
            c.bench_function(&format!("verify {algorithm} {backend:?}"), |b| {
                b.iter(|| plain.verify::<Claims>(black_box(&token)));
            });
        }
        let remembering = verifier(&issuer, Backend::AVAILABLE[0], 1000, &clock);
        c.bench_function(&format!("verify {algorithm} remembered"), |b| {
            b.iter(|| remembering.verify::<Claims>(black_box(&token)));
        });
        c.bench_function(&format!("refuse {algorithm} of another key"), |b| {
            let stranger = self::issuer(Algorithm::HS256);
            let token = stranger.access_token(Identity::subject("alice"), &()).expect("a token");
            b.iter(|| remembering.verify::<Claims>(black_box(&token)));
        });
    }
}

fn guard(c: &mut Criterion) {
    let clock = ManualClock::at(NOW);
    let blacklist = Blacklist::new(BlacklistConfig::new().clock(clock.shared())).expect("a blacklist");
    let issuer = issuer(Algorithm::HS256);
    let token = issuer.access_token(Identity::subject("alice"), &()).expect("a token");
    let verifier = verifier(&issuer, Backend::AVAILABLE[0], 0, &clock);
    let guard = Guard::new(verifier, blacklist).expect("a guard");
    c.bench_function("authenticate HS256, nothing revoked", |b| {
        b.iter(|| guard.authenticate::<Claims>(black_box(&token)));
    });
}

fn issue(c: &mut Criterion) {
    for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA] {
        let issuer = issuer(algorithm);
        c.bench_function(&format!("issue {algorithm}"), |b| {
            b.iter(|| issuer.access_token(black_box(Identity::subject("alice")), &()));
        });
    }
}

criterion_group!(benches, verify, guard, issue);
criterion_main!(benches);
