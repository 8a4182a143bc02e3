//! Dead letters for review: a person lists what could not be handled, and has one tried again.
//!
//! Trying again means: the record goes back to its own topic as it was. Whoever handled it knows its id, and leaves it.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::photo_portfolio::event;
use crate::shared::http::ApiError;
use crate::shared::kafka::{OutRecord, Publish, Record};
use crate::shared::sql::{Row, Sql, Store, vals};
use crate::shared::sqlite::DbError;

/// Most letters in one answer.
const LISTED: u32 = 1_000;

pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    position INTEGER NOT NULL,
    event_id TEXT,
    reason TEXT NOT NULL,
    record_key BLOB,
    value BLOB,
    state TEXT NOT NULL DEFAULT 'waiting',
    UNIQUE (topic, partition, position)
);
";

/// A record that could not be handled.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    record: Record,
    event_id: Option<String>,
    reason: String,
}

impl Letter {
    pub(super) fn of(record: &Record, reason: &str) -> Letter {
        Letter { record: record.clone(), event_id: event::id_of(record), reason: reason.to_owned() }
    }
}

/// Keeps letters; one that is kept already stays as it is.
pub(super) fn keep(tx: &dyn Sql, letters: Vec<Letter>) -> Result<(), DbError> {
    let sql = "INSERT INTO dead_letters (topic, partition, position, event_id, reason, record_key, value)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    for Letter { record, event_id, reason } in &letters {
        let Record { topic, partition, offset, key, payload, .. } = record;
        let (id, key, payload) = (event_id.as_deref(), key.as_deref(), payload.as_deref());
        tx.run(sql, vals![topic, *partition, *offset, id, reason, key, payload])?;
    }
    Ok(())
}

/// A letter as it is listed: without the record itself, which may hold a token.
#[derive(Debug, Serialize)]
struct Listed {
    id: i64,
    topic: String,
    partition: i64,
    offset: i64,
    event_id: Option<String>,
    reason: String,
    state: String,
}

#[derive(Clone)]
struct Review {
    db: Store,
    publisher: Arc<dyn Publish>,
}

#[derive(Deserialize)]
struct Of {
    event: Option<String>,
}

/// `GET /dead-letters?event=ID`, `POST /dead-letters/{id or event id}/replay`.
pub(crate) fn routes(db: Store, publisher: Arc<dyn Publish>) -> Router {
    Router::new()
        .route("/dead-letters", get(list))
        .route("/dead-letters/{which}/replay", post(replay))
        .with_state(Review { db, publisher })
}

async fn list(State(review): State<Review>, Query(of): Query<Of>) -> Result<Json<Value>, ApiError> {
    let items = review.db.read(move |sql| listed(sql, of.event.as_deref())).await.map_err(ApiError::store)?;
    Ok(Json(json!({"items": items})))
}

fn listed(sql: &dyn Sql, event: Option<&str>) -> Result<Vec<Listed>, DbError> {
    let letters = "SELECT id, topic, partition, position, event_id, reason, state FROM dead_letters
               WHERE event_id = ?1 OR ?1 IS NULL ORDER BY id LIMIT ?2";
    let read = |row: &Row| {
        Ok(Listed {
            id: row.int(0)?,
            topic: row.text(1)?,
            partition: row.int(2)?,
            offset: row.int(3)?,
            event_id: row.maybe_text(4)?,
            reason: row.text(5)?,
            state: row.text(6)?,
        })
    };
    sql.rows(letters, vals![event, LISTED])?.iter().map(read).collect()
}

async fn replay(State(review): State<Review>, Path(which): Path<String>) -> Result<Json<Value>, ApiError> {
    let asked = which.clone();
    let found = review.db.read(move |sql| waiting(sql, &asked)).await.map_err(ApiError::store)?;
    let (id, record) = found.ok_or_else(|| ApiError::NotFound(format!("no letter {which} is waiting")))?;
    let topic = record.topic.clone();
    match review.publisher.publish(vec![record]).await.pop() {
        Some(Ok(())) => {}
        Some(Err(error)) => return Err(ApiError::Unavailable(error.to_string())),
        None => return Err(ApiError::Unavailable("the record was not handed over".into())),
    }
    let sql = "UPDATE dead_letters SET state = 'replayed' WHERE id = ?1";
    review.db.write(move |tx| tx.run(sql, vals![id])).await.map_err(ApiError::store)?;
    Ok(Json(json!({"id": id, "topic": topic, "state": "replayed"})))
}

/// The newest letter of that id or event that is waiting, as a record for its own topic.
fn waiting(sql: &dyn Sql, which: &str) -> Result<Option<(i64, OutRecord)>, DbError> {
    let newest = "SELECT id, topic, record_key, value FROM dead_letters
                  WHERE state = 'waiting' AND (event_id = ?1 OR id = ?2) ORDER BY id DESC LIMIT 1";
    let read = |row: Row| {
        let (topic, key, payload) = (row.text(1)?, row.maybe_bytes(2)?, row.maybe_bytes(3)?);
        Ok((row.int(0)?, OutRecord { topic, partition: None, key, payload, headers: Vec::new() }))
    };
    sql.row(newest, vals![which, which.parse::<i64>().ok()])?.map(read).transpose()
}
