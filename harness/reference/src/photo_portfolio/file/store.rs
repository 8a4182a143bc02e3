//! Media. Every change and its event are one transaction.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::NAME;
use crate::photo_portfolio::consumer::{self, Reaction};
use crate::photo_portfolio::event::{self, About, Event};
use crate::photo_portfolio::topics;
use crate::shared::outbox::{self, NewEvent};
use crate::shared::sql::{Sql, vals};
use crate::shared::sqlite::DbError;

/// Every table of the service.
pub(super) fn schema() -> String {
    format!("{MEDIA}{}{}", outbox::SCHEMA, consumer::schema())
}

/// `event_id` is the upload's event: its row in the outbox says whether it was published. Without an outbox (a fault) `told` does.
const MEDIA: &str = "
CREATE TABLE IF NOT EXISTS media (
    id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL,
    file_name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    told INTEGER NOT NULL DEFAULT 0,
    processed INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0
);
";

/// Resolutions that are made of an upload; the original stays beside them.
const MADE: [&str; 4] = ["original", "high", "medium", "thumb"];

/// A photo to be stored.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) project: String,
    pub(super) file_name: String,
    pub(super) size_bytes: i64,
    pub(super) by: String,
}

impl Upload {
    /// The event of the upload.
    pub(super) fn told(&self, correlation: Option<String>, now: DateTime<Utc>) -> NewEvent {
        let data = json!({
            "projectId": self.project,
            "mediaId": self.id,
            "originalFileName": self.file_name,
            "fileSizeBytes": self.size_bytes,
            "uploadedBy": self.by,
        });
        event::make(topics::UPLOADED, About::project(NAME, &self.project, &self.by, correlation), &data, now)
    }
}

/// Stores a photo.
pub(super) fn insert(tx: &dyn Sql, upload: &Upload, event_id: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO media (id, project_id, file_name, size_bytes, event_id) VALUES (?1, ?2, ?3, ?4, ?5)";
    let Upload { id, project, file_name, size_bytes, .. } = upload;
    tx.run(sql, vals![id, project, file_name, *size_bytes, event_id]).map(drop)
}

/// The event of a photo was acknowledged, though it had no row in the outbox.
pub(super) fn mark_told(tx: &dyn Sql, media: &str) -> Result<(), DbError> {
    tx.run("UPDATE media SET told = 1 WHERE id = ?1", vals![media]).map(drop)
}

/// `stored` until the event of the upload was acknowledged, then `published`; later `processed` and `deleted`.
pub(super) fn states(sql: &dyn Sql, media: &str) -> Result<Vec<String>, DbError> {
    let of_media = "SELECT told = 1 OR coalesce(outbox.state, '') = 'published', processed, deleted
                    FROM media LEFT JOIN outbox ON outbox.event_id = media.event_id WHERE media.id = ?1";
    let Some(row) = sql.row(of_media, vals![media])? else { return Ok(Vec::new()) };
    let reached = [row.flag(0)?, row.flag(1)?, row.flag(2)?];
    let names = ["published", "processed", "deleted"].into_iter().zip(reached).filter(|(_, reached)| *reached);
    Ok(["stored"].into_iter().chain(names.map(|(name, _)| name)).map(str::to_owned).collect())
}

/// Project and size of a photo that is there.
pub(super) fn find(sql: &dyn Sql, media: &str) -> Result<Option<(String, i64)>, DbError> {
    let there = "SELECT project_id, size_bytes FROM media WHERE id = ?1 AND deleted = 0";
    sql.row(there, vals![media])?.map(|row| Ok((row.text(0)?, row.int(1)?))).transpose()
}

/// What the service does with its own events: it processes what was uploaded and deletes what is to be deleted.
pub(super) struct Work {
    /// Fault: gives what it makes a correlation id of its own.
    pub(super) new_correlation: bool,
    /// Fault: does not say what it made it of.
    pub(super) no_causation: bool,
}

impl Reaction for Work {
    fn react(&self, tx: &dyn Sql, event: &Event, now: DateTime<Utc>) -> Result<bool, DbError> {
        let media = event.data["mediaId"].as_str().unwrap_or_default();
        let (kind, data) = match event.kind.as_str() {
            topics::UPLOADED => {
                tx.run("UPDATE media SET processed = 1 WHERE id = ?1", vals![media])?;
                (topics::PROCESSED, processed(event, media, now))
            }
            topics::DELETION_REQUESTED => {
                let freed = find(tx, media)?.map_or(0, |(_, size)| size);
                tx.run("UPDATE media SET deleted = 1 WHERE id = ?1", vals![media])?;
                (topics::DELETED, json!({"projectId": event.aggregate_id, "mediaId": media, "freedBytes": freed}))
            }
            _ => return Ok(false),
        };
        let mut about = About::following(NAME, event);
        if self.new_correlation {
            about.correlation = Some(Uuid::new_v4().to_string());
        }
        about.causation = about.causation.filter(|_| !self.no_causation);
        outbox::insert(tx, &event::make(kind, about, &data, now), now.timestamp_millis())?;
        Ok(true)
    }
}

fn processed(event: &Event, media: &str, now: DateTime<Utc>) -> serde_json::Value {
    let size = event.data["fileSizeBytes"].as_u64().unwrap_or_default();
    json!({
        "projectId": event.aggregate_id,
        "mediaId": media,
        "resolutions": MADE,
        "processingTimeMs": (now - event.at).num_milliseconds().max(0),
        // Smaller copies take half as much again.
        "totalSizeBytes": size + size / 2,
    })
}
