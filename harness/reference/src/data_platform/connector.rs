//! connector-service: takes what comes over HTTP, and answers once Kafka has acknowledged its event.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::batch::{self, Batches, LEFT_OPEN, NO_TRANSACTION, TAKEN_BACK};
use super::envelope::{Codec, Event};
use super::partition;
use super::registry::Registry;
use super::stages::{self, Topic};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::clock::Clock;
use crate::shared::http::{ApiError, FieldFault, header_text, read_json};
use crate::shared::kafka::{KafkaPublisher, OutRecord, Publish};
use crate::shared::log::Log;

pub(super) const NAME: &str = "connector-service";

const NEGATIVE: FaultInfo = FaultInfo {
    name: "negative-partition",
    summary: "computes Math.abs(hash) % n, which is negative for Integer.MIN_VALUE",
};
const WRONG_PARTITIONER: FaultInfo =
    FaultInfo { name: "wrong-partitioner", summary: "places keys by murmur2 instead of Java's hashCode" };
const WRONG_KEY: FaultInfo = FaultInfo { name: "wrong-key", summary: "uses the event id as the key" };
const NO_MAGIC: FaultInfo = FaultInfo { name: "no-magic-byte", summary: "writes bare Avro, without the schema's id" };
const PLAIN_JSON: FaultInfo = FaultInfo { name: "plain-json", summary: "writes the event as JSON" };
const NEW_CORRELATION: FaultInfo =
    FaultInfo { name: "new-correlation", summary: "gives every event a correlation id of its own" };

const WIDENS: FaultInfo = FaultInfo {
    name: "widens-org-id",
    summary: "writes raw data by a schema where org_id is a long, which the registry takes and the document does not",
};

const REORDER: FaultInfo = FaultInfo {
    name: "reorder",
    summary: "answers for the first record of an organisation at once, and publishes it behind the second",
};
const NUMBERS: FaultInfo = FaultInfo { name: "numbers-events", summary: "gives events numbers for ids, and not UUIDs" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[
    NEGATIVE,
    WRONG_PARTITIONER,
    WRONG_KEY,
    NO_MAGIC,
    PLAIN_JSON,
    NEW_CORRELATION,
    WIDENS,
    NO_TRANSACTION,
    TAKEN_BACK,
    LEFT_OPEN,
    REORDER,
    NUMBERS,
];

/// What the routes share.
#[derive(Clone)]
pub(super) struct Api {
    codecs: Arc<[Codec]>,
    publisher: Arc<KafkaPublisher>,
    pub(super) batches: Batches,
    clock: Clock,
    pub(super) log: Log,
    faults: Faults,
    /// Fault: the first record of each organisation, until there is a second.
    held: Arc<Mutex<HashMap<i32, Option<OutRecord>>>>,
}

#[derive(Debug, Clone, Copy)]
struct Faults {
    negative: bool,
    wrong_partitioner: bool,
    wrong_key: bool,
    no_magic: bool,
    plain_json: bool,
    new_correlation: bool,
    reorder: bool,
    numbers: bool,
}

/// Makes the routes; Kafka and the registry may be away.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    let partitioner = "murmur2_random";
    let publisher =
        KafkaPublisher::placing(&settings.brokers, NAME, settings.delivery_timeout, partitioner, context.log)?;
    let registry = Arc::new(Registry::new(&settings.registry()?));
    let written = [stages::RAW, stages::CONFIG, stages::ETL, stages::AUDIT];
    let widens = context.has(WIDENS);
    let codec = |topic: Topic| match topic.schema(settings.event_version) {
        (text, version) if widens && topic == stages::RAW => {
            Codec::by(topic, registry.clone(), &widened(text), version + 1)
        }
        _ => Codec::new(topic, registry.clone(), settings.event_version),
    };
    let codecs: Result<Vec<Codec>, String> = written.into_iter().map(codec).collect();
    let codecs = codecs.map_err(|reason| ServeError::Ended { part: "a schema", reason })?;
    let api = Api {
        codecs: codecs.into(),
        publisher: Arc::new(publisher),
        batches: Batches::new(context)?,
        clock: context.clock.clone(),
        log: context.log,
        faults: Faults {
            negative: context.has(NEGATIVE),
            wrong_partitioner: context.has(WRONG_PARTITIONER),
            wrong_key: context.has(WRONG_KEY),
            no_magic: context.has(NO_MAGIC),
            plain_json: context.has(PLAIN_JSON),
            new_correlation: context.has(NEW_CORRELATION),
            reorder: context.has(REORDER),
            numbers: context.has(NUMBERS),
        },
        held: Arc::default(),
    };
    let router = Router::new()
        .route("/ingest", post(ingest))
        .route("/ingest/batch", post(batch::ingest))
        .route("/config", post(config))
        .route("/pipelines/{id}/runs", post(run))
        .route("/audit", post(audit))
        .with_state(api);
    Ok(Parts { router, ready: Arc::new(|| Box::pin(async { Ok(()) })), work: None })
}

/// Fault: the same schema with a wider org_id.
fn widened(schema: &str) -> String {
    schema.replace("{\"name\": \"org_id\", \"type\": \"int\"}", "{\"name\": \"org_id\", \"type\": \"long\"}")
}

