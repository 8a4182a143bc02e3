//! The event store: every event once, for as long as nobody deletes it, without what is personal; and what follows from it.
//!
//! The facts of a project are a projection: each event adds to them, and they can be made anew from the events.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::photo_portfolio::consumer::{self, Reaction};
use crate::photo_portfolio::event::Event;
use crate::photo_portfolio::topics;
use crate::shared::clock::rfc3339;
use crate::shared::sql::{Row, Sql, vals};
use crate::shared::sqlite::DbError;

/// Fields that analytics has no use for.
const PERSONAL: [&str; 4] = ["token", "clientEmail", "userAgent", "ipAddress"];

/// Every table of the service.
pub(super) fn schema() -> String {
    format!("{EVENTS}{}", consumer::schema())
}

const EVENTS: &str = "
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    aggregate_type TEXT NOT NULL,
    aggregate_id TEXT NOT NULL,
    causation_id TEXT,
    at TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_aggregate ON events (aggregate_type, aggregate_id, at_ms);
CREATE INDEX IF NOT EXISTS events_causation ON events (causation_id);
CREATE TABLE IF NOT EXISTS facts (
    project_id TEXT PRIMARY KEY,
    photos INTEGER NOT NULL DEFAULT 0,
    downloads INTEGER NOT NULL DEFAULT 0,
    views INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    processing_ms INTEGER NOT NULL DEFAULT 0,
    link_ms INTEGER,
    access_ms INTEGER
);
CREATE TABLE IF NOT EXISTS topics (topic TEXT PRIMARY KEY, records INTEGER NOT NULL);
";

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Kept {
    pub(super) event_id: String,
    pub(super) kind: String,
    pub(super) aggregate_id: String,
    pub(super) at: String,
    #[serde(skip)]
    pub(super) at_ms: i64,
    pub(super) data: Value,
}

/// What analytics does with every event.
pub(super) struct Work;

impl Reaction for Work {
    fn react(&self, tx: &dyn Sql, event: &Event, _: DateTime<Utc>) -> Result<bool, DbError> {
        let kept = keep(tx, event)?;
        if event.aggregate_type == "project" {
            add(tx, &kept)?;
        }
        Ok(true)
    }

    fn took(&self, tx: &dyn Sql, topics: &[String]) -> Result<(), DbError> {
        let sql = "INSERT INTO topics (topic, records) VALUES (?1, 1)
                   ON CONFLICT (topic) DO UPDATE SET records = topics.records + 1";
        topics.iter().try_for_each(|topic| tx.run(sql, vals![topic]).map(drop))
    }
}

fn keep(tx: &dyn Sql, event: &Event) -> Result<Kept, DbError> {
    let mut data = event.data.clone();
    if let Some(fields) = data.as_object_mut() {
        PERSONAL.iter().for_each(|name| drop(fields.remove(*name)));
    }
    let kept = Kept {
        event_id: event.id.clone(),
        kind: event.kind.clone(),
        aggregate_id: event.aggregate_id.clone(),
        at: rfc3339(event.at),
        at_ms: event.at.timestamp_millis(),
        data,
    };
    let sql = "INSERT INTO events (event_id, kind, aggregate_type, aggregate_id, causation_id, at, at_ms, data)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    let Kept { event_id, kind, aggregate_id, at, at_ms, data } = &kept;
    let (of, cause, data) = (&event.aggregate_type, event.causation.as_deref(), data.to_string());
    tx.run(sql, vals![event_id, kind, of, aggregate_id, cause, at, *at_ms, &data])?;
    Ok(kept)
}

