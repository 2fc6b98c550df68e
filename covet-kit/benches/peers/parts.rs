//! The steps of a request, each in our way and in the peers' way, so that any of them can be put together.
//!
//! A request is a path and an `Authorization` header; what comes out is the encoded row. Both sides have the same routes, the same
//! tokens (HS256, verified with `iss`, `aud`, `exp` each time), as many revoked ones, the same rows, and their own defaults.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use covet_bench::workload::sql::{self, SCHEMA, SELECT_ONE};
use covet_bench::workload::tokens::{self, AUDIENCE, ISSUER};
use covet_kit::auth::{Algorithm, Blacklist, BlacklistConfig, Guard, SigningKey, TokenFacts, Verifier, bearer};
use covet_kit::cache::{CacheKey, QueryCache};
use covet_kit::pool::sqlite::rusqlite::{self, Connection, Row};
use covet_kit::pool::sqlite::{self, SqlitePool};
use covet_kit::rows::RowsJson;
use http::Method;
use jsonwebtoken::{DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};

pub(crate) const ROWS: u64 = 10_000;
const REVOKED: u64 = 100_000;
const SECRET: [u8; 64] = [7; 64];
const DAY: Duration = Duration::from_secs(86_400);

/// The routes of a small service; the answer is what a match leads to.
const ROUTES: [(&str, &str); 12] = [
    ("/", "/"),
    ("/health", "/health"),
    ("/login", "/login"),
    ("/users", "/users"),
    ("/users/{id}", "/users/{id:u64}"),
    ("/users/{id}/orders", "/users/{id:u64}/orders"),
    ("/items", "/items"),
    ("/items/{id}", "/items/{id:i64}"),
    ("/items/{id}/notes", "/items/{id:i64}/notes"),
    ("/items/{id}/notes/{note}", "/items/{id:i64}/notes/{note:u64}"),
    ("/orders/{id}", "/orders/{id:u64}"),
    ("/assets/{*path}", "/assets/{*path}"),
];
/// Which of them leads to the row of an item.
const ITEM: usize = 7;

/// A row as a struct. SQLite has no booleans, so that `active` is a number on every side.
#[derive(Serialize)]
pub(crate) struct Item {
    id: i64,
    name: String,
    category: String,
    price: f64,
    quantity: i64,
    active: i64,
    note: Option<String>,
    created: String,
}

pub(crate) fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        id: row.get(0)?,
        name: row.get(1)?,
        category: row.get(2)?,
        price: row.get(3)?,
        quantity: row.get(4)?,
        active: row.get(5)?,
        note: row.get(6)?,
        created: row.get(7)?,
    })
}

/// What a handler wants to know of a token.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    jti: String,
}

/// What the callers send.
pub(crate) struct Requests {
    pub(crate) paths: Vec<String>,
    pub(crate) headers: Vec<String>,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The workload's tokens live around a fixed time; this brings them to the present.
fn shift() -> u64 {
    now() - tokens::NOW + 600
}

fn signing_key() -> SigningKey {
    SigningKey::secret("k1", Algorithm::HS256, &SECRET).unwrap()
}

impl Requests {
    pub(crate) fn new() -> Self {
        let shift = shift();
        let key = signing_key();
        let header = |n| {
            let claims = tokens::claims(REVOKED + n);
            let claims = tokens::Claims { iat: claims.iat + shift, exp: claims.exp + shift, ..claims };
            format!("Bearer {}", key.sign(&claims).unwrap())
        };
        let paths = sql::keys(ROWS, 4000, 2).into_iter().map(|id| format!("/items/{id}")).collect();
        Self { paths, headers: (0..1000).map(header).collect() }
    }
}

pub(crate) enum Routing {
    Covet(covet_kit::router::Router<usize>),
    Matchit(matchit::Router<usize>),
}

impl Routing {
    pub(crate) fn covet() -> Self {
        let mut builder = covet_kit::router::Router::builder();
        for (index, (_, pattern)) in ROUTES.iter().enumerate() {
            builder.route(&Method::GET, pattern, index).unwrap();
        }
        Self::Covet(builder.build().unwrap())
    }

    pub(crate) fn matchit() -> Self {
        let mut router = matchit::Router::new();
        for (index, (pattern, _)) in ROUTES.iter().enumerate() {
            router.insert(*pattern, index).unwrap();
        }
        Self::Matchit(router)
    }

    /// The number in the path of an item.
    fn item(&self, path: &str) -> i64 {
        match self {
            Self::Covet(router) => {
                let found = router.find(&Method::GET, path).unwrap();
                assert_eq!(*found.value, ITEM);
                found.params.parse("id").unwrap()
            }
            Self::Matchit(router) => {
                let found = router.at(path).unwrap();
                assert_eq!(*found.value, ITEM);
                found.params.get("id").unwrap().parse().unwrap()
            }
        }
    }
}

pub(crate) enum Tokens {
    Covet(Box<Guard<Blacklist>>),
    Jsonwebtoken { key: DecodingKey, rules: Box<Validation>, revoked: moka::sync::Cache<String, u64> },
}

/// A moka entry that lives as long as its token.
struct UntilExpiry;

impl moka::Expiry<String, u64> for UntilExpiry {
    fn expire_after_create(&self, _: &String, exp: &u64, _: Instant) -> Option<Duration> {
        Some(Duration::from_secs(exp.saturating_sub(now())))
    }
}

impl Tokens {
    pub(crate) fn covet() -> Self {
        let blacklist = Blacklist::new(BlacklistConfig::new().max_lifetime(DAY)).unwrap();
        for (id, exp) in tokens::revocations(REVOKED) {
            let facts = TokenFacts::builder().issuer(ISSUER).id(&id).expires_at(exp + shift()).build();
            blacklist.revoke_facts(&facts).unwrap();
        }
        let verifier = Verifier::builder()
            .key(signing_key().verify_key())
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .max_lifetime(DAY)
            .build()
            .unwrap();
        Self::Covet(Box::new(Guard::new(verifier, blacklist).unwrap()))
    }

