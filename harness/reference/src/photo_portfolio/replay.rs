//! Replay from a timestamp: a service's topics are read once more, beside its group, from then up to their present ends.
//!
//! The group's own position stays. What is read goes through the service's own handler, which knows what it has handled.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use chrono::DateTime;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::ServeError;
use crate::shared::form::Form;
use crate::shared::http::ApiError;
use crate::shared::kafka::{BatchHandler, Brokers, Record, reread};
use crate::shared::log::Log;

/// How long the brokers may take for an answer.
const ASK: Duration = Duration::from_secs(5);

/// Which topics are read.
type Takes = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Replays the topics of one service.
pub(super) struct Replayer<H> {
    pub(super) brokers: Brokers,
    pub(super) service: &'static str,
    pub(super) takes: Takes,
    /// Fault: every replay begins at the beginning.
    pub(super) ignores_time: bool,
    pub(super) handler: Arc<Mutex<H>>,
    pub(super) log: Log,
}

impl<H> Clone for Replayer<H> {
    fn clone(&self) -> Self {
        let Replayer { brokers, service, takes, ignores_time, handler, log } = self;
        let (brokers, takes, handler) = (brokers.clone(), takes.clone(), handler.clone());
        Replayer { brokers, service, takes, ignores_time: *ignores_time, handler, log: *log }
    }
}

/// `POST /replays` with `{"from": "2026-01-01T00:00:00Z"}`: answers once everything was read.
pub(super) fn routes<H: BatchHandler + Send + 'static>(replayer: Replayer<H>) -> Router {
    Router::new().route("/replays", post(replay::<H>)).with_state(replayer)
}

async fn replay<H: BatchHandler + Send + 'static>(
    State(replayer): State<Replayer<H>>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({"records": replayer.run(&body).await?})))
}

impl<H: BatchHandler + Send + 'static> Replayer<H> {
    /// Reads from the time that a request's body says; gives how many records there were.
    pub(super) async fn run(&self, body: &[u8]) -> Result<usize, ApiError> {
        let mut form = Form::read(body)?;
        let text = form.text("from", 1, 40);
        let from = DateTime::parse_from_rfc3339(&text).map(|time| time.timestamp_millis());
        if from.is_err() {
            form.refuse("from", "must be a time such as 2026-01-01T00:00:00Z");
        }
        form.finish(())?;
        let (own, runtime, from) = (self.clone(), Handle::current(), from.unwrap_or_default());
        let from = if self.ignores_time { 0 } else { from };
        let read = tokio::task::spawn_blocking(move || own.read(&runtime, from)).await;
        let count = read.map_err(|e| e.to_string()).flatten().map_err(ApiError::Unavailable)?;
        self.log.info(format_args!("replayed {count} records from {text}"));
        Ok(count)
    }

    fn read(&self, runtime: &Handle, from_ms: i64) -> Result<usize, String> {
        let mut handler = runtime.block_on(self.handler.lock());
        let client = format!("{}-replay", self.service);
        let handle = |batch: &[Record]| runtime.block_on(handler.handle(batch)).map_err(|again| again.to_string());
        reread(&self.brokers, &client, |topic| (self.takes)(topic), from_ms, handle)
    }
}

/// The topics that there are now; for the fault that asks only once.
pub(super) fn topics_now(brokers: &Brokers, takes: impl Fn(&str) -> bool) -> Result<Vec<String>, ServeError> {
    let names = || -> KafkaResult<Vec<String>> {
        let consumer: BaseConsumer = brokers.client().create()?;
        let metadata = consumer.fetch_metadata(None, ASK)?;
        Ok(metadata.topics().iter().map(|topic| topic.name().to_owned()).filter(|name| takes(name)).collect())
    };
    names().map_err(|source| ServeError::Kafka { what: "topics", source })
}
