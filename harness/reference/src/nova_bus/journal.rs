//! A journal of handlings: one row for each event that really had its effect, read page by page. It is what can count.

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use crate::shared::clock::rfc3339_ms;
use crate::shared::http::{ApiError, Page};
use crate::shared::sql::{Row, Sql, Store, vals};
use crate::shared::sqlite::DbError;

/// Creates the table if it is not there.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS handled (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    handled_ms INTEGER NOT NULL
);
";

/// A row of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Handling {
    seq: i64,
    event_id: String,
    subject: String,
    handled_at: String,
}

/// Writes a row; to be called inside the transaction of the effect.
pub(super) fn insert(tx: &dyn Sql, event_id: &str, subject: &str, now_ms: i64) -> Result<(), DbError> {
    let sql = "INSERT INTO handled (event_id, subject, handled_ms) VALUES (?1, ?2, ?3)";
    tx.run(sql, vals![event_id, subject, now_ms]).map(drop)
}

/// `GET /handled?after=0&limit=100`.
pub(super) fn routes(db: Store) -> Router {
    Router::new().route("/handled", get(handled)).with_state(db)
}

async fn handled(State(db): State<Store>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let (after, limit) = (page.after, page.limit());
    let items: Vec<Handling> = db
        .read(move |sql| {
            let page = "SELECT seq, event_id, subject, handled_ms FROM handled WHERE seq > ?1 ORDER BY seq LIMIT ?2";
            sql.rows(page, vals![after, limit])?.iter().map(handling).collect()
        })
        .await
        .map_err(ApiError::store)?;
    let next = items.last().map_or(after, |last| last.seq);
    Ok(Json(json!({"items": items, "next": next})))
}

fn handling(row: &Row) -> Result<Handling, DbError> {
    Ok(Handling {
        seq: row.int(0)?,
        event_id: row.text(1)?,
        subject: row.text(2)?,
        handled_at: rfc3339_ms(row.int(3)?),
    })
}
