//! The blacklist: which verified tokens are refused all the same.
//!
//! | file | what it is |
//! |---|---|
//! | `mod.rs` | the interface, and the judgement of one token |
//! | `fingerprint.rs` | keyed fingerprints in place of names |
//! | `sip.rs` | the keyed hash, as far as a check needs it |
//! | `segment.rs` | a run of slots: one writer, readers that never wait |
//! | `bucket.rs` | a set of segments that grows an eighth at a time |
//! | `snapshot.rs` | what a check looks at |
//! | `publish.rs` | how a check gets at it |
//! | `table.rs` | the writer's side: growth, lapse, freeing |
//! | `config.rs`, `error.rs`, `audit.rs`, `stats.rs` | as they say |

mod atomics;
mod audit;
mod bucket;
mod config;
mod error;
mod fingerprint;
mod publish;
mod segment;
mod sip;
mod snapshot;
mod stats;
mod table;

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::error::AuthError;
use crate::revocations::{Retention, Revocations, Revoke};
use crate::token::{TokenFacts, TokenId, Verified};

pub use audit::{AuditEvent, AuditKind};
pub use config::{BlacklistConfig, FingerprintBits, NoExpiry};
pub use error::BlacklistError;
pub use fingerprint::{Fingerprint, FingerprintKey};
pub use stats::{BlacklistStats, Memory};
pub use table::Revoked;

pub(crate) use fingerprint::KeyIdentity;
pub(crate) use table::Change;
#[cfg(feature = "redis")]
pub(crate) use table::Part;

use config::whole;
use fingerprint::{Fingerprinter, Kind};
use publish::{Published, Width};
use snapshot::Snapshot;
use table::{Counts, FREED_PER_CALL, Keep, Moment, Table};

/// Revocations in memory: exact until the token can no longer be accepted, then gone.
///
/// A check takes no lock, never waits for a revocation and allocates nothing. A revocation takes a lock that only
/// revocations take. Clones share one blacklist.
///
/// ```
/// use covet_auth::{Blacklist, BlacklistConfig, ManualClock, TokenFacts};
///
/// let clock = ManualClock::at(1_800_000_000);
/// let blacklist = Blacklist::new(BlacklistConfig::new().clock(clock.shared()))?;
///
/// let token = TokenFacts::builder()
///     .issuer("https://id.example")
///     .id("8f3c")
///     .issued_at(1_800_000_000)
///     .expires_at(1_800_000_900)
///     .build();
/// blacklist.revoke_facts(&token)?;
/// assert!(blacklist.check_facts(&token).is_err());
/// assert_eq!(blacklist.len(), 1);
///
/// clock.set(1_800_001_000); // past exp, leeway and skew
/// blacklist.expire();
/// assert_eq!(blacklist.len(), 0);
/// assert!(blacklist.check_facts(&token).is_err(), "refused even if the clock goes back");
/// # Ok::<(), covet_auth::BlacklistError>(())
/// ```
#[derive(Clone)]
pub struct Blacklist {
    shared: Arc<Shared>,
}

struct Shared {
    tables: Tables,
    config: BlacklistConfig,
    keep: Keep,
    skew: u64,
    identity: KeyIdentity,
}

/// The table in the width that was chosen.
enum Tables {
    Short(Core<1>),
    Full(Core<2>),
}

struct Core<const W: usize>
where
    Snapshot<W>: Width<W>,
{
    published: Published<W>,
    writer: Mutex<Writer<W>>,
}

struct Writer<const W: usize> {
    table: Table<W>,
    highest: u64,
}

/// Runs the same code on whichever table there is.
macro_rules! with_core {
    ($self:expr, $core:ident => $body:expr) => {
        match &$self.shared.tables {
            Tables::Short($core) => $body,
            Tables::Full($core) => $body,
        }
    };
}

impl Blacklist {
    /// An empty blacklist.
    ///
    /// # Errors
    ///
    /// [`BlacklistError::Config`] if the settings contradict each other, [`BlacklistError::Random`] if there is no
    /// randomness for a key.
    pub fn new(config: BlacklistConfig) -> Result<Self, BlacklistError> {
        let keep = config.keep()?;
        let key = match &config.key {
            Some(key) => key.clone(),
            None => FingerprintKey::random()?,
        };
        let identity = key.identity();
        let printer = Fingerprinter::new(key);
        let tables = match config.bits {
            FingerprintBits::Bits64 => Tables::Short(Core::new(&config, keep, printer)),
            FingerprintBits::Bits128 => Tables::Full(Core::new(&config, keep, printer)),
        };
        let skew = whole(config.skew);
        Ok(Self { shared: Arc::new(Shared { tables, config, keep, skew, identity }) })
    }

