//! Settings and their defaults.

use super::error::Result;
use super::pool::SqlitePool;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// When SQLite waits for the disk (`PRAGMA synchronous`), with a write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Synchronous {
    /// Never. Survives a crash of the process, but not of the machine: the file may then be corrupt. For data that can be
    /// made again.
    Off,
    /// At checkpoints only. What was acknowledged survives a crash of the process. If the machine crashes or loses power, the
    /// file stays consistent, but the last acknowledged writes may be gone.
    Normal,
    /// At each commit. What was acknowledged survives a loss of power, if the disk tells the truth.
    #[default]
    Full,
    /// As `Full`, and once more at checkpoints for the folder entry.
    Extra,
}

impl Synchronous {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Normal => "NORMAL",
            Self::Full => "FULL",
            Self::Extra => "EXTRA",
        }
    }
}

/// The tables that a commit has changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Committed {
    pub(super) tables: BTreeSet<String>,
}

impl Committed {
    /// Their names, sorted, without the name of the (attached) database.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(String::as_str)
    }

    /// Whether this table is among them. Compares as SQLite does: ASCII letters without case.
    pub fn contains(&self, table: &str) -> bool {
        self.tables.contains(table) || self.tables.iter().any(|name| name.eq_ignore_ascii_case(table))
    }
}

pub(super) type Init = dyn Fn(&Connection) -> rusqlite::Result<()> + Send + Sync;
pub(super) type OnCommit = dyn Fn(&Committed) + Send + Sync;

pub(super) struct Settings {
    pub(super) path: PathBuf,
    pub(super) readers: usize,
    pub(super) statement_cache: usize,
    pub(super) busy_timeout: Duration,
    pub(super) synchronous: Synchronous,
    pub(super) foreign_keys: bool,
    pub(super) group_latency: Duration,
    pub(super) group_size: usize,
    pub(super) max_waiting: usize,
    pub(super) acquire_timeout: Option<Duration>,
    pub(super) drain_timeout: Option<Duration>,
    pub(super) mmap_size: Option<u64>,
    pub(super) cache_kib: Option<u32>,
    pub(super) wal_autocheckpoint: u32,
    pub(super) init: Option<Arc<Init>>,
    pub(super) on_commit: Option<Arc<OnCommit>>,
}

impl Settings {
    /// One connection for everything: such a database is private to its connection.
    pub(super) fn single(&self) -> bool {
        self.path.as_os_str() == ":memory:" || self.path.as_os_str().is_empty()
    }
}

/// Puts a [`SqlitePool`] together.
#[must_use = "a builder does nothing until `open` is called"]
pub struct SqliteBuilder(Settings);

impl fmt::Debug for SqliteBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteBuilder")
            .field("path", &self.0.path)
            .field("readers", &self.0.readers)
            .field("synchronous", &self.0.synchronous)
            .finish_non_exhaustive()
    }
}

