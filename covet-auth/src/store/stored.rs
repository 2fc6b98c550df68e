//! A blacklist whose revocations outlive the process.

use std::fmt;
use std::sync::Arc;

use crate::blacklist::{AuditKind, Blacklist, BlacklistError, Change, CutoffScope, Revoked};
use crate::clock::Clock;
use crate::error::AuthError;
use crate::revocations::{Retention, Revocations, Revoke};
use crate::token::{TokenFacts, Verified};

use super::{Record, RevocationStore};

/// A [`Blacklist`] in front of a [`RevocationStore`]: loaded whole before it answers, written through.
///
/// A revocation holds in this process even if the store then fails to keep it; the error says that a restart
/// would forget it.
///
/// ```
/// # use covet_auth::{Blacklist, BlacklistConfig, FingerprintKey, MemoryStore, Revocations, StoredBlacklist, TokenFacts};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let config = || BlacklistConfig::new().key(FingerprintKey::from_bytes(*b"16 secret bytes."));
/// let first = StoredBlacklist::open(Blacklist::new(config())?, store.clone()).await?;
/// first.revoke_id("https://id.example", "8f3c").await?;
///
/// let restarted = StoredBlacklist::open(Blacklist::new(config())?, store).await?;
/// let now = restarted.clock().now();
/// let token = TokenFacts::builder().issuer("https://id.example").id("8f3c").issued_at(now).expires_at(now + 60).build();
/// assert!(restarted.check(&token).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct StoredBlacklist<S> {
    blacklist: Blacklist,
    store: S,
}

/// Why a stored blacklist could not be opened, or a revocation not be stored.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoredError<E> {
    /// The blacklist refused: nothing was revoked.
    Blacklist(BlacklistError),
    /// The store failed. If this was a revocation, it holds in this process and may be lost with it.
    Store(E),
    /// The store's fingerprints are under another key: every lookup would miss.
    OtherKey,
    /// The blacklist was made without a key, so that nobody else could read what it stores.
    NoKey,
}

impl<E: fmt::Display> fmt::Display for StoredError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blacklist(error) => error.fmt(f),
            Self::Store(error) => write!(f, "the store of revocations: {error}"),
            Self::OtherKey => f.write_str("the store's fingerprints were made with another key"),
            Self::NoKey => f.write_str("a stored blacklist needs a fingerprint key of its own (BlacklistConfig::key)"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for StoredError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Blacklist(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::OtherKey | Self::NoKey => None,
        }
    }
}

impl<E> From<BlacklistError> for StoredError<E> {
    fn from(error: BlacklistError) -> Self {
        Self::Blacklist(error)
    }
}

impl<S: RevocationStore> StoredBlacklist<S> {
    /// Loads everything the store holds.
    ///
    /// # Errors
    ///
    /// [`StoredError::NoKey`], [`StoredError::OtherKey`], [`StoredError::Store`], or the blacklist's ceiling.
    pub async fn open(blacklist: Blacklist, store: S) -> Result<Self, StoredError<S::Error>> {
        if !blacklist.has_own_key() {
            return Err(StoredError::NoKey);
        }
        let identity = blacklist.key_identity().to_string();
        if store.bind(&identity).await.map_err(StoredError::Store)? != identity {
            return Err(StoredError::OtherKey);
        }
        let mut failed = None;
        let mut sink = |records: &[Record]| {
            let changes: Vec<Change> = records.iter().map(|record| record.change).collect();
            if let Err(error) = blacklist.apply(&changes) {
                failed.get_or_insert(error);
            }
        };
        store.load(&mut sink).await.map_err(StoredError::Store)?;
        match failed {
            Some(error) => Err(StoredError::Blacklist(error)),
            None => Ok(Self { blacklist, store }),
        }
    }

    /// The blacklist, for its counts. What is revoked on it directly is not stored.
    #[must_use]
    pub fn blacklist(&self) -> &Blacklist {
        &self.blacklist
    }

