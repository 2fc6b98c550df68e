//! Key sets: ageing, rotation, floods and broken publishers, with every fetch counted.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use covet_auth::{Algorithm, AuthError, Jwks, JwksBuilder, JwksError, KeyError, ManualClock, SigningKey, Verifier};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, NOW, claims, new_key};

/// A publisher that counts its visitors and can be slow, broken, or silent.
#[derive(Clone)]
struct Publisher {
    document: Arc<Mutex<Result<String, String>>>,
    visits: Arc<AtomicU64>,
    closed: Arc<Mutex<bool>>,
    waiting: Arc<Mutex<Vec<Waker>>>,
}

impl Publisher {
    fn new(keys: &[&SigningKey]) -> Self {
        let publisher = Self {
            document: Arc::new(Mutex::new(Ok(String::new()))),
            visits: Arc::default(),
            closed: Arc::default(),
            waiting: Arc::default(),
        };
        publisher.publish(keys);
        publisher
    }

    fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<Value> =
            keys.iter().map(|key| serde_json::from_str(&key.verify_key().to_jwk().unwrap()).unwrap()).collect();
        self.say(&json!({ "keys": keys }).to_string());
    }

    fn say(&self, document: &str) {
        *self.document.lock().unwrap() = Ok(document.to_owned());
    }

    fn fail(&self) {
        *self.document.lock().unwrap() = Err("connection refused".to_owned());
    }

    fn close_door(&self) {
        *self.closed.lock().unwrap() = true;
    }

    fn open_door(&self) {
        *self.closed.lock().unwrap() = false;
        self.waiting.lock().unwrap().drain(..).for_each(Waker::wake);
    }

    fn visits(&self) -> u64 {
        self.visits.load(Ordering::SeqCst)
    }

    fn jwks(&self, clock: &ManualClock) -> JwksBuilder {
        let publisher = self.clone();
        Jwks::builder(ISSUER).clock(clock.clone()).fetch(move || {
            let publisher = publisher.clone();
            publisher.visits.fetch_add(1, Ordering::SeqCst);
            async move {
                std::future::poll_fn(|cx| {
                    if *publisher.closed.lock().unwrap() {
                        publisher.waiting.lock().unwrap().push(cx.waker().clone());
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                })
                .await;
                publisher.document.lock().unwrap().clone()
            }
        })
    }
}

fn verifier(jwks: &Jwks, clock: &ManualClock) -> Verifier {
    Verifier::builder()
        .jwks(jwks.clone())
        .audience(AUDIENCE)
        .clock(clock.clone())
        .remember_signatures(100)
        .build()
        .unwrap()
}

fn token(key: &SigningKey) -> String {
    key.sign(&claims(|claims| claims["exp"] = json!(NOW + 1_000_000))).unwrap()
}

fn key(kid: &str) -> SigningKey {
    new_key(kid, Algorithm::EdDSA)
}

#[tokio::test]
async fn nothing_loaded_is_503_and_never_401() {
    let clock = ManualClock::at(NOW);
    let a = key("a");
    let publisher = Publisher::new(&[&a]);
    let jwks = publisher.jwks(&clock).build().unwrap();
    let verifier = verifier(&jwks, &clock);
    let error = verifier.verify::<Value>(&token(&a)).unwrap_err();
    assert_eq!((error.status(), error.retry_after().is_some()), (503, true));
    assert_eq!(publisher.visits(), 0, "a synchronous check fetches nothing");

    publisher.fail();
    assert!(matches!(jwks.refresh().await, Err(JwksError::Fetch(_))));
    assert_eq!(verifier.verify_fresh::<Value>(&token(&a)).await.unwrap_err().status(), 503);
    publisher.publish(&[&a]);
    clock.advance(Duration::from_secs(1));
    assert!(verifier.verify_fresh::<Value>(&token(&a)).await.is_ok());
    assert!(verifier.verify::<Value>(&token(&a)).is_ok());
}

#[tokio::test]
async fn a_rotation_leaves_no_gap() {
    let clock = ManualClock::at(NOW);
    let (old, new) = (key("old"), key("new"));
    let publisher = Publisher::new(&[&old]);
    let jwks = publisher.jwks(&clock).build().unwrap();
    let verifier = verifier(&jwks, &clock);
    jwks.refresh().await.unwrap();
    // Right after a refresh on schedule, an unknown key is still looked up at once.
    publisher.publish(&[&old, &new]);
    assert!(verifier.verify_fresh::<Value>(&token(&new)).await.is_ok());
    assert!(verifier.verify::<Value>(&token(&old)).is_ok());
    assert_eq!((publisher.visits(), jwks.status().generation), (2, 2));
    // The old key is withdrawn: what was verified under it is void, remembered or not.
    publisher.publish(&[&new]);
    jwks.refresh().await.unwrap();
    assert_eq!(verifier.verify::<Value>(&token(&old)).unwrap_err(), AuthError::UnknownKey);
    assert!(verifier.verify::<Value>(&token(&new)).is_ok());
}

