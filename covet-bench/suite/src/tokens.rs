//! Tokens: jwt-simple beside jsonwebtoken and ours, where the crate's own tables have jsonwebtoken alone.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use covet_auth::{Algorithm, SigningKey, Verifier};
use covet_bench::workload::tokens::ISSUER;
use covet_bench::{Answer, Bench, black_box};
use jsonwebtoken::{DecodingKey, Validation, decode};
use jwt_simple::algorithms::{ECDSAP256PublicKeyLike, EdDSAPublicKeyLike, MACLike, RSAPublicKeyLike};
use jwt_simple::claims::JWTClaims;
use jwt_simple::common::VerificationOptions;
use jwt_simple::prelude::{Duration, ES256PublicKey, Ed25519PublicKey, HS256Key, RS256PublicKey};
use jwt_simple::reexports::ct_codecs::{Base64UrlSafeNoPadding, Decoder};
use serde::{Deserialize, Serialize};

const SECRET: [u8; 64] = [7; 64];

/// What a small token carries.
#[derive(Debug, Deserialize, Serialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: u64,
}

pub(crate) fn groups(bench: &mut Bench) {
    for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        group(bench, algorithm);
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn group(bench: &mut Bench, algorithm: Algorithm) {
    let signing = if algorithm.is_symmetric() {
        SigningKey::secret("key", algorithm, &SECRET)
    } else {
        SigningKey::generate_pkcs8(algorithm).and_then(|der| SigningKey::from_pkcs8("key", algorithm, &der))
    };
    let signing = signing.expect("a key");
    let claims = Claims { iss: ISSUER.into(), sub: "user-123456".into(), exp: now() + 100_000 };
    let token = signing.sign(&claims).expect("a token");
    let verifier =
        Verifier::builder().key(signing.verify_key()).issuer(ISSUER).any_audience().build().expect("a verifier");
    let jwk = signing.verify_key().to_jwk();
    let decoding = match &jwk {
        None => DecodingKey::from_secret(&SECRET),
        Some(jwk) => DecodingKey::from_jwk(&serde_json::from_str(jwk).expect("a JWK")).expect("a key"),
    };
    let validation = validation(algorithm);
    let simple = Simple::new(algorithm, jwk.as_deref());
    let options = VerificationOptions {
        allowed_issuers: Some(HashSet::from([ISSUER.to_owned()])),
        time_tolerance: Some(Duration::from_secs(30)),
        ..VerificationOptions::default()
    };
    let Some(mut group) = bench.group(&format!("tokens: verify {algorithm}, 3 claims, beside jwt-simple")) else {
        return;
    };
    let ours = || verifier.verify::<Claims>(black_box(&token)).ok();
    group
        .contender("covet-auth", ours, |verified| {
            subject(verified.as_ref().map(|verified| (verified.claims().sub.as_str(), verified.claims().exp)))
        })
        .ours();
    let peer = || decode::<Claims>(black_box(&token), &decoding, &validation).ok();
    group.contender("jsonwebtoken", peer, |data| {
        subject(data.as_ref().map(|data| (data.claims.sub.as_str(), data.claims.exp)))
    });
    let simple = || simple.verify(black_box(&token), options.clone());
    group
        .contender("jwt-simple", simple, |claims| {
            let seen =
                claims.as_ref().and_then(|claims| Some((claims.subject.as_deref()?, claims.expires_at?.as_secs())));
            subject(seen)
        })
        .note("its backend in pure Rust; its options are taken by value, so each call has a copy");
    group.baseline("jsonwebtoken");
    group.run();
}

pub(crate) fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm.name().parse().expect("an algorithm that both have"));
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss"]);
    validation.leeway = 30;
    validation.validate_aud = false;
    validation
}

fn subject(seen: Option<(&str, u64)>) -> Answer {
    seen.map_or_else(|| Answer::from("refused"), |(subject, expiry)| Answer::from(format!("{subject} {expiry}")))
}

/// jwt-simple has a type for each algorithm.
enum Simple {
    Hs256(HS256Key),
    Es256(ES256PublicKey),
    EdDsa(Ed25519PublicKey),
    Rs256(RS256PublicKey),
}

type NoCustomClaims = jwt_simple::claims::NoCustomClaims;

impl Simple {
    fn new(algorithm: Algorithm, jwk: Option<&str>) -> Self {
        let jwk: serde_json::Value = jwk.map(|jwk| serde_json::from_str(jwk).expect("a JWK")).unwrap_or_default();
        let part = |name: &str| {
            let text = jwk[name].as_str().expect("a member of the key");
            Base64UrlSafeNoPadding::decode_to_vec(text, None).expect("base64")
        };
        match algorithm {
            Algorithm::ES256 => {
                let point = [vec![4], part("x"), part("y")].concat();
                Self::Es256(ES256PublicKey::from_bytes(&point).expect("a point"))
            }
            Algorithm::EdDSA => Self::EdDsa(Ed25519PublicKey::from_bytes(&part("x")).expect("a point")),
            Algorithm::RS256 => {
                Self::Rs256(RS256PublicKey::from_components(&part("n"), &part("e")).expect("a modulus"))
            }
            _ => Self::Hs256(HS256Key::from_bytes(&SECRET)),
        }
    }

    fn verify(&self, token: &str, options: VerificationOptions) -> Option<JWTClaims<NoCustomClaims>> {
        match self {
            Self::Hs256(key) => key.verify_token(token, Some(options)).ok(),
            Self::Es256(key) => key.verify_token(token, Some(options)).ok(),
            Self::EdDsa(key) => key.verify_token(token, Some(options)).ok(),
            Self::Rs256(key) => key.verify_token(token, Some(options)).ok(),
        }
    }
}
