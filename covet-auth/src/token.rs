//! What is known of a verified token: the facts that revocation needs, and the caller's own claims.
//!
//! Facts live in one text: the decoded claims, then whatever is not written in them (unescaped strings, the
//! key's names, the signing input of a token without `jti`). Each fact is a range of that text, so that a
//! verification allocates once.

use std::fmt;

use crate::algorithm::Algorithm;
use crate::error::AuthError;

/// A range of the facts' text; `NONE` for a fact that is absent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) const NONE: Self = Self { start: u32::MAX, end: 0 };

    /// A range, or `NONE` when it does not fit 32 bits (texts are limited far below that).
    pub(crate) fn new(start: usize, end: usize) -> Self {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) if start <= end => Self { start, end },
            _ => Self::NONE,
        }
    }

    pub(crate) fn of(self, text: &str) -> Option<&str> {
        text.get(self.start as usize..self.end as usize)
    }
}

/// The facts of a verified token that decide whether it is revoked. Owned and `'static`.
///
/// A verifier makes them; [`TokenFacts::builder`] makes them for tokens that another verifier has checked, and
/// for tests. Whoever builds facts vouches for them: they must come from a token whose signature was verified.
#[derive(Clone)]
pub struct TokenFacts {
    pub(crate) text: String,
    pub(crate) iss: Span,
    pub(crate) sub: Span,
    pub(crate) sid: Span,
    pub(crate) jti: Span,
    pub(crate) scope: Span,
    pub(crate) kid: Span,
    pub(crate) key_issuer: Span,
    pub(crate) signing_input: Span,
    pub(crate) iat: Option<u64>,
    pub(crate) exp: Option<u64>,
}

/// What names one token among those of its issuer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenId<'a> {
    /// The claim `jti`, unique for its issuer.
    Jti(&'a str),
    /// `header.payload`, the text that was signed, for tokens without `jti`. Never the whole token: a signature
    /// can be rewritten so that it still verifies.
    SigningInput(&'a [u8]),
}

impl fmt::Debug for TokenId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jti(_) => "Jti(..)",
            Self::SigningInput(_) => "SigningInput(..)",
        })
    }
}

impl TokenFacts {
    /// No facts but these: for tokens verified elsewhere, and for tests.
    ///
    /// ```
    /// use covet_auth::{TokenFacts, TokenId};
    ///
    /// let facts = TokenFacts::builder().issuer("https://id.example").id("7").expires_at(1_900_000_000).build();
    /// assert_eq!(facts.id(), TokenId::Jti("7"));
    /// assert_eq!(facts.exp(), Some(1_900_000_000));
    /// ```
    #[must_use]
    pub fn builder() -> TokenFactsBuilder {
        TokenFactsBuilder { facts: Self::empty(String::new()) }
    }

    pub(crate) fn empty(text: String) -> Self {
        Self {
            text,
            iss: Span::NONE,
            sub: Span::NONE,
            sid: Span::NONE,
            jti: Span::NONE,
            scope: Span::NONE,
            kid: Span::NONE,
            key_issuer: Span::NONE,
            signing_input: Span::NONE,
            iat: None,
            exp: None,
        }
    }

    pub(crate) fn append(&mut self, fact: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(fact);
        Span::new(start, self.text.len())
    }

    /// `iss`: who issued the token.
    #[must_use]
    pub fn iss(&self) -> Option<&str> {
        self.iss.of(&self.text)
    }

    /// `sub`: whom the token is about. An empty claim counts as absent.
    #[must_use]
    pub fn sub(&self) -> Option<&str> {
        self.sub.of(&self.text)
    }

    /// `sid`: the session the token belongs to. An empty claim counts as absent.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.of(&self.text)
    }

    /// `jti`: the token's own name. An empty claim counts as absent.
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.jti.of(&self.text)
    }

    /// The id of the key that verified the token, as the verifier knows it. Not the header's `kid`: whoever
    /// stole a key chooses that.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.of(&self.text)
    }

    /// The issuer whose key verified the token. Absent when the verifier accepts any issuer.
    #[must_use]
    pub fn key_issuer(&self) -> Option<&str> {
        self.key_issuer.of(&self.text)
    }

    /// `scope`, as written: names separated by spaces (RFC 8693).
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.of(&self.text)
    }

    /// Whether `scope` names this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope().is_some_and(|scopes| scopes.split(' ').any(|one| one == scope && !one.is_empty()))
    }

    /// `iat` in seconds since 1970, its fraction cut off.
    #[must_use]
    pub fn iat(&self) -> Option<u64> {
        self.iat
    }

    /// `exp` in seconds since 1970, its fraction cut off. Cut here once, so that whoever keeps a token until
    /// its expiry and whoever judges the expiry see the same second.
    #[must_use]
    pub fn exp(&self) -> Option<u64> {
        self.exp
    }

    /// The name to revoke the token by.
    #[must_use]
    pub fn id(&self) -> TokenId<'_> {
        match self.jti() {
            Some(jti) => TokenId::Jti(jti),
            None => TokenId::SigningInput(self.signing_input.of(&self.text).unwrap_or_default().as_bytes()),
        }
    }
}

/// Prints which facts are there, and the times; never a name.
impl fmt::Debug for TokenFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = [
            ("iss", self.iss().is_some()),
            ("sub", self.sub().is_some()),
            ("sid", self.sid().is_some()),
            ("jti", self.jti().is_some()),
            ("kid", self.kid().is_some()),
        ];
        let present: Vec<&str> = present.into_iter().filter_map(|(name, there)| there.then_some(name)).collect();
        f.debug_struct("TokenFacts")
            .field("present", &present)
            .field("iat", &self.iat)
            .field("exp", &self.exp)
            .finish_non_exhaustive()
    }
}

