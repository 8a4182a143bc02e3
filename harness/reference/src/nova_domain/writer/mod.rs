//! A writing service: commands over HTTP. What a command changes and the event that tells it are written in one transaction; events-service
//! publishes. Which commands there are stands in the table of events.

mod command;
mod store;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::faults::{LOGS_ADDRESS, NO_SOURCE, OUTSIDE, WRONG_KEY};
use super::kinds::{self, Kind};
use crate::serve::Context;
use crate::shared::clock::rfc3339;
use crate::shared::http::{ApiError, header_text};
use crate::shared::log::Log;
use crate::shared::outbox;
use crate::shared::sql::Store;

pub(super) use store::{DENIED, Origin, Teller, add, owned, remove};

/// What the writing services share their store under, with events-service, which publishes what is in it.
pub(super) const STORE: &str = "nova-domain";

/// Everything that writing needs.
pub(super) fn schema() -> String {
    format!("{}{}", store::ENTITIES, outbox::SCHEMA)
}

/// Who writes a service's events.
pub(super) fn teller(service: &'static str, context: &Context) -> Teller {
    let faults = store::Faults {
        outside: context.has(OUTSIDE),
        no_source: context.has(NO_SOURCE),
        wrong_key: context.has(WRONG_KEY),
        logs_address: context.has(LOGS_ADDRESS),
    };
    Teller {
        service,
        prefix: context.settings.topic_prefix.clone(),
        version: context.settings.event_version,
        clock: context.clock.clone(),
        faults,
    }
}

#[derive(Clone)]
struct Api {
    db: Store,
    teller: Teller,
    log: Log,
}

/// `POST /commands/{name}`.
pub(super) fn routes(db: Store, teller: Teller, log: Log) -> Router {
    Router::new().route("/commands/{name}", post(carry_out)).with_state(Api { db, teller, log })
}

/// The answer is the event's data, its id and its correlation id. What is refused tells nothing.
async fn carry_out(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let service = api.teller.service;
    let unknown = || ApiError::NotFound(format!("{service} has no command {name}"));
    let kind = kinds::of_command(service, &name).ok_or_else(unknown)?;
    let mut data = command::read(kind, &body, &rfc3339(api.teller.clock.now()))?;
    versioned(kind, &mut data, api.teller.version);
    if api.teller.faults.no_source && kind.event == "user.created" {
        data.as_object_mut().and_then(|fields| fields.remove("source"));
    }
    let origin = Origin {
        correlation_id: header_text(&headers, "x-correlation-id").unwrap_or_else(|| Uuid::new_v4().to_string()),
        causation_id: String::new(),
        user: header_text(&headers, "x-user-id"),
    };
    let correlation = origin.correlation_id.clone();
    let event_id = store::carry_out(&api.db, &api.teller, kind, data.clone(), origin).await?;
    api.log.info(format_args!("{name}: {} event_id={event_id}", kind.event));
    if let (true, Some(address)) = (api.teller.faults.logs_address, data["email"].as_str()) {
        api.log.info(format_args!("{name}: {address}"));
    }
    data["event_id"] = json!(event_id);
    data["correlation_id"] = json!(correlation);
    Ok((StatusCode::CREATED, Json(data)))
}

/// Version 2 of `user.created` has a `locale`, version 3 has no `source` any more.
fn versioned(kind: &Kind, data: &mut Value, version: u32) {
    let Some(fields) = data.as_object_mut().filter(|_| kind.event == "user.created") else { return };
    if version < 2 {
        fields.remove("locale");
    } else {
        fields.entry("locale").or_insert_with(|| json!("en"));
    }
    if version >= 3 {
        fields.remove("source");
    }
}
