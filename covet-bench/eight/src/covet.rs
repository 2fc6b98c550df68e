//! The contender of ours: covet-json on the types of the workload, covet-pool on SQLite, tokio's tasks on one thread.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use covet_bench::black_box;
use covet_bench::workload::sql::{INSERT, Item, SELECT_100, UPDATE};
use covet_bench::workload::users::User;
use covet_pool::sqlite::rusqlite::{self, params};
use covet_pool::sqlite::{Conn, SqlitePool};
use serde_json::{Value, json};

use crate::data::ROWS;

/// Calls of one sample of the row that is too short to time alone.
const CALLS: u64 = 1_000;

pub(crate) struct Covet {
    users50: (Vec<u8>, Vec<User>),
    users_1mb: Vec<User>,
    string_1mb: String,
    memory: Database,
    file: Database,
    runtime: tokio::runtime::Runtime,
}

struct Database {
    pool: SqlitePool,
    selected: i64,
    inserted: i64,
    updated: i64,
}

impl Covet {
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let read = |name: &str| fs::read(folder.join(name)).with_context(|| name.to_owned());
        let users50 = read("users50.json")?;
        let script = String::from_utf8(read("items.sql")?)?;
        let file = folder.join(format!("covet-{}.sqlite3", std::process::id()));
        Ok(Self {
            users_1mb: covet_json::from_slice(&read("users_1mb.json")?)?,
            string_1mb: covet_json::from_slice(&read("string_1mb.json")?)?,
            users50: (users50.clone(), covet_json::from_slice(&users50)?),
            memory: Database::new(Path::new(":memory:"), &script)?,
            file: Database::new(&file, &script)?,
            runtime: tokio::runtime::Builder::new_current_thread().build()?,
        })
    }

    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("covet".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("simd".to_owned(), covet_json::simd_level().to_string()),
            ("sqlite".to_owned(), rusqlite::version().to_owned()),
        ])
    }

    /// Nanoseconds of each of `count` operations.
    pub(crate) fn run(&mut self, row: &str, count: usize) -> Result<Vec<u64>> {
        let (text, users) = &self.users50;
        match row {
            "encode50" => timed(count, || Ok(covet_json::to_vec(black_box(users))?)),
            "decode50" => timed(count, || Ok(covet_json::from_slice::<Vec<User>>(black_box(text))?)),
            "megabyte" => timed(count, || Ok(covet_json::to_vec(black_box(&self.users_1mb))?)),
            "string" => timed(count, || Ok(covet_json::to_vec(black_box(&self.string_1mb))?)),
            "select" => self.memory.select(count),
            "insert" => self.memory.insert(count),
            "update" => self.memory.update(count),
            "insert_file" => self.file.insert(count),
            "update_file" => self.file.update(count),
            "await" => Ok(self.runtime.block_on(awaits(count))),
            "gather" => self.runtime.block_on(gather(users, count)),
            _ => bail!("no row `{row}`"),
        }
    }

    /// What the operation comes to.
    pub(crate) fn answer(&mut self, row: &str) -> Result<Value> {
        let (text, users) = &self.users50;
        let parsed = |bytes: Vec<u8>| -> Result<Value> { Ok(serde_json::from_slice(&bytes)?) };
        match row {
            "encode50" => parsed(covet_json::to_vec(users)?),
            "decode50" => Ok(serde_json::to_value(covet_json::from_slice::<Vec<User>>(text)?)?),
            "megabyte" => parsed(covet_json::to_vec(&self.users_1mb)?),
            "string" => parsed(covet_json::to_vec(&self.string_1mb)?),
            "select" => self.memory.rows(4_711),
            "insert" | "update" => self.memory.sums(),
            "insert_file" | "update_file" => self.file.sums(),
            "await" => Ok(Value::Null),
            "gather" => Ok(json!([parsed(covet_json::to_vec(users)?)?, 20])),
            _ => bail!("no row `{row}`"),
        }
        .with_context(|| row.to_owned())
    }
}

fn timed<T>(count: usize, mut operation: impl FnMut() -> Result<T>) -> Result<Vec<u64>> {
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let done = black_box(operation()?);
        // As in Python, where the result of a call that is not kept is freed at once.
        drop(done);
        taken.push(start.elapsed().as_nanos() as u64);
    }
    Ok(taken)
}

/// Nanoseconds of one `await`, from a thousand at a time.
async fn awaits(count: usize) -> Vec<u64> {
    async fn nothing() {}
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        for _ in 0..CALLS {
            nothing().await;
            black_box(());
        }
        taken.push(start.elapsed().as_nanos() as u64 / CALLS);
    }
    taken
}

/// Twenty tasks that encode, all awaited.
async fn gather(users: &[User], count: usize) -> Result<Vec<u64>> {
    let users: std::sync::Arc<[User]> = users.into();
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let users = users.clone();
                tokio::spawn(async move { covet_json::to_vec(&users[..]) })
            })
            .collect();
        let mut texts = Vec::with_capacity(tasks.len());
        for task in tasks {
            texts.push(task.await??);
        }
        black_box(&texts);
        drop(texts);
        taken.push(start.elapsed().as_nanos() as u64);
    }
    Ok(taken)
}

impl Database {
    fn new(path: &Path, script: &str) -> Result<Self> {
        let pool = SqlitePool::open(path)?;
        for statement in script.split(";\n").map(str::trim) {
            // The pool opens and ends transactions itself.
            if !statement.is_empty() && statement != "BEGIN" && statement != "COMMIT" {
                let statement = statement.to_owned();
                pool.write(move |conn| conn.execute(&statement, []))?;
            }
        }
        Ok(Self { pool, selected: 0, inserted: 0, updated: 0 })
    }

    fn select(&mut self, count: usize) -> Result<Vec<u64>> {
        timed(count, || {
            self.selected += 1;
            let key = self.selected * 7_919 % (ROWS as i64 - 100) + 1;
            Ok(self.pool.read(|conn| items(conn, key))?)
        })
    }

    fn insert(&mut self, count: usize) -> Result<Vec<u64>> {
        timed(count, || {
            self.inserted += 1;
            let id = 1_000_000 + self.inserted;
            let note: Option<&str> = None;
            Ok(self.pool.write(move |conn| {
                conn.execute(INSERT, params![id, "blue chair", "chairs", 12.5, 7, true, note, "2025-01-01T00:00:00Z"])
            })?)
        })
    }

    fn update(&mut self, count: usize) -> Result<Vec<u64>> {
        timed(count, || {
            self.updated += 1;
            let (quantity, id) = (self.updated % 1_000, self.updated * 7_919 % ROWS as i64 + 1);
            Ok(self.pool.write(move |conn| conn.execute(UPDATE, params![quantity, id]))?)
        })
    }

    fn rows(&self, key: i64) -> Result<Value> {
        let items = self.pool.read(|conn| items(conn, key))?;
        let row = |item: &Item| {
            json!([
                item.id,
                item.name,
                item.category,
                item.price,
                item.quantity,
                i64::from(item.active),
                item.note,
                item.created
            ])
        };
        Ok(items.iter().map(row).collect())
    }

    fn sums(&self) -> Result<Value> {
        let sql = "SELECT COUNT(*), SUM(id), SUM(id * quantity) FROM items";
        let sums = self.pool.read(|conn| conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))))?;
        let sums: (i64, i64, i64) = sums;
        Ok(json!([sums.0, sums.1, sums.2]))
    }
}

fn items(conn: &Conn, key: i64) -> covet_pool::sqlite::Result<Vec<Item>> {
    conn.query_all(SELECT_100, [key], |row| {
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
    })
}
