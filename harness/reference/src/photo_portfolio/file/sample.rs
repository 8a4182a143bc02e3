//! Guaranteed delivery as the document's sample has it, for faults: what is awaited within the request, and rolled back.

use std::time::Duration;

use eventproof_producer::Awaited;
use rdkafka::producer::FutureRecord;

use crate::ServeError;
use crate::serve::Context;
use crate::shared::outbox::NewEvent;

/// How long the sample waits for Kafka.
const PATIENCE: Duration = Duration::from_secs(5);

/// A producer that never tries again: what it is not told was written counts as not written.
#[derive(Clone)]
pub(super) struct Sample(Awaited);

impl Sample {
    pub(super) fn new(context: &Context) -> Result<Sample, ServeError> {
        let producer = context
            .settings
            .brokers
            .client()
            .set("client.id", super::NAME)
            .set("partitioner", "murmur2_random")
            .set("message.send.max.retries", "0")
            .set("message.timeout.ms", PATIENCE.as_millis().to_string())
            .create()
            .map_err(|source| ServeError::Kafka { what: "producer", source })?;
        Ok(Sample(producer))
    }

    /// Publishes and waits for the answer.
    pub(super) async fn publish(&self, event: &NewEvent) -> Result<(), String> {
        let record = FutureRecord::to(&event.topic).key(&event.key).payload(&event.payload);
        self.0.write(record, Duration::ZERO).await.map(drop).map_err(|error| error.to_string())
    }
}
