//! Feeds, posts (from the cache, or directly while rolled back), and the journal of handlings, over HTTP.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::client::JsonClient;
use super::graph_client::Followers;
use super::store::FeedStore;
use crate::shared::http::{ApiError, Page};
use crate::shared::processed;

/// Items of a feed in one answer, unless the request says otherwise.
const FEED_LIMIT: u32 = 1_000;

/// What is served.
#[derive(Clone)]
pub(super) struct Feeds {
    pub(super) store: Arc<dyn FeedStore>,
    /// While rolled back, posts are asked for there.
    pub(super) content: Option<JsonClient>,
    /// Fault: who must answer before a feed is shown.
    pub(super) asked_first: Option<Arc<dyn Followers>>,
}

/// `GET /feeds/{user}`, `/posts/{id}`, `/posts/{id}/sources`, `/posts/{id}/handled`, `/handled`, `/processed/{event}`.
pub(super) fn routes(feeds: Feeds) -> Router {
    Router::new()
        .route("/feeds/{user}", get(feed))
        .route("/posts/{post_id}", get(post))
        .route("/posts/{post_id}/sources", get(sources))
        .route("/posts/{post_id}/handled", get(handled_of))
        .route("/handled", get(handled))
        .route("/processed/{event}", get(remembered))
        .with_state(feeds)
}

async fn feed(
    State(feeds): State<Feeds>,
    Path(user): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    if let Some(first) = &feeds.asked_first
        && first.of(&user).await.is_err()
    {
        return Ok(Json(json!({"user": user, "items": []})));
    }
    let items = feeds.store.feed(user.clone(), page.limit_or(FEED_LIMIT)).await.map_err(ApiError::store)?;
    Ok(Json(json!({"user": user, "items": items})))
}

/// A post.
async fn post(State(feeds): State<Feeds>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let (found, source) = feeds.post(&id).await?;
    found.map(Json).ok_or_else(|| ApiError::NotFound(format!("no post {id} in the {source}")))
}

/// Where a post is read from; nothing if there is no such post.
async fn sources(State(feeds): State<Feeds>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let (found, source) = feeds.post(&id).await?;
    Ok(Json(json!({"items": found.map(|_| source).into_iter().collect::<Vec<_>>()})))
}

impl Feeds {
    /// A post, if there is one, and where it is looked for.
    async fn post(&self, id: &str) -> Result<(Option<Value>, &'static str), ApiError> {
        Ok(match &self.content {
            Some(content) => (content.get(&["posts", id]).await.map_err(ApiError::store)?, "content-service"),
            None => {
                let cached = self.store.post(id.to_owned()).await.map_err(ApiError::store)?;
                (cached.map(|post| serde_json::to_value(post).unwrap_or_default()), "cache")
            }
        })
    }
}

async fn handled_of(State(feeds): State<Feeds>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let events = feeds.store.handled_of(id).await.map_err(ApiError::store)?;
    Ok(Json(json!({"count": events.len(), "events": events})))
}

async fn remembered(State(feeds): State<Feeds>, Path(event): Path<String>) -> Result<Json<Value>, ApiError> {
    let seconds = feeds.store.lifetime(event).await.map_err(ApiError::store)?;
    Ok(Json(processed::lifetime_json(seconds)))
}

async fn handled(State(feeds): State<Feeds>, Query(page): Query<Page>) -> Result<Json<Value>, ApiError> {
    let items = feeds.store.handled_after(page.after, page.limit()).await.map_err(ApiError::store)?;
    let next = items.last().map_or(page.after, |last| last.seq);
    Ok(Json(json!({"items": items, "next": next})))
}
