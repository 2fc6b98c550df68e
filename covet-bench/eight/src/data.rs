//! The documents and rows, written where every contender reads them: the bytes are the same for all.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use covet_bench::workload::{documents, sql, users};

/// Rows of the table.
pub(crate) const ROWS: u64 = 10_000;

pub(crate) fn write(folder: &Path) -> Result<()> {
    let put = |name: &str, bytes: &[u8]| {
        let file = folder.join(name);
        fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))
    };
    put("users50.json", &users::users50())?;
    put("users_1mb.json", &users::users_1mb())?;
    put("string_1mb.json", &documents::one_string_1mb())?;
    // Python's `executescript` would commit each statement alone.
    put("items.sql", format!("{}BEGIN;\n{}COMMIT;\n", sql::SCHEMA, sql::fill(ROWS)).as_bytes())
}
