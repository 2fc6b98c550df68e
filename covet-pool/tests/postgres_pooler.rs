//! PostgreSQL: behind a pooler in transaction mode, which hands each transaction to another session.

#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod pg;

use covet_pool::postgres::{Error, PostgresConfig, TransactionStatus};
use pg::{address, builder};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A message as it is on the wire, and its tag.
async fn message(stream: &mut TcpStream, tagged: bool) -> io::Result<(u8, Vec<u8>)> {
    let mut bytes = vec![0; if tagged { 5 } else { 4 }];
    stream.read_exact(&mut bytes).await?;
    let head = bytes.len();
    let length = u32::from_be_bytes(bytes[head - 4..].try_into().unwrap()) as usize;
    bytes.resize(head + length - 4, 0);
    stream.read_exact(&mut bytes[head..]).await?;
    Ok((if tagged { bytes[0] } else { 0 }, bytes))
}

/// Passes on what the server says until it is ready. The state of its transaction.
async fn answer(server: &mut TcpStream, mut client: Option<&mut TcpStream>) -> io::Result<u8> {
    loop {
        let (tag, bytes) = message(server, true).await?;
        if let Some(client) = &mut client {
            client.write_all(&bytes).await?;
        }
        if tag == b'Z' {
            return Ok(bytes[5]);
        }
    }
}

/// Serves one client with two sessions in turn.
async fn serve(mut client: TcpStream, server: String) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (_, startup) = message(&mut client, false).await?;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let mut session = TcpStream::connect(&server).await?;
        session.set_nodelay(true)?;
        session.write_all(&startup).await?;
        sessions.push(session);
    }
    // The password goes to both in the clear, as the test's server asks for it.
    let (_, ask) = message(&mut sessions[0], true).await?;
    message(&mut sessions[1], true).await?;
    client.write_all(&ask).await?;
    let (_, password) = message(&mut client, true).await?;
    for session in &mut sessions {
        session.write_all(&password).await?;
    }
    answer(&mut sessions[1], None).await?;
    answer(&mut sessions[0], Some(&mut client)).await?;
    for turn in 0.. {
        let session = &mut sessions[turn % 2];
        loop {
            let (tag, bytes) = message(&mut client, true).await?;
            session.write_all(&bytes).await?;
            if matches!(tag, b'Q' | b'S') && answer(session, Some(&mut client)).await? == b'I' {
                break;
            }
        }
    }
    Ok(())
}

/// The settings for a server that is reached by way of a pooler.
async fn pooled() -> PostgresConfig {
    let (user, rest) = address().rsplit_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (server, database) = rest.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, server.clone()));
        }
    });
    format!("{user}@127.0.0.1:{port}/{database}?sslmode=disable").parse().unwrap()
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn the_pooler_is_one() {
    // Without the mode for it, the statement is prepared in one session and sought in the other.
    let pool = builder(pooled().await, 1).build().unwrap();
    let conn = pool.get().await.unwrap();
    let error = conn.query("SELECT $1::int", &[&1]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "26000");
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn everything_works_and_nothing_is_left_prepared() {
    let pool = builder(pooled().await.transaction_pooler(true), 1).build().unwrap();
    let mut conn = pool.get().await.unwrap();
    conn.batch_execute("DROP TABLE IF EXISTS pooled_1; CREATE TABLE pooled_1 (id INT PRIMARY KEY, name TEXT)")
        .await
        .unwrap();
    for n in 0..10 {
        assert_eq!(conn.execute("INSERT INTO pooled_1 VALUES ($1, $2)", &[&n, &"x"]).await.unwrap(), 1);
    }
    let error = conn.execute("INSERT INTO pooled_1 VALUES ($1, $2)", &[&3, &"x"]).await.unwrap_err();
    assert!(error.is_unique_violation());
    let row = conn.query_one("SELECT count(*), max(name) FROM pooled_1 WHERE id > $1", &[&4]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, &str>(1)), (5, "x"));
    let wrong = conn.query("SELECT $1::int", &[]).await.unwrap_err();
    assert!(matches!(wrong, Error::Parameters { expected: 1, given: 0 }));
    conn.query("SELECT nothing FROM pooled_1 WHERE id = $1", &[&1]).await.unwrap_err();
    assert_eq!(conn.transaction_status(), TransactionStatus::Idle);

    let tx = conn.transaction().await.unwrap();
    tx.execute("UPDATE pooled_1 SET name = $1", &[&"y"]).await.unwrap();
    assert_eq!(tx.query_one("SELECT min(name) FROM pooled_1", &[]).await.unwrap().get::<_, &str>(0), "y");
    drop(tx);
    assert_eq!(conn.query_one("SELECT min(name) FROM pooled_1", &[]).await.unwrap().get::<_, &str>(0), "x");
    let mut rows = conn.query_stream("SELECT id FROM pooled_1 WHERE id < $1", &[&5]).await.unwrap();
    let mut count = 0;
    while let Some(row) = rows.next().await {
        row.unwrap();
        count += 1;
    }
    assert_eq!(count, 5);
    drop(rows);
    // Both sessions, one after the other.
    for _ in 0..2 {
        let left = conn.query_one("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''", &[]).await.unwrap();
        assert_eq!(left.get::<_, i64>(0), 0);
    }
    conn.batch_execute("DROP TABLE pooled_1").await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn types_are_learned_anew_when_they_change() {
    let pool = builder(pooled().await.transaction_pooler(true), 1).build().unwrap();
    let conn = pool.get().await.unwrap();
    conn.batch_execute(
        "DROP TABLE IF EXISTS pooled_2; CREATE TABLE pooled_2 (id INT); INSERT INTO pooled_2 VALUES (1)",
    )
    .await
    .unwrap();
    let text = "SELECT id FROM pooled_2 WHERE id = $1";
    assert_eq!(conn.query_one(text, &[&1]).await.unwrap().get::<_, i32>(0), 1);
    conn.batch_execute("ALTER TABLE pooled_2 ALTER COLUMN id TYPE TEXT").await.unwrap();
    assert_eq!(conn.query_one(text, &[&"1"]).await.unwrap_or_else(|error| panic!("{error}")).get::<_, &str>(0), "1");
    conn.batch_execute("DROP TABLE pooled_2").await.unwrap();
}

#[tokio::test]
#[ignore = "needs PostgreSQL"]
async fn shared_connections_work_behind_it_too() {
    let pool = builder(pooled().await.transaction_pooler(true).shared(1, 8), 2).build().unwrap();
    let shared = pool.shared();
    let ask = async |n: i32| shared.query_one("SELECT $1 * 2", &[&n]).await.unwrap().get::<_, i32>(0);
    assert_eq!(tokio::join!(ask(1), ask(2), ask(3)), (2, 4, 6));
    assert_eq!(tokio::join!(ask(4), ask(5), ask(6)), (8, 10, 12));
}
