//! JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037): reading them strictly, writing public ones.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::der::Curve;
use super::{KeyError, Material, VerifyKey};
use crate::algorithm::Algorithm;

/// One key. `fallback` pins the algorithm of a key that does not name one and whose kind allows several.
pub(crate) fn parse_jwk(jwk: &Value, fallback: Option<Algorithm>) -> Result<VerifyKey, KeyError> {
    let jwk = jwk.as_object().ok_or(KeyError::Format)?;
    check_use(jwk)?;
    let material = material(jwk)?;
    let algorithm = match text(jwk, "alg")? {
        Some(name) => Algorithm::from_name(name).ok_or(KeyError::Unsupported)?,
        None => implied(&material).or(fallback).ok_or(KeyError::NoAlgorithm)?,
    };
    let mut key = VerifyKey::new(algorithm, material)?;
    key.kid = text(jwk, "kid")?.map(str::to_owned);
    Ok(key)
}

/// The keys of a JWK set that can be used, and why the others cannot. `Err` only when the text is no set at all.
///
/// Secret keys are refused: a set that is fetched is public.
#[expect(clippy::type_complexity, reason = "the pair is taken apart by its one caller")]
pub(crate) fn parse_jwk_set(
    json: &[u8],
    max_keys: usize,
    fallback: Option<Algorithm>,
) -> Result<(Vec<VerifyKey>, Vec<(Option<String>, KeyError)>), KeyError> {
    let set: Value = serde_json::from_slice(json).map_err(|_| KeyError::Format)?;
    let members = set.get("keys").and_then(Value::as_array).ok_or(KeyError::Format)?;
    let mut keys: Vec<VerifyKey> = Vec::new();
    let mut skipped = Vec::new();
    for member in members.iter().take(max_keys) {
        let parsed = if member.get("kty").and_then(Value::as_str) == Some("oct") {
            Err(KeyError::Secret)
        } else {
            parse_jwk(member, fallback)
        };
        match parsed {
            Ok(key) if keys.iter().any(|other| other.kid == key.kid && other.algorithm == key.algorithm) => {
                skipped.push((key.kid, KeyError::Duplicate));
            }
            Ok(key) => keys.push(key),
            Err(error) => skipped.push((member.get("kid").and_then(Value::as_str).map(str::to_owned), error)),
        }
    }
    if members.len() > max_keys {
        skipped.push((None, KeyError::TooLong));
    }
    Ok((keys, skipped))
}

/// The public JWK; `None` for a secret.
pub(crate) fn export_public(key: &VerifyKey) -> Option<Value> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let mut jwk = match &key.material {
        Material::Secret(_) => return None,
        Material::Rsa { n, e } => json!({"kty": "RSA", "n": encode(n), "e": encode(e)}),
        Material::Ec { curve, point } => {
            let (x, y) = point.get(1..)?.split_at_checked(curve.field_len())?;
            json!({"kty": "EC", "crv": curve.jwk_name(), "x": encode(x), "y": encode(y)})
        }
        Material::Ed25519(public) => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(public)}),
    };
    let members = jwk.as_object_mut()?;
    members.insert("alg".into(), key.algorithm.name().into());
    members.insert("use".into(), "sig".into());
    if let Some(kid) = &key.kid {
        members.insert("kid".into(), kid.as_str().into());
    }
    Some(jwk)
}

fn material(jwk: &Map<String, Value>) -> Result<Material, KeyError> {
    match text(jwk, "kty")?.ok_or(KeyError::Format)? {
        "oct" => Ok(Material::Secret(Zeroizing::new(bytes(jwk, "k")?))),
        "RSA" => Ok(Material::Rsa { n: number(jwk, "n")?, e: number(jwk, "e")? }),
        "EC" => {
            let curve = match text(jwk, "crv")?.ok_or(KeyError::Format)? {
                "P-256" => Curve::P256,
                "P-384" => Curve::P384,
                "P-521" => Curve::P521,
                _ => return Err(KeyError::Unsupported),
            };
            let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
            if x.len() != curve.field_len() || y.len() != curve.field_len() {
                return Err(KeyError::Format);
            }
            Ok(Material::Ec { curve, point: [&[4][..], &x, &y].concat() })
        }
        "OKP" => match text(jwk, "crv")?.ok_or(KeyError::Format)? {
            "Ed25519" => Ok(Material::Ed25519(bytes(jwk, "x")?.try_into().map_err(|_| KeyError::Format)?)),
            _ => Err(KeyError::Unsupported),
        },
        _ => Err(KeyError::Unsupported),
    }
}

/// The algorithm that the kind of key leaves no choice about.
fn implied(material: &Material) -> Option<Algorithm> {
    match material {
        Material::Secret(_) | Material::Rsa { .. } => None,
        Material::Ec { curve: Curve::P256, .. } => Some(Algorithm::ES256),
        Material::Ec { curve: Curve::P384, .. } => Some(Algorithm::ES384),
        Material::Ec { curve: Curve::P521, .. } => Some(Algorithm::ES512),
        Material::Ed25519(_) => Some(Algorithm::EdDSA),
    }
}

fn check_use(jwk: &Map<String, Value>) -> Result<(), KeyError> {
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyError::WrongUse);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(_) => Err(KeyError::WrongUse),
    }
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, KeyError> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyError::Format),
    }
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, KeyError> {
    let text = text(jwk, name)?.ok_or(KeyError::Format)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Format)
}

/// A `Base64urlUInt`. Some publishers put a zero in front; a number does not change by it.
fn number(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, KeyError> {
    let bytes = bytes(jwk, name)?;
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    match bytes.get(zeros..) {
        Some(number) if !number.is_empty() && zeros <= 1 => Ok(number.to_vec()),
        _ => Err(KeyError::Format),
    }
}
