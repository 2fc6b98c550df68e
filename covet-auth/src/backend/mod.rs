//! Who does the cryptography. A backend belongs to a verifier or a signing key, never to the process: both may be
//! compiled in and used side by side, and neither needs to be installed.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(feature = "rust-crypto")]
mod rust_crypto;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::key::{KeyError, Material, VerifyKey};

/// An implementation of the algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// AWS-LC, by the crate `aws-lc-rs` (feature `aws-lc-rs`, on by default): every algorithm, both ways.
    #[cfg(feature = "aws-lc-rs")]
    AwsLc,
    /// Pure Rust, by the `RustCrypto` crates (feature `rust-crypto`): verifies with every algorithm, signs with
    /// all but RSA. Its RSA leaks the private key through timing (RUSTSEC-2023-0071), which signing would expose.
    #[cfg(feature = "rust-crypto")]
    RustCrypto,
}

impl Backend {
    /// Every backend that was compiled in, the preferred one first.
    pub const AVAILABLE: &'static [Self] = &[
        #[cfg(feature = "aws-lc-rs")]
        Self::AwsLc,
        #[cfg(feature = "rust-crypto")]
        Self::RustCrypto,
    ];

    /// The backend that is used when none is named: AWS-LC if it was compiled in.
    #[must_use]
    pub fn preferred() -> Option<Self> {
        Self::AVAILABLE.first().copied()
    }
}

/// A key parsed by a backend, ready to verify.
pub(crate) enum Prepared {
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::Prepared),
    #[cfg(feature = "rust-crypto")]
    RustCrypto(Box<rust_crypto::Prepared>),
}

impl Prepared {
    pub(crate) fn new(backend: Backend, key: &VerifyKey) -> Result<Self, KeyError> {
        match backend {
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => aws_lc::Prepared::new(key.algorithm, &key.material).map(Self::AwsLc),
            #[cfg(feature = "rust-crypto")]
            Backend::RustCrypto => {
                rust_crypto::Prepared::new(key.algorithm, &key.material).map(Box::new).map(Self::RustCrypto)
            }
        }
    }

    /// Whether the signature is the key's, in the encoding of JOSE.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match *self {
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(ref key) => key.verifies(message, signature),
            #[cfg(feature = "rust-crypto")]
            Self::RustCrypto(ref key) => key.verifies(message, signature),
        }
    }
}

/// A private key parsed by a backend, ready to sign.
pub(crate) enum Signer {
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::Signer),
    #[cfg(feature = "rust-crypto")]
    RustCrypto(Box<rust_crypto::Signer>),
}

impl Signer {
    /// From a shared secret.
    pub(crate) fn secret(backend: Backend, algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        match backend {
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => aws_lc::Signer::secret(algorithm, secret).map(Self::AwsLc),
            #[cfg(feature = "rust-crypto")]
            Backend::RustCrypto => rust_crypto::Signer::secret(algorithm, secret).map(Box::new).map(Self::RustCrypto),
        }
    }

    /// From PKCS#8.
    pub(crate) fn pkcs8(backend: Backend, algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        match backend {
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => aws_lc::Signer::pkcs8(algorithm, der).map(Self::AwsLc),
            #[cfg(feature = "rust-crypto")]
            Backend::RustCrypto => rust_crypto::Signer::pkcs8(algorithm, der).map(Box::new).map(Self::RustCrypto),
        }
    }

    /// What verifies the signatures.
    pub(crate) fn public(&self) -> Result<Material, KeyError> {
        match *self {
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(ref key) => key.public(),
            #[cfg(feature = "rust-crypto")]
            Self::RustCrypto(ref key) => key.public(),
        }
    }

    /// The signature in the encoding of JOSE. Fails only when the backend has no randomness.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match *self {
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc(ref key) => key.sign(message),
            #[cfg(feature = "rust-crypto")]
            Self::RustCrypto(ref key) => key.sign(message),
        }
    }
}

/// A new private key in PKCS#8.
pub(crate) fn generate_pkcs8(backend: Backend, algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    match backend {
        #[cfg(feature = "aws-lc-rs")]
        Backend::AwsLc => aws_lc::generate_pkcs8(algorithm),
        #[cfg(feature = "rust-crypto")]
        Backend::RustCrypto => rust_crypto::generate_pkcs8(algorithm),
    }
}
