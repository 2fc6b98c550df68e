//! A full local copy of the shared revocations, its lease, and the task that keeps both up.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::blacklist::{AuditKind, Blacklist, Change, CutoffScope, Revoked};
use crate::clock::Clock;
use crate::error::AuthError;
use crate::revocations::{Retention, Revocations, Revoke};
use crate::store::Record;
use crate::token::{TokenFacts, Verified};

use super::link::{BATCH, Link, Sight, clocks_agree};
use super::{RedisConfig, RedisError, WhenStale};

/// A blacklist that follows, and writes to, a store on Redis. Clones share it; the last one to go ends the task.
///
/// Made inside a tokio runtime. The blacklist must hold 128-bit fingerprints under a configured key: only whole
/// fingerprints can be written back to a store that lost them.
#[derive(Clone)]
pub struct Replica {
    shared: Arc<Shared>,
    _task: Arc<Task>,
}

struct Shared {
    blacklist: Blacklist,
    config: RedisConfig,
    identity: String,
    /// Until when checks are answered: nanoseconds of the clock's elapsed time.
    valid_until: AtomicU64,
    /// The last records seen or made, for comparison with a store that may have lost some.
    recent: Mutex<Recent>,
    /// A write's fate is unknown: compare with the store.
    unsure: AtomicBool,
    /// The highest position at which a write of this process was confirmed: a log that is shorter lost it, even if
    /// the follower has not read that far.
    confirmed: AtomicU64,
    writer: tokio::sync::Mutex<Option<Link>>,
    wake: Notify,
    reloads: AtomicU64,
    heals: AtomicU64,
}

#[derive(Default)]
struct Recent {
    records: VecDeque<Record>,
}

/// Ends the task with the last handle.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A write whose fate is not known yet: asks for a comparison with the store unless it is settled.
struct Doubt<'a>(Option<&'a Shared>);

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0 {
            shared.unsure.store(true, Ordering::Release);
            shared.wake.notify_one();
        }
    }
}

/// What the task knows of the server.
struct Follower {
    shared: Arc<Shared>,
    link: Link,
    run_id: String,
    position: u64,
}

/// How a replica is doing, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaStatus {
    /// For how long it may still answer; `None` once it is stale.
    pub lease_left: Option<Duration>,
    /// How often it read the whole store, the first time included.
    pub reloads: u64,
    /// How often it wrote something back that the store had lost.
    pub heals: u64,
}

impl Replica {
    /// Connects, checks the server, loads everything, and starts to follow. When this returns, the first check is
    /// answered from a complete copy.
    ///
    /// # Errors
    ///
    /// Any [`RedisError`]; no replica is left running.
    pub async fn connect(blacklist: Blacklist, config: RedisConfig) -> Result<Self, RedisError> {
        if !blacklist.has_own_key() {
            return Err(RedisError::Config("a shared blacklist needs a fingerprint key (BlacklistConfig::key)"));
        }
        if !blacklist.holds_whole_fingerprints() {
            return Err(RedisError::Config("a replica needs FingerprintBits::Bits128"));
        }
        if config.lease < Duration::from_millis(100) {
            return Err(RedisError::Config("a lease below 100 ms is lost to every delay"));
        }
        let link = Link::connect(&config, blacklist.kept_after_expiry()).await?;
        let shared = Arc::new(Shared {
            identity: blacklist.key_identity().to_string(),
            blacklist,
            config,
            valid_until: AtomicU64::new(0),
            recent: Mutex::default(),
            unsure: AtomicBool::new(false),
            confirmed: AtomicU64::new(0),
            writer: tokio::sync::Mutex::new(None),
            wake: Notify::new(),
            reloads: AtomicU64::new(0),
            heals: AtomicU64::new(0),
        });
        let mut follower = Follower { shared: Arc::clone(&shared), link, run_id: String::new(), position: 0 };
        follower.start().await?;
        let task = tokio::spawn(follower.run());
        Ok(Self { shared, _task: Arc::new(Task(task)) })
    }

