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

/// The real blacklist in the place of the model.
mod with_the_blacklist {
    use std::sync::Arc;

    use covet_auth::{
        Algorithm, Blacklist, BlacklistConfig, Families, Identity, Issuer, Jwks, MemoryFamilies, SignError, Verified,
        Verifier,
    };

    use super::*;
    use crate::support::{AUDIENCE, new_key};

    struct World {
        clock: ManualClock,
        blacklist: Blacklist,
        issuer: Arc<Issuer>,
        guard: Guard<Blacklist>,
        jwks: Jwks,
    }

    /// An issuer whose keys travel by JWKS to a guard that remembers signatures.
    async fn world() -> World {
        let clock = ManualClock::at(NOW);
        let blacklist = Blacklist::new(BlacklistConfig::new().clock(clock.shared())).unwrap();
        let issuer = Issuer::builder(ISSUER)
            .key(new_key("k1", Algorithm::ES256))
            .audience(AUDIENCE)
            .revocations(blacklist.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        let issuer = Arc::new(issuer);
        let publisher = Arc::clone(&issuer);
        let jwks = Jwks::builder(ISSUER)
            .clock(clock.clone())
            .fetch(move || {
                let document = publisher.jwks();
                async move { Ok::<_, std::io::Error>(document) }
            })
            .build()
            .unwrap();
        jwks.refresh().await.unwrap();
        let verifier = Verifier::builder()
            .jwks(jwks.clone())
            .audience(AUDIENCE)
            .max_lifetime(Duration::from_secs(3600))
            .remember_signatures(1000)
            .clock(clock.clone())
            .build()
            .unwrap();
        let guard = Guard::new(verifier, blacklist.clone()).unwrap();
        World { clock, blacklist, issuer, guard, jwks }
    }

    impl World {
        fn token(&self, sub: &str, sid: &str) -> String {
            self.issuer.access_token(Identity::subject(sub).session(sid), &()).unwrap()
        }

        fn check(&self, token: &str) -> Result<Verified<Value>, AuthError> {
            self.guard.authenticate(token)
        }
    }

    #[tokio::test]
    async fn a_remembered_token_is_refused_once_it_is_revoked() {
        let world = world().await;
        let (token, other) = (world.token("alice", "s"), world.token("alice", "s"));
        let verified = world.check(&token).unwrap();
        assert!(world.check(&token).is_ok());
        world.blacklist.revoke(&verified).unwrap();
        assert_eq!(world.check(&token).unwrap_err(), AuthError::Revoked);
        assert!(world.check(&other).is_ok());
        world.blacklist.revoke_id(ISSUER, world.check(&other).unwrap().facts().jti().unwrap()).unwrap();
        assert_eq!(world.check(&other).unwrap_err(), AuthError::Revoked);
    }

    #[tokio::test]
    async fn a_revoked_key_stays_revoked_through_a_refresh_of_the_set() {
        let world = world().await;
        let token = world.token("alice", "s");
        assert!(world.check(&token).is_ok());
        world.blacklist.revoke_key(ISSUER, "k1").unwrap();
        assert_eq!(world.check(&token).unwrap_err(), AuthError::Revoked);
        world.jwks.refresh().await.unwrap();
        assert_eq!(world.check(&token).unwrap_err(), AuthError::Revoked);
        // Whoever stole it chooses `iat` and the time of signing.
        world.clock.advance(Duration::from_secs(100));
        assert_eq!(world.check(&world.token("alice", "s")).unwrap_err(), AuthError::Revoked);
        // The next key works.
        world.issuer.rotate(new_key("k2", Algorithm::EdDSA), Duration::ZERO).unwrap();
        let fresh = world.token("alice", "s");
        assert!(world.guard.authenticate_fresh::<Value>(&fresh).await.is_ok());
        assert_eq!(world.check(&token).unwrap_err(), AuthError::Revoked);
    }

    #[tokio::test]
    async fn sessions_and_subjects() {
        let world = world().await;
        let (one, two, bob) = (world.token("alice", "1"), world.token("alice", "2"), world.token("bob", "3"));
        world.blacklist.revoke_session(ISSUER, "1").unwrap();
        assert_eq!(world.check(&one).unwrap_err(), AuthError::Revoked);
        assert!(world.check(&two).is_ok());
        world.blacklist.revoke_subject(ISSUER, "alice").unwrap();
        assert_eq!(world.check(&two).unwrap_err(), AuthError::Revoked);
        assert!(world.check(&bob).is_ok());
        // The next login, in the same second.
        assert!(world.check(&world.token("alice", "4")).is_ok());
        let ended = Identity::subject("alice").session("1");
        assert!(matches!(world.issuer.access_token(ended, &()), Err(SignError::Revoked)));
    }

    #[tokio::test]
    async fn theft_of_a_refresh_token_ends_its_access_tokens() {
        let world = world().await;
        let families = Families::builder(Arc::clone(&world.issuer), MemoryFamilies::new(), world.blacklist.clone())
            .secret(&[3; 32])
            .build()
            .unwrap();
        let first = families.start("alice").await.unwrap();
        let second = families.rotate(&first.refresh_token).await.unwrap();
        families.rotate(&second.refresh_token).await.unwrap();
        let access = world.issuer.access_token(second.identity(), &()).unwrap();
        assert!(world.check(&access).is_ok());
        assert!(families.rotate(&first.refresh_token).await.unwrap_err().is_reuse());
        assert_eq!(world.check(&access).unwrap_err(), AuthError::Revoked);

        // Everywhere, then a new login in the same second.
        families.log_out_everywhere("alice").await.unwrap();
        let new = families.start("alice").await.unwrap();
        let new = families.rotate(&new.refresh_token).await.unwrap();
        let access = world.issuer.access_token(new.identity(), &()).unwrap();
        assert!(world.check(&access).is_ok());
    }

    #[tokio::test]
    async fn a_token_is_revoked_until_the_guard_would_refuse_it_anyway() {
        let world = world().await;
        let token = world.token("alice", "s");
        world.blacklist.revoke(&world.check(&token).unwrap()).unwrap();
        for _ in 0..2000 {
            let refused = world.check(&token).unwrap_err();
            assert!(matches!(refused, AuthError::Revoked | AuthError::Expired | AuthError::KeysUnavailable { .. }));
            world.clock.advance(Duration::from_secs(1));
            if world.clock_reads() % 60 == 0 {
                world.jwks.refresh().await.unwrap();
                world.blacklist.expire();
            }
        }
        assert!(world.blacklist.is_empty());
        world.clock.set(NOW);
        assert!(world.check(&token).is_err(), "not even when the clock goes back");
    }

    impl World {
        fn clock_reads(&self) -> u64 {
            covet_auth::Clock::now(&self.clock)
        }
    }
}
