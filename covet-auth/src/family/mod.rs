//! Refresh families: one per login, of which only the newest token is good.
//!
//! Each use of a refresh token makes its successor, and the store moves its counter forward (compare-and-swap)
//! before the successor is handed out. A token that comes again is judged by its distance from the counter:
//!
//! | distance | within the grace period | after it |
//! |---|---|---|
//! | 0, the current token | rotated | rotated |
//! | 1, its predecessor | the current token once more: the answer was lost, or two tabs raced | stolen |
//! | 2 and more | stolen | stolen |
//!
//! A stolen token ends the family, and by the session's id its access tokens with it.

mod store;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

pub use store::{Family, FamilyStore, MemoryFamilies};

use crate::error::AuthError;
use crate::issuer::{Identity, Issuer};
use crate::revocations::{Revocations, Revoke};
use crate::token::TokenFacts;
use token::{RefreshToken, TokenMint};

/// How often a lost compare-and-swap is tried again before the caller is told to come back.
const MAX_RACES: usize = 16;

/// The refresh families of one issuer.
pub struct Families<S, R> {
    issuer: Arc<Issuer>,
    store: S,
    revocations: R,
    mint: TokenMint,
    lifetime: u64,
    idle: Option<u64>,
    grace: u64,
}

/// A refresh token, and the session that it belongs to.
#[derive(Clone)]
#[non_exhaustive]
pub struct Grant {
    /// The token to hand to the client.
    pub refresh_token: String,
    /// Whose session it is.
    pub subject: String,
    /// The session's id, the `sid` of its access tokens.
    pub session: String,
    /// When the session began, in seconds since 1970.
    pub started_at: u64,
    /// When the session ends, in seconds since 1970.
    pub expires_at: u64,
    /// Whether this token was handed out before: the client asked twice within the grace period.
    pub repeated: bool,
}

impl Grant {
    /// Subject and session, for [`Issuer::access_token`].
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        Identity::subject(&self.subject).session(&self.session).since(self.started_at)
    }
}

/// Prints no token and no name.
impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("expires_at", &self.expires_at)
            .field("repeated", &self.repeated)
            .finish_non_exhaustive()
    }
}

/// Why a refresh token brought nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum RefreshError {
    /// Not a refresh token of this issuer, or its family is unknown.
    Invalid,
    /// The session is over, or was idle for too long.
    Expired,
    /// The session was ended, or its subject logged out everywhere.
    Revoked,
    /// The token was used before. Its family and the session's access tokens are revoked now.
    Reused,
    /// The family store failed.
    Store(Box<dyn std::error::Error + Send + Sync>),
    /// A revocation could not be kept. Try again: nothing was granted.
    Revocation(Box<dyn std::error::Error + Send + Sync>),
    /// Whether the session was revoked cannot be told at the moment.
    Unavailable(AuthError),
    /// Too many changes of the same family at once.
    Contended,
}

impl RefreshError {
    /// The HTTP status of the token endpoint's answer: 400 for a refused token (RFC 6749 section 5.2), 503 when
    /// the service could not judge.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.is_unavailable() { 503 } else { 400 }
    }

    /// The answer's `error`: the same for every refusal.
    #[must_use]
    pub fn oauth_error(&self) -> &'static str {
        if self.is_unavailable() { "temporarily_unavailable" } else { "invalid_grant" }
    }

    /// Whether trying again later may succeed with the same token.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Revocation(_) | Self::Unavailable(_) | Self::Contended)
    }

    /// Whether the token was stolen, as far as can be told: worth an alarm.
    #[must_use]
    pub fn is_reuse(&self) -> bool {
        matches!(self, Self::Reused)
    }
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid => f.write_str("not a refresh token of a known session"),
            Self::Expired => f.write_str("the session has expired"),
            Self::Revoked => f.write_str("the session was ended"),
            Self::Reused => f.write_str("the refresh token was used before; its session is revoked"),
            Self::Store(error) => write!(f, "the family store failed: {error}"),
            Self::Revocation(error) => write!(f, "the revocation could not be kept: {error}"),
            Self::Unavailable(error) => error.fmt(f),
            Self::Contended => f.write_str("too many changes of the session at once"),
        }
    }
}

impl std::error::Error for RefreshError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) | Self::Revocation(error) => Some(&**error),
            Self::Unavailable(error) => Some(error),
            _ => None,
        }
    }
}

