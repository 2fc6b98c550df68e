//! What a verifier accepts, through every backend, and what it hands out.

use std::time::Duration;

use covet_auth::{Algorithm, AuthError, Backend, ConfigError, KeyError, ManualClock, TokenId, Verifier, VerifyKey};
use serde_derive::Deserialize;
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, ISSUER, NOW, SECRET, b64, builder, claims, hs256, new_key, raw, signing_key, token, verifier, verifiers,
};

#[derive(Debug, Deserialize, PartialEq)]
struct Claims {
    sub: String,
    exp: u64,
}

#[test]
fn every_algorithm_verifies_on_every_backend_and_no_changed_byte_does() {
    for algorithm in Algorithm::ALL {
        let key = signing_key(algorithm);
        let token = key.sign(&claims(|_| {})).unwrap();
        for verifier in verifiers(&key.verify_key()) {
            let verified = verifier.verify::<Claims>(&token).unwrap();
            assert_eq!(verified.claims(), &Claims { sub: "alice".into(), exp: NOW + 100 });
            assert_eq!(verified.algorithm(), algorithm);
            assert_eq!(verified.facts().kid(), Some("k1"));
            // One character in each part, and around the dots.
            let dots: Vec<usize> = token.match_indices('.').map(|(at, _)| at).collect();
            for at in [0, 5, dots[0] - 1, dots[0] + 1, dots[1] - 1, dots[1] + 1, dots[1] + 9, token.len() - 1] {
                let mut changed = token.clone();
                let other = if &token[at..=at] == "A" { "B" } else { "A" };
                changed.replace_range(at..=at, other);
                assert!(verifier.verify::<Value>(&changed).is_err(), "{algorithm} {at}");
            }
        }
    }
}

#[test]
fn both_backends_serve_in_one_process() {
    let key = signing_key(Algorithm::ES256);
    let token = key.sign(&claims(|_| {})).unwrap();
    let verifiers = verifiers(&key.verify_key());
    std::thread::scope(|scope| {
        for verifier in &verifiers {
            scope.spawn(|| verifier.verify::<Value>(&token).unwrap());
        }
    });
}

