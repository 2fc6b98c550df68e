//! What watches over the writer: nobody but the pool begins or ends a shared transaction, and changed tables are noted.
//!
//! Two nets. The authorizer refuses `BEGIN`, `COMMIT`, `ROLLBACK` and the job's own savepoint when a closure prepares them, which
//! gives a clear error. The commit hook turns any commit that is not the pool's into a rollback: it also stops statements
//! that would commit by themselves after an `OR ROLLBACK` has ended the transaction.

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The savepoint around each job but the first of a transaction.
pub(super) const SAVEPOINT: &str = "covet_job";

/// Who is at work on the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Mode {
    /// A caller who has the connection alone, or nobody.
    Free,
    /// A job in a shared transaction.
    Job,
    /// The pool itself.
    Own,
}

#[derive(Debug, Default)]
struct Noted {
    last: String,
    tables: BTreeSet<String>,
}

/// Shared with the hooks, which SQLite calls on the thread that uses the connection.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    mode: Arc<AtomicU8>,
    noted: Option<Arc<Mutex<Noted>>>,
}

impl Guard {
    /// A guard that watches nothing.
    pub(super) fn idle() -> Self {
        Self { mode: Arc::new(AtomicU8::new(Mode::Free as u8)), noted: None }
    }

    pub(super) fn install(conn: &Connection, note_tables: bool) -> rusqlite::Result<Self> {
        let guard = Self { noted: note_tables.then(Arc::default), ..Self::idle() };
        let mode = Arc::clone(&guard.mode);
        conn.commit_hook(Some(move || mode.load(Ordering::Relaxed) == Mode::Job as u8))?;
        let mode = Arc::clone(&guard.mode);
        conn.authorizer(Some(move |context: AuthContext<'_>| {
            judge(&context.action, mode.load(Ordering::Relaxed) == Mode::Job as u8, note_tables)
        }))?;
        if let Some(noted) = &guard.noted {
            let noted = Arc::clone(noted);
            conn.update_hook(Some(move |_, _: &str, table: &str, _| {
                let mut noted = noted.lock();
                if noted.last != table {
                    table.clone_into(&mut noted.last);
                    noted.tables.insert(table.to_owned());
                }
            }))?;
        }
        Ok(guard)
    }

    pub(super) fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::Relaxed);
    }

    /// The tables changed since the last call.
    pub(super) fn take_tables(&self) -> BTreeSet<String> {
        let Some(noted) = &self.noted else { return BTreeSet::new() };
        let mut noted = noted.lock();
        noted.last.clear();
        std::mem::take(&mut noted.tables)
    }
}

fn judge(action: &AuthAction<'_>, in_job: bool, note_tables: bool) -> Authorization {
    match action {
        AuthAction::Transaction { .. } if in_job => Authorization::Deny,
        AuthAction::Savepoint { savepoint_name, .. } if in_job && savepoint_name.eq_ignore_ascii_case(SAVEPOINT) => {
            Authorization::Deny
        }
        // Deletes all rows one by one instead of dropping the pages unseen.
        AuthAction::Delete { .. } if note_tables => Authorization::Ignore,
        _ => Authorization::Allow,
    }
}
