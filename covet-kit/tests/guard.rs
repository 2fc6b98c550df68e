//! `GuardLayer` in front of routes: who gets through, and what the others are told.
#![cfg(feature = "guard")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use covet_auth::{
    Algorithm, AuthError, Clock, Guard, Identity, Issuer, Retention, Revocations, SigningKey, SystemClock, TokenFacts,
    Verifier,
};
use covet_kit::service::{Body, Claims, GuardLayer, RouteService, Routes};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

const ISSUER: &str = "https://id.example";

#[derive(Serialize, Deserialize)]
struct Extra {
    scope: String,
}

/// Refuses everything, or cannot answer, when told to.
struct Switch {
    revoked: AtomicBool,
    unavailable: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl Revocations for Switch {
    fn check(&self, _: &TokenFacts) -> Result<(), AuthError> {
        if self.unavailable.load(Ordering::SeqCst) {
            return Err(AuthError::RevocationsUnavailable { retry_after: Duration::from_secs(3) });
        }
        if self.revoked.load(Ordering::SeqCst) { Err(AuthError::Revoked) } else { Ok(()) }
    }

    fn not_before(&self, _: &str, _: Option<&str>, _: Option<&str>) -> Option<u64> {
        None
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    fn retention(&self) -> Retention {
        Retention::new(Duration::from_secs(60), Duration::from_secs(3600))
    }
}

struct Setup {
    service: RouteService<Body>,
    issuer: Issuer,
    switch: Arc<Switch>,
}

fn setup() -> Setup {
    let key = SigningKey::secret("k1", Algorithm::HS256, b"0123456789abcdef0123456789abcdef").unwrap();
    let verify = key.verify_key();
    let issuer = Issuer::builder(ISSUER).key(key).audience("api").lifetime(Duration::from_secs(600)).build().unwrap();
    let verifier = Verifier::builder()
        .key(verify)
        .issuer(ISSUER)
        .audience("api")
        .leeway(Duration::from_secs(30))
        .max_lifetime(Duration::from_secs(3600))
        .build()
        .unwrap();
    let clock = SystemClock::shared();
    let switch = Arc::new(Switch { revoked: AtomicBool::new(false), unavailable: AtomicBool::new(false), clock });
    let guard = Arc::new(Guard::new(verifier, switch.clone()).unwrap());
    let any = GuardLayer::<Extra, _>::new(guard);
    let who = async |request: Request<Body>| {
        request.extensions().get::<Claims<Extra>>().unwrap().facts().sub().unwrap().to_owned()
    };
    let admin = Routes::new().get("/", who).layer(&any.clone().scope("admin"));
    let service =
        Routes::new().get("/me", who).layer(&any).nest("/admin", admin).get("/open", async |_| "open").build().unwrap();
    Setup { service, issuer, switch }
}

impl Setup {
    fn token(&self, scope: &str) -> String {
        self.issuer.access_token(Identity::subject("ada"), &Extra { scope: scope.to_owned() }).unwrap()
    }

    async fn get(&self, path: &str, authorization: Option<&str>) -> (Response<()>, String) {
        let mut request = Request::get(path);
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let response = self.service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (Response::from_parts(parts, ()), text)
    }
}

#[tokio::test]
async fn a_good_token_gets_through_with_its_claims() {
    let setup = setup();
    let bearer = format!("Bearer {}", setup.token("read"));
    let (response, text) = setup.get("/me", Some(&bearer)).await;
    assert_eq!((response.status(), text.as_str()), (StatusCode::OK, "ada"));
    assert_eq!(setup.get("/open", None).await.0.status(), StatusCode::OK);
}

#[tokio::test]
async fn everyone_else_is_told_nothing_but_that_a_token_is_needed() {
    let setup = setup();
    let good = setup.token("read");
    let forged = format!("Bearer {}A", &good[..good.len() - 1]);
    let (missing, text) = setup.get("/me", None).await;
    assert_eq!(
        (missing.status(), &missing.headers()[header::WWW_AUTHENTICATE]),
        (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap())
    );
    assert!(text.contains("unauthorized"));
    let mut answers = vec![setup.get("/me", Some(&forged)).await.1, setup.get("/me", Some("Bearer x.y.z")).await.1];
    setup.switch.revoked.store(true, Ordering::SeqCst);
    let (revoked, text) = setup.get("/me", Some(&format!("Bearer {good}"))).await;
    assert_eq!(revoked.headers()[header::WWW_AUTHENTICATE], "Bearer error=\"invalid_token\"");
    answers.push(text);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn a_missing_scope_is_403_also_for_an_escaped_path() {
    let setup = setup();
    let reader = format!("Bearer {}", setup.token("read"));
    for path in ["/admin", "/%61dmin"] {
        let (response, text) = setup.get(path, Some(&reader)).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(text.contains("forbidden"));
        assert!(setup.get(path, None).await.0.status() == StatusCode::UNAUTHORIZED);
    }
    let admin = format!("bearer {}", setup.token("read admin"));
    assert_eq!(setup.get("/admin", Some(&admin)).await.0.status(), StatusCode::OK);
}

#[tokio::test]
async fn revocations_that_cannot_answer_are_503_with_a_pause() {
    let setup = setup();
    setup.switch.unavailable.store(true, Ordering::SeqCst);
    let (response, _) = setup.get("/me", Some(&format!("Bearer {}", setup.token("read")))).await;
    assert_eq!(
        (response.status(), &response.headers()[header::RETRY_AFTER]),
        (StatusCode::SERVICE_UNAVAILABLE, &"3".parse().unwrap())
    );
}
