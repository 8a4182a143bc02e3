//! Transactions: what is seen, when, and who is fenced.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::Target;
use crate::common::*;

pub async fn check(target: &mut Target) {
    visibility(target).await;
    interleaved(target).await;
    fencing(target).await;
    time_out(target).await;
    offsets(target).await;
}

fn transactional(target: &Target, id: &str, settings: &[(&str, &str)]) -> BaseProducer {
    let mut config = client(target);
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

fn end(producer: &BaseProducer, commit: bool) {
    match commit {
        true => producer.commit_transaction(LONG).unwrap(),
        false => producer.abort_transaction(LONG).unwrap(),
    }
}

fn from_start(target: &Target, topic: &str, level: &str) -> BaseConsumer {
    reader(target, topic, 0, Offset::Beginning, &[("isolation.level", level)])
}

fn seen(target: &Target, topic: &str, level: &str, count: usize) -> Vec<(i64, Option<String>)> {
    let found = read(&from_start(target, topic, level), count);
    found.into_iter().map(|(offset, _, value)| (offset, value)).collect()
}

async fn visibility(target: &mut Target) {
    create_topic(target, "txn", 1, &[]).await;
    let producer = transactional(target, "visible", &[]);
    for (value, commit) in [("a", true), ("b", false), ("c", true)] {
        producer.begin_transaction().unwrap();
        put(&producer, "txn", value);
        end(&producer, commit);
    }
    for commit in [true, false] {
        producer.begin_transaction().unwrap();
        end(&producer, commit);
    }
    let committed = seen(target, "txn", "read_committed", 2);
    target.note("read_committed", committed);
    let uncommitted = seen(target, "txn", "read_uncommitted", 3);
    target.note("read_uncommitted", uncommitted);
    let watcher = consumer(target, &[]);
    target.note("watermarks with markers", watcher.fetch_watermarks("txn", 0, LONG).unwrap());
}

async fn interleaved(target: &mut Target) {
    create_topic(target, "mixed", 1, &[]).await;
    let (one, two) = (transactional(target, "mixed-1", &[]), transactional(target, "mixed-2", &[]));
    one.begin_transaction().unwrap();
    two.begin_transaction().unwrap();
    put(&one, "mixed", "one-a");
    put(&two, "mixed", "two-a");
    put(&one, "mixed", "one-b");
    send_many(target, "mixed", 0, 1, &[]);
    end(&one, false);
    let reader = from_start(target, "mixed", "read_committed");
    let early = reader.poll(Duration::from_secs(1)).is_some();
    target.note("something seen past an open transaction", early);
    end(&two, true);
    target.note("of two at once, one aborted", values(&read(&reader, 2)));
}

fn values(found: &[(i64, Option<String>, Option<String>)]) -> Vec<(i64, Option<String>)> {
    found.iter().map(|(offset, _, value)| (*offset, value.clone())).collect()
}

async fn fencing(target: &mut Target) {
    create_topic(target, "fenced", 1, &[]).await;
    let old = transactional(target, "same", &[]);
    old.begin_transaction().unwrap();
    put(&old, "fenced", "old");
    let new = transactional(target, "same", &[]);
    target.note_error("the end of a transaction that was fenced", old.commit_transaction(LONG));
    new.begin_transaction().unwrap();
    put(&new, "fenced", "new");
    end(&new, true);
    let found = seen(target, "fenced", "read_committed", 1);
    target.note("seen of the two", found);
}

async fn time_out(target: &mut Target) {
    create_topic(target, "late", 1, &[]).await;
    let slow = transactional(target, "slow", &[("transaction.timeout.ms", "1000")]);
    slow.begin_transaction().unwrap();
    put(&slow, "late", "never");
    send_many(target, "late", 0, 1, &[]);
    let found = seen(target, "late", "read_committed", 1);
    target.note("seen once a transaction timed out", found);
    target.note_error("its end", slow.commit_transaction(LONG));
    let greedy = client(target)
        .set("transactional.id", "greedy")
        .set("transaction.timeout.ms", "900001")
        .create::<BaseProducer>()
        .unwrap();
    target.note_error("a time-out that is too long", greedy.init_transactions(LONG));
}

async fn offsets(target: &mut Target) {
    create_topic(target, "in", 1, &[]).await;
    create_topic(target, "out", 1, &[]).await;
    send_many(target, "in", 0, 3, &[]);
    let consumer = consumer(target, &[("group.id", "etl")]);
    consumer.subscribe(&["in"]).unwrap();
    assert_eq!(read(&consumer, 3).len(), 3);
    let producer = transactional(target, "etl", &[]);
    for (offset, commit) in [(1, false), (3, true)] {
        producer.begin_transaction().unwrap();
        put(&producer, "out", "made");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("in", 0, Offset::Offset(offset)).unwrap();
        let group = consumer.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&list, &group, LONG).unwrap();
        end(&producer, commit);
        let mut asked = TopicPartitionList::new();
        asked.add_partition("in", 0);
        let found = consumer.committed_offsets(asked, LONG).unwrap();
        target.note(&format!("offset {offset} in a transaction, committed: {commit}"), found.elements()[0].offset());
    }
}
