//! Tokens: arbitrary text, and arbitrary headers and claims under a good signature.
//!
//! Whatever is accepted must be JSON by serde_json's judgement, and every fact must be what serde_json reads.
#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use covet_auth::{Algorithm, ManualClock, Verifier, VerifyKey};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const SECRET: [u8; 32] = [7; 32];

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    Verifier::builder()
        .key(VerifyKey::secret(Algorithm::HS256, &SECRET).unwrap())
        .any_issuer()
        .any_audience()
        .allow_missing_exp()
        .clock(ManualClock::at(0))
        .build()
        .unwrap()
});

fn sign(header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", BASE64.encode(header), BASE64.encode(payload));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &SECRET);
    let tag = aws_lc_rs::hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", BASE64.encode(tag))
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        // Nobody can guess the signature.
        assert!(VERIFIER.verify::<Value>(text).is_err());
    }
    let split = data.iter().position(|&byte| byte == 0);
    let (header, payload) = split.map_or((&br#"{"alg":"HS256"}"#[..], data), |at| (&data[..at], &data[at + 1..]));
    let token = sign(header, payload);
    let Ok(verified) = VERIFIER.verify_bound::<Value>(&token, |_| true) else { return };

    let header: Value = serde_json::from_slice(header).expect("an accepted header is JSON");
    assert_eq!(header["alg"], "HS256");
    assert!(header.get("crit").is_none());
    let claims: Value = serde_json::from_slice(payload).expect("accepted claims are JSON");
    assert!(claims.is_object());
    assert_eq!(verified.claims(), &claims);
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let named = |name: &str| text(name).filter(|text| !text.is_empty());
    let facts = verified.facts();
    assert_eq!(facts.iss(), text("iss"));
    assert_eq!(facts.sub(), named("sub"));
    assert_eq!(facts.sid(), named("sid"));
    assert_eq!(facts.jti(), named("jti"));
    let seconds = |name: &str| claims.get(name).map(|value| value.as_f64().expect("a date is a number") as u64);
    assert_eq!(facts.exp(), seconds("exp"));
    assert_eq!(facts.iat(), seconds("iat"));
});
