//! Administration through librdkafka.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use common::*;
use eventproof_embedded::{BrokerConfig, Clock, EmbeddedBroker, Listener};
use rdkafka::admin::{AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

async fn config_of(broker: &EmbeddedBroker, topic: &str, name: &str) -> (Option<String>, bool) {
    let topic = ResourceSpecifier::Topic(topic);
    let mut found = admin(broker).describe_configs([&topic], &options()).await.unwrap();
    let resource = found.remove(0).unwrap();
    let entry = resource.get(name).unwrap();
    (entry.value.clone(), entry.is_default)
}

#[tokio::test]
async fn topics_are_created_described_grown_and_deleted() {
    let broker = broker();
    create_topic(&broker, "orders", 2, &[("retention.ms", "1000")]).await;
    let consumer = consumer(&broker, &[]);
    let count = || consumer.fetch_metadata(Some("orders"), LONG).unwrap().topics()[0].partitions().len();
    assert_eq!(count(), 2);
    assert_eq!(config_of(&broker, "orders", "retention.ms").await, (Some("1000".to_owned()), false));
    assert_eq!(config_of(&broker, "orders", "cleanup.policy").await, (Some("delete".to_owned()), true));

    let grown = NewPartitions::new("orders", 5);
    let results = admin(&broker).create_partitions([&grown], &options()).await.unwrap();
    assert_eq!(results, vec![Ok("orders".to_owned())]);
    assert_eq!(count(), 5);
    let shrunk = NewPartitions::new("orders", 3);
    let results = admin(&broker).create_partitions([&shrunk], &options()).await.unwrap();
    assert_eq!(results, vec![Err(("orders".to_owned(), RDKafkaErrorCode::InvalidPartitions))]);

    let results = admin(&broker).delete_topics(&["orders", "absent"], &options()).await.unwrap();
    assert_eq!(
        results,
        vec![Ok("orders".to_owned()), Err(("absent".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition))]
    );
    assert!(consumer.fetch_metadata(None, LONG).unwrap().topics().is_empty());
}

#[tokio::test]
async fn topics_that_cannot_be_are_refused_with_kafkas_codes() {
    let broker = broker();
    create_topic(&broker, "taken", 1, &[]).await;
    create_topic(&broker, "a.b", 1, &[]).await;
    let new = |name| NewTopic::new(name, 1, TopicReplication::Fixed(1));
    let cases = [
        (new("taken"), RDKafkaErrorCode::TopicAlreadyExists),
        (new("a_b"), RDKafkaErrorCode::InvalidTopic),
        (new("no spaces"), RDKafkaErrorCode::InvalidTopic),
        (NewTopic::new("three", 1, TopicReplication::Fixed(3)), RDKafkaErrorCode::InvalidReplicationFactor),
        (new("typo").set("retention.mss", "1"), RDKafkaErrorCode::InvalidConfig),
        (new("word").set("retention.ms", "soon"), RDKafkaErrorCode::InvalidConfig),
        (new("other").set("cleanup.policy", "burn"), RDKafkaErrorCode::InvalidConfig),
    ];
    for (topic, expected) in cases {
        let results = admin(&broker).create_topics([&topic], &options()).await.unwrap();
        assert_eq!(results, vec![Err((topic.name.to_owned(), expected))]);
    }
}

#[tokio::test]
async fn altering_resets_what_is_not_named() {
    let broker = broker();
    create_topic(&broker, "altered", 1, &[("retention.ms", "1000"), ("cleanup.policy", "compact")]).await;
    let change = AlterConfig::new(ResourceSpecifier::Topic("altered")).set("retention.ms", "2000");
    let results = admin(&broker).alter_configs([&change], &options()).await.unwrap();
    assert!(results[0].is_ok());
    assert_eq!(config_of(&broker, "altered", "retention.ms").await, (Some("2000".to_owned()), false));
    assert_eq!(config_of(&broker, "altered", "cleanup.policy").await, (Some("delete".to_owned()), true));
}

#[tokio::test]
async fn a_consumer_from_a_removed_offset_is_told_or_goes_on_as_it_asked() {
    let broker = broker();
    create_topic(&broker, "cut", 1, &[]).await;
    for _ in 0..10 {
        send_many(&broker, "cut", 0, 1, &[]);
    }
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("cut", 0, Offset::Offset(6)).unwrap();
    admin(&broker).delete_records(&list, &options()).await.unwrap();
    let watcher = consumer(&broker, &[]);
    assert_eq!(watcher.fetch_watermarks("cut", 0, LONG).unwrap(), (6, 10));

    let strict = reader(&broker, "cut", 0, Offset::Offset(2), &[("auto.offset.reset", "error")]);
    let error = strict.poll(LONG).unwrap().unwrap_err();
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::AutoOffsetReset), "{error}");
    let lenient = reader(&broker, "cut", 0, Offset::Offset(2), &[]);
    assert_eq!(read(&lenient, 4)[0].0, 6);
}

