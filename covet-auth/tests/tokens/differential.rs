//! The same tokens before jsonwebtoken: whatever it refuses, we refuse; whatever it accepts, we accept, but for the
//! differences that are meant and listed here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use covet_auth::{Algorithm, AuthError, ManualClock, Verifier};
use jsonwebtoken::{DecodingKey, Validation};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, SECRET, b64, hs256, raw, signing_key};

/// jsonwebtoken reads the system's clock and nothing else.
fn system_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn ours(now: u64) -> Verifier {
    Verifier::builder()
        .key(hs256())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .leeway(Duration::ZERO)
        .clock(ManualClock::at(now))
        .build()
        .unwrap()
}

fn theirs(token: &str) -> Result<Value, jsonwebtoken::errors::Error> {
    let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_secret(&SECRET), &validation).map(|data| data.claims)
}

/// Where we refuse what jsonwebtoken accepts. Each is a rule of the standards that it leaves to its caller.
fn is_meant(refusal: AuthError) -> bool {
    matches!(
        refusal,
        AuthError::Critical      // `crit` is parsed and not enforced
            | AuthError::Type    // `typ` is not judged
            | AuthError::Unproven // `cnf` is not known
            | AuthError::Malformed // members given twice
            | AuthError::Claims  // registered claims of the wrong type that it does not look at
            | AuthError::NotYetValid
    )
}

fn compare(token: &str) -> Result<(), TestCaseError> {
    let now = system_now();
    match (ours(now).verify::<Value>(token), theirs(token)) {
        (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours.claims(), &theirs),
        (Err(_), Err(_)) => {}
        (Err(refusal), Ok(_)) => prop_assert!(is_meant(refusal), "we refuse ({refusal:?}) {token}"),
        (Ok(_), Err(error)) => prop_assert!(false, "we accept, jsonwebtoken says {error}: {token}"),
    }
    Ok(())
}

/// Values near the valid ones, and far from them. Times keep clear of the present second, which passes while the
/// test runs.
fn value() -> impl Strategy<Value = Value> {
    let now = system_now();
    prop_oneof![
        Just(json!(ISSUER)),
        Just(json!(AUDIENCE)),
        Just(json!([AUDIENCE])),
        Just(json!(["x", AUDIENCE])),
        Just(json!([])),
        Just(json!(now + 1000)),
        Just(json!(now + 1000)),
        Just(json!((now + 1000) as f64 + 0.5)),
        Just(json!(now - 1000)),
        Just(json!(0)),
        Just(json!("text")),
        Just(json!((now + 1000).to_string())),
        Just(Value::Null),
        Just(json!(true)),
        Just(json!({"a": [1, {"b": "}"}]})),
        any::<i32>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(|text| json!(text)),
    ]
}

fn claims() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("iss".to_owned()),
        Just("aud".to_owned()),
        Just("exp".to_owned()),
        Just("nbf".to_owned()),
        Just("iat".to_owned()),
        Just("sub".to_owned()),
        Just("jti".to_owned()),
        Just("cnf".to_owned()),
        "\\PC{0,8}",
    ];
    let changes = proptest::collection::vec((names, proptest::option::of(value())), 0..4);
    changes.prop_map(|changes| {
        let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": system_now() + 1000});
        for (name, value) in changes {
            let members = claims.as_object_mut().unwrap();
            match value {
                Some(value) => drop(members.insert(name, value)),
                None => drop(members.remove(&name)),
            }
        }
        claims
    })
}

fn header() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned()),
        1 => Just(r#"{"alg":"HS256"}"#.to_owned()),
        1 => Just(r#"{ "typ" : "at+jwt" , "alg" : "HS256" , "kid" : "\u0061" }"#.to_owned()),
        1 => Just(r#"{"alg":"HS384"}"#.to_owned()),
        1 => Just(r#"{"alg":"none"}"#.to_owned()),
        1 => Just(r#"{"alg":"HS256","crit":["x"]}"#.to_owned()),
        1 => Just(r#"{"alg":"HS256","typ":"x"}"#.to_owned()),
        1 => Just(r#"{"alg":"HS256","nested":{"a":[]}}"#.to_owned()),
        1 => Just("{}".to_owned()),
    ]
}

fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1500);
    ProptestConfig::with_cases(cases)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn signed_claims(header in header(), claims in claims()) {
        compare(&raw(&header, &claims.to_string()))?;
    }

    #[test]
    fn damaged_tokens(claims in claims(), at in any::<prop::sample::Index>(), byte in 0x20u8..0x7f, remove in any::<bool>()) {
        let mut token = raw(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string());
        let at = at.index(token.len());
        token.replace_range(at..=at, if remove { String::new() } else { char::from(byte).to_string() }.as_str());
        compare(&token)?;
    }

    #[test]
    fn damaged_payloads_signed(claims in claims(), at in any::<prop::sample::Index>(), piece in "[{}\\[\\]\",:0-9a-z\\\\ ]{0,3}") {
        let mut payload = claims.to_string();
        let mut at = at.index(payload.len());
        while !payload.is_char_boundary(at) {
            at -= 1;
        }
        payload.insert_str(at, &piece);
        compare(&raw(r#"{"alg":"HS256"}"#, &payload))?;
    }

    #[test]
    fn anything_at_all(text in "\\PC{0,80}", dots in "[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,20}") {
        compare(&text)?;
        compare(&dots)?;
        let bytes = text.as_bytes();
        let _ = ours(system_now()).verify::<Value>(&format!("{}.{}.{}", b64(bytes), b64(bytes), b64(bytes)));
    }
}

/// Each of the two verifies what the other's keys sign, for the algorithms they share.
#[test]
fn jsonwebtoken_verifies_what_we_sign() {
    for algorithm in Algorithm::ALL {
        let Ok(their_algorithm) = algorithm.name().parse::<jsonwebtoken::Algorithm>() else {
            assert_eq!(algorithm, Algorithm::ES512, "the one that jsonwebtoken does not have");
            continue;
        };
        if algorithm.is_symmetric() {
            continue;
        }
        let key = signing_key(algorithm);
        let token = key.sign(&json!({"exp": system_now() + 1000})).unwrap();
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_str(&key.verify_key().to_jwk().unwrap()).unwrap();
        let decoded = jsonwebtoken::decode::<Value>(
            &token,
            &DecodingKey::from_jwk(&jwk).unwrap(),
            &Validation::new(their_algorithm),
        );
        assert!(decoded.is_ok(), "{algorithm}: {decoded:?}");
    }
}