    /// Whether the token is refused: revoked, or outside of what this blacklist can vouch for.
    ///
    /// Costs a keyed hash of the token's id and, mostly, one read of a table.
    #[must_use]
    pub fn is_revoked<C>(&self, token: &Verified<C>) -> bool {
        self.check_facts(token.facts()).is_err()
    }

    /// As [`is_revoked`](Self::is_revoked), by the facts, and with the reason.
    ///
    /// # Errors
    ///
    /// [`AuthError::Revoked`]; [`AuthError::Expired`] below the horizon, where revocations were dropped;
    /// [`AuthError::NoExpiry`] and [`AuthError::Lifetime`] for tokens that this blacklist cannot vouch for.
    #[inline]
    pub fn check_facts(&self, token: &TokenFacts) -> Result<(), AuthError> {
        if let (Some(iat), Some(exp)) = (token.iat(), token.exp())
            && exp.saturating_sub(iat) > self.shared.keep.lifetime
        {
            return Err(AuthError::Lifetime);
        }
        with_core!(self, core => core.published.read(|snapshot| self.judge(snapshot, token)))
    }

    #[inline]
    fn judge<const W: usize>(&self, snapshot: &Snapshot<W>, token: &TokenFacts) -> Result<(), AuthError> {
        match token.exp() {
            None if self.shared.config.no_expiry == NoExpiry::Refuse => return Err(AuthError::NoExpiry),
            Some(exp) if exp < snapshot.horizon => return Err(AuthError::Expired),
            _ => {}
        }
        if !snapshot.names_nothing()
            && let Some(entry) = snapshot.printer.token_entry::<W>(token.iss(), token.id())
            && snapshot.holds(entry, token.exp())
        {
            return Err(AuthError::Revoked);
        }
        if !snapshot.cutoffs.is_empty() && self.is_cut_off(snapshot, token) {
            return Err(AuthError::Revoked);
        }
        if !snapshot.keys.is_empty() && is_of_revoked_key(snapshot, token) {
            return Err(AuthError::Revoked);
        }
        Ok(())
    }

    #[inline(never)]
    fn is_cut_off<const W: usize>(&self, snapshot: &Snapshot<W>, token: &TokenFacts) -> bool {
        let cutoff = strictest(snapshot, token.iss(), token.sub(), token.sid());
        // An `iat` equal to the cut-off may have been issued before or after it within that second: refuse.
        cutoff.is_some_and(|cutoff| token.iat().is_none_or(|iat| iat <= cutoff.saturating_add(self.shared.skew)))
    }

    /// Revokes one verified token until it can no longer be accepted. Revoking it again changes nothing.
    ///
    /// # Errors
    ///
    /// Nothing was revoked, and the token is still accepted: [`BlacklistError::Full`] at the ceiling,
    /// [`BlacklistError::Lifetime`] if it lives too long, [`BlacklistError::Unnamed`] if it has no name.
    pub fn revoke<C>(&self, token: &Verified<C>) -> Result<Revoked, BlacklistError> {
        self.revoke_facts(token.facts())
    }