#[test]
fn facts_and_payload() {
    let payload = r#"{"iss":"https://id.example","aud":["x","https://api.example"],"sub":"a\u0301","sid":"s1","jti":"j1","iat":1799999999.9,"exp":1800000100.5,"scope":"read write"}"#;
    let token = raw(r#"{"alg":"HS256","kid":"whatever"}"#, payload);
    let verified = builder().key(hs256().kid("whatever")).build().unwrap().verify::<Value>(&token).unwrap();
    let facts = verified.facts();
    assert_eq!((facts.iss(), facts.sub(), facts.sid()), (Some(ISSUER), Some("a\u{301}"), Some("s1")));
    assert_eq!((facts.jti(), facts.kid(), facts.key_issuer()), (Some("j1"), Some("whatever"), Some(ISSUER)));
    assert_eq!((facts.iat(), facts.exp()), (Some(1_799_999_999), Some(1_800_000_100)));
    assert_eq!(verified.payload(), payload);
    assert!(verified.require_scope("write").is_ok());
    assert_eq!(verified.require_scope("admin"), Err(AuthError::Scope));
}

#[test]
fn a_key_without_a_name_lends_no_token_the_headers_kid() {
    let token = raw(r#"{"alg":"HS256","kid":"chosen-by-the-thief"}"#, &claims(|_| {}).to_string());
    assert_eq!(verifier().verify::<Value>(&token).unwrap().facts().kid(), None);
}

#[test]
fn a_token_without_jti_is_known_by_its_signing_input() {
    let token = token(&claims(|claims| drop(claims.as_object_mut().unwrap().remove("jti"))));
    let verified = verifier().verify::<Value>(&token).unwrap();
    let (signing_input, _) = token.rsplit_once('.').unwrap();
    assert_eq!(verified.facts().id(), TokenId::SigningInput(signing_input.as_bytes()));
}

#[test]
fn several_issuers_each_with_its_own_key() {
    let (ours, theirs) = (new_key("1", Algorithm::HS256), new_key("1", Algorithm::HS256));
    let verifier = Verifier::builder()
        .key(ours.verify_key().issuer("ours"))
        .key(theirs.verify_key().issuer("theirs"))
        .any_audience()
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let as_issuer = |name: &str| claims(|claims| claims["iss"] = name.into());
    assert!(verifier.verify::<Value>(&ours.sign(&as_issuer("ours")).unwrap()).is_ok());
    assert!(verifier.verify::<Value>(&theirs.sign(&as_issuer("theirs")).unwrap()).is_ok());
    let crossed = verifier.verify::<Value>(&theirs.sign(&as_issuer("ours")).unwrap());
    assert_eq!(crossed.unwrap_err(), AuthError::Signature);
    let unknown = verifier.verify::<Value>(&ours.sign(&as_issuer("nobody")).unwrap());
    assert_eq!(unknown.unwrap_err(), AuthError::Issuer);
}

#[test]
fn any_issuer_accepts_none_at_all() {
    let verifier =
        Verifier::builder().key(hs256()).any_issuer().any_audience().clock(ManualClock::at(NOW)).build().unwrap();
    let verified = verifier.verify::<Value>(&token(&json!({"exp": NOW + 1}))).unwrap();
    assert_eq!((verified.facts().iss(), verified.facts().key_issuer()), (None, None));
}

#[test]
fn old_and_new_secret_during_a_rotation_without_names() {
    let (old, new) = (new_key("", Algorithm::HS256), new_key("", Algorithm::HS256));
    let unnamed = |bytes: [u8; 32]| VerifyKey::secret(Algorithm::HS256, &bytes).unwrap();
    let verifier = builder().key(unnamed([1; 32])).key(unnamed(SECRET)).build().unwrap();
    assert!(verifier.verify::<Value>(&token(&claims(|_| {}))).is_ok());
    for stranger in [old, new] {
        assert!(verifier.verify::<Value>(&stranger.sign(&claims(|_| {})).unwrap()).is_err());
    }
}

#[test]
fn a_bound_token_needs_its_proof() {
    let bound = token(&claims(|claims| claims["cnf"] = json!({"jkt": "thumb"})));
    let verifier = verifier();
    assert_eq!(verifier.verify::<Value>(&bound).unwrap_err(), AuthError::Unproven);
    let refused = verifier.verify_bound::<Value>(&bound, |_| false);
    assert_eq!(refused.unwrap_err(), AuthError::Unproven);
    assert!(verifier.verify_bound::<Value>(&bound, |cnf| cnf == r#"{"jkt":"thumb"}"#).is_ok());
    let null = token(&claims(|claims| claims["cnf"] = Value::Null));
    assert_eq!(verifier.verify::<Value>(&null).unwrap_err(), AuthError::Unproven);
    let free = token(&claims(|_| {}));
    assert!(verifier.verify_bound::<Value>(&free, |_| panic!("nothing to prove")).is_ok());
}

#[test]
fn a_remembered_signature_is_not_a_remembered_token() {
    for &backend in Backend::AVAILABLE {
        let key = new_key("k", Algorithm::ES256);
        let clock = ManualClock::at(NOW);
        let build = |audience: &str| {
            Verifier::builder()
                .backend(backend)
                .key(key.verify_key())
                .issuer(ISSUER)
                .audience(audience)
                .leeway(Duration::ZERO)
                .clock(clock.clone())
                .remember_signatures(1000)
                .build()
                .unwrap()
        };
        let verifier = build(AUDIENCE);
        assert_eq!(verifier.memory(), 1024 * 16);
        let token = key.sign(&claims(|_| {})).unwrap();
        for _ in 0..3 {
            assert!(verifier.verify::<Value>(&token).is_ok());
        }
        // An altered signature, of which the header and the payload are remembered.
        let (input, signature) = token.rsplit_once('.').unwrap();
        for at in 0..signature.len() {
            let mut altered = signature.to_owned();
            altered.replace_range(at..=at, if &signature[at..=at] == "A" { "B" } else { "A" });
            assert!(verifier.verify::<Value>(&format!("{input}.{altered}")).is_err(), "{at}");
        }
        assert!(verifier.verify::<Value>(&format!("{input}.")).is_err());
        assert!(verifier.verify::<Value>(&format!("{token}A")).is_err());
        // The same payload under another header.
        let (_, rest) = token.split_once('.').unwrap();
        let other = format!("{}.{rest}", b64(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#));
        assert_eq!(verifier.verify::<Value>(&other).unwrap_err(), AuthError::Signature);
        // Another configuration judges by itself.
        assert_eq!(build("elsewhere").verify::<Value>(&token).unwrap_err(), AuthError::Audience);
        // Time is judged on every hit.
        clock.set(NOW + 100);
        assert_eq!(verifier.verify::<Value>(&token).unwrap_err(), AuthError::Expired);
        clock.set(NOW);
        assert!(verifier.verify::<Value>(&token).is_ok());
    }
}

#[test]
fn what_cannot_be_meant_is_refused_at_build() {
    let key = hs256;
    let error = |builder: covet_auth::VerifierBuilder| builder.build().unwrap_err();
    assert_eq!(error(Verifier::builder().issuer("i").any_audience()), ConfigError::NoKey);
    assert_eq!(error(Verifier::builder().key(key()).any_audience()), ConfigError::NoIssuer);
    assert_eq!(error(Verifier::builder().key(key()).issuer("i")), ConfigError::NoAudience);
    let two = Verifier::builder().key(key()).issuer("i").issuer("j").any_audience();
    assert_eq!(error(two), ConfigError::UnscopedKey);
    let both = Verifier::builder().key(key()).issuer("i").any_issuer().any_audience();
    assert_eq!(error(both), ConfigError::AnyIssuerAndOne);
    let leeway = Verifier::builder().key(key()).issuer("i").any_audience().leeway(Duration::from_secs(601));
    assert_eq!(error(leeway), ConfigError::Leeway);
}

#[test]
fn weak_keys_are_refused() {
    assert_eq!(VerifyKey::secret(Algorithm::HS256, &[0; 31]).unwrap_err(), KeyError::TooShort);
    assert_eq!(VerifyKey::secret(Algorithm::HS384, &[0; 47]).unwrap_err(), KeyError::TooShort);
    assert_eq!(VerifyKey::secret(Algorithm::HS512, &[0; 63]).unwrap_err(), KeyError::TooShort);
    assert_eq!(VerifyKey::secret(Algorithm::ES256, &[0; 64]).unwrap_err(), KeyError::Mismatch);
    let rsa = |n: Vec<u8>, e: &str| {
        let jwk = json!({"kty": "RSA", "n": b64(n), "e": e}).to_string();
        VerifyKey::from_jwk_as(Algorithm::RS256, &jwk).map(|_| ())
    };
    assert_eq!(rsa(vec![0xff; 128], "AQAB"), Err(KeyError::TooShort));
    assert_eq!(rsa(vec![0xff; 1025], "AQAB"), Err(KeyError::TooLong));
    assert_eq!(rsa(vec![0xff; 256], "AQ"), Err(KeyError::Weak));
    assert_eq!(rsa(vec![0xff; 256], "AAAC"), Err(KeyError::Format));
    assert_eq!(rsa(vec![0xff; 256], "Ag"), Err(KeyError::Weak));
    assert_eq!(rsa(vec![0xff; 256], "____________"), Err(KeyError::Weak));
    assert_eq!(rsa(vec![0xfe; 256], "AQAB"), Err(KeyError::Weak));
    assert_eq!(rsa(vec![0xff; 256], "AQAB"), Ok(()));
}

#[test]
fn pem_and_der_of_every_kind() {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::signature::{
        ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
    };

    let pem = |label: &str, der: &[u8]| {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
    };
    let check = |algorithm: Algorithm, pkcs8: &[u8], spki: &[u8]| {
        let token = covet_auth::SigningKey::from_pkcs8_pem("k", algorithm, &pem("PRIVATE KEY", pkcs8))
            .unwrap()
            .sign(&claims(|_| {}))
            .unwrap();
        for key in [
            VerifyKey::from_der(algorithm, spki).unwrap(),
            VerifyKey::from_pem(algorithm, &pem("PUBLIC KEY", spki)).unwrap(),
        ] {
            for verifier in verifiers(&key) {
                assert!(verifier.verify::<Value>(&token).is_ok(), "{algorithm}");
            }
        }
        for cut in 0..spki.len() {
            assert!(VerifyKey::from_der(algorithm, &spki[..cut]).is_err());
        }
        assert!(VerifyKey::from_der(algorithm, &[spki, &[0]].concat()).is_err());
    };

    let private = covet_auth::SigningKey::generate_pkcs8(Algorithm::ES384).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &private).unwrap();
    let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    check(Algorithm::ES384, &private, spki.as_ref());

    let private = covet_auth::SigningKey::generate_pkcs8(Algorithm::EdDSA).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(&private).unwrap();
    let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    check(Algorithm::EdDSA, &private, spki.as_ref());

    let private = covet_auth::SigningKey::generate_pkcs8(Algorithm::PS256).unwrap();
    let pair = RsaKeyPair::from_pkcs8(&private).unwrap();
    let spki: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    check(Algorithm::PS256, &private, spki.as_ref());
    let pkcs1 = pem("RSA PUBLIC KEY", pair.public_key().as_ref());
    assert!(VerifyKey::from_pem(Algorithm::PS256, &pkcs1).is_ok());
    assert!(VerifyKey::from_pem(Algorithm::ES256, &pkcs1).is_err());
    assert!(VerifyKey::from_pem(Algorithm::PS256, &pem("CERTIFICATE", spki.as_ref())).is_err());
}

#[test]
fn debug_prints_no_secret() {
    let secret = VerifyKey::secret(Algorithm::HS256, b"hunter2hunter2hunter2hunter2hunter2").unwrap();
    let key = new_key("name", Algorithm::HS256);
    let verifier = builder().key(secret.clone()).build().unwrap();
    let verified = verifier.verify::<Value>("a.b.c").map(|_| ());
    let printed = format!("{secret:?} {key:?} {verifier:?} {verified:?}");
    let bytes = format!("{:?}", b"hunter2").trim_matches(['[', ']']).to_owned();
    assert!(!printed.contains("hunter2") && !printed.contains(&bytes), "{printed}");
    assert!(printed.contains("name"));
}

#[cfg(feature = "jsonwebtoken-11")]
#[test]
fn keys_of_jsonwebtoken_are_accepted() {
    use jsonwebtoken::DecodingKey;

    for algorithm in [Algorithm::RS256, Algorithm::PS512, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        let key = signing_key(algorithm);
        let jwk = serde_json::from_str(&key.verify_key().to_jwk().unwrap()).unwrap();
        let theirs = DecodingKey::from_jwk(&jwk).unwrap();
        let ours = VerifyKey::from_decoding_key(algorithm, &theirs).unwrap();
        let token = key.sign(&claims(|_| {})).unwrap();
        for verifier in verifiers(&ours) {
            assert!(verifier.verify::<Value>(&token).is_ok(), "{algorithm}");
        }
        let other = if algorithm == Algorithm::ES256 { Algorithm::ES384 } else { Algorithm::ES256 };
        assert!(VerifyKey::from_decoding_key(other, &theirs).is_err(), "{algorithm}");
        assert!(VerifyKey::from_decoding_key(Algorithm::HS256, &theirs).is_err(), "{algorithm}");
    }
    let secret = DecodingKey::from_secret(&SECRET);
    let ours = VerifyKey::from_decoding_key(Algorithm::HS256, &secret).unwrap();
    let verifier = builder().key(ours).build().unwrap();
    assert!(verifier.verify::<Value>(&token(&claims(|_| {}))).is_ok());
    let short = VerifyKey::from_decoding_key(Algorithm::HS256, &DecodingKey::from_secret(b"secret"));
    assert_eq!(short.unwrap_err(), KeyError::TooShort);
    assert!(VerifyKey::from_decoding_key(Algorithm::RS256, &secret).is_err());
}
