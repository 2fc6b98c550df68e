//! Project Wycheproof's signature vectors, read from `$COVET_CORPUS/wycheproof` (C2SP/wycheproof, `testvectors_v1`).
//!
//! Most of their payloads are no JSON, so they go through the parts of a verification that come before the claims.

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
    let folder = std::env::var_os("COVET_CORPUS").expect("COVET_CORPUS names the folder of test data");
    let path = PathBuf::from(folder).join("wycheproof").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
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
#[ignore = "needs COVET_CORPUS with Wycheproof's vectors"]
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
