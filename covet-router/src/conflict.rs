//! The index in which a new pattern looks for one that it cannot be told apart from.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use http::Method;

use crate::error::{Conflict, Relation};
use crate::kind::Kind;
use crate::order;
use crate::overlap::{Common, common_path, segments_overlap};
use crate::pattern::{Params, Segment};

/// One variant of a route, as the index knows it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) route: u32,
    pub(crate) host: Option<u32>,
    pub(crate) method: Option<Method>,
    pub(crate) segments: Arc<[Segment]>,
    /// The pattern as the user wrote it.
    pub(crate) text: Arc<str>,
}

/// All records, by shape and by the places where a tie is possible.
#[derive(Debug, Default)]
pub(crate) struct Index {
    fold: bool,
    /// The key is a hash: whoever looks compares the segments.
    shapes: HashMap<u64, Vec<Record>>,
    hasher: RandomState,
    /// Prefix and rank of a segment that may tie with another, then the different segments of that rank with their records.
    ties: HashMap<String, Vec<(Segment, Vec<Record>)>>,
}

impl Index {
    pub(crate) fn new(fold: bool) -> Self {
        Self { fold, ..Self::default() }
    }

    /// The first record that `new` cannot be told apart from.
    pub(crate) fn clash(&self, new: &Record) -> Option<Conflict> {
        let filed = self.shapes.get(&self.shape_key(new)).into_iter().flatten();
        let same = |old: &&Record| {
            old.route != new.route
                && old.method == new.method
                && old.host == new.host
                && order::pattern_cmp(&old.segments, &new.segments).is_eq()
        };
        if let Some(old) = filed.into_iter().find(same) {
            return Some(self.conflict(new, old, common_path(&new.segments, &old.segments, self.fold)));
        }
        for (i, key) in tie_keys(new) {
            let others = self.ties.get(&key).into_iter().flatten();
            for (other, records) in others {
                let same_segment = order::total_cmp(other, &new.segments[i]).is_eq();
                if same_segment || !segments_overlap(other, &new.segments[i], self.fold) {
                    continue;
                }
                for old in records.iter().filter(|old| old.route != new.route && methods_meet(old, new)) {
                    let common = common_path(&new.segments, &old.segments, self.fold);
                    if common != Common::None {
                        return Some(self.conflict(new, old, common));
                    }
                }
            }
        }
        None
    }

    pub(crate) fn add(&mut self, record: Record) {
        for (i, key) in tie_keys(&record) {
            let groups = self.ties.entry(key).or_default();
            let segment = &record.segments[i];
            match groups.iter_mut().find(|(other, _)| order::total_cmp(other, segment).is_eq()) {
                Some((_, records)) => records.push(record.clone()),
                None => groups.push((segment.clone(), vec![record.clone()])),
            }
        }
        match self.shapes.entry(self.shape_key(&record)) {
            Entry::Occupied(filed) => filed.into_mut().push(record),
            // Room for one: most shapes have no second record.
            Entry::Vacant(place) => {
                place.insert(vec![record]);
            }
        }
    }

    pub(crate) fn remove(&mut self, record: &Record) {
        let key = self.shape_key(record);
        if let Some(records) = self.shapes.get_mut(&key) {
            records.retain(|r| r.route != record.route);
        }
        for (_, key) in tie_keys(record) {
            for (_, records) in self.ties.get_mut(&key).into_iter().flatten() {
                records.retain(|r| r.route != record.route);
            }
        }
    }

    /// A hash that is equal for records of one host that differ in parameter names alone; seeded, so that nobody can aim at it.
    fn shape_key(&self, record: &Record) -> u64 {
        let mut state = self.hasher.build_hasher();
        record.host.hash(&mut state);
        for segment in record.segments.iter() {
            segment.hash_shape(&mut state);
        }
        state.finish()
    }

    fn conflict(&self, new: &Record, old: &Record, common: Common) -> Conflict {
        let wider = order::covers(&new.segments, &old.segments);
        let narrower = order::covers(&old.segments, &new.segments);
        Conflict {
            new: described(new),
            existing: described(old),
            relation: match (wider, narrower) {
                _ if order::pattern_cmp(&new.segments, &old.segments).is_eq() => Relation::Same,
                (true, true) => Relation::Same,
                (true, false) => Relation::NewIsWider,
                (false, true) => Relation::NewIsNarrower,
                (false, false) => Relation::Overlap,
            },
            witness: match common {
                Common::Path(path) => Some(path),
                Common::Unknown | Common::None => None,
            },
        }
    }
}

fn described(record: &Record) -> String {
    match &record.method {
        Some(method) => format!("{method} {}", record.text),
        None => record.text.to_string(),
    }
}

/// Whether one request can be meant for both; GET also answers HEAD.
fn methods_meet(a: &Record, b: &Record) -> bool {
    match (&a.method, &b.method) {
        (Some(a), Some(b)) => {
            a == b || (*a == Method::GET && *b == Method::HEAD) || (*a == Method::HEAD && *b == Method::GET)
        }
        _ => true,
    }
}

fn host_key(record: &Record) -> String {
    record.host.map_or_else(String::new, |h| h.to_string())
}

/// The segments of a record that could tie with a different one, with the key under which they are filed.
fn tie_keys(record: &Record) -> Vec<(usize, String)> {
    let mut keys = Vec::new();
    if !record.segments.iter().any(|s| matches!(s, Segment::Params(p) if can_tie(p))) {
        return keys;
    }
    let mut prefix = host_key(record);
    for (i, segment) in record.segments.iter().enumerate() {
        if let Segment::Params(params) = segment
            && can_tie(params)
        {
            let mut key = prefix.clone();
            write_rank(&mut key, params);
            keys.push((i, key));
        }
        prefix.push('/');
        segment.write_shape(&mut prefix);
    }
    keys
}

/// A whole parameter of a built-in type is alone at its rank.
fn can_tie(params: &Params) -> bool {
    params.whole().is_none_or(|kind| matches!(kind, Kind::OneOf(_) | Kind::Predicate(_)))
}

/// Everything that the order of precedence looks at.
fn write_rank(key: &mut String, params: &Params) {
    let rank = |kind: &Kind| match kind {
        Kind::OneOf(_) => "|".to_owned(),
        Kind::Predicate(p) => format!("{}", p.rank),
        other => other.to_string(),
    };
    let _ = write!(key, "/\0{},{}", params.prefix.len(), params.suffix().len());
    for (i, part) in params.parts.iter().enumerate() {
        let after = if i + 1 < params.parts.len() { part.after.len() } else { 0 };
        let _ = write!(key, ",{}:{after}", rank(&part.kind));
    }
}
