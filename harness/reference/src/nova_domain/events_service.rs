//! events-service: polls the outbox that the writing services share, and publishes for all of them.
//!
//! Row → the JSON envelope as it was written → the topic of its type; and the same envelope in Protobuf → the topic of all events.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::Value;

use super::faults::{DATA_AS_OBJECT, FRESH_ID, LOST, NO_SCHEMA_ID, REORDER, TWICE};
use super::registered::Registered;
use super::{protobuf, writer};
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::kafka::{KafkaPublisher, OutRecord, Publish, PublishError};
use crate::shared::outbox::{Came, DueRow, OutboxFaults, RecordOf, Relay, declare_metrics, outbox_routes};
use crate::shared::settings::OutboxSettings;
use crate::shared::store::{answers, open};

pub(super) const NAME: &str = "events-service";
/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[TWICE, LOST, REORDER, DATA_AS_OBJECT, FRESH_ID, NO_SCHEMA_ID];
/// How often the fault `reorder` polls: so seldom that a batch has several rows.
const SELDOM: Duration = Duration::from_millis(500);
/// Behind the prefix: the topic of all events in Protobuf.
const BINARY: &str = "domain-events";

/// Opens the writers' store, and makes the publisher's worker.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    let db = open(context, writer::STORE, &writer::schema()).await?;
    declare_metrics(&context.metrics);
    let kafka =
        KafkaPublisher::placing(&settings.brokers, NAME, settings.delivery_timeout, "murmur2_random", context.log)?;
    let topic = format!("{}.{BINARY}", settings.topic_prefix);
    let schema = match context.has(NO_SCHEMA_ID) {
        true => None,
        false => Some(Registered::new(&settings.registry()?, &topic)),
    };
    let relay = Relay {
        db: db.clone(),
        publisher: Arc::new(InBothForms { kafka, topic, schema }),
        settings: polling(context),
        faults: OutboxFaults {
            lost: context.has(LOST),
            twice: context.has(TWICE),
            reorder: context.has(REORDER),
            ..OutboxFaults::default()
        },
        record: record_of(context),
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
        came: Came::default(),
    };
    let (stop, rows) = (context.stop.clone(), db.clone());
    let work = async move {
        relay.run(stop).await;
        Ok(())
    };
    Ok(Parts { router: outbox_routes(rows), ready: answers(db), work: Some(("publisher", Box::pin(work))) })
}

fn polling(context: &Context) -> OutboxSettings {
    let settings = context.settings.outbox;
    if context.has(REORDER) { OutboxSettings { poll: SELDOM, ..settings } } else { settings }
}

fn record_of(context: &Context) -> RecordOf {
    let (as_object, fresh_id) = (context.has(DATA_AS_OBJECT), context.has(FRESH_ID));
    Arc::new(move |row: &DueRow| {
        let mut payload = row.payload.clone();
        if as_object || fresh_id {
            payload = spoiled(&payload, as_object);
        }
        OutRecord {
            topic: row.topic.clone(),
            partition: None,
            key: Some(row.key.clone().into_bytes()).filter(|key| !key.is_empty()),
            payload: Some(payload.into_bytes()),
            headers: vec![("content-type".to_owned(), Some(b"application/json".to_vec()))],
        }
    })
}

/// Faults: the envelope as nobody may write it.
fn spoiled(payload: &str, as_object: bool) -> String {
    let mut envelope: Value = serde_json::from_str(payload).unwrap_or_default();
    if as_object {
        envelope["data"] =
            envelope["data"].as_str().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    } else {
        envelope["id"] = uuid::Uuid::new_v4().to_string().into();
    }
    envelope.to_string()
}

/// Publishes every event in both forms; it counts as published only if both are.
struct InBothForms {
    kafka: KafkaPublisher,
    topic: String,
    /// Nothing, by a fault: records say no schema.
    schema: Option<Registered>,
}

impl InBothForms {
    /// What stands before every record of the Protobuf form.
    async fn frame(&self) -> Result<Vec<u8>, PublishError> {
        let Some(schema) = &self.schema else { return Ok(Vec::new()) };
        schema.frame().await.map_err(|reason| PublishError::Schema { topic: self.topic.clone(), reason })
    }

    fn binary(&self, record: &OutRecord, frame: &[u8]) -> OutRecord {
        let json = record.payload.as_deref().unwrap_or_default();
        let envelope: Value = serde_json::from_slice(json).unwrap_or_default();
        OutRecord {
            topic: self.topic.clone(),
            partition: None,
            key: envelope["aggregate_id"].as_str().map(|id| id.as_bytes().to_vec()),
            payload: Some([frame, &protobuf::encode(&envelope)].concat()),
            headers: vec![("content-type".to_owned(), Some(b"application/x-protobuf".to_vec()))],
        }
    }
}

impl Publish for InBothForms {
    fn publish(&self, records: Vec<OutRecord>) -> BoxFuture<'_, Vec<Result<(), PublishError>>> {
        Box::pin(async move {
            let frame = match self.frame().await {
                Ok(frame) => frame,
                Err(error) => return records.iter().map(|_| Err(error.clone())).collect(),
            };
            let both = records.into_iter().flat_map(|record| {
                let binary = self.binary(&record, &frame);
                [record, binary]
            });
            let both = both.collect();
            let outcomes = self.kafka.publish(both).await;
            outcomes.chunks(2).map(|of_event| of_event.iter().cloned().collect()).collect()
        })
    }
}
