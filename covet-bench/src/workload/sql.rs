//! Tables, rows and statements for the database benches: a catalogue of items that is read by key, read a hundred rows at a
//! time, inserted into and updated. Types and statements are those that SQLite and PostgreSQL share; PostgreSQL wants `$1` for
//! `?1`, which [`dollars`] does.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::Rng;

/// Creates the table `items`.
pub const SCHEMA: &str = "CREATE TABLE items (
    id BIGINT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    price DOUBLE PRECISION NOT NULL,
    quantity BIGINT NOT NULL,
    active BOOLEAN NOT NULL,
    note TEXT,
    created TEXT NOT NULL
);
CREATE INDEX items_category ON items (category, id);
";

/// Reads one item: `id`.
pub const SELECT_ONE: &str =
    "SELECT id, name, category, price, quantity, active, note, created FROM items WHERE id = ?1";

/// Reads a hundred items from `id` on.
pub const SELECT_100: &str =
    "SELECT id, name, category, price, quantity, active, note, created FROM items WHERE id >= ?1 ORDER BY id LIMIT 100";

/// Inserts an item, its columns in the order of [`Item`].
pub const INSERT: &str = "INSERT INTO items (id, name, category, price, quantity, active, note, created) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Sets the quantity (first parameter) of the item `id` (second).
pub const UPDATE: &str = "UPDATE items SET quantity = ?1 WHERE id = ?2";

/// A row of `items`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Key, dense from 1.
    pub id: i64,
    /// Two words.
    pub name: String,
    /// One of eight.
    pub category: String,
    /// Two decimal places.
    pub price: f64,
    /// Below a thousand.
    pub quantity: i64,
    /// Three in four.
    pub active: bool,
    /// Absent for half; some hold quotes and wide characters.
    pub note: Option<String>,
    /// RFC 3339, UTC.
    pub created: String,
}

/// The first `count` items, one after the other: nothing is held.
pub fn items(count: u64) -> impl Iterator<Item = Item> {
    const ADJECTIVES: [&str; 8] = ["blue", "small", "quiet", "folding", "heavy", "wooden", "spare", "bright"];
    const NOUNS: [&str; 8] = ["chair", "lamp", "desk", "kettle", "shelf", "mirror", "drawer", "clock"];
    const NOTES: [&str; 5] = ["new", "it's the last one", "size 3/4\"", "für draußen", "see manual, page 12"];
    let mut rng = Rng::new(0x5149);
    (1..=count as i64).map(move |id| {
        let noun = *rng.pick(&NOUNS);
        Item {
            id,
            name: format!("{} {noun}", rng.pick(&ADJECTIVES)),
            category: format!("{noun}s"),
            price: rng.between(100, 99_999) as f64 / 100.0,
            quantity: rng.below(1_000) as i64,
            active: !rng.one_in(4),
            note: rng.one_in(2).then(|| (*rng.pick(&NOTES)).to_owned()),
            created: format!("2025-{:02}-{:02}T{:02}:00:00Z", rng.between(1, 12), rng.between(1, 28), rng.below(24)),
        }
    })
}

/// A script that fills `items` with the first `count` rows, a hundred to a statement.
#[must_use]
pub fn fill(count: u64) -> String {
    let mut script = String::new();
    for (index, item) in items(count).enumerate() {
        let text = |text: &str| text.replace('\'', "''");
        script.push_str(if index % 100 == 0 { "INSERT INTO items VALUES\n" } else { ",\n" });
        let note = item.note.as_deref().map_or_else(|| "NULL".to_owned(), |note| format!("'{}'", text(note)));
        let _ = write!(
            script,
            "({}, '{}', '{}', {:?}, {}, {}, {note}, '{}')",
            item.id, item.name, item.category, item.price, item.quantity, item.active, item.created
        );
        if index % 100 == 99 || index as u64 + 1 == count {
            script.push_str(";\n");
        }
    }
    script
}

/// A statement of this module with PostgreSQL's placeholders.
#[must_use]
pub fn dollars(statement: &str) -> String {
    statement.replace('?', "$")
}

/// Keys to look up, all present among the first `rows` items, in random order.
#[must_use]
pub fn keys(rows: u64, count: usize, seed: u64) -> Vec<i64> {
    let mut rng = Rng::new(seed);
    (0..count).map(|_| rng.between(1, rows.max(1)) as i64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest;

    #[test]
    fn the_rows_are_pinned() {
        let script = fill(1_000);
        let seen = (script.len(), digest(script.as_bytes()));
        assert_eq!(seen, (87_192, 0x2b9e_ec47_d0da_b6ed), "changed rows need a new workload::VERSION: {seen:#x?}");
    }

    #[test]
    fn the_script_ends_every_statement() {
        for count in [0, 1, 99, 100, 101] {
            let script = fill(count);
            assert_eq!(script.matches("INSERT").count() as u64, count.div_ceil(100));
            assert_eq!(script.matches(";\n").count() as u64, count.div_ceil(100));
        }
        assert!(fill(100).contains("it''s"));
    }

    #[test]
    fn keys_are_rows_and_placeholders_are_dollars() {
        assert!(keys(50, 500, 1).iter().all(|key| (1..=50).contains(key)));
        assert_eq!(dollars(UPDATE), "UPDATE items SET quantity = $1 WHERE id = $2");
    }
}
