//! todo-api: tasks over HTTP. The event of a change is written with it, and published afterwards: the request neither waits for
//! Kafka nor fails with it, and what could not be published is published later, in the order of its task.

mod creation;
mod http;
mod input;
mod measured;
mod store;

use std::sync::Arc;

use serde_json::Value;

use super::envelope;
use crate::ServeError;
use crate::catalogue::FaultInfo;
use crate::serve::{Context, Parts};
use crate::shared::clock::rfc3339;
use crate::shared::kafka::{KafkaPublisher, OutRecord};
use crate::shared::outbox::{Came, DueRow, OutboxFaults, RecordOf, Relay, declare_metrics, outbox_routes};
use crate::shared::store::{answers, open};

pub(super) const NAME: &str = "todo-api";

const NO_KEY: FaultInfo =
    FaultInfo { name: "no-key", summary: "publishes without partitionKey metadata, so records have no key" };
const NAIVE_TIME: FaultInfo =
    FaultInfo { name: "naive-timestamp", summary: "writes timestamps as utcnow().isoformat() does: without an offset" };
const BLOCKING: FaultInfo =
    FaultInfo { name: "blocking-publish", summary: "answers a request only once its event was acknowledged" };
const DROPS: FaultInfo =
    FaultInfo { name: "drops-unpublished", summary: "logs an event that could not be published, and forgets it" };
const NO_CORRELATION: FaultInfo = FaultInfo {
    name: "drop-correlation",
    summary: "gives every event a correlation id of its own, whatever the request said, and leaves user_id out",
};
const EVENT_ON_REFUSAL: FaultInfo =
    FaultInfo { name: "event-on-refusal", summary: "publishes task.updated for a task that is not there" };
const LYING_CHANGES: FaultInfo =
    FaultInfo { name: "lying-changes", summary: "says of every update that every field was changed" };
const SILENT_CHANGES: FaultInfo =
    FaultInfo { name: "silent-changes", summary: "says of every update that nothing was changed" };
const REFUSED_CREATE: FaultInfo = FaultInfo {
    name: "tells-refused-create",
    summary: "writes the event of a creation before it looks whether there is a title",
};
const OUTSIDE: FaultInfo = FaultInfo {
    name: "outbox-outside-transaction",
    summary: "writes the event of a new task before, and not with, the task",
};
const ALSO_COMPLETED: FaultInfo = FaultInfo {
    name: "also-completed",
    summary: "publishes task.completed besides the task.updated that sets the status",
};
const REORDER: FaultInfo =
    FaultInfo { name: "reorder", summary: "publishes what has gathered in the outbox newest first" };
const FORGETS: FaultInfo = FaultInfo { name: "forgets-at-start", summary: "empties its outbox when it starts" };
const IGNORES_FLAG: FaultInfo =
    FaultInfo { name: "ignores-flag", summary: "publishes although the feature flag is off" };
const ALSO_UPDATED: FaultInfo =
    FaultInfo { name: "also-updated", summary: "publishes task.updated besides task.completed" };
const WRONG_TOPIC: FaultInfo =
    FaultInfo { name: "wrong-topic", summary: "publishes completions on the topic of updates" };
const TWICE: FaultInfo = FaultInfo { name: "published-twice", summary: "publishes every event twice" };
const UNDECLARED_FIELD: FaultInfo = FaultInfo {
    name: "undeclared-field",
    summary: "adds a field to what it tells of new tasks that the Avro schema lacks",
};
const TELLS_SECRETS: FaultInfo =
    FaultInfo { name: "tells-secrets", summary: "puts the caller's token into what it tells of new tasks" };
const WRONG_PASSWORD: FaultInfo =
    FaultInfo { name: "wrong-password", summary: "comes to Kafka with a password that is not the right one" };
const NO_METRICS: FaultInfo = FaultInfo { name: "no-metrics", summary: "does not count what it publishes" };

