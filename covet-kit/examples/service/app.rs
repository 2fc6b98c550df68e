//! What the handlers share: the database, the guard, the cache, the counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use covet_kit::auth::{Algorithm, Families, Guard, Issuer, SigningKey, Verifier};
use covet_kit::service::JsonBodies;

use crate::args::Args;
use crate::cache::{self, Cache};
use crate::database::{self, Database};
use crate::metrics::Latencies;
use crate::passwords::Passwords;
use crate::revoked::{Revoked, SessionStore};
use crate::secret;

pub(crate) const ISSUER: &str = "https://service.example";
const AUDIENCE: &str = "service";
/// How long an access token lives, and how long a session does.
const ACCESS: Duration = Duration::from_secs(15 * 60);
pub(crate) const SESSION: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) type Sessions = Families<SessionStore, Arc<Revoked>>;

/// Everything that handlers need, made once.
pub(crate) struct App {
    pub(crate) db: Database,
    pub(crate) cache: Cache,
    pub(crate) bodies: JsonBodies,
    pub(crate) revoked: Arc<Revoked>,
    pub(crate) guard: Arc<Guard<Arc<Revoked>>>,
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
        let cache = cache::new()?;
        let db = Database::open(&args.database, &cache).await?;
        // Beside the database, which may have made its folder just now.
        let secret = secret::read_or_make(&args.secret_file)?;
        let password = db.prepare(args.users).await?;
        let revoked = Arc::new(Revoked::open(&db, args.redis.as_deref(), secret.fingerprints).await?);

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
        let families = SessionStore::open(&db).await.map_err(|error| format!("cannot open the sessions: {error}"))?;
        let sessions = Families::builder(issuer, families, revoked.clone()).secret(&secret.sessions).lifetime(SESSION);

        let app = Self {
            db,
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

    /// Whether it should be sent requests: it does not shut down, and knows what was revoked elsewhere.
    pub(crate) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && self.revoked.is_current()
    }
}