async fn ingest(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let form = Form::read(&body)?;
    api.tell(stages::RAW, &form, &headers, form.raw(form.text("body", ""))).await
}

async fn config(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let form = Form::read(&body)?;
    let payload =
        json!({"key": form.text("key", "setting"), "old_value": null, "new_value": form.text("new_value", "")});
    api.tell(stages::CONFIG, &form, &headers, payload).await
}

async fn run(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let form = Form::read(&body)?;
    let payload =
        json!({"pipeline_id": id, "run_id": Uuid::new_v4().to_string(), "status": form.text("status", "STARTED")});
    api.tell(stages::ETL, &form, &headers, payload).await
}

async fn audit(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let form = Form::read(&body)?;
    let payload =
        json!({"actor": form.text("actor", "system"), "action": form.text("action", "read"), "entity": form.entity()});
    api.tell(stages::AUDIT, &form, &headers, payload).await
}

/// What a caller sent.
pub(super) struct Form {
    pub(super) org_id: i32,
    pub(super) fields: Value,
}

impl Form {
    pub(super) fn read(body: &[u8]) -> Result<Form, ApiError> {
        let fields: Value = read_json(body)?;
        // Some callers write numbers as texts.
        let number = fields["org_id"].as_i64().or_else(|| fields["org_id"].as_str()?.parse().ok());
        let org_id = number.and_then(|org| i32::try_from(org).ok());
        let fault = || vec![FieldFault { field: "org_id".into(), reason: "must be a whole number of 32 bits".into() }];
        Ok(Form { org_id: org_id.ok_or_else(|| ApiError::Invalid(fault()))?, fields })
    }

    fn text(&self, name: &str, default: &str) -> String {
        self.fields[name].as_str().unwrap_or(default).to_owned()
    }

    /// A payload of raw data; what a release does not know of it, it leaves out.
    pub(super) fn raw(&self, body: String) -> Value {
        let (dsp, format) = (self.text("dsp", "demo"), self.text("format", "plain"));
        json!({"entity": self.entity(), "dsp": dsp, "body": body, "format": format})
    }

    fn entity(&self) -> Value {
        json!({"entity_type": self.text("entity_type", "report"), "entity_id": self.text("entity_id", "1")})
    }
}

impl Api {
    async fn tell(&self, topic: Topic, form: &Form, headers: &HeaderMap, payload: Value) -> Result<Response, ApiError> {
        let event_id = self.event_id();
        let correlation_id = self.correlation(headers);
        let event =
            Event { event_id: event_id.clone(), correlation_id: correlation_id.clone(), org_id: form.org_id, payload };
        let unavailable = |error: String| ApiError::Unavailable(error);
        let record = self.record(topic, &event).await.map_err(unavailable)?;
        let records = self.in_turn(form.org_id, record);
        let outcome = if records.is_empty() { Some(Ok(())) } else { self.publisher.publish(records).await.pop() };
        match outcome {
            Some(Ok(())) => {
                self.log.info(format_args!("published {} org_id={} event_id={event_id}", topic.name, form.org_id));
                let said = json!({"event_id": event_id, "correlation_id": correlation_id, "org_id": form.org_id});
                Ok((StatusCode::ACCEPTED, Json(said)).into_response())
            }
            Some(Err(error)) => Err(unavailable(error.to_string())),
            None => Err(unavailable("the record was not handed over".to_owned())),
        }
    }

    fn event_id(&self) -> String {
        let id = Uuid::new_v4();
        if self.faults.numbers { format!("raw-{}", id.as_u64_pair().0) } else { id.to_string() }
    }

    /// What is published now: the record, unless the fault `reorder` has it wait for the next one.
    fn in_turn(&self, org_id: i32, record: OutRecord) -> Vec<OutRecord> {
        if !self.faults.reorder {
            return vec![record];
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&org_id) {
            None => {
                held.insert(org_id, Some(record));
                Vec::new()
            }
            Some(first) => std::iter::once(record).chain(first.take()).collect(),
        }
    }

    /// The caller's correlation id, or a fresh one.
    pub(super) fn correlation(&self, headers: &HeaderMap) -> String {
        let given = header_text(headers, "x-correlation-id").filter(|_| !self.faults.new_correlation);
        given.unwrap_or_else(|| Uuid::new_v4().to_string())
    }

    pub(super) async fn record(&self, topic: Topic, event: &Event) -> Result<OutRecord, String> {
        let codec = self.codecs.iter().find(|codec| codec.topic == topic).ok_or("no schema of this topic")?;
        let partitions = self.publisher.partitions(topic.name).await?;
        let place = if self.faults.negative { partition::of_org_naively } else { partition::of_org };
        let mut record = codec.record(event, NAME, self.clock.now_ms(), place, partitions).await?;
        if self.faults.wrong_partitioner {
            record.partition = None;
        }
        if self.faults.wrong_key {
            record.key = Some(event.event_id.clone().into_bytes());
        }
        if self.faults.no_magic {
            record.payload = record.payload.map(|bytes| bytes[5..].to_vec());
        }
        if self.faults.plain_json {
            record.payload =
                Some(json!({"event_id": event.event_id, "payload": event.payload}).to_string().into_bytes());
        }
        Ok(record)
    }
}
