//! What a processor handled.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::super::envelope::Event;
use crate::shared::processed;
use crate::shared::sql::{Row, Store, vals};
use crate::shared::sqlite::DbError;

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
pub(super) struct Journal {
    pub(super) db: Store,
    pub(super) ttl: Duration,
    /// Fault: nothing was ever handled before.
    pub(super) skip_dedup: bool,
}

impl Journal {
    /// Those that were not handled before, each once.
    pub(super) async fn fresh(&self, events: Vec<Event>) -> Result<Vec<Event>, DbError> {
        if self.skip_dedup {
            return Ok(events);
        }
        self.db
            .read(move |sql| {
                let ids: Vec<_> = events.iter().map(|event| vals![&event.event_id].to_vec()).collect();
                let known = sql.rows_each("SELECT 1 FROM processed WHERE event_id = ?1", &ids)?;
                let mut seen = HashSet::new();
                let all = events.iter().zip(known);
                let fresh = all.filter(|(event, known)| known.is_empty() && seen.insert(&event.event_id));
                Ok(fresh.map(|(event, _)| event.clone()).collect())
            })
            .await
    }

    /// Marks events as handled, in one transaction; with their effect, which is a line in the journal.
    pub(super) async fn mark(&self, events: Vec<Event>, with_effect: bool, now_ms: i64) -> Result<(), DbError> {
        let expires_ms = processed::expiry_ms(now_ms, self.ttl);
        let line = "INSERT INTO handled (event_id, correlation_id, org_id, payload) VALUES (?1, ?2, ?3, ?4)";
        self.db
            .write(move |tx| {
                processed::sweep(tx, now_ms)?;
                let ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
                processed::mark_all(tx, &ids, now_ms, expires_ms)?;
                let effects = if with_effect { events.as_slice() } else { &[] };
                let payloads: Vec<String> = effects.iter().map(|event| event.payload.to_string()).collect();
                let lines = effects.iter().zip(&payloads).map(|(event, payload)| {
                    vals![&event.event_id, &event.correlation_id, event.org_id, payload].to_vec()
                });
                tx.rows_each(line, &lines.collect::<Vec<_>>()).map(drop)
            })
            .await
    }

    /// All that was handled after an entry, oldest first; of one correlation id if one is named.
    pub(super) async fn after(&self, seq: i64, correlation: Option<String>, limit: u32) -> Result<Vec<Entry>, DbError> {
        let page = "SELECT seq, event_id, correlation_id, org_id, payload FROM handled
                    WHERE seq > ?1 AND (correlation_id = ?2 OR ?2 IS NULL) ORDER BY seq LIMIT ?3";
        self.db
            .read(move |sql| sql.rows(page, vals![seq, correlation.as_deref(), limit])?.iter().map(entry).collect())
            .await
    }
}

fn entry(row: &Row) -> Result<Entry, DbError> {
    Ok(Entry {
        seq: row.int(0)?,
        event_id: row.text(1)?,
        correlation_id: row.text(2)?,
        org_id: row.int(3)?,
        payload: serde_json::from_str(&row.text(4)?).unwrap_or_default(),
    })
}
