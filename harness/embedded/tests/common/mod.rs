//! What the tests share: a broker, and rdkafka clients of it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer};
use rdkafka::{Message, Offset, TopicPartitionList};

/// Generous: reached only when something is broken.
pub const LONG: Duration = Duration::from_secs(30);

/// Something that clients can connect to.
pub trait Servers {
    fn servers(&self) -> String;
}

impl Servers for EmbeddedBroker {
    fn servers(&self) -> String {
        self.bootstrap_servers()
    }
}

pub fn broker() -> EmbeddedBroker {
    EmbeddedBroker::start(BrokerConfig::default()).unwrap()
}

pub fn client(broker: &dyn Servers) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.servers());
    config.set("reconnect.backoff.ms", "20");
    config.set("reconnect.backoff.max.ms", "100");
    config
}

pub fn admin(broker: &dyn Servers) -> AdminClient<DefaultClientContext> {
    client(broker).create().unwrap()
}

pub fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(LONG)).request_timeout(Some(LONG))
}

pub async fn create_topic(broker: &dyn Servers, name: &str, partitions: i32, config: &[(&str, &str)]) {
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in config {
        topic = topic.set(key, value);
    }
    let results = admin(broker).create_topics([&topic], &options()).await.unwrap();
    assert_eq!(results, vec![Ok(name.to_owned())]);
}

pub fn producer(broker: &dyn Servers, settings: &[(&str, &str)]) -> FutureProducer {
    let mut config = client(broker);
    config.set("linger.ms", "2");
    config.set("message.timeout.ms", "30000");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create().unwrap()
}

/// Sends one record and gives its partition and offset.
pub async fn send(producer: &FutureProducer, topic: &str, partition: i32, key: &str, value: &str) -> (i32, i64) {
    let record = FutureRecord::to(topic).partition(partition).key(key).payload(value);
    let delivery = producer.send(record, LONG).await.unwrap();
    (delivery.partition, delivery.offset)
}

/// Sends so many numbered records to a partition, as fast as may be, and waits for all.
pub fn send_many(broker: &dyn Servers, topic: &str, partition: i32, count: usize, settings: &[(&str, &str)]) {
    let mut config = client(broker);
    config.set("linger.ms", "5");
    config.set("queue.buffering.max.messages", "1000000");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let producer: BaseProducer = config.create().unwrap();
    for n in 0..count {
        let value = n.to_string();
        let record = BaseRecord::to(topic).partition(partition).key("k").payload(&value);
        producer.send(record).map_err(|(e, _)| e).unwrap();
        producer.poll(Duration::ZERO);
    }
    producer.flush(LONG).unwrap();
}

pub fn consumer(broker: &dyn Servers, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut config = client(broker);
    config.set("group.id", "unused");
    config.set("enable.auto.commit", "false");
    config.set("auto.offset.reset", "earliest");
    config.set("fetch.wait.max.ms", "100");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create().unwrap()
}

/// A consumer outside of any group, from an offset of one partition.
pub fn reader(
    broker: &dyn Servers,
    topic: &str,
    partition: i32,
    from: Offset,
    settings: &[(&str, &str)],
) -> BaseConsumer {
    let consumer = consumer(broker, settings);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, from).unwrap();
    consumer.assign(&list).unwrap();
    consumer
}

/// Polls until so many records have come.
pub fn read(consumer: &BaseConsumer, count: usize) -> Vec<(i64, Option<String>, Option<String>)> {
    let mut found = Vec::new();
    let deadline = Instant::now() + LONG;
    while found.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records came", found.len());
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            found.push(plain(&message.unwrap()));
        }
    }
    found
}

pub fn plain(message: &BorrowedMessage<'_>) -> (i64, Option<String>, Option<String>) {
    let string = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    (message.offset(), message.key().map(string), message.payload().map(string))
}

/// Polls until `done` says so; panics after a long time.
pub fn poll_until(
    consumers: &[&BaseConsumer],
    mut on: impl FnMut(usize, BorrowedMessage<'_>),
    mut done: impl FnMut() -> bool,
) {
    let deadline = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < deadline, "it did not come about in {LONG:?}");
        for (index, consumer) in consumers.iter().enumerate() {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(10)) {
                on(index, message);
            }
        }
    }
}

/// Partitions that a consumer owns, by topic.
pub fn owned(consumer: &BaseConsumer) -> BTreeMap<String, Vec<i32>> {
    let mut owned: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for element in consumer.assignment().unwrap().elements() {
        owned.entry(element.topic().to_owned()).or_default().push(element.partition());
    }
    owned.values_mut().for_each(|p| p.sort_unstable());
    owned
}

pub fn headers(pairs: &[(&str, Option<&str>)]) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    for (key, value) in pairs {
        headers = headers.insert(rdkafka::message::Header { key, value: *value });
    }
    headers
}
