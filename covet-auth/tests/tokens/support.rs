//! Keys, tokens and a model of revocation that the tests share.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use covet_auth::{
    Algorithm, AuthError, Backend, Clock, ManualClock, Retention, Revocations, Revoke, SigningKey, TokenFacts, TokenId,
    Verifier, VerifierBuilder, VerifyKey,
};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const NOW: u64 = 1_800_000_000;

/// A key pair of each algorithm, made once: RSA keys take their time.
pub(crate) fn signing_key(algorithm: Algorithm) -> &'static SigningKey {
    static KEYS: OnceLock<Mutex<HashMap<Algorithm, &'static SigningKey>>> = OnceLock::new();
    let mut keys = KEYS.get_or_init(Mutex::default).lock().unwrap();
    keys.entry(algorithm).or_insert_with(|| Box::leak(Box::new(new_key("k1", algorithm))))
}

pub(crate) fn new_key(kid: &str, algorithm: Algorithm) -> SigningKey {
    if algorithm.is_symmetric() {
        let mut secret = [0; 64];
        getrandom::fill(&mut secret).unwrap();
        SigningKey::secret(kid, algorithm, &secret).unwrap()
    } else {
        SigningKey::from_pkcs8(kid, algorithm, &SigningKey::generate_pkcs8(algorithm).unwrap()).unwrap()
    }
}

/// A secret key without a name, as most tests need one.
pub(crate) const SECRET: [u8; 32] = [42; 32];

pub(crate) fn hs256() -> VerifyKey {
    VerifyKey::secret(Algorithm::HS256, &SECRET).unwrap()
}

/// A verifier for [`ISSUER`] and [`AUDIENCE`] at [`NOW`], without leeway and without a key.
pub(crate) fn builder() -> VerifierBuilder {
    Verifier::builder().issuer(ISSUER).audience(AUDIENCE).leeway(Duration::ZERO).clock(ManualClock::at(NOW))
}

pub(crate) fn verifier() -> Verifier {
    builder().key(hs256()).build().unwrap()
}

/// One verifier of the key for each backend.
pub(crate) fn verifiers(key: &VerifyKey) -> Vec<Verifier> {
    Backend::AVAILABLE.iter().map(|&backend| builder().backend(backend).key(key.clone()).build().unwrap()).collect()
}

/// Claims that pass, changed by `change`.
pub(crate) fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "jti": "id-1", "iat": NOW - 10, "exp": NOW + 100,
    });
    change(&mut claims);
    claims
}

/// A token of this header and payload, exactly as written, signed with [`SECRET`] by HMAC-SHA-256.
pub(crate) fn raw(header: &str, payload: &str) -> String {
    let input = format!("{}.{}", b64(header), b64(payload));
    let signature = hmac_sha256(input.as_bytes());
    format!("{input}.{}", b64(signature))
}

pub(crate) fn hmac_sha256(message: &[u8]) -> Vec<u8> {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &SECRET);
    aws_lc_rs::hmac::sign(&key, message).as_ref().to_vec()
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of these claims signed with [`SECRET`].
pub(crate) fn token(claims: &Value) -> String {
    raw(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

/// What the verifier says of these claims, once they are signed.
pub(crate) fn judge(claims: &Value) -> Result<Value, AuthError> {
    verifier().verify::<Value>(&token(claims)).map(covet_auth::Verified::into_claims)
}

/// Revocation as a model: exact, and without any cleverness.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Mutex<Vec<String>>,
    pub(crate) cut_offs: Mutex<HashMap<(String, String), u64>>,
    pub(crate) unavailable: Mutex<bool>,
}

impl Model {
    pub(crate) fn new(clock: &ManualClock) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.shared(),
            ids: Mutex::default(),
            cut_offs: Mutex::default(),
            unavailable: Mutex::default(),
        })
    }

    pub(crate) fn revoke(&self, facts: &TokenFacts) {
        self.ids.lock().unwrap().push(name(facts));
    }

    fn cut_off(&self, kind: &str, name: Option<&str>) -> Option<u64> {
        self.cut_offs.lock().unwrap().get(&(kind.to_owned(), name?.to_owned())).copied()
    }

    fn cut(&self, kind: &str, name: &str) {
        self.cut_offs.lock().unwrap().insert((kind.to_owned(), name.to_owned()), self.clock.now());
    }
}

fn name(facts: &TokenFacts) -> String {
    match facts.id() {
        TokenId::Jti(jti) => format!("j {jti}"),
        TokenId::SigningInput(input) => format!("s {}", String::from_utf8_lossy(input)),
        _ => unreachable!(),
    }
}

impl Revocations for Model {
    fn check(&self, token: &TokenFacts) -> Result<(), AuthError> {
        if *self.unavailable.lock().unwrap() {
            return Err(AuthError::RevocationsUnavailable { retry_after: Duration::from_secs(1) });
        }
        let cut = [self.cut_off("sub", token.sub()), self.cut_off("sid", token.sid())].into_iter().flatten().max();
        let cut_off = cut.is_some_and(|cut| token.iat().is_none_or(|iat| iat <= cut));
        if cut_off || self.ids.lock().unwrap().contains(&name(token)) { Err(AuthError::Revoked) } else { Ok(()) }
    }

    fn not_before(&self, _iss: &str, sub: Option<&str>, sid: Option<&str>) -> Option<u64> {
        [self.cut_off("sub", sub), self.cut_off("sid", sid)].into_iter().flatten().max().map(|cut| cut + 1)
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    fn retention(&self) -> Retention {
        Retention::new(Duration::from_secs(60), Duration::from_secs(90 * 86_400))
    }
}

impl Revoke for Model {
    type Error = Infallible;

    async fn revoke_session(&self, _iss: &str, sid: &str) -> Result<(), Infallible> {
        self.cut("sid", sid);
        Ok(())
    }

    async fn revoke_subject(&self, _iss: &str, sub: &str) -> Result<(), Infallible> {
        self.cut("sub", sub);
        Ok(())
    }
}
