//! What was handled, over HTTP.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::store::Store;
use crate::shared::http::ApiError;

/// Entries in one answer, unless the request says otherwise.
const LIMIT: u32 = 5_000;
/// Most entries in one answer.
const MOST: u32 = 50_000;

/// `GET /handled`, `/correlations/{id}`.
pub(super) fn routes(store: Store) -> Router {
    Router::new().route("/handled", get(handled)).route("/correlations/{id}", get(of_correlation)).with_state(store)
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: i64,
    limit: Option<u32>,
}

async fn handled(State(store): State<Store>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let limit = page.limit.unwrap_or(LIMIT).clamp(1, MOST);
    let items = store.after(page.after, None, limit).await.map_err(ApiError::store)?;
    let next = items.last().map_or(page.after, |last| last.seq);
    Ok(Json(json!({"items": items, "next": next})))
}

async fn of_correlation(State(store): State<Store>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let items = store.after(0, Some(id), MOST).await.map_err(ApiError::store)?;
    Ok(Json(json!({"items": items})))
}
