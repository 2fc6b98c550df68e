//! Just enough DER and PEM to read a public or private key: lengths are definite and minimal, nothing is
//! recursive, and whatever is left over is an error. Certificates are not keys and are not read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KeyError;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
#[cfg(feature = "rust-crypto")]
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.113549.1.1.10: an RSA key restricted to PSS
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.3.132.0.35
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// A curve of ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// The length of one coordinate, and of each half of a signature.
    pub(crate) const fn field_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The name in a JWK's `crv`.
    pub(crate) const fn jwk_name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }
}

/// What a key's DER says it is.
pub(crate) enum Parsed {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: Curve, point: Vec<u8> },
    Ed25519([u8; 32]),
}

/// Reads `SubjectPublicKeyInfo` (RFC 5280).
pub(crate) fn public_key(der: &[u8]) -> Result<Parsed, KeyError> {
    let mut whole = Reader(der);
    let mut info = Reader(whole.take(SEQUENCE)?);
    whole.finish()?;
    let mut algorithm = Reader(info.take(SEQUENCE)?);
    let bits = info.take(BIT_STRING)?;
    info.finish()?;
    let Some((0, key)) = bits.split_first().map(|(unused, key)| (*unused, key)) else {
        return Err(KeyError::Format);
    };
    let oid = algorithm.take(OID)?;
    if oid == RSA || oid == RSA_PSS {
        rsa_public_key(key)
    } else if oid == EC {
        Ok(Parsed::Ec { curve: curve(algorithm.take(OID)?)?, point: key.to_vec() })
    } else if oid == ED25519 {
        Ok(Parsed::Ed25519(key.try_into().map_err(|_| KeyError::Format)?))
    } else {
        Err(KeyError::Unsupported)
    }
}

/// Reads `RSAPublicKey` (RFC 8017).
pub(crate) fn rsa_public_key(der: &[u8]) -> Result<Parsed, KeyError> {
    let mut whole = Reader(der);
    let mut key = Reader(whole.take(SEQUENCE)?);
    whole.finish()?;
    let n = key.unsigned()?;
    let e = key.unsigned()?;
    key.finish()?;
    Ok(Parsed::Rsa { n, e })
}

/// The private scalar or seed of a PKCS#8 key, with the curve of an EC key (`None` for Ed25519).
#[cfg(feature = "rust-crypto")]
pub(crate) fn private_key(der: &[u8]) -> Result<(Option<Curve>, Zeroizing<Vec<u8>>), KeyError> {
    let mut whole = Reader(der);
    let mut info = Reader(whole.take(SEQUENCE)?);
    info.take(INTEGER)?;
    let mut algorithm = Reader(info.take(SEQUENCE)?);
    let inner = info.take(OCTET_STRING)?;
    let oid = algorithm.take(OID)?;
    let mut inner = Reader(inner);
    if oid == EC {
        let curve = curve(algorithm.take(OID)?)?;
        let mut key = Reader(inner.take(SEQUENCE)?);
        key.take(INTEGER)?;
        Ok((Some(curve), Zeroizing::new(key.take(OCTET_STRING)?.to_vec())))
    } else if oid == ED25519 {
        Ok((None, Zeroizing::new(inner.take(OCTET_STRING)?.to_vec())))
    } else {
        Err(KeyError::Unsupported)
    }
}

/// Writes an Ed25519 seed as PKCS#8 (RFC 8410).
#[cfg(feature = "rust-crypto")]
pub(crate) fn write_ed25519(seed: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut der = vec![SEQUENCE, 0x2e, INTEGER, 1, 0, SEQUENCE, 5, OID, 3];
    der.extend_from_slice(ED25519);
    der.extend_from_slice(&[OCTET_STRING, 0x22, OCTET_STRING, 0x20]);
    der.extend_from_slice(seed);
    Zeroizing::new(der)
}