#[tokio::test]
async fn a_flood_of_unknown_keys_costs_one_fetch() {
    let clock = ManualClock::at(NOW);
    let good = key("good");
    let publisher = Publisher::new(&[&good]);
    let jwks = publisher.jwks(&clock).build().unwrap();
    let verifier = verifier(&jwks, &clock);
    jwks.refresh().await.unwrap();
    let stranger = key("stranger");
    for number in 0..1000 {
        let token = if number % 2 == 0 { token(&key(&number.to_string())) } else { token(&stranger) };
        assert_eq!(verifier.verify_fresh::<Value>(&token).await.unwrap_err(), AuthError::UnknownKey);
    }
    assert_eq!(publisher.visits(), 2, "the first load, and one for all of them");
    clock.advance(Duration::from_secs(10));
    for _ in 0..10 {
        assert!(verifier.verify_fresh::<Value>(&token(&stranger)).await.is_err());
    }
    assert_eq!(publisher.visits(), 3);
    assert!(verifier.verify::<Value>(&token(&good)).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_come_together_share_one_fetch() {
    let clock = ManualClock::at(NOW);
    let good = key("good");
    let publisher = Publisher::new(&[&good]);
    publisher.close_door();
    let jwks = publisher.jwks(&clock).build().unwrap();
    let verifier = Arc::new(verifier(&jwks, &clock));
    let token = Arc::new(token(&good));
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, token) = (Arc::clone(&verifier), Arc::clone(&token));
            tokio::spawn(async move { verifier.verify_fresh::<Value>(&token).await.is_ok() })
        })
        .collect();
    while publisher.visits() == 0 {
        tokio::task::yield_now().await;
    }
    publisher.open_door();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert_eq!(publisher.visits(), 1);
}

#[test]
fn a_caller_that_gives_up_hands_the_fetch_over() {
    let clock = ManualClock::at(NOW);
    let publisher = Publisher::new(&[&key("a")]);
    publisher.close_door();
    let jwks = publisher.jwks(&clock).build().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut first = Box::pin(jwks.refresh());
    assert!(first.as_mut().poll(&mut context).is_pending());
    let mut second = pin!(jwks.refresh());
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert_eq!(publisher.visits(), 1);
    drop(first);
    publisher.open_door();
    assert!(matches!(second.as_mut().poll(&mut context), Poll::Ready(Ok(()))));
    assert_eq!(publisher.visits(), 2);
}

#[tokio::test]
async fn stale_keys_are_served_up_to_the_maximum_age() {
    let clock = ManualClock::at(NOW);
    let a = key("a");
    let publisher = Publisher::new(&[&a]);
    let jwks = publisher
        .jwks(&clock)
        .refresh_after(Duration::from_secs(60))
        .max_age(Duration::from_secs(600))
        .build()
        .unwrap();
    let verifier = verifier(&jwks, &clock);
    jwks.refresh().await.unwrap();
    publisher.fail();
    for _ in 0..9 {
        clock.advance(Duration::from_secs(60));
        assert!(verifier.verify_fresh::<Value>(&token(&a)).await.is_ok());
    }
    // The wall clock does not count.
    clock.set(NOW - 5000);
    clock.advance(Duration::from_secs(59));
    assert!(verifier.verify::<Value>(&token(&a)).is_ok());
    clock.advance(Duration::from_secs(1));
    assert_eq!(verifier.verify::<Value>(&token(&a)).unwrap_err().status(), 503);
    assert!(!jwks.status().usable);
    publisher.publish(&[&a]);
    clock.advance(Duration::from_secs(60));
    assert!(verifier.verify_fresh::<Value>(&token(&a)).await.is_ok());
}

#[tokio::test]
async fn one_bad_key_does_not_spoil_the_set() {
    let clock = ManualClock::at(NOW);
    let good = key("good");
    let publisher = Publisher::new(&[]);
    let jwk: Value = serde_json::from_str(&good.verify_key().to_jwk().unwrap()).unwrap();
    let off_curve = json!({"kty": "EC", "crv": "P-256", "kid": "off", "alg": "ES256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5aw"});
    let mut twin = serde_json::from_str::<Value>(&key("good").verify_key().to_jwk().unwrap()).unwrap();
    twin["kid"] = "good".into();
    let set = json!({"keys": [
        7, {}, {"kty": "oct", "kid": "oct", "k": "AAAA"}, {"kty": "EC", "crv": "P-999", "kid": "curve"},
        {"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"}, off_curve,
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "x"}, jwk, twin,
        {"kty": "OKP", "crv": "Ed25519", "x": jwk["x"], "kid": "enc", "use": "enc"},
        {"kty": "OKP", "crv": "Ed25519", "x": jwk["x"], "kid": "ops", "key_ops": ["sign"]},
    ]});
    publisher.say(&set.to_string());
    let jwks = publisher.jwks(&clock).build().unwrap();
    jwks.refresh().await.unwrap();
    let status = jwks.status();
    assert_eq!(status.keys, 1);
    let reason = |kid: &str| status.skipped.iter().find(|(name, _)| name.as_deref() == Some(kid)).map(|(_, why)| *why);
    assert_eq!(reason("oct"), Some(KeyError::Secret));
    assert_eq!(reason("off"), Some(KeyError::Format));
    assert_eq!(reason("short"), Some(KeyError::TooShort));
    assert_eq!(reason("curve"), Some(KeyError::Unsupported));
    assert_eq!(reason("good"), Some(KeyError::Duplicate));
    assert_eq!((reason("enc"), reason("ops")), (Some(KeyError::WrongUse), Some(KeyError::WrongUse)));
    assert!(verifier(&jwks, &clock).verify::<Value>(&token(&good)).is_ok());
}

