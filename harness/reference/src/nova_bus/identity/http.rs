//! The users API. What is refused (4xx) publishes nothing.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::store::{Profile, User, Users};
use crate::shared::form::Form;
use crate::shared::http::{ApiError, header_text};
use crate::shared::log::Log;
use crate::shared::sqlite::DbError;

/// Longest name, address or URL, in characters.
const LONGEST: usize = 256;

#[derive(Clone)]
struct Api {
    users: Users,
    log: Log,
}

/// How a user is deleted: for good, unless the request says `?soft=true`.
#[derive(Deserialize)]
struct How {
    #[serde(default)]
    soft: bool,
}

/// `POST /users` (409 if somebody has the username or the address), `GET /users/{id}`, `PUT /users/{id}/profile`, `DELETE /users/{id}?soft=true`.
pub(super) fn routes(users: Users, log: Log) -> Router {
    Router::new()
        .route("/users", post(create))
        .route("/users/{id}", get(read).delete(delete))
        .route("/users/{id}/profile", put(update))
        .with_state(Api { users, log })
}

async fn create(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Result<(StatusCode, Json<User>), ApiError> {
    let mut form = Form::read(&body)?;
    let (username, email) = (form.text("username", 1, LONGEST), form.text("email", 3, LONGEST));
    let (username, email) = form.finish((username, email))?;
    let user = api.users.create(username, email, correlation(&headers)).await.map_err(refused)?;
    api.log.info(format_args!("created user_id={}", user.user_id));
    Ok((StatusCode::CREATED, Json(user)))
}

async fn read(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<User>, ApiError> {
    api.users.get(id.clone()).await.map_err(ApiError::store)?.map(Json).ok_or_else(|| no_user(&id))
}

async fn update(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<User>, ApiError> {
    let mut form = Form::read(&body)?;
    let mut name = |field: &str| form.value(field).is_some().then(|| form.text(field, 1, LONGEST));
    let profile =
        Profile { username: name("username"), display_name: name("display_name"), avatar_url: name("avatar_url") };
    let profile = form.finish(profile)?;
    let changed = api.users.update(id.clone(), profile, correlation(&headers)).await.map_err(refused)?;
    let user = changed.ok_or_else(|| no_user(&id))?;
    api.log.info(format_args!("profile updated user_id={}", user.user_id));
    Ok(Json(user))
}

async fn delete(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(how): Query<How>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let deleted = api.users.delete(id.clone(), how.soft, correlation(&headers)).await.map_err(ApiError::store)?;
    let user = deleted.ok_or_else(|| no_user(&id))?;
    api.log.info(format_args!("deleted user_id={} soft={}", user.user_id, how.soft));
    Ok(Json(json!({"user_id": user.user_id, "soft_delete": how.soft})))
}

fn correlation(headers: &HeaderMap) -> Option<String> {
    header_text(headers, "x-correlation-id")
}

fn refused(error: DbError) -> ApiError {
    match error {
        DbError::Refused(why) => ApiError::Conflict(why),
        other => ApiError::store(other),
    }
}

fn no_user(id: &str) -> ApiError {
    ApiError::NotFound(format!("there is no user {id}"))
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
