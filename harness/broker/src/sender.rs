//! Streams of records for load: a callback for each fate, back-pressure instead of waiting.

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext};
use rdkafka::statistics::Statistics;

use eventproof_contract::Record;
use eventproof_producer::Polled;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::publisher::is_uncertain;
use crate::{Broker, BrokerError, ClientTimes};

/// How often the client tells how long things take it.
const STATISTICS: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_millis(5);

/// How a stream is sent. Kafka's own names and meanings.
#[derive(Clone, Debug)]
pub struct SenderSettings {
    /// How long a record waits for others of its batch at most; 5 ms where nothing is said, as Java's producer has it.
    pub linger: Option<Duration>,
    pub batch_bytes: usize,
    /// How many records wait in the client at most; librdkafka's own number where nothing is said.
    pub queue_records: Option<usize>,
    /// `none`, `gzip`, `snappy`, `lz4` or `zstd`.
    pub compression: String,
    /// Idempotent with `acks=all` unless a profile says otherwise.
    pub idempotent: bool,
}

impl SenderSettings {
    /// How long a record waits for others of its batch at most.
    pub fn linger(&self) -> Duration {
        self.linger.unwrap_or(LINGER)
    }
}

impl Default for SenderSettings {
    fn default() -> Self {
        SenderSettings {
            linger: None,
            batch_bytes: 131_072,
            queue_records: None,
            compression: "none".to_owned(),
            idempotent: true,
        }
    }
}

/// The fate of one record.
#[derive(Clone, Debug)]
pub enum Delivery {
    Acknowledged { partition: i32, offset: i64 },
    Failed(Failure),
}

/// Why a record was not acknowledged.
#[derive(Clone, Debug)]
pub enum Failure {
    /// It is not on the topic.
    Refused(String),
    /// Nobody can say.
    Unknown(String),
}

/// Why a record was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The queue is full: try again. This is back-pressure, never a record sent.
    #[error("the producer's queue is full")]
    QueueFull,
    /// The client refuses this record.
    #[error("{0}")]
    Refused(String),
}

type Callback = Box<dyn Fn(u64, Delivery) + Send + Sync>;

/// A producer for streams. `token`s come back with the fate of their record, on the producer's own thread.
pub struct Sender {
    producer: Polled<Fates>,
}

struct Fates {
    callback: Callback,
    times: Mutex<ClientTimes>,
}

impl ClientContext for Fates {
    fn stats(&self, said: Statistics) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).take(&said);
    }
}

impl ProducerContext for Fates {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let delivery = match result {
            Ok(record) => Delivery::Acknowledged { partition: record.partition(), offset: record.offset() },
            Err((error, _)) => Delivery::Failed(failure(error)),
        };
        (self.callback)(token as u64, delivery);
    }
}

impl Sender {
    /// A sender on `broker`; `fate` is called once for every record taken.
    pub fn new(
        broker: &Broker,
        settings: &SenderSettings,
        fate: impl Fn(u64, Delivery) + Send + Sync + 'static,
    ) -> Result<Sender, BrokerError> {
        let mut config = broker.settings.producer("eventproof-load");
        config
            .set("linger.ms", settings.linger().as_millis().to_string())
            .set("batch.size", settings.batch_bytes.to_string())
            .set("compression.type", &settings.compression)
            .set("enable.idempotence", settings.idempotent.to_string())
            .set("statistics.interval.ms", STATISTICS.as_millis().to_string());
        if let Some(records) = settings.queue_records {
            config.set("queue.buffering.max.messages", records.to_string());
        }
        let producer = config
            .create_with_context(Fates { callback: Box::new(fate), times: Mutex::default() })
            .map_err(|error| BrokerError::Client(error.to_string()))?;
        Ok(Sender { producer })
    }

    /// Hands over a record. Never waits.
    pub fn send(&self, record: &Record, partition: Option<i32>, token: u64) -> Result<(), SendError> {
        let mut base = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&record.topic, token as usize);
        base.key = record.key.as_deref();
        base.payload = record.payload.as_deref();
        base.partition = partition;
        if !record.headers.is_empty() {
            let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
            for (key, value) in &record.headers {
                headers = headers.insert(Header { key, value: value.as_deref() });
            }
            base = base.headers(headers);
        }
        self.producer.send(base).map_err(|(error, _)| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => SendError::QueueFull,
            _ => SendError::Refused(error.to_string()),
        })
    }

    /// What the client said of its own time until now. It says so once a second: of the last one nothing is known.
    pub fn times(&self) -> ClientTimes {
        *self.producer.context().times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every record has its fate, at most so long. Returns how many are still without.
    pub fn flush(&self, limit: Duration) -> usize {
        // What is left is counted below; the error says no more than that.
        let _ = self.producer.flush(limit);
        usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }
}

fn failure(error: &KafkaError) -> Failure {
    match error.rdkafka_error_code() {
        Some(code) if is_uncertain(code) => Failure::Unknown(error.to_string()),
        _ => Failure::Refused(error.to_string()),
    }
}
