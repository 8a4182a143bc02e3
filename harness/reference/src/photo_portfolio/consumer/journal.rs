//! What a service handled: which events it knows, and one entry for each effect, over HTTP.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use crate::photo_portfolio::event::Event;
use crate::shared::http::{ApiError, Page};
use crate::shared::processed;
use crate::shared::sql::{Row, Sql, Store, vals};
use crate::shared::sqlite::DbError;

/// The tables of every consumer.
pub(crate) fn schema() -> String {
    format!("{HANDLED}{}{}", processed::SCHEMA, super::letters::SCHEMA)
}

const HANDLED: &str = "
CREATE TABLE IF NOT EXISTS handled (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    aggregate_id TEXT NOT NULL
);
";

/// How a service tells that it knows an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dedup {
    pub(crate) ttl: Duration,
    /// Fault: every event is new.
    pub(crate) skip: bool,
    /// Fault: an event under its old name is another event.
    pub(crate) by_name: bool,
}

impl Dedup {
    /// What an event is known by.
    pub(crate) fn id(&self, event: &Event) -> String {
        if self.by_name { format!("{} {}", event.spelled, event.id) } else { event.id.clone() }
    }

    /// Checks and marks within the transaction of the effect: whether the event is to be handled.
    pub(crate) fn is_new(&self, tx: &dyn Sql, event: &Event, now_ms: i64) -> Result<bool, DbError> {
        let fresh = processed::mark(tx, &self.id(event), now_ms, processed::expiry_ms(now_ms, self.ttl))?;
        Ok(fresh || self.skip)
    }
}

/// Writes an effect down; to be called in its transaction.
pub(crate) fn note(tx: &dyn Sql, event: &Event) -> Result<(), DbError> {
    let sql = "INSERT INTO handled (event_id, kind, aggregate_id) VALUES (?1, ?2, ?3)";
    tx.run(sql, vals![&event.id, &event.kind, &event.aggregate_id]).map(drop)
}

#[derive(Debug, Serialize)]
struct Entry {
    seq: i64,
    event_id: String,
    kind: String,
    aggregate_id: String,
}

/// `GET /handled`.
pub(crate) fn routes(db: Store) -> Router {
    Router::new().route("/handled", get(handled)).with_state(db)
}

async fn handled(State(db): State<Store>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let (after, limit) = (page.after, page.limit());
    let items = db.read(move |sql| entries(sql, after, limit)).await.map_err(ApiError::store)?;
    let next = items.last().map_or(after, |last| last.seq);
    Ok(Json(json!({"items": items, "next": next})))
}

fn entries(sql: &dyn Sql, after: i64, limit: u32) -> Result<Vec<Entry>, DbError> {
    let page = "SELECT seq, event_id, kind, aggregate_id FROM handled WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let read = |row: &Row| {
        Ok(Entry { seq: row.int(0)?, event_id: row.text(1)?, kind: row.text(2)?, aggregate_id: row.text(3)? })
    };
    sql.rows(page, vals![after, limit])?.iter().map(read).collect()
}
