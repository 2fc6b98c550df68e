//! The four jobs in one request, one after the other on one thread: match the path, verify the token and look it up among
//! the revoked, read rows, encode them. Ours against an assembly of good peers, and that assembly with one part of ours
//! at a time, which shows what each part is worth to a whole request. Of the peers each job has its fastest, and nothing
//! waits; `covet-kit`'s own bench has 64 tasks on a runtime, beside what most services are made of.

use std::path::Path;
use std::time::{Duration, Instant};

use covet_auth::{Algorithm, Blacklist, BlacklistConfig, Guard, SigningKey, TokenFacts, Verifier};
use covet_bench::workload::routes;
use covet_bench::workload::sql::{self, Item, SELECT_100, SELECT_ONE};
use covet_bench::workload::tokens::{self, Claims, ISSUER};
use covet_bench::{Answer, Bench, Group};
use covet_pool::sqlite::SqlitePool;
use covet_pool::sqlite::rusqlite::{self, Connection, Row};
use jsonwebtoken::{DecodingKey, Validation, decode};
use r2d2_sqlite::SqliteConnectionManager;

use crate::tokens::{now, validation};

const ROWS: u64 = 10_000;
const REVOKED: u64 = 100_000;
const REQUESTS: u64 = 128;
const SECRET: [u8; 64] = [7; 64];

/// A request as it comes in.
struct Request {
    path: String,
    token: String,
}

/// What a matched route does.
#[derive(Clone, Copy)]
enum Action {
    One,
    Hundred,
    Other,
}

trait Routes {
    fn find(&self, path: &str) -> Option<(Action, i64)>;
}

trait Tokens {
    fn allows(&self, token: &str) -> bool;
}

trait Rows {
    fn one(&self, id: i64) -> Option<Item>;
    fn hundred(&self, id: i64) -> Vec<Item>;
}

trait Encode {
    fn items(&self, items: &[Item]) -> Option<Vec<u8>>;
}

/// The whole request.
fn serve(
    routes: &impl Routes,
    tokens: &impl Tokens,
    rows: &impl Rows,
    json: &impl Encode,
    request: &Request,
) -> Option<Vec<u8>> {
    let (action, id) = routes.find(&request.path)?;
    if !tokens.allows(&request.token) {
        return None;
    }
    match action {
        Action::One => json.items(&[rows.one(id)?]),
        Action::Hundred => json.items(&rows.hundred(id)),
        Action::Other => None,
    }
}

pub(crate) fn groups(bench: &mut Bench) {
    for (name, path) in [("one row", "/items"), ("100 rows", "/items/from")] {
        group(bench, &format!("composed: {name}"), path);
    }
}

fn group(bench: &mut Bench, name: &str, path: &str) {
    // Declared before the group, which borrows them; made after, so that a filtered group costs nothing.
    let (folder, ours, peers, requests): (tempfile::TempDir, Ours, Peers, Vec<Request>);
    let revoked = if bench.only_verifies() { 1_000 } else { REVOKED };
    let Some(mut group) = bench.group(name) else { return };
    folder = tempfile::tempdir().expect("a folder");
    let key = SigningKey::secret("key", Algorithm::HS256, &SECRET).expect("a key");
    ours = Ours::new(&key, revoked, &folder.path().join("ours.db"));
    peers = Peers::new(revoked, &folder.path().join("peers.db"));
    let shift = now() - tokens::NOW + 600;
    requests = (0..REQUESTS)
        .zip(sql::keys(ROWS - 100, REQUESTS as usize, 9))
        .map(|(n, id)| {
            let claims = tokens::claims(revoked + n);
            let claims = Claims { iat: claims.iat + shift, exp: claims.exp + shift, ..claims };
            Request { path: format!("{path}/{id}"), token: key.sign(&claims).expect("a token") }
        })
        .collect();
    let (o, p, requests) = (&ours, &peers, requests.as_slice());
    add(&mut group, "all Covet", requests, move |request| serve(&o.routes, &o.tokens, &o.rows, &OurJson, request))
        .ours();
    add(&mut group, "best peers", requests, move |request| serve(&p.routes, &p.tokens, &p.rows, &PeerJson, request))
        .note("matchit, jsonwebtoken with moka, r2d2 with rusqlite's statement cache, sonic-rs");
    add(&mut group, "peers, our router", requests, move |request| {
        serve(&o.routes, &p.tokens, &p.rows, &PeerJson, request)
    })
    .ours();
    add(&mut group, "peers, our tokens", requests, move |request| {
        serve(&p.routes, &o.tokens, &p.rows, &PeerJson, request)
    })
    .ours();
    add(&mut group, "peers, our pool", requests, move |request| {
        serve(&p.routes, &p.tokens, &o.rows, &PeerJson, request)
    })
    .ours();
    add(&mut group, "peers, our JSON", requests, move |request| {
        serve(&p.routes, &p.tokens, &p.rows, &OurJson, request)
    })
    .ours();
    group.baseline("best peers");
    group.run();
    ours.rows.0.close_blocking();
}

fn add<'g, 'a>(
    group: &'g mut Group<'a>,
    name: &str,
    requests: &'a [Request],
    serve: impl FnMut(&Request) -> Option<Vec<u8>> + 'a,
) -> &'g mut covet_bench::About {
    let check = |body: &Option<Vec<u8>>| body.as_deref().map_or_else(|| Answer::from("refused"), Answer::json);
    // No package bears these names: their parts' versions stand in the tables of the parts.
    group.contender_each(name, requests, serve, check).package("")
}

struct Ours {
    routes: covet_router::Router<Action>,
    tokens: OurTokens,
    rows: OurRows,
}

