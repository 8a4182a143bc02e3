//! graph-service: who follows whom. A fixture for the feed, which publishes nothing; of Kafka it reads only which users were deleted,
//! and forgets whom they followed and who followed them.

use std::future::Future;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::reading::{Leniency, Payload, Refusal, said};
use super::taking::{Take, Taken};
use super::wiring::{self, Reading};
use super::{event_type, taking, topics};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::faults::SHORT_MEMORY;
use crate::shared::http::ApiError;
use crate::shared::kafka::Record;
use crate::shared::sql::{Sql, Store, vals};
use crate::shared::sqlite::DbError;

pub(super) const NAME: &str = "graph-service";

const KEEPS_DELETED: FaultInfo =
    FaultInfo { name: "keeps-deleted", summary: "takes identity.user.deleted as handled and forgets nobody" };

const SKIP_DEDUP: FaultInfo =
    FaultInfo { name: "skip-dedup", summary: "handles an event again however often it comes" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[KEEPS_DELETED, SKIP_DEDUP, SHORT_MEMORY];

/// The group in which deletions are read; `KAFKA_GROUP_ID` is the feed's.
pub(super) const GROUP: &str = "graph-service-group";

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS follows (
    followee TEXT NOT NULL,
    follower TEXT NOT NULL,
    PRIMARY KEY (followee, follower)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS broken (user_id TEXT PRIMARY KEY) WITHOUT ROWID;
";

/// Opens the store, makes the routes and the consumer of deletions. Kafka may be away: followers are told all the same.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let db = wiring::open(context, NAME, &format!("{SCHEMA}{}", taking::schema())).await?;
    let work = forget(context, db.clone())?;
    let router = routes(db.clone()).merge(taking::routes(db.clone()));
    Ok(Parts { router, ready: wiring::store_answers(db), work: Some(("consumer", Box::pin(work))) })
}

fn forget(context: &Context, db: Store) -> Result<impl Future<Output = Result<(), ServeError>> + use<>, ServeError> {
    let topic = topics::identity(&context.settings);
    let reading = Reading {
        service: NAME,
        group: GROUP.into(),
        dead_letter_topic: format!("{NAME}.dlq"),
        topics: vec![topic],
        gather: Duration::ZERO,
        batch: 100,
        skip_dedup: context.has(SKIP_DEDUP),
        drops_unreadable: false,
    };
    let forget = Forget { keeps: context.has(KEEPS_DELETED) };
    wiring::take(context, db, forget, reading).map(|(_, work)| work)
}

/// Forgets deleted users, whether they may come back or not: the document does not tell the two apart.
#[derive(Debug, Clone, Copy)]
struct Forget {
    /// Fault: nobody is forgotten.
    keeps: bool,
}

impl Take for Forget {
    type Change = ();

    fn read(&self, record: &Record) -> Result<Option<Taken<()>>, Refusal> {
        let said = said(record, Leniency::default())?;
        if said.event_type != event_type::USER_DELETED {
            return Ok(None);
        }
        let payload = Payload::read(record, Leniency::default())?;
        payload.time("deleted_at")?;
        Ok(Some(Taken { event_id: said.event_id.into(), subject: payload.id("user_id")?, change: () }))
    }

    fn effect(&self, tx: &dyn Sql, taken: &Taken<()>, _now_ms: i64) -> Result<(), DbError> {
        let sql = "DELETE FROM follows WHERE (followee = ?1 OR follower = ?1) AND NOT ?2";
        tx.run(sql, vals![&taken.subject, self.keeps]).map(drop)
    }
}

/// `PUT` and `DELETE /follows/{follower}/{followee}`, `GET /followers/{user}`; `PUT` and `DELETE /broken/{user}`: whose followers it fails
/// to say, with 500, until that is mended.
fn routes(db: Store) -> Router {
    Router::new()
        .route("/follows/{follower}/{followee}", put(follow).delete(unfollow))
        .route("/followers/{user}", get(followers))
        .route("/broken/{user}", put(break_user).delete(mend_user))
        .with_state(db)
}

async fn follow(
    State(db): State<Store>,
    Path((follower, followee)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let answer = json!({"follower": follower, "followee": followee});
    let sql = "INSERT INTO follows (followee, follower) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let added = db.write(move |tx| tx.run(sql, vals![&followee, &follower])).await.map_err(ApiError::store)?;
    let status = if added > 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(answer)))
}

async fn unfollow(
    State(db): State<Store>,
    Path((follower, followee)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let sql = "DELETE FROM follows WHERE followee = ?1 AND follower = ?2";
    db.write(move |tx| tx.run(sql, vals![&followee, &follower])).await.map_err(ApiError::store)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn break_user(State(db): State<Store>, Path(user): Path<String>) -> Result<StatusCode, ApiError> {
    let sql = "INSERT INTO broken (user_id) VALUES (?1) ON CONFLICT DO NOTHING";
    db.write(move |tx| tx.run(sql, vals![&user])).await.map_err(ApiError::store)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn mend_user(State(db): State<Store>, Path(user): Path<String>) -> Result<StatusCode, ApiError> {
    db.write(move |tx| tx.run("DELETE FROM broken WHERE user_id = ?1", vals![&user])).await.map_err(ApiError::store)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn followers(State(db): State<Store>, Path(user): Path<String>) -> Result<Response, ApiError> {
    let names = db.read(move |sql| names(sql, &user)).await.map_err(ApiError::store)?;
    Ok(names.map_or_else(
        || StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        |names| Json(json!({"followers": names})).into_response(),
    ))
}

/// Who follows a user; nothing where that cannot be said.
fn names(sql: &dyn Sql, user: &str) -> Result<Option<Vec<String>>, DbError> {
    if sql.row("SELECT 1 FROM broken WHERE user_id = ?1", vals![user])?.is_some() {
        return Ok(None);
    }
    let rows = sql.rows("SELECT follower FROM follows WHERE followee = ?1 ORDER BY follower", vals![user])?;
    rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::settings::StoreUrl;

    async fn left(keeps: bool) -> Vec<String> {
        let db = Store::open(&StoreUrl::SqliteMemory, NAME, SCHEMA).await.unwrap();
        db.write(move |tx| {
            for (followee, follower) in [("alice", "bob"), ("bob", "carol"), ("alice", "carol")] {
                let sql = "INSERT INTO follows (followee, follower) VALUES (?1, ?2)";
                tx.run(sql, vals![followee, follower])?;
            }
            let taken = Taken { event_id: "e".into(), subject: "bob".into(), change: () };
            Forget { keeps }.effect(tx, &taken, 0)?;
            let rows = tx.rows("SELECT followee || '<' || follower FROM follows ORDER BY 1", vals![])?;
            rows.iter().map(|row| row.text(0)).collect()
        })
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn a_deleted_user_follows_nobody_and_is_followed_by_nobody() {
        assert_eq!(left(false).await, ["alice<carol"]);
        assert_eq!(left(true).await.len(), 3);
    }
}