#[tokio::test]
async fn groups_are_deleted_only_when_empty() {
    let broker = broker();
    create_topic(&broker, "grouped", 1, &[]).await;
    let member = consumer(&broker, &[("group.id", "busy")]);
    member.subscribe(&["grouped"]).unwrap();
    poll_until(&[&member], |_, _| {}, || member.assignment().unwrap().count() == 1);
    let idle = consumer(&broker, &[("group.id", "idle")]);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("grouped", 0, Offset::Offset(0)).unwrap();
    idle.commit(&list, CommitMode::Sync).unwrap();
    let mut results = admin(&broker).delete_groups(&["busy", "idle", "none"], &options()).await.unwrap();
    results.sort_by_key(|r| match r {
        Ok(name) | Err((name, _)) => name.clone(),
    });
    assert_eq!(
        results,
        vec![
            Err(("busy".to_owned(), RDKafkaErrorCode::NonEmptyGroup)),
            Ok("idle".to_owned()),
            Err(("none".to_owned(), RDKafkaErrorCode::GroupIdNotFound)),
        ]
    );
}

#[tokio::test]
async fn deleting_a_topic_forgets_the_offsets_committed_for_it() {
    let broker = broker();
    create_topic(&broker, "again", 1, &[]).await;
    let consumer = consumer(&broker, &[("group.id", "g")]);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("again", 0, Offset::Offset(5)).unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
    admin(&broker).delete_topics(&["again"], &options()).await.unwrap();
    create_topic(&broker, "again", 1, &[]).await;
    let mut asked = TopicPartitionList::new();
    asked.add_partition("again", 0);
    let found = consumer.committed_offsets(asked, LONG).unwrap();
    assert_eq!(found.elements()[0].offset(), Offset::Invalid);
}

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