    /// Revokes one verified token on every machine. It holds here at once, in the store when this returns, and
    /// elsewhere after the stream's delay: see [`barrier`](Self::barrier).
    ///
    /// # Errors
    ///
    /// [`RedisError::Blacklist`]: it is accepted still. Any other: it is refused here, and sent again as soon as
    /// the store answers, but not promised yet.
    pub async fn revoke<C>(&self, token: &Verified<C>) -> Result<Revoked, RedisError> {
        self.revoke_facts(token.facts()).await
    }

    /// As [`revoke`](Self::revoke), by the facts.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_facts(&self, token: &TokenFacts) -> Result<Revoked, RedisError> {
        let Some(change) = self.shared.blacklist.token_change(token)? else { return Ok(Revoked::Already) };
        self.shared.make(AuditKind::Token, token.iss(), token.jti(), &[change]).await
    }

    /// Revokes by issuer and `jti`.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_id(&self, iss: &str, jti: &str) -> Result<Revoked, RedisError> {
        let change = self.shared.blacklist.id_change(iss, jti)?;
        self.shared.make(AuditKind::Id, Some(iss), Some(jti), &[change]).await
    }

    /// Refuses what was issued to a subject until now.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_subject(&self, iss: &str, sub: &str) -> Result<Revoked, RedisError> {
        let change = self.shared.blacklist.cutoff_change(CutoffScope::Subject, iss, sub)?;
        self.shared.make(AuditKind::Subject, Some(iss), Some(sub), &[change]).await
    }

    /// Refuses what was issued in a session until now.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_session(&self, iss: &str, sid: &str) -> Result<Revoked, RedisError> {
        let change = self.shared.blacklist.cutoff_change(CutoffScope::Session, iss, sid)?;
        self.shared.make(AuditKind::Session, Some(iss), Some(sid), &[change]).await
    }

    /// Refuses everything signed with a key, for ever.
    ///
    /// # Errors
    ///
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_key(&self, iss: &str, kid: &str) -> Result<Revoked, RedisError> {
        let changes = self.shared.blacklist.key_changes(iss, kid)?;
        self.shared.make(AuditKind::Key, Some(iss), Some(kid), &changes).await
    }

    /// Waits until no replica accepts what was revoked before this call: each has either seen it, or lost its
    /// lease. Costs one lease and a little for clocks that drift apart.
    ///
    /// # Errors
    ///
    /// [`RedisError::Config`] where stale replicas accept tokens: then there is no such moment.
    pub async fn barrier(&self) -> Result<(), RedisError> {
        if self.shared.config.when_stale == WhenStale::Accept {
            return Err(RedisError::Config("a barrier needs replicas that refuse when they are stale"));
        }
        let lease = self.shared.config.lease;
        let until = self.shared.elapsed().saturating_add(lease).saturating_add(lease / 100);
        while self.shared.elapsed() < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// The local copy, for its counts. What is revoked on it directly is not shared.
    #[must_use]
    pub fn blacklist(&self) -> &Blacklist {
        &self.shared.blacklist
    }

    /// How the replica is doing.
    #[must_use]
    pub fn status(&self) -> ReplicaStatus {
        let until = Duration::from_nanos(self.shared.valid_until.load(Ordering::Acquire));
        ReplicaStatus {
            lease_left: until.checked_sub(self.shared.elapsed()),
            reloads: self.shared.reloads.load(Ordering::Relaxed),
            heals: self.shared.heals.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn elapsed(&self) -> Duration {
        self.blacklist.clock().elapsed()
    }

    async fn make(
        &self,
        kind: AuditKind,
        iss: Option<&str>,
        name: Option<&str>,
        changes: &[Change],
    ) -> Result<Revoked, RedisError> {
        let outcome = self.blacklist.apply(changes)?;
        let records: Vec<Record> = changes.iter().copied().map(Record::new).collect();
        self.remember(&records);
        // However this ends but well, a caller that gives up half way included: the store may lack them.
        let mut doubt = Doubt(Some(self));
        let mut writer = self.writer.lock().await;
        let mut link = match writer.take() {
            Some(link) => link,
            None => Link::connect(&self.config, self.blacklist.kept_after_expiry()).await?,
        };
        let position = link.append(&self.identity, &records).await?;
        self.confirmed.fetch_max(position, Ordering::AcqRel);
        *writer = Some(link);
        doubt.0 = None;
        drop(writer);
        self.blacklist.audit(kind, iss, name, outcome);
        Ok(outcome)
    }

    fn remember(&self, records: &[Record]) {
        let mut recent = self.recent.lock();
        recent.records.extend(records);
        let beyond = recent.records.len().saturating_sub(self.config.tail);
        recent.records.drain(..beyond);
    }
}

impl Follower {
    /// The first sight of the server, and the first load.
    async fn start(&mut self) -> Result<(), RedisError> {
        let sight = self.look_only().await?;
        self.judge(&sight)?;
        if sight.store.is_none() {
            if !self.shared.config.create {
                return Err(RedisError::Missing);
            }
            let identity = self.shared.identity.clone();
            self.link.create(&identity, 0).await?;
        }
        self.reload().await?;
        // The lease begins with a look that finds the copy complete.
        while !self.follow(Duration::from_millis(1)).await? {}
        Ok(())
    }

    /// Follows until the last handle is gone. Every failure is met with a new connection and a full comparison.
    async fn run(mut self) {
        let mut pause = Duration::from_millis(10);
        loop {
            match self.follow(Duration::from_millis(50)).await {
                Ok(_) => pause = Duration::from_millis(10),
                Err(_) => {
                    // A revocation that could not be sent asks for another attempt soon.
                    if tokio::time::timeout(pause, self.shared.wake.notified()).await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    pause = (pause * 2).min(Duration::from_millis(500));
                    let after = self.shared.blacklist.kept_after_expiry();
                    if let Ok(link) = Link::connect(&self.shared.config, after).await {
                        self.link = link;
                    }
                }
            }
        }
    }

    async fn look_only(&mut self) -> Result<Sight, RedisError> {
        self.link.look(None, Duration::ZERO).await
    }

    /// Refuses a server that could not keep what it is told.
    fn judge(&self, sight: &Sight) -> Result<(), RedisError> {
        if !sight.primary {
            return Err(RedisError::NotPrimary);
        }
        if sight.policy != "noeviction" {
            return Err(RedisError::Evicts(sight.policy.clone()));
        }
        if !clocks_agree(sight.seconds, self.shared.blacklist.clock().now()) {
            return Err(RedisError::Clock);
        }
        match &sight.store {
            Some((identity, _)) if *identity != self.shared.identity => Err(RedisError::OtherKey),
            _ => Ok(()),
        }
    }

    /// One look, and what follows from it. True if it renewed the lease.
    async fn follow(&mut self, wait: Duration) -> Result<bool, RedisError> {
        let sent = self.shared.elapsed();
        // Taken before the look: a write confirmed meanwhile is not missing from it.
        let confirmed = self.shared.confirmed.load(Ordering::Acquire);
        let sight = self.link.look(Some(self.position), wait).await?;
        self.judge(&sight)?;
        let Some((_, seq)) = sight.store else {
            self.heal().await?;
            return Ok(false);
        };
        let contiguous = sight.tail.iter().zip(self.position + 1..).all(|((position, _), due)| *position == due);
        let at = self.position + sight.tail.len() as u64;
        let full = sight.tail.len() == BATCH;
        if sight.run_id != self.run_id
            || seq < self.position.max(confirmed)
            || !contiguous
            || (at < seq && !full)
            || self.shared.unsure.load(Ordering::Acquire)
        {
            self.reload().await?;
            return Ok(false);
        }
        if !sight.tail.is_empty() {
            let records: Vec<Record> = sight.tail.into_iter().map(|(_, record)| record).collect();
            self.apply(&records)?;
            self.shared.remember(&records);
            self.position = at;
        }
        if at < seq {
            return Ok(false);
        }
        let until = sent.saturating_add(self.shared.config.lease);
        self.shared.valid_until.store(u64::try_from(until.as_nanos()).unwrap_or(u64::MAX), Ordering::Release);
        self.shared.blacklist.expire();
        Ok(true)
    }

    /// A blacklist that is full, or refuses a record for another reason, is not a complete copy: no lease.
    fn apply(&self, records: &[Record]) -> Result<(), RedisError> {
        let changes: Vec<Change> = records.iter().map(|record| record.change).collect();
        self.shared.blacklist.apply(&changes)?;
        Ok(())
    }

    /// Reads the whole store, then writes what it is missing of the last records seen here.
    async fn reload(&mut self) -> Result<(), RedisError> {
        // Positions taken before the lists are read: what is added meanwhile is read again from the tail.
        let unsure = self.shared.unsure.swap(false, Ordering::AcqRel);
        let result = self.reload_from_lists().await;
        if result.is_err() && unsure {
            self.shared.unsure.store(true, Ordering::Release);
        }
        result
    }

    async fn reload_from_lists(&mut self) -> Result<(), RedisError> {
        let sight = self.look_only().await?;
        self.judge(&sight)?;
        let Some((_, seq)) = sight.store else { return Err(RedisError::Missing) };
        let recent: Vec<Record> = self.shared.recent.lock().records.iter().copied().collect();
        let mut missing: HashSet<Vec<u8>> = recent.iter().map(Record::to_bytes).collect();
        let mut failed = None;
        let shared = Arc::clone(&self.shared);
        let sink = |records: Vec<Record>| {
            if !missing.is_empty() {
                for record in &records {
                    missing.remove(&record.to_bytes());
                }
            }
            let changes: Vec<Change> = records.iter().map(|record| record.change).collect();
            if let Err(error) = shared.blacklist.apply(&changes) {
                failed.get_or_insert(error);
            }
        };
        self.link.load(sink).await?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let now = self.shared.blacklist.clock().now();
        let live = |record: &&Record| record.lapses_at().is_none_or(|at| at >= now);
        let missing: Vec<Record> =
            recent.iter().filter(live).filter(|record| missing.contains(&record.to_bytes())).copied().collect();
        for batch in missing.chunks(BATCH / 8) {
            let identity = self.shared.identity.clone();
            self.link.append(&identity, batch).await?;
            self.shared.heals.fetch_add(1, Ordering::Relaxed);
        }
        self.run_id = sight.run_id;
        self.position = seq;
        self.shared.confirmed.store(seq, Ordering::Release);
        self.shared.reloads.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The store is gone: one replica writes everything back, the others wait for it. The store exists again only
    /// once it is complete, so that nobody starts on half of it.
    async fn heal(&mut self) -> Result<(), RedisError> {
        let hold = self.shared.config.lease.max(Duration::from_secs(10));
        let who = self.shared.elapsed().as_nanos().to_string();
        if !self.link.may_heal(&who, hold).await? {
            return Err(RedisError::Missing);
        }
        for part in self.shared.blacklist.parts() {
            let records: Vec<Record> = self.shared.blacklist.list(part).into_iter().map(Record::new).collect();
            for batch in records.chunks(BATCH / 8) {
                self.link.restore(batch).await?;
            }
        }
        let identity = self.shared.identity.clone();
        self.link.create(&identity, self.position).await?;
        self.shared.heals.fetch_add(1, Ordering::Relaxed);
        // What others revoked last is compared by them; what was revoked here last is in the lists.
        self.run_id.clear();
        Ok(())
    }
}

impl Revocations for Replica {
    fn check(&self, token: &TokenFacts) -> Result<(), AuthError> {
        // What is known to be revoked is refused, stale or not.
        self.shared.blacklist.check_facts(token)?;
        if self.shared.config.when_stale == WhenStale::Refuse {
            let until = Duration::from_nanos(self.shared.valid_until.load(Ordering::Acquire));
            if self.shared.elapsed() >= until {
                return Err(AuthError::RevocationsUnavailable { retry_after: Duration::from_secs(1) });
            }
        }
        Ok(())
    }

    fn not_before(&self, iss: &str, sub: Option<&str>, sid: Option<&str>) -> Option<u64> {
        self.shared.blacklist.not_before(iss, sub, sid)
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        self.shared.blacklist.clock()
    }

    fn retention(&self) -> Retention {
        self.shared.blacklist.retention()
    }
}

impl Revoke for Replica {
    type Error = RedisError;

    async fn revoke_session(&self, iss: &str, sid: &str) -> Result<(), RedisError> {
        Self::revoke_session(self, iss, sid).await.map(drop)
    }

    async fn revoke_subject(&self, iss: &str, sub: &str) -> Result<(), RedisError> {
        Self::revoke_subject(self, iss, sub).await.map(drop)
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("config", &self.shared.config).field("status", &self.status()).finish()
    }
}
