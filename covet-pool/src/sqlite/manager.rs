//! Opens connections, and judges them when they come back.

use super::config::Settings;
use super::conn::{Conn, Role};
use super::guard::Guard;
use crate::config::CheckPolicy;
use crate::manager::{Manager, Return};
use crate::pool::Pool;
use crate::statements::StatementStats;
use rusqlite::{Connection, OpenFlags};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much of the file a reader maps unless told otherwise. As it comes, SQLite has one lock for the cached pages of all
/// connections, so that two that read get no more done than one; mapped pages are not cached.
const READER_MMAP: u64 = 128 << 20;
/// Whether address space is plentiful and mapped pages are the system's own cache.
const MAPS: bool = cfg!(all(unix, target_pointer_width = "64", not(target_os = "openbsd")));

/// What the statement caches of all connections have counted.
#[derive(Debug, Default)]
pub(super) struct Statements {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
    reprepares: AtomicU64,
}

impl Statements {
    pub(super) fn snapshot(&self) -> StatementStats {
        StatementStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            evictions: self.evictions.load(Ordering::Relaxed),
            reprepares: self.reprepares.load(Ordering::Relaxed),
        }
    }

    fn add(&self, conn: &Conn) {
        let tally = &conn.tally;
        let pairs = [
            (&self.hits, &tally.hits),
            (&self.misses, &tally.misses),
            (&self.evictions, &tally.evictions),
            (&self.reprepares, &tally.reprepares),
        ];
        for (total, part) in pairs {
            let part = part.take();
            if part != 0 {
                total.fetch_add(part, Ordering::Relaxed);
            }
        }
    }
}

pub(super) struct Sqlite {
    settings: Arc<Settings>,
    role: Role,
    statements: Arc<Statements>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.settings.path).field("role", &self.role).finish_non_exhaustive()
    }
}

impl Sqlite {
    pub(super) fn new(settings: Arc<Settings>, role: Role, statements: Arc<Statements>) -> Self {
        Self { settings, role, statements }
    }

    /// A pool of such connections, opened now. Local files neither die nor age, so nothing is checked and nothing expires.
    pub(super) fn pool(self, name: &str, size: usize) -> Result<Pool<Self>, super::Error> {
        let (waiting, acquire) = (self.settings.max_waiting, self.settings.acquire_timeout);
        let pool = Pool::builder(self)
            .name(name)
            .max_size(size)
            .max_waiting(waiting)
            .acquire_timeout(acquire)
            .check(CheckPolicy::Never)
            .idle_timeout(None)
            .max_lifetime(None)
            .maintenance_interval(None)
            .build()
            .map_err(|error| super::Error::Unusable(error.to_string()))?;
        pool.warm_up_blocking(size)?;
        Ok(pool)
    }

    fn open(&self) -> rusqlite::Result<Conn> {
        let settings = &*self.settings;
        let access = match self.role {
            Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Role::Writer | Role::Single => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        let conn = Connection::open_with_flags(&settings.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(settings.busy_timeout)?;
        conn.execute_batch(&self.pragmas())?;
        if let Some(init) = &settings.init {
            init(&conn)?;
        }
        let guard = match self.role {
            Role::Reader => Guard::idle(),
            Role::Writer | Role::Single => Guard::install(&conn, settings.on_commit.is_some())?,
        };
        Conn::new(conn, self.role, guard, settings.statement_cache)
    }

    fn pragmas(&self) -> String {
        let settings = &*self.settings;
        let mut script = format!("PRAGMA foreign_keys = {};", u8::from(settings.foreign_keys));
        let mut set = |name: &str, value: String| script.push_str(&format!("PRAGMA {name} = {value};"));
        let mapped = settings.mmap_size.or((self.role == Role::Reader && MAPS).then_some(READER_MMAP));
        if let Some(bytes) = mapped {
            set("mmap_size", bytes.to_string());
        }
        if let Some(kib) = settings.cache_kib {
            set("cache_size", format!("-{kib}"));
        }
        match self.role {
            Role::Reader => set("query_only", "1".to_owned()),
            Role::Writer | Role::Single => {
                if self.role == Role::Writer {
                    set("journal_mode", "WAL".to_owned());
                }
                set("synchronous", settings.synchronous.as_str().to_owned());
                set("wal_autocheckpoint", settings.wal_autocheckpoint.to_string());
            }
        }
        script
    }
}

impl Manager for Sqlite {
    type Conn = Conn;
    type Error = rusqlite::Error;

    async fn connect(&self) -> Result<Conn, rusqlite::Error> {
        self.open()
    }

    /// A connection whose transaction cannot be ended is replaced on the spot, so that nobody waits for a new one.
    fn on_return(&self, conn: &mut Conn) -> Return {
        self.statements.add(conn);
        if conn.is_clean() {
            return Return::Ready;
        }
        conn.roll_back();
        // The content of a private database lives in its connection: it is never given up.
        if conn.is_clean() || self.role == Role::Single {
            return Return::Ready;
        }
        match self.open() {
            Ok(fresh) => {
                *conn = fresh;
                Return::Ready
            }
            Err(_) => Return::Discard,
        }
    }

    fn check_policy(&self) -> CheckPolicy {
        CheckPolicy::Never
    }

    fn statements(&self) -> StatementStats {
        self.statements.snapshot()
    }
}
