//! The examples of the standards.

use covet_auth::{Algorithm, AuthError, ManualClock, Verifier, VerifyKey};
use serde_json::Value;
use std::time::Duration;

use crate::support::verifiers;

/// RFC 7515 A.1.1 and RFC 7519 3.1: the claims of the first three examples.
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// RFC 7515 A.1, A.2, A.3: header, key, signature.
const EXAMPLES: [(&str, Algorithm, &str, &str); 3] = [
    (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        Algorithm::HS256,
        r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    (
        "eyJhbGciOiJSUzI1NiJ9",
        Algorithm::RS256,
        concat!(
            r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPME"#,
            "zP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdb",
            "BYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NA",
            r#"co9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
        ),
        concat!(
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb",
            "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383",
            "LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy",
            "wlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
    ),
    (
        "eyJhbGciOiJFUzI1NiJ9",
        Algorithm::ES256,
        concat!(
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#,
            r#""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        ),
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
];

fn at(now: u64, key: VerifyKey) -> Verifier {
    Verifier::builder()
        .key(key)
        .issuer("joe")
        .any_audience()
        .leeway(Duration::ZERO)
        .clock(ManualClock::at(now))
        .build()
        .unwrap()
}

#[test]
fn rfc7515_appendix_a_and_rfc7519_section_3() {
    for (header, algorithm, jwk, signature) in EXAMPLES {
        let key = VerifyKey::from_jwk_as(algorithm, jwk).unwrap();
        let token = format!("{header}.{CLAIMS}.{signature}");
        let verified = at(1_300_819_379, key.clone()).verify::<Value>(&token).unwrap();
        assert_eq!(verified.facts().iss(), Some("joe"));
        assert_eq!(verified.facts().exp(), Some(1_300_819_380));
        assert_eq!(verified.claims()["http://example.com/is_root"], true);
        assert_eq!(verified.algorithm(), algorithm);
        // RFC 7519 section 4.1.4: "on or after".
        assert_eq!(at(1_300_819_380, key).verify::<Value>(&token).unwrap_err(), AuthError::Expired);
    }
}

#[test]
fn rfc7515_a5_unsecured_is_refused() {
    let token = format!("eyJhbGciOiJub25lIn0.{CLAIMS}.");
    let key = VerifyKey::from_jwk_as(Algorithm::HS256, EXAMPLES[0].2).unwrap();
    assert_eq!(at(0, key).verify::<Value>(&token).unwrap_err(), AuthError::Algorithm);
}

#[test]
fn rfc7517_appendix_a_public_keys() {
    let ec = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}"#;
    assert_eq!(VerifyKey::from_jwk(ec).unwrap_err(), covet_auth::KeyError::WrongUse);
    let ec = ec.replace("enc", "sig");
    let key = VerifyKey::from_jwk(&ec).unwrap();
    assert_eq!(key.algorithm(), Algorithm::ES256);
    let exported: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
    assert_eq!(exported["x"], "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
    assert_eq!((&exported["kid"], &exported["alg"]), (&Value::from("1"), &Value::from("ES256")));
    assert_eq!(verifiers(&key.issuer(crate::support::ISSUER)).len(), covet_auth::Backend::AVAILABLE.len());
}

#[test]
fn rfc8037_appendix_a_public_key() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let key = VerifyKey::from_jwk(jwk).unwrap();
    assert_eq!(key.algorithm(), Algorithm::EdDSA);
    let exported: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
    assert_eq!(exported["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
}
