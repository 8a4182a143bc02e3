//! Searching, and how often something was indexed, over HTTP.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::index;
use crate::shared::http::ApiError;
use crate::shared::sql::Store;

/// Most that one answer has.
const LIMIT: u32 = 1_000;

#[derive(Deserialize)]
struct Question {
    q: String,
}

/// `GET /search?q=words`, `/documents/{id}/indexings`.
pub(super) fn routes(db: Store) -> Router {
    Router::new().route("/search", get(search)).route("/documents/{id}/indexings", get(indexings)).with_state(db)
}

async fn search(State(db): State<Store>, Query(question): Query<Question>) -> Result<Json<Value>, ApiError> {
    let found = db.read(move |sql| index::find(sql, &question.q, LIMIT)).await.map_err(ApiError::store)?;
    let items: Vec<Value> = found.into_iter().map(|(id, kind)| json!({"id": id, "kind": kind})).collect();
    Ok(Json(json!({"items": items})))
}

/// One item for each time, numbered from 1.
async fn indexings(State(db): State<Store>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let count = db.read(move |sql| index::indexings(sql, &id)).await.map_err(ApiError::store)?;
    let items: Vec<Value> = (1..=count).map(|nth| json!({"nth": nth})).collect();
    Ok(Json(json!({"items": items})))
}
