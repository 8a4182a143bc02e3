//! The tasks API. What is refused (4xx) tells nothing.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use super::input;
use super::store::{Task, Tasks};
use crate::shared::http::{ApiError, header_text};
use crate::shared::log::Log;
use crate::shared::sqlite::DbError;

const CORRELATION: &str = "x-correlation-id";
/// How often the fault `blocking-publish` looks.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Clone)]
struct Api {
    tasks: Tasks,
    /// Fault: a request waits until its event is published.
    blocking: bool,
    log: Log,
}

/// `POST /tasks` (409 if the task that it is a part of is not there), `GET`, `PUT` and `DELETE /tasks/{id}`, `POST /tasks/{id}/complete`.
pub(super) fn routes(tasks: Tasks, blocking: bool, log: Log) -> Router {
    Router::new()
        .route("/tasks", post(create))
        .route("/tasks/{id}", get(read).put(update).delete(delete))
        .route("/tasks/{id}/complete", post(complete))
        .with_state(Api { tasks, blocking, log })
}

async fn create(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    api.tasks.tell_refused_create(&body).await.map_err(ApiError::store)?;
    let new = input::new_task(&body)?;
    let task = api.tasks.create(new, correlation(&headers)).await.map_err(|error| match error {
        DbError::Refused(why) => ApiError::Conflict(why),
        other => ApiError::store(other),
    })?;
    api.done("created", task.id).await?;
    Ok((StatusCode::CREATED, Json(task)).into_response())
}

async fn read(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Task>, ApiError> {
    let task = api.tasks.get(number(&id)?).await.map_err(ApiError::store)?;
    task.map(Json).ok_or_else(|| no_task(&id))
}

async fn update(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Task>, ApiError> {
    let change = input::change(&body)?;
    let changed = api.tasks.update(number(&id)?, change, correlation(&headers)).await.map_err(ApiError::store)?;
    let task = changed.ok_or_else(|| no_task(&id))?;
    api.done("updated", task.id).await?;
    Ok(Json(task))
}

async fn complete(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap) -> Result<Json<Task>, ApiError> {
    let changed = api.tasks.complete(number(&id)?, correlation(&headers)).await.map_err(ApiError::store)?;
    let task = changed.ok_or_else(|| no_task(&id))?;
    api.done("completed", task.id).await?;
    Ok(Json(task))
}

async fn delete(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap) -> Result<StatusCode, ApiError> {
    let task = number(&id)?;
    if !api.tasks.delete(task, correlation(&headers)).await.map_err(ApiError::store)? {
        return Err(no_task(&id));
    }
    api.done("deleted", task).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Api {
    async fn done(&self, what: &str, task: i64) -> Result<(), ApiError> {
        self.log.info(format_args!("{what} task_id={task}"));
        while self.blocking && !self.tasks.is_told(task).await.map_err(ApiError::store)? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

fn correlation(headers: &HeaderMap) -> Option<String> {
    header_text(headers, CORRELATION)
}

fn number(id: &str) -> Result<i64, ApiError> {
    id.parse().map_err(|_| no_task(id))
}

fn no_task(id: &str) -> ApiError {
    ApiError::NotFound(format!("there is no task {id}"))
}