/// Facts under construction: see [`TokenFacts::builder`].
#[derive(Clone, Debug)]
pub struct TokenFactsBuilder {
    facts: TokenFacts,
}

impl TokenFactsBuilder {
    /// Sets `iss`, and the issuer whose key verified the token.
    #[must_use]
    pub fn issuer(mut self, iss: &str) -> Self {
        self.facts.iss = self.facts.append(iss);
        self.facts.key_issuer = self.facts.iss;
        self
    }

    /// Sets `sub`. Empty counts as absent.
    #[must_use]
    pub fn subject(mut self, sub: &str) -> Self {
        self.facts.sub = self.name(sub);
        self
    }

    /// Sets `sid`. Empty counts as absent.
    #[must_use]
    pub fn session(mut self, sid: &str) -> Self {
        self.facts.sid = self.name(sid);
        self
    }

    /// Sets `jti`. Empty counts as absent.
    #[must_use]
    pub fn id(mut self, jti: &str) -> Self {
        self.facts.jti = self.name(jti);
        self
    }

    /// Sets the id of the key that verified the token.
    #[must_use]
    pub fn key(mut self, kid: &str) -> Self {
        self.facts.kid = self.name(kid);
        self
    }

    /// Sets `scope`.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        self.facts.scope = self.name(scope);
        self
    }

    /// Sets `header.payload`, which names a token that has no `jti`.
    #[must_use]
    pub fn signing_input(mut self, header_and_payload: &str) -> Self {
        self.facts.signing_input = self.name(header_and_payload);
        self
    }

    /// Sets `iat`, in seconds since 1970.
    #[must_use]
    pub fn issued_at(mut self, iat: u64) -> Self {
        self.facts.iat = Some(iat);
        self
    }

    /// Sets `exp`, in seconds since 1970.
    #[must_use]
    pub fn expires_at(mut self, exp: u64) -> Self {
        self.facts.exp = Some(exp);
        self
    }

    /// The facts.
    #[must_use]
    pub fn build(self) -> TokenFacts {
        self.facts
    }

    fn name(&mut self, name: &str) -> Span {
        if name.is_empty() { Span::NONE } else { self.facts.append(name) }
    }
}

/// A token that passed every check, with the caller's claims.
#[derive(Clone)]
pub struct Verified<C> {
    claims: C,
    facts: TokenFacts,
    payload: Span,
    algorithm: Algorithm,
}

impl<C> Verified<C> {
    /// `facts.text` must begin with the payload, `payload` bytes long.
    pub(crate) fn new(claims: C, facts: TokenFacts, payload: usize, algorithm: Algorithm) -> Self {
        Self { claims, facts, payload: Span::new(0, payload), algorithm }
    }

    /// The claims, in the caller's type.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// The claims, by value.
    #[must_use]
    pub fn into_claims(self) -> C {
        self.claims
    }

    /// The claims and the facts, by value.
    #[must_use]
    pub fn into_parts(self) -> (C, TokenFacts) {
        (self.claims, self.facts)
    }

    /// What revocation needs to know.
    #[must_use]
    pub fn facts(&self) -> &TokenFacts {
        &self.facts
    }

    /// The claims as they were signed, in JSON.
    #[must_use]
    pub fn payload(&self) -> &str {
        self.payload.of(&self.facts.text).unwrap_or_default()
    }

    /// The algorithm of the signature.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Refuses a token whose `scope` does not name `scope`.
    ///
    /// # Errors
    ///
    /// [`AuthError::Scope`], which answers 403.
    pub fn require_scope(&self, scope: &str) -> Result<(), AuthError> {
        if self.facts.has_scope(scope) { Ok(()) } else { Err(AuthError::Scope) }
    }
}

/// Prints the facts' outline and never a claim.
impl<C> fmt::Debug for Verified<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("facts", &self.facts)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builder_sets_every_fact() {
        let facts = TokenFacts::builder()
            .issuer("i")
            .subject("s")
            .session("sess")
            .id("j")
            .key("k")
            .scope("read write")
            .issued_at(1)
            .expires_at(2)
            .build();
        assert_eq!((facts.iss(), facts.sub(), facts.sid()), (Some("i"), Some("s"), Some("sess")));
        assert_eq!((facts.jti(), facts.kid(), facts.key_issuer()), (Some("j"), Some("k"), Some("i")));
        assert_eq!((facts.iat(), facts.exp()), (Some(1), Some(2)));
        assert!(facts.has_scope("read") && facts.has_scope("write"));
        assert!(!facts.has_scope("rea") && !facts.has_scope("") && !facts.has_scope("read write"));
        assert_eq!(facts.id(), TokenId::Jti("j"));
    }

    #[test]
    fn a_token_without_jti_is_named_by_what_was_signed() {
        let facts = TokenFacts::builder().id("").signing_input("aa.bb").build();
        assert_eq!(facts.jti(), None);
        assert_eq!(facts.id(), TokenId::SigningInput(b"aa.bb"));
    }

    #[test]
    fn debug_prints_no_name() {
        let facts = TokenFacts::builder().subject("alice").id("secret-id").expires_at(9).build();
        let printed = format!("{facts:?} {:?}", facts.id());
        assert!(!printed.contains("alice") && !printed.contains("secret-id"), "{printed}");
        assert!(printed.contains('9') && printed.contains("sub"), "{printed}");
    }
}
