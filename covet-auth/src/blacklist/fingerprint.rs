//! Keyed fingerprints: what the blacklist holds in place of names.
//!
//! A fingerprint is the 128-bit SipHash-2-4 of a name under a key that is itself the `SipHash` of the kind of name
//! and the issuer, under the secret. So names of different kinds or issuers never share a fingerprint but by
//! chance, nobody without the secret can make two collide or learn a name from a stored one, and the hash of a
//! check runs over the token's id alone.

use std::fmt;
use std::sync::Arc;

use siphasher::sip128::SipHasher24;

use crate::token::TokenId;

use super::error::BlacklistError;
use super::segment::Entry;
use super::sip::Sip;

/// The secret that fingerprints are keyed with: 16 random bytes.
///
/// Every process that shares a store of revocations must have the same one; a purely local blacklist makes its
/// own. `Debug` prints nothing of it.
#[derive(Clone)]
pub struct FingerprintKey(zeroize::Zeroizing<[u8; 16]>);

impl FingerprintKey {
    /// A key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`BlacklistError::Random`] if the system has none to give.
    pub fn random() -> Result<Self, BlacklistError> {
        let mut bytes = zeroize::Zeroizing::new([0; 16]);
        getrandom::fill(&mut *bytes).map_err(|_| BlacklistError::Random)?;
        Ok(Self(bytes))
    }

    /// A key from 16 secret bytes: random ones, not a password.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(zeroize::Zeroizing::new(bytes))
    }

    /// What names this key in a store, without telling it: an id, and a value that only the same key gives.
    pub(crate) fn identity(&self) -> KeyIdentity {
        let [id, _] = self.derive(b"covet-auth key id", None);
        let check = self.derive(b"covet-auth key check", None);
        KeyIdentity { id, check }
    }

    fn derive(&self, domain: &[u8], issuer: Option<&str>) -> [u64; 2] {
        // The domain's length goes first: no domain and issuer run into another pair.
        let mut text = Vec::with_capacity(domain.len() + issuer.map_or(0, str::len) + 2);
        text.push(u8::try_from(domain.len()).unwrap_or(u8::MAX));
        text.extend_from_slice(domain);
        text.push(u8::from(issuer.is_some()));
        text.extend_from_slice(issuer.unwrap_or_default().as_bytes());
        hash(&SipHasher24::new_with_key(&self.0), &text)
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(..)")
    }
}

/// A key's name and proof, as stored beside fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyIdentity {
    pub(crate) id: u64,
    pub(crate) check: [u64; 2],
}

impl fmt::Display for KeyIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}{:016x}", self.id, self.check[0], self.check[1])
    }
}

/// 128 keyed bits in place of a name. The first word is never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub(crate) [u64; 2]);

impl Fingerprint {
    /// The fingerprint's 16 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0[0].to_le_bytes());
        bytes[8..].copy_from_slice(&self.0[1].to_le_bytes());
        bytes
    }

    /// The fingerprint of 16 bytes from [`to_bytes`](Self::to_bytes).
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        Self([word(0).max(1), word(8)])
    }

    fn nonzero(self) -> Self {
        Self([self.0[0].max(1), self.0[1]])
    }

    pub(crate) fn entry<const W: usize>(self) -> Entry<W> {
        std::array::from_fn(|word| self.0[word])
    }
}

/// Prints no bits: with the key they would name a token.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Jti,
    SigningInput,
    Subject,
    Session,
    Key,
    /// A key's id, whatever its issuer.
    AnyKey,
}

impl Kind {
    fn domain(self) -> &'static [u8] {
        match self {
            Self::Jti => b"jti",
            Self::SigningInput => b"signing input",
            Self::Subject => b"sub",
            Self::Session => b"sid",
            Self::Key => b"kid",
            Self::AnyKey => b"any kid",
        }
    }
}

#[inline]
fn hash(hasher: &SipHasher24, name: &[u8]) -> [u64; 2] {
    let (first, second) = hasher.hash(name).as_u64();
    [first.max(1), second]
}

/// Fingerprints names; knows some issuers by heart.
#[derive(Clone, Debug)]
pub(crate) struct Fingerprinter {
    key: FingerprintKey,
    issuers: Arc<[Issuer]>,
}

/// At most so many issuers have their keys derived ahead; the others cost a second hash.
const MAX_ISSUERS: usize = 32;

