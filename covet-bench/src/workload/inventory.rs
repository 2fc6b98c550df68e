//! All generated data with sizes and digests: what a record names, so that a reader can tell whether two runs saw the same.

use serde::{Deserialize, Serialize};

use super::{compact, documents, routes, sql, tokens, users};
use crate::digest;

/// One document, table or list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is.
    pub name: String,
    /// Its size as bytes of text.
    pub bytes: u64,
    /// The [`digest`] of that text, in hexadecimal.
    pub digest: String,
}

impl Item {
    fn new(name: &str, text: &[u8]) -> Self {
        Self { name: name.to_owned(), bytes: text.len() as u64, digest: format!("{:016x}", digest(text)) }
    }
}

/// Everything that is generated. Takes some tens of milliseconds.
#[must_use]
pub fn inventory() -> Vec<Item> {
    let claims: Vec<tokens::Claims> = (0..100).map(tokens::claims).collect();
    let revocations: String = tokens::revocations(1_000).map(|(id, exp)| format!("{id} {exp}\n")).collect();
    let tables =
        [routes::rest130(), routes::static157(), routes::github_like(), routes::large(1_000), routes::large(3_000)];
    let mut items = vec![
        Item::new("one small user", &users::small()),
        Item::new("50 users", &users::users50()),
        Item::new("users, 1 MB", &users::users_1mb()),
        Item::new("one string, 1 MB", &documents::one_string_1mb()),
        Item::new("statuses", &documents::twitter_like()),
        Item::new("catalogue", &documents::catalog_like()),
        Item::new("numbers", &documents::numbers()),
        Item::new("integers", &documents::integers()),
    ];
    items.extend(
        tables
            .iter()
            .map(|table| Item::new(&format!("{} routes: {}", table.routes.len(), table.name), table.text().as_bytes())),
    );
    items.push(Item::new("SQL schema", sql::SCHEMA.as_bytes()));
    items.push(Item::new("1,000 SQL rows", sql::fill(1_000).as_bytes()));
    items.push(Item::new("100 claims", &compact(&claims)));
    items.push(Item::new("1,000 revocations", revocations.as_bytes()));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_named_once_and_pinned() {
        let items = inventory();
        let mut names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), items.len());
        assert!(items.iter().all(|item| item.bytes > 50));
        let all: String = items.iter().map(|item| format!("{} {} {}\n", item.name, item.bytes, item.digest)).collect();
        let seen = digest(all.as_bytes());
        assert_eq!(seen, 0xec1d_6fd9_3fc9_6d53, "changed workloads need a new workload::VERSION: {seen:#x}\n{all}");
    }
}
