//! Transactions through librdkafka.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::*;
use eventproof_embedded::EmbeddedBroker;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

fn transactional(broker: &EmbeddedBroker, id: &str, settings: &[(&str, &str)]) -> BaseProducer {
    let mut config = client(broker);
    config.set("transactional.id", id);
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(LONG).unwrap();
    producer
}

fn put(producer: &BaseProducer, topic: &str, value: &str) {
    let record = BaseRecord::to(topic).partition(0).key("k").payload(value);
    producer.send(record).map_err(|(e, _)| e).unwrap();
    producer.flush(LONG).unwrap();
}

fn committed_reader(broker: &EmbeddedBroker, topic: &str) -> BaseConsumer {
    reader(broker, topic, 0, Offset::Beginning, &[("isolation.level", "read_committed")])
}

fn values(records: Vec<(i64, Option<String>, Option<String>)>) -> Vec<String> {
    records.into_iter().filter_map(|(_, _, value)| value).collect()
}

#[tokio::test]
async fn aborted_records_are_hidden_from_who_reads_committed_ones() {
    let broker = broker();
    create_topic(&broker, "txn", 1, &[]).await;
    let producer = transactional(&broker, "t1", &[]);
    for (value, commit) in [("a", true), ("b", false), ("c", true)] {
        producer.begin_transaction().unwrap();
        put(&producer, "txn", value);
        match commit {
            true => producer.commit_transaction(LONG).unwrap(),
            false => producer.abort_transaction(LONG).unwrap(),
        }
    }
    assert_eq!(values(read(&committed_reader(&broker, "txn"), 2)), ["a", "c"]);
    let uncommitted = reader(&broker, "txn", 0, Offset::Beginning, &[("isolation.level", "read_uncommitted")]);
    assert_eq!(values(read(&uncommitted, 3)), ["a", "b", "c"]);
    // Markers take offsets.
    assert_eq!(uncommitted.fetch_watermarks("txn", 0, LONG).unwrap(), (0, 6));
}

#[tokio::test]
async fn an_open_transaction_holds_back_what_follows_it() {
    let broker = broker();
    create_topic(&broker, "held", 1, &[]).await;
    let open = transactional(&broker, "open", &[]);
    open.begin_transaction().unwrap();
    put(&open, "held", "first");
    send_many(&broker, "held", 0, 1, &[]);
    let committed = committed_reader(&broker, "held");
    assert!(committed.poll(Duration::from_millis(500)).is_none());
    open.commit_transaction(LONG).unwrap();
    assert_eq!(values(read(&committed, 2)), ["first", "0"]);
}

#[tokio::test]
async fn a_newer_producer_fences_the_older_and_aborts_its_transaction() {
    let broker = broker();
    create_topic(&broker, "fenced", 1, &[]).await;
    let old = transactional(&broker, "same", &[]);
    old.begin_transaction().unwrap();
    put(&old, "fenced", "old");
    let new = transactional(&broker, "same", &[]);
    let error = old.commit_transaction(LONG).unwrap_err();
    let code = error.rdkafka_error_code();
    assert!(matches!(code, Some(RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::Fenced)), "{error}");
    new.begin_transaction().unwrap();
    put(&new, "fenced", "new");
    new.commit_transaction(LONG).unwrap();
    assert_eq!(values(read(&committed_reader(&broker, "fenced"), 1)), ["new"]);
}

#[tokio::test]
async fn a_transaction_that_takes_too_long_is_aborted() {
    let broker = broker();
    create_topic(&broker, "late", 1, &[]).await;
    let slow = transactional(&broker, "slow", &[("transaction.timeout.ms", "1000")]);
    slow.begin_transaction().unwrap();
    put(&slow, "late", "never");
    send_many(&broker, "late", 0, 1, &[]);
    // Held back by the open transaction until that is aborted.
    assert_eq!(values(read(&committed_reader(&broker, "late"), 1)), ["0"]);
    assert!(slow.commit_transaction(LONG).is_err());
}

#[tokio::test]
async fn offsets_are_committed_with_the_transaction_or_not_at_all() {
    let broker = broker();
    create_topic(&broker, "in", 1, &[]).await;
    create_topic(&broker, "out", 1, &[]).await;
    send_many(&broker, "in", 0, 3, &[]);
    let consumer = consumer(&broker, &[("group.id", "etl")]);
    consumer.subscribe(&["in"]).unwrap();
    assert_eq!(read(&consumer, 3).len(), 3);
    let producer = transactional(&broker, "etl", &[]);
    let committed = || {
        let mut asked = TopicPartitionList::new();
        asked.add_partition("in", 0);
        let found = consumer.committed_offsets(asked, LONG).unwrap();
        found.elements()[0].offset()
    };
    for (offset, commit, expected) in [(1, false, Offset::Invalid), (3, true, Offset::Offset(3))] {
        producer.begin_transaction().unwrap();
        put(&producer, "out", "made");
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset("in", 0, Offset::Offset(offset)).unwrap();
        let group = consumer.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&offsets, &group, LONG).unwrap();
        match commit {
            true => producer.commit_transaction(LONG).unwrap(),
            false => producer.abort_transaction(LONG).unwrap(),
        }
        assert_eq!(committed(), expected);
    }
}