impl SqliteBuilder {
    pub(super) fn new(path: PathBuf) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Settings {
            path,
            readers: cores.clamp(2, 8),
            statement_cache: 256,
            busy_timeout: Duration::from_secs(5),
            synchronous: Synchronous::Full,
            foreign_keys: true,
            group_latency: Duration::from_millis(1),
            group_size: 256,
            max_waiting: 1024,
            acquire_timeout: Some(Duration::from_secs(30)),
            drain_timeout: Some(Duration::from_secs(30)),
            mmap_size: None,
            cache_kib: None,
            wal_autocheckpoint: 4000,
            init: None,
            on_commit: None,
        })
    }

    /// How many readers, and threads for reads of tasks. Default: the number of processors, at least 2 and at most 8.
    /// `:memory:` has one connection for everything.
    pub fn readers(mut self, readers: usize) -> Self {
        self.0.readers = readers.clamp(1, crate::MAX_SIZE);
        self
    }

    /// How many prepared statements each connection keeps. Default 256; 0 keeps none.
    pub fn statement_cache(mut self, capacity: usize) -> Self {
        self.0.statement_cache = capacity;
        self
    }

    /// How long to wait for a lock that another process holds. Default 5 s. Within the pool nobody waits for locks.
    pub fn busy_timeout(mut self, limit: Duration) -> Self {
        self.0.busy_timeout = limit;
        self
    }

    /// When to wait for the disk. Default [`Synchronous::Full`].
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.0.synchronous = synchronous;
        self
    }

    /// Whether foreign keys are enforced. Default yes.
    pub fn foreign_keys(mut self, enforced: bool) -> Self {
        self.0.foreign_keys = enforced;
        self
    }

    /// The longest that a shared transaction takes in further writes before it commits, and the longest that the writer
    /// waits for company before it begins one. Default 1 ms. It waits only if the transaction before was shared: a
    /// lone writer never does. Zero: each write has its own commit.
    pub fn group_latency(mut self, limit: Duration) -> Self {
        self.0.group_latency = limit;
        self
    }

    /// The most writes that share a commit. Default 256; 1 gives each its own.
    pub fn group_size(mut self, most: usize) -> Self {
        self.0.group_size = most.max(1);
        self
    }

    /// The most callers that wait to read, and the most that wait to write; the next gets `QueueFull`. Default 1024 each.
    pub fn max_waiting(mut self, most: usize) -> Self {
        self.0.max_waiting = most;
        self
    }

    /// The longest a caller waits for its turn. Default 30 s. Tasks are told when their turn comes, at the latest.
    pub fn acquire_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.0.acquire_timeout = limit.into();
        self
    }

    /// The longest that `close` waits for the work that has been accepted. Default 30 s.
    pub fn drain_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.0.drain_timeout = limit.into();
        self
    }

    /// How many bytes of the file each connection maps into memory (`PRAGMA mmap_size`). Default: readers 128 MiB (on 64-bit
    /// Unix), the writer nothing; 0 is nothing for all.
    ///
    /// Readers that map do not wait for each other at the lock of SQLite's page cache. In return, if the disk fails to read a
    /// mapped page, or somebody truncates the file, the process gets a `SIGBUS` where it would get an error.
    pub fn mmap_size(mut self, bytes: u64) -> Self {
        self.0.mmap_size = Some(bytes);
        self
    }

    /// The page cache of each connection, in KiB (`PRAGMA cache_size`). Default SQLite's own, 2000.
    pub fn cache_kib(mut self, kib: u32) -> Self {
        self.0.cache_kib = Some(kib);
        self
    }

    /// After how many pages in the log a commit checkpoints it (`PRAGMA wal_autocheckpoint`); 0 never. Default 4000, which is
    /// 16 MiB of pages of the usual size: the commit that checkpoints waits for the disk, and all who share it do. SQLite's
    /// own is 1000.
    pub fn wal_autocheckpoint(mut self, pages: u32) -> Self {
        self.0.wal_autocheckpoint = pages;
        self
    }

    /// Runs on each new connection, before anybody gets it: functions, collations, pragmas. Readers run it too, so it must
    /// not write.
    pub fn init(mut self, init: impl Fn(&Connection) -> rusqlite::Result<()> + Send + Sync + 'static) -> Self {
        self.0.init = Some(Arc::new(init));
        self
    }

    /// Hears of each commit and the tables that it changed, before its writers are told: a cache that is invalidated here
    /// never shows a writer what was before its own write. Costs a call per changed row.
    ///
    /// Not seen: tables `WITHOUT ROWID`, and changes of the schema. Runs on the writer; must not use the pool.
    pub fn on_commit(mut self, hook: impl Fn(&Committed) + Send + Sync + 'static) -> Self {
        self.0.on_commit = Some(Arc::new(hook));
        self
    }

    /// Opens all connections.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, is no database, cannot have a write-ahead log (network file systems), or `init` fails.
    pub fn open(self) -> Result<SqlitePool> {
        SqlitePool::start(self.0)
    }
}
