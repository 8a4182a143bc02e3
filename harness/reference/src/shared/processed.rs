//! Remembering which events were handled: a table of event ids, each for as long as it is said.

use std::time::Duration;

use super::sql::{Sql, vals};
use super::sqlite::DbError;

/// Creates the table if it is not there.
pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS processed (
    event_id TEXT PRIMARY KEY,
    expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS processed_expiry ON processed (expires_ms);
";

/// Most forgotten ids that one batch sweeps away.
const SWEEP: u32 = 500;

/// When an id that is marked now is forgotten.
pub(crate) fn expiry_ms(now_ms: i64, ttl: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX / 2))
}

/// Checks and marks in one statement, within the transaction of the effect: false if the id is remembered and its time has not
/// run out.
pub(crate) fn mark(tx: &dyn Sql, event_id: &str, now_ms: i64, expires_ms: i64) -> Result<bool, DbError> {
    let sql = "INSERT INTO processed (event_id, expires_ms) VALUES (?1, ?2)
               ON CONFLICT (event_id) DO UPDATE SET expires_ms = excluded.expires_ms WHERE processed.expires_ms <= ?3";
    Ok(tx.run(sql, vals![event_id, expires_ms, now_ms])? > 0)
}

/// Whether the id is remembered; marks nothing.
pub(crate) fn is_marked(tx: &dyn Sql, event_id: &str, now_ms: i64) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM processed WHERE event_id = ?1 AND expires_ms > ?2";
    Ok(tx.row(sql, vals![event_id, now_ms])?.is_some())
}

/// Forgets what may be forgotten.
pub(crate) fn sweep(tx: &dyn Sql, now_ms: i64) -> Result<(), DbError> {
    let sql =
        "DELETE FROM processed WHERE event_id IN (SELECT event_id FROM processed WHERE expires_ms <= ?1 LIMIT ?2)";
    tx.run(sql, vals![now_ms, SWEEP])?;
    Ok(())
}
