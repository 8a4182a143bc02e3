//! Writing to Kafka: idempotent, acknowledged by all replicas, partitioned by librdkafka's own rule (CRC32 of the key).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eventproof_producer::Awaited;
use futures::future::BoxFuture;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureRecord, Producer};

use super::{Brokers, LogContext, OutRecord};
use crate::ServeError;
use crate::shared::log::Log;

/// How long Kafka may take to say how many partitions a topic has.
const METADATA: Duration = Duration::from_secs(5);

/// Why a record was not acknowledged. It may be on the topic all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PublishError {
    #[error("topic {topic}: {source}")]
    Kafka { topic: String, source: KafkaError },
    #[error("topic {topic}: no schema: {reason}")]
    Schema { topic: String, reason: String },
    #[error("topic {topic}: the producer was closed before an answer")]
    Closed { topic: String },
}

/// Something that records can be written to.
pub(crate) trait Publish: Send + Sync {
    /// Hands the records over in this order and waits for every answer; one outcome per record, in the same order.
    fn publish(&self, records: Vec<OutRecord>) -> BoxFuture<'_, Vec<Result<(), PublishError>>>;
}

/// The real thing.
pub(crate) struct KafkaPublisher {
    config: ClientConfig,
    log: Log,
    producer: Mutex<Awaited<LogContext>>,
    partitions: Mutex<HashMap<String, i32>>,
}

impl KafkaPublisher {
    /// Makes a producer that places keys as librdkafka does by itself; that the brokers can be reached is not needed.
    pub(crate) fn new(
        brokers: &Brokers,
        client_id: &str,
        delivery_timeout: Duration,
        log: Log,
    ) -> Result<KafkaPublisher, ServeError> {
        KafkaPublisher::placing(brokers, client_id, delivery_timeout, "consistent_random", log)
    }

    /// The same with another of librdkafka's partitioners.
    pub(crate) fn placing(
        brokers: &Brokers,
        client_id: &str,
        delivery_timeout: Duration,
        partitioner: &str,
        log: Log,
    ) -> Result<KafkaPublisher, ServeError> {
        let mut config = brokers.client();
        config
            .set("client.id", client_id)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", partitioner)
            .set("linger.ms", "2")
            .set("reconnect.backoff.max.ms", "1000")
            .set("message.timeout.ms", delivery_timeout.as_millis().to_string());
        let producer = config
            .create_with_context(LogContext(log))
            .map_err(|source| ServeError::Kafka { what: "producer", source })?;
        Ok(KafkaPublisher { config, log, producer: Mutex::new(producer), partitions: Mutex::default() })
    }

    /// The producer in use. After a fatal error (an idempotent producer that lost its sequence) a new one takes over.
    fn producer(&self) -> Awaited<LogContext> {
        let mut current = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((code, reason)) = current.client().fatal_error() {
            self.log.error(format_args!("producer failed for good, making another: {code}: {reason}"));
            match self.config.create_with_context(LogContext(self.log)) {
                Ok(fresh) => *current = fresh,
                Err(e) => self.log.error(format_args!("no new producer: {e}")),
            }
        }
        current.clone()
    }

    /// How many partitions a topic has; asked for once.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<i32, String> {
        if let Some(known) = self.partitions.lock().unwrap_or_else(PoisonError::into_inner).get(topic) {
            return Ok(*known);
        }
        let (producer, name) = (self.producer(), topic.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            let metadata = producer.client().fetch_metadata(Some(&name), METADATA).map_err(|e| e.to_string())?;
            let found =
                metadata.topics().iter().find(|found| found.name() == name).map(|found| found.partitions().len());
            found.filter(|count| *count > 0).ok_or_else(|| format!("there is no topic {name}"))
        });
        let count = i32::try_from(asked.await.map_err(|e| e.to_string())??).map_err(|e| e.to_string())?;
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), count);
        Ok(count)
    }

    async fn publish_all(&self, records: Vec<OutRecord>) -> Vec<Result<(), PublishError>> {
        let producer = self.producer();
        let waiting: Vec<_> = records.iter().map(|record| producer.send(future_record(record))).collect();
        let mut outcomes = Vec::with_capacity(records.len());
        for (record, sent) in records.iter().zip(waiting) {
            let failed = |source| PublishError::Kafka { topic: record.topic.clone(), source };
            outcomes.push(match sent {
                Err(error) => Err(failed(error)),
                Ok(delivery) => match delivery.await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(failed(error)),
                    Err(_) => Err(PublishError::Closed { topic: record.topic.clone() }),
                },
            });
        }
        outcomes
    }
}

impl Publish for KafkaPublisher {
    fn publish(&self, records: Vec<OutRecord>) -> BoxFuture<'_, Vec<Result<(), PublishError>>> {
        Box::pin(self.publish_all(records))
    }
}

pub(super) fn future_record(record: &OutRecord) -> FutureRecord<'_, [u8], [u8]> {
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for (key, value) in &record.headers {
        headers = headers.insert(Header { key, value: value.as_deref() });
    }
    let mut out = FutureRecord::to(&record.topic).headers(headers);
    out.partition = record.partition;
    out.key = record.key.as_deref();
    out.payload = record.payload.as_deref();
    out
}

/// A publisher for tests: remembers what it was given, and fails when told to.
#[cfg(test)]
pub(crate) mod fake {
    use std::collections::BTreeMap;

    use rdkafka::types::RDKafkaErrorCode;

    use super::*;

    #[derive(Default)]
    pub(crate) struct FakePublisher {
        state: Mutex<State>,
    }

    #[derive(Default)]
    struct State {
        calls: usize,
        published: Vec<OutRecord>,
        failing: BTreeMap<Vec<u8>, usize>,
    }

    impl FakePublisher {
        /// The next `times` records with this key are refused.
        pub(crate) fn fail(&self, key: &str, times: usize) {
            self.state.lock().unwrap().failing.insert(key.into(), times);
        }

        pub(crate) fn calls(&self) -> usize {
            self.state.lock().unwrap().calls
        }

        pub(crate) fn published(&self) -> Vec<OutRecord> {
            self.state.lock().unwrap().published.clone()
        }

        pub(crate) fn take(&self) -> Vec<OutRecord> {
            std::mem::take(&mut self.state.lock().unwrap().published)
        }
    }

    impl Publish for FakePublisher {
        fn publish(&self, records: Vec<OutRecord>) -> BoxFuture<'_, Vec<Result<(), PublishError>>> {
            let mut state = self.state.lock().unwrap();
            state.calls += 1;
            let outcomes = records.into_iter().map(|record| state.take_in(record)).collect();
            Box::pin(async move { outcomes })
        }
    }

    impl State {
        fn take_in(&mut self, record: OutRecord) -> Result<(), PublishError> {
            let key = record.key.clone().unwrap_or_default();
            if let Some(left) = self.failing.get_mut(&key).filter(|left| **left > 0) {
                *left -= 1;
                let source = KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
                return Err(PublishError::Kafka { topic: record.topic, source });
            }
            self.published.push(record);
            Ok(())
        }
    }
}
