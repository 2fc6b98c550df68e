//! A hundred rows as one JSON array, on one thread: the ways to get there, and the floor below all of them.

use covet_bench::workload::sql::{self, SELECT_100};
use covet_bench::{Answer, Bench, Target};
use covet_kit::pool::sqlite::SqlitePool;
use covet_kit::pool::sqlite::rusqlite::{Connection, Rows};
use covet_kit::rows::RowsJson;
use serde::ser::{Error, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::parts::{Item, ROWS, fill, item};

const STRUCT: &str = "struct + covet-json";
const OWNED: &str = "rusqlite structs + serde_json";
const BORROWED: &str = "rusqlite borrowed rows + serde_json";
const IN_SQL: &str = "SQLite json_group_array";

/// A row that borrows its text from SQLite: the fastest that `serde_json` can be given.
#[derive(Serialize, Deserialize)]
struct Borrowed<'a> {
    id: i64,
    name: &'a str,
    category: &'a str,
    price: f64,
    quantity: i64,
    active: i64,
    note: Option<&'a str>,
    created: &'a str,
}

/// Steps a statement while it is serialized, so that no row is ever held.
fn serialize_rows<S: Serializer>(rows: &mut Rows<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(None)?;
    while let Some(row) = rows.next().map_err(Error::custom)? {
        let text = |column| row.get_ref(column).map_err(Error::custom)?.as_str().map_err(Error::custom);
        list.serialize_element(&Borrowed {
            id: row.get(0).map_err(Error::custom)?,
            name: text(1)?,
            category: text(2)?,
            price: row.get(3).map_err(Error::custom)?,
            quantity: row.get(4).map_err(Error::custom)?,
            active: row.get(5).map_err(Error::custom)?,
            note: row.get_ref(6).map_err(Error::custom)?.as_str_or_null().map_err(Error::custom)?,
            created: text(7)?,
        })?;
    }
    list.end()
}

pub(crate) fn a_hundred(bench: &mut Bench) {
    let folder = tempfile::tempdir().unwrap();
    let path = fill(folder.path(), "rows.db");
    let keys = sql::keys(ROWS - 100, 100, 1);
    let (db, raw) = (SqlitePool::open(&path).unwrap(), Connection::open(&path).unwrap());
    let rows = RowsJson::objects();
    let in_sql = format!(
        "SELECT json_group_array(json_object('id', id, 'name', name, 'category', category, 'price', price, \
         'quantity', quantity, 'active', active, 'note', note, 'created', created)) FROM ({SELECT_100})"
    );
    let Some(mut group) = bench.group("100 rows to JSON") else { return };
    group.target(Target::times_as_fast(1.15, [STRUCT]).of("covet-kit rows"));
    group.target(Target::times_as_fast(1.3, [OWNED, BORROWED, IN_SQL]).of("covet-kit rows"));

    let ours = |key: &i64| db.read(|conn| Ok(rows.query(conn, SELECT_100, [*key])?)).unwrap();
    group.contender_each("covet-kit rows", &keys, ours, |json| Answer::json(json)).ours();
    let with_struct = |key: &i64| {
        let items = db.read(|conn| conn.query_all(SELECT_100, [*key], item)).unwrap();
        covet_kit::json::to_vec(&items).unwrap()
    };
    group.contender_each(STRUCT, &keys, with_struct, |json| Answer::json(json)).package("covet-json").ours();
    let owned = |key: &i64| {
        let mut statement = raw.prepare_cached(SELECT_100).unwrap();
        let items: Vec<Item> = statement.query_map([*key], item).unwrap().map(Result::unwrap).collect();
        serde_json::to_vec(&items).unwrap()
    };
    group.contender_each(OWNED, &keys, owned, |json| Answer::json(json)).package("serde_json");
    let borrowed = |key: &i64| {
        let mut statement = raw.prepare_cached(SELECT_100).unwrap();
        let mut rows = statement.query([*key]).unwrap();
        let mut json = Vec::with_capacity(4096);
        serialize_rows(&mut rows, &mut serde_json::Serializer::new(&mut json)).unwrap();
        json
    };
    group.contender_each(BORROWED, &keys, borrowed, |json| Answer::json(json)).package("serde_json");
    let in_sql = |key: &i64| {
        let mut statement = raw.prepare_cached(&in_sql).unwrap();
        statement.query_row([*key], |row| row.get::<_, String>(0)).unwrap().into_bytes()
    };
    group.contender_each(IN_SQL, &keys, in_sql, |json| Answer::json(json)).package("libsqlite3-sys");
    let floor = |key: &i64| {
        let mut statement = raw.prepare_cached(SELECT_100).unwrap();
        let mut rows = statement.query([*key]).unwrap();
        let mut count = 0_u64;
        while rows.next().unwrap().is_some() {
            count += 1;
        }
        (count, *key)
    };
    // It computes no answer; what is verified is that it passed as many rows as the others encode.
    let stepped = |(count, key): &(u64, i64)| match count {
        100 => Answer::json(&owned(key)),
        other => Answer::from(other.to_string()),
    };
    group.contender_each("the floor: stepping the statement", &keys, floor, stepped).package("rusqlite").aside();
    group.baseline(OWNED);
    group.run();
}
