//! message-service: the messaging pipeline as far as the search index is told of it. A message's text goes onto the topic only where
//! its conversation may be searched; where encryption is strict it is kept nowhere, not even here.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, post};
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
use crate::shared::log::Log;
use crate::shared::outbox::{self, NewEvent, OutboxFaults};
use crate::shared::sql::{Store, vals};

pub(super) const NAME: &str = "message-service";

const LEAKS_CONTENT: FaultInfo = FaultInfo {
    name: "leaks-content",
    summary: "puts the text of a message onto the topic also where encryption is strict",
};
const LOGS_CONTENT: FaultInfo = FaultInfo { name: "logs-content", summary: "logs the text of every message" };
const WRONG_KEY: FaultInfo =
    FaultInfo { name: "wrong-key", summary: "uses message_id as the record key instead of conversation_id" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[LEAKS_CONTENT, LOGS_CONTENT, WRONG_KEY];

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS messages (
    message_id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL
) WITHOUT ROWID;
";

/// Longest id and longest text, in characters.
const LONGEST_ID: usize = 128;
const LONGEST_TEXT: usize = 10_000;

#[derive(Clone)]
struct Messages {
    db: Store,
    topic: String,
    leaks: bool,
    logs: bool,
    wrong_key: bool,
    clock: Clock,
    log: Log,
}

/// Opens the store, makes the routes and the outbox's worker.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let db = wiring::open(context, NAME, &format!("{SCHEMA}{}", outbox::SCHEMA)).await?;
    let messages = Messages {
        db: db.clone(),
        topic: topics::messages(&context.settings),
        leaks: context.has(LEAKS_CONTENT),
        logs: context.has(LOGS_CONTENT),
        wrong_key: context.has(WRONG_KEY),
        clock: context.clock.clone(),
        log: context.log,
    };
    let relay = wiring::relay(context, db.clone(), wiring::publisher(context, NAME)?, OutboxFaults::default());
    let stop = context.stop.clone();
    let work = async move {
        relay.run(stop).await;
        Ok(())
    };
    Ok(Parts { router: routes(messages), ready: wiring::store_answers(db), work: Some(("outbox", Box::pin(work))) })
}

/// `POST /messages`, `DELETE /messages/{id}`.
fn routes(messages: Messages) -> Router {
    Router::new().route("/messages", post(send)).route("/messages/{id}", delete(remove)).with_state(messages)
}

async fn send(State(messages): State<Messages>, body: Bytes) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut form = Form::read(&body)?;
    let (conversation, sender) = (form.text("conversation_id", 1, LONGEST_ID), form.text("sender_id", 1, LONGEST_ID));
    let content = form.text("content", 1, LONGEST_TEXT);
    // Actions and forms write it as a text, programs as a boolean.
    let searchable = match form.value("search_enabled") {
        Some(Value::Bool(on)) => Some(*on),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    if searchable.is_none() {
        form.refuse("search_enabled", "must be true or false");
    }
    let (conversation, sender, content) = form.finish((conversation, sender, content))?;
    if messages.logs {
        messages.log.info(format_args!("message in {conversation}: {content}"));
    }
    let id = Uuid::new_v4().to_string();
    let mut payload = json!({
        "message_id": id,
        "conversation_id": conversation,
        "sender_id": sender,
        "created_at": rfc3339(messages.clock.now()),
    });
    if searchable == Some(true) || messages.leaks {
        payload["content"] = content.into();
    }
    let event = messages.event(event_type::PERSISTED, &id, &conversation, &payload);
    let now_ms = messages.clock.now_ms();
    let stored = id.clone();
    messages
        .db
        .write(move |tx| {
            let sql = "INSERT INTO messages (message_id, conversation_id) VALUES (?1, ?2)";
            tx.run(sql, vals![&stored, &conversation])?;
            outbox::insert(tx, &event, now_ms)
        })
        .await
        .map_err(ApiError::store)?;
    Ok((StatusCode::CREATED, Json(json!({"message_id": id}))))
}

async fn remove(State(messages): State<Messages>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let (all, message) = (messages.clone(), id.clone());
    let removed = messages
        .db
        .write(move |tx| {
            let sql = "DELETE FROM messages WHERE message_id = ?1 RETURNING conversation_id";
            let Some(row) = tx.row(sql, vals![&message])? else { return Ok(false) };
            let conversation = row.text(0)?;
            let at = rfc3339(all.clock.now());
            let payload = json!({"message_id": message, "conversation_id": conversation, "deleted_at": at});
            let event = all.event(event_type::UNSENT, &message, &conversation, &payload);
            outbox::insert(tx, &event, all.clock.now_ms())?;
            Ok(true)
        })
        .await
        .map_err(ApiError::store)?;
    if removed {
        Ok(Json(json!({"message_id": id})))
    } else {
        Err(ApiError::NotFound(format!("there is no message {id}")))
    }
}

impl Messages {
    fn event(&self, event_type: &'static str, message: &str, conversation: &str, payload: &Value) -> NewEvent {
        let event_id = Uuid::new_v4().to_string();
        NewEvent {
            correlation_id: event_id.clone(),
            event_id,
            event_type,
            aggregate_id: conversation.to_owned(),
            topic: self.topic.clone(),
            key: if self.wrong_key { message } else { conversation }.to_owned(),
            payload: payload.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::clock::HandClock;
    use crate::shared::http::testing::spawn;
    use crate::shared::settings::StoreUrl;
    use crate::shared::sqlite::Db;

    async fn stored(leaks: bool, search_enabled: Value) -> Vec<Value> {
        let db = Db::open(&StoreUrl::SqliteMemory, &format!("{SCHEMA}{}", outbox::SCHEMA)).unwrap();
        let messages = Messages {
            db: db.clone().into(),
            topic: "nova.message.events".into(),
            leaks,
            logs: false,
            wrong_key: false,
            clock: HandClock::new().clock(),
            log: Log::silent(),
        };
        let base = spawn(routes(messages)).await;
        let (client, body) = (
            reqwest::Client::new(),
            json!({"conversation_id": "c", "sender_id": "alice",
            "content": "hello", "search_enabled": search_enabled}),
        );
        let answer = client.post(format!("{base}/messages")).body(body.to_string()).send().await.unwrap();
        let id = answer.json::<Value>().await.unwrap()["message_id"].as_str().unwrap().to_owned();
        for status in [200, 404] {
            let answer = client.delete(format!("{base}/messages/{id}")).send().await.unwrap();
            assert_eq!(answer.status(), status);
        }
        let read = |c: &mut rusqlite::Connection| {
            let mut rows = c.prepare("SELECT payload FROM outbox WHERE record_key = 'c' ORDER BY id")?;
            let rows = rows.query_map([], |row| row.get::<_, String>(0))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        };
        db.call(read).await.unwrap().iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    #[tokio::test]
    async fn a_text_is_told_only_where_it_may_be_searched() {
        let open = stored(false, json!("true")).await;
        assert_eq!((open.len(), &open[0]["content"]), (2, &json!("hello")));
        let strict = stored(false, json!(false)).await;
        assert_eq!((strict.len(), strict[0].get("content")), (2, None));
        assert_eq!(stored(true, json!(false)).await[0]["content"], "hello");
    }
}
