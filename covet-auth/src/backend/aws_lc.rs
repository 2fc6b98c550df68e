//! The algorithms by AWS-LC.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature as sig;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RsaKeyPair};
use aws_lc_rs::{hmac, signature};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::key::der::{self, Parsed};
use crate::key::{KeyError, Material, curve_of};

pub(crate) enum Prepared {
    Hmac(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Prepared {
    pub(crate) fn new(algorithm: Algorithm, material: &Material) -> Result<Self, KeyError> {
        let key = match material {
            Material::Secret(secret) => {
                return Ok(Self::Hmac(Box::new(hmac::Key::new(hmac_algorithm(algorithm)?, secret))));
            }
            Material::Rsa { n, e } => {
                sig::RsaPublicKeyComponents { n, e }.to_parsed_public_key(rsa_parameters(algorithm)?)
            }
            Material::Ec { point, .. } => ParsedPublicKey::new(ecdsa_parameters(algorithm)?, point),
            Material::Ed25519(public) => ParsedPublicKey::new(&sig::ED25519, public),
        };
        key.map(Self::Public).map_err(|_| KeyError::Format)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

pub(crate) enum Signer {
    Hmac(Box<hmac::Key>),
    Rsa(Box<RsaKeyPair>, &'static dyn signature::RsaEncoding),
    Ec(Box<EcdsaKeyPair>, Algorithm),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Signer {
    pub(crate) fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::Hmac(Box::new(hmac::Key::new(hmac_algorithm(algorithm)?, secret))))
    }

    pub(crate) fn pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        use Algorithm as A;
        match algorithm {
            A::HS256 | A::HS384 | A::HS512 => Err(KeyError::Mismatch),
            A::EdDSA => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                .map(|key| Self::Ed25519(Box::new(key)))
                .map_err(|_| KeyError::Format),
            A::ES256 | A::ES384 | A::ES512 => EcdsaKeyPair::from_pkcs8(ecdsa_signing(algorithm)?, der)
                .map(|key| Self::Ec(Box::new(key), algorithm))
                .map_err(|_| KeyError::Format),
            _ => {
                let key = RsaKeyPair::from_pkcs8(der).map_err(|_| KeyError::Format)?;
                Ok(Self::Rsa(Box::new(key), rsa_encoding(algorithm)?))
            }
        }
    }

    pub(crate) fn public(&self) -> Result<Material, KeyError> {
        match self {
            Self::Hmac(_) => Err(KeyError::Secret),
            Self::Rsa(key, _) => match der::rsa_public_key(key.public_key().as_ref())? {
                Parsed::Rsa { n, e } => Ok(Material::Rsa { n, e }),
                _ => Err(KeyError::Format),
            },
            Self::Ec(key, algorithm) => Ok(Material::Ec {
                curve: curve_of(*algorithm).ok_or(KeyError::Mismatch)?,
                point: key.public_key().as_ref().to_vec(),
            }),
            Self::Ed25519(key) => {
                let public = key.public_key().as_ref().try_into().map_err(|_| KeyError::Format)?;
                Ok(Material::Ed25519(public))
            }
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Hmac(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| KeyError::Unsupported)?;
                Ok(signature)
            }
            Self::Ec(key, _) => {
                let signature = key.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Unsupported)?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}

pub(crate) fn generate_pkcs8(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    use Algorithm as A;
    let random = SystemRandom::new();
    let failed = |_| KeyError::Unsupported;
    let document = match algorithm {
        A::HS256 | A::HS384 | A::HS512 => return Err(KeyError::Mismatch),
        A::EdDSA => Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?.as_ref().to_vec(),
        A::ES256 | A::ES384 | A::ES512 => {
            EcdsaKeyPair::generate_pkcs8(ecdsa_signing(algorithm)?, &random).map_err(failed)?.as_ref().to_vec()
        }
        _ => {
            let key = RsaKeyPair::generate(KeySize::Rsa3072).map_err(failed)?;
            let der: Pkcs8V1Der<'_> = key.as_der().map_err(failed)?;
            der.as_ref().to_vec()
        }
    };
    Ok(Zeroizing::new(document))
}

fn hmac_algorithm(algorithm: Algorithm) -> Result<hmac::Algorithm, KeyError> {
    match algorithm {
        Algorithm::HS256 => Ok(hmac::HMAC_SHA256),
        Algorithm::HS384 => Ok(hmac::HMAC_SHA384),
        Algorithm::HS512 => Ok(hmac::HMAC_SHA512),
        _ => Err(KeyError::Mismatch),
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Result<&'static sig::RsaParameters, KeyError> {
    match algorithm {
        Algorithm::RS256 => Ok(&sig::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Ok(&sig::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Ok(&sig::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Ok(&sig::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Ok(&sig::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Ok(&sig::RSA_PSS_2048_8192_SHA512),
        _ => Err(KeyError::Mismatch),
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Result<&'static dyn sig::RsaEncoding, KeyError> {
    match algorithm {
        Algorithm::RS256 => Ok(&sig::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Ok(&sig::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Ok(&sig::RSA_PKCS1_SHA512),
        Algorithm::PS256 => Ok(&sig::RSA_PSS_SHA256),
        Algorithm::PS384 => Ok(&sig::RSA_PSS_SHA384),
        Algorithm::PS512 => Ok(&sig::RSA_PSS_SHA512),
        _ => Err(KeyError::Mismatch),
    }
}

fn ecdsa_parameters(algorithm: Algorithm) -> Result<&'static sig::EcdsaVerificationAlgorithm, KeyError> {
    match algorithm {
        Algorithm::ES256 => Ok(&sig::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Ok(&sig::ECDSA_P384_SHA384_FIXED),
        Algorithm::ES512 => Ok(&sig::ECDSA_P521_SHA512_FIXED),
        _ => Err(KeyError::Mismatch),
    }
}

fn ecdsa_signing(algorithm: Algorithm) -> Result<&'static sig::EcdsaSigningAlgorithm, KeyError> {
    match algorithm {
        Algorithm::ES256 => Ok(&sig::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::ES384 => Ok(&sig::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::ES512 => Ok(&sig::ECDSA_P521_SHA512_FIXED_SIGNING),
        _ => Err(KeyError::Mismatch),
    }
}
