//! A cluster of several nodes through librdkafka: leaders spread and moved, nodes that die and come back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use common::*;
use eventproof_embedded::{BrokerConfig, EmbeddedBroker, StartError};
use rdkafka::admin::{NewTopic, TopicReplication};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{FutureRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

fn cluster(nodes: usize) -> EmbeddedBroker {
    EmbeddedBroker::start(BrokerConfig { nodes, ..BrokerConfig::default() }).unwrap()
}

async fn replicated(broker: &EmbeddedBroker, name: &str, partitions: i32, replicas: i32, config: &[(&str, &str)]) {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
    let topic = config.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
    assert_eq!(admin(broker).create_topics([&topic], &options()).await.unwrap(), vec![Ok(name.to_owned())]);
}

/// The leader of every partition of a topic, as a client that just came is told.
fn leaders(broker: &EmbeddedBroker, topic: &str) -> Vec<i32> {
    let metadata = consumer(broker, &[]).fetch_metadata(Some(topic), LONG).unwrap();
    metadata.topics()[0].partitions().iter().map(|partition| partition.leader()).collect()
}

#[tokio::test]
async fn leaders_and_replicas_are_spread_over_the_nodes() {
    let broker = cluster(3);
    assert_eq!(broker.bootstrap_servers().split(',').count(), 3);
    replicated(&broker, "spread", 6, 2, &[]).await;
    let metadata = consumer(&broker, &[]).fetch_metadata(Some("spread"), LONG).unwrap();
    assert_eq!(metadata.brokers().iter().map(|node| node.id()).collect::<BTreeSet<_>>(), BTreeSet::from([1, 2, 3]));
    let mut led: BTreeMap<i32, usize> = BTreeMap::new();
    for partition in metadata.topics()[0].partitions() {
        *led.entry(partition.leader()).or_default() += 1;
        assert_eq!((partition.replicas().len(), partition.isr().len()), (2, 2));
        assert_eq!(partition.replicas()[0], partition.leader());
    }
    assert_eq!(led, BTreeMap::from([(1, 2), (2, 2), (3, 2)]));
}

#[tokio::test]
async fn nothing_is_lost_doubled_or_reordered_while_leaders_move_and_a_node_dies() {
    let broker = cluster(3);
    replicated(&broker, "moving", 3, 3, &[]).await;
    let settings = [("group.id", "movers"), ("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "200")];
    let (one, two) = (consumer(&broker, &settings), consumer(&broker, &settings));
    one.subscribe(&["moving"]).unwrap();
    two.subscribe(&["moving"]).unwrap();
    let producer = producer(&broker, &[("enable.idempotence", "true")]);
    let faults = broker.faults();
    let mut sends = Vec::new();
    for n in 0..900 {
        match n {
            100 | 500 => assert_eq!(faults.move_leaders(Some("moving"), None).unwrap(), 3),
            200 => faults.crash_node(2).unwrap(),
            400 => faults.restart_node(2).unwrap(),
            600 => faults.crash_node(1).unwrap(),
            800 => faults.restart().unwrap(),
            _ => {}
        }
        let value = n.to_string();
        let record = FutureRecord::to("moving").partition(n % 3).key("k").payload(&value);
        sends.push(producer.send_result(record).map_err(|(error, _)| error).unwrap());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for send in sends {
        send.await.unwrap().unwrap();
    }
    let seen = std::cell::RefCell::new(BTreeMap::<i32, Vec<(i64, i32)>>::new());
    let note = |_: usize, message: rdkafka::message::BorrowedMessage<'_>| {
        let (offset, _, value) = plain(&message);
        let value = value.unwrap().parse().unwrap();
        seen.borrow_mut().entry(rdkafka::Message::partition(&message)).or_default().push((offset, value));
    };
    poll_until(&[&one, &two], note, || seen.borrow().values().map(Vec::len).sum::<usize>() >= 900);
    for (partition, records) in seen.borrow().iter() {
        let distinct: BTreeMap<i64, i32> = records.iter().copied().collect();
        let expected: BTreeMap<i64, i32> = (0..300).map(|n| (n, n as i32 * 3 + partition)).collect();
        assert_eq!(distinct, expected, "partition {partition}");
    }
}

#[tokio::test]
async fn a_partition_whose_only_replica_is_down_has_no_leader_until_it_is_back() {
    let broker = cluster(2);
    replicated(&broker, "single", 2, 1, &[]).await;
    let before = leaders(&broker, "single");
    assert_eq!(broker.faults().move_leaders(Some("single"), None).unwrap(), 0, "there is nowhere to move");
    let slow = producer(&broker, &[]);
    send(&slow, "single", 0, "k", "before").await;
    broker.faults().crash_node(before[0]).unwrap();
    assert_eq!(leaders(&broker, "single"), [-1, before[1]]);
    let waiting = slow.send_result(FutureRecord::to("single").partition(0).key("k").payload("meanwhile")).unwrap();
    broker.faults().restart_node(before[0]).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().offset, 1);
    assert_eq!(leaders(&broker, "single"), before);
    let found = read(&reader(&broker, "single", 0, Offset::Beginning, &[]), 2);
    assert_eq!(found[1].2.as_deref(), Some("meanwhile"));
}

#[tokio::test]
async fn too_few_replicas_refuse_what_must_be_on_all() {
    let broker = cluster(2);
    replicated(&broker, "safe", 1, 2, &[("min.insync.replicas", "2")]).await;
    let faults = broker.faults();
    send(&producer(&broker, &[]), "safe", 0, "k", "v").await;
    faults.crash_node(2).unwrap();
    let one_try = producer(&broker, &[("retries", "0"), ("enable.idempotence", "false")]);
    let (error, _) = one_try.send(FutureRecord::to("safe").key("k").payload("v"), LONG).await.unwrap_err();
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::NotEnoughReplicas));
    let leader_only = producer(&broker, &[("acks", "1"), ("enable.idempotence", "false")]);
    assert_eq!(send(&leader_only, "safe", 0, "k", "v").await.1, 1);
    faults.restart_node(2).unwrap();
    assert_eq!(send(&producer(&broker, &[]), "safe", 0, "k", "v").await.1, 2);
}

