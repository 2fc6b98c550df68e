//! The writer's side: buckets by expiry, what lapses, what is published, what waits to be freed.
//!
//! Nothing here is touched by a check. Everything is called under one lock, by whoever revokes or expires.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::bucket::{Added, Bucket, Directory};
use super::error::BlacklistError;
use super::fingerprint::Fingerprint;
use super::publish::{Published, Width};
use super::segment::Segment;
use super::snapshot::{CUTOFF_MASK, LEVELS, Snapshot, level_for};

/// Allocations freed by one call at most: some 1.5 KiB each, a fraction of a microsecond each.
pub(crate) const FREED_PER_CALL: usize = 512;

/// A moment by both clocks, and the highest wall clock seen so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: u64,
    pub(crate) highest: u64,
    pub(crate) elapsed: Duration,
}

/// How long things are kept, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// After `exp`: leeway, the second in which `exp + leeway == now` is still accepted, and skew.
    pub(crate) after_expiry: u64,
    /// The longest lifetime of a token.
    pub(crate) lifetime: u64,
    /// Whether ids and cut-offs may lapse: not when tokens without `exp` are about.
    pub(crate) lapses: bool,
}

/// One revocation, by fingerprints alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A token with its expiry.
    Token(Fingerprint, u64),
    /// An id whose token expires at some time before the given one.
    Id(Fingerprint, u64),
    /// A token that never expires.
    Forever(Fingerprint),
    /// Everything issued until `at` to a subject or session; every such token expires before `until`.
    Cutoff { scope: Fingerprint, at: u64, until: u64 },
    /// A key.
    Key(Fingerprint),
    /// A token of which only the bucket is known: what a replica can tell of those it holds.
    InBucket { fingerprint: Fingerprint, level: u8, last_second: u64 },
}

/// What a change changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It was not revoked before.
    New,
    /// It was revoked already.
    Already,
    /// The token is past every acceptance, and will stay refused whatever the clock says later.
    Lapsed,
}

/// A bucket, by name.
#[cfg(feature = "redis")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Tokens(u8, u64),
    Ids(u64),
    Cutoffs(u64),
    Keys,
}

/// What lapses together: a set of entries of unknown expiry.
#[derive(Debug)]
struct Generation<const W: usize> {
    bucket: Bucket<W>,
    /// Lapsed when the wall clock has passed this...
    until: u64,
    /// ...and so much time has really gone by: a wall clock that was wrong at the revocation lapses nothing.
    until_elapsed: Duration,
}

/// The number of the generation that never lapses.
const FOREVER: u64 = u64::MAX;

/// Counts, for `len`, `memory` and metrics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) tokens: usize,
    pub(crate) lapsed: usize,
    pub(crate) ids: usize,
    pub(crate) cutoffs: usize,
    pub(crate) keys: usize,
    pub(crate) buckets: usize,
    pub(crate) largest: usize,
    pub(crate) bytes: usize,
    pub(crate) retired_bytes: usize,
    pub(crate) horizon: u64,
}

/// The writer's side of a blacklist.
#[derive(Debug)]
pub(crate) struct Table<const W: usize> {
    keep: Keep,
    limit: usize,
    max_keys: usize,
    snapshot: Snapshot<W>,
    levels: [BTreeMap<u64, Bucket<W>>; LEVELS.len()],
    ids: BTreeMap<u64, Generation<W>>,
    cutoffs: BTreeMap<u64, Generation<2>>,
    keys: BTreeSet<Fingerprint>,
    /// Segments of freed buckets, given back a few at a time and only when no reader holds them.
    retired: Vec<Segment>,
    /// Buckets whose directory changed since the last publication.
    dirty: Dirty,
}

#[derive(Debug, Default)]
struct Dirty {
    levels: [BTreeSet<u64>; LEVELS.len()],
    ids: bool,
    cutoffs: bool,
    rest: bool,
}

