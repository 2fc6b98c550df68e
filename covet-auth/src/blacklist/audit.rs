//! What an audit hook is told.

use std::fmt;
use std::sync::Arc;

use super::table::Revoked;

/// Called after each revocation.
pub(crate) type AuditHook = Arc<dyn Fn(&AuditEvent<'_>) + Send + Sync>;

/// What was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditKind {
    /// One verified token.
    Token,
    /// One id whose token was not at hand.
    Id,
    /// Every token of a subject until now.
    Subject,
    /// Every token of a session until now.
    Session,
    /// Everything signed with a key.
    Key,
}

/// A revocation that took place. `Debug` leaves the name out.
#[derive(Clone, Copy)]
pub struct AuditEvent<'a> {
    pub(crate) kind: AuditKind,
    pub(crate) iss: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) at: u64,
    pub(crate) outcome: Revoked,
}

impl<'a> AuditEvent<'a> {
    /// What was revoked.
    #[must_use]
    pub fn kind(&self) -> AuditKind {
        self.kind
    }

    /// The issuer of what was revoked.
    #[must_use]
    pub fn iss(&self) -> Option<&'a str> {
        self.iss
    }

    /// Its `jti`, `sub`, `sid` or `kid`; `None` for a token without `jti`.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// When, in seconds since 1970 by the blacklist's clock.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Whether it was news.
    #[must_use]
    pub fn outcome(&self) -> Revoked {
        self.outcome
    }
}

impl fmt::Debug for AuditEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditEvent")
            .field("kind", &self.kind)
            .field("iss", &self.iss)
            .field("at", &self.at)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
