//! The documents that JSON libraries are compared on, fully typed. They come from the folder that `COVET_CORPUS` names and are left
//! out when it is not set.

#![allow(dead_code, reason = "each bench uses its part")]

pub(crate) mod canada;
pub(crate) mod citm;
pub(crate) mod twitter;

use std::path::Path;

/// The text of a document, or `None` without `COVET_CORPUS`.
pub(crate) fn load(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("COVET_CORPUS")?;
    let path = Path::new(&folder).join("json").join(name);
    match std::fs::read(&path) {
        Ok(text) => Some(text),
        Err(error) => panic!("COVET_CORPUS is set, but {} cannot be read: {error}", path.display()),
    }
}
