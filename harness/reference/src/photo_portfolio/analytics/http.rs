//! Histories, facts and topics over HTTP; and replaying.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::store;
use crate::photo_portfolio::consumer::Handler;
use crate::photo_portfolio::replay::Replayer;
use crate::shared::http::ApiError;
use crate::shared::sql::Store;

#[derive(Clone)]
pub(super) struct Api {
    pub(super) db: Store,
    pub(super) replayer: Replayer<Handler>,
    /// Fault: a replay adds to the facts what they have already.
    pub(super) counts_again: bool,
}

/// `GET` and `DELETE /projects/{id}/history`, `GET /projects/{id}/facts`, `GET /caused-by/{event}`, `GET /topics`, `POST /replays`.
pub(super) fn routes(api: Api) -> Router {
    Router::new()
        .route("/projects/{project}/history", get(history).delete(forget))
        .route("/projects/{project}/facts", get(facts))
        .route("/caused-by/{event}", get(caused_by))
        .route("/topics", get(topics))
        .route("/replays", post(replay))
        .with_state(api)
}

async fn history(State(api): State<Api>, Path(project): Path<String>) -> Result<Json<Value>, ApiError> {
    let items = api.db.read(move |sql| store::history(sql, &project)).await.map_err(ApiError::store)?;
    Ok(Json(json!({"items": items})))
}

async fn caused_by(State(api): State<Api>, Path(event): Path<String>) -> Result<Json<Value>, ApiError> {
    let items = api.db.read(move |sql| store::caused_by(sql, &event)).await.map_err(ApiError::store)?;
    Ok(Json(json!({"items": items})))
}

async fn forget(State(api): State<Api>, Path(project): Path<String>) -> Result<Json<Value>, ApiError> {
    let forgotten = api.db.write(move |tx| store::forget(tx, &project)).await.map_err(ApiError::store)?;
    Ok(Json(json!({"forgotten": forgotten})))
}

async fn facts(State(api): State<Api>, Path(project): Path<String>) -> Result<Json<Value>, ApiError> {
    let facts = api.db.read(move |sql| store::facts(sql, &project)).await.map_err(ApiError::store)?;
    let item = |(name, value): (String, i64)| json!({"name": name, "value": value, "fact": format!("{name}: {value}")});
    Ok(Json(json!({"items": facts.into_iter().map(item).collect::<Vec<_>>()})))
}

async fn topics(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let read = api.db.read(|sql| store::topics_read(sql)).await.map_err(ApiError::store)?;
    let item = |(topic, records): (String, i64)| json!({"topic": topic, "records": records});
    Ok(Json(json!({"items": read.into_iter().map(item).collect::<Vec<_>>()})))
}

/// Reads the topics again, keeps what is missing, and makes all facts anew.
async fn replay(State(api): State<Api>, body: Bytes) -> Result<Json<Value>, ApiError> {
    let records = api.replayer.run(&body).await?;
    let on_top = api.counts_again;
    api.db.write(move |tx| store::rebuild(tx, on_top)).await.map_err(ApiError::store)?;
    Ok(Json(json!({"records": records})))
}
