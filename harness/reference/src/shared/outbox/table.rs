//! The outbox table.
//!
//! States of a row: pending (also while it waits for a retry), published, failed. Rows of one aggregate leave in the order in which
//! they came: a row that waits or has failed holds back the later rows of its aggregate, and only those.

use serde::Serialize;

use crate::shared::clock::rfc3339_ms;
use crate::shared::sql::{Row, Sql, vals};
use crate::shared::sqlite::DbError;

/// Creates the table if it is not there.
pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    event_type TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    record_key TEXT NOT NULL,
    payload TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'published', 'failed')),
    retries INTEGER NOT NULL DEFAULT 0,
    next_attempt_ms INTEGER NOT NULL DEFAULT 0,
    published_ms INTEGER,
    last_error TEXT
);
CREATE INDEX IF NOT EXISTS outbox_unpublished ON outbox (aggregate_id, id) WHERE state <> 'published';
CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (id) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS outbox_failed ON outbox (id) WHERE state = 'failed';
";

/// An event to be written together with what it tells about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewEvent {
    pub(crate) event_id: String,
    pub(crate) event_type: &'static str,
    /// What the order is kept for.
    pub(crate) aggregate_id: String,
    pub(crate) topic: String,
    /// The record's key.
    pub(crate) key: String,
    /// The record's value.
    pub(crate) payload: String,
    pub(crate) correlation_id: String,
}

/// A row that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DueRow {
    pub(crate) id: i64,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) aggregate_id: String,
    pub(crate) topic: String,
    pub(crate) key: String,
    pub(crate) payload: String,
    pub(crate) correlation_id: String,
    /// Retries already made.
    pub(crate) retries: u32,
}

/// How many rows are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) pending: i64,
    pub(crate) published: i64,
    pub(crate) failed: i64,
}

/// A row that was given up on, for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailedRow {
    pub(crate) id: i64,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) aggregate_id: String,
    pub(crate) created_at: String,
    pub(crate) retries: u32,
    pub(crate) last_error: Option<String>,
}

/// What releasing a row came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Released {
    Yes,
    NotFailed,
    Unknown,
}

/// Writes the event; to be called inside the transaction of what it tells about.
pub(crate) fn insert(tx: &dyn Sql, event: &NewEvent, now_ms: i64) -> Result<(), DbError> {
    tx.run(
        "INSERT INTO outbox (event_id, event_type, aggregate_id, topic, record_key, payload, correlation_id, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        vals![
            &event.event_id,
            event.event_type,
            &event.aggregate_id,
            &event.topic,
            &event.key,
            &event.payload,
            &event.correlation_id,
            now_ms
        ],
    )?;
    Ok(())
}

/// The oldest rows that may be published now.
pub(crate) fn due(sql: &dyn Sql, limit: u32, now_ms: i64) -> Result<Vec<DueRow>, DbError> {
    let rows = sql.rows(
        "SELECT id, event_id, event_type, aggregate_id, topic, record_key, payload, correlation_id, retries
         FROM outbox AS waiting
         WHERE state = 'pending' AND next_attempt_ms <= ?1 AND NOT EXISTS (
             SELECT 1 FROM outbox AS earlier
             WHERE earlier.aggregate_id = waiting.aggregate_id AND earlier.id < waiting.id AND earlier.state <> 'published'
               AND (earlier.state = 'failed' OR earlier.next_attempt_ms > ?1))
         ORDER BY id LIMIT ?2",
        vals![now_ms, limit],
    )?;
    rows.iter().map(due_row).collect()
}

fn due_row(row: &Row) -> Result<DueRow, DbError> {
    Ok(DueRow {
        id: row.int(0)?,
        event_id: row.text(1)?,
        event_type: row.text(2)?,
        aggregate_id: row.text(3)?,
        topic: row.text(4)?,
        key: row.text(5)?,
        payload: row.text(6)?,
        correlation_id: row.text(7)?,
        retries: count_of(row, 8)?,
    })
}

/// A small number that is never negative.
fn count_of(row: &Row, column: usize) -> Result<u32, DbError> {
    Ok(u32::try_from(row.int(column)?).unwrap_or(u32::MAX))
}

/// The row was acknowledged.
pub(crate) fn mark_published(tx: &dyn Sql, id: i64, now_ms: i64) -> Result<(), DbError> {
    let sql = "UPDATE outbox SET state = 'published', published_ms = ?2, last_error = NULL WHERE id = ?1";
    tx.run(sql, vals![id, now_ms]).map(drop)
}

/// The row was not acknowledged, and is to be tried again at that time.
pub(crate) fn mark_waiting(
    tx: &dyn Sql,
    id: i64,
    retries: u32,
    next_attempt_ms: i64,
    error: &str,
) -> Result<(), DbError> {
    let sql = "UPDATE outbox SET retries = ?2, next_attempt_ms = ?3, last_error = ?4 WHERE id = ?1";
    tx.run(sql, vals![id, retries, next_attempt_ms, error]).map(drop)
}

/// The row was not acknowledged, and is not tried again until somebody releases it.
pub(crate) fn mark_failed(tx: &dyn Sql, id: i64, error: &str) -> Result<(), DbError> {
    tx.run("UPDATE outbox SET state = 'failed', last_error = ?2 WHERE id = ?1", vals![id, error]).map(drop)
}

/// Gives a failed row all its attempts again.
pub(crate) fn release(tx: &dyn Sql, id: i64) -> Result<Released, DbError> {
    let Some(row) = tx.row("SELECT state FROM outbox WHERE id = ?1", vals![id])? else {
        return Ok(Released::Unknown);
    };
    if row.text(0)? != "failed" {
        return Ok(Released::NotFailed);
    }
    tx.run("UPDATE outbox SET state = 'pending', retries = 0, next_attempt_ms = 0 WHERE id = ?1", vals![id])?;
    Ok(Released::Yes)
}

/// Rows by state.
pub(crate) fn counts(sql: &dyn Sql) -> Result<Counts, DbError> {
    let of = |state: &str| {
        let row = sql.row("SELECT count(*) FROM outbox WHERE state = ?1", vals![state])?;
        row.map_or(Ok(0), |row| row.int(0))
    };
    Ok(Counts { pending: of("pending")?, published: of("published")?, failed: of("failed")? })
}

/// The failed rows, oldest first.
pub(crate) fn failed_rows(sql: &dyn Sql, limit: u32) -> Result<Vec<FailedRow>, DbError> {
    let rows = sql.rows(
        "SELECT id, event_id, event_type, aggregate_id, created_ms, retries, last_error
         FROM outbox WHERE state = 'failed' ORDER BY id LIMIT ?1",
        vals![limit],
    )?;
    let read = |row: &Row| {
        Ok(FailedRow {
            id: row.int(0)?,
            event_id: row.text(1)?,
            event_type: row.text(2)?,
            aggregate_id: row.text(3)?,
            created_at: rfc3339_ms(row.int(4)?),
            retries: count_of(row, 5)?,
            last_error: row.maybe_text(6)?,
        })
    };
    rows.iter().map(read).collect()
}