impl<S: FamilyStore, R: Revocations + Revoke> Families<S, R> {
    /// The families of this issuer, kept in this store. Reuse and logout revoke access tokens in `revocations`.
    #[must_use]
    pub fn builder(issuer: Arc<Issuer>, store: S, revocations: R) -> FamiliesBuilder<S, R> {
        FamiliesBuilder {
            issuer,
            store,
            revocations,
            secrets: Vec::new(),
            lifetime: Duration::from_secs(14 * 24 * 3600),
            idle: None,
            grace: Duration::from_secs(10),
        }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Where the families are kept.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Begins a session: call it when somebody has logged in.
    ///
    /// # Errors
    ///
    /// When the store fails or there is no randomness. Nothing was granted then.
    pub async fn start(&self, subject: &str) -> Result<Grant, RefreshError> {
        let now = self.now();
        // A login right after a log-out-everywhere must lie past its cut-off.
        let cut_off = self.revocations.not_before(self.issuer.name(), Some(subject), None);
        let started_at = now.max(cut_off.unwrap_or(0));
        let family = Family {
            subject: subject.to_owned(),
            started_at,
            expires_at: started_at.saturating_add(self.lifetime),
            rotated_at: now,
            counter: 0,
            revoked: false,
            revision: 0,
        };
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| RefreshError::Store(Box::new(error)))?;
        if self.store.insert(&BASE64.encode(id), &family).await.map_err(store_error)? {
            Ok(self.grant(id, &family, false))
        } else {
            // 128 random bits do not meet again; a store that says so is broken.
            Err(RefreshError::Contended)
        }
    }

    /// Uses a refresh token: makes its successor, which is handed out only when the store has it.
    ///
    /// # Errors
    ///
    /// See [`RefreshError`]. A token that was used before revokes its session, except that within the grace period
    /// the predecessor of the current token brings the current token once more.
    pub async fn rotate(&self, refresh_token: &str) -> Result<Grant, RefreshError> {
        let token = self.mint.read(refresh_token).ok_or(RefreshError::Invalid)?;
        let sid = BASE64.encode(token.family);
        for _ in 0..MAX_RACES {
            let family = self.load(&sid).await?;
            self.judge(&sid, &family)?;
            let now = self.now();
            let repeats = family.counter.checked_sub(1) == Some(token.counter)
                && now <= family.rotated_at.saturating_add(self.grace);
            if repeats {
                return Ok(self.grant(token.family, &family, true));
            }
            if token.counter != family.counter {
                // Older than the predecessor or out of grace: stolen. Newer than the store: the store lost a
                // rotation it had confirmed, and cannot tell the client from the thief.
                self.revoke(&sid).await?;
                return Err(RefreshError::Reused);
            }
            let next = Family {
                counter: family.counter + 1,
                rotated_at: now,
                revision: family.revision + 1,
                ..family.clone()
            };
            if self.store.compare_and_swap(&sid, family.revision, &next).await.map_err(store_error)? {
                return Ok(self.grant(token.family, &next, false));
            }
        }
        Err(RefreshError::Contended)
    }

    /// Ends the session of this refresh token, current or not, with its access tokens.
    ///
    /// # Errors
    ///
    /// [`RefreshError::Invalid`] for what is no refresh token of this issuer; otherwise when the session could not be
    /// ended for certain.
    pub async fn log_out(&self, refresh_token: &str) -> Result<(), RefreshError> {
        let token = self.mint.read(refresh_token).ok_or(RefreshError::Invalid)?;
        self.revoke(&BASE64.encode(token.family)).await
    }

    /// Ends the session of this id (`sid`), with its access tokens. Ending an unknown or ended session is no error.
    ///
    /// # Errors
    ///
    /// When the session could not be ended for certain.
    pub async fn end_session(&self, sid: &str) -> Result<(), RefreshError> {
        self.revoke(sid).await
    }

    /// Ends every session of the subject, with all access tokens: a cut-off, which costs the same for one session
    /// and for a thousand. Sessions that begin afterwards are not touched.
    ///
    /// # Errors
    ///
    /// When the cut-off could not be kept.
    pub async fn log_out_everywhere(&self, subject: &str) -> Result<(), RefreshError> {
        let revoked = self.revocations.revoke_subject(self.issuer.name(), subject).await;
        revoked.map_err(|error| RefreshError::Revocation(Box::new(error)))
    }

    fn now(&self) -> u64 {
        self.issuer.clock().now()
    }

    async fn load(&self, sid: &str) -> Result<Family, RefreshError> {
        self.store.load(sid).await.map_err(store_error)?.ok_or(RefreshError::Invalid)
    }

