//! `GeoJSON`: almost nothing but coordinates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Canada {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) features: Vec<Feature>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Feature {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) geometry: Geometry,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Geometry {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) coordinates: Vec<Vec<(f64, f64)>>,
}
