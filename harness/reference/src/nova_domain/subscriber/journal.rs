//! What a service handled: the marks by which duplicates are told, and a line for every event that had its effect.

use serde::Serialize;

use super::super::envelope::Event;
use crate::shared::processed;
use crate::shared::sql::{Row, Sql, Store, Val, vals};
use crate::shared::sqlite::DbError;

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
pub(super) fn is_known(tx: &dyn Sql, service: &str, event_id: &str) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM processed WHERE event_id = ?1";
    Ok(tx.row(sql, vals![&mark_of(service, event_id)])?.is_some())
}

/// Marks the event handled, with a line if it had its effect.
pub(super) fn mark(
    tx: &dyn Sql,
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
        let subject = event.text(event.kind.aggregate);
        tx.run(sql, vals![service, &event.id, event.kind.event, subject, &event.causation_id])?;
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
pub(super) async fn lines(db: &Store, service: &'static str, which: Which, limit: u32) -> Result<Vec<Line>, DbError> {
    db.read(move |sql| {
        let (condition, value) = match &which {
            Which::After(seq) => ("seq > ?2", Val::from(*seq)),
            Which::OfSubject(subject) => ("subject = ?2", Val::from(subject)),
            Which::CausedBy(event) => ("causation_id = ?2", Val::from(event)),
        };
        let those = format!(
            "SELECT seq, event_id, event_type, subject, causation_id FROM handled
             WHERE service = ?1 AND {condition} ORDER BY seq LIMIT ?3"
        );
        sql.rows(&those, vals![service, value, limit])?.iter().map(line).collect()
    })
    .await
}

fn line(row: &Row) -> Result<Line, DbError> {
    Ok(Line {
        seq: row.int(0)?,
        event_id: row.text(1)?,
        event_type: row.text(2)?,
        subject: row.text(3)?,
        causation_id: row.text(4)?,
    })
}
