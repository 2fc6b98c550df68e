//! Which statements change the state of a session, so that nobody may run them on a shared one.

/// Statements that open or end transactions, or leave something behind in the session. One of several words per kind.
const WORDS: &[&str] = &[
    "ABORT",
    "BEGIN",
    "CLOSE",
    "COMMIT",
    "COPY",
    "DEALLOCATE",
    "DECLARE",
    "DISCARD",
    "END",
    "EXECUTE",
    "FETCH",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MOVE",
    "PREPARE",
    "RELEASE",
    "RESET",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "START",
    "UNLISTEN",
];

/// The first word of a statement, if that is one that changes the session. A prepared statement is a single one, so the first
/// word tells.
pub(super) fn changes_session(sql: &str) -> Option<&'static str> {
    let rest = skip_comments(sql);
    let end = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
    let word = rest.get(..end)?;
    WORDS.iter().find(|known| known.eq_ignore_ascii_case(word)).copied()
}

/// What comes after white space, comments (which may be nested) and empty statements.
fn skip_comments(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ';' || letter == '\u{b}');
        if sql.starts_with("--") {
            sql = sql.split_once(['\n', '\r']).map_or("", |(_, rest)| rest);
        } else if sql.starts_with("/*") {
            sql = skip_block(sql);
        } else {
            return sql;
        }
    }
}

fn skip_block(sql: &str) -> &str {
    let (mut depth, mut at) = (0_usize, 0);
    let bytes = sql.as_bytes();
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return sql.get(at..).unwrap_or_default();
                }
            }
            _ => at += 1,
        }
    }
    // It does not end: the server will refuse it.
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_changes_the_session_is_found_behind_comments() {
        for sql in ["BEGIN", " begin;", "-- x\nCommit", "/* a /* b */ c */ SET x = 1", ";;Rollback", "--\r\n\tLISTEN a"]
        {
            assert!(changes_session(sql).is_some(), "{sql}");
        }
        for sql in
            ["SELECT 1", "", "/* BEGIN */ SELECT 1", "-- BEGIN", "begins", "WITH a AS (SELECT 1) SELECT * FROM a"]
        {
            assert_eq!(changes_session(sql), None, "{sql}");
        }
        assert_eq!(changes_session("/* BEGIN"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(sql in "[a-zA-Z/*; \\-\né]{0,40}") {
            let _ = changes_session(&sql);
        }
    }
}
