//! A catalogue of performances: pretty-printed, small integers, maps keyed by numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Catalog {
    pub(crate) area_names: BTreeMap<u32, String>,
    pub(crate) audience_sub_category_names: BTreeMap<u32, String>,
    pub(crate) block_names: BTreeMap<u32, String>,
    pub(crate) events: BTreeMap<u32, Event>,
    pub(crate) performances: Vec<Performance>,
    pub(crate) seat_category_names: BTreeMap<u32, String>,
    pub(crate) sub_topic_names: BTreeMap<u32, String>,
    pub(crate) subject_names: BTreeMap<u32, String>,
    pub(crate) topic_names: BTreeMap<u32, String>,
    pub(crate) topic_sub_topics: BTreeMap<u32, Vec<u32>>,
    pub(crate) venue_names: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) description: Option<String>,
    pub(crate) id: u32,
    pub(crate) logo: Option<String>,
    pub(crate) name: String,
    pub(crate) sub_topic_ids: Vec<u32>,
    pub(crate) subject_code: Option<u32>,
    pub(crate) subtitle: Option<String>,
    pub(crate) topic_ids: Vec<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Performance {
    pub(crate) event_id: u32,
    pub(crate) id: u32,
    pub(crate) logo: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) prices: Vec<Price>,
    pub(crate) seat_categories: Vec<SeatCategory>,
    pub(crate) seat_map_image: Option<String>,
    pub(crate) start: u64,
    pub(crate) venue_code: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Price {
    pub(crate) amount: u32,
    pub(crate) audience_sub_category_id: u32,
    pub(crate) seat_category_id: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeatCategory {
    pub(crate) areas: Vec<Area>,
    pub(crate) seat_category_id: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Area {
    pub(crate) area_id: u32,
    pub(crate) block_ids: Vec<u32>,
}
