//! The query part of a request's URI, as far as this service needs it: numbers.

use http::Uri;

/// The number given for `name`; `None` if there is none.
pub(crate) fn number(uri: &Uri, name: &str) -> Option<u32> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok())
}