impl<const W: usize> Table<W>
where
    Snapshot<W>: Width<W>,
{
    pub(crate) fn new(keep: Keep, limit: usize, max_keys: usize, snapshot: Snapshot<W>) -> Self {
        Self {
            keep,
            limit,
            max_keys,
            snapshot,
            levels: Default::default(),
            ids: BTreeMap::new(),
            cutoffs: BTreeMap::new(),
            keys: BTreeSet::new(),
            retired: Vec::new(),
            dirty: Dirty::default(),
        }
    }

    pub(crate) fn prepare_issuer(&mut self, issuer: Option<&str>) {
        self.dirty.rest |= self.snapshot.printer.prepare(issuer);
    }

    /// Makes a change. Readers may not see it before [`publish`](Self::publish).
    pub(crate) fn apply(&mut self, change: Change, at: Moment) -> Result<Revoked, BlacklistError> {
        match change {
            Change::Token(fingerprint, exp) => self.add_token(fingerprint, exp, at),
            Change::Id(fingerprint, until) => self.add_id(fingerprint, self.generation(until), until, at),
            Change::Forever(fingerprint) => self.add_id(fingerprint, FOREVER, FOREVER, at),
            Change::Cutoff { scope, at: cutoff, until } => self.add_cutoff(scope, cutoff, until, at),
            Change::Key(fingerprint) => self.add_key(fingerprint),
            Change::InBucket { fingerprint, level, last_second } => {
                let level = usize::from(level).min(LEVELS.len() - 1);
                self.add_to_level(fingerprint, last_second, level, level, at)
            }
        }
    }

    fn add_token(&mut self, fingerprint: Fingerprint, exp: u64, at: Moment) -> Result<Revoked, BlacklistError> {
        self.add_to_level(fingerprint, exp, level_for(exp.saturating_sub(at.now)), 0, at)
    }

    fn add_to_level(
        &mut self,
        fingerprint: Fingerprint,
        exp: u64,
        level: usize,
        whole_from: usize,
        at: Moment,
    ) -> Result<Revoked, BlacklistError> {
        if exp < self.snapshot.horizon {
            return Ok(Revoked::Lapsed);
        }
        if exp.saturating_add(self.keep.after_expiry) < at.now {
            // No entry is needed if no later reading of the clock can revive the token.
            self.raise_horizon(exp.saturating_add(1));
            return Ok(Revoked::Lapsed);
        }
        let entry = fingerprint.entry::<W>();
        let present = |(level, bits): (&BTreeMap<u64, Bucket<W>>, &u32)| {
            level.get(&(exp >> bits)).is_some_and(|bucket| bucket.contains(entry))
        };
        // A finer bucket serves one second for certain; only a bucket at least as wide serves all of this one.
        if self.levels.iter().zip(&LEVELS).skip(whole_from).any(present) {
            return Ok(Revoked::Already);
        }
        self.room()?;
        let number = exp >> LEVELS[level];
        let new = !self.levels[level].contains_key(&number);
        let added = self.levels[level].entry(number).or_insert_with(Bucket::new).insert(entry);
        if added == Added::Crowded {
            return Err(BlacklistError::Crowded);
        }
        if new || added == Added::Grown {
            self.dirty.levels[level].insert(number);
        }
        self.snapshot.entries += 1;
        Ok(Revoked::New)
    }

    fn add_id(
        &mut self,
        fingerprint: Fingerprint,
        number: u64,
        until: u64,
        at: Moment,
    ) -> Result<Revoked, BlacklistError> {
        let entry = fingerprint.entry::<W>();
        // Held already, and for at least as long.
        if self.ids.range(number..).any(|(_, generation)| generation.bucket.contains(entry)) {
            return Ok(Revoked::Already);
        }
        self.room()?;
        let after = self.keep.after_expiry;
        let added = add_to_generation(&mut self.ids, number, until, after, at, |bucket| bucket.insert(entry));
        if added == Added::Crowded {
            return Err(BlacklistError::Crowded);
        }
        self.dirty.ids |= added == Added::Grown;
        self.snapshot.entries += 1;
        Ok(Revoked::New)
    }

    fn add_cutoff(
        &mut self,
        scope: Fingerprint,
        cutoff: u64,
        until: u64,
        at: Moment,
    ) -> Result<Revoked, BlacklistError> {
        let (tag, value) = (scope.0[1] & !CUTOFF_MASK, cutoff.min(CUTOFF_MASK));
        if self.snapshot.cutoff(scope).is_some_and(|held| held > value) {
            // A stricter one outlives this one: `until` ascends with the cut-off.
            return Ok(Revoked::Already);
        }
        self.room()?;
        let before = self.cutoffs.values().map(|generation| generation.bucket.len()).sum::<usize>();
        let (number, after) = (self.generation(until), self.keep.after_expiry);
        let raise = |bucket: &mut Bucket<2>| bucket.raise(scope.0[0], tag, CUTOFF_MASK, value);
        let added = add_to_generation(&mut self.cutoffs, number, until, after, at, raise);
        if added == Added::Crowded {
            return Err(BlacklistError::Crowded);
        }
        self.dirty.cutoffs |= added == Added::Grown;
        let now = self.cutoffs.values().map(|generation| generation.bucket.len()).sum::<usize>();
        self.snapshot.entries += now - before;
        Ok(Revoked::New)
    }

    fn add_key(&mut self, fingerprint: Fingerprint) -> Result<Revoked, BlacklistError> {
        if self.keys.contains(&fingerprint) {
            return Ok(Revoked::Already);
        }
        if self.keys.len() >= self.max_keys {
            return Err(BlacklistError::Full { limit: self.max_keys });
        }
        self.keys.insert(fingerprint);
        self.snapshot.keys = self.keys.iter().copied().collect();
        self.dirty.rest = true;
        Ok(Revoked::New)
    }

    fn room(&self) -> Result<(), BlacklistError> {
        if self.snapshot.entries < self.limit { Ok(()) } else { Err(BlacklistError::Full { limit: self.limit }) }
    }

    /// Ids and cut-offs that lapse within the same quarter of the longest lifetime share a generation.
    fn generation(&self, until: u64) -> u64 {
        if self.keep.lapses { until / (self.keep.lifetime / 4).max(1) } else { FOREVER }
    }

    fn raise_horizon(&mut self, to: u64) {
        if to > self.snapshot.horizon {
            self.snapshot.horizon = to;
            self.dirty.rest = true;
        }
    }

    /// Retires every bucket whose last second has lapsed. Readers see it after [`publish`](Self::publish).
    pub(crate) fn lapse(&mut self, at: Moment) -> usize {
        let mut freed = 0;
        for (level, bits) in LEVELS.iter().enumerate() {
            let mut from = 0;
            while let Some(first) = self.levels[level].first_entry() {
                let last_second = (first.key() << bits) | ((1 << bits) - 1);
                if last_second.saturating_add(self.keep.after_expiry) >= at.now {
                    break;
                }
                from = first.key() + 1;
                let bucket = first.remove();
                freed += bucket.len();
                self.retired.extend(bucket.into_segments());
                self.raise_horizon(last_second.saturating_add(1));
            }
            if from > 0 {
                self.dirty.levels[level] = self.dirty.levels[level].split_off(&from);
                self.snapshot.levels[level] = self.snapshot.levels[level].from(from);
                self.dirty.rest = true;
            }
        }
        freed += self.lapse_generations(at);
        self.snapshot.entries -= freed;
        freed
    }

    fn lapse_generations(&mut self, at: Moment) -> usize {
        let after = self.keep.after_expiry;
        let over = |until: u64, elapsed: Duration| until.saturating_add(after) < at.now && elapsed < at.elapsed;
        let (mut freed, mut last) = (0, None);
        self.ids.retain(|_, generation| {
            let gone = over(generation.until, generation.until_elapsed);
            if gone {
                freed += generation.bucket.len();
                last = last.max(Some(generation.until));
                self.dirty.ids = true;
                self.retired.extend(std::mem::replace(&mut generation.bucket, Bucket::new()).into_segments());
            }
            !gone
        });
        self.cutoffs.retain(|_, generation| {
            let gone = over(generation.until, generation.until_elapsed);
            if gone {
                freed += generation.bucket.len();
                last = last.max(Some(generation.until));
                self.dirty.cutoffs = true;
                self.retired.extend(std::mem::replace(&mut generation.bucket, Bucket::new()).into_segments());
            }
            !gone
        });
        if last.is_some() {
            // Which tokens these entries refused is not known, but by this clock every one of them is dead.
            self.raise_horizon(at.now.saturating_sub(after));
        }
        freed
    }

    /// Shows readers everything applied so far. Costs nothing if they see it already.
    pub(crate) fn publish(&mut self, published: &Published<W>) {
        let mut changed = std::mem::take(&mut self.dirty.rest);
        for level in 0..LEVELS.len() {
            let dirty = std::mem::take(&mut self.dirty.levels[level]);
            if dirty.is_empty() {
                continue;
            }
            let buckets = &mut self.levels[level];
            let directories =
                dirty.into_iter().filter_map(|number| Some((number, buckets.get_mut(&number)?.directory())));
            self.snapshot.levels[level] = self.snapshot.levels[level].with(directories);
            changed = true;
        }
        if std::mem::take(&mut self.dirty.ids) {
            self.snapshot.ids = directories(&mut self.ids);
            changed = true;
        }
        if std::mem::take(&mut self.dirty.cutoffs) {
            self.snapshot.cutoffs = directories(&mut self.cutoffs);
            changed = true;
        }
        if changed {
            published.publish(self.snapshot.clone());
        }
    }

    /// Frees some retired segments that no reader holds any more, of so many allocations together. True if more are
    /// left.
    pub(crate) fn free(&mut self, mut at_most: usize) -> bool {
        let (mut at, mut looks) = (self.retired.len(), 8 * at_most);
        while at > 0 && at_most > 0 && looks > 0 {
            at -= 1;
            looks -= 1;
            if self.retired[at].is_unshared() {
                at_most = at_most.saturating_sub(self.retired.swap_remove(at).parts());
            }
        }
        if self.retired.is_empty() {
            self.retired = Vec::new();
        }
        !self.retired.is_empty()
    }

    /// The buckets there are, to be listed one by one.
    #[cfg(feature = "redis")]
    pub(crate) fn parts(&self) -> Vec<Part> {
        let levels = (0u8..).zip(&self.levels);
        let tokens = levels.flat_map(|(level, buckets)| buckets.keys().map(move |number| Part::Tokens(level, *number)));
        let ids = self.ids.keys().map(|number| Part::Ids(*number));
        let cutoffs = self.cutoffs.keys().map(|number| Part::Cutoffs(*number));
        tokens.chain(ids).chain(cutoffs).chain([Part::Keys]).collect()
    }

    /// What a bucket holds, as changes that another table would need to refuse the same. Empty if the bucket is gone,
    /// or if whole fingerprints are not held.
    #[cfg(feature = "redis")]
    pub(crate) fn list(&self, part: Part) -> Vec<Change> {
        let fingerprints = |bucket: &Bucket<W>| -> Vec<Fingerprint> {
            if W < 2 {
                return Vec::new();
            }
            let entries = bucket.segments().flat_map(Segment::entries::<W>);
            entries.map(|entry: super::segment::Entry<W>| Fingerprint([entry[0], entry[W - 1]])).collect()
        };
        match part {
            Part::Tokens(level, number) => {
                let bits = LEVELS[usize::from(level)];
                let last_second = (number << bits) | ((1 << bits) - 1);
                let held = self.levels[usize::from(level)].get(&number).map(fingerprints).unwrap_or_default();
                held.into_iter().map(|fingerprint| Change::InBucket { fingerprint, level, last_second }).collect()
            }
            Part::Ids(number) => {
                let Some(generation) = self.ids.get(&number) else { return Vec::new() };
                let change = |fingerprint| match generation.until {
                    u64::MAX => Change::Forever(fingerprint),
                    until => Change::Id(fingerprint, until),
                };
                fingerprints(&generation.bucket).into_iter().map(change).collect()
            }
            Part::Cutoffs(number) => {
                let Some(generation) = self.cutoffs.get(&number) else { return Vec::new() };
                let entries = generation.bucket.segments().flat_map(Segment::entries::<2>);
                let change = |[first, second]: [u64; 2]| Change::Cutoff {
                    scope: Fingerprint([first, second & !CUTOFF_MASK]),
                    at: second & CUTOFF_MASK,
                    until: generation.until,
                };
                entries.map(change).collect()
            }
            Part::Keys => self.keys.iter().copied().map(Change::Key).collect(),
        }
    }

    pub(crate) fn counts(&self, at: Moment) -> Counts {
        let mut counts = Counts {
            keys: self.keys.len(),
            horizon: self.snapshot.horizon,
            retired_bytes: self.retired.iter().map(Segment::bytes).sum(),
            ..Counts::default()
        };
        for ((level, bits), published) in self.levels.iter().zip(&LEVELS).zip(&self.snapshot.levels) {
            counts.bytes += published.bytes() + level.len() * NODE;
            for (number, bucket) in level {
                let last_second = (number << bits) | ((1 << bits) - 1);
                let lapsed = last_second.saturating_add(self.keep.after_expiry) < at.now;
                *(if lapsed { &mut counts.lapsed } else { &mut counts.tokens }) += bucket.len();
                counts.add(bucket);
            }
        }
        for generation in self.ids.values() {
            counts.ids += generation.bucket.len();
            counts.add(&generation.bucket);
        }
        for generation in self.cutoffs.values() {
            counts.cutoffs += generation.bucket.len();
            counts.add(&generation.bucket);
        }
        counts.bytes += counts.retired_bytes + self.keys.len() * 4 * size_of::<Fingerprint>();
        counts
    }
}