#[tokio::test]
async fn documents_that_are_no_set_leave_the_old_keys() {
    let clock = ManualClock::at(NOW);
    let a = key("a");
    let publisher = Publisher::new(&[&a]);
    let jwks = publisher.jwks(&clock).max_bytes(4096).max_keys(2).build().unwrap();
    jwks.refresh().await.unwrap();
    for document in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, "<html>", r#"{"keys":[{"kty":"oct","k":""}]}"#]
    {
        publisher.say(document);
        assert!(jwks.refresh().await.is_err(), "{document}");
        assert!(jwks.status().last_error.is_some());
        assert_eq!(jwks.status().keys, 1);
    }
    publisher.say(&" ".repeat(4097));
    assert!(matches!(jwks.refresh().await, Err(JwksError::TooLarge)));
    publisher.publish(&[&a, &key("b"), &key("c")]);
    jwks.refresh().await.unwrap();
    assert_eq!(jwks.status().keys, 2);
}

#[tokio::test]
async fn an_unchanged_set_keeps_its_generation() {
    let clock = ManualClock::at(NOW);
    let (a, b) = (key("a"), key("b"));
    let publisher = Publisher::new(&[&a, &b]);
    let jwks = publisher.jwks(&clock).build().unwrap();
    for _ in 0..3 {
        jwks.refresh().await.unwrap();
        assert_eq!(jwks.status().generation, 1);
    }
    publisher.publish(&[&b, &a]);
    jwks.refresh().await.unwrap();
    assert_eq!(jwks.status().generation, 2);
}

#[tokio::test]
async fn the_task_refreshes_ahead_and_when_a_key_is_unknown() {
    let clock = ManualClock::at(NOW);
    let (a, b) = (key("a"), key("b"));
    let publisher = Publisher::new(&[&a]);
    let jwks = publisher.jwks(&clock).refresh_after(Duration::from_secs(60)).build().unwrap();
    let verifier = verifier(&jwks, &clock);
    // Time is the test's: sleeping means waiting until the manual clock has moved on.
    let sleeper = clock.clone();
    let sleep = move |span: Duration| {
        use covet_auth::Clock as _;
        let clock = sleeper.clone();
        let until = clock.elapsed() + span;
        async move {
            while clock.elapsed() < until {
                tokio::task::yield_now().await;
            }
        }
    };
    let settle = || async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    };
    let task = tokio::spawn({
        let jwks = jwks.clone();
        async move { jwks.keep_fresh(sleep).await }
    });
    settle().await;
    assert_eq!(publisher.visits(), 1);
    assert!(verifier.verify::<Value>(&token(&a)).is_ok());
    clock.advance(Duration::from_secs(60));
    settle().await;
    assert_eq!(publisher.visits(), 2);
    publisher.publish(&[&a, &b]);
    assert_eq!(verifier.verify::<Value>(&token(&b)).unwrap_err(), AuthError::UnknownKey);
    settle().await;
    assert_eq!(publisher.visits(), 3);
    assert!(verifier.verify::<Value>(&token(&b)).is_ok());
    // Failures are tried again later and later, not at once.
    publisher.fail();
    clock.advance(Duration::from_secs(60));
    settle().await;
    let visits = publisher.visits();
    settle().await;
    assert_eq!(publisher.visits(), visits);
    clock.advance(Duration::from_secs(2));
    settle().await;
    assert_eq!(publisher.visits(), visits + 1);
    task.abort();
}

#[tokio::test]
async fn rsa_keys_without_an_algorithm_get_the_configured_one() {
    let clock = ManualClock::at(NOW);
    let rsa = crate::support::signing_key(Algorithm::RS256);
    let mut jwk: Value = serde_json::from_str(&rsa.verify_key().to_jwk().unwrap()).unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    let publisher = Publisher::new(&[]);
    publisher.say(&json!({ "keys": [jwk] }).to_string());
    let jwks = publisher.jwks(&clock).build().unwrap();
    jwks.refresh().await.unwrap();
    assert!(verifier(&jwks, &clock).verify::<Value>(&token(rsa)).is_ok());
    let strict = publisher.jwks(&clock).rsa_algorithm(None).build().unwrap();
    assert!(matches!(strict.refresh().await, Err(JwksError::NoUsableKey)));
}

#[cfg(feature = "reqwest")]
#[test]
fn fetch_https_takes_https_alone() {
    for url in ["http://id.example/jwks", "file:///etc/passwd", "id.example", ""] {
        assert!(Jwks::builder(ISSUER).fetch_https(url).is_err(), "{url}");
    }
    assert!(Jwks::builder(ISSUER).fetch_https("https://id.example/jwks").unwrap().build().is_ok());
}
