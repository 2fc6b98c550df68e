//! Before anything is timed: every endpoint answers rightly, refuses what it must refuse, and what it says it wrote is in the
//! database.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use http::StatusCode;
use rusqlite::{Connection, OpenFlags};

use crate::endpoint::{Endpoint, Id, worlds};
use crate::load::{Lane, Target};

/// How many answers are judged.
const ASKED: usize = 5;

/// Judges one endpoint of a server that works on `database`.
pub(crate) async fn endpoint(target: &Target, database: Option<&Path>) -> Result<()> {
    let mut lanes = Lane::open(target, 1).await?;
    let lane = lanes.first_mut().context("no connection")?;
    for _ in 0..ASKED {
        let answer = lane.verified().await?;
        if let Some(database) = database {
            written(target.endpoint, &answer.body, database)?;
        }
    }
    if matches!(target.endpoint, Endpoint::Authenticated | Endpoint::Insert) {
        let forged = target.tokens.first().map(|token| format!("Bearer {}", forge(token)));
        for authorization in [None, Some("Bearer x.y.z"), forged.as_deref()] {
            let status = lane.status_with(authorization).await?;
            ensure!(status == StatusCode::UNAUTHORIZED, "answers {status} to the authorization {authorization:?}");
        }
    }
    Ok(())
}

/// Asks the database, from outside of the server, for what an answer says was written.
fn written(endpoint: Endpoint, body: &[u8], database: &Path) -> Result<()> {
    if !matches!(endpoint, Endpoint::Insert | Endpoint::Update) {
        return Ok(());
    }
    let conn = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    ensure!(mode == "wal", "the database is in journal mode `{mode}`");
    if endpoint == Endpoint::Insert {
        let id = serde_json::from_slice::<Id>(body)?.id;
        let sql = "SELECT name, score, active FROM user WHERE id = ?";
        let row: (String, f64, i64) =
            conn.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).context("no such row")?;
        ensure!(row == ("Grace".to_owned(), 1.5, 1), "row {id} holds {row:?}");
        return Ok(());
    }
    let mut last = std::collections::BTreeMap::new();
    for world in worlds(body)? {
        // A row may be drawn twice; the later number stands.
        last.insert(world.id, world.random_number);
    }
    for (id, wanted) in last {
        let number: u32 = conn.query_row("SELECT random_number FROM world WHERE id = ?", [id], |row| row.get(0))?;
        ensure!(number == wanted, "row {id} holds {number}, and the answer said {wanted}");
    }
    Ok(())
}

/// The token with another signature.
fn forge(token: &str) -> String {
    let (rest, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let turned: String = signature.chars().rev().collect();
    format!("{rest}.{turned}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_token_differs_in_its_signature_alone() {
        assert_eq!(forge("a.b.xyz"), "a.b.zyx");
    }
}
