//! graph-service: who follows whom. A fixture: it publishes nothing and reads nothing from Kafka.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::ServeError;
use crate::serve::{Context, Parts};
use crate::shared::http::ApiError;
use crate::shared::sqlite::Db;

pub(super) const NAME: &str = "graph-service";

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS follows (
    followee TEXT NOT NULL,
    follower TEXT NOT NULL,
    PRIMARY KEY (followee, follower)
) WITHOUT ROWID;
";

/// Opens the store and makes the routes.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let url = context.settings.store_for(NAME);
    let db = open(&url)?;
    context.log.info(format_args!("store {url}"));
    let pinged = db.clone();
    let ready = Arc::new(move || {
        let db = pinged.clone();
        Box::pin(async move { db.ping().await.map_err(|e| e.to_string()) }) as _
    });
    Ok(Parts { router: routes(db), ready, work: None })
}

fn open(url: &crate::shared::settings::StoreUrl) -> Result<Db, ServeError> {
    use crate::shared::settings::StoreUrl;
    if let StoreUrl::Redis(_) = url {
        return Err(ServeError::StoreKind { service: NAME, url: url.to_string(), known: "sqlite:" });
    }
    Db::open(url, SCHEMA).map_err(|e| url.error(e))
}

/// `PUT` and `DELETE /follows/{follower}/{followee}`, `GET /followers/{user}`.
fn routes(db: Db) -> Router {
    Router::new()
        .route("/follows/{follower}/{followee}", put(follow).delete(unfollow))
        .route("/followers/{user}", get(followers))
        .with_state(db)
}

async fn follow(
    State(db): State<Db>,
    Path((follower, followee)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let answer = json!({"follower": follower, "followee": followee});
    let added = db
        .call(move |c| {
            Ok(c.execute("INSERT OR IGNORE INTO follows (followee, follower) VALUES (?1, ?2)", [followee, follower])?)
        })
        .await
        .map_err(ApiError::store)?;
    let status = if added > 0 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(answer)))
}

async fn unfollow(
    State(db): State<Db>,
    Path((follower, followee)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    db.call(move |c| Ok(c.execute("DELETE FROM follows WHERE followee = ?1 AND follower = ?2", [followee, follower])?))
        .await
        .map_err(ApiError::store)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn followers(State(db): State<Db>, Path(user): Path<String>) -> Result<Json<Value>, ApiError> {
    let names: Vec<String> = db
        .call(move |c| {
            let mut statement =
                c.prepare_cached("SELECT follower FROM follows WHERE followee = ?1 ORDER BY follower")?;
            let rows = statement.query_map([user], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
        .map_err(ApiError::store)?;
    Ok(Json(json!({"followers": names})))
}
