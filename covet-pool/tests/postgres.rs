//! PostgreSQL: queries, statements and their traps, transactions, what comes back to the pool.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod pg;

use covet_pool::postgres::types::Type;
use covet_pool::postgres::{Error, TransactionStatus};
use pg::{builder, config, pid, pool, prepared};
use std::time::Duration;

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn queries_give_what_they_say() {
    let pool = pool(1);
    let conn = pool.get().await.unwrap();
    conn.batch_execute(
        "CREATE TEMP TABLE n (id BIGINT PRIMARY KEY, name TEXT); INSERT INTO n VALUES (1, 'a'), (2, 'b')",
    )
    .await
    .unwrap();
    let rows = conn.query("SELECT id, name FROM n ORDER BY id", &[]).await.unwrap();
    let all: Vec<(i64, &str)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(all, [(1, "a"), (2, "b")]);
    let one = conn.query_one("SELECT name FROM n WHERE id = $1", &[&2_i64]).await.unwrap();
    assert_eq!(one.get::<_, &str>("name"), "b");
    assert!(conn.query_opt("SELECT name FROM n WHERE id = $1", &[&3_i64]).await.unwrap().is_none());
    assert_eq!(conn.execute("UPDATE n SET name = 'c'", &[]).await.unwrap(), 2);
    let typed = conn.query_typed("SELECT $1 + 1", &[(&1_i16, Type::INT2)]).await.unwrap();
    assert_eq!(typed[0].get::<_, i32>(0), 2);

    let mut stream = conn.query_stream("SELECT generate_series(1, 1000)", &[]).await.unwrap();
    let (mut sum, mut last) = (0_i64, 0_i32);
    while let Some(row) = stream.next().await {
        last = row.unwrap().get(0);
        sum += i64::from(last);
    }
    assert_eq!((sum, last, stream.rows_affected()), (500_500, 1000, Some(1000)));
    assert!(stream.next().await.is_none());

    let none = conn.query_one("SELECT 1 WHERE false", &[]).await.unwrap_err();
    assert!(matches!(none, Error::RowCount(0)) && none.is_row_count());
    let many = conn.query_opt("SELECT generate_series(1, 3)", &[]).await.unwrap_err();
    assert!(matches!(many, Error::RowCount(3)), "{many}");
    let params = conn.query("SELECT $1::int", &[]).await.unwrap_err();
    assert!(matches!(params, Error::Parameters { expected: 1, given: 0 }), "{params}");
    assert_eq!(conn.query_one("SELECT 7", &[]).await.unwrap().get::<_, i32>(0), 7);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn errors_say_what_happened_and_leave_the_connection_usable() {
    let pool = pool(1);
    let conn = pool.get().await.unwrap();
    conn.batch_execute("CREATE TEMP TABLE u (id INT PRIMARY KEY)").await.unwrap();
    let first = pid(&conn).await;
    conn.execute("INSERT INTO u VALUES ($1)", &[&1]).await.unwrap();
    let twice = conn.execute("INSERT INTO u VALUES ($1)", &[&1]).await.unwrap_err();
    assert!(twice.is_unique_violation() && twice.is_constraint() && !twice.is_closed());
    assert!(twice.to_string().contains("23505") && twice.to_string().contains("u_pkey"), "{twice}");
    // Its state is known as soon as its error is.
    assert_eq!(conn.transaction_status(), TransactionStatus::Idle);
    let syntax = conn.query("SELEC 1", &[]).await.unwrap_err();
    assert!(syntax.to_string().contains("syntax error"), "{syntax}");
    drop(conn);
    let conn = pool.get().await.unwrap();
    assert_eq!(pid(&conn).await, first);
    assert_eq!(pool.status().created, 1);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn each_text_is_prepared_once() {
    let pool = pool(1);
    for i in 0..10 {
        let conn = pool.get().await.unwrap();
        assert_eq!(conn.query_one("SELECT $1 * 2", &[&i]).await.unwrap().get::<_, i32>(0), 2 * i);
    }
    let statements = pool.status().statements;
    assert_eq!((statements.hits, statements.misses, statements.evictions, statements.reprepares), (9, 1, 0, 0));
    // The types that were asked for are a part of the key.
    let conn = pool.get().await.unwrap();
    let text = conn.query_typed("SELECT $1 * 2", &[(&1_i64, Type::INT8)]).await.unwrap();
    assert_eq!(text[0].get::<_, i64>(0), 2);
    assert_eq!((pool.status().statements.misses, conn.statements()), (2, 2));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn prepares_of_one_text_at_the_same_time_are_one() {
    let pool = pool(1);
    let conn = pool.get().await.unwrap();
    let text = "SELECT 'one of many', $1::int";
    let conn = &conn;
    let all = async |n: i32| conn.query_one(text, &[&n]).await.unwrap().get::<_, i32>(1);
    let (a, b, c, d) = tokio::join!(all(1), all(2), all(3), all(4));
    assert_eq!([a, b, c, d], [1, 2, 3, 4]);
    let statements = pool.status().statements;
    assert_eq!((statements.misses, statements.hits), (1, 3));
    assert_eq!(prepared(conn, text).await.len(), 1);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn making_room_never_closes_a_statement_in_use() {
    let pool = builder(config().statement_cache(2), 1).build().unwrap();
    let conn = pool.get().await.unwrap();
    let long = "SELECT generate_series(1, 5000), 'long'";
    let mut stream = conn.query_stream(long, &[]).await.unwrap();
    stream.next().await.unwrap().unwrap();
    // More than enough to drive it out of the cache while it is half read. They wait for it in the pipeline.
    let others = async {
        for n in 0..8 {
            conn.query(&format!("SELECT {n}, 'other'"), &[]).await.unwrap();
        }
    };
    let rest = async {
        let mut rows = 1;
        while let Some(row) = stream.next().await {
            row.unwrap();
            rows += 1;
        }
        rows
    };
    let ((), rows) = tokio::join!(others, rest);
    assert_eq!(rows, 5000);
    drop(stream);
    assert_eq!(pool.status().statements.evictions, 7);
    assert_eq!(conn.statements(), 2);
    // Once nobody reads it any more, the server forgets it as well.
    assert_eq!(prepared(&conn, long).await.len(), 0);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_failed_prepare_leaves_nothing_behind() {
    let pool = pool(1);
    let conn = pool.get().await.unwrap();
    let missing = "SELECT * FROM not_there_yet_1";
    conn.query(missing, &[]).await.unwrap_err();
    assert_eq!(conn.statements(), 0);
    conn.batch_execute("CREATE TEMP TABLE not_there_yet_1 (id INT)").await.unwrap();
    assert!(conn.query(missing, &[]).await.unwrap().is_empty());
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_plan_that_changed_is_mended_unseen() {
    let pool = pool(2);
    let (conn, other) = (pool.get().await.unwrap(), pool.get().await.unwrap());
    other
        .batch_execute("DROP TABLE IF EXISTS plan_1; CREATE TABLE plan_1 (a INT); INSERT INTO plan_1 VALUES (1)")
        .await
        .unwrap();
    let text = "SELECT * FROM plan_1";
    assert_eq!(conn.query_one(text, &[]).await.unwrap().len(), 1);
    other.batch_execute("ALTER TABLE plan_1 ADD COLUMN b TEXT DEFAULT 'x'").await.unwrap();
    assert_eq!(conn.query_one(text, &[]).await.unwrap().len(), 2);
    assert_eq!(pool.status().statements.reprepares, 1);
    other.batch_execute("ALTER TABLE plan_1 ALTER COLUMN a TYPE BIGINT").await.unwrap();
    assert_eq!(conn.query_one(text, &[]).await.unwrap().get::<_, i64>(0), 1);
    assert_eq!(pool.status().statements.reprepares, 2);
    other.batch_execute("DROP TABLE plan_1").await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn parameters_that_changed_are_noticed_too() {
    let pool = pool(1);
    let mut conn = pool.get().await.unwrap();
    let text = "SELECT count(*) FROM plan_4 WHERE a = $1";
    conn.batch_execute("CREATE TEMP TABLE plan_4 (a INT); INSERT INTO plan_4 VALUES (1)").await.unwrap();
    assert_eq!(conn.query_one(text, &[&1]).await.unwrap().get::<_, i64>(0), 1);
    conn.batch_execute("ALTER TABLE plan_4 ALTER COLUMN a TYPE TEXT").await.unwrap();
    // The value does not fit the parameter as it was: the server need not be asked to see that.
    let tx = conn.transaction().await.unwrap();
    assert_eq!(tx.query_one(text, &[&"1"]).await.unwrap().get::<_, i64>(0), 1);
    tx.commit().await.unwrap();
    // A value that fits nothing is still an error, and so is a table that is gone.
    let unfit = conn.query_one(text, &[&1.5]).await.unwrap_err().to_string();
    assert!(unfit.contains("cannot convert") && unfit.contains("text"), "{unfit}");
    conn.batch_execute("DROP TABLE plan_4").await.unwrap();
    assert_eq!(conn.query_one(text, &[&"1"]).await.unwrap_err().code().unwrap().code(), "42P01");
    assert_eq!(conn.transaction_status(), TransactionStatus::Idle);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_plan_that_changed_is_not_hidden_in_a_transaction() {
    let pool = pool(2);
    let (mut conn, other) = (pool.get().await.unwrap(), pool.get().await.unwrap());
    other
        .batch_execute("DROP TABLE IF EXISTS plan_2; CREATE TABLE plan_2 (a INT); INSERT INTO plan_2 VALUES (1)")
        .await
        .unwrap();
    let text = "SELECT * FROM plan_2";
    conn.query(text, &[]).await.unwrap();
    other.batch_execute("ALTER TABLE plan_2 ADD COLUMN b TEXT").await.unwrap();
    let tx = conn.transaction().await.unwrap();
    let error = tx.query(text, &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "0A000");
    assert_eq!(tx.transaction_status(), TransactionStatus::Failed);
    tx.rollback().await.unwrap();
    // The second attempt finds it mended.
    let tx = conn.transaction().await.unwrap();
    assert_eq!(tx.query_one(text, &[]).await.unwrap().len(), 2);
    tx.commit().await.unwrap();
    assert_eq!(pool.status().statements.reprepares, 0);
    other.batch_execute("DROP TABLE plan_2").await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn statements_thrown_away_by_the_session_are_noticed() {
    let pool = pool(1);
    let conn = pool.get().await.unwrap();
    for away in ["DISCARD ALL", "DEALLOCATE ALL", "SELECT 1; DEALLOCATE PREPARE ALL; SELECT 2"] {
        conn.query("SELECT 1, 'kept'", &[]).await.unwrap();
        assert_eq!(conn.statements(), 1, "{away}");
        conn.batch_execute(away).await.unwrap();
        conn.query("SELECT 1, 'kept'", &[]).await.unwrap();
        assert_eq!(conn.statements(), 1, "{away}");
    }
    // Seen in the answer, so nothing was ever rejected.
    assert_eq!(pool.status().statements.reprepares, 0);
    assert_eq!(pool.status().statements.misses, 4);

    // One that goes alone is noticed when it is missed.
    let name = prepared(&conn, "SELECT 1, 'kept'").await.remove(0);
    conn.batch_execute(&format!("DEALLOCATE {name}")).await.unwrap();
    assert_eq!(conn.query_one("SELECT 1, 'kept'", &[]).await.unwrap().get::<_, i32>(0), 1);
    assert_eq!(pool.status().statements.reprepares, 1);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn nothing_is_kept_if_nothing_may_be() {
    let pool = builder(config().statement_cache(0), 1).build().unwrap();
    let conn = pool.get().await.unwrap();
    for _ in 0..3 {
        conn.query("SELECT 1, 'not kept'", &[]).await.unwrap();
    }
    assert_eq!((conn.statements(), prepared(&conn, "SELECT 1, 'not kept'").await.len()), (0, 0));
    assert_eq!(pool.status().statements.hits, 0);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn transactions_are_kept_or_undone() {
    let pool = pool(1);
    let mut conn = pool.get().await.unwrap();
    conn.batch_execute("CREATE TEMP TABLE t (id INT PRIMARY KEY)").await.unwrap();
    let insert = "INSERT INTO t VALUES ($1)";

    let mut tx = conn.transaction().await.unwrap();
    assert_eq!(tx.transaction_status(), TransactionStatus::Open);
    tx.execute(insert, &[&1]).await.unwrap();
    let point = tx.transaction().await.unwrap();
    point.execute(insert, &[&2]).await.unwrap();
    point.execute(insert, &[&2]).await.unwrap_err();
    drop(point);
    let point = tx.transaction().await.unwrap();
    point.execute(insert, &[&3]).await.unwrap();
    point.commit().await.unwrap();
    let point = tx.transaction().await.unwrap();
    point.execute(insert, &[&4]).await.unwrap();
    point.rollback().await.unwrap();
    tx.commit().await.unwrap();

    let tx = conn.transaction().await.unwrap();
    tx.execute(insert, &[&5]).await.unwrap();
    drop(tx);
    // The rollback was sent before this.
    let ids: Vec<i32> =
        conn.query("SELECT id FROM t ORDER BY id", &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(ids, [1, 3]);

    let tx = conn.transaction().await.unwrap();
    tx.execute(insert, &[&1]).await.unwrap_err();
    assert_eq!(tx.transaction_status(), TransactionStatus::Failed);
    assert!(matches!(tx.commit().await, Err(Error::RolledBack)));
    assert_eq!(conn.transaction_status(), TransactionStatus::Idle);

    use covet_pool::postgres::tokio_postgres::IsolationLevel;
    let tx = conn.build_transaction().isolation_level(IsolationLevel::Serializable).read_only(true).deferrable(true);
    let tx = tx.begin().await.unwrap();
    let level = tx.query_one("SHOW transaction_isolation", &[]).await.unwrap();
    assert_eq!(level.get::<_, &str>(0), "serializable");
    let refused = tx.batch_execute("CREATE TABLE never_made (id INT)").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "25006");
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_deferred_constraint_fails_the_commit() {
    let pool = pool(1);
    let mut conn = pool.get().await.unwrap();
    conn.batch_execute("CREATE TEMP TABLE d (id INT UNIQUE DEFERRABLE INITIALLY DEFERRED)").await.unwrap();
    let tx = conn.transaction().await.unwrap();
    tx.batch_execute("INSERT INTO d VALUES (1), (1)").await.unwrap();
    assert!(tx.commit().await.unwrap_err().is_unique_violation());
    assert_eq!(conn.transaction_status(), TransactionStatus::Idle);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn no_transaction_is_inherited() {
    let pool = pool(1);
    let mut conn = pool.get().await.unwrap();
    let first = pid(&conn).await;
    conn.batch_execute("CREATE TEMP TABLE i (id INT)").await.unwrap();
    let tx = conn.transaction().await.unwrap();
    tx.execute("INSERT INTO i VALUES (1)", &[]).await.unwrap();
    drop(tx);
    drop(conn);
    // By whatever means it was opened, and in whatever state it is.
    for opening in ["BEGIN", "SELECT 1; START TRANSACTION; INSERT INTO i VALUES (2)", "BEGIN; SELECT 1 / 0"] {
        let conn = pool.get().await.unwrap();
        let _ = conn.batch_execute(opening).await;
        assert_ne!(conn.transaction_status(), TransactionStatus::Idle, "{opening}");
    }
    for opening in ["BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE"] {
        let conn = pool.get().await.unwrap();
        conn.execute(opening, &[]).await.unwrap();
        conn.execute("INSERT INTO i VALUES (3)", &[]).await.unwrap();
    }
    let conn = pool.get().await.unwrap();
    conn.client().batch_execute("BEGIN; INSERT INTO i VALUES (4)").await.unwrap();
    drop(conn);
    let conn = pool.get().await.unwrap();
    assert_eq!(conn.transaction_status(), TransactionStatus::Idle);
    assert_eq!(conn.query_one("SELECT count(*) FROM i", &[]).await.unwrap().get::<_, i64>(0), 0);
    assert_eq!((pid(&conn).await, pool.status().created), (first, 1));
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn sessions_are_kept_or_cleaned_as_asked() {
    use covet_pool::postgres::SessionReset;
    let change = "SET application_name = 'changed'; LISTEN news; CREATE TEMP TABLE left_1 (id INT); SELECT pg_advisory_lock(4711)";
    let traces = "SELECT (current_setting('application_name') = 'changed')::int + (SELECT count(*) FROM pg_listening_channels()) \
         + (to_regclass('left_1') IS NOT NULL)::int \
         + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())";
    for (reset, expected) in [(SessionReset::Keep, 4_i64), (SessionReset::Clean, 0)] {
        let pool = builder(config().session_reset(reset), 1).build().unwrap();
        let conn = pool.get().await.unwrap();
        conn.query(traces, &[]).await.unwrap();
        conn.batch_execute(change).await.unwrap();
        drop(conn);
        let conn = pool.get().await.unwrap();
        assert_eq!(conn.query_one(traces, &[]).await.unwrap().get::<_, i64>(0), expected, "{reset:?}");
        // Its statements are kept in both cases.
        assert_eq!((pool.status().statements.hits, pool.status().created), (1, 1), "{reset:?}");
        conn.batch_execute("SELECT pg_advisory_unlock_all()").await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn copying_does_not_confuse_the_books() {
    let pool = pool(1);
    let conn = pool.get().await.unwrap();
    let first = pid(&conn).await;
    conn.batch_execute("CREATE TEMP TABLE c (id INT)").await.unwrap();
    let sink = conn.client().copy_in::<_, &'static [u8]>("COPY c FROM STDIN").await.unwrap();
    std::pin::pin!(sink).finish().await.unwrap();
    drop(conn);
    let conn = pool.get().await.unwrap();
    assert_eq!(pid(&conn).await, first);
    drop(conn.client().copy_in::<_, &'static [u8]>("COPY c FROM STDIN").await.unwrap());
    drop(conn);
    let conn = pool.get().await.unwrap();
    assert_eq!(pid(&conn).await, first);
    // A batch cannot give the data that it asks for: that connection is of no use any more.
    let _ = conn.batch_execute("COPY c FROM STDIN").await;
    drop(conn);
    let conn = pool.get().await.unwrap();
    assert_ne!(pid(&conn).await, first);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn a_connection_that_is_lost_is_replaced_before_anybody_gets_it() {
    let pool = pool(2);
    let (one, two) = (pool.get().await.unwrap(), pool.get().await.unwrap());
    let victim = pid(&one).await;
    drop(one);
    two.execute("SELECT pg_terminate_backend($1)", &[&victim]).await.unwrap();
    let alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
    pg::until("the session is gone", async || two.query_one(alive, &[&victim]).await.unwrap().get::<_, i64>(0) == 0)
        .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    // Well within the time for which a connection is not checked.
    let conn = pool.get().await.unwrap();
    assert_ne!(pid(&conn).await, victim);
    assert_eq!(pool.status().size, 2);
    drop(two);
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn who_cannot_connect_is_told_why() {
    let right = pg::address();
    let (user, rest) = right.rsplit_once('@').unwrap();
    let wrong = format!("{}:not-the-pass-word@{rest}", user.rsplit_once(':').unwrap().0);
    let pool = builder(wrong.parse().unwrap(), 1).build().unwrap();
    let error = pool.get().await.unwrap_err().to_string();
    assert!(error.contains("28P01") && error.contains("user `covet`"), "{error}");
    assert!(!error.contains("not-the-pass-word"), "{error}");

    let nobody = "postgres://me:pass-word@127.0.0.1:1/x";
    let pool = builder(nobody.parse().unwrap(), 1).acquire_timeout(Duration::from_secs(5)).build().unwrap();
    let error = pool.get().await.unwrap_err();
    let text = format!("{error} {error:?} {pool:?} {:?}", pool.manager());
    assert!(text.contains("127.0.0.1:1") && text.contains("refused"), "{text}");
    assert!(!text.contains("pass-word"), "{text}");
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let pool = builder("postgres://me@127.0.0.1:1/x".parse().unwrap(), 1).build().unwrap();
    let error = pool.get_blocking().unwrap_err().to_string();
    assert!(error.contains("tokio runtime"), "{error}");
}
