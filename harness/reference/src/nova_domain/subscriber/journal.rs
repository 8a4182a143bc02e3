//! What a service handled: the marks by which duplicates are told, and a line for every event that had its effect.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::super::envelope::Event;
use crate::shared::processed;
use crate::shared::sqlite::{Db, DbError};

/// Everything that is kept. The writing services share a store, so each line and each mark says whose it is.
pub(super) fn schema() -> String {
    format!("{HANDLED}{}", processed::SCHEMA)
}

const HANDLED: &str = "
CREATE TABLE IF NOT EXISTS handled (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    subject TEXT NOT NULL,
    causation_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS handled_service ON handled (service, seq);
CREATE INDEX IF NOT EXISTS handled_subject ON handled (subject);
CREATE INDEX IF NOT EXISTS handled_causation ON handled (causation_id);
";

/// An event that was handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) seq: i64,
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) subject: String,
    pub(super) causation_id: String,
}

/// What stands before an event's id in a mark.
pub(super) fn mark_prefix(service: &str) -> String {
    format!("{service} ")
}

fn mark_of(service: &str, event_id: &str) -> String {
    format!("{}{event_id}", mark_prefix(service))
}

/// Whether the service handled the event before.
pub(super) fn is_known(tx: &Connection, service: &str, event_id: &str) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM processed WHERE event_id = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([mark_of(service, event_id)], |_| Ok(())).optional()?.is_some())
}

/// Marks the event handled, with a line if it had its effect.
pub(super) fn mark(
    tx: &Connection,
    service: &str,
    event: &Event,
    with_effect: bool,
    now_ms: i64,
    expires_ms: i64,
) -> Result<(), DbError> {
    processed::mark(tx, &mark_of(service, &event.id), now_ms, expires_ms)?;
    if with_effect {
        let sql =
            "INSERT INTO handled (service, event_id, event_type, subject, causation_id) VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![service, event.id, event.kind.event, event.text(event.kind.aggregate), event.causation_id];
        tx.prepare_cached(sql)?.execute(values)?;
    }
    Ok(())
}

/// Which lines are asked for.
#[derive(Debug, Clone)]
pub(super) enum Which {
    After(i64),
    OfSubject(String),
    CausedBy(String),
}

/// The lines of a service, oldest first.
pub(super) async fn lines(db: &Db, service: &'static str, which: Which, limit: u32) -> Result<Vec<Line>, DbError> {
    let (condition, value) = match which {
        Which::After(seq) => ("seq > CAST(?2 AS INTEGER)", seq.to_string()),
        Which::OfSubject(subject) => ("subject = ?2", subject),
        Which::CausedBy(event) => ("causation_id = ?2", event),
    };
    let sql = format!(
        "SELECT seq, event_id, event_type, subject, causation_id FROM handled
         WHERE service = ?1 AND {condition} ORDER BY seq LIMIT ?3"
    );
    db.call(move |connection| {
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Line {
                seq: row.get(0)?,
                event_id: row.get(1)?,
                event_type: row.get(2)?,
                subject: row.get(3)?,
                causation_id: row.get(4)?,
            })
        };
        let mut statement = connection.prepare_cached(&sql)?;
        Ok(statement.query_map(params![service, value, limit], read)?.collect::<Result<_, _>>()?)
    })
    .await
}
