//! What was handled, over HTTP.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::store::{Entry, Journal};
use crate::shared::http::{ApiError, Page};

/// `GET /handled`, `/correlations/{id}`.
pub(super) fn routes(store: Journal) -> Router {
    Router::new().route("/handled", get(handled)).route("/correlations/{id}", get(of_correlation)).with_state(store)
}

async fn handled(State(store): State<Journal>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let items = store.after(page.after, None, page.limit()).await.map_err(ApiError::store)?;
    let next = items.last().map_or(page.after, |last| last.seq);
    Ok(Json(json!({"items": items, "next": next})))
}

/// The n-th entry of its correlation id: so a list can count.
fn numbered(entry: &Entry, nth: u32) -> Value {
    let mut item = serde_json::to_value(entry).unwrap_or_default();
    item["nth"] = nth.into();
    item
}

async fn of_correlation(State(store): State<Journal>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let entries = store.after(0, Some(id), Page::MOST).await.map_err(ApiError::store)?;
    let items: Vec<Value> = entries.into_iter().zip(1..).map(|(entry, nth)| numbered(&entry, nth)).collect();
    Ok(Json(json!({"items": items})))
}
