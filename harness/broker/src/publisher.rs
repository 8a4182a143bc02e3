//! Publishing single records, each with a known fate.

use std::sync::Arc;
use std::time::Duration;

use eventproof_contract::Record;
use eventproof_evidence::{Clock, Journal, Name, Observation};
use eventproof_producer::Awaited;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureRecord, Producer};

use crate::{Broker, BrokerError};

/// How long a full queue may keep a record waiting.
const QUEUE_WAIT: Duration = Duration::from_secs(10);

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is on the topic, there.
    At { partition: i32, offset: i64 },
    /// It is not on the topic.
    Refused(String),
    /// It is not on the topic, since the broker takes nothing so large there.
    TooLarge(String),
    /// Nobody can say.
    Unknown(String),
}

/// An idempotent producer with `acks=all` that writes its fate into the journal.
#[derive(Clone)]
pub struct Publisher {
    producer: Awaited,
    journal: Journal,
    clock: Arc<dyn Clock>,
}

impl Publisher {
    /// A publisher on `broker`.
    pub fn new(broker: &Broker, journal: Journal, clock: Arc<dyn Clock>) -> Result<Publisher, BrokerError> {
        let producer = broker
            .settings
            .producer("eventproof-publisher")
            .set("linger.ms", "0")
            // What is too large is the broker's to say.
            .set("message.max.bytes", "1000000000")
            .create()
            .map_err(|error| BrokerError::Client(error.to_string()))?;
        Ok(Publisher { producer, journal, clock })
    }

    /// Publishes a record, on `partition` if the contract's partitioner says one, and waits for its fate. `event`
    /// is the name under which the fate is noted: the event's id.
    pub async fn publish(&self, record: &Record, partition: Option<i32>, event: &str) -> Published {
        let name: Name = event.into();
        self.note_sent(record, &name);
        let published = match self.producer.write(future_record(record, partition), QUEUE_WAIT).await {
            Ok(written) => Published::At { partition: written.partition, offset: written.offset },
            Err(error) => fate(&error),
        };
        self.note_fate(&record.topic, name, &published);
        published
    }

    fn note_sent(&self, record: &Record, event: &Name) {
        let key = record.key.as_ref().map(|key| String::from_utf8_lossy(key).as_ref().into());
        self.journal.push(Observation::Sent {
            event: event.clone(),
            topic: record.topic.as_str().into(),
            key,
            at: self.clock.now(),
        });
    }

    fn note_fate(&self, topic: &str, event: Name, published: &Published) {
        let at = self.clock.now();
        self.journal.push(match published {
            Published::At { partition, offset } => {
                Observation::Acknowledged { event, topic: topic.into(), partition: *partition, offset: *offset, at }
            }
            Published::Refused(error) | Published::TooLarge(error) => {
                Observation::Refused { event, error: error.clone(), at }
            }
            Published::Unknown(error) => Observation::Unknown { event, error: error.clone(), at },
        });
    }

    /// Waits until everything has its fate.
    pub fn flush(&self) {
        // A record that is still in flight after this is noted as unknown by its own time-out.
        let _ = self.producer.flush(QUEUE_WAIT);
    }
}

fn future_record(record: &Record, partition: Option<i32>) -> FutureRecord<'_, [u8], [u8]> {
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for (key, value) in &record.headers {
        headers = headers.insert(Header { key, value: value.as_deref() });
    }
    FutureRecord {
        topic: &record.topic,
        partition,
        payload: record.payload.as_deref(),
        key: record.key.as_deref(),
        timestamp: None,
        headers: Some(headers),
    }
}

/// A time-out leaves open whether the record was written; everything else means that it was not.
fn fate(error: &KafkaError) -> Published {
    match error.rdkafka_error_code() {
        Some(code) if is_uncertain(code) => Published::Unknown(error.to_string()),
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => Published::TooLarge(error.to_string()),
        _ => Published::Refused(error.to_string()),
    }
}

/// Whether a record that failed so may be on the topic all the same.
pub(crate) fn is_uncertain(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageTimedOut
            | RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::NotEnoughReplicasAfterAppend
            | RDKafkaErrorCode::PurgeInflight
    )
}
