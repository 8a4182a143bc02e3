//! A stub over HTTP: its calls as a list, and everything else as a call.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::calls::{Calls, Instead};
use super::line::Cut;

/// Calls in one answer where the question does not say.
const USUAL: usize = 5_000;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

pub(super) fn routes(calls: Arc<Calls>) -> Router {
    Router::new().route("/_calls", get(list)).fallback(take).with_state(calls)
}

async fn list(State(calls): State<Arc<Calls>>, Query(page): Query<Page>) -> Json<Value> {
    let items = calls.after(page.after, page.limit.unwrap_or(USUAL));
    let next = items.last().map_or(page.after, |call| call.seq);
    Json(json!({"items": items, "next": next}))
}

async fn take(
    State(calls): State<Arc<Calls>>,
    ConnectInfo(line): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into());
    let status = match calls.take(method.as_str(), uri.path(), body) {
        Instead::Status(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        Instead::After(delay) => {
            tokio::time::sleep(delay).await;
            StatusCode::OK
        }
        Instead::BreakOff => {
            line.cut();
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, Json(json!({"status": status.as_u16()})))
}