async fn wait_for_start(broker: &EmbeddedBroker, topic: &str, start: i64) {
    let watcher = consumer(broker, &[]);
    let deadline = Instant::now() + LONG;
    while watcher.fetch_watermarks(topic, 0, LONG).unwrap().0 != start {
        assert!(Instant::now() < deadline, "the log start is not {start}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn retention_by_time_and_by_size_really_removes() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(now.as_millis() as i64)));
    let broker = EmbeddedBroker::start(BrokerConfig {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        retention_check_interval: Duration::from_millis(10),
        ..BrokerConfig::default()
    })
    .unwrap();
    create_topic(&broker, "old", 1, &[("retention.ms", "60000")]).await;
    create_topic(&broker, "much", 1, &[("retention.bytes", "100"), ("retention.ms", "-1")]).await;
    create_topic(&broker, "kept", 1, &[("retention.ms", "60000"), ("cleanup.policy", "compact")]).await;
    for topic in ["old", "much", "kept"] {
        for _ in 0..5 {
            send_many(&broker, topic, 0, 1, &[]);
        }
    }
    clock.0.fetch_add(120_000, Ordering::SeqCst);
    wait_for_start(&broker, "old", 5).await;
    // A batch of one small record has about 70 bytes: two are kept for at least 100.
    wait_for_start(&broker, "much", 3).await;
    wait_for_start(&broker, "kept", 0).await;
    send_many(&broker, "old", 0, 1, &[]);
    let reader = reader(&broker, "old", 0, Offset::Beginning, &[]);
    assert_eq!(read(&reader, 1)[0].0, 5);
}

#[tokio::test]
async fn the_memory_limit_refuses_and_loses_nothing() {
    let broker = EmbeddedBroker::start(BrokerConfig { memory_limit: 10_000, ..BrokerConfig::default() }).unwrap();
    create_topic(&broker, "full", 1, &[]).await;
    let producer = producer(&broker, &[]);
    let value = "x".repeat(1000);
    let mut taken = 0;
    let error = loop {
        let record = rdkafka::producer::FutureRecord::to("full").key("k").payload(&value);
        match producer.send(record, LONG).await {
            Ok(_) => taken += 1,
            Err((error, _)) => break error,
        }
        assert!(taken < 10);
    };
    assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::PolicyViolation));
    assert_eq!(taken, 9);
    let reader = reader(&broker, "full", 0, Offset::Beginning, &[]);
    assert_eq!(read(&reader, 9).len(), 9);
    // Room is made by removing records.
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("full", 0, Offset::End).unwrap();
    admin(&broker).delete_records(&list, &options()).await.unwrap();
    send(&producer, "full", 0, "k", &value).await;
}

#[tokio::test]
async fn append_time_replaces_the_producers_where_the_topic_says_so() {
    let broker = broker();
    create_topic(&broker, "stamped", 1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let producer = producer(&broker, &[]);
    let record = rdkafka::producer::FutureRecord::to("stamped").key("k").payload("v").timestamp(1000);
    producer.send(record, LONG).await.unwrap();
    let consumer = reader(&broker, "stamped", 0, Offset::Beginning, &[("check.crcs", "true")]);
    let message = consumer.poll(LONG).unwrap().unwrap();
    match rdkafka::Message::timestamp(&message) {
        rdkafka::Timestamp::LogAppendTime(time) => assert!(time > 1_700_000_000_000),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_compacted_topic_takes_no_record_without_a_key() {
    let broker = broker();
    create_topic(&broker, "compacted", 1, &[("cleanup.policy", "compact")]).await;
    for codec in ["none", "lz4"] {
        let producer = producer(&broker, &[("compression.type", codec)]);
        let record = rdkafka::producer::FutureRecord::<str, str>::to("compacted").payload("v");
        let (error, _) = producer.send(record, LONG).await.unwrap_err();
        assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::InvalidRecord));
        send(&producer, "compacted", 0, "k", "v").await;
    }
}

#[tokio::test]
async fn each_listener_advertises_its_own_address() {
    let loopback = "127.0.0.1:0".parse().unwrap();
    let broker = EmbeddedBroker::start(BrokerConfig {
        listeners: vec![
            Listener::new(loopback),
            Listener { bind: loopback, advertised: Some(("localhost".to_owned(), 0)) },
        ],
        ..BrokerConfig::default()
    })
    .unwrap();
    for (index, host) in ["127.0.0.1", "localhost"].into_iter().enumerate() {
        let servers = broker.listener_servers(index).unwrap();
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", &servers);
        let consumer: rdkafka::consumer::BaseConsumer = config.create().unwrap();
        let metadata = consumer.fetch_metadata(None, LONG).unwrap();
        let node = &metadata.brokers()[0];
        assert_eq!(format!("{}:{}", node.host(), node.port()), servers);
        assert_eq!(node.host(), host);
    }
}

#[test]
fn a_broker_starts_at_once_and_leaves_no_thread() {
    let started = Instant::now();
    let broker = broker();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let address = broker.bootstrap_servers();
    broker.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
}
