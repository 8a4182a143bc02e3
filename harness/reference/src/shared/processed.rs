//! Remembering which events were handled: a table of event ids, each for as long as it is said; for how long can be asked over HTTP.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::http::ApiError;
use super::sql::{Sql, Store, vals};
use super::sqlite::DbError;

/// Creates the table if it is not there.
pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS processed (
    event_id TEXT PRIMARY KEY,
    marked_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS processed_expiry ON processed (expires_ms);
";

/// Most forgotten ids that one batch sweeps away.
const SWEEP: u32 = 500;

/// When an id that is marked now is forgotten.
pub(crate) fn expiry_ms(now_ms: i64, ttl: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX / 2))
}

/// Checks and marks in one statement, within the transaction of the effect: false if the id is remembered and its time has not
/// run out.
pub(crate) fn mark(tx: &dyn Sql, event_id: &str, now_ms: i64, expires_ms: i64) -> Result<bool, DbError> {
    Ok(tx.run(MARK, vals![event_id, now_ms, expires_ms])? > 0)
}

/// Marks several, whatever is remembered of them.
pub(crate) fn mark_all(tx: &dyn Sql, event_ids: &[&str], now_ms: i64, expires_ms: i64) -> Result<(), DbError> {
    let all: Vec<_> = event_ids.iter().map(|id| vals![*id, now_ms, expires_ms].to_vec()).collect();
    tx.rows_each(MARK, &all).map(drop)
}

const MARK: &str = "INSERT INTO processed (event_id, marked_ms, expires_ms) VALUES (?1, ?2, ?3)
    ON CONFLICT (event_id) DO UPDATE SET marked_ms = excluded.marked_ms, expires_ms = excluded.expires_ms
    WHERE processed.expires_ms <= ?2";

/// Whether the id is remembered; marks nothing.
pub(crate) fn is_marked(tx: &dyn Sql, event_id: &str, now_ms: i64) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM processed WHERE event_id = ?1 AND expires_ms > ?2";
    Ok(tx.row(sql, vals![event_id, now_ms])?.is_some())
}

/// Forgets what may be forgotten.
pub(crate) fn sweep(tx: &dyn Sql, now_ms: i64) -> Result<(), DbError> {
    let sql =
        "DELETE FROM processed WHERE event_id IN (SELECT event_id FROM processed WHERE expires_ms <= ?1 LIMIT ?2)";
    tx.run(sql, vals![now_ms, SWEEP])?;
    Ok(())
}

/// `GET /processed/{event}`: for how many seconds in all the id is remembered, as it stands in the store; nothing if it is not there.
/// `prefix` stands before an event's id in the store.
pub(crate) fn routes(db: Store, prefix: String) -> Router {
    Router::new().route("/processed/{event}", get(remembered)).with_state((db, prefix))
}

type Asked = (Store, String);

async fn remembered(State((db, prefix)): State<Asked>, Path(event): Path<String>) -> Result<Json<Value>, ApiError> {
    let id = format!("{prefix}{event}");
    let seconds = db.read(move |sql| lifetime_seconds(sql, &id)).await.map_err(ApiError::store)?;
    Ok(Json(lifetime_json(seconds)))
}

/// What is answered of a lifetime.
pub(crate) fn lifetime_json(seconds: Option<i64>) -> Value {
    let items: Vec<Value> = seconds.into_iter().map(|seconds| json!({"lifetime_seconds": seconds})).collect();
    json!({"items": items})
}

/// From being marked to being forgotten.
pub(crate) fn lifetime_seconds(sql: &dyn Sql, id: &str) -> Result<Option<i64>, DbError> {
    let of_id = "SELECT (expires_ms - marked_ms) / 1000 FROM processed WHERE event_id = ?1";
    sql.row(of_id, vals![id])?.map(|row| row.int(0)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::settings::StoreUrl;
    use crate::shared::sqlite::Db;

    #[tokio::test]
    async fn a_lifetime_is_that_of_the_last_mark() {
        let db = Db::open(&StoreUrl::SqliteMemory, SCHEMA).unwrap();
        let lifetime = db.transaction(|tx| {
            assert_eq!(lifetime_seconds(tx, "e")?, None);
            mark(tx, "e", 1_000, expiry_ms(1_000, Duration::from_secs(7)))?;
            assert!(!mark(tx, "e", 2_000, 900_000)?, "it is remembered");
            assert_eq!(lifetime_seconds(tx, "e")?, Some(7));
            assert!(mark(tx, "e", 9_000, expiry_ms(9_000, Duration::from_secs(5)))?);
            lifetime_seconds(tx, "e")
        });
        assert_eq!(lifetime.await.unwrap(), Some(5));
    }
}
