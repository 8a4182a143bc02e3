#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Producers on the embedded broker and on none: what they write, and what they answer.

use std::time::Duration;

use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use eventproof_producer::{Awaited, Written};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureRecord, Producer};

/// Generous: reached only when something is broken.
const LONG: Duration = Duration::from_secs(30);
/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:1";

fn client(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("linger.ms", "2");
    config
}

fn record(key: &str) -> FutureRecord<'_, str, str> {
    FutureRecord::to("told").partition(0).key(key).payload("x")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_has_its_answer_in_the_order_of_the_sends() {
    let broker = EmbeddedBroker::start(BrokerConfig::default()).unwrap();
    let producer: Awaited = client(&broker.bootstrap_servers()).create().unwrap();
    assert_eq!(producer.write(record("first"), LONG).await, Ok(Written { partition: 0, offset: 0 }));
    let answers: Vec<_> = (0..100).map(|_| producer.clone().send(record("more")).unwrap()).collect();
    producer.flush(LONG).unwrap();
    for (answer, offset) in answers.into_iter().zip(1..) {
        assert_eq!(answer.await.unwrap(), Ok(Written { partition: 0, offset }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_told_and_what_waits_in_it_fails_when_the_producer_is_dropped() {
    let producer: Awaited = client(NOBODY).set("queue.buffering.max.messages", "1").create().unwrap();
    let waits = producer.send(record("waits")).unwrap();
    let full = Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
    assert_eq!(producer.send(record("too many")).map(drop), full.clone());
    assert_eq!(producer.write(record("too many"), Duration::from_millis(250)).await.map(drop), full);
    drop(producer);
    let fate = tokio::time::timeout(LONG, waits).await.unwrap().unwrap();
    assert_eq!(fate, Err(KafkaError::MessageProduction(RDKafkaErrorCode::PurgeQueue)));
}
