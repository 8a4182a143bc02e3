//! media-service: takes uploads over HTTP and tells each on the media topic, straight away and without an outbox, as the document
//! does: an upload whose event Kafka does not acknowledge is refused (503), and one that was cut off by a crash is told nowhere.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{event_type, topics, wiring};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::clock::{Clock, rfc3339};
use crate::shared::form::Form;
use crate::shared::http::ApiError;
use crate::shared::kafka::{OutRecord, Publish};
use crate::shared::log::Log;

pub(super) const NAME: &str = "media-service";

const WRONG_KEY: FaultInfo =
    FaultInfo { name: "wrong-key", summary: "uses user_id as the record key instead of upload_id" };

const ASKS_CONTENT: FaultInfo = FaultInfo {
    name: "asks-content",
    summary: "asks the content-service before it takes an upload, and takes none while that is down",
};

const FIXED_PREFIX: FaultInfo =
    FaultInfo { name: "fixed-prefix", summary: "writes to the document's topics whatever prefix is set" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[WRONG_KEY, ASKS_CONTENT, FIXED_PREFIX];

/// Longest name of a file and longest id, in characters.
const LONGEST: usize = 255;

#[derive(Clone)]
struct Uploads {
    publisher: Arc<dyn Publish>,
    topic: String,
    wrong_key: bool,
    /// Fault: who must answer before an upload is taken.
    asked_first: Option<String>,
    clock: Clock,
    log: Log,
}

/// Makes the producer and the route. Kafka may be away: uploads are refused then.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let uploads = Uploads {
        publisher: Arc::new(wiring::publisher(context, NAME)?),
        topic: if context.has(FIXED_PREFIX) { topics::MEDIA.to_owned() } else { topics::media(&context.settings) },
        wrong_key: context.has(WRONG_KEY),
        asked_first: context.settings.content_url.clone().filter(|_| context.has(ASKS_CONTENT)),
        clock: context.clock.clone(),
        log: context.log,
    };
    let ready = Arc::new(|| Box::pin(async { Ok(()) }) as _);
    Ok(Parts { router: routes(uploads), ready, work: None })
}

/// `POST /uploads`.
fn routes(uploads: Uploads) -> Router {
    Router::new().route("/uploads", post(upload)).with_state(uploads)
}

async fn upload(State(uploads): State<Uploads>, body: Bytes) -> Result<(StatusCode, Json<Value>), ApiError> {
    uploads.ask_first().await?;
    let mut form = Form::read(&body)?;
    let (user_id, file_name) = (form.text("user_id", 1, LONGEST), form.text("file_name", 1, LONGEST));
    let size = form.value("size_bytes").map_or(Some(0), Value::as_u64);
    if size.is_none() {
        form.refuse("size_bytes", "must be a whole number from 0");
    }
    let payload = json!({
        "upload_id": Uuid::new_v4().to_string(),
        "media_id": Uuid::new_v4().to_string(),
        "user_id": user_id,
        "file_name": file_name,
        "size_bytes": size.unwrap_or_default(),
        "uploaded_at": rfc3339(uploads.clock.now()),
    });
    let payload = form.finish(payload)?;
    uploads.tell(&payload).await?;
    Ok((StatusCode::CREATED, Json(payload)))
}

impl Uploads {
    async fn ask_first(&self) -> Result<(), ApiError> {
        let Some(url) = &self.asked_first else { return Ok(()) };
        let answer = reqwest::get(format!("{url}/ready")).await.and_then(reqwest::Response::error_for_status);
        answer.map(drop).map_err(|e| ApiError::Unavailable(e.to_string()))
    }

    async fn tell(&self, payload: &Value) -> Result<(), ApiError> {
        let id = Uuid::new_v4().to_string();
        let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
        let key = &payload[if self.wrong_key { "user_id" } else { "upload_id" }];
        let record = OutRecord {
            topic: self.topic.clone(),
            partition: None,
            key: key.as_str().map(|key| key.as_bytes().to_vec()),
            payload: Some(payload.to_string().into_bytes()),
            headers: vec![
                header("event_type", event_type::UPLOADED),
                header("event_id", &id),
                header("correlation_id", &id),
            ],
        };
        for outcome in self.publisher.publish(vec![record]).await {
            outcome.map_err(|e| ApiError::Unavailable(e.to_string()))?;
        }
        self.log.info(format_args!("told {} media_id={} event_id={id}", event_type::UPLOADED, payload["media_id"]));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::clock::HandClock;
    use crate::shared::http::testing::spawn;
    use crate::shared::kafka::fake::FakePublisher;

    async fn bench(wrong_key: bool) -> (String, Arc<FakePublisher>) {
        let publisher = Arc::new(FakePublisher::default());
        let uploads = Uploads {
            publisher: publisher.clone(),
            topic: "nova.media.events".into(),
            wrong_key,
            asked_first: None,
            clock: HandClock::new().clock(),
            log: Log::silent(),
        };
        (format!("{}/uploads", spawn(routes(uploads)).await), publisher)
    }

    async fn post(url: &str, body: &'static str) -> (u16, Value) {
        let answer = reqwest::Client::new().post(url).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    #[tokio::test]
    async fn an_upload_is_told_with_its_own_id_as_the_key() {
        let (url, publisher) = bench(false).await;
        let (status, answer) = post(&url, r#"{"user_id": "alice", "file_name": "a.jpg", "size_bytes": 7}"#).await;
        assert_eq!((status, &answer["size_bytes"]), (201, &json!(7)));
        let record = publisher.take().remove(0);
        assert_eq!(record.key.as_deref(), answer["upload_id"].as_str().map(str::as_bytes));
        assert_eq!(serde_json::from_slice::<Value>(&record.payload.unwrap()).unwrap(), answer);
        let (status, _) = post(&url, r#"{"user_id": "alice", "file_name": "a.jpg", "size_bytes": -1}"#).await;
        assert_eq!((status, publisher.take().len()), (422, 0));
    }

    #[tokio::test]
    async fn an_upload_that_cannot_be_told_is_refused() {
        let (url, publisher) = bench(true).await;
        publisher.fail("alice", 1);
        let (status, answer) = post(&url, r#"{"user_id": "alice", "file_name": "a.jpg"}"#).await;
        assert_eq!((status, &answer["error"]), (503, &json!("unavailable")));
    }
}