/// The faults of this service.
pub(super) const FAULTS: &[FaultInfo] = &[
    NO_KEY,
    NAIVE_TIME,
    BLOCKING,
    DROPS,
    NO_CORRELATION,
    EVENT_ON_REFUSAL,
    LYING_CHANGES,
    SILENT_CHANGES,
    REFUSED_CREATE,
    OUTSIDE,
    ALSO_UPDATED,
    ALSO_COMPLETED,
    REORDER,
    FORGETS,
    IGNORES_FLAG,
    WRONG_TOPIC,
    TWICE,
    WRONG_PASSWORD,
    UNDECLARED_FIELD,
    TELLS_SECRETS,
    NO_METRICS,
];

/// Opens the store, makes the routes and the publisher's worker.
pub(super) async fn build(context: &Context) -> Result<Parts, ServeError> {
    let settings = &context.settings;
    let db = open(context, NAME, &store::schema()).await?;
    context.log.info(format_args!("events {}", settings.events_enabled));
    if context.has(FORGETS) {
        let emptied = db.write(|tx| tx.run("DELETE FROM outbox", &[])).await;
        emptied.map_err(|e| settings.store_for(NAME).error(e))?;
    }
    declare_metrics(&context.metrics);
    let brokers = match context.has(WRONG_PASSWORD) {
        true => settings.brokers.with_wrong_password(),
        false => settings.brokers.clone(),
    };
    let kafka = KafkaPublisher::placing(&brokers, NAME, settings.delivery_timeout, "fnv1a", context.log)?;
    let metrics = context.metrics.clone();
    let publisher = measured::Measured::new(kafka, (!context.has(NO_METRICS)).then_some(metrics));
    let relay = Relay {
        db: db.clone(),
        publisher: Arc::new(publisher),
        settings: settings.outbox,
        faults: OutboxFaults {
            twice: context.has(TWICE),
            dropped: context.has(DROPS),
            reorder: context.has(REORDER),
            ..OutboxFaults::default()
        },
        record: record_of(context),
        clock: context.clock.clone(),
        metrics: context.metrics.clone(),
        log: context.log,
        came: Came::default(),
    };
    let tasks = store::Tasks {
        db: db.clone(),
        clock: context.clock.clone(),
        enabled: settings.events_enabled || context.has(IGNORES_FLAG),
        faults: store::Faults {
            naive_time: context.has(NAIVE_TIME),
            no_correlation: context.has(NO_CORRELATION),
            event_on_refusal: context.has(EVENT_ON_REFUSAL),
            lying_changes: context.has(LYING_CHANGES),
            silent_changes: context.has(SILENT_CHANGES),
            tells_refused_create: context.has(REFUSED_CREATE),
            also_completed: context.has(ALSO_COMPLETED),
            also_updated: context.has(ALSO_UPDATED),
            wrong_topic: context.has(WRONG_TOPIC),
            undeclared_field: context.has(UNDECLARED_FIELD),
            tells_secrets: context.has(TELLS_SECRETS),
            outside: context.has(OUTSIDE),
        },
    };
    let stop = context.stop.clone();
    let work = async move {
        relay.run(stop).await;
        Ok(())
    };
    let router = http::routes(tasks, context.has(BLOCKING), context.log).merge(outbox_routes(db.clone()));
    Ok(Parts { router, ready: answers(db), work: Some(("publisher", Box::pin(work))) })
}

/// The record of an event: a new CloudEvent around it, with every publish.
fn record_of(context: &Context) -> RecordOf {
    let (clock, no_key) = (context.clock.clone(), context.has(NO_KEY));
    Arc::new(move |row: &DueRow| {
        // It was written as JSON by ourselves.
        let data: Value = serde_json::from_str(&row.payload).unwrap_or_default();
        let event = envelope::cloud_event(&row.topic, &rfc3339(clock.now()), &data);
        OutRecord {
            topic: row.topic.clone(),
            partition: None,
            key: (!no_key).then(|| row.key.clone().into_bytes()),
            payload: Some(event.to_string().into_bytes()),
            headers: vec![("content-type".to_owned(), Some(b"application/cloudevents+json".to_vec()))],
        }
    })
}
