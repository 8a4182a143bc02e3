//! What was done: a journal with one line for each effect, the marks by which duplicates are told, and for whoever keeps them here
//! the positions up to which it has read.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use super::job::Job;
use crate::shared::http::{ApiError, Page};
use crate::shared::processed;
use crate::shared::sqlite::{Db, DbError};

/// Longer than any run.
const TTL: Duration = Duration::from_secs(24 * 3600);

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS handled (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS position (
    topic TEXT NOT NULL,
    part INTEGER NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (topic, part)
);
";

/// Everything that is kept.
pub(super) fn schema() -> String {
    format!("{TABLES}{}", processed::SCHEMA)
}

/// A service's ledger; clones share it.
#[derive(Clone)]
pub(super) struct Ledger {
    pub(super) db: Db,
    /// Does a job again however often it comes.
    pub(super) skip_dedup: bool,
}

/// Topic, partition, and the offset that is read next.
pub(super) type Next = (String, i32, i64);

impl Ledger {
    /// Writes the effect of a job that was not done before, and how far that is, in one transaction.
    pub(super) async fn done(&self, job: &Job, now_ms: i64, next: Option<Next>) -> Result<(), DbError> {
        let (job, skip_dedup) = (job.clone(), self.skip_dedup);
        let work = move |tx: &rusqlite::Transaction<'_>| {
            let is_new = processed::mark(tx, &job.event_id, now_ms, processed::expiry_ms(now_ms, TTL))?;
            if is_new || skip_dedup {
                let line = "INSERT INTO handled (event_id, subject) VALUES (?1, ?2)";
                tx.execute(line, params![job.event_id, job.subject])?;
            }
            next.map_or(Ok(()), |next| set_position(tx, &next))
        };
        self.db.transaction(work).await
    }

    /// Writes an effect, whether it was done before or not, and remembers nothing.
    pub(super) async fn done_unmarked(&self, job: &Job) -> Result<(), DbError> {
        let job = job.clone();
        let line = "INSERT INTO handled (event_id, subject) VALUES (?1, ?2)";
        self.db.call(move |db| Ok(db.execute(line, params![job.event_id, job.subject]).map(drop)?)).await
    }

    /// Passes over what is no job.
    pub(super) async fn skipped(&self, next: Next) -> Result<(), DbError> {
        self.db.transaction(move |tx| set_position(tx, &next)).await
    }

    /// Where to read on, if anything was read before.
    pub(super) async fn position(&self, topic: String, partition: i32) -> Result<Option<i64>, DbError> {
        let asked = "SELECT next FROM position WHERE topic = ?1 AND part = ?2";
        let found =
            self.db.call(move |db| Ok(db.query_row(asked, params![topic, partition], |row| row.get(0)).optional()?));
        found.await
    }

    async fn after(&self, after: i64, limit: u32) -> Result<Vec<(i64, String, String)>, DbError> {
        let page = "SELECT seq, event_id, subject FROM handled WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let rows = self.db.call(move |db| {
            let mut statement = db.prepare_cached(page)?;
            let rows = statement.query_map(params![after, limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        rows.await
    }
}

fn set_position(tx: &rusqlite::Transaction<'_>, next: &Next) -> Result<(), DbError> {
    let (topic, partition, offset) = next;
    let sql = "INSERT INTO position (topic, part, next) VALUES (?1, ?2, ?3)
               ON CONFLICT (topic, part) DO UPDATE SET next = excluded.next";
    tx.execute(sql, params![topic, partition, offset])?;
    Ok(())
}

/// `GET /handled?after=0`.
pub(super) fn routes(ledger: Arc<Ledger>) -> Router {
    Router::new().route("/handled", get(handled)).with_state(ledger)
}

async fn handled(State(ledger): State<Arc<Ledger>>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let lines = ledger.after(page.after, page.limit()).await.map_err(ApiError::store)?;
    let next = lines.last().map_or(page.after, |(seq, ..)| *seq);
    let items: Vec<Value> = lines
        .into_iter()
        .map(|(seq, event_id, subject)| json!({"seq": seq, "event_id": event_id, "subject": subject}))
        .collect();
    Ok(Json(json!({"items": items, "next": next})))
}
