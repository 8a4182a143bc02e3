//! The posts API. What is refused (4xx) publishes nothing.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::input;
use super::store::{Post, Posts};
use crate::shared::http::{ApiError, header_text};
use crate::shared::log::Log;
use crate::shared::sqlite::DbError;

const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

#[derive(Clone)]
struct Api {
    posts: Posts,
    log: Log,
}

/// `POST /posts` (409 if the upload that it needs does not wait), `GET` and `DELETE /posts/{id}`, `POST /posts/{id}/status`.
pub(super) fn routes(posts: Posts, log: Log) -> Router {
    Router::new()
        .route("/posts", post(create))
        .route("/posts/{id}", get(read).delete(delete))
        .route("/posts/{id}/status", post(set_status))
        .with_state(Api { posts, log })
}

async fn create(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let new = input::new_post(&body)?;
    let post = api.posts.create(new, correlation(&headers)).await.map_err(|error| match error {
        DbError::Refused(why) => ApiError::Conflict(why),
        other => ApiError::store(other),
    })?;
    api.log.info(format_args!("created post_id={} user_id={}", post.post_id, post.user_id));
    Ok(answer(StatusCode::CREATED, &headers, Json(post)))
}

async fn read(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Post>, ApiError> {
    let post = api.posts.get(id.clone()).await.map_err(ApiError::store)?;
    post.map(Json).ok_or_else(|| no_post(&id))
}

async fn set_status(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let status = input::new_status(&body)?;
    let changed = api.posts.set_status(id.clone(), status, correlation(&headers)).await.map_err(ApiError::store)?;
    let post = changed.ok_or_else(|| no_post(&id))?;
    api.log.info(format_args!("status {} post_id={}", post.status, post.post_id));
    Ok(answer(StatusCode::OK, &headers, Json(post)))
}

async fn delete(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let deleted = api.posts.delete(id.clone(), correlation(&headers)).await.map_err(ApiError::store)?;
    let post = deleted.ok_or_else(|| no_post(&id))?;
    api.log.info(format_args!("deleted post_id={}", post.post_id));
    Ok(answer(StatusCode::OK, &headers, Json(json!({"post_id": post.post_id, "user_id": post.user_id}))))
}

fn correlation(headers: &HeaderMap) -> Option<String> {
    header_text(headers, CORRELATION.as_str())
}

/// The answer carries the request's correlation id back.
fn answer(status: StatusCode, request: &HeaderMap, body: impl IntoResponse) -> Response {
    let mut response = (status, body).into_response();
    if let Some(value) = correlation(request).and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert(CORRELATION, value);
    }
    response
}

fn no_post(id: &str) -> ApiError {
    ApiError::NotFound(format!("there is no post {id}"))
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
