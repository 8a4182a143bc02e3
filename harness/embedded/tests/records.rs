//! Producing and consuming through librdkafka.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::*;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Headers;
use rdkafka::producer::FutureRecord;
use rdkafka::{Message, Offset, TopicPartitionList};

#[tokio::test]
async fn records_come_back_as_they_were_sent_with_every_codec() {
    let broker = broker();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("codec-{codec}");
        let producer = producer(&broker, &[("compression.type", codec), ("linger.ms", "20")]);
        let body = "x".repeat(2000);
        let sends = (0..50i64).map(|n| {
            let (producer, topic, body) = (producer.clone(), topic.clone(), body.clone());
            async move {
                let mut record = FutureRecord::to(&topic)
                    .partition(0)
                    .timestamp(1_700_000_000_000 + n)
                    .headers(headers(&[("a", Some("1")), ("a", Some("2")), ("b", None)]));
                let key = n.to_string();
                if n % 2 == 0 {
                    record = record.key(&key);
                }
                if n % 3 == 0 {
                    record = record.payload(&body);
                }
                producer.send(record, LONG).await.unwrap().offset
            }
        });
        let mut offsets = Vec::new();
        for send in sends.collect::<Vec<_>>() {
            offsets.push(send.await);
        }
        assert_eq!(offsets, (0..50).collect::<Vec<i64>>());

        let consumer = reader(&broker, &topic, 0, Offset::Beginning, &[]);
        let mut n = 0;
        while n < 50 {
            let Some(message) = consumer.poll(LONG) else { panic!("nothing came") };
            let message = message.unwrap();
            assert_eq!(message.offset(), n);
            assert_eq!(message.timestamp().to_millis(), Some(1_700_000_000_000 + n));
            let key = n.to_string();
            assert_eq!(message.key(), (n % 2 == 0).then_some(key.as_bytes()));
            assert_eq!(message.payload(), (n % 3 == 0).then_some(body.as_bytes()));
            let headers = message.headers().unwrap();
            let all: Vec<_> = headers.iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect();
            assert_eq!(
                all,
                vec![
                    ("a".to_owned(), Some(b"1".to_vec())),
                    ("a".to_owned(), Some(b"2".to_vec())),
                    ("b".to_owned(), None)
                ]
            );
            n += 1;
        }
    }
}

#[tokio::test]
async fn an_idempotent_producer_keeps_order_with_all_acknowledgement_settings() {
    let broker = broker();
    for (topic, settings) in [
        ("idempotent", &[("enable.idempotence", "true")][..]),
        ("acks-all", &[("acks", "all")][..]),
        ("acks-one", &[("acks", "1")][..]),
        ("acks-none", &[("acks", "0")][..]),
    ] {
        create_topic(&broker, topic, 1, &[]).await;
        send_many(&broker, topic, 0, 5000, settings);
        let consumer = reader(&broker, topic, 0, Offset::Beginning, &[]);
        let values: Vec<String> = read(&consumer, 5000).into_iter().map(|(_, _, v)| v.unwrap()).collect();
        let expected: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
        assert_eq!(values, expected, "{topic}");
    }
}

#[tokio::test]
async fn watermarks_and_offsets_by_time_are_exact() {
    let broker = broker();
    create_topic(&broker, "times", 2, &[]).await;
    for codec in ["none", "zstd"] {
        let producer = producer(&broker, &[("compression.type", codec), ("linger.ms", "50")]);
        let mut sends = Vec::new();
        for n in 0..10 {
            let record = FutureRecord::to("times").partition(0).key("k").payload("v").timestamp(1000 + n * 10);
            sends.push(producer.send_result(record).map_err(|(e, _)| e).unwrap());
        }
        for send in sends {
            send.await.unwrap().unwrap();
        }
    }
    let consumer = consumer(&broker, &[]);
    assert_eq!(consumer.fetch_watermarks("times", 0, LONG).unwrap(), (0, 20));
    assert_eq!(consumer.fetch_watermarks("times", 1, LONG).unwrap(), (0, 0));
    for (time, expected) in
        [(0, Offset::Offset(0)), (1041, Offset::Offset(5)), (1090, Offset::Offset(9)), (1091, Offset::End)]
    {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("times", 0, Offset::Offset(time)).unwrap();
        let found = consumer.offsets_for_times(list, LONG).unwrap();
        assert_eq!(found.elements()[0].offset(), expected, "at {time}");
    }
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_and_the_next_is_taken() {
    let broker = broker();
    create_topic(&broker, "small", 1, &[("max.message.bytes", "1000")]).await;
    let producer = producer(&broker, &[]);
    let large = "x".repeat(5000);
    let record = FutureRecord::to("small").partition(0).key("k").payload(&large);
    let (error, _) = producer.send(record, LONG).await.unwrap_err();
    assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge));
    assert_eq!(send(&producer, "small", 0, "k", "v").await, (0, 0));
}

#[tokio::test]
async fn a_topic_nobody_created_is_made_by_its_first_record_but_not_by_a_reader() {
    let broker = broker();
    let impatient = [("topic.metadata.propagation.max.ms", "0")];
    let consumer = reader(&broker, "absent", 0, Offset::Beginning, &impatient);
    let error = consumer.poll(LONG).unwrap().unwrap_err();
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::UnknownTopicOrPartition), "{error}");
    let producer = producer(&broker, &[]);
    assert_eq!(send(&producer, "absent", 0, "k", "v").await, (0, 0));
    let metadata = consumer.fetch_metadata(Some("absent"), LONG).unwrap();
    assert_eq!(metadata.topics()[0].partitions().len(), 1);
}

#[tokio::test]
async fn without_automatic_creation_a_producer_is_told() {
    let config = eventproof_embedded::BrokerConfig { auto_create_topics: false, ..Default::default() };
    let broker = eventproof_embedded::EmbeddedBroker::start(config).unwrap();
    let producer = producer(&broker, &[("topic.metadata.propagation.max.ms", "0")]);
    let record = FutureRecord::to("absent").key("k").payload("v");
    let (error, _) = producer.send(record, LONG).await.unwrap_err();
    // Its own cache says the one, the broker's answer the other.
    let unknown = [RDKafkaErrorCode::UnknownTopic, RDKafkaErrorCode::UnknownTopicOrPartition];
    assert!(error.rdkafka_error_code().is_some_and(|code| unknown.contains(&code)), "{error}");
}

#[tokio::test]
async fn a_large_log_is_read_whole_in_order() {
    let broker = broker();
    create_topic(&broker, "large", 1, &[]).await;
    send_many(&broker, "large", 0, 100_000, &[("enable.idempotence", "true")]);
    let consumer = reader(&broker, "large", 0, Offset::Beginning, &[]);
    let all = read(&consumer, 100_000);
    assert!(
        all.iter()
            .enumerate()
            .all(|(n, (offset, _, value))| { *offset == n as i64 && value.as_deref() == Some(&n.to_string()) })
    );
}