/// Adds an event to the facts of its project.
fn add(tx: &dyn Sql, event: &Kept) -> Result<(), DbError> {
    let number = |name: &str| event.data[name].as_i64().unwrap_or_default();
    let (photos, downloads, views, bytes, processing) = match event.kind.as_str() {
        topics::UPLOADED => (1, 0, 0, number("fileSizeBytes"), 0),
        topics::DELETED => (0, 0, 0, -number("freedBytes"), 0),
        topics::PROCESSED => (0, 0, 0, 0, number("processingTimeMs")),
        topics::DOWNLOADED => (0, 1, 0, 0, 0),
        topics::VIEWED => (0, 0, 1, 0, 0),
        _ => (0, 0, 0, 0, 0),
    };
    let at = |kind: &str| (event.kind == kind).then_some(event.at_ms);
    let sql = "INSERT INTO facts (project_id, photos, downloads, views, bytes, processing_ms, link_ms, access_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (project_id) DO UPDATE SET photos = facts.photos + excluded.photos,
            downloads = facts.downloads + excluded.downloads, views = facts.views + excluded.views,
            bytes = facts.bytes + excluded.bytes, processing_ms = facts.processing_ms + excluded.processing_ms,
            link_ms = CASE WHEN facts.link_ms <= excluded.link_ms THEN facts.link_ms
                      ELSE coalesce(excluded.link_ms, facts.link_ms) END,
            access_ms = CASE WHEN facts.access_ms <= excluded.access_ms THEN facts.access_ms
                        ELSE coalesce(excluded.access_ms, facts.access_ms) END";
    let times = (at(topics::LINK_CREATED), at(topics::ACCESSED));
    let row = vals![&event.aggregate_id, photos, downloads, views, bytes, processing, times.0, times.1];
    tx.run(sql, row).map(drop)
}

/// Makes the facts of all projects anew from their events; with the fault, on top of what they are.
pub(super) fn rebuild(tx: &dyn Sql, on_top: bool) -> Result<(), DbError> {
    if !on_top {
        tx.run("DELETE FROM facts", &[])?;
    }
    for event in kept(tx, "aggregate_type = ?1", "project")? {
        add(tx, &event)?;
    }
    Ok(())
}

/// Everything that happened to an aggregate, in the order in which it happened.
pub(super) fn history(sql: &dyn Sql, aggregate: &str) -> Result<Vec<Kept>, DbError> {
    kept(sql, "aggregate_id = ?1", aggregate)
}

/// Everything that an event caused.
pub(super) fn caused_by(sql: &dyn Sql, event: &str) -> Result<Vec<Kept>, DbError> {
    kept(sql, "causation_id = ?1", event)
}

fn kept(sql: &dyn Sql, which: &str, of: &str) -> Result<Vec<Kept>, DbError> {
    let those =
        format!("SELECT event_id, kind, aggregate_id, at, at_ms, data FROM events WHERE {which} ORDER BY at_ms, seq");
    let read = |row: &Row| {
        Ok(Kept {
            event_id: row.text(0)?,
            kind: row.text(1)?,
            aggregate_id: row.text(2)?,
            at: row.text(3)?,
            at_ms: row.int(4)?,
            data: serde_json::from_str(&row.text(5)?).unwrap_or_default(),
        })
    };
    sql.rows(&those, vals![of])?.iter().map(read).collect()
}

/// Forgets an aggregate, as a store that was damaged has: also that its events were handled.
pub(super) fn forget(tx: &dyn Sql, aggregate: &str) -> Result<u64, DbError> {
    let marks = "DELETE FROM processed WHERE event_id IN (SELECT event_id FROM events WHERE aggregate_id = ?1)";
    tx.run(marks, vals![aggregate])?;
    tx.run("DELETE FROM facts WHERE project_id = ?1", vals![aggregate])?;
    tx.run("DELETE FROM events WHERE aggregate_id = ?1", vals![aggregate])
}

/// What is known of a project, as names with their values.
pub(super) fn facts(sql: &dyn Sql, project: &str) -> Result<Vec<(String, i64)>, DbError> {
    let of_project =
        "SELECT photos, downloads, views, bytes, processing_ms, access_ms - link_ms FROM facts WHERE project_id = ?1";
    let names = ["photos", "downloads", "views", "storage bytes", "processing ms", "ms from link to first access"];
    let Some(row) = sql.row(of_project, vals![project])? else { return Ok(Vec::new()) };
    let values = (0..names.len()).map(|at| row.maybe_int(at)).collect::<Result<Vec<_>, _>>()?;
    Ok(names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect())
}

/// Topics of which records were taken, with how many.
pub(super) fn topics_read(sql: &dyn Sql) -> Result<Vec<(String, i64)>, DbError> {
    let rows = sql.rows("SELECT topic, records FROM topics ORDER BY topic", &[])?;
    rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