/// Writes an EC scalar and its public point as PKCS#8 (RFC 5915 inside RFC 5958).
#[cfg(feature = "rust-crypto")]
pub(crate) fn write_ec(curve: Curve, scalar: &[u8], point: &[u8]) -> Zeroizing<Vec<u8>> {
    let name = match curve {
        Curve::P256 => P256,
        Curve::P384 => P384,
        Curve::P521 => P521,
    };
    let mut bits = vec![0];
    bits.extend_from_slice(point);
    let public = wrap(0xa1, &wrap(BIT_STRING, &bits));
    let key = [wrap(INTEGER, &[1]), wrap(OCTET_STRING, scalar), public].concat();
    let algorithm = [wrap(OID, EC), wrap(OID, name)].concat();
    let key = wrap(OCTET_STRING, &wrap(SEQUENCE, &key));
    Zeroizing::new(wrap(SEQUENCE, &[wrap(INTEGER, &[0]), wrap(SEQUENCE, &algorithm), key].concat()))
}

#[cfg(feature = "rust-crypto")]
fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match content.len() {
        len @ 0..=0x7f => der.push(len as u8),
        len @ 0x80..=0xff => der.extend_from_slice(&[0x81, len as u8]),
        len => der.extend_from_slice(&[0x82, (len >> 8) as u8, len as u8]),
    }
    der.extend_from_slice(content);
    der
}

/// The label and the bytes of the first PEM block.
pub(crate) fn pem(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), KeyError> {
    let (_, rest) = text.split_once("-----BEGIN ").ok_or(KeyError::Format)?;
    let (label, rest) = rest.split_once("-----").ok_or(KeyError::Format)?;
    let (body, rest) = rest.split_once("-----END ").ok_or(KeyError::Format)?;
    if !rest.strip_prefix(label).is_some_and(|rest| rest.starts_with("-----")) {
        return Err(KeyError::Format);
    }
    let body: Zeroizing<Vec<u8>> = Zeroizing::new(body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    let der = STANDARD.decode(&*body).map_err(|_| KeyError::Format)?;
    Ok((label, Zeroizing::new(der)))
}

fn curve(oid: &[u8]) -> Result<Curve, KeyError> {
    if oid == P256 {
        Ok(Curve::P256)
    } else if oid == P384 {
        Ok(Curve::P384)
    } else if oid == P521 {
        Ok(Curve::P521)
    } else {
        Err(KeyError::Unsupported)
    }
}

/// The rest of a DER value's content.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, which must have this tag.
    fn take(&mut self, tag: u8) -> Result<&'a [u8], KeyError> {
        let (&[found, first], rest) = self.0.split_first_chunk::<2>().ok_or(KeyError::Format)?;
        if found != tag {
            return Err(KeyError::Format);
        }
        let (len, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&[len], rest) = rest.split_first_chunk::<1>().ok_or(KeyError::Format)?;
                (usize::from(len), rest)
            }
            0x82 => {
                let (len, rest) = rest.split_first_chunk::<2>().ok_or(KeyError::Format)?;
                (usize::from(u16::from_be_bytes(*len)), rest)
            }
            _ => return Err(KeyError::Format),
        };
        let minimal = match first {
            0x81 => len >= 0x80,
            0x82 => len >= 0x100,
            _ => true,
        };
        if !minimal || rest.len() < len {
            return Err(KeyError::Format);
        }
        let (content, rest) = rest.split_at(len);
        self.0 = rest;
        Ok(content)
    }

    /// A positive integer without its leading zero.
    fn unsigned(&mut self) -> Result<Vec<u8>, KeyError> {
        match self.take(INTEGER)? {
            [0, rest @ ..] if rest.first().is_some_and(|&first| first >= 0x80) => Ok(rest.to_vec()),
            all @ [first, ..] if (1..0x80).contains(first) => Ok(all.to_vec()),
            _ => Err(KeyError::Format),
        }
    }

    fn finish(&self) -> Result<(), KeyError> {
        if self.0.is_empty() { Ok(()) } else { Err(KeyError::Format) }
    }
}
