//! The algorithms in pure Rust. Verifies with all of them; signs with all but RSA.

use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rsa::{BoxedUint, pkcs1v15, pss};
use sha2::{Sha256, Sha384, Sha512};
use signature::Verifier as _;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::key::der;
use crate::key::{Curve, KeyError, Material, curve_of};

/// Keyed states are cloned for each use: the key's own blocks are hashed once, here.
pub(crate) enum Prepared {
    Hs256(Hmac<Sha256>),
    Hs384(Hmac<Sha384>),
    Hs512(Hmac<Sha512>),
    Rs256(pkcs1v15::VerifyingKey<Sha256>),
    Rs384(pkcs1v15::VerifyingKey<Sha384>),
    Rs512(pkcs1v15::VerifyingKey<Sha512>),
    Ps256(pss::VerifyingKey<Sha256>),
    Ps384(pss::VerifyingKey<Sha384>),
    Ps512(pss::VerifyingKey<Sha512>),
    Es256(p256::ecdsa::VerifyingKey),
    Es384(p384::ecdsa::VerifyingKey),
    Es512(p521::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl Prepared {
    pub(crate) fn new(algorithm: Algorithm, material: &Material) -> Result<Self, KeyError> {
        match material {
            Material::Secret(secret) => match algorithm {
                Algorithm::HS256 => keyed(secret).map(Self::Hs256),
                Algorithm::HS384 => Ok(Self::Hs384(Hmac::new_from_slice(secret).map_err(|_| KeyError::Format)?)),
                Algorithm::HS512 => Ok(Self::Hs512(Hmac::new_from_slice(secret).map_err(|_| KeyError::Format)?)),
                _ => Err(KeyError::Mismatch),
            },
            Material::Rsa { n, e } => {
                let number = BoxedUint::from_be_slice_vartime;
                let key = rsa::PublicKey::new_with_size_limits(number(n), number(e), 2048..=8192)
                    .map_err(|_| KeyError::Format)?;
                match algorithm {
                    Algorithm::RS256 => Ok(Self::Rs256(pkcs1v15::VerifyingKey::new(key))),
                    Algorithm::RS384 => Ok(Self::Rs384(pkcs1v15::VerifyingKey::new(key))),
                    Algorithm::RS512 => Ok(Self::Rs512(pkcs1v15::VerifyingKey::new(key))),
                    Algorithm::PS256 => Ok(Self::Ps256(pss::VerifyingKey::new(key))),
                    Algorithm::PS384 => Ok(Self::Ps384(pss::VerifyingKey::new(key))),
                    Algorithm::PS512 => Ok(Self::Ps512(pss::VerifyingKey::new(key))),
                    _ => Err(KeyError::Mismatch),
                }
            }
            Material::Ec { curve, point } => {
                let format = |_| KeyError::Format;
                match curve {
                    Curve::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::Es256).map_err(format),
                    Curve::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::Es384).map_err(format),
                    Curve::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map(Self::Es512).map_err(format),
                }
            }
            Material::Ed25519(public) => {
                ed25519_dalek::VerifyingKey::from_bytes(public).map(Self::Ed25519).map_err(|_| KeyError::Format)
            }
        }
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        /// Parses the signature in the scheme's own encoding, then verifies it.
        macro_rules! check {
            ($key:expr, $signature:ty) => {
                <$signature>::try_from(signature).is_ok_and(|signature| $key.verify(message, &signature).is_ok())
            };
        }
        match self {
            Self::Hs256(keyed) => keyed.clone().chain_update(message).verify_slice(signature).is_ok(),
            Self::Hs384(keyed) => keyed.clone().chain_update(message).verify_slice(signature).is_ok(),
            Self::Hs512(keyed) => keyed.clone().chain_update(message).verify_slice(signature).is_ok(),
            Self::Rs256(key) => check!(key, pkcs1v15::Signature),
            Self::Rs384(key) => check!(key, pkcs1v15::Signature),
            Self::Rs512(key) => check!(key, pkcs1v15::Signature),
            Self::Ps256(key) => check!(key, pss::Signature),
            Self::Ps384(key) => check!(key, pss::Signature),
            Self::Ps512(key) => check!(key, pss::Signature),
            Self::Es256(key) => check!(key, p256::ecdsa::Signature),
            Self::Es384(key) => check!(key, p384::ecdsa::Signature),
            Self::Es512(key) => check!(key, p521::ecdsa::Signature),
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

fn keyed(secret: &[u8]) -> Result<Hmac<Sha256>, KeyError> {
    Hmac::new_from_slice(secret).map_err(|_| KeyError::Format)
}

pub(crate) enum Signer {
    Hs256(Hmac<Sha256>),
    Hs384(Hmac<Sha384>),
    Hs512(Hmac<Sha512>),
    Es256(Box<p256::ecdsa::SigningKey>),
    Es384(Box<p384::ecdsa::SigningKey>),
    Es512(Box<p521::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl Signer {
    pub(crate) fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::HS256 => keyed(secret).map(Self::Hs256),
            Algorithm::HS384 => Ok(Self::Hs384(Hmac::new_from_slice(secret).map_err(|_| KeyError::Format)?)),
            Algorithm::HS512 => Ok(Self::Hs512(Hmac::new_from_slice(secret).map_err(|_| KeyError::Format)?)),
            _ => Err(KeyError::Mismatch),
        }
    }

    pub(crate) fn pkcs8(algorithm: Algorithm, document: &[u8]) -> Result<Self, KeyError> {
        if !matches!(algorithm, Algorithm::ES256 | Algorithm::ES384 | Algorithm::ES512 | Algorithm::EdDSA) {
            return Err(KeyError::Unsupported);
        }
        let (curve, private) = der::private_key(document)?;
        if curve != curve_of(algorithm) {
            return Err(KeyError::Mismatch);
        }
        let format = |_| KeyError::Format;
        match curve {
            Some(Curve::P256) => {
                p256::ecdsa::SigningKey::from_slice(&private).map(|key| Self::Es256(Box::new(key))).map_err(format)
            }
            Some(Curve::P384) => {
                p384::ecdsa::SigningKey::from_slice(&private).map(|key| Self::Es384(Box::new(key))).map_err(format)
            }
            Some(Curve::P521) => {
                p521::ecdsa::SigningKey::from_slice(&private).map(|key| Self::Es512(Box::new(key))).map_err(format)
            }
            None => {
                let seed: &[u8; 32] = private.as_slice().try_into().map_err(|_| KeyError::Format)?;
                Ok(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed))))
            }
        }
    }