    pub(crate) fn jsonwebtoken_and_moka() -> Self {
        let revoked = moka::sync::Cache::builder().expire_after(UntilExpiry).build();
        for (id, exp) in tokens::revocations(REVOKED) {
            revoked.insert(id, exp + shift());
        }
        revoked.run_pending_tasks();
        let mut rules = Validation::new(jsonwebtoken::Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud"]);
        rules.leeway = 30;
        Self::Jsonwebtoken { key: DecodingKey::from_secret(&SECRET), rules: Box::new(rules), revoked }
    }

    /// Checks the header; the length of the subject stands for a handler's interest in it.
    fn subject(&self, authorization: &str) -> usize {
        let token = bearer(Some(authorization)).unwrap();
        match self {
            Self::Covet(guard) => {
                let verified = guard.authenticate::<Claims>(token).unwrap();
                verified.claims().sub.len() + verified.claims().jti.len()
            }
            Self::Jsonwebtoken { key, rules, revoked } => {
                let claims = decode::<Claims>(token, key, rules).unwrap().claims;
                assert!(!revoked.contains_key(&claims.jti));
                claims.sub.len() + claims.jti.len()
            }
        }
    }
}

pub(crate) enum Database {
    Covet(SqlitePool),
    Deadpool(deadpool_sqlite::Pool),
}

impl Database {
    pub(crate) fn covet(folder: &std::path::Path) -> Self {
        Self::Covet(SqlitePool::open(fill(folder, "covet.db")).unwrap())
    }

    /// On the runtime that is entered: deadpool-sqlite closes its connections there.
    pub(crate) fn deadpool(folder: &std::path::Path) -> Self {
        let config = deadpool_sqlite::Config::new(fill(folder, "deadpool.db"));
        Self::Deadpool(config.create_pool(deadpool_sqlite::Runtime::Tokio1).unwrap())
    }
}

/// A database with a write-ahead log and all rows, for one side alone.
pub(crate) fn fill(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    if !path.exists() {
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL").unwrap();
        conn.execute_batch(SCHEMA).unwrap();
        conn.execute_batch(&format!("BEGIN; {} COMMIT", sql::fill(ROWS))).unwrap();
    }
    path
}

#[derive(Clone)]
pub(crate) enum Encoding {
    Rows(RowsJson),
    CovetJson,
    SerdeJson,
}

impl Encoding {
    fn item(&self, item: &Item) -> Bytes {
        match self {
            Self::SerdeJson => serde_json::to_vec(item).unwrap().into(),
            Self::Rows(_) | Self::CovetJson => covet_kit::json::to_vec(item).unwrap().into(),
        }
    }
}

/// A result cache in front of the database.
pub(crate) enum Cache {
    None,
    Covet(QueryCache<sqlite::Error>),
    Moka(moka::future::Cache<i64, Bytes>),
}

impl Cache {
    pub(crate) fn covet() -> Self {
        Self::Covet(QueryCache::builder().ttl(DAY).build().unwrap())
    }

    pub(crate) fn moka() -> Self {
        // Weighed and with a time to live, as ours.
        let cache =
            moka::future::Cache::builder().max_capacity(64 << 20).weigher(|_: &i64, body: &Bytes| body.len() as u32);
        Self::Moka(cache.time_to_live(DAY).build())
    }
}

/// A service put together from parts.
pub(crate) struct Service {
    pub(crate) routing: Routing,
    pub(crate) tokens: Tokens,
    pub(crate) database: Database,
    pub(crate) encoding: Encoding,
    pub(crate) cache: Cache,
}

impl Service {
    /// Answers one request.
    pub(crate) async fn answer(self: &Arc<Self>, path: &str, authorization: &str) -> Bytes {
        let id = self.routing.item(path);
        assert!(self.tokens.subject(authorization) > 0);
        match &self.cache {
            Cache::None => self.load(id).await,
            Cache::Covet(cache) => {
                let key = CacheKey::new("item").param(id).build();
                let load = move |this: Arc<Self>| async move { Ok(Some(this.load(id).await)) };
                cache.entry(&key).tags(&["table:items"]).load_with(self, load).await.unwrap().body.unwrap()
            }
            Cache::Moka(cache) => {
                let load = async { Ok::<_, sqlite::Error>(self.load(id).await) };
                cache.try_get_with(id, load).await.unwrap()
            }
        }
    }

    async fn load(&self, id: i64) -> Bytes {
        match (&self.database, &self.encoding) {
            (Database::Covet(db), Encoding::Rows(rows)) => {
                let found = db.read_inline(|conn| Ok(rows.query_one(conn, SELECT_ONE, [id])?)).await;
                found.unwrap().unwrap().into()
            }
            (Database::Covet(db), encoding) => {
                encoding.item(&db.read_inline(|conn| conn.query_row(SELECT_ONE, [id], item)).await.unwrap())
            }
            (Database::Deadpool(pool), encoding) => {
                let conn = pool.get().await.unwrap();
                let select = move |conn: &mut Connection| conn.prepare_cached(SELECT_ONE)?.query_row([id], item);
                encoding.item(&conn.interact(select).await.unwrap().unwrap())
            }
        }
    }
}
