//! Tokens that we issue: their claims, their stamps, their keys.

use std::time::Duration;

use covet_auth::{
    Algorithm, AuthError, ConfigError, Identity, Issuer, ManualClock, Revocations as _, Revoke as _, SignError,
    SigningKey, Verifier,
};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, Model, NOW, new_key};

fn issuer(clock: &ManualClock, key: SigningKey) -> Issuer {
    Issuer::builder(ISSUER).key(key).audience(AUDIENCE).clock(clock.clone()).build().unwrap()
}

fn verifier(issuer: &Issuer, clock: &ManualClock) -> Verifier {
    let mut builder = Verifier::builder()
        .audience(AUDIENCE)
        .leeway(Duration::ZERO)
        .max_lifetime(Duration::from_secs(900))
        .token_types(["at+jwt"])
        .clock(clock.clone());
    for key in issuer.verify_keys() {
        builder = builder.key(key);
    }
    builder.build().unwrap()
}

#[test]
fn access_tokens_verify_and_carry_what_revocation_needs() {
    for algorithm in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA] {
        let clock = ManualClock::at(NOW);
        let issuer = issuer(&clock, new_key("k", algorithm));
        let who = Identity::subject("alice").session("s1");
        let token = issuer.access_token(who, &json!({"scope": "read", "role": "admin"})).unwrap();
        let verified = verifier(&issuer, &clock).verify::<Value>(&token).unwrap();
        let facts = verified.facts();
        assert_eq!((facts.sub(), facts.sid(), facts.kid()), (Some("alice"), Some("s1"), Some("k")));
        assert_eq!((facts.iat(), facts.exp()), (Some(NOW), Some(NOW + 900)));
        assert!(facts.jti().is_some_and(|jti| jti.len() == 22));
        assert_eq!(verified.claims()["role"], "admin");
        let other = issuer.access_token(who, &()).unwrap();
        assert_ne!(verifier(&issuer, &clock).verify::<Value>(&other).unwrap().facts().jti(), facts.jti());
    }
}

#[test]
fn the_callers_claims_cannot_be_the_issuers() {
    let issuer = issuer(&ManualClock::at(NOW), new_key("k", Algorithm::HS256));
    for name in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid"] {
        let refused = issuer.access_token(Identity::subject("a"), &json!({ name: 1 }));
        assert!(matches!(refused, Err(SignError::Reserved)), "{name}");
    }
    for claims in [json!([1]), json!("text"), json!(1)] {
        assert!(matches!(issuer.access_token(Identity::subject("a"), &claims), Err(SignError::Reserved)));
    }
}

#[tokio::test]
async fn a_login_after_log_out_everywhere_is_stamped_past_the_cut_off() {
    let clock = ManualClock::at(NOW);
    let model = Model::new(&clock);
    let issuer = Issuer::builder(ISSUER)
        .key(new_key("k", Algorithm::HS256))
        .audience(AUDIENCE)
        .clock(clock.clone())
        .revocations(model.clone())
        .build()
        .unwrap();
    let verifier = verifier(&issuer, &clock);
    let check = |token: &str| model.check(verifier.verify::<Value>(token).unwrap().facts());
    let before = issuer.access_token(Identity::subject("alice"), &()).unwrap();
    model.revoke_subject(ISSUER, "alice").await.unwrap();
    assert_eq!(check(&before), Err(AuthError::Revoked));
    let after = issuer.access_token(Identity::subject("alice"), &()).unwrap();
    assert_eq!(check(&after), Ok(()));
    // A session that began before the cut-off gets nothing any more.
    let old = Identity::subject("alice").session("s").since(NOW);
    assert!(matches!(issuer.access_token(old, &()), Err(SignError::Revoked)));
    assert!(issuer.access_token(Identity::subject("bob").session("s").since(NOW), &()).is_ok());
    // Nor does a session that was ended, whenever it began.
    model.revoke_session(ISSUER, "s").await.unwrap();
    for ended in [Identity::subject("bob").session("s").since(NOW + 5), Identity::subject("bob").session("s")] {
        assert!(matches!(issuer.access_token(ended, &()), Err(SignError::Revoked)));
    }
}

#[test]
fn a_key_is_published_before_it_signs_and_until_nothing_it_signed_lives() {
    let clock = ManualClock::at(NOW);
    let issuer = issuer(&clock, new_key("1", Algorithm::EdDSA));
    let kids = || -> Vec<String> {
        let set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let signs = || {
        let token = issuer.access_token(Identity::subject("a"), &()).unwrap();
        verifier(&issuer, &clock).verify::<Value>(&token).unwrap().facts().kid().unwrap().to_owned()
    };
    assert_eq!((kids(), signs()), (vec!["1".to_owned()], "1".to_owned()));
    issuer.rotate(new_key("2", Algorithm::EdDSA), Duration::from_secs(600)).unwrap();
    assert_eq!((kids().len(), signs()), (2, "1".to_owned()));
    assert_eq!(issuer.rotate(new_key("1", Algorithm::EdDSA), Duration::ZERO).unwrap_err(), ConfigError::DuplicateKid);
    let last_of_old = {
        clock.advance(Duration::from_secs(599));
        issuer.access_token(Identity::subject("a"), &()).unwrap()
    };
    clock.advance(Duration::from_secs(1));
    assert_eq!((kids().len(), signs()), (2, "2".to_owned()));
    clock.advance(Duration::from_secs(898));
    assert!(verifier(&issuer, &clock).verify::<Value>(&last_of_old).is_ok());
    clock.advance(Duration::from_secs(1000));
    assert_eq!(kids(), ["2"]);
    issuer.rotate(new_key("3", Algorithm::ES256), Duration::ZERO).unwrap();
    assert_eq!((kids(), signs()), (vec!["2".to_owned(), "3".to_owned()], "3".to_owned()));
    assert!(issuer.withdraw("3") && !issuer.withdraw("3"));
    assert_eq!((kids(), signs()), (vec!["2".to_owned()], "2".to_owned()));
    assert!(issuer.withdraw("2"));
    assert!(matches!(issuer.access_token(Identity::subject("a"), &()), Err(SignError::NoKey)));
}

#[test]
fn secrets_are_not_published() {
    let issuer = issuer(&ManualClock::at(NOW), new_key("k", Algorithm::HS256));
    assert_eq!(issuer.jwks(), r#"{"keys":[]}"#);
    assert_eq!(issuer.verify_keys().len(), 1);
}

#[tokio::test]
async fn what_is_published_is_what_a_remote_verifier_needs() {
    let clock = ManualClock::at(NOW);
    let issuer = std::sync::Arc::new(issuer(&clock, new_key("k", Algorithm::ES384)));
    let publisher = std::sync::Arc::clone(&issuer);
    let jwks = covet_auth::Jwks::builder(ISSUER)
        .clock(clock.clone())
        .fetch(move || {
            let document = publisher.jwks();
            async move { Ok::<_, std::io::Error>(document) }
        })
        .build()
        .unwrap();
    let verifier = Verifier::builder().jwks(jwks).audience(AUDIENCE).clock(clock).build().unwrap();
    let token = issuer.access_token(Identity::subject("a"), &()).unwrap();
    assert!(verifier.verify_fresh::<Value>(&token).await.is_ok());
}
