//! Consumer groups: who owns what, what is committed, and who is refused.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::Target;
use crate::common::*;

pub async fn check(target: &mut Target) {
    sharing(target).await;
    death(target).await;
    static_members(target).await;
    commits(target).await;
    stale_commit(target).await;
    administration(target).await;
}

fn member(target: &Target, group: &str, topic: &str, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut all = vec![("group.id", group), ("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "200")];
    all.extend_from_slice(settings);
    let consumer = consumer(target, &all);
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

fn counts(consumers: &[&BaseConsumer]) -> Vec<usize> {
    let mut counts: Vec<usize> = consumers.iter().map(|c| c.assignment().unwrap().count()).collect();
    counts.sort_unstable();
    counts
}

fn settle(consumers: &[&BaseConsumer], expected: &[usize]) -> Vec<usize> {
    poll_until(consumers, |_, _| {}, || counts(consumers) == expected);
    counts(consumers)
}

fn offset_list(topic: &str, partition: i32, offset: i64) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
    list
}

fn committed(consumer: &BaseConsumer, topic: &str, partition: i32) -> (Offset, String) {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, partition);
    let found = consumer.committed_offsets(asked, LONG).unwrap();
    let element = &found.elements()[0];
    (element.offset(), element.metadata().to_owned())
}

async fn sharing(target: &mut Target) {
    for strategy in ["range", "roundrobin", "cooperative-sticky"] {
        let topic = format!("shared-{strategy}");
        create_topic(target, &topic, 5, &[]).await;
        let settings = [("partition.assignment.strategy", strategy)];
        let one = member(target, &topic, &topic, &settings);
        let two = member(target, &topic, &topic, &settings);
        let shares = settle(&[&one, &two], &[2, 3]);
        target.note(&format!("shares of two members, {strategy}"), shares);
        for partition in 0..5 {
            send_many(target, &topic, partition, 50, &[]);
        }
        let seen = RefCell::new(BTreeMap::new());
        poll_until(
            &[&one, &two],
            |_, m| *seen.borrow_mut().entry((m.partition(), m.offset())).or_insert(0) += 1,
            || seen.borrow().len() == 250,
        );
        let more_than_once = seen.borrow().values().filter(|n| **n > 1).count();
        target.note("records seen more than once", more_than_once);
        let three = member(target, &topic, &topic, &settings);
        target.note("shares of three", settle(&[&one, &two, &three], &[1, 2, 2]));
        drop(two);
        target.note("shares after one left", settle(&[&one, &three], &[2, 3]));
    }
}

async fn death(target: &mut Target) {
    create_topic(target, "taken-over", 4, &[]).await;
    let one = member(target, "survivors", "taken-over", &[]);
    let two = member(target, "survivors", "taken-over", &[]);
    // A static member does not say that it leaves: to the group it looks as if it were killed.
    let doomed = member(target, "survivors", "taken-over", &[("group.instance.id", "doomed")]);
    settle(&[&one, &two, &doomed], &[1, 1, 2]);
    drop(doomed);
    let died = Instant::now();
    target.note("shares after a death", settle(&[&one, &two], &[2, 2]));
    let took = died.elapsed();
    target.note("not before the session is over", took > Duration::from_secs(4));
}

async fn static_members(target: &mut Target) {
    create_topic(target, "static", 2, &[]).await;
    let fixed = |id| member(target, "fixed", "static", &[("group.instance.id", id)]);
    let (one, two) = (fixed("a"), fixed("b"));
    settle(&[&one, &two], &[1, 1]);
    let (before, others) = (owned(&two), owned(&one));
    drop(two);
    let two = fixed("b");
    let kept = RefCell::new(true);
    poll_until(
        &[&one, &two],
        |_, _| {},
        || {
            *kept.borrow_mut() &= owned(&one) == others;
            counts(&[&two]) == [1]
        },
    );
    let same = owned(&two) == before;
    // A second member of the same instance id fences the first.
    let usurper = fixed("b");
    let mut fenced = None;
    let deadline = Instant::now() + LONG;
    while fenced.is_none() && Instant::now() < deadline {
        one.poll(Duration::from_millis(10));
        usurper.poll(Duration::from_millis(10));
        if let Some(Err(error)) = two.poll(Duration::from_millis(10)) {
            fenced = error.rdkafka_error_code();
        }
    }
    target.note("a static member that returns keeps its partitions", same);
    target.note("and the others theirs throughout", kept.into_inner());
    target.note("a member whose instance id is used again", fenced);
}

async fn commits(target: &mut Target) {
    create_topic(target, "committed", 2, &[]).await;
    send_many(target, "committed", 0, 10, &[]);
    let simple = consumer(target, &[("group.id", "simple")]);
    target.note("committed by nobody", committed(&simple, "committed", 0));
    simple.commit(&offset_list("committed", 0, 7), CommitMode::Sync).unwrap();
    target.note("committed by who is in no group", committed(&simple, "committed", 0));
    target.note("committed on the other partition", committed(&simple, "committed", 1));
    simple.commit(&offset_list("committed", 0, 2), CommitMode::Sync).unwrap();
    target.note("committed backwards", committed(&simple, "committed", 0));
    simple.commit(&offset_list("committed", 0, 5000), CommitMode::Sync).unwrap();
    target.note("committed past the end", committed(&simple, "committed", 0));
    let result = simple.commit(&offset_list("absent-topic", 0, 1), CommitMode::Sync);
    target.note_error("a commit for a topic that is not there", result);

    let inside = member(target, "held", "committed", &[]);
    settle(&[&inside], &[2]);
    let outside = consumer(target, &[("group.id", "held")]);
    let result = outside.commit(&offset_list("committed", 0, 1), CommitMode::Sync);
    target.note_error("a commit from outside of a group with members", result);
    let result = inside.commit(&offset_list("committed", 0, 4), CommitMode::Sync);
    target.note_error("a commit from inside", result);
    drop(inside);
    let heir = member(target, "held", "committed", &[]);
    let first = RefCell::new(None);
    poll_until(
        &[&heir],
        |_, m| {
            first.borrow_mut().get_or_insert(m.offset());
        },
        || first.borrow().is_some(),
    );
    target.note("the next member goes on at", first.into_inner());

    let short =
        consumer(target, &[("group.id", "short"), ("session.timeout.ms", "1000"), ("heartbeat.interval.ms", "100")]);
    short.subscribe(&["committed"]).unwrap();
    target.note_error("a session that is too short", short.poll(LONG).unwrap());
}

/// A member is paused over its session and a rebalance, and commits what it read before.
async fn stale_commit(target: &mut Target) {
    create_topic(target, "stale", 1, &[]).await;
    send_many(target, "stale", 0, 10, &[]);
    let settings = [("max.poll.interval.ms", "6000")];
    let slow = member(target, "slow", "stale", &settings);
    settle(&[&slow], &[1]);
    assert!(!read(&slow, 1).is_empty());
    // It is not polled any more: librdkafka leaves the group in its name.
    let quick = member(target, "slow", "stale", &settings);
    settle(&[&quick], &[1]);
    let result = slow.commit(&offset_list("stale", 0, 1), CommitMode::Sync);
    target.note_error("a commit of a member that was taken for dead", result);
    target.note("which changed nothing", committed(&quick, "stale", 0));
}

async fn administration(target: &mut Target) {
    create_topic(target, "watched", 3, &[]).await;
    let one = member(target, "seen", "watched", &[("client.id", "me")]);
    settle(&[&one], &[3]);
    let describe = |group: &str| {
        let list = one.fetch_group_list(Some(group), LONG).unwrap();
        let found = list.groups().iter().map(|g| {
            let members: Vec<_> = g
                .members()
                .iter()
                .map(|m| {
                    (
                        m.client_id().to_owned(),
                        m.id().starts_with("me-"),
                        m.metadata().map(<[u8]>::len),
                        m.assignment().map(<[u8]>::len),
                    )
                })
                .collect();
            (g.name().to_owned(), g.state().to_owned(), g.protocol_type().to_owned(), g.protocol().to_owned(), members)
        });
        found.collect::<Vec<_>>()
    };
    let stable = describe("seen");
    let unknown = describe("unknown-group");
    let mut results = admin(target).delete_groups(&["seen", "unknown-group", "simple"], &options()).await.unwrap();
    results.sort_by_key(|r| match r {
        Ok(name) | Err((name, _)) => name.clone(),
    });
    one.unsubscribe();
    let deadline = Instant::now() + LONG;
    while describe("seen")[0].1 != "Empty" {
        one.poll(Duration::from_millis(20));
        assert!(Instant::now() < deadline);
    }
    let empty = describe("seen");
    target.note("a group that is stable", stable);
    target.note("a group that is not there", unknown);
    target.note("deleting groups with members, without, and unknown", results);
    target.note("a group that everyone left", empty);
}
