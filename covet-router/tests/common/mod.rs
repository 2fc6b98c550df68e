//! Helpers that several test files use, each not all of them.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by test files that each use a part; tests say what they expect by unwrapping it"
)]

use covet_router::Router;

pub(crate) fn table(patterns: &[&str]) -> Router<String> {
    let mut b = Router::builder();
    for pattern in patterns {
        b.insert(pattern, (*pattern).to_owned()).unwrap_or_else(|e| panic!("{e}"));
    }
    b.build().unwrap()
}

pub(crate) fn hit(router: &Router<String>, path: &str) -> Option<(String, Vec<String>)> {
    router.at(path).map(|m| (m.value.clone(), m.params.iter().map(|(_, v)| v.to_owned()).collect()))
}

pub(crate) fn expect(router: &Router<String>, path: &str, pattern: &str, params: &[&str]) {
    let params: Vec<String> = params.iter().map(|p| (*p).to_owned()).collect();
    assert_eq!(hit(router, path), Some((pattern.to_owned(), params)), "{path}");
}
