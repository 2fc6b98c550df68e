//! Routers put together: the routes of one builder added to another, as they are or under a prefix.

use std::sync::Arc;

use crate::builder::{RouteId, RouterBuilder, pattern_error};
use crate::error::InsertError;
use crate::pattern;

/// The ids that routes of another builder got when they were merged or nested.
#[derive(Clone, Debug, Default)]
pub struct RouteIds(Vec<Option<RouteId>>);

impl RouteIds {
    /// The new id of a route of the other builder.
    #[must_use]
    pub fn get(&self, old: RouteId) -> Option<RouteId> {
        self.0.get(old.index()).copied().flatten()
    }
}

impl<T> RouterBuilder<T> {
    /// Adds all routes of `other` under a prefix, which may have parameters. The pattern `/` becomes the prefix itself. Names and hosts are kept, policies of
    /// `other` are not. Returns the new ids.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), for the prefix or any joined pattern; also a taken name, or a predicate name that means something else here. Nothing is added then.
    pub fn nest(&mut self, prefix: impl AsRef<str>, other: Self) -> Result<RouteIds, InsertError> {
        let prefix = prefix.as_ref();
        let mut predicates = self.predicates.clone();
        predicates.extend(other.predicates.iter().map(|(k, v)| (k.clone(), Arc::clone(v))));
        pattern::parse_path(prefix, &predicates).map_err(|e| InsertError::Prefix(pattern_error(prefix, e)))?;
        self.absorb(other, |pattern| match pattern {
            "/" => prefix.to_owned(),
            _ => format!("{}{pattern}", prefix.strip_suffix('/').unwrap_or(prefix)),
        })
    }

    /// Adds all routes of `other`, with names and hosts. Returns the new ids.
    ///
    /// # Errors
    ///
    /// As [`nest`](Self::nest). Nothing is added then.
    pub fn merge(&mut self, other: Self) -> Result<RouteIds, InsertError> {
        self.absorb(other, str::to_owned)
    }

    fn absorb(&mut self, other: Self, join: impl Fn(&str) -> String) -> Result<RouteIds, InsertError> {
        let before = (self.entries.len(), self.hosts.len(), self.predicates.clone());
        let result = self.try_absorb(other, join);
        if result.is_err() {
            for i in before.0..self.entries.len() {
                self.remove(RouteId(u32::try_from(i).unwrap_or(u32::MAX)));
            }
            self.entries.truncate(before.0);
            self.hosts.truncate(before.1);
            self.predicates = before.2;
        }
        result
    }

    fn try_absorb(&mut self, other: Self, join: impl Fn(&str) -> String) -> Result<RouteIds, InsertError> {
        for (name, predicate) in other.predicates {
            match self.predicates.get(&name) {
                Some(mine) if !Arc::ptr_eq(mine, &predicate) => {
                    return Err(InsertError::PredicateName { name: name.into() });
                }
                _ => self.predicates.insert(name, predicate),
            };
        }
        let mut hosts = Vec::new();
        for host in &other.hosts {
            hosts.push(self.add_host(&host.text)?);
        }
        let mut ids = Vec::with_capacity(other.entries.len());
        for entry in other.entries {
            let Some(entry) = entry else {
                ids.push(None);
                continue;
            };
            let host = entry.host.map(|h| hosts[h as usize]);
            let id = self.add(host, entry.method, &join(&entry.text), entry.value)?;
            if let Some(name) = entry.name {
                self.name(id, name)?;
            }
            ids.push(Some(id));
        }
        Ok(RouteIds(ids))
    }
}