/// What a bucket costs in a map of buckets, about: the map's node and two allocations' own words.
const NODE: usize = 120;

impl Counts {
    fn add<const W: usize>(&mut self, bucket: &Bucket<W>) {
        self.buckets += 1;
        self.largest = self.largest.max(bucket.len());
        self.bytes += bucket.overhead() + bucket.segments().map(Segment::bytes).sum::<usize>();
    }
}

fn directories<const W: usize>(generations: &mut BTreeMap<u64, Generation<W>>) -> Arc<[Directory]> {
    generations.values_mut().map(|generation| generation.bucket.directory()).collect()
}

fn add_to_generation<const W: usize>(
    generations: &mut BTreeMap<u64, Generation<W>>,
    number: u64,
    until: u64,
    after: u64,
    at: Moment,
    add: impl FnOnce(&mut Bucket<W>) -> Added,
) -> Added {
    let until = if number == FOREVER { u64::MAX } else { until };
    let left = until.saturating_sub(at.highest).saturating_add(after);
    let until_elapsed = at.elapsed.saturating_add(Duration::from_secs(left));
    let mut new = false;
    let generation = generations.entry(number).or_insert_with(|| {
        new = true;
        Generation { bucket: Bucket::new(), until, until_elapsed }
    });
    generation.until = generation.until.max(until);
    generation.until_elapsed = generation.until_elapsed.max(until_elapsed);
    let added = add(&mut generation.bucket);
    if new { Added::Grown } else { added }
}
