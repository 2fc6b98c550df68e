//! Real files, where a machine has them: `COVET_CORPUS` names a folder with `json/` and `routes/` below it. They belong to
//! others and are not part of the project; without them, everything runs on generated data.

use std::path::PathBuf;

/// The folder that `COVET_CORPUS` names, if it does.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    std::env::var_os("COVET_CORPUS").map(PathBuf::from).filter(|folder| folder.is_dir())
}

/// What a bench says when it leaves a group out.
pub const ABSENT: &str = "COVET_CORPUS names no folder with this file";

/// `json/twitter.json`, 631,514 bytes, indented: decodes as [`TwitterSearch`](super::twitter::TwitterSearch).
#[must_use]
pub fn twitter() -> Option<Vec<u8>> {
    json("twitter.json")
}

/// `json/citm_catalog.json`, 1,727,204 bytes, indented: decodes as [`Catalog`](super::catalog::Catalog).
#[must_use]
pub fn citm_catalog() -> Option<Vec<u8>> {
    json("citm_catalog.json")
}

/// `json/canada.json`, 2,251,051 bytes: decodes as [`Canada`](super::geo::Canada).
#[must_use]
pub fn canada() -> Option<Vec<u8>> {
    json("canada.json")
}

/// Any file of the folder `json`.
#[must_use]
pub fn json(name: &str) -> Option<Vec<u8>> {
    std::fs::read(folder()?.join("json").join(name)).ok()
}

/// Any file of the folder `routes`, as lines.
#[must_use]
pub fn lines(name: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(folder()?.join("routes").join(name)).ok()?;
    Some(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::Value;

    use super::*;
    use crate::workload::{catalog, geo, twitter as shape};

    /// Reads a real file as typed and as untyped: nothing may be lost on the way, except whether a coordinate was written as
    /// an integer.
    fn survives<'a, T: Deserialize<'a> + Serialize>(document: &'a [u8]) {
        let typed: T = serde_json::from_slice(document).unwrap();
        let untyped: Value = serde_json::from_slice(document).unwrap();
        let name = std::any::type_name::<T>();
        assert!(same(&serde_json::to_value(&typed).unwrap(), &untyped), "{name} misses something");
    }

    fn same(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => a == b || (a.is_f64() && a.as_f64() == b.as_f64()),
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
            }
            _ => a == b,
        }
    }

    #[test]
    fn the_types_hold_everything_that_the_real_files_say() {
        if let Some(document) = twitter() {
            survives::<shape::TwitterSearch>(&document);
            survives::<shape::TwitterSearchRef<'_>>(&document);
        }
        if let Some(document) = citm_catalog() {
            survives::<catalog::Catalog>(&document);
            survives::<catalog::CatalogRef<'_>>(&document);
        }
        if let Some(document) = canada() {
            survives::<geo::Canada>(&document);
            survives::<geo::CanadaRef<'_>>(&document);
        }
    }
}
