//! Verifier and revocations together.

use std::time::Duration;

use covet_auth::{AuthError, Guard, GuardError, ManualClock, Revoke as _, SystemClock};
use serde_json::{Value, json};

use crate::support::{ISSUER, Model, NOW, builder, claims, hs256, token};

#[tokio::test]
async fn revoked_tokens_are_refused_by_whatever_name() {
    let clock = ManualClock::at(NOW);
    let model = Model::new(&clock);
    let verifier = builder().key(hs256()).clock(clock.clone()).max_lifetime(Duration::from_secs(3600)).build().unwrap();
    let guard = Guard::new(verifier, model.clone()).unwrap();
    let named = token(&claims(|_| {}));
    let unnamed = token(&claims(|claims| drop(claims.as_object_mut().unwrap().remove("jti"))));
    let of_session = token(&claims(|claims| claims["sid"] = json!("s")));
    for token in [&named, &unnamed] {
        let verified = guard.authenticate::<Value>(token).unwrap();
        model.revoke(verified.facts());
        assert_eq!(guard.authenticate::<Value>(token).unwrap_err(), AuthError::Revoked);
        assert_eq!(guard.authenticate_fresh::<Value>(token).await.unwrap_err(), AuthError::Revoked);
        assert_eq!(guard.authenticate_bound::<Value>(token, |_| true).unwrap_err(), AuthError::Revoked);
    }
    model.ids.lock().unwrap().clear();
    assert!(guard.authenticate::<Value>(&of_session).is_ok());
    model.revoke_session(ISSUER, "s").await.unwrap();
    assert_eq!(guard.authenticate::<Value>(&of_session).unwrap_err(), AuthError::Revoked);
    *model.unavailable.lock().unwrap() = true;
    assert_eq!(guard.authenticate::<Value>(&named).unwrap_err().status(), 503);
    // A token that is bad anyway is 401 even then.
    assert_eq!(guard.authenticate::<Value>("a.b.c").unwrap_err().status(), 401);
}

#[test]
fn parts_that_disagree_about_time_are_not_joined() {
    let clock = ManualClock::at(NOW);
    let model = Model::new(&clock);
    let day = Duration::from_secs(86_400);
    let base = || builder().key(hs256()).clock(clock.clone()).max_lifetime(day);
    let join = |builder: covet_auth::VerifierBuilder| Guard::new(builder.build().unwrap(), model.clone()).map(|_| ());
    assert_eq!(join(base()), Ok(()));
    assert_eq!(join(base().clock(SystemClock)), Err(GuardError::Clocks));
    assert_eq!(join(base().clock(ManualClock::at(NOW))), Err(GuardError::Clocks));
    assert_eq!(join(base().leeway(Duration::from_secs(61))), Err(GuardError::Leeway));
    assert_eq!(join(base().max_lifetime(91 * day)), Err(GuardError::MaxLifetime));
    assert_eq!(join(builder().key(hs256()).clock(clock.clone())), Err(GuardError::MaxLifetime));
}
