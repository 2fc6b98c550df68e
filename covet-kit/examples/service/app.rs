//! What the handlers share: the database, the guard, the cache, the counters.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use covet_kit::auth::{
    Algorithm, Blacklist, BlacklistConfig, Families, FingerprintKey, Guard, Issuer, SigningKey, StoredBlacklist,
    Verifier,
};
use covet_kit::cache::QueryCache;
use covet_kit::pool::sqlite::{self, SqlitePool};
use covet_kit::revocations::{SqliteFamilies, SqliteRevocations};
use covet_kit::rows::RowsJson;
use covet_kit::service::JsonBodies;

use crate::args::Args;
use crate::database;
use crate::metrics::Latencies;
use crate::passwords::Passwords;

pub(crate) const ISSUER: &str = "https://service.example";
const AUDIENCE: &str = "service";
/// How long an access token lives, and how long a session does.
const ACCESS: Duration = Duration::from_secs(15 * 60);
const SESSION: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) type Revoked = Arc<StoredBlacklist<SqliteRevocations>>;
pub(crate) type Sessions = Families<SqliteFamilies, Revoked>;

/// Everything that handlers need, made once.
pub(crate) struct App {
    pub(crate) db: SqlitePool,
    pub(crate) rows: RowsJson,
    pub(crate) cache: QueryCache<sqlite::Error>,
    pub(crate) bodies: JsonBodies,
    pub(crate) revoked: Revoked,
    pub(crate) guard: Arc<Guard<Revoked>>,
    pub(crate) sessions: Sessions,
    pub(crate) passwords: Arc<Passwords>,
    pub(crate) latencies: Latencies,
    pub(crate) started: Instant,
    /// Set when a shutdown begins: the service still answers, but is no longer ready.
    pub(crate) draining: AtomicBool,
}

/// What a stranger needs in order to try the service.
pub(crate) struct Demo {
    pub(crate) name: &'static str,
    /// The demo user's password; known only on the start that created the database.
    pub(crate) password: Option<String>,
}

impl App {
    /// Opens the database, creates and seeds it if it is empty, and loads the revocations: nothing is answered before that.
    pub(crate) async fn open(args: &Args) -> Result<(Arc<Self>, Demo), String> {
        let path = &args.database;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
        let secret = secret(&path.with_extension("key"))?;

        let cache = QueryCache::builder().ttl(Duration::from_secs(10)).build().map_err(|error| error.to_string())?;
        let invalidate: QueryCache<sqlite::Error> = cache.clone();
        let db = SqlitePool::builder(path)
            .on_commit(move |committed| {
                for table in committed.tables() {
                    invalidate.invalidate(&format!("table:{table}"));
                }
            })
            .open()
            .map_err(|error| format!("cannot open the database {}: {error}", path.display()))?;
        let password =
            database::prepare(&db, args.users).await.map_err(|error| format!("cannot set up the database: {error}"))?;

        let store = SqliteRevocations::open(db.clone()).await.map_err(|error| error.to_string())?;
        let blacklist = Blacklist::new(
            BlacklistConfig::new().key(FingerprintKey::from_bytes(secret.fingerprints)).max_lifetime(SESSION),
        );
        let blacklist = blacklist.map_err(|error| error.to_string())?;
        let revoked = StoredBlacklist::open(blacklist, store).await;
        let revoked = Arc::new(revoked.map_err(|error| format!("cannot load the revocations: {error}"))?);

        let key = SigningKey::from_pkcs8("k1", Algorithm::ES256, &secret.signing)
            .map_err(|error| format!("the signing key: {error}"))?;
        let verifier = Verifier::builder()
            .key(key.verify_key())
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .max_lifetime(ACCESS)
            // A signature is verified once; what can change about a token is checked on every request.
            .remember_signatures(100_000)
            .build()
            .map_err(|error| error.to_string())?;
        let guard = Guard::new(verifier, revoked.clone()).map_err(|error| error.to_string())?;
        let issuer = Issuer::builder(ISSUER).key(key).audience(AUDIENCE).lifetime(ACCESS).revocations(revoked.clone());
        let issuer = Arc::new(issuer.build().map_err(|error| error.to_string())?);
        let families = SqliteFamilies::open(db.clone()).await.map_err(|error| error.to_string())?;
        let sessions = Families::builder(issuer, families, revoked.clone()).secret(&secret.sessions).lifetime(SESSION);

        let app = Self {
            db,
            rows: RowsJson::objects(),
            cache,
            bodies: JsonBodies::default().max_bytes(64 << 10),
            revoked,
            guard: Arc::new(guard),
            sessions: sessions.build().map_err(|error| error.to_string())?,
            passwords: Arc::new(Passwords::new()?),
            latencies: Latencies::default(),
            started: Instant::now(),
            draining: AtomicBool::new(false),
        };
        Ok((Arc::new(app), Demo { name: database::DEMO_USER, password }))
    }
}

/// The secrets of the service, in one file that only its owner can read.
struct Secret {
    fingerprints: [u8; 16],
    sessions: [u8; 32],
    signing: Vec<u8>,
}

/// Reads the secrets, or makes them on the first start.
fn secret(path: &Path) -> Result<Secret, String> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let bytes = new_secret()?;
            write_new(path, &bytes)
                .map_err(|error| format!("cannot write the key file {}: {error}", path.display()))?;
            bytes
        }
        Err(error) => return Err(format!("cannot read the key file {}: {error}", path.display())),
    };
    let parts =
        bytes.split_first_chunk().and_then(|(fingerprints, rest)| Some((fingerprints, rest.split_first_chunk()?)));
    let Some((fingerprints, (sessions, signing))) = parts else {
        return Err(format!(
            "the key file {} is damaged; without it every token is void: delete it to start anew",
            path.display()
        ));
    };
    Ok(Secret { fingerprints: *fingerprints, sessions: *sessions, signing: signing.to_vec() })
}

fn new_secret() -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; 16 + 32];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random bytes: {error}"))?;
    bytes.extend_from_slice(&SigningKey::generate_pkcs8(Algorithm::ES256).map_err(|error| error.to_string())?);
    Ok(bytes)
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
