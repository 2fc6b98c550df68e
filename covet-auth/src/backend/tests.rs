//! Signatures through every backend: the examples whose payload is no JSON, and each backend against the others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

fn verifies(jwk: &str, input: &str, signature: &str) -> Vec<bool> {
    let key = VerifyKey::from_jwk(jwk).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let check = |&backend| Prepared::new(backend, &key).unwrap().verifies(input.as_bytes(), &signature);
    Backend::AVAILABLE.iter().map(check).collect()
}

#[test]
fn rfc8037_a4_ed25519() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert!(verifies(jwk, input, signature).into_iter().all(|good| good));
    assert!(!verifies(jwk, "eyJhbGciOiJFZERTQSJ9.", signature).into_iter().any(|good| good));
}

#[test]
fn rfc7515_a4_es512() {
    let jwk = r#"{"kty":"EC","crv":"P-521",
        "x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;
    let signature = concat!(
        "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7Xdt",
        "AG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
    );
    assert!(verifies(jwk, "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA", signature).into_iter().all(|good| good));
    assert!(!verifies(jwk, "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZB", signature).into_iter().any(|good| good));
}

#[test]
fn psychic_and_out_of_range_ecdsa_signatures_are_refused() {
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut one = [0; 32];
    one[31] = 1;
    for r in [[0; 32], one, order, [0xff; 32]] {
        for s in [[0; 32], one, order, [0xff; 32]] {
            let signature = URL_SAFE_NO_PAD.encode([r, s].concat());
            assert!(!verifies(jwk, "a.b", &signature).into_iter().any(|good| good));
        }
    }
}

#[test]
fn points_off_the_curve_are_refused() {
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a1"}"#;
    assert!(VerifyKey::from_jwk(jwk).is_err(), "non-zero unused bits of the last character");
    let jwk = jwk.replace("WI5a1", "WI5aw");
    let key = VerifyKey::from_jwk(&jwk).unwrap();
    for &backend in Backend::AVAILABLE {
        assert!(Prepared::new(backend, &key).is_err(), "{backend:?}");
    }
}

#[test]
fn what_one_backend_signs_every_backend_verifies() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::EdDSA] {
        for &maker in Backend::AVAILABLE {
            let document = generate_pkcs8(maker, algorithm).unwrap();
            for &signing in Backend::AVAILABLE {
                let signer = Signer::pkcs8(signing, algorithm, &document).unwrap();
                let key = VerifyKey::new(algorithm, signer.public().unwrap()).unwrap();
                let signature = signer.sign(b"message").unwrap();
                for &verifying in Backend::AVAILABLE {
                    let prepared = Prepared::new(verifying, &key).unwrap();
                    assert!(prepared.verifies(b"message", &signature), "{algorithm} {signing:?} {verifying:?}");
                    assert!(!prepared.verifies(b"massage", &signature));
                    assert!(!prepared.verifies(b"message", &signature[1..]));
                    assert!(!prepared.verifies(b"message", &[signature.as_slice(), &[0]].concat()));
                }
            }
        }
    }
}

#[test]
fn keys_of_another_kind_are_refused() {
    for &backend in Backend::AVAILABLE {
        let document = generate_pkcs8(backend, Algorithm::ES256).unwrap();
        for algorithm in [Algorithm::ES384, Algorithm::EdDSA, Algorithm::RS256, Algorithm::HS256] {
            assert!(Signer::pkcs8(backend, algorithm, &document).is_err(), "{backend:?} {algorithm}");
        }
        assert!(Signer::secret(backend, Algorithm::ES256, &[0; 32]).is_err());
    }
}
