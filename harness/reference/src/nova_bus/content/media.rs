//! Uploads that wait for a post: each user's own, for a limited time, until a post takes all of them.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::super::event_type;
use super::super::reading::{Leniency, Payload, Refusal, event_id_of, said};
use super::super::taking::{Take, Taken};
use crate::shared::clock::{Clock, rfc3339_ms};
use crate::shared::http::ApiError;
use crate::shared::kafka::Record;
use crate::shared::processed;
use crate::shared::sql::{Sql, Store, vals};
use crate::shared::sqlite::DbError;

/// One row for each upload: a second one stands beside the first.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS pending_media (
    user_id TEXT NOT NULL,
    media_id TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, media_id)
) WITHOUT ROWID;
";

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Uploaded {
    user_id: String,
    media_id: String,
}

/// Keeps uploads for the user's next post.
#[derive(Debug, Clone)]
pub(super) struct KeepMedia {
    /// How long an upload waits.
    pub(super) ttl: Duration,
    /// Fault: one place for each user, as in the document's sample.
    pub(super) second_erases: bool,
    /// Fault: a record without event_type is an upload.
    pub(super) takes_untyped: bool,
    pub(super) leniency: Leniency,
}

impl Take for KeepMedia {
    type Change = Uploaded;

    fn read(&self, record: &Record) -> Result<Option<Taken<Uploaded>>, Refusal> {
        let event_id = match said(record, self.leniency) {
            Err(Refusal::NoHeader("event_type")) if self.takes_untyped => event_id_of(record)?,
            read => match read? {
                said if said.event_type == event_type::UPLOADED => said.event_id,
                _ => return Ok(None),
            },
        };
        let payload = Payload::read(record, self.leniency)?;
        payload.id("upload_id")?;
        payload.time("uploaded_at")?;
        let change = Uploaded { user_id: payload.id("user_id")?, media_id: payload.id("media_id")? };
        Ok(Some(Taken { event_id: event_id.into(), subject: change.media_id.clone(), change }))
    }

    fn effect(&self, tx: &dyn Sql, taken: &Taken<Uploaded>, now_ms: i64) -> Result<(), DbError> {
        let Uploaded { user_id, media_id } = &taken.change;
        let sql = "DELETE FROM pending_media WHERE user_id = ?1 AND (?2 OR expires_ms <= ?3)";
        tx.run(sql, vals![user_id, self.second_erases, now_ms])?;
        let expires_ms = processed::expiry_ms(now_ms, self.ttl);
        let sql = "INSERT INTO pending_media (user_id, media_id, expires_ms) VALUES (?1, ?2, ?3)
                   ON CONFLICT (user_id, media_id) DO UPDATE SET expires_ms = excluded.expires_ms";
        tx.run(sql, vals![user_id, media_id, expires_ms]).map(drop)
    }
}

/// Takes what waits for the user; to be called inside the transaction of the post.
pub(super) fn take_pending(tx: &dyn Sql, user_id: &str, now_ms: i64) -> Result<Vec<String>, DbError> {
    let media = pending(tx, user_id, now_ms)?.into_iter().map(|(media_id, _)| media_id).collect();
    tx.run("DELETE FROM pending_media WHERE user_id = ?1", vals![user_id])?;
    Ok(media)
}

/// Media and when they are forgotten.
fn pending(sql: &dyn Sql, user_id: &str, now_ms: i64) -> Result<Vec<(String, i64)>, DbError> {
    let waiting = "SELECT media_id, expires_ms FROM pending_media WHERE user_id = ?1 AND expires_ms > ?2
                   ORDER BY expires_ms, media_id";
    sql.rows(waiting, vals![user_id, now_ms])?.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect()
}

#[derive(Clone)]
struct Waiting {
    db: Store,
    ttl: Duration,
    clock: Clock,
}

/// `GET /pending/{user}`.
pub(super) fn routes(db: Store, ttl: Duration, clock: Clock) -> Router {
    Router::new().route("/pending/{user}", get(list)).with_state(Waiting { db, ttl, clock })
}

async fn list(State(waiting): State<Waiting>, Path(user): Path<String>) -> Result<Json<Value>, ApiError> {
    let now_ms = waiting.clock.now_ms();
    let found = waiting.db.read(move |sql| pending(sql, &user, now_ms)).await.map_err(ApiError::store)?;
    let lifetime = waiting.ttl.as_secs();
    let item = |(media_id, expires_ms)| json!({"media_id": media_id, "expires_at": rfc3339_ms(expires_ms), "lifetime_seconds": lifetime});
    Ok(Json(json!({"items": found.into_iter().map(item).collect::<Vec<_>>()})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::settings::StoreUrl;
    use crate::shared::sqlite::Db;

    const HOUR: Duration = Duration::from_secs(3_600);

    async fn kept(second_erases: bool, uploads: &[(&str, i64)], now_ms: i64) -> Vec<String> {
        let db = Db::open(&StoreUrl::SqliteMemory, SCHEMA).unwrap();
        let leniency = Leniency::default();
        let keep = KeepMedia { ttl: HOUR, second_erases, takes_untyped: false, leniency };
        let uploads: Vec<(String, i64)> = uploads.iter().map(|(id, at)| ((*id).to_owned(), *at)).collect();
        db.transaction(move |tx| {
            for (media_id, at) in uploads {
                let change = Uploaded { user_id: "alice".into(), media_id };
                keep.effect(tx, &Taken { event_id: "e".into(), subject: String::new(), change }, at)?;
            }
            let taken = take_pending(tx, "alice", now_ms)?;
            assert_eq!(take_pending(tx, "alice", now_ms)?, Vec::<String>::new(), "a post takes all of them");
            Ok(taken)
        })
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn a_second_upload_stands_beside_the_first() {
        assert_eq!(kept(false, &[("m1", 0), ("m2", 1)], 10).await, ["m1", "m2"]);
        assert_eq!(kept(true, &[("m1", 0), ("m2", 1)], 10).await, ["m2"]);
    }

    #[tokio::test]
    async fn an_upload_waits_an_hour_and_not_longer() {
        let hour = 3_600_000;
        assert_eq!(kept(false, &[("m1", 0), ("m2", 5)], hour - 1).await, ["m1", "m2"]);
        assert_eq!(kept(false, &[("m1", 0), ("m2", 5)], hour).await, ["m2"]);
        assert_eq!(kept(false, &[("m1", 0)], hour + 5).await, Vec::<String>::new());
    }
}
