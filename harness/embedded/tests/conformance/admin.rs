//! Topics and their configuration.

use std::collections::BTreeMap;

use rdkafka::admin::{AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;

use crate::Target;
use crate::common::*;

pub async fn check(target: &mut Target) {
    creation(target).await;
    configuration(target).await;
    partitions_and_deletion(target).await;
}

async fn creation(target: &mut Target) {
    create_topic(target, "taken", 1, &[]).await;
    create_topic(target, "dotted.name", 1, &[]).await;
    let one = |name| NewTopic::new(name, 1, TopicReplication::Fixed(1));
    let long = "x".repeat(250);
    let cases = [
        ("a name that is taken", one("taken")),
        ("a name that collides", one("dotted_name")),
        ("a name with a space", one("no spaces")),
        ("a name of dots", one("..")),
        ("a name too long", one(&long)),
        ("more replicas than nodes", NewTopic::new("r3", 1, TopicReplication::Fixed(20))),
        ("no partitions", NewTopic::new("p0", 0, TopicReplication::Fixed(1))),
        ("an unknown setting", one("c1").set("retention.mss", "1")),
        ("a setting that is no number", one("c2").set("retention.ms", "soon")),
        ("a setting out of range", one("c3").set("retention.ms", "-5")),
        ("a policy that is none", one("c4").set("cleanup.policy", "burn")),
        ("two policies", one("c5").set("cleanup.policy", "compact,delete")),
        ("a ratio above one", one("c6").set("min.cleanable.dirty.ratio", "2")),
        ("a boolean that is none", one("c7").set("preallocate", "maybe")),
        ("replicas given by hand", NewTopic::new("m1", 1, TopicReplication::Variable(&[&[1]]))),
        ("replicas on no broker", NewTopic::new("m2", 1, TopicReplication::Variable(&[&[9]]))),
    ];
    for (what, topic) in &cases {
        let results = admin(target).create_topics([topic], &options()).await.unwrap();
        let codes: Vec<_> = results.iter().map(|r| r.as_ref().err().map(|(_, code)| *code)).collect();
        target.note(&format!("a topic with {what}"), codes);
    }
    let metadata = consumer(target, &[]).fetch_metadata(Some("m1"), LONG).unwrap();
    let partition = &metadata.topics()[0].partitions()[0];
    target.note(
        "leader, replicas and ISR",
        (partition.leader(), partition.replicas().to_vec(), partition.isr().to_vec()),
    );
}

async fn configs(target: &Target, topic: &str) -> BTreeMap<String, (Option<String>, bool, String)> {
    let resource = ResourceSpecifier::Topic(topic);
    let mut found = admin(target).describe_configs([&resource], &options()).await.unwrap();
    let found = found.remove(0).unwrap();
    let entries = found.entries.into_iter();
    entries.map(|e| (e.name, (e.value, e.is_default, format!("{:?}", e.source)))).collect()
}

async fn configuration(target: &mut Target) {
    create_topic(target, "configured", 1, &[("retention.ms", "1000"), ("cleanup.policy", "compact")]).await;
    for (name, entry) in configs(target, "configured").await {
        target.note(&format!("config {name}"), entry);
    }
    let cases = [
        ("what is right", "retention.ms", "2000"),
        ("an unknown setting", "retention.mss", "1"),
        ("a bad value", "retention.ms", "later"),
    ];
    for (what, key, value) in cases {
        let change = AlterConfig::new(ResourceSpecifier::Topic("configured")).set(key, value);
        let results = admin(target).alter_configs([&change], &options()).await.unwrap();
        let codes: Vec<_> = results.iter().map(|r| r.as_ref().err().map(|(_, code)| *code)).collect();
        target.note(&format!("altering with {what}"), codes);
    }
    let after = configs(target, "configured").await;
    target.note("what was not named is reset", (&after["cleanup.policy"], &after["retention.ms"]));
    let change = AlterConfig::new(ResourceSpecifier::Topic("absent")).set("retention.ms", "1");
    let results = admin(target).alter_configs([&change], &options()).await.unwrap();
    let codes: Vec<_> = results.iter().map(|r| r.as_ref().err().map(|(_, code)| *code)).collect();
    target.note("altering a topic that is not there", codes);
    let absent = ResourceSpecifier::Topic("absent");
    let found = admin(target).describe_configs([&absent], &options()).await.unwrap();
    let codes: Vec<_> = found.iter().map(|r| r.as_ref().err().copied()).collect();
    target.note("describing a topic that is not there", codes);
}

async fn partitions_and_deletion(target: &mut Target) {
    create_topic(target, "grown", 2, &[]).await;
    for (name, count) in [("grown", 5), ("grown", 5), ("grown", 3), ("absent", 3)] {
        let grown = NewPartitions::new(name, count);
        let results = admin(target).create_partitions([&grown], &options()).await.unwrap();
        let codes: Vec<_> = results.iter().map(|r| r.as_ref().err().map(|(_, code)| *code)).collect();
        target.note(&format!("{name} grown to {count}"), codes);
    }
    let results = admin(target).delete_topics(&["grown", "absent"], &options()).await.unwrap();
    let codes: Vec<_> = results.iter().map(|r| r.as_ref().err().map(|(_, code)| *code)).collect();
    target.note("deleting a topic that is there and one that is not", codes);
}
