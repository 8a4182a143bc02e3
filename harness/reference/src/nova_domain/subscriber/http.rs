//! What was handled, over HTTP.

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::journal::{Which, lines};
use crate::shared::http::{ApiError, Page};
use crate::shared::sql::Store;

type Source = (Store, &'static str);

/// `GET /handled`, `/handled/{subject}`, `/caused-by/{event}`.
pub(super) fn routes(service: &'static str, db: Store) -> Router {
    Router::new()
        .route("/handled", get(handled))
        .route("/handled/{subject}", get(of_subject))
        .route("/caused-by/{event}", get(caused_by))
        .with_state((db, service))
}

async fn handled(State((db, service)): State<Source>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let items = lines(&db, service, Which::After(page.after), page.limit()).await.map_err(ApiError::store)?;
    let next = items.last().map_or(page.after, |last| last.seq);
    Ok(Json(json!({"items": items, "next": next})))
}

async fn of_subject(State(source): State<Source>, Path(subject): Path<String>) -> Result<Json<Value>, ApiError> {
    all(source, Which::OfSubject(subject)).await
}

async fn caused_by(State(source): State<Source>, Path(event): Path<String>) -> Result<Json<Value>, ApiError> {
    all(source, Which::CausedBy(event)).await
}

async fn all((db, service): Source, which: Which) -> Result<Json<Value>, ApiError> {
    let items = lines(&db, service, which, Page::MOST).await.map_err(ApiError::store)?;
    Ok(Json(json!({"items": items})))
}