    /// As [`revoke`](Self::revoke), by the facts. They must come from a token whose signature was verified: an
    /// invented token would take up memory.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub fn revoke_facts(&self, token: &TokenFacts) -> Result<Revoked, BlacklistError> {
        let Some(change) = self.token_change(token)? else { return Ok(Revoked::Already) };
        self.revoke_one(AuditKind::Token, token.iss(), token.jti(), change)
    }

    /// Revokes a token by issuer and `jti` when the token itself, and so its `exp`, is not at hand. Kept for the
    /// longest lifetime, and looked up on every check: prefer [`revoke`](Self::revoke) where there is a token.
    ///
    /// That lifetime counts from the latest time that the clock has shown. If the clock is behind by so much that a token
    /// expires later than that, [`revoke`](Self::revoke) fails loudly; here nobody can know, and the token is accepted
    /// again if the clock is still as wrong when the lifetime has passed.
    ///
    /// # Errors
    ///
    /// [`BlacklistError::Full`], [`BlacklistError::Unnamed`] for an empty `jti`.
    pub fn revoke_id(&self, iss: &str, jti: &str) -> Result<Revoked, BlacklistError> {
        let change = self.id_change(iss, jti)?;
        self.revoke_one(AuditKind::Id, Some(iss), Some(jti), change)
    }

    /// Refuses every token of a subject that was issued until now, and those without `iat`. Tokens issued within
    /// the skew after now are refused too: [`not_before`](Revocations::not_before) tells an issuer what to stamp.
    ///
    /// # Errors
    ///
    /// [`BlacklistError::Full`], [`BlacklistError::Unnamed`] for an empty `sub`.
    pub fn revoke_subject(&self, iss: &str, sub: &str) -> Result<Revoked, BlacklistError> {
        let change = self.cutoff_change(CutoffScope::Subject, iss, sub)?;
        self.revoke_one(AuditKind::Subject, Some(iss), Some(sub), change)
    }

    /// Refuses every token of a session that was issued until now, and those without `iat`.
    ///
    /// # Errors
    ///
    /// [`BlacklistError::Full`], [`BlacklistError::Unnamed`] for an empty `sid`.
    pub fn revoke_session(&self, iss: &str, sid: &str) -> Result<Revoked, BlacklistError> {
        let change = self.cutoff_change(CutoffScope::Session, iss, sid)?;
        self.revoke_one(AuditKind::Session, Some(iss), Some(sid), change)
    }

    /// Refuses everything that was, or ever will be, signed with a key. There is no time in it: whoever stole the
    /// key chooses `iat`. Kept for ever, so that importing the key again revives nothing.
    ///
    /// # Errors
    ///
    /// [`BlacklistError::Full`] at the ceiling of keys, [`BlacklistError::Unnamed`] for an empty `kid`.
    pub fn revoke_key(&self, iss: &str, kid: &str) -> Result<Revoked, BlacklistError> {
        let changes = self.key_changes(iss, kid)?;
        let outcome = self.apply(&changes)?;
        self.audit(AuditKind::Key, Some(iss), Some(kid), outcome);
        Ok(outcome)
    }

    /// Drops what has lapsed and gives back some of its memory: at most 64 segments of 64 KiB a call, so that no
    /// caller is held up. True if there is more to give back. Every revocation does the same; call this from a
    /// timer if the memory should shrink while none arrives.
    pub fn expire(&self) -> bool {
        with_core!(self, core => core.expire(&*self.shared.config.clock))
    }

    /// How many revocations can still refuse something: tokens that have not lapsed, ids, cut-offs. Walks the
    /// buckets, not the entries.
    #[must_use]
    pub fn len(&self) -> usize {
        let counts = self.counts();
        counts.tokens + counts.ids + counts.cutoffs + counts.keys / 2
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes held, allocator's words included. Walks the segments.
    #[must_use]
    pub fn memory(&self) -> Memory {
        self.stats().memory
    }

    /// Counts and estimates for metrics. Walks the segments.
    #[must_use]
    pub fn stats(&self) -> BlacklistStats {
        let bits = match self.shared.config.bits {
            FingerprintBits::Bits64 => 64,
            FingerprintBits::Bits128 => 128,
        };
        BlacklistStats::new(self.counts(), bits)
    }

    /// Spares checks of this issuer's tokens the derivation of its key. Revoking one of its tokens does the same.
    pub fn prepare_issuer(&self, iss: &str) {
        with_core!(self, core => core.write(&*self.shared.config.clock, |table, _| table.prepare_issuer(Some(iss))));
    }

    fn counts(&self) -> Counts {
        with_core!(self, core => core.write(&*self.shared.config.clock, |table, at| table.counts(at)))
    }

    fn revoke_one(
        &self,
        kind: AuditKind,
        iss: Option<&str>,
        name: Option<&str>,
        change: Change,
    ) -> Result<Revoked, BlacklistError> {
        let known = with_core!(self, core => core.published.read(|snapshot| snapshot.printer.knows(iss)));
        if kind == AuditKind::Token && !known {
            with_core!(self, core => core.write(&*self.shared.config.clock, |table, _| table.prepare_issuer(iss)));
        }
        let outcome = self.apply(&[change])?;
        self.audit(kind, iss, name, outcome);
        Ok(outcome)
    }

    pub(crate) fn audit(&self, kind: AuditKind, iss: Option<&str>, name: Option<&str>, outcome: Revoked) {
        if let Some(hook) = &self.shared.config.audit {
            hook(&AuditEvent { kind, iss, name, at: self.shared.config.clock.now(), outcome });
        }
    }

    /// Makes the changes and shows them to readers. The outcome is the newest of theirs. On an error, those before
    /// the one that failed are made.
    pub(crate) fn apply(&self, changes: &[Change]) -> Result<Revoked, BlacklistError> {
        with_core!(self, core => core.apply(&*self.shared.config.clock, changes))
    }

    /// What revoking this token changes; `None` if it is refused anyway.
    pub(crate) fn token_change(&self, token: &TokenFacts) -> Result<Option<Change>, BlacklistError> {
        let fingerprint = self.fingerprint(token.iss(), token.id()).ok_or(BlacklistError::Unnamed)?;
        let Some(exp) = token.exp() else {
            let keep = self.shared.config.no_expiry == NoExpiry::KeepForever;
            return Ok(keep.then_some(Change::Forever(fingerprint)));
        };
        let keep = &self.shared.keep;
        if exp > self.shared.config.clock.now().saturating_add(keep.lifetime).saturating_add(keep.after_expiry) {
            return Err(BlacklistError::Lifetime);
        }
        Ok(Some(Change::Token(fingerprint, exp)))
    }

    pub(crate) fn id_change(&self, iss: &str, jti: &str) -> Result<Change, BlacklistError> {
        let fingerprint = self.fingerprint(Some(iss), TokenId::Jti(jti)).ok_or(BlacklistError::Unnamed)?;
        Ok(Change::Id(fingerprint, self.lapse_of(0)))
    }

    pub(crate) fn cutoff_change(&self, scope: CutoffScope, iss: &str, name: &str) -> Result<Change, BlacklistError> {
        if name.is_empty() {
            return Err(BlacklistError::Unnamed);
        }
        let kind = match scope {
            CutoffScope::Subject => Kind::Subject,
            CutoffScope::Session => Kind::Session,
        };
        let scope = self.name(kind, Some(iss), name);
        let at = self.highest_now();
        Ok(Change::Cutoff { scope, at, until: self.lapse_of(at.saturating_add(self.shared.skew)) })
    }

    pub(crate) fn key_changes(&self, iss: &str, kid: &str) -> Result<[Change; 2], BlacklistError> {
        if kid.is_empty() {
            return Err(BlacklistError::Unnamed);
        }
        // Twice: a verifier that accepts any issuer knows a key by its id alone.
        let (own, any) = (self.name(Kind::Key, Some(iss), kid), self.name(Kind::AnyKey, None, kid));
        Ok([Change::Key(own), Change::Key(any)])
    }

    /// When whatever was issued until `at`, or until now, is dead.
    fn lapse_of(&self, at: u64) -> u64 {
        self.highest_now().max(at).saturating_add(self.shared.keep.lifetime)
    }

    fn highest_now(&self) -> u64 {
        with_core!(self, core => core.write(&*self.shared.config.clock, |_, at| at.highest))
    }

    fn fingerprint(&self, iss: Option<&str>, id: TokenId<'_>) -> Option<Fingerprint> {
        with_core!(self, core => core.published.read(|snapshot| snapshot.printer.token(iss, id)))
    }

    fn name(&self, kind: Kind, iss: Option<&str>, name: &str) -> Fingerprint {
        with_core!(self, core => core.published.read(|snapshot| snapshot.printer.name(kind, iss, name.as_bytes())))
    }

    /// The buckets there are, to be listed one by one.
    #[cfg(feature = "redis")]
    pub(crate) fn parts(&self) -> Vec<Part> {
        with_core!(self, core => core.writer.lock().table.parts())
    }

    /// What a bucket holds.
    #[cfg(feature = "redis")]
    pub(crate) fn list(&self, part: Part) -> Vec<Change> {
        with_core!(self, core => core.writer.lock().table.list(part))
    }

    #[cfg(feature = "redis")]
    pub(crate) fn holds_whole_fingerprints(&self) -> bool {
        matches!(self.shared.tables, Tables::Full(_))
    }

    pub(crate) fn key_identity(&self) -> KeyIdentity {
        self.shared.identity
    }

    pub(crate) fn has_own_key(&self) -> bool {
        self.shared.config.key.is_some()
    }

    /// How long after `exp` an entry is kept, in seconds.
    pub(crate) fn kept_after_expiry(&self) -> u64 {
        self.shared.keep.after_expiry
    }
}

