//! Feeds, the cache of posts, and the journal of handlings, over HTTP.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::store::{CachedPost, FeedStore};
use crate::shared::http::{ApiError, Page};

/// Items of a feed in one answer, unless the request says otherwise.
const FEED_LIMIT: u32 = 1_000;

type Store = Arc<dyn FeedStore>;

/// `GET /feeds/{user}`, `/posts/{id}`, `/posts/{id}/handled`, `/handled`.
pub(super) fn routes(store: Store) -> Router {
    Router::new()
        .route("/feeds/{user}", get(feed))
        .route("/posts/{post_id}", get(post))
        .route("/posts/{post_id}/handled", get(handled_of))
        .route("/handled", get(handled))
        .with_state(store)
}

async fn feed(
    State(store): State<Store>,
    Path(user): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let items = store.feed(user.clone(), page.limit_or(FEED_LIMIT)).await.map_err(ApiError::store)?;
    Ok(Json(json!({"user": user, "items": items})))
}

async fn post(State(store): State<Store>, Path(id): Path<String>) -> Result<Json<CachedPost>, ApiError> {
    let post = store.post(id.clone()).await.map_err(ApiError::store)?;
    post.map(Json).ok_or_else(|| ApiError::NotFound(format!("no post {id} is cached")))
}

async fn handled_of(State(store): State<Store>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let events = store.handled_of(id).await.map_err(ApiError::store)?;
    Ok(Json(json!({"count": events.len(), "events": events})))
}

async fn handled(State(store): State<Store>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let items = store.handled_after(page.after, page.limit()).await.map_err(ApiError::store)?;
    let next = items.last().map_or(page.after, |last| last.seq);
    Ok(Json(json!({"items": items, "next": next})))
}
