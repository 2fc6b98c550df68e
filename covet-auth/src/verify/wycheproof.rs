//! Signatures alone: the standards' examples, damaged in every way that has fooled a library, and Project Wycheproof's
//! vectors, which are no part of this repository (C2SP/wycheproof, `testvectors_v1`, below `$COVET_CORPUS/wycheproof`).
//!
//! Many of their payloads are no JSON, so they go through the parts of a verification that come before the claims.

use std::path::PathBuf;

use base64::Engine as _;
use serde_json::Value;

use super::{BASE64, Parts, header, verifies_signature};
use crate::backend::{Backend, Prepared};
use crate::key::parse_jwk;
use crate::verify::header::TypePolicy;

/// Vectors that we refuse although they are labelled valid. `?` is no character of base64url (372, 373). The header's
/// algorithm is not the one that the key is pinned to (346, 350). `ES521` is no algorithm (347, 351).
const REFUSED: [u64; 6] = [346, 347, 350, 351, 372, 373];

/// Vectors that we accept although they are labelled invalid: both are one well-formed token with a good MAC. The padding
/// that their comments speak of is not in the file.
const ACCEPTED: [u64; 2] = [367, 370];

fn vectors(name: &str) -> Value {
    let folder = std::env::var_os("COVET_CORPUS").expect("COVET_CORPUS");
    let text = std::fs::read_to_string(PathBuf::from(folder).join("wycheproof").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// An example of a standard: the token, the key, and how long the two numbers of its signature are, if it is two.
struct Example {
    token: &'static str,
    jwk: &'static str,
    numbers: Option<usize>,
}

const EXAMPLES: [Example; 5] = [
    // RFC 7515 A.1
    Example {
        token: concat!(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        jwk: concat!(
            r#"{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"#,
            r#"aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
        ),
        numbers: None,
    },
    // RFC 7515 A.2
    Example {
        token: concat!(
            "eyJhbGciOiJSUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb",
            "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383",
            "LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy",
            "wlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        jwk: concat!(
            r#"{"kty":"RSA","alg":"RS256","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-"#,
            "4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaS",
            "HSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXF",
            r#"vUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
        ),
        numbers: None,
    },
    // RFC 7515 A.3
    Example {
        token: concat!(
            "eyJhbGciOiJFUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        jwk: concat!(
            r#"{"kty":"EC","crv":"P-256","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#,
            r#""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        ),
        numbers: Some(32),
    },
    // RFC 7515 A.4
    Example {
        token: concat!(
            "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.",
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgo",
            "XD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
        ),
        jwk: concat!(
            r#"{"kty":"EC","crv":"P-521","alg":"ES512","#,
            r#""x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","#,
            r#""y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#,
        ),
        numbers: Some(66),
    },
    // RFC 8037 A.4
    Example {
        token: concat!(
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
        jwk: r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        numbers: None,
    },
];

/// The order of P-256.
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/// Signatures that are not this one and must not pass for it.
fn damaged(good: &[u8], numbers: Option<usize>) -> Vec<(String, Vec<u8>)> {
    let mut bad: Vec<(String, Vec<u8>)> = vec![("nothing".into(), vec![])];
    // Not each: a pure-Rust backend takes its time without optimisation.
    for bit in (0..good.len() * 8).step_by(good.len() / 8 + 1) {
        let mut flipped = good.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        bad.push((format!("bit {bit}"), flipped));
    }
    for less in 1..4 {
        bad.push((format!("{less} bytes less"), good[..good.len() - less].to_vec()));
        bad.push((format!("the first {less} bytes missing"), good[less..].to_vec()));
        bad.push((format!("{less} bytes behind"), [good, &[0; 4][..less]].concat()));
        bad.push((format!("{less} bytes before"), [&[0; 4][..less], good].concat()));
    }
    bad.push(("zero".into(), vec![0; good.len()]));
    bad.push(("all ones".into(), vec![0xff; good.len()]));
    bad.push(("one byte".into(), vec![0]));
    bad.push(("twice".into(), [good, good].concat()));
    if let Some(size) = numbers {
        let (r, s) = good.split_at(size);
        let (zero, mut one) = (vec![0; size], vec![0; size]);
        one[size - 1] = 1;
        for (what, first, second) in [
            ("r and s exchanged", s, r),
            ("r = 0", &zero, s),
            ("s = 0", r, &zero),
            ("r = 1", &one, s),
            ("s = 1", r, &one),
            ("r = s = 1", &one, &one),
            ("r twice", r, r),
        ] {
            bad.push((what.into(), [first, second].concat()));
        }
        let number = |bytes: &[u8]| {
            let plain: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
            let sign = if plain.first().is_some_and(|byte| *byte >= 0x80) { vec![0] } else { Vec::new() };
            [vec![2, (plain.len() + sign.len()) as u8], sign, plain].concat()
        };
        let body = [number(r), number(s)].concat();
        let head = if body.len() < 0x80 { vec![0x30, body.len() as u8] } else { vec![0x30, 0x81, body.len() as u8] };
        bad.push(("DER".into(), [head, body].concat()));
        if size == 32 {
            let order: Vec<u8> =
                (0..32).map(|at| u8::from_str_radix(&ORDER[2 * at..2 * at + 2], 16).unwrap()).collect();
            for (what, first, second) in [("r = n", &*order, s), ("s = n", r, &*order), ("both = n", &*order, &*order)]
            {
                bad.push((what.into(), [first, second].concat()));
            }
        }
    }
    bad
}

#[test]
fn examples_pass_and_damaged_ones_do_not() {
    let keys: Vec<Value> = EXAMPLES.iter().map(|example| serde_json::from_str(example.jwk).unwrap()).collect();
    for (example, jwk) in EXAMPLES.iter().zip(&keys) {
        let (input, signature) = example.token.rsplit_once('.').unwrap();
        let (header, payload) = input.split_once('.').unwrap();
        let good = BASE64.decode(signature).unwrap();
        let mut accepted = 0;
        for &backend in Backend::AVAILABLE {
            if !accepts(backend, jwk, example.token) {
                assert_eq!(jwk["crv"], "P-521", "{backend:?} refuses {header}");
                continue;
            }
            accepted += 1;
            for (what, bad) in damaged(&good, example.numbers) {
                let token = format!("{input}.{}", BASE64.encode(bad));
                assert!(!accepts(backend, jwk, &token), "{backend:?} accepts {header} with {what}");
            }
            for token in [
                format!("{header}.{payload}A.{signature}"),
                format!("{header}.{}.{signature}", BASE64.encode("{}")),
                format!("{header}..{signature}"),
                format!("{input}.{signature}="),
                format!("{input}.{signature} "),
                format!("{input}.{signature}\0"),
                format!("{input}.{}", signature.replace(['-', '_'], "+")),
            ] {
                assert!(!accepts(backend, jwk, &token), "{backend:?} accepts {token}");
            }
            for other in keys.iter().filter(|other| *other != jwk) {
                assert!(!accepts(backend, other, example.token), "{backend:?} accepts {header} with another's key");
            }
        }
        assert!(accepted > 0, "no backend verifies {header}");
    }
}

fn accepts(backend: Backend, jwk: &Value, token: &str) -> bool {
    let Some((signing_input, signature)) = token.rsplit_once('.') else { return false };
    let Some((encoded, payload)) = signing_input.split_once('.') else { return false };
    let Ok(header) = header::parse(encoded.as_bytes(), &TypePolicy::Usual) else { return false };
    let Ok(key) = parse_jwk(jwk, None) else { return false };
    let Ok(prepared) = Prepared::new(backend, &key) else { return false };
    let parts = Parts {
        token: token.as_bytes(),
        header: encoded.as_bytes(),
        payload: payload.as_bytes(),
        signing_input,
        signature: signature.as_bytes(),
    };
    let named = header.kid.is_none() || key.kid.is_none() || header.kid == key.kid;
    named
        && header.algorithm == Some(key.algorithm)
        && BASE64.decode(payload).is_ok()
        && verifies_signature(&prepared, &parts)
}

#[test]
#[ignore = "needs Wycheproof (COVET_CORPUS)"]
fn json_web_signatures() {
    let file = vectors("json_web_signature_test.json");
    let mut wrong = Vec::new();
    let mut count = 0;
    for group in file["testGroups"].as_array().unwrap() {
        let jwk = group.get("public").unwrap_or(&group["private"]);
        for test in group["tests"].as_array().unwrap() {
            let number = test["tcId"].as_u64().unwrap();
            // The JSON serialisation is an object, and no compact token.
            let token = test["jws"].as_str().unwrap_or_default();
            let valid = (test["result"] == "valid" || ACCEPTED.contains(&number)) && !REFUSED.contains(&number);
            for &backend in Backend::AVAILABLE {
                if accepts(backend, jwk, token) != valid {
                    wrong.push(format!("{number} {backend:?} {} {}", test["result"], test["comment"]));
                }
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {count} vectors:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 100);
}
