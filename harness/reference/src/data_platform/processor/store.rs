//! What a processor handled, in SQLite.

use std::collections::HashSet;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde_json::Value;

use super::super::envelope::Event;
use crate::shared::processed;
use crate::shared::sqlite::{Db, DbError};

/// Everything that is kept.
pub(super) fn schema() -> String {
    format!("{HANDLED}{}", processed::SCHEMA)
}

const HANDLED: &str = "
CREATE TABLE IF NOT EXISTS handled (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    org_id INTEGER NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS handled_correlation ON handled (correlation_id, seq);
";

/// An event that was handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Entry {
    pub(super) seq: i64,
    pub(super) event_id: String,
    pub(super) correlation_id: String,
    pub(super) org_id: i64,
    /// As this release reads it.
    pub(super) payload: Value,
}

/// What was handled.
#[derive(Clone)]
pub(super) struct Store {
    pub(super) db: Db,
    pub(super) ttl: Duration,
    /// Fault: nothing was ever handled before.
    pub(super) skip_dedup: bool,
}

impl Store {
    /// Those that were not handled before, each once.
    pub(super) async fn fresh(&self, events: Vec<Event>) -> Result<Vec<Event>, DbError> {
        if self.skip_dedup {
            return Ok(events);
        }
        self.db
            .call(move |connection| {
                let mut known = connection.prepare_cached("SELECT 1 FROM processed WHERE event_id = ?1")?;
                let (mut fresh, mut seen) = (Vec::new(), HashSet::new());
                for event in events {
                    let handled = known.query_row([&event.event_id], |_| Ok(())).optional()?.is_some();
                    if !handled && seen.insert(event.event_id.clone()) {
                        fresh.push(event);
                    }
                }
                Ok(fresh)
            })
            .await
    }

    /// Marks events as handled, in one transaction; with their effect, which is a line in the journal.
    pub(super) async fn mark(&self, events: Vec<Event>, with_effect: bool, now_ms: i64) -> Result<(), DbError> {
        let expires_ms = processed::expiry_ms(now_ms, self.ttl);
        self.db
            .transaction(move |tx| {
                processed::sweep(tx, now_ms)?;
                for event in &events {
                    processed::mark(tx, &event.event_id, now_ms, expires_ms)?;
                    if with_effect {
                        tx.prepare_cached(
                            "INSERT INTO handled (event_id, correlation_id, org_id, payload) VALUES (?1, ?2, ?3, ?4)",
                        )?
                        .execute(params![
                            event.event_id,
                            event.correlation_id,
                            event.org_id,
                            event.payload.to_string()
                        ])?;
                    }
                }
                Ok(())
            })
            .await
    }

    /// All that was handled after an entry, oldest first; of one correlation id if one is named.
    pub(super) async fn after(&self, seq: i64, correlation: Option<String>, limit: u32) -> Result<Vec<Entry>, DbError> {
        let sql = "SELECT seq, event_id, correlation_id, org_id, payload FROM handled
                   WHERE seq > ?1 AND (?2 IS NULL OR correlation_id = ?2) ORDER BY seq LIMIT ?3";
        self.db
            .call(move |connection| {
                let read = |row: &rusqlite::Row<'_>| {
                    Ok(Entry {
                        seq: row.get(0)?,
                        event_id: row.get(1)?,
                        correlation_id: row.get(2)?,
                        org_id: row.get(3)?,
                        payload: serde_json::from_str(&row.get::<_, String>(4)?).unwrap_or_default(),
                    })
                };
                let mut statement = connection.prepare_cached(sql)?;
                Ok(statement.query_map(params![seq, correlation, limit], read)?.collect::<Result<_, _>>()?)
            })
            .await
    }
}
