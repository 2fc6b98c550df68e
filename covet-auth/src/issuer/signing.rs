//! Keys that sign.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::backend::{self, Backend, Signer};
use crate::key::{KeyError, VerifyKey, der};
use crate::verify::ConfigError;

/// A private key or shared secret that signs with exactly one algorithm, under a name.
///
/// `Debug` prints the algorithm and the `kid`, never the key.
pub struct SigningKey {
    algorithm: Algorithm,
    kid: String,
    signer: Signer,
    verify: VerifyKey,
    /// The headers of the two types that are signed all the time.
    access_header: String,
    plain_header: String,
}

impl SigningKey {
    /// A shared secret for `HS256`, `HS384` or `HS512`, at least as long as the hash.
    ///
    /// # Errors
    ///
    /// When the secret is too short, the algorithm is not symmetric, or no backend was compiled in.
    pub fn secret(kid: &str, algorithm: Algorithm, secret: &[u8]) -> Result<Self, ConfigError> {
        let backend = Backend::preferred().ok_or(ConfigError::NoBackend)?;
        let verify = VerifyKey::secret(algorithm, secret)?;
        Ok(Self::new(kid, algorithm, Signer::secret(backend, algorithm, secret)?, verify))
    }

    /// A private key in PKCS#8 DER, on the preferred backend.
    ///
    /// # Errors
    ///
    /// When the document is no such key of this algorithm, or is too weak.
    pub fn from_pkcs8(kid: &str, algorithm: Algorithm, der: &[u8]) -> Result<Self, ConfigError> {
        Self::from_pkcs8_on(Backend::preferred().ok_or(ConfigError::NoBackend)?, kid, algorithm, der)
    }

    /// A private key in PKCS#8 PEM (`PRIVATE KEY`), on the preferred backend.
    ///
    /// # Errors
    ///
    /// As [`SigningKey::from_pkcs8`].
    pub fn from_pkcs8_pem(kid: &str, algorithm: Algorithm, pem: &str) -> Result<Self, ConfigError> {
        match der::pem(pem)? {
            ("PRIVATE KEY", der) => Self::from_pkcs8(kid, algorithm, &der),
            _ => Err(KeyError::Unsupported.into()),
        }
    }

    /// A private key in PKCS#8 DER, on this backend.
    ///
    /// # Errors
    ///
    /// As [`SigningKey::from_pkcs8`]; [`KeyError::Unsupported`] for RSA in pure Rust.
    pub fn from_pkcs8_on(backend: Backend, kid: &str, algorithm: Algorithm, der: &[u8]) -> Result<Self, ConfigError> {
        let signer = Signer::pkcs8(backend, algorithm, der)?;
        let verify = VerifyKey::new(algorithm, signer.public()?)?;
        Ok(Self::new(kid, algorithm, signer, verify))
    }

    /// A new private key in PKCS#8 DER, to be stored and read by [`SigningKey::from_pkcs8`]. RSA keys have 3072 bits.
    ///
    /// # Errors
    ///
    /// When the algorithm has no key pair, or the preferred backend does not make them.
    pub fn generate_pkcs8(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        Self::generate_pkcs8_on(Backend::preferred().ok_or(ConfigError::NoBackend)?, algorithm)
    }

    /// As [`SigningKey::generate_pkcs8`], by this backend.
    ///
    /// # Errors
    ///
    /// As [`SigningKey::generate_pkcs8`].
    pub fn generate_pkcs8_on(backend: Backend, algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        Ok(backend::generate_pkcs8(backend, algorithm)?)
    }

    fn new(kid: &str, algorithm: Algorithm, signer: Signer, verify: VerifyKey) -> Self {
        let header = |typ| BASE64.encode(json!({"alg": algorithm.name(), "kid": kid, "typ": typ}).to_string());
        Self {
            algorithm,
            kid: kid.to_owned(),
            signer,
            verify: verify.kid(kid),
            access_header: header("at+jwt"),
            plain_header: header("JWT"),
        }
    }

    /// The key's name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that verifies what this one signs: the public half, or the secret itself.
    #[must_use]
    pub fn verify_key(&self) -> VerifyKey {
        self.verify.clone()
    }

    /// Signs any claims, as a token of type `JWT`. Sets no claim by itself: for tokens of your own making.
    ///
    /// # Errors
    ///
    /// When the claims cannot be written as JSON, or the backend has no randomness.
    pub fn sign<C: Serialize + ?Sized>(&self, claims: &C) -> Result<String, SignError> {
        let json = serde_json::to_vec(claims).map_err(SignError::Claims)?;
        self.sign_json(&self.plain_header, &json)
    }

    pub(super) fn sign_access(&self, claims: &[u8]) -> Result<String, SignError> {
        self.sign_json(&self.access_header, claims)
    }

    fn sign_json(&self, header: &str, claims: &[u8]) -> Result<String, SignError> {
        let mut token = String::with_capacity(header.len() + claims.len() / 3 * 4 + 180);
        token.push_str(header);
        token.push('.');
        BASE64.encode_string(claims, &mut token);
        let signature = self.signer.sign(token.as_bytes()).map_err(|_| SignError::Randomness)?;
        token.push('.');
        BASE64.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Why a token could not be signed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SignError {
    /// The claims could not be written as JSON.
    Claims(serde_json::Error),
    /// The claims are no JSON object, or set a claim that is the issuer's to set.
    Reserved,
    /// The session was ended, or its subject was logged out everywhere since.
    Revoked,
    /// No key signs at this time.
    NoKey,
    /// The operating system gave no random bytes.
    Randomness,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claims(error) => write!(f, "the claims cannot be written as JSON: {error}"),
            Self::Reserved => f.write_str("the claims are no object, or set one that the issuer sets itself"),
            Self::Revoked => f.write_str("the session was ended"),
            Self::NoKey => f.write_str("no key signs at this time"),
            Self::Randomness => f.write_str("the operating system gave no random bytes"),
        }
    }
}

impl std::error::Error for SignError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Claims(error) => Some(error),
            _ => None,
        }
    }
}
