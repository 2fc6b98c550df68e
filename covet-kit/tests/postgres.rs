//! Rows and stores on a PostgreSQL server; rows are compared with what the server itself makes of them.
#![cfg(all(feature = "postgres", feature = "service"))]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::sync::Arc;

use covet_kit::auth::{
    Blacklist, BlacklistConfig, Family, FamilyStore, FingerprintKey, ManualClock, Revocations, StoredBlacklist,
    StoredError, TokenFacts,
};
use covet_kit::pool::Pool;
use covet_kit::pool::postgres::Postgres;
use covet_kit::revocations::{PostgresFamilies, PostgresRevocations, PostgresStoreError};
use covet_kit::rows::{BlobFormat, RowsError, RowsJson};
use http_body_util::BodyExt;
use serde_json::Value;

fn address() -> String {
    std::env::var("COVET_POSTGRES_URL").expect("start the tests with: cargo xtask services run -- cargo test ...")
}

fn pool_of(url: &str) -> Pool<Postgres> {
    Pool::builder(Postgres::new(url).unwrap()).max_size(4).build().unwrap()
}

/// A pool on a new database of this name.
async fn database(name: &str) -> Pool<Postgres> {
    let url = address();
    let pool = pool_of(&url);
    let conn = pool.get().await.unwrap();
    conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
    conn.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    // The server of the tests may be set up for speed, which the stores refuse.
    conn.batch_execute(&format!("ALTER DATABASE {name} SET synchronous_commit = on")).await.unwrap();
    let (before, query) = url.split_once('?').map_or((url.as_str(), String::new()), |(url, q)| (url, format!("?{q}")));
    pool_of(&format!("{}/{name}{query}", before.rsplit_once('/').unwrap().0))
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn values_are_what_the_server_itself_makes_of_them() {
    let pool = pool_of(&address());
    let conn = pool.get().await.unwrap();
    let rows = RowsJson::objects();
    for expression in [
        "true",
        "false",
        "NULL::bool",
        "7::int2",
        "(-2147483648)::int4",
        "9223372036854775807::int8",
        "0.1::float4",
        "1e300::float8",
        "-0.5::float8",
        "0::numeric",
        "-0.001::numeric",
        "100::numeric",
        "10000::numeric",
        "123456789012345678901234567890.000100::numeric",
        "0.00000000000000000000001::numeric",
        "1e20::numeric(30,5)",
        "'é \"q\" \\ \n'::text",
        "''::text",
        "'ab'::char(4)",
        "'x'::name",
        "'v'::varchar(3)",
        "'8F3C0000-0000-4000-8000-00000000000A'::uuid",
        "'2024-02-29'::date",
        "'0001-01-01'::date",
        "'12345-06-07'::date",
        "'0044-03-15 BC'::date",
        "'1999-12-31'::date",
        "'2000-03-01'::date",
        "'1900-02-28'::date",
        "'infinity'::date",
        "'23:59:59.999999'::time",
        "'00:00'::time",
        "'2025-01-02 03:04:05.6'::timestamp",
        "'1969-12-31 23:59:59.000001'::timestamp",
        "'-infinity'::timestamp",
        "'2025-01-02 03:04:05+02'::timestamptz",
        "'0044-03-15 01:02:03 BC'::timestamp",
        "'{\"a\": [1, null]}'::json",
        "'{\"a\": [1, null]}'::jsonb",
        "'{}'::int4[]",
        "'{1,NULL,3}'::int4[]",
        "'{{1,2},{3,4}}'::int8[]",
        "'{a,\"b c\",NULL}'::text[]",
        "'{2024-02-29}'::date[]",
    ] {
        conn.batch_execute("SET timezone = 'UTC'").await.unwrap();
        let ours = rows.query_one_postgres(&conn, &format!("SELECT {expression} AS v"), &[]).await.unwrap().unwrap();
        let ours: Value = serde_json::from_slice(&ours).unwrap_or_else(|error| panic!("{expression}: {error}"));
        let theirs =
            conn.query_one(&format!("SELECT row_to_json(r)::text FROM (SELECT {expression} AS v) r"), &[]).await;
        let theirs: Value = serde_json::from_str(theirs.unwrap().get(0)).unwrap();
        assert_eq!(ours, theirs, "{expression}");
    }
    // The server has no numbers but the ones that it calculates with; an `oid` is one to everybody else.
    let oid = RowsJson::arrays().query_one_postgres(&conn, "SELECT 4294967295::oid", &[]).await.unwrap().unwrap();
    assert_eq!(oid, b"[4294967295]");
    // Digits beyond what serde_json keeps are compared as text.
    for number in ["123456789012345678901234567890.000100", "-0.00010", "0.0", "98765432109876543210"] {
        let sql = format!("SELECT {number}::numeric AS v");
        let ours = RowsJson::arrays().query_one_postgres(&conn, &sql, &[]).await.unwrap().unwrap();
        assert_eq!(String::from_utf8(ours).unwrap(), format!("[{number}]"));
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn what_json_has_no_form_for_follows_the_policy_or_is_an_error_that_names_its_column() {
    let pool = pool_of(&address());
    let conn = pool.get().await.unwrap();
    let arrays = RowsJson::arrays();
    let text = async |rows: &RowsJson, sql: &str| {
        rows.query_postgres(&conn, sql, &[]).await.map(|json| String::from_utf8(json).unwrap())
    };
    let odd = "SELECT 'NaN'::float8, 'infinity'::float4, 'NaN'::numeric";
    assert_eq!(text(&arrays, odd).await.unwrap(), "[[null,null,null]]");
    let blob = r"SELECT '\x00ff10'::bytea AS b";
    assert!(matches!(text(&arrays, blob).await, Err(RowsError::Blob { column }) if &*column == "b"));
    assert_eq!(text(&arrays.clone().blobs(BlobFormat::Hex), blob).await.unwrap(), r#"[["00ff10"]]"#);
    let unknown = text(&arrays, "SELECT '1 day'::interval AS i").await.unwrap_err();
    assert!(
        matches!(&unknown, RowsError::Type { column, kind } if &**column == "i" && &**kind == "interval"),
        "{unknown}"
    );
    conn.batch_execute("DROP TYPE IF EXISTS covet_mood; CREATE TYPE covet_mood AS ENUM ('sad', 'ok')").await.unwrap();
    assert_eq!(
        text(&arrays, "SELECT 'ok'::covet_mood, ARRAY['sad'::covet_mood]").await.unwrap(),
        r#"[["ok",["sad"]]]"#
    );
    assert_eq!(text(&arrays, "SELECT 1 WHERE false").await.unwrap(), "[]");
    let small = RowsJson::arrays().max_bytes(100);
    let large = text(&small, "SELECT generate_series(1, 1000)").await.unwrap_err();
    assert!(matches!(large, RowsError::TooLarge { limit: 100 }));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_stream_is_the_whole_array_and_one_that_is_dropped_gives_its_connection_back() {
    let pool = pool_of(&address());
    let rows = RowsJson::arrays();
    let sql = "SELECT i, repeat('x', 100) FROM generate_series(1, 20000) i";
    let body = rows.stream_postgres(&pool, sql, Vec::new(), |error| panic!("{error}"));
    let streamed = body.collect().await.unwrap().to_bytes();
    let whole = rows.query_postgres(&pool.get().await.unwrap(), sql, &[]).await.unwrap();
    assert!(streamed.len() > 1_000_000 && streamed == whole);

    for _ in 0..8 {
        let mut body = rows.stream_postgres(&pool, sql, Vec::new(), |error| panic!("{error}"));
        body.frame().await.unwrap().unwrap();
    }
    // More than the pool has: they have all come back.
    let one = rows.query_one_postgres(&pool.get().await.unwrap(), "SELECT 1", &[]).await.unwrap();
    assert_eq!(one.unwrap(), b"[1]");

    let failing = "SELECT 1 / (i - 15000) FROM generate_series(1, 20000) i";
    let told = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let heard = told.clone();
    let body = rows
        .stream_postgres(&pool, failing, Vec::new(), move |_| heard.store(true, std::sync::atomic::Ordering::SeqCst));
    assert!(body.collect().await.is_err(), "a result that was cut off looked whole");
    assert!(told.load(std::sync::atomic::Ordering::SeqCst));
}

const ISSUER: &str = "https://id.example";

fn token(jti: &str, exp: u64) -> TokenFacts {
    TokenFacts::builder().issuer(ISSUER).id(jti).issued_at(1000).expires_at(exp).build()
}

async fn open(
    pool: &Pool<Postgres>,
    clock: &ManualClock,
    key: [u8; 16],
) -> Result<StoredBlacklist<PostgresRevocations>, StoredError<PostgresStoreError>> {
    let store = PostgresRevocations::open(pool.clone()).await.unwrap();
    let config = BlacklistConfig::new().key(FingerprintKey::from_bytes(key)).clock(clock.shared());
    StoredBlacklist::open(Blacklist::new(config).unwrap(), store).await
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn revocations_survive_and_lapse_and_keep_to_their_key() {
    let pool = database("covet_kit_revocations").await;
    let clock = ManualClock::at(1000);
    let key = *b"0123456789abcdef";
    // Two that open at once take turns at making the tables.
    let (first, other) = tokio::join!(open(&pool, &clock, key), open(&pool, &clock, key));
    let (first, _) = (first.unwrap(), other.unwrap());
    // More than one page.
    for i in 0..2500 {
        first.revoke_facts(&token(&i.to_string(), 1500 + i)).await.unwrap();
    }
    first.revoke_facts(&token("7", 1507)).await.unwrap();
    first.revoke_subject(ISSUER, "ada").await.unwrap();

    let again = open(&pool, &clock, key).await.unwrap();
    for i in 0..2500 {
        assert!(again.check(&token(&i.to_string(), 1500 + i)).is_err(), "{i}");
    }
    assert!(again.check(&token("another", 1500)).is_ok());
    let of_ada = TokenFacts::builder().issuer(ISSUER).subject("ada").id("x").issued_at(999).expires_at(1500).build();
    assert!(again.check(&of_ada).is_err());
    assert!(matches!(open(&pool, &clock, [2; 16]).await, Err(StoredError::OtherKey)));

    let count = async || {
        let conn = pool.get().await.unwrap();
        conn.query_one("SELECT count(*) FROM covet_revocation", &[]).await.unwrap().get::<_, i64>(0)
    };
    let before = count().await;
    clock.set(3000);
    again.expire().await.unwrap();
    let after = count().await;
    assert!(before >= 2501 && after < before && after > 0, "{before} {after}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_server_that_acknowledges_what_a_crash_may_lose_is_refused() {
    let pool = database("covet_kit_fast").await;
    let off = "ALTER DATABASE covet_kit_fast SET synchronous_commit = off";
    pool.get().await.unwrap().batch_execute(off).await.unwrap();
    pool.invalidate_all();
    assert!(matches!(PostgresRevocations::open(pool.clone()).await, Err(PostgresStoreError::NotDurable)));
    assert!(matches!(PostgresFamilies::open(pool).await, Err(PostgresStoreError::NotDurable)));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn families_are_swapped_by_revision() {
    let store = PostgresFamilies::open(database("covet_kit_families").await).await.unwrap();
    let family = Family {
        subject: "ada".to_owned(),
        started_at: 1000,
        expires_at: 2000,
        rotated_at: 1000,
        counter: u64::MAX,
        revoked: false,
        revision: 0,
    };
    assert!(store.insert("s", &family).await.unwrap());
    assert!(!store.insert("s", &family).await.unwrap());
    assert_eq!(store.load("s").await.unwrap().unwrap(), family);
    assert!(store.load("t").await.unwrap().is_none());
    // Of many at once, one wins.
    let next = Family { revoked: true, revision: 1, ..family.clone() };
    let store = Arc::new(store);
    let races: Vec<_> = (0..8)
        .map(|_| {
            let (store, next) = (store.clone(), next.clone());
            tokio::spawn(async move { store.compare_and_swap("s", 0, &next).await.unwrap() })
        })
        .collect();
    let mut wins = 0;
    for race in races {
        wins += u32::from(race.await.unwrap());
    }
    assert_eq!((wins, store.load("s").await.unwrap().unwrap()), (1, next));
    assert_eq!(store.remove_expired(2000).await.unwrap(), 0);
    assert_eq!(store.remove_expired(2001).await.unwrap(), 1);
}
