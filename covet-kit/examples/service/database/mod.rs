//! What the handlers ask of the database, whichever engine it is.

mod postgres;
mod sqlite;

use covet_kit::pool::postgres as pg;
use covet_kit::pool::sqlite as lite;
use covet_kit::rows::RowsError;
use covet_kit::service::Body;
use serde::{Deserialize, Serialize};

use crate::args::Location;
use crate::cache::Cache;
use crate::passwords;

pub(crate) use postgres::Postgres;
pub(crate) use sqlite::Sqlite;

pub(crate) const DEMO_USER: &str = "ada";
/// Rows of the table that `/db`, `/queries` and `/updates` work on.
pub(crate) const WORLDS: u32 = 10_000;

const LIST: &str = "SELECT id, name, email, score, active FROM \"user\" WHERE id > $1 ORDER BY id LIMIT $2";
const ONE: &str = "SELECT id, name, email, score, active FROM \"user\" WHERE id = $1";
const ALL: &str = "SELECT id, name, email, score, active FROM \"user\" ORDER BY id";
const CHANGE: &str = "UPDATE \"user\" SET name = $1, email = $2, score = $3, active = $4 WHERE id = $5";
const LOGIN: &str = "SELECT password, scope FROM login WHERE name = $1";
const WORLD: &str = "SELECT id, random_number FROM world WHERE id = $1";
const UPDATE_WORLD: &str = "UPDATE world SET random_number = $1 WHERE id = $2";

/// A user as a client sends one.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NewUser {
    pub(crate) name: String,
    pub(crate) email: String,
    #[serde(default)]
    pub(crate) score: f64,
    #[serde(default = "yes")]
    pub(crate) active: bool,
}

fn yes() -> bool {
    true
}

/// Who may log in.
pub(crate) struct Login {
    pub(crate) password: String,
    pub(crate) scope: String,
}

#[derive(Serialize)]
pub(crate) struct World {
    pub(crate) id: u32,
    pub(crate) random_number: u32,
}

/// A database that is open.
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// What both engines can tell of themselves.
pub(crate) struct Figures {
    pub(crate) in_use: usize,
    pub(crate) idle: usize,
    pub(crate) reads_queued: usize,
    pub(crate) writes_queued: usize,
    /// SQLite's alone: PostgreSQL counts its own.
    pub(crate) commits: u64,
    pub(crate) writes: u64,
    pub(crate) statements: covet_kit::pool::StatementStats,
}

/// Runs the same on the engine that is there.
macro_rules! on {
    ($database:expr, $engine:ident => $call:expr) => {
        match $database {
            Database::Sqlite($engine) => $call,
            Database::Postgres($engine) => $call,
        }
    };
}

impl Database {
    /// Opens it; committed changes make cached answers invalid.
    pub(crate) async fn open(location: &Location, cache: &Cache) -> Result<Self, String> {
        Ok(match location {
            Location::File(path) => Self::Sqlite(Sqlite::open(path, cache)?),
            Location::Postgres(url) => Self::Postgres(Postgres::open(url, cache).await?),
        })
    }

    /// Makes what is missing. Returns the demo user's password if this call created it.
    pub(crate) async fn prepare(&self, users: u32) -> Result<Option<String>, String> {
        let password = passwords::random_password()?;
        let hash = passwords::hash(&password)?;
        let is_new = on!(self, engine => engine.prepare(users, hash).await);
        let is_new = is_new.map_err(|error| format!("cannot set up the database: {error}"))?;
        Ok(is_new.then_some(password))
    }

    /// A page of users as JSON.
    pub(crate) async fn users(&self, after: u32, limit: u32) -> Result<Vec<u8>, Failure> {
        on!(self, engine => engine.users(after.into(), limit.into()).await)
    }

    /// One user as JSON.
    pub(crate) async fn user(&self, id: i64) -> Result<Option<Vec<u8>>, Failure> {
        on!(self, engine => engine.user(id).await)
    }

    /// Adds a user and gives its id; returns when the commit that holds it is done.
    pub(crate) async fn add_user(&self, user: NewUser) -> Result<i64, Failure> {
        on!(self, engine => engine.add_user(user).await)
    }

    /// Whether there was such a user.
    pub(crate) async fn change_user(&self, id: i64, user: NewUser) -> Result<bool, Failure> {
        on!(self, engine => engine.change_user(id, user).await)
    }

    /// All users as one array, in constant memory.
    pub(crate) fn export(&self) -> Body {
        on!(self, engine => engine.export())
    }

    pub(crate) async fn login(&self, name: &str) -> Result<Option<Login>, Failure> {
        on!(self, engine => engine.login(name).await)
    }

    pub(crate) async fn world(&self, id: u32) -> Result<World, Failure> {
        on!(self, engine => engine.world(id).await)
    }

    /// One world as JSON.
    pub(crate) async fn world_json(&self, id: u32) -> Result<Option<Vec<u8>>, Failure> {
        on!(self, engine => engine.world_json(id).await)
    }

    /// One query for each.
    pub(crate) async fn worlds(&self, ids: Vec<u32>) -> Result<Vec<World>, Failure> {
        on!(self, engine => engine.worlds(ids).await)
    }

    /// Reads each and gives it a new number, in one transaction.
    pub(crate) async fn update_worlds(&self, changes: Vec<World>) -> Result<Vec<World>, Failure> {
        on!(self, engine => engine.update_worlds(changes).await)
    }

    pub(crate) fn figures(&self) -> Figures {
        on!(self, engine => engine.figures())
    }
}

/// The email and the score that a seeded user has.
fn seeded(id: u32) -> (String, String, f64) {
    let score = f64::from(id.wrapping_mul(2_654_435_761) % 10_000) / 100.0;
    (format!("User {id}"), format!("user{id}@example.com"), score)
}

fn seeded_number(id: u32) -> u32 {
    id.wrapping_mul(2_246_822_519) % WORLDS + 1
}

/// Why the database did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(lite::Error),
    Postgres(pg::Error),
    Rows(RowsError),
}

impl Failure {
    /// Whether a row of this name, or address, is there already.
    pub(crate) fn is_taken(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.is_constraint(),
            Self::Postgres(error) => error.is_unique_violation(),
            Self::Rows(_) => false,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(error) => error.fmt(f),
            Self::Postgres(error) => error.fmt(f),
            Self::Rows(error) => error.fmt(f),
        }
    }
}

impl From<lite::Error> for Failure {
    fn from(error: lite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<pg::Error> for Failure {
    fn from(error: pg::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<covet_kit::pool::PoolError<pg::Error>> for Failure {
    fn from(error: covet_kit::pool::PoolError<pg::Error>) -> Self {
        Self::Postgres(error.into())
    }
}

impl From<RowsError> for Failure {
    fn from(error: RowsError) -> Self {
        Self::Rows(error)
    }
}