/// What a cut-off covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutoffScope {
    Subject,
    Session,
}

#[inline(never)]
fn is_of_revoked_key<const W: usize>(snapshot: &Snapshot<W>, token: &TokenFacts) -> bool {
    let Some(kid) = token.kid() else { return false };
    let kind = if token.key_issuer().is_some() { Kind::Key } else { Kind::AnyKey };
    snapshot.has_key(snapshot.printer.name(kind, token.key_issuer(), kid.as_bytes()))
}

fn strictest<const W: usize>(
    snapshot: &Snapshot<W>,
    iss: Option<&str>,
    sub: Option<&str>,
    sid: Option<&str>,
) -> Option<u64> {
    let of = |kind, name: Option<&str>| snapshot.cutoff(snapshot.printer.name(kind, iss, name?.as_bytes()));
    of(Kind::Subject, sub).max(of(Kind::Session, sid))
}

impl<const W: usize> Core<W>
where
    Snapshot<W>: Width<W>,
{
    fn new(config: &BlacklistConfig, keep: Keep, printer: Fingerprinter) -> Self {
        let first = Snapshot::new(printer);
        let published = Published::new(first.clone(), config.reader_cache);
        let table = Table::new(keep, config.max_entries, config.max_keys, first);
        Self { published, writer: Mutex::new(Writer { table, highest: 0 }) }
    }

    /// Runs under the writers' lock, then shows readers what changed.
    fn write<T>(&self, clock: &dyn Clock, write: impl FnOnce(&mut Table<W>, Moment) -> T) -> T {
        let mut writer = self.writer.lock();
        let now = clock.now();
        writer.highest = writer.highest.max(now);
        let at = Moment { now, highest: writer.highest, elapsed: clock.elapsed() };
        let result = write(&mut writer.table, at);
        writer.table.publish(&self.published);
        result
    }

    fn apply(&self, clock: &dyn Clock, changes: &[Change]) -> Result<Revoked, BlacklistError> {
        let result = self.write(clock, |table, at| {
            table.lapse(at);
            let mut newest = Revoked::Already;
            for change in changes {
                match table.apply(*change, at)? {
                    Revoked::New => newest = Revoked::New,
                    Revoked::Lapsed if newest == Revoked::Already => newest = Revoked::Lapsed,
                    _ => {}
                }
            }
            Ok(newest)
        });
        self.free(FREED_PER_CALL / 8);
        result
    }

    fn expire(&self, clock: &dyn Clock) -> bool {
        self.write(clock, |table, at| table.lapse(at));
        // This thread must not be the one that holds on to what was dropped.
        self.published.forget();
        self.free(FREED_PER_CALL)
    }

    fn free(&self, at_most: usize) -> bool {
        self.writer.lock().table.free(at_most)
    }
}

