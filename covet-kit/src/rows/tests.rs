//! Rows against what rusqlite and `serde_json` make of the same query.

use covet_pool::sqlite::SqlitePool;
use covet_pool::sqlite::rusqlite::types::Value as Sql;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{BlobFormat, RowsError, RowsJson};

fn db(setup: &'static str) -> SqlitePool {
    let db = SqlitePool::open(":memory:").unwrap();
    db.write_alone(move |conn| Ok(conn.execute_batch(setup)?)).unwrap();
    db
}

fn query(db: &SqlitePool, rows: &RowsJson, sql: &str) -> Result<String, RowsError> {
    let json = db.read(|conn| Ok(rows.query(conn, sql, [])))??;
    Ok(String::from_utf8(json).unwrap())
}

#[test]
fn values_become_their_json() {
    let db = db("");
    let sql =
        r#"SELECT 1 AS "a", -9223372036854775808 AS "b", 0.1 AS "c", 1e999 AS "d", 'x"y' AS "e\", NULL AS """f""" "#;
    let json = query(&db, &RowsJson::objects(), sql).unwrap();
    assert_eq!(json, r#"[{"a":1,"b":-9223372036854775808,"c":0.1,"d":null,"e\\":"x\"y","\"f\"":null}]"#);
    assert_eq!(query(&db, &RowsJson::arrays(), "SELECT 1, 'a', NULL").unwrap(), r#"[[1,"a",null]]"#);
}

#[test]
fn no_rows_are_an_empty_array_or_none() {
    let db = db("CREATE TABLE t (x)");
    let rows = RowsJson::objects();
    assert_eq!(query(&db, &rows, "SELECT x FROM t").unwrap(), "[]");
    assert_eq!(db.read(|conn| Ok(rows.query_one(conn, "SELECT x FROM t", [])?)).unwrap(), None);
    let one = db.read(|conn| Ok(rows.query_one(conn, "SELECT 7 AS x UNION SELECT 8", [])?)).unwrap();
    assert_eq!(one.unwrap(), br#"{"x":7}"#);
}

#[test]
fn blobs_follow_the_policy() {
    let db = db("");
    let sql = "SELECT x'00ff10' AS b, x'' AS e";
    let error = query(&db, &RowsJson::objects(), sql).unwrap_err();
    assert!(matches!(&error, RowsError::Blob { column } if &**column == "b"), "{error}");
    assert_eq!(query(&db, &RowsJson::arrays().blobs(BlobFormat::Base64), sql).unwrap(), r#"[["AP8Q",""]]"#);
    assert_eq!(query(&db, &RowsJson::arrays().blobs(BlobFormat::Hex), sql).unwrap(), r#"[["00ff10",""]]"#);
}

#[test]
fn text_that_is_not_utf8_is_an_error_that_names_its_column() {
    let error = query(&db(""), &RowsJson::objects(), "SELECT CAST(x'ff' AS TEXT) AS broken").unwrap_err();
    assert!(matches!(&error, RowsError::NotUtf8 { column } if &**column == "broken"), "{error}");
}

#[test]
fn a_changed_table_changes_the_keys_of_a_remembered_statement() {
    let db = db("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    let rows = RowsJson::objects();
    assert_eq!(query(&db, &rows, "SELECT * FROM t").unwrap(), r#"[{"a":1}]"#);
    db.write_alone(|conn| Ok(conn.execute_batch("ALTER TABLE t RENAME COLUMN a TO b; ALTER TABLE t ADD COLUMN c")?))
        .unwrap();
    assert_eq!(query(&db, &rows, "SELECT * FROM t").unwrap(), r#"[{"b":1,"c":null}]"#);
}

#[test]
fn results_past_the_limit_are_an_error_and_chunks_limit_the_row() {
    let db = db("");
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n";
    let small = RowsJson::arrays().max_bytes(100);
    assert!(matches!(query(&db, &small, sql), Err(RowsError::TooLarge { limit: 100 })));
    let mut all = Vec::new();
    let mut chunks = 0;
    db.read(|conn| {
        Ok(small.query_chunks(conn, sql, [], 512, |chunk| {
            assert!(chunk.len() < 640);
            chunks += 1;
            all.extend(chunk);
            true
        })?)
    })
    .unwrap();
    let all: Vec<(u32,)> = serde_json::from_slice(&all).unwrap();
    assert!(chunks > 5 && all.len() == 1000 && all[999] == (1000,));
}

#[test]
fn chunks_stop_when_nobody_wants_them_and_stay_open_after_an_error() {
    let db = db("");
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let mut sent = 0;
    let stopped = db.read(|conn| {
        Ok(RowsJson::arrays().query_chunks(conn, sql, [], 64, |_| {
            sent += 1;
            sent < 3
        }))
    });
    assert!(matches!(stopped.unwrap(), Err(RowsError::Stopped)));
    assert_eq!(sent, 3);

    let mut all = Vec::new();
    let broken = "SELECT 1 UNION ALL SELECT CAST(x'ff' AS TEXT)";
    let error = db.read(|conn| {
        Ok(RowsJson::arrays().query_chunks(conn, broken, [], 1, |chunk| {
            all.extend(chunk);
            true
        }))
    });
    assert!(matches!(error.unwrap(), Err(RowsError::NotUtf8 { .. })));
    assert!(serde_json::from_slice::<Value>(&all).is_err());
}

#[test]
fn statements_made_per_request_do_not_grow_the_memory() {
    let db = db("");
    let rows = RowsJson::objects();
    for i in 0..3000 {
        query(&db, &rows, &format!("SELECT {i} AS x")).unwrap();
    }
    assert!(rows.statements.lock().len() <= super::MAX_STATEMENTS);
}

fn sql_value() -> impl Strategy<Value = Sql> {
    prop_oneof![
        Just(Sql::Null),
        any::<i64>().prop_map(Sql::Integer),
        prop::num::f64::NORMAL.prop_map(Sql::Real),
        any::<String>().prop_map(Sql::Text),
    ]
}

fn expected(value: &Sql) -> Value {
    match value {
        Sql::Integer(number) => (*number).into(),
        Sql::Real(number) => (*number).into(),
        Sql::Text(text) => text.as_str().into(),
        Sql::Null | Sql::Blob(_) => Value::Null,
    }
}

proptest! {
    #[test]
    fn rows_are_what_serde_json_would_write(values in prop::collection::vec((sql_value(), sql_value()), 0..8)) {
        let db = db("CREATE TABLE t (a, b)");
        let inserted = values.clone();
        db.write(move |conn| {
            for (a, b) in &inserted {
                conn.execute("INSERT INTO t VALUES (?, ?)", [a, b])?;
            }
            Ok(())
        }).unwrap();
        let expected: Vec<Value> = values.iter().map(|(a, b)| {
            Value::Object(Map::from_iter([("a".to_owned(), expected(a)), ("b".to_owned(), expected(b))]))
        }).collect();
        let json = query(&db, &RowsJson::objects(), "SELECT a, b FROM t ORDER BY rowid").unwrap();
        prop_assert_eq!(json, serde_json::to_string(&expected).unwrap());
    }
}
