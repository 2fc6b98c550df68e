//! Host patterns in the builder: routes are added under one, and two of them must be tellable apart.

use std::sync::Arc;

use http::Method;

use crate::builder::{RouteId, RouterBuilder, pattern_error};
use crate::error::{Conflict, InsertError};
use crate::order;
use crate::overlap::{Common, common_path};
use crate::pattern::{self, Segment};

/// Adds routes for one host pattern; see [`RouterBuilder::host`].
#[derive(Debug)]
pub struct HostBuilder<'b, T> {
    builder: &'b mut RouterBuilder<T>,
    host: u32,
}

impl<T> HostBuilder<'_, T> {
    /// As [`RouterBuilder::insert`], for this host.
    ///
    /// # Errors
    ///
    /// As [`RouterBuilder::insert`].
    pub fn insert(&mut self, pattern: impl AsRef<str>, value: T) -> Result<RouteId, InsertError> {
        self.builder.add(Some(self.host), None, pattern.as_ref(), value)
    }

    /// As [`RouterBuilder::route`], for this host.
    ///
    /// # Errors
    ///
    /// As [`RouterBuilder::route`].
    pub fn route(&mut self, method: &Method, pattern: impl AsRef<str>, value: T) -> Result<RouteId, InsertError> {
        self.builder.add(Some(self.host), Some(method.clone()), pattern.as_ref(), value)
    }

    /// As [`RouterBuilder::name`].
    ///
    /// # Errors
    ///
    /// As [`RouterBuilder::name`].
    pub fn name(&mut self, id: RouteId, name: impl AsRef<str>) -> Result<(), InsertError> {
        self.builder.name(id, name)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) text: Arc<str>,
    pub(crate) labels: Vec<Segment>,
}

impl<T> RouterBuilder<T> {
    /// Opens the routes of a host pattern, such as `api.example.com`, `{tenant}.example.com` or `{*sub}.example.com` (one or more
    /// labels, leftmost only). They are seen by [`Router::lookup`](crate::Router::lookup) with a host that matches, before those of less specific hosts and those without.
    ///
    /// # Errors
    ///
    /// A malformed pattern, or one that cannot be told apart from another host pattern.
    pub fn host(&mut self, pattern: impl AsRef<str>) -> Result<HostBuilder<'_, T>, InsertError> {
        let host = self.add_host(pattern.as_ref())?;
        Ok(HostBuilder { builder: self, host })
    }

    /// A name that the host pattern and the path pattern both use.
    pub(crate) fn name_in_host(&self, host: Option<u32>, segments: &[Segment]) -> Option<Box<str>> {
        let labels = &self.hosts.get(host? as usize)?.labels;
        let taken = |name: &&str| labels.iter().flat_map(Segment::names).any(|other| other == *name);
        segments.iter().flat_map(Segment::names).find(taken).map(Box::from)
    }

    pub(crate) fn add_host(&mut self, text: &str) -> Result<u32, InsertError> {
        let labels = pattern::parse_host(text, &self.predicates).map_err(|e| pattern_error(text, e))?;
        for (i, other) in (0u32..).zip(&self.hosts) {
            if order::pattern_cmp(&labels, &other.labels).is_eq() {
                if labels.iter().flat_map(Segment::names).eq(other.labels.iter().flat_map(Segment::names)) {
                    return Ok(i);
                }
                return Err(host_conflict(text, &labels, other));
            }
            let differing = labels.iter().zip(&other.labels).find(|(a, b)| order::total_cmp(a, b).is_ne());
            if differing.is_some_and(|(a, b)| order::rank_cmp(a, b).is_eq())
                && common_path(&labels, &other.labels, true) != Common::None
            {
                return Err(host_conflict(text, &labels, other));
            }
        }
        self.hosts.push(Host { text: text.into(), labels });
        Ok(u32::try_from(self.hosts.len() - 1).unwrap_or(u32::MAX))
    }
}

fn host_conflict(text: &str, labels: &[Segment], other: &Host) -> InsertError {
    let witness = match common_path(labels, &other.labels, true) {
        Common::Path(path) => Some(path.trim_start_matches('/').split('/').rev().collect::<Vec<_>>().join(".")),
        Common::Unknown | Common::None => None,
    };
    InsertError::Conflict(Box::new(Conflict {
        new: text.to_owned(),
        existing: other.text.to_string(),
        relation: crate::error::Relation::Overlap,
        witness,
    }))
}
