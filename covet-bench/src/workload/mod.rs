//! Workloads: deterministic data that every bench of the workspace shares. Each generator's bytes are pinned by a digest in
//! its tests; changing them raises [`VERSION`], because results across such a change cannot be compared.

pub mod users;

/// The version of all generated data together.
pub const VERSION: u32 = 1;

/// Compact JSON of a value that cannot fail to serialise.
fn compact<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain structs with string keys serialise")
}
