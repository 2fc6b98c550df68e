//! The stores against what covet-auth asks of them, across restarts of the database.

use std::sync::Arc;

use covet_auth::{
    Blacklist, BlacklistConfig, Family, FamilyStore, FingerprintKey, ManualClock, Revocations, StoredBlacklist,
    StoredError, TokenFacts,
};
use covet_pool::sqlite::SqlitePool;

use super::{SqliteFamilies, SqliteRevocations};

const ISSUER: &str = "https://id.example";

fn token(jti: &str, exp: u64) -> TokenFacts {
    TokenFacts::builder().issuer(ISSUER).id(jti).issued_at(1000).expires_at(exp).build()
}

async fn open(
    path: &std::path::Path,
    clock: &ManualClock,
    key: [u8; 16],
) -> Result<StoredBlacklist<SqliteRevocations>, StoredError<covet_pool::sqlite::Error>> {
    let store = SqliteRevocations::open(SqlitePool::open(path).unwrap()).await.unwrap();
    let config = BlacklistConfig::new().key(FingerprintKey::from_bytes(key)).clock(clock.shared());
    StoredBlacklist::open(Blacklist::new(config).unwrap(), store).await
}

#[tokio::test]
async fn what_was_revoked_is_refused_after_a_restart_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let clock = ManualClock::at(1000);
    {
        let revoked = open(&path, &clock, *b"0123456789abcdef").await.unwrap();
        // More than one page.
        for i in 0..2500 {
            revoked.revoke_facts(&token(&i.to_string(), 1500 + i)).await.unwrap();
        }
        revoked.revoke_subject(ISSUER, "ada").await.unwrap();
    }
    let revoked = open(&path, &clock, *b"0123456789abcdef").await.unwrap();
    for i in 0..2500 {
        assert!(revoked.check(&token(&i.to_string(), 1500 + i)).is_err(), "{i}");
    }
    assert!(revoked.check(&token("another", 1500)).is_ok());
    let of_ada = TokenFacts::builder().issuer(ISSUER).subject("ada").id("x").issued_at(999).expires_at(1500).build();
    assert!(revoked.check(&of_ada).is_err());
}

#[tokio::test]
async fn another_key_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let clock = ManualClock::at(1000);
    drop(open(&path, &clock, [1; 16]).await.unwrap());
    assert!(matches!(open(&path, &clock, [2; 16]).await, Err(StoredError::OtherKey)));
}

#[tokio::test]
async fn lapsed_records_leave_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let clock = ManualClock::at(1000);
    let revoked = open(&path, &clock, [1; 16]).await.unwrap();
    revoked.revoke_facts(&token("short", 1100)).await.unwrap();
    revoked.revoke_facts(&token("long", 90_000)).await.unwrap();
    clock.set(50_000);
    revoked.expire().await.unwrap();
    let db = SqlitePool::open(&path).unwrap();
    let left: i64 =
        db.read(|conn| conn.query_row("SELECT count(*) FROM covet_revocation", [], |row| row.get(0))).unwrap();
    assert_eq!(left, 1);
    assert!(revoked.check(&token("long", 90_000)).is_err());
}

#[tokio::test]
async fn a_damaged_record_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let clock = ManualClock::at(1000);
    drop(open(&path, &clock, [1; 16]).await.unwrap());
    let db = SqlitePool::open(&path).unwrap();
    db.write(|conn| conn.execute("INSERT INTO covet_revocation VALUES (x'ff', NULL)", [])).unwrap();
    assert!(matches!(open(&path, &clock, [1; 16]).await, Err(StoredError::Store(_))));
}

#[tokio::test]
async fn families_swap_only_at_the_expected_revision() {
    let families = SqliteFamilies::open(SqlitePool::open(":memory:").unwrap()).await.unwrap();
    let first = Family {
        subject: "ada".into(),
        started_at: 1,
        expires_at: 100,
        rotated_at: 1,
        counter: u64::MAX,
        revoked: false,
        revision: u64::MAX - 1,
    };
    assert!(families.insert("s", &first).await.unwrap());
    assert!(!families.insert("s", &first).await.unwrap());
    assert_eq!(families.load("s").await.unwrap(), Some(first.clone()));
    assert_eq!(families.load("t").await.unwrap(), None);
    let next = Family { revision: u64::MAX, counter: 3, revoked: true, ..first.clone() };
    assert!(!families.compare_and_swap("s", 5, &next).await.unwrap());
    assert!(families.compare_and_swap("s", first.revision, &next).await.unwrap());
    assert!(!families.compare_and_swap("s", first.revision, &next).await.unwrap());
    assert_eq!(families.load("s").await.unwrap(), Some(next));
    assert_eq!(families.remove_expired(100).await.unwrap(), 0);
    assert_eq!(families.remove_expired(101).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_concurrent_swaps_one_wins() {
    let families = Arc::new(SqliteFamilies::open(SqlitePool::open(":memory:").unwrap()).await.unwrap());
    let first = Family {
        subject: "ada".into(),
        started_at: 1,
        expires_at: 100,
        rotated_at: 1,
        counter: 0,
        revoked: false,
        revision: 0,
    };
    families.insert("s", &first).await.unwrap();
    let swaps: Vec<_> = (0..32)
        .map(|i| {
            let (families, next) = (families.clone(), Family { counter: i + 1, revision: 1, ..first.clone() });
            tokio::spawn(async move { families.compare_and_swap("s", 0, &next).await.unwrap() })
        })
        .collect();
    let mut won = 0;
    for swap in swaps {
        won += u32::from(swap.await.unwrap());
    }
    assert_eq!(won, 1);
}
