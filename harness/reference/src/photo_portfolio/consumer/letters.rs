//! Dead letters for review: a person lists what could not be handled, and has one tried again.
//!
//! Trying again means: the record goes back to its own topic as it was. Whoever handled it knows its id, and leaves it.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::photo_portfolio::event;
use crate::shared::http::ApiError;
use crate::shared::kafka::{OutRecord, Publish, Record};
use crate::shared::sqlite::{Db, DbError};

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
pub(super) fn keep(tx: &Connection, letters: Vec<Letter>) -> Result<(), DbError> {
    let sql = "INSERT OR IGNORE INTO dead_letters (topic, partition, position, event_id, reason, record_key, value)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    for Letter { record, event_id, reason } in letters {
        let Record { topic, partition, offset, key, payload, .. } = record;
        tx.prepare_cached(sql)?.execute(params![topic, partition, offset, event_id, reason, key, payload])?;
    }
    Ok(())
}

/// A letter as it is listed: without the record itself, which may hold a token.
#[derive(Debug, Serialize)]
struct Listed {
    id: i64,
    topic: String,
    partition: i32,
    offset: i64,
    event_id: Option<String>,
    reason: String,
    state: String,
}

#[derive(Clone)]
struct Review {
    db: Db,
    publisher: Arc<dyn Publish>,
}

#[derive(Deserialize)]
struct Of {
    event: Option<String>,
}

/// `GET /dead-letters?event=ID`, `POST /dead-letters/{id or event id}/replay`.
pub(crate) fn routes(db: Db, publisher: Arc<dyn Publish>) -> Router {
    Router::new()
        .route("/dead-letters", get(list))
        .route("/dead-letters/{which}/replay", post(replay))
        .with_state(Review { db, publisher })
}

async fn list(State(review): State<Review>, Query(of): Query<Of>) -> Result<Json<Value>, ApiError> {
    let items = review.db.call(move |c| listed(c, of.event.as_deref())).await.map_err(ApiError::store)?;
    Ok(Json(json!({"items": items})))
}

fn listed(connection: &Connection, event: Option<&str>) -> Result<Vec<Listed>, DbError> {
    let sql = "SELECT id, topic, partition, position, event_id, reason, state FROM dead_letters
               WHERE ?1 IS NULL OR event_id = ?1 ORDER BY id LIMIT ?2";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Listed {
            id: row.get(0)?,
            topic: row.get(1)?,
            partition: row.get(2)?,
            offset: row.get(3)?,
            event_id: row.get(4)?,
            reason: row.get(5)?,
            state: row.get(6)?,
        })
    };
    Ok(connection.prepare_cached(sql)?.query_map(params![event, LISTED], read)?.collect::<Result<_, _>>()?)
}

async fn replay(State(review): State<Review>, Path(which): Path<String>) -> Result<Json<Value>, ApiError> {
    let asked = which.clone();
    let found = review.db.call(move |c| waiting(c, &asked)).await.map_err(ApiError::store)?;
    let (id, record) = found.ok_or_else(|| ApiError::NotFound(format!("no letter {which} is waiting")))?;
    let topic = record.topic.clone();
    match review.publisher.publish(vec![record]).await.pop() {
        Some(Ok(())) => {}
        Some(Err(error)) => return Err(ApiError::Unavailable(error.to_string())),
        None => return Err(ApiError::Unavailable("the record was not handed over".into())),
    }
    let sql = "UPDATE dead_letters SET state = 'replayed' WHERE id = ?1";
    review.db.call(move |c| Ok(c.execute(sql, [id])?)).await.map_err(ApiError::store)?;
    Ok(Json(json!({"id": id, "topic": topic, "state": "replayed"})))
}

/// The newest letter of that id or event that is waiting, as a record for its own topic.
fn waiting(connection: &Connection, which: &str) -> Result<Option<(i64, OutRecord)>, DbError> {
    let sql = "SELECT id, topic, record_key, value FROM dead_letters
               WHERE state = 'waiting' AND (event_id = ?1 OR CAST(id AS TEXT) = ?1) ORDER BY id DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| {
        let (topic, key, payload) = (row.get(1)?, row.get(2)?, row.get(3)?);
        Ok((row.get(0)?, OutRecord { topic, partition: None, key, payload, headers: Vec::new() }))
    };
    Ok(connection.prepare_cached(sql)?.query_row([which], read).optional()?)
}
