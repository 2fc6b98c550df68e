//! The types of canada.json, one outline as `GeoJSON`: almost nothing but numbers with up to seventeen digits.
#![allow(missing_docs, reason = "the fields are the document's own")]

use serde::{Deserialize, Serialize};

/// The outline, owning its few strings.
pub type Canada = FeatureCollection<String>;
/// The outline, borrowing them.
pub type CanadaRef<'a> = FeatureCollection<&'a str>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureCollection<S> {
    #[serde(rename = "type")]
    pub kind: S,
    pub features: Vec<Feature<S>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feature<S> {
    #[serde(rename = "type")]
    pub kind: S,
    pub properties: Properties<S>,
    pub geometry: Geometry<S>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties<S> {
    pub name: S,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Geometry<S> {
    #[serde(rename = "type")]
    pub kind: S,
    /// Rings of (longitude, latitude).
    pub coordinates: Vec<Vec<(f64, f64)>>,
}