    /// Whether the session is alive.
    fn judge(&self, sid: &str, family: &Family) -> Result<(), RefreshError> {
        let now = self.now();
        if family.revoked {
            return Err(RefreshError::Revoked);
        }
        let idle_until = self.idle.map_or(u64::MAX, |idle| family.rotated_at.saturating_add(idle));
        if now >= family.expires_at || now >= idle_until {
            return Err(RefreshError::Expired);
        }
        // Cut-offs of the subject and the session count for the session as they do for a token of its age.
        let facts = TokenFacts::builder()
            .issuer(self.issuer.name())
            .subject(&family.subject)
            .session(sid)
            .id(&format!("family {sid}"))
            .issued_at(family.started_at)
            .expires_at(family.expires_at)
            .build();
        self.revocations.check(&facts).map_err(|error| match error {
            AuthError::Revoked => RefreshError::Revoked,
            error if error.is_unavailable() => RefreshError::Unavailable(error),
            AuthError::Expired => RefreshError::Expired,
            _ => RefreshError::Invalid,
        })
    }

    /// Marks the family, then refuses the session's access tokens. Both are tried even if it was marked before: the
    /// second may have failed then.
    async fn revoke(&self, sid: &str) -> Result<(), RefreshError> {
        for race in 0.. {
            let Some(family) = self.store.load(sid).await.map_err(store_error)? else { break };
            let ended = Family { revoked: true, revision: family.revision + 1, ..family.clone() };
            if family.revoked || self.store.compare_and_swap(sid, family.revision, &ended).await.map_err(store_error)? {
                break;
            }
            if race == MAX_RACES {
                return Err(RefreshError::Contended);
            }
        }
        let revoked = self.revocations.revoke_session(self.issuer.name(), sid).await;
        revoked.map_err(|error| RefreshError::Revocation(Box::new(error)))
    }

    fn grant(&self, id: [u8; 16], family: &Family, repeated: bool) -> Grant {
        Grant {
            refresh_token: self.mint.write(RefreshToken { family: id, counter: family.counter }),
            subject: family.subject.clone(),
            session: BASE64.encode(id),
            started_at: family.started_at,
            expires_at: family.expires_at,
            repeated,
        }
    }
}

fn store_error<E: std::error::Error + Send + Sync + 'static>(error: E) -> RefreshError {
    RefreshError::Store(Box::new(error))
}

impl<S, R> fmt::Debug for Families<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Families")
            .field("issuer", &self.issuer.name())
            .field("lifetime", &self.lifetime)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

/// Why families could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FamiliesError {
    /// No secret, or one of less than 32 bytes.
    Secret,
    /// The issuer and the revocations do not read the same clock.
    Clocks,
    /// Cut-offs lapse before the sessions or the access tokens that they must outlast.
    Retention,
}

impl fmt::Display for FamiliesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "a refresh secret must have at least 32 bytes",
            Self::Clocks => "the issuer and the revocations must read the same clock",
            Self::Retention => "the revocations' longest lifetime must be at least that of sessions and access tokens",
        })
    }
}

impl std::error::Error for FamiliesError {}

/// Families under construction: see [`Families::builder`].
pub struct FamiliesBuilder<S, R> {
    issuer: Arc<Issuer>,
    store: S,
    revocations: R,
    secrets: Vec<zeroize::Zeroizing<Vec<u8>>>,
    lifetime: Duration,
    idle: Option<Duration>,
    grace: Duration,
}

impl<S: FamilyStore, R: Revocations + Revoke> FamiliesBuilder<S, R> {
    /// The secret that refresh tokens are made with, at least 32 random bytes, the same on every machine and after
    /// every restart. Called more than once, the first makes tokens and all of them read.
    #[must_use]
    pub fn secret(mut self, secret: &[u8]) -> Self {
        self.secrets.push(zeroize::Zeroizing::new(secret.to_vec()));
        self
    }

    /// How long a session lasts at most, however often it is refreshed. 14 days by default.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// How long a session lasts without being refreshed. Not limited by default.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// How long the predecessor of the current token still brings the current token. 10 seconds by default; zero
    /// makes every repeated request a theft.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The families.
    ///
    /// # Errors
    ///
    /// See [`FamiliesError`].
    pub fn build(self) -> Result<Families<S, R>, FamiliesError> {
        if self.secrets.is_empty() || self.secrets.iter().any(|secret| secret.len() < 32) {
            return Err(FamiliesError::Secret);
        }
        if self.issuer.clock().source() != self.revocations.clock().source() {
            return Err(FamiliesError::Clocks);
        }
        if self.revocations.retention().max_lifetime < self.lifetime.max(self.issuer.lifetime()) {
            return Err(FamiliesError::Retention);
        }
        Ok(Families {
            mint: TokenMint::new(self.issuer.name(), self.secrets.iter().map(|secret| secret.as_slice())),
            issuer: self.issuer,
            store: self.store,
            revocations: self.revocations,
            lifetime: self.lifetime.as_secs(),
            idle: self.idle.map(|idle| idle.as_secs()),
            grace: self.grace.as_secs(),
        })
    }
}

impl<S, R> fmt::Debug for FamiliesBuilder<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamiliesBuilder").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}