impl<const W: usize> Drop for Core<W>
where
    Snapshot<W>: Width<W>,
{
    fn drop(&mut self) {
        self.published.forget();
    }
}

impl Revocations for Blacklist {
    fn check(&self, token: &TokenFacts) -> Result<(), AuthError> {
        self.check_facts(token)
    }

    fn not_before(&self, iss: &str, sub: Option<&str>, sid: Option<&str>) -> Option<u64> {
        let cutoff = with_core!(self, core => core.published.read(|snapshot| strictest(snapshot, Some(iss), sub, sid)));
        cutoff.map(|cutoff| cutoff.saturating_add(self.shared.skew).saturating_add(1))
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.config.clock
    }

    fn retention(&self) -> Retention {
        Retention::new(self.shared.config.leeway, self.shared.config.max_lifetime)
    }
}

impl Revoke for Blacklist {
    type Error = BlacklistError;

    async fn revoke_session(&self, iss: &str, sid: &str) -> Result<(), BlacklistError> {
        Self::revoke_session(self, iss, sid).map(drop)
    }

    async fn revoke_subject(&self, iss: &str, sub: &str) -> Result<(), BlacklistError> {
        Self::revoke_subject(self, iss, sub).map(drop)
    }
}

/// Prints counts, never a name or a key.
impl fmt::Debug for Blacklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blacklist").field("config", &self.shared.config).field("stats", &self.stats()).finish()
    }
}