    /// Revokes one verified token.
    ///
    /// # Errors
    ///
    /// [`StoredError::Blacklist`]: it is still accepted. [`StoredError::Store`]: it is refused, until a restart.
    pub async fn revoke<C>(&self, token: &Verified<C>) -> Result<Revoked, StoredError<S::Error>> {
        self.revoke_facts(token.facts()).await
    }

    /// As [`revoke`](Self::revoke), by the facts.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_facts(&self, token: &TokenFacts) -> Result<Revoked, StoredError<S::Error>> {
        let Some(change) = self.blacklist.token_change(token)? else { return Ok(Revoked::Already) };
        self.keep(AuditKind::Token, token.iss(), token.jti(), &[change]).await
    }

    /// Revokes by issuer and `jti`.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_id(&self, iss: &str, jti: &str) -> Result<Revoked, StoredError<S::Error>> {
        let change = self.blacklist.id_change(iss, jti)?;
        self.keep(AuditKind::Id, Some(iss), Some(jti), &[change]).await
    }

    /// Refuses what was issued to a subject until now.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_subject(&self, iss: &str, sub: &str) -> Result<Revoked, StoredError<S::Error>> {
        let change = self.blacklist.cutoff_change(CutoffScope::Subject, iss, sub)?;
        self.keep(AuditKind::Subject, Some(iss), Some(sub), &[change]).await
    }

    /// Refuses what was issued in a session until now.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_session(&self, iss: &str, sid: &str) -> Result<Revoked, StoredError<S::Error>> {
        let change = self.blacklist.cutoff_change(CutoffScope::Session, iss, sid)?;
        self.keep(AuditKind::Session, Some(iss), Some(sid), &[change]).await
    }

    /// Refuses everything signed with a key, for ever.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_key(&self, iss: &str, kid: &str) -> Result<Revoked, StoredError<S::Error>> {
        let changes = self.blacklist.key_changes(iss, kid)?;
        self.keep(AuditKind::Key, Some(iss), Some(kid), &changes).await
    }

    /// Drops what has lapsed, here and in the store.
    ///
    /// # Errors
    ///
    /// [`StoredError::Store`].
    pub async fn expire(&self) -> Result<(), StoredError<S::Error>> {
        self.blacklist.expire();
        let now = self.blacklist.clock().now().saturating_sub(self.blacklist.kept_after_expiry());
        self.store.prune(now).await.map_err(StoredError::Store)
    }

    async fn keep(
        &self,
        kind: AuditKind,
        iss: Option<&str>,
        name: Option<&str>,
        changes: &[Change],
    ) -> Result<Revoked, StoredError<S::Error>> {
        let outcome = self.blacklist.apply(changes)?;
        // Stored even if it was known: a first attempt to store it may have failed.
        let records: Vec<Record> = changes.iter().copied().map(Record::new).collect();
        self.store.append(&records).await.map_err(StoredError::Store)?;
        self.blacklist.audit(kind, iss, name, outcome);
        Ok(outcome)
    }
}

impl<S: Send + Sync> Revocations for StoredBlacklist<S> {
    fn check(&self, token: &TokenFacts) -> Result<(), AuthError> {
        self.blacklist.check_facts(token)
    }

    fn not_before(&self, iss: &str, sub: Option<&str>, sid: Option<&str>) -> Option<u64> {
        self.blacklist.not_before(iss, sub, sid)
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        self.blacklist.clock()
    }

    fn retention(&self) -> Retention {
        self.blacklist.retention()
    }
}

impl<S: RevocationStore> Revoke for StoredBlacklist<S> {
    type Error = StoredError<S::Error>;

    async fn revoke_session(&self, iss: &str, sid: &str) -> Result<(), Self::Error> {
        Self::revoke_session(self, iss, sid).await.map(drop)
    }

    async fn revoke_subject(&self, iss: &str, sub: &str) -> Result<(), Self::Error> {
        Self::revoke_subject(self, iss, sub).await.map(drop)
    }
}
