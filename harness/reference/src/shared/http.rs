//! HTTP as every service has it: JSON errors that say field and reason, /health, /ready, /metrics, a graceful end.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

use super::metrics::Metrics;
use super::stop::Stop;
use crate::ServeError;

/// One field of a request that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FieldFault {
    pub(crate) field: String,
    pub(crate) reason: String,
}

/// An answer other than success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// 400: the body is no JSON object.
    NotJson(String),
    /// 404: there is no such thing.
    NotFound(String),
    /// 409: not in this state.
    Conflict(String),
    /// 422: every field that cannot be taken.
    Invalid(Vec<FieldFault>),
    /// 503: the store does not answer.
    Unavailable(String),
}

impl ApiError {
    /// The store failed; the reason is for the caller to see.
    pub(crate) fn store(error: impl std::fmt::Display) -> ApiError {
        ApiError::Unavailable(error.to_string())
    }

    fn status(&self) -> StatusCode {
        match self {
            ApiError::NotJson(_) => StatusCode::BAD_REQUEST,
            ApiError::NotFound(_) => StatusCode::NOT_FOUND,
            ApiError::Conflict(_) => StatusCode::CONFLICT,
            ApiError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = match &self {
            ApiError::NotJson(reason) => json!({"error": "not_json", "reason": reason}),
            ApiError::NotFound(reason) => json!({"error": "not_found", "reason": reason}),
            ApiError::Conflict(reason) => json!({"error": "conflict", "reason": reason}),
            ApiError::Invalid(faults) => json!({"error": "invalid", "faults": faults}),
            ApiError::Unavailable(reason) => json!({"error": "unavailable", "reason": reason}),
        };
        (self.status(), axum::Json(body)).into_response()
    }
}

/// Which part of a list is asked for: `?after=7&limit=100`.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    pub(crate) after: i64,
    limit: Option<u32>,
}

impl Page {
    /// Most items in one answer.
    pub(crate) const MOST: u32 = 50_000;
    /// Items in one answer, unless the request says otherwise.
    const USUAL: u32 = 5_000;

    /// How many items may be given.
    pub(crate) fn limit(&self) -> u32 {
        self.limit_or(Page::USUAL)
    }

    /// The same, where another number is usual.
    pub(crate) fn limit_or(&self, usual: u32) -> u32 {
        self.limit.unwrap_or(usual).clamp(1, Page::MOST)
    }
}

/// Reads a JSON body; whatever its content type says, as a person with `curl` would expect.
pub(crate) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|e| ApiError::NotJson(e.to_string()))
}

/// A header's text, if it is there and not empty.
pub(crate) fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Says whether the service can do its work: Ok, or what it waits for.
pub(crate) type ReadyCheck = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// /health, /ready and /metrics.
pub(crate) fn standard_routes(metrics: Metrics, ready: ReadyCheck) -> Router {
    Router::new()
        .route("/health", get(|| async { axum::Json(json!({"status": "up"})) }))
        .route("/ready", get(answer_ready).with_state(ready))
        .route("/metrics", get(answer_metrics).with_state(metrics))
        .fallback(|| async { ApiError::NotFound("no such path".into()) })
}

async fn answer_ready(State(ready): State<ReadyCheck>) -> Response {
    match ready().await {
        Ok(()) => axum::Json(json!({"status": "ready"})).into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({"status": "waiting", "reason": reason})))
            .into_response(),
    }
}

async fn answer_metrics(State(metrics): State<Metrics>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render()).into_response()
}

/// Serves until asked to stop; requests in hand are answered.
pub(crate) async fn serve_http(listener: TcpListener, router: Router, stop: Stop) -> Result<(), ServeError> {
    let stopped = async move { stop.wait().await };
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
        .map_err(|source| ServeError::Io { what: "serving HTTP", source })
}

/// Serving a router to a test.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Serves on a free port for as long as the test's runtime lives; gives the base URL.
    pub(crate) async fn spawn(router: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }
}
