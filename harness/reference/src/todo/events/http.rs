//! Audit trail, states and counts, over HTTP.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::store::Trail;
use crate::shared::http::{ApiError, Page};

/// `GET /tasks/{id}/audit`, `/tasks/{id}/state`, `/tasks/{id}/deleted-by`, `/users/{id}/analytics`, `/analytics`, `/handled`.
pub(super) fn routes(trail: Trail) -> Router {
    Router::new()
        .route("/tasks/{id}/audit", get(audit))
        .route("/tasks/{id}/state", get(state))
        .route("/tasks/{id}/deleted-by", get(deleted_by))
        .route("/users/{id}/analytics", get(analytics_of))
        .route("/analytics", get(analytics))
        .route("/handled", get(handled))
        .with_state(trail)
}

async fn audit(State(trail): State<Trail>, Path(id): Path<i64>) -> Result<Json<Value>, ApiError> {
    let items = trail.of_task(id).await.map_err(ApiError::store)?;
    Ok(Json(json!({"task_id": id, "items": items})))
}

async fn state(State(trail): State<Trail>, Path(id): Path<i64>) -> Result<Json<Value>, ApiError> {
    let states = trail.state(id).await.map_err(ApiError::store)?;
    let items: Vec<Value> = states.into_iter().map(|state| json!({"state": state})).collect();
    Ok(Json(json!({"task_id": id, "items": items})))
}

async fn deleted_by(State(trail): State<Trail>, Path(id): Path<i64>) -> Result<Json<Value>, ApiError> {
    let names = trail.deleted_by(id).await.map_err(ApiError::store)?;
    let items: Vec<Value> = names.into_iter().map(|name| json!({"name": name})).collect();
    Ok(Json(json!({"task_id": id, "items": items})))
}

async fn analytics_of(State(trail): State<Trail>, Path(user): Path<String>) -> Result<Json<Value>, ApiError> {
    let counts = trail.counts_of(user).await.map_err(ApiError::store)?;
    let items: Vec<Value> =
        counts.into_iter().map(|(event_type, count)| json!({"count": format!("{event_type}: {count}")})).collect();
    Ok(Json(json!({"items": items})))
}

async fn analytics(State(trail): State<Trail>) -> Result<Json<Value>, ApiError> {
    let counts = trail.counts().await.map_err(ApiError::store)?;
    let items: Vec<Value> =
        counts.into_iter().map(|(event_type, count)| json!({"event_type": event_type, "count": count})).collect();
    Ok(Json(json!({"items": items})))
}

async fn handled(State(trail): State<Trail>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let items = trail.after(page.after, page.limit()).await.map_err(ApiError::store)?;
    let next = items.last().map_or(page.after, |last| last.seq);
    Ok(Json(json!({"items": items, "next": next})))
}
