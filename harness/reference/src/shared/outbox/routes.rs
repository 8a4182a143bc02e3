//! The outbox over HTTP: how many rows are where, which were given up on, and giving them another try.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::table::{self, Counts, FailedRow, Released};
use crate::shared::http::ApiError;
use crate::shared::sql::Store;

/// Most failed rows that are listed.
const LISTED: u32 = 1000;

/// `GET /outbox`, `GET /outbox/failed`, `POST /outbox/{id}/release`.
pub(crate) fn outbox_routes(db: impl Into<Store>) -> Router {
    Router::new()
        .route("/outbox", get(counts))
        .route("/outbox/failed", get(failed))
        .route("/outbox/{id}/release", post(release))
        .with_state(db.into())
}

async fn counts(State(db): State<Store>) -> Result<Json<Counts>, ApiError> {
    db.read(|sql| table::counts(sql)).await.map(Json).map_err(ApiError::store)
}

async fn failed(State(db): State<Store>) -> Result<Json<Value>, ApiError> {
    let items: Vec<FailedRow> = db.read(|sql| table::failed_rows(sql, LISTED)).await.map_err(ApiError::store)?;
    Ok(Json(json!({"items": items})))
}

async fn release(State(db): State<Store>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let unknown = || ApiError::NotFound(format!("the outbox has no row {id}"));
    let row: i64 = id.parse().map_err(|_| unknown())?;
    match db.write(move |tx| table::release(tx, row)).await.map_err(ApiError::store)? {
        Released::Yes => Ok(Json(json!({"id": row, "state": "pending"}))),
        Released::NotFailed => Err(ApiError::Conflict(format!("row {row} has not failed"))),
        Released::Unknown => Err(unknown()),
    }
}