struct Peers {
    routes: matchit::Router<Action>,
    tokens: PeerTokens,
    rows: PeerRows,
}

/// The routes of both: those of the workload, and ours among them.
fn templates() -> impl Iterator<Item = (String, Action)> {
    let others = routes::rest130().paths().into_iter().map(|(path, _)| (path, Action::Other));
    others.chain([("/items/{p1}".to_owned(), Action::One), ("/items/from/{p1}".to_owned(), Action::Hundred)])
}

impl Ours {
    fn new(key: &SigningKey, revoked: u64, file: &Path) -> Self {
        let mut routes = covet_router::Router::builder();
        for (path, action) in templates() {
            routes.insert(&path, action).expect("a path");
        }
        let day = Duration::from_secs(86_400);
        let list = Blacklist::new(BlacklistConfig::new().max_lifetime(day)).expect("a blacklist");
        let shift = now() - tokens::NOW + 600;
        for (id, exp) in tokens::revocations(revoked) {
            let facts = TokenFacts::builder().issuer(ISSUER).id(&id).expires_at(exp + shift).build();
            list.revoke_facts(&facts).expect("room");
        }
        let verifier = Verifier::builder().key(key.verify_key()).issuer(ISSUER).any_audience().max_lifetime(day);
        let guard = Guard::new(verifier.build().expect("a verifier"), list).expect("a guard");
        fill(file);
        Self {
            routes: routes.build().expect("a table"),
            tokens: OurTokens(guard),
            rows: OurRows(SqlitePool::open(file).expect("a database")),
        }
    }
}

impl Peers {
    fn new(revoked: u64, file: &Path) -> Self {
        let mut routes = matchit::Router::new();
        for (path, action) in templates() {
            routes.insert(path, action).expect("a path");
        }
        let cache = moka::sync::Cache::builder().expire_after(UntilExpiry).build();
        let shift = now() - tokens::NOW + 600;
        for (id, exp) in tokens::revocations(revoked) {
            cache.insert(id, exp + shift);
        }
        cache.run_pending_tasks();
        fill(file);
        let manager =
            SqliteConnectionManager::file(file).with_init(|conn| conn.execute_batch("PRAGMA journal_mode = WAL"));
        Self {
            routes,
            tokens: PeerTokens {
                key: DecodingKey::from_secret(&SECRET),
                validation: validation(Algorithm::HS256),
                revoked: cache,
            },
            rows: PeerRows(r2d2::Pool::new(manager).expect("a pool")),
        }
    }
}

fn fill(file: &Path) {
    let conn = Connection::open(file).expect("a database");
    let script = format!("PRAGMA journal_mode = WAL; {} BEGIN; {} COMMIT;", sql::SCHEMA, sql::fill(ROWS));
    conn.execute_batch(&script).expect("rows");
}

impl Routes for covet_router::Router<Action> {
    fn find(&self, path: &str) -> Option<(Action, i64)> {
        let hit = self.at(path)?;
        Some((*hit.value, hit.params.get("p1")?.parse().ok()?))
    }
}

impl Routes for matchit::Router<Action> {
    fn find(&self, path: &str) -> Option<(Action, i64)> {
        let hit = self.at(path).ok()?;
        Some((*hit.value, hit.params.get("p1")?.parse().ok()?))
    }
}

struct OurTokens(Guard<Blacklist>);

impl Tokens for OurTokens {
    fn allows(&self, token: &str) -> bool {
        self.0.authenticate::<Claims>(token).is_ok()
    }
}

struct PeerTokens {
    key: DecodingKey,
    validation: Validation,
    revoked: moka::sync::Cache<String, u64>,
}

/// A moka entry that lives as long as its token.
struct UntilExpiry;

impl moka::Expiry<String, u64> for UntilExpiry {
    fn expire_after_create(&self, _key: &String, exp: &u64, _created: Instant) -> Option<Duration> {
        Some(Duration::from_secs(exp.saturating_sub(now())))
    }
}

impl Tokens for PeerTokens {
    fn allows(&self, token: &str) -> bool {
        decode::<Claims>(token, &self.key, &self.validation)
            .is_ok_and(|data| !self.revoked.contains_key(&data.claims.jti))
    }
}

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
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

struct OurRows(SqlitePool);

impl Rows for OurRows {
    fn one(&self, id: i64) -> Option<Item> {
        self.0.read(|conn| conn.query_row(SELECT_ONE, [id], item)).ok()
    }

    fn hundred(&self, id: i64) -> Vec<Item> {
        self.0.read(|conn| conn.query_all(SELECT_100, [id], item)).unwrap_or_default()
    }
}

struct PeerRows(r2d2::Pool<SqliteConnectionManager>);

impl Rows for PeerRows {
    fn one(&self, id: i64) -> Option<Item> {
        self.0.get().ok()?.prepare_cached(SELECT_ONE).ok()?.query_row([id], item).ok()
    }

    fn hundred(&self, id: i64) -> Vec<Item> {
        let read = || {
            let conn = self.0.get().ok()?;
            let mut statement = conn.prepare_cached(SELECT_100).ok()?;
            statement.query_map([id], item).ok()?.collect::<rusqlite::Result<Vec<Item>>>().ok()
        };
        read().unwrap_or_default()
    }
}

struct OurJson;

impl Encode for OurJson {
    fn items(&self, items: &[Item]) -> Option<Vec<u8>> {
        covet_json::to_vec(items).ok()
    }
}

struct PeerJson;

impl Encode for PeerJson {
    fn items(&self, items: &[Item]) -> Option<Vec<u8>> {
        sonic_rs::to_vec(items).ok()
    }
}