#[tokio::test]
async fn groups_and_transactions_outlive_the_node_that_coordinates_them() {
    let broker = cluster(3);
    replicated(&broker, "coordinated", 1, 3, &[]).await;
    let faults = broker.faults();
    let member = consumer(&broker, &[("group.id", "outliving"), ("heartbeat.interval.ms", "200")]);
    let transactional = producer(&broker, &[("transactional.id", "outliving")]);
    transactional.init_transactions(LONG).unwrap();
    for round in 0..3 {
        let node = round + 1;
        transactional.begin_transaction().unwrap();
        send(&transactional, "coordinated", 0, "k", "v").await;
        faults.crash_node(node).unwrap();
        transactional.commit_transaction(LONG).unwrap();
        let mut position = TopicPartitionList::new();
        position.add_partition_offset("coordinated", 0, Offset::Offset(i64::from(round))).unwrap();
        member.commit(&position, CommitMode::Sync).unwrap();
        faults.restart_node(node).unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition("coordinated", 0);
        // librdkafka tells who asks that the coordinator has moved, and asks the new one next time.
        let deadline = Instant::now() + LONG;
        let committed = loop {
            match member.committed_offsets(asked.clone(), LONG) {
                Ok(committed) => break committed,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        };
        assert_eq!(committed.elements()[0].offset(), Offset::Offset(i64::from(round)));
    }
    // Every node is asked, and one of them knows the group.
    let listed = consumer(&broker, &[]).fetch_group_list(None, LONG).unwrap();
    assert_eq!(listed.groups().iter().filter(|group| group.name() == "outliving").count(), 1);
    let committed = reader(&broker, "coordinated", 0, Offset::Beginning, &[("isolation.level", "read_committed")]);
    assert_eq!(read(&committed, 3).len(), 3);
}

#[test]
fn a_cluster_has_one_to_nine_nodes_and_knows_them() {
    let error = EmbeddedBroker::start(BrokerConfig { nodes: 10, ..BrokerConfig::default() }).unwrap_err();
    assert!(matches!(error, StartError::Nodes(10)));
    let error = cluster(2).faults().crash_node(3).unwrap_err();
    assert_eq!(error.to_string(), "there is no node 3: they are 1 to 2");
}
