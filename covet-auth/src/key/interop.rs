//! Keys of the crate `jsonwebtoken`, for services that change over one part at a time.

use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};
use zeroize::Zeroizing;

use super::der;
use super::{KeyError, Material, VerifyKey, curve_of};
use crate::algorithm::Algorithm;

impl VerifyKey {
    /// The key of a jsonwebtoken verifier, pinned to one algorithm (feature `jsonwebtoken-11`).
    ///
    /// # Errors
    ///
    /// [`KeyError::Mismatch`] when the key's family is another than the algorithm's; otherwise as
    /// [`VerifyKey::from_der`]. jsonwebtoken itself checks neither lengths nor curves.
    pub fn from_decoding_key(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, KeyError> {
        let material = match (key.family(), key.kind()) {
            (AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
                Material::Secret(Zeroizing::new(secret.clone()))
            }
            (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                Material::Rsa { n: n.clone(), e: e.clone() }
            }
            (AlgorithmFamily::Rsa, DecodingKeyKind::SecretOrDer(der)) => {
                return Self::from_parsed(algorithm, der::rsa_public_key(der).or_else(|_| der::public_key(der))?);
            }
            (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) if point.first() == Some(&4) => {
                Material::Ec { curve: curve_of(algorithm).ok_or(KeyError::Mismatch)?, point: point.clone() }
            }
            (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(public)) if public.len() == 32 => {
                Material::Ed25519(public.as_slice().try_into().map_err(|_| KeyError::Format)?)
            }
            (_, DecodingKeyKind::SecretOrDer(der)) => return Self::from_der(algorithm, der),
            _ => return Err(KeyError::Mismatch),
        };
        Self::new(algorithm, material)
    }
}
