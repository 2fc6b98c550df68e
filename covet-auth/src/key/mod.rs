//! Keys that verify: material that no backend owns, pinned to one algorithm.
//!
//! A key is checked when it is made (length, exponent, weak moduli) and parsed by the backend when a verifier is
//! built, so that no token ever pays for it. `RS256` and `PS256` with the same modulus are two keys.

pub(crate) mod der;
#[cfg(feature = "jsonwebtoken-11")]
mod interop;
mod jwk;
mod roca;

use std::fmt;

use zeroize::Zeroizing;

pub(crate) use der::Curve;
pub(crate) use jwk::{export_public, parse_jwk, parse_jwk_set};

use crate::algorithm::Algorithm;

/// Why a key was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyError {
    /// Not the PEM, DER or JWK it should be, or a point that is not on its curve.
    Format,
    /// A kind of key, curve or algorithm that is not implemented, or not by this backend.
    Unsupported,
    /// The key is not one of the algorithm it is pinned to.
    Mismatch,
    /// An HMAC secret shorter than the hash (RFC 7518 section 3.2), or an RSA modulus below 2048 bits.
    TooShort,
    /// An RSA modulus above 8192 bits.
    TooLong,
    /// An RSA key whose exponent is even or below 3, or whose modulus carries the mark of CVE-2017-15361 (ROCA).
    Weak,
    /// A JWK that does not say its algorithm, where its kind allows several.
    NoAlgorithm,
    /// A JWK whose `use` or `key_ops` is not verification.
    WrongUse,
    /// A secret key where only public keys belong.
    Secret,
    /// Two keys of the set with one `kid` and one algorithm.
    Duplicate,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Format => "the key is malformed",
            Self::Unsupported => "the kind of key is not supported",
            Self::Mismatch => "the key does not fit its algorithm",
            Self::TooShort => "the key is too short for its algorithm",
            Self::TooLong => "the key is too long",
            Self::Weak => "the key is weak",
            Self::NoAlgorithm => "the key does not name its algorithm",
            Self::WrongUse => "the key is not for verifying signatures",
            Self::Secret => "a secret key is not allowed here",
            Self::Duplicate => "another key has the same kid and algorithm",
        })
    }
}

impl std::error::Error for KeyError {}

/// What a key is made of, the same for every backend.
#[derive(Clone)]
pub(crate) enum Material {
    Secret(Zeroizing<Vec<u8>>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: Curve, point: Vec<u8> },
    Ed25519([u8; 32]),
}

impl Material {
    /// Refuses material that the algorithm cannot use, or that nobody should trust.
    fn check(&self, algorithm: Algorithm) -> Result<(), KeyError> {
        use Algorithm as A;
        match (self, algorithm) {
            (Self::Secret(secret), A::HS256 | A::HS384 | A::HS512) => {
                if secret.len() < hmac_output_len(algorithm) {
                    Err(KeyError::TooShort)
                } else {
                    Ok(())
                }
            }
            (Self::Rsa { n, e }, A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512) => check_rsa(n, e),
            (Self::Ec { curve, point }, A::ES256 | A::ES384 | A::ES512) => {
                if curve_of(algorithm) != Some(*curve) {
                    Err(KeyError::Mismatch)
                } else if point.len() != 1 + 2 * curve.field_len() || point.first() != Some(&4) {
                    Err(KeyError::Format)
                } else {
                    Ok(())
                }
            }
            (Self::Ed25519(_), A::EdDSA) => Ok(()),
            _ => Err(KeyError::Mismatch),
        }
    }

    /// Feeds the material to a digest that tells keys apart.
    fn update(&self, hasher: &mut blake3::Hasher) {
        let (kind, first, second): (&[u8], &[u8], &[u8]) = match self {
            Self::Secret(secret) => (b"oct", secret, b""),
            Self::Rsa { n, e } => (b"RSA", n, e),
            Self::Ec { curve, point } => (b"EC", point, curve.jwk_name().as_bytes()),
            Self::Ed25519(public) => (b"OKP", public, b""),
        };
        for part in [kind, first, second] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
}

const fn hmac_output_len(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::HS384 => 48,
        Algorithm::HS512 => 64,
        _ => 32,
    }
}

pub(crate) const fn curve_of(algorithm: Algorithm) -> Option<Curve> {
    match algorithm {
        Algorithm::ES256 => Some(Curve::P256),
        Algorithm::ES384 => Some(Curve::P384),
        Algorithm::ES512 => Some(Curve::P521),
        _ => None,
    }
}

fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    if bits < 2048 {
        return Err(KeyError::TooShort);
    }
    if bits > 8192 {
        return Err(KeyError::TooLong);
    }
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    // The backends compute with exponents of at most 33 bits.
    let exponent = e.iter().try_fold(0u64, |value, &byte| (value >> 33 == 0).then_some(value << 8 | u64::from(byte)));
    if !odd(n) || !odd(e) || !exponent.is_some_and(|value| (3..1 << 33).contains(&value)) || roca::is_marked(n) {
        return Err(KeyError::Weak);
    }
    Ok(())
}

/// A key that verifies signatures of exactly one algorithm.
///
/// Give every key a [`kid`](Self::kid), or it cannot be revoked by name. `Debug` prints the algorithm and the
/// `kid`, never the key. A secret is wiped from memory when the key is dropped.
#[derive(Clone)]
pub struct VerifyKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) material: Material,
}

impl VerifyKey {
    pub(crate) fn new(algorithm: Algorithm, material: Material) -> Result<Self, KeyError> {
        material.check(algorithm)?;
        Ok(Self { algorithm, kid: None, issuer: None, material })
    }

    /// A shared secret for `HS256`, `HS384` or `HS512`. Random bytes, at least as many as the hash has (32, 48,
    /// 64); a password is no key.
    ///
    /// # Errors
    ///
    /// [`KeyError::TooShort`], or [`KeyError::Mismatch`] for another algorithm.
    pub fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        Self::new(algorithm, Material::Secret(Zeroizing::new(secret.to_vec())))
    }

    /// A public key in PEM: `PUBLIC KEY` (SPKI) or `RSA PUBLIC KEY` (PKCS#1).
    ///
    /// # Errors
    ///
    /// When the PEM holds no such key, or one that does not fit the algorithm or is too weak for it.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let (label, der) = der::pem(pem)?;
        match label {
            "PUBLIC KEY" => Self::from_der(algorithm, &der),
            "RSA PUBLIC KEY" => Self::from_parsed(algorithm, der::rsa_public_key(&der)?),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// A public key in DER (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    ///
    /// As [`VerifyKey::from_pem`].
    pub fn from_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        Self::from_parsed(algorithm, der::public_key(der)?)
    }

    /// A public or secret key as a JWK (RFC 7517), with its `kid`. Its `alg` pins the algorithm; an EC or OKP key
    /// may leave it out, because the curve says it.
    ///
    /// # Errors
    ///
    /// When the text is no such JWK, when its `use` or `key_ops` is not verification, when it does not fit its
    /// own `alg`, or when an RSA key names none ([`VerifyKey::from_jwk_as`] pins one).
    pub fn from_jwk(jwk: &str) -> Result<Self, KeyError> {
        parse_jwk(&serde_json::from_str(jwk).map_err(|_| KeyError::Format)?, None)
    }

    /// As [`VerifyKey::from_jwk`], for a JWK that should be of this algorithm and need not say so.
    ///
    /// # Errors
    ///
    /// As [`VerifyKey::from_jwk`], and [`KeyError::Mismatch`] when its `alg` is another.
    pub fn from_jwk_as(algorithm: Algorithm, jwk: &str) -> Result<Self, KeyError> {
        let key = parse_jwk(&serde_json::from_str(jwk).map_err(|_| KeyError::Format)?, Some(algorithm))?;
        if key.algorithm == algorithm { Ok(key) } else { Err(KeyError::Mismatch) }
    }

    fn from_parsed(algorithm: Algorithm, parsed: der::Parsed) -> Result<Self, KeyError> {
        let material = match parsed {
            der::Parsed::Rsa { n, e } => Material::Rsa { n, e },
            der::Parsed::Ec { curve, point } => Material::Ec { curve, point },
            der::Parsed::Ed25519(public) => Material::Ed25519(public),
        };
        Self::new(algorithm, material)
    }

    /// Names the key. A token with another `kid` is then not verified by it, and
    /// `revoke_key` can void everything it ever signed.
    #[must_use]
    pub fn kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Trusts the key for tokens of this issuer alone. Needed where a verifier accepts several issuers.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The algorithm that the key is pinned to.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key as a JWK with `kid`, `alg` and `use`; `None` for a shared secret.
    #[must_use]
    pub fn to_jwk(&self) -> Option<String> {
        export_public(self).map(|jwk| jwk.to_string())
    }

    /// Tells keys apart: the algorithm, the `kid` and the material, not the issuer.
    pub(crate) fn digest(&self) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_derive_key("covet-auth 2026 verification key");
        hasher.update(self.algorithm.name().as_bytes());
        let kid = self.kid.as_deref().unwrap_or_default();
        hasher.update(&[0, u8::from(self.kid.is_some())]);
        hasher.update(&(kid.len() as u64).to_le_bytes());
        hasher.update(kid.as_bytes());
        self.material.update(&mut hasher);
        hasher
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}
