//! Users: an array of objects of eight mixed fields, the body of an ordinary API response.

use serde::{Deserialize, Serialize};

use crate::Rng;

/// A user that owns its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Identifier, dense from 1.
    pub id: u64,
    /// Full name; one in eight is not ASCII.
    pub name: String,
    /// Address at one of a few domains.
    pub email: String,
    /// Whether the account is in use.
    pub active: bool,
    /// One decimal place.
    pub score: f64,
    /// One or two words.
    pub tags: Vec<String>,
    /// RFC 3339, UTC.
    pub joined: String,
    /// Absent (`null`) for half of them.
    pub address: Option<Address>,
}

/// Where a [`User`] lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// City.
    pub city: String,
    /// Postal code, digits as text.
    pub zip: String,
}

/// A [`User`] that borrows its text from the document. The documents hold no escapes in these fields, so `&str` suffices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserRef<'a> {
    /// See [`User::id`].
    pub id: u64,
    /// See [`User::name`].
    pub name: &'a str,
    /// See [`User::email`].
    pub email: &'a str,
    /// See [`User::active`].
    pub active: bool,
    /// See [`User::score`].
    pub score: f64,
    /// See [`User::tags`].
    #[serde(borrow)]
    pub tags: Vec<&'a str>,
    /// See [`User::joined`].
    pub joined: &'a str,
    /// See [`User::address`].
    #[serde(borrow)]
    pub address: Option<AddressRef<'a>>,
}

/// An [`Address`] that borrows its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRef<'a> {
    /// See [`Address::city`].
    pub city: &'a str,
    /// See [`Address::zip`].
    pub zip: &'a str,
}

const FIRST: [&str; 16] = [
    "Ada", "Grace", "Alan", "Ed", "Bjarne", "Don", "Fran", "Ken", "Meg", "Dennis", "Radia", "Tony", "Zoë", "John",
    "Joan", "Łucja",
];
const LAST: [&str; 12] = [
    "Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Allen", "Wirth", "Hoare", "Ritchie", "Gray", "Pike",
];
const DOMAINS: [&str; 4] = ["mail.test", "corp.test", "post.test", "uni.test"];
const TAGS: [&str; 10] = ["admin", "beta", "ops", "dev", "qa", "eu", "us", "web", "api", "vip"];
const CITIES: [&str; 8] = ["Lisbon", "Oslo", "Łódź", "Austin", "Rome", "Osaka", "Lima", "Graz"];

/// The first `count` users.
#[must_use]
pub fn users(count: usize) -> Vec<User> {
    let mut rng = Rng::new(0x05E5);
    (1..=count as u64).map(|id| user(id, &mut rng)).collect()
}

fn user(id: u64, rng: &mut Rng) -> User {
    let (first, last) = (*rng.pick(&FIRST), *rng.pick(&LAST));
    let mailbox: String = first.chars().filter(char::is_ascii).flat_map(char::to_lowercase).collect();
    let mut tags: Vec<String> = Vec::new();
    for _ in 0..rng.between(1, 2) {
        let tag = *rng.pick(&TAGS);
        if !tags.iter().any(|have| have == tag) {
            tags.push(tag.to_owned());
        }
    }
    User {
        id,
        name: format!("{first} {last}"),
        email: format!("{mailbox}@{}", rng.pick(&DOMAINS)),
        active: !rng.one_in(4),
        score: rng.below(1_000) as f64 / 10.0,
        tags,
        joined: format!(
            "20{}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            rng.between(15, 25),
            rng.between(1, 12),
            rng.between(1, 28),
            rng.below(24),
            rng.below(60),
            rng.below(60)
        ),
        address: (!rng.one_in(2))
            .then(|| Address { city: (*rng.pick(&CITIES)).to_owned(), zip: format!("{:04}", rng.below(10_000)) }),
    }
}

/// Some users as compact JSON.
#[must_use]
pub fn json(users: &[User]) -> Vec<u8> {
    super::compact(users)
}

/// Fifty users as compact JSON, about 7.9 KB (7,959 bytes).
#[must_use]
pub fn users50() -> Vec<u8> {
    json(&users(50))
}

/// As many users as make a megabyte (10^6 bytes) of compact JSON, to within one user.
#[must_use]
pub fn users_1mb() -> Vec<u8> {
    json(&users(6_198))
}

/// One user of about 120 bytes: the body of a small request. Decodes as [`Small`].
#[must_use]
pub fn small() -> Vec<u8> {
    super::compact(&Small {
        id: 4_711,
        name: "Grace Hopper".to_owned(),
        email: "grace.hopper@example.com".to_owned(),
        active: true,
        score: 98.5,
        role: "administrator".to_owned(),
    })
}

/// The type of [`small`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Small {
    /// Identifier.
    pub id: u64,
    /// Full name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Whether the account is in use.
    pub active: bool,
    /// One decimal place.
    pub score: f64,
    /// A word.
    pub role: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest;

    #[test]
    fn both_shapes_read_both_documents() {
        for document in [users50(), users_1mb()] {
            let owned: Vec<User> = serde_json::from_slice(&document).unwrap();
            let borrowed: Vec<UserRef<'_>> = serde_json::from_slice(&document).unwrap();
            assert_eq!(json(&owned), document);
            assert_eq!(serde_json::to_vec(&borrowed).unwrap(), document);
            assert_eq!(owned, users(owned.len()));
        }
    }

    #[test]
    fn the_documents_are_pinned() {
        let seen = [users50(), users_1mb(), small()].map(|document| (document.len(), digest(&document)));
        let pinned = [(7_959, 0x65ce_554d_30a6_9271), (1_000_195, 0x6e72_b117_a0b1_f98a), (118, 0x3069_f1a3_a53a_fc9a)];
        assert_eq!(seen, pinned, "changed bytes need a new workload::VERSION: {seen:#x?}");
    }
}
