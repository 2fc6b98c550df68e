//! The cache of query results.

use std::time::Duration;

use covet_kit::cache::QueryCache;

use crate::database::Failure;

pub(crate) type Cache = QueryCache<Failure>;

pub(crate) fn new() -> Result<Cache, String> {
    QueryCache::builder().ttl(Duration::from_secs(10)).build().map_err(|error| error.to_string())
}