    pub(crate) fn public(&self) -> Result<Material, KeyError> {
        let (curve, point) = match self {
            Self::Hs256(_) | Self::Hs384(_) | Self::Hs512(_) => return Err(KeyError::Secret),
            Self::Ed25519(key) => return Ok(Material::Ed25519(key.verifying_key().to_bytes())),
            Self::Es256(key) => (Curve::P256, key.verifying_key().to_sec1_point(false).as_bytes().to_vec()),
            Self::Es384(key) => (Curve::P384, key.verifying_key().to_sec1_point(false).as_bytes().to_vec()),
            Self::Es512(key) => (Curve::P521, key.verifying_key().to_sec1_point(false).as_bytes().to_vec()),
        };
        Ok(Material::Ec { curve, point })
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError::Unsupported;
        Ok(match self {
            Self::Hs256(keyed) => keyed.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Hs384(keyed) => keyed.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Hs512(keyed) => keyed.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                signature.to_bytes().to_vec()
            }
            Self::Es384(key) => {
                let signature: p384::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                signature.to_bytes().to_vec()
            }
            Self::Es512(key) => {
                let signature: p521::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => key.try_sign(message).map_err(failed)?.to_bytes().to_vec(),
        })
    }
}

pub(crate) fn generate_pkcs8(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let curve = match algorithm {
        Algorithm::EdDSA => {
            let seed = random::<32>(|_| true)?;
            return Ok(der::write_ed25519(&*seed));
        }
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return Err(KeyError::Mismatch),
        _ => curve_of(algorithm).ok_or(KeyError::Unsupported)?,
    };
    // A random string that is no scalar of the curve (odds below 2^-32) is drawn again.
    let (scalar, point) = match curve {
        Curve::P256 => {
            let scalar = random::<32>(|bytes| p256::ecdsa::SigningKey::from_slice(bytes).is_ok())?;
            let key = p256::ecdsa::SigningKey::from_slice(&*scalar).map_err(|_| KeyError::Format)?;
            (Zeroizing::new(scalar.to_vec()), key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
        }
        Curve::P384 => {
            let scalar = random::<48>(|bytes| p384::ecdsa::SigningKey::from_slice(bytes).is_ok())?;
            let key = p384::ecdsa::SigningKey::from_slice(&*scalar).map_err(|_| KeyError::Format)?;
            (Zeroizing::new(scalar.to_vec()), key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
        }
        Curve::P521 => {
            // 528 random bits, of which the curve has 521.
            let scalar = random::<66>(|bytes| p521::ecdsa::SigningKey::from_slice(bytes).is_ok())?;
            let key = p521::ecdsa::SigningKey::from_slice(&*scalar).map_err(|_| KeyError::Format)?;
            (Zeroizing::new(scalar.to_vec()), key.verifying_key().to_sec1_point(false).as_bytes().to_vec())
        }
    };
    Ok(der::write_ec(curve, &scalar, &point))
}

/// Random bytes that are accepted; for P-521 the seven bits above its size are cleared first.
fn random<const N: usize>(accept: impl Fn(&[u8]) -> bool) -> Result<Zeroizing<[u8; N]>, KeyError> {
    let mut bytes = Zeroizing::new([0; N]);
    for _ in 0..128 {
        getrandom::fill(&mut *bytes).map_err(|_| KeyError::Unsupported)?;
        if N == 66 {
            bytes[0] &= 1;
        }
        if accept(&*bytes) {
            return Ok(bytes);
        }
    }
    Err(KeyError::Unsupported)
}
