//! The rows: what is done, how often a round, and what it is worth beside another language.

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its name in the protocol between the processes.
    pub(crate) key: &'static str,
    pub(crate) title: &'static str,
    /// Operations per round, each timed alone.
    pub(crate) count: usize,
    /// Whether the two languages do the same work.
    pub(crate) comparable: bool,
    /// Whether a JSON library is at work, so that another one can take its place.
    pub(crate) json: bool,
}

const fn row(key: &'static str, title: &'static str, count: usize, json: bool) -> Row {
    Row { key, title, count, comparable: true, json }
}

/// The report's eight, and three that say what two of them hide.
pub(crate) static ROWS: [Row; 11] = [
    row("encode50", "JSON encode 50", 200, true),
    row("decode50", "JSON decode 50", 200, true),
    row("megabyte", "JSON 1 MB", 5, true),
    row("select", "SELECT 100 rows", 100, false),
    row("insert", "INSERT", 200, false),
    row("update", "UPDATE", 200, false),
    Row { comparable: false, ..row("await", "async overhead", 20, false) },
    row("gather", "async JSON 20", 50, true),
    row("string", "JSON 1 MB, one string", 5, true),
    row("insert_file", "INSERT into a file", 20, false),
    row("update_file", "UPDATE in a file", 20, false),
];

/// The row of that key.
pub(crate) fn find(key: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_only_one_row_compares_nothing() {
        for row in &ROWS {
            assert_eq!(find(row.key), Some(row), "{}", row.key);
        }
        let aside: Vec<&str> = ROWS.iter().filter(|row| !row.comparable).map(|row| row.title).collect();
        assert_eq!(aside, ["async overhead"]);
    }
}
