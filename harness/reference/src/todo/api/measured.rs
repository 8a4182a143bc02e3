//! A publisher that is measured, with the document's own metric names.

use std::time::Instant;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::shared::kafka::{KafkaPublisher, OutRecord, Publish, PublishError};
use crate::shared::metrics::Metrics;

const PUBLISHED: &str = "events_published_total";
const FAILURES: &str = "events_published_failures_total";
const DURATION: &str = "event_publish_duration_seconds";

/// A publisher that counts what it does.
pub(super) struct Measured {
    inner: KafkaPublisher,
    metrics: Option<Metrics>,
}

impl Measured {
    /// Declares the metrics; without any nothing is counted.
    pub(super) fn new(inner: KafkaPublisher, metrics: Option<Metrics>) -> Measured {
        if let Some(metrics) = &metrics {
            metrics.counter(PUBLISHED, "Events that Kafka acknowledged, by type.", true);
            metrics.counter(FAILURES, "Attempts to publish an event that were not acknowledged.", false);
            metrics.histogram(DURATION, "From handing an event over to its acknowledgement.");
        }
        Measured { inner, metrics }
    }
}

impl Publish for Measured {
    fn publish(&self, records: Vec<OutRecord>) -> BoxFuture<'_, Vec<Result<(), PublishError>>> {
        Box::pin(async move {
            let types: Vec<String> = records.iter().map(event_type).collect();
            let began = Instant::now();
            let outcomes = self.inner.publish(records).await;
            if let Some(metrics) = &self.metrics {
                for (event_type, outcome) in types.iter().zip(&outcomes) {
                    match outcome {
                        Ok(()) => metrics.add(PUBLISHED, &[("event_type", event_type)], 1),
                        Err(_) => metrics.add(FAILURES, &[], 1),
                    }
                    metrics.observe(DURATION, began.elapsed());
                }
            }
            outcomes
        })
    }
}

fn event_type(record: &OutRecord) -> String {
    let value: Value =
        record.payload.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    value.pointer("/data/event_type").and_then(Value::as_str).unwrap_or("unknown").to_owned()
}
