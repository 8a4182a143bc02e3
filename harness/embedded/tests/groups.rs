//! Consumer groups through librdkafka.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;

use common::*;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Message, Offset, TopicPartitionList};

fn member(
    broker: &eventproof_embedded::EmbeddedBroker,
    group: &str,
    topic: &str,
    settings: &[(&str, &str)],
) -> BaseConsumer {
    let mut all = vec![("group.id", group), ("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "200")];
    all.extend_from_slice(settings);
    let consumer = consumer(broker, &all);
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

fn owns(consumer: &BaseConsumer, count: usize) -> bool {
    consumer.assignment().unwrap().count() == count
}

#[tokio::test]
async fn two_members_share_the_partitions_and_see_each_record_once() {
    for strategy in ["range", "roundrobin", "cooperative-sticky"] {
        let broker = broker();
        create_topic(&broker, "shared", 3, &[]).await;
        let settings = [("partition.assignment.strategy", strategy)];
        let one = member(&broker, "pair", "shared", &settings);
        let two = member(&broker, "pair", "shared", &settings);
        let split = || {
            one.assignment().unwrap().count() + two.assignment().unwrap().count() == 3
                && one.assignment().unwrap().count() > 0
                && two.assignment().unwrap().count() > 0
        };
        poll_until(&[&one, &two], |_, _| panic!("nothing was sent"), split);
        for partition in 0..3 {
            send_many(&broker, "shared", partition, 100, &[]);
        }
        let seen = std::cell::RefCell::new(BTreeMap::new());
        poll_until(
            &[&one, &two],
            |_, m| *seen.borrow_mut().entry((m.partition(), m.offset())).or_insert(0) += 1,
            || seen.borrow().len() == 300,
        );
        assert!(seen.borrow().values().all(|times| *times == 1), "{strategy}");
    }
}

#[tokio::test]
async fn a_member_that_leaves_hands_over_at_the_committed_offset() {
    let broker = broker();
    create_topic(&broker, "handed", 2, &[]).await;
    for partition in 0..2 {
        send_many(&broker, "handed", partition, 10, &[]);
    }
    let one = member(&broker, "relay", "handed", &[]);
    let mut count = 0;
    while count < 20 {
        if let Some(message) = one.poll(LONG) {
            let message = message.unwrap();
            count += 1;
            if message.offset() == 4 {
                one.commit_message(&message, CommitMode::Sync).unwrap();
            }
        }
    }
    drop(one);
    let two = member(&broker, "relay", "handed", &[]);
    let seen = std::cell::RefCell::new(Vec::new());
    poll_until(&[&two], |_, m| seen.borrow_mut().push((m.partition(), m.offset())), || seen.borrow().len() == 10);
    let mut seen = seen.into_inner();
    seen.sort_unstable();
    let expected: Vec<(i32, i64)> = (0..2).flat_map(|p| (5..10).map(move |o| (p, o))).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_partitions_of_a_member_that_dies_go_to_the_others() {
    let broker = broker();
    create_topic(&broker, "taken", 4, &[]).await;
    let one = member(&broker, "survivors", "taken", &[]);
    let two = member(&broker, "survivors", "taken", &[]);
    // A static member does not say that it leaves: to the group it looks as if it were killed.
    let three = member(&broker, "survivors", "taken", &[("group.instance.id", "doomed")]);
    let all = || [&one, &two, &three].iter().all(|c| !owned(c).is_empty());
    poll_until(&[&one, &two, &three], |_, _| {}, all);
    drop(three);
    poll_until(&[&one, &two], |_, _| {}, || owns(&one, 2) && owns(&two, 2));
}

#[tokio::test]
async fn a_static_member_that_returns_gets_its_partitions_without_a_rebalance() {
    let broker = broker();
    create_topic(&broker, "static", 2, &[]).await;
    let one = member(&broker, "fixed", "static", &[("group.instance.id", "a")]);
    let two = member(&broker, "fixed", "static", &[("group.instance.id", "b")]);
    poll_until(&[&one, &two], |_, _| {}, || owns(&one, 1) && owns(&two, 1));
    let (before, others) = (owned(&two), owned(&one));
    drop(two);
    let two = member(&broker, "fixed", "static", &[("group.instance.id", "b")]);
    poll_until(
        &[&one, &two],
        |_, _| {},
        || {
            assert_eq!(owned(&one), others);
            owns(&two, 1)
        },
    );
    assert_eq!(owned(&two), before);
}

#[tokio::test]
async fn offsets_are_committed_and_fetched_outside_of_a_generation() {
    let broker = broker();
    create_topic(&broker, "plain", 2, &[]).await;
    let consumer = consumer(&broker, &[("group.id", "simple")]);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("plain", 0, Offset::Offset(7)).unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition("plain", 0);
    asked.add_partition("plain", 1);
    let found = consumer.committed_offsets(asked, LONG).unwrap();
    let offsets: Vec<Offset> = found.elements().iter().map(|e| e.offset()).collect();
    assert_eq!(offsets, vec![Offset::Offset(7), Offset::Invalid]);
}

#[tokio::test]
async fn nobody_outside_commits_for_a_group_that_has_members() {
    let broker = broker();
    create_topic(&broker, "guarded", 1, &[]).await;
    let one = member(&broker, "held", "guarded", &[]);
    poll_until(&[&one], |_, _| {}, || owns(&one, 1));
    let outside = consumer(&broker, &[("group.id", "held")]);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset("guarded", 0, Offset::Offset(0)).unwrap();
    let error = outside.commit(&list, CommitMode::Sync).unwrap_err();
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::UnknownMemberId), "{error}");
}

#[tokio::test]
async fn groups_are_listed_with_their_state_and_members() {
    let broker = broker();
    create_topic(&broker, "watched", 1, &[]).await;
    let one = member(&broker, "seen", "watched", &[("client.id", "me")]);
    poll_until(&[&one], |_, _| {}, || owns(&one, 1));
    let list = one.fetch_group_list(Some("seen"), LONG).unwrap();
    let group = &list.groups()[0];
    assert_eq!((group.name(), group.state(), group.protocol_type()), ("seen", "Stable", "consumer"));
    assert_eq!(group.members()[0].client_id(), "me");
    assert!(group.members()[0].assignment().is_some());
    let all = one.fetch_group_list(None, LONG).unwrap();
    assert_eq!(all.groups().len(), 1);
    one.unsubscribe();
    let deadline = std::time::Instant::now() + LONG;
    loop {
        one.poll(std::time::Duration::from_millis(10));
        let list = one.fetch_group_list(Some("seen"), LONG).unwrap();
        if list.groups()[0].state() == "Empty" {
            break;
        }
        assert!(std::time::Instant::now() < deadline);
    }
}

#[tokio::test]
async fn a_session_that_is_too_short_is_refused() {
    let broker = broker();
    create_topic(&broker, "short", 1, &[]).await;
    let one =
        consumer(&broker, &[("group.id", "short"), ("session.timeout.ms", "1000"), ("heartbeat.interval.ms", "100")]);
    one.subscribe(&["short"]).unwrap();
    let error = one.poll(LONG).unwrap().unwrap_err();
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::InvalidSessionTimeout), "{error}");
}
