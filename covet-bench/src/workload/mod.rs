//! Workloads: deterministic data that every bench of the workspace shares. Each generator's bytes are pinned by a digest in
//! its tests; changing them raises [`VERSION`], because results across such a change cannot be compared.
//!
//! | job | generated | real, where `COVET_CORPUS` has them |
//! |---|---|---|
//! | JSON | [`users`], [`documents`] | [`corpus`], with the types in [`twitter`], [`catalog`], [`geo`] |
//! | routing | [`routes`] | [`routes::corpus`] |
//! | databases | [`sql`] | |
//! | tokens, revocation | [`tokens`] | |

pub mod catalog;
pub mod corpus;
pub mod documents;
pub mod geo;
pub mod inventory;
pub mod routes;
pub mod sql;
pub mod text;
pub mod tokens;
pub mod twitter;
pub mod users;

/// The version of all generated data together.
pub const VERSION: u32 = 1;

/// Compact JSON of a value that cannot fail to serialise.
fn compact<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain structs with string keys serialise")
}

/// The same, indented by four spaces.
fn indented<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    value
        .serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))
        .expect("plain structs with string keys serialise");
    bytes
}