/// An issuer's derived hash for token ids.
#[derive(Clone)]
struct Issuer {
    name: Option<Box<str>>,
    jti: Sip,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Fingerprinter {
    pub(crate) fn new(key: FingerprintKey) -> Self {
        Self { key, issuers: Arc::from([]) }
    }

    /// Derives the issuer's key ahead of time. True if that changed anything.
    pub(crate) fn prepare(&mut self, issuer: Option<&str>) -> bool {
        if self.knows(issuer) {
            return false;
        }
        let new = Issuer { name: issuer.map(Box::from), jti: Sip::new(self.key.derive(Kind::Jti.domain(), issuer)) };
        self.issuers = self.issuers.iter().cloned().chain([new]).collect();
        true
    }

    /// Whether the issuer's key is derived, or will not be.
    pub(crate) fn knows(&self, issuer: Option<&str>) -> bool {
        self.issuers.len() >= MAX_ISSUERS || self.issuers.iter().any(|known| known.name.as_deref() == issuer)
    }

    /// The fingerprint of a token's id, or `None` if the token has none.
    pub(crate) fn token(&self, issuer: Option<&str>, id: TokenId<'_>) -> Option<Fingerprint> {
        self.token_entry::<2>(issuer, id).map(Fingerprint)
    }

    /// The first `W` words of that fingerprint.
    #[inline]
    pub(crate) fn token_entry<const W: usize>(&self, issuer: Option<&str>, id: TokenId<'_>) -> Option<Entry<W>> {
        let TokenId::Jti(jti) = id else { return self.signing_input(issuer, id).map(Fingerprint::entry) };
        if jti.is_empty() {
            return None;
        }
        let Some(known) = self.issuers.iter().find(|known| known.name.as_deref() == issuer) else {
            return Some(self.name(Kind::Jti, issuer, jti.as_bytes()).entry());
        };
        let mut entry = [0; W];
        if W == 1 {
            entry[0] = known.jti.first(jti.as_bytes()).max(1);
        } else {
            entry = Fingerprint(known.jti.both(jti.as_bytes())).nonzero().entry();
        }
        Some(entry)
    }

    #[cold]
    fn signing_input(&self, issuer: Option<&str>, id: TokenId<'_>) -> Option<Fingerprint> {
        match id {
            TokenId::SigningInput([]) | TokenId::Jti(_) => None,
            TokenId::SigningInput(input) => Some(self.name(Kind::SigningInput, issuer, input)),
        }
    }

    pub(crate) fn name(&self, kind: Kind, issuer: Option<&str>, name: &[u8]) -> Fingerprint {
        Fingerprint(hash(&self.keyed(kind, issuer), name))
    }

    fn keyed(&self, kind: Kind, issuer: Option<&str>) -> SipHasher24 {
        let [first, second] = self.key.derive(kind.domain(), issuer);
        SipHasher24::new_with_keys(first, second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printer() -> Fingerprinter {
        Fingerprinter::new(FingerprintKey::from_bytes(*b"0123456789abcdef"))
    }

    #[test]
    fn preparing_an_issuer_changes_no_fingerprint() {
        let cold = printer();
        let mut warm = printer();
        assert!(warm.prepare(Some("i")) && !warm.prepare(Some("i")) && warm.prepare(None));
        for issuer in [None, Some("i"), Some("j"), Some("")] {
            assert_eq!(cold.token(issuer, TokenId::Jti("x")), warm.token(issuer, TokenId::Jti("x")));
        }
    }

    #[test]
    fn kinds_and_issuers_are_kept_apart() {
        let printer = printer();
        let mut seen = std::collections::HashSet::new();
        for issuer in [None, Some(""), Some("i"), Some("ii")] {
            assert!(seen.insert(printer.token(issuer, TokenId::Jti("x"))));
            assert!(seen.insert(printer.token(issuer, TokenId::SigningInput(b"x"))));
            for kind in [Kind::Subject, Kind::Session, Kind::Key] {
                assert!(seen.insert(Some(printer.name(kind, issuer, b"x"))));
            }
        }
        assert_eq!(printer.token(None, TokenId::Jti("")), None);
    }

    #[test]
    fn keys_are_told_apart_and_never_printed() {
        let one = FingerprintKey::from_bytes([1; 16]);
        let two = FingerprintKey::from_bytes([2; 16]);
        assert_eq!(one.identity(), FingerprintKey::from_bytes([1; 16]).identity());
        assert_ne!(one.identity(), two.identity());
        assert_eq!(format!("{one:?}"), "FingerprintKey(..)");
        assert!(FingerprintKey::random().unwrap().identity() != FingerprintKey::random().unwrap().identity());
    }

    #[test]
    fn bytes_round_trip() {
        let fingerprint = printer().name(Kind::Subject, Some("i"), b"alice");
        assert_eq!(Fingerprint::from_bytes(fingerprint.to_bytes()), fingerprint);
        assert_eq!(format!("{fingerprint:?}"), "Fingerprint(..)");
    }
}
