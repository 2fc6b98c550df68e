//! The types of a ticket catalogue: those of `citm_catalog.json`, a corpus of many JSON benchmarks.
//!
//! As in [`twitter`](super::twitter), `S` is text without escapes and `T` text that may hold some.
#![allow(missing_docs, reason = "the fields are the documents' own")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text::Text;

/// A catalogue that owns its text.
pub type Catalog = CatalogOf<String, String>;
/// A catalogue that borrows its text from the document.
pub type CatalogRef<'a> = CatalogOf<&'a str, Text<'a>>;

/// A whole catalogue. The keys of its maps are numbers as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "S: Ord + Deserialize<'de>, T: Deserialize<'de>"))]
pub struct CatalogOf<S, T> {
    pub area_names: BTreeMap<S, T>,
    pub audience_sub_category_names: BTreeMap<S, T>,
    pub block_names: BTreeMap<S, T>,
    pub events: BTreeMap<S, Event<S, T>>,
    pub performances: Vec<Performance<S, T>>,
    pub seat_category_names: BTreeMap<S, T>,
    pub sub_topic_names: BTreeMap<S, T>,
    pub subject_names: BTreeMap<S, T>,
    pub topic_names: BTreeMap<S, T>,
    pub topic_sub_topics: BTreeMap<S, Vec<u64>>,
    pub venue_names: BTreeMap<S, T>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<S = String, T = String> {
    pub description: Option<T>,
    pub id: u64,
    pub logo: Option<S>,
    pub name: T,
    pub sub_topic_ids: Vec<u64>,
    pub subject_code: Option<u64>,
    pub subtitle: Option<T>,
    pub topic_ids: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Performance<S = String, T = String> {
    pub event_id: u64,
    pub id: u64,
    pub logo: Option<S>,
    pub name: Option<T>,
    pub prices: Vec<Price>,
    pub seat_categories: Vec<SeatCategory>,
    pub seat_map_image: Option<S>,
    pub start: u64,
    pub venue_code: S,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    pub amount: u64,
    pub audience_sub_category_id: u64,
    pub seat_category_id: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatCategory {
    pub areas: Vec<Area>,
    pub seat_category_id: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Area {
    pub area_id: u64,
    pub block_ids: Vec<u64>,
}
