//! A broker in the process, the services on it, and asking until something holds.

#![allow(dead_code, unreachable_pub)]

use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use eventproof_embedded::{BrokerConfig, EmbeddedBroker};
use eventproof_reference::{Running, Settings, start};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::Value;
use uuid::Uuid;

pub const PARTITIONS: i32 = 6;
/// Long enough for a busy machine; nothing waits for it unless something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A broker with the system's topics: embedded, or the one that `EVENTPROOF_TEST_KAFKA` names (topics and group are the test's own).
pub struct Kafka {
    broker: Option<EmbeddedBroker>,
    pub servers: String,
    pub prefix: String,
    pub topic: String,
    pub dlq: String,
    pub group: String,
    producer: FutureProducer,
}

/// A record read back from a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub partition: i32,
    pub key: Option<String>,
    pub headers: Vec<(String, String)>,
    pub payload: Option<String>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl Kafka {
    pub async fn start() -> Kafka {
        let (broker, servers) = match std::env::var("EVENTPROOF_TEST_KAFKA") {
            Ok(servers) => (None, servers),
            Err(_) => {
                let broker = EmbeddedBroker::start(BrokerConfig::default()).unwrap();
                let servers = broker.bootstrap_servers();
                (Some(broker), servers)
            }
        };
        let prefix = format!("nova-{}", Uuid::new_v4().simple());
        let topic = format!("{prefix}.content.events");
        let (dlq, group) = (format!("{topic}.dlq"), format!("{prefix}-feed"));
        let admin: AdminClient<DefaultClientContext> = config(&servers).create().unwrap();
        let one = || TopicReplication::Fixed(1);
        let topics = [NewTopic::new(&topic, PARTITIONS, one()), NewTopic::new(&dlq, 1, one())];
        for created in admin.create_topics(&topics, &AdminOptions::new()).await.unwrap() {
            created.unwrap();
        }
        let producer = config(&servers).create().unwrap();
        Kafka { broker, servers, prefix, topic, dlq, group, producer }
    }

    /// Takes the broker away; false if it is not ours to take.
    pub fn crash(&self) -> bool {
        self.broker.as_ref().is_some_and(|broker| broker.faults().crash().is_ok())
    }

    /// Brings it back, with its log.
    pub fn restart(&self) {
        self.broker.as_ref().unwrap().faults().restart().unwrap();
    }

    /// What a service has to know of this broker, and more.
    pub fn variables<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut variables = vec![
            ("KAFKA_BROKERS", self.servers.as_str()),
            ("KAFKA_TOPIC_PREFIX", self.prefix.as_str()),
            ("KAFKA_TOPICS", self.topic.as_str()),
            ("KAFKA_GROUP_ID", self.group.as_str()),
        ];
        variables.extend(more);
        variables
    }

    /// Writes a record; headers as given.
    pub async fn write(&self, key: &str, headers: &[(&str, &str)], payload: Option<&str>) {
        let owned = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
        let mut record = FutureRecord::to(&self.topic).key(key).headers(owned);
        record.payload = payload;
        self.producer.send(record, Duration::from_secs(30)).await.unwrap();
    }

    /// Writes a creation by `user`.
    pub async fn create_post(&self, event_id: &str, post_id: &str, user: &str) {
        let payload = serde_json::json!({"post_id": post_id, "user_id": user, "caption": "hi", "media_type": "none",
            "status": "published", "created_at": "2025-01-15T10:30:00Z"});
        self.write(
            post_id,
            &[("event_type", "content.post.created"), ("event_id", event_id)],
            Some(&payload.to_string()),
        )
        .await;
    }

    /// All records of a topic, partition by partition.
    pub fn read(&self, topic: &str) -> Vec<Seen> {
        let consumer: BaseConsumer =
            config(&self.servers).set("group.id", "reader").set("enable.partition.eof", "true").create().unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
        let mut seen = Vec::new();
        for partition in metadata.topics()[0].partitions() {
            let (low, high) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE).unwrap();
            let mut from = TopicPartitionList::new();
            from.add_partition_offset(topic, partition.id(), Offset::Offset(low)).unwrap();
            consumer.assign(&from).unwrap();
            let mut next = low;
            while next < high {
                if let Some(Ok(message)) = consumer.poll(Duration::from_secs(1)) {
                    next = message.offset() + 1;
                    seen.push(seen_of(&message));
                }
            }
        }
        seen
    }

    /// Committed offset less log end, summed over the partitions; nothing where the group has no commit.
    pub fn lag(&self) -> Option<i64> {
        let consumer: BaseConsumer = config(&self.servers).set("group.id", &self.group).create().unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(&self.topic, 0, PARTITIONS - 1);
        let committed = consumer.committed_offsets(asked, PATIENCE).unwrap();
        let mut lag = 0;
        for element in committed.elements() {
            let Offset::Offset(offset) = element.offset() else {
                return None;
            };
            lag += consumer.fetch_watermarks(&self.topic, element.partition(), PATIENCE).unwrap().1 - offset;
        }
        Some(lag)
    }
}

fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("partitioner", "consistent_random");
    config
}

fn seen_of(message: &rdkafka::message::BorrowedMessage<'_>) -> Seen {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let headers = message
        .headers()
        .map(|all| all.iter().map(|h| (h.key.to_owned(), text(h.value.unwrap_or_default()))).collect());
    Seen {
        partition: message.partition(),
        key: message.key().map(text),
        headers: headers.unwrap_or_default(),
        payload: message.payload().map(text),
    }
}

/// Starts a service in this process.
pub async fn service(name: &str, faults: &[&str], variables: &[(&str, &str)]) -> Running {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    let settings = Settings::from_lookup(|name| variables.get(name).map(|value| (*value).to_owned())).unwrap();
    let faults: Vec<String> = faults.iter().map(|fault| (*fault).to_owned()).collect();
    start("nova-bus", name, &faults, settings).await.unwrap()
}

/// An address that is free again after its service ended.
pub fn lasting_address() -> String {
    let listener = eventproof_embedded::lasting_listener(std::net::Ipv4Addr::LOCALHOST.into()).unwrap();
    listener.local_addr().unwrap().to_string()
}

pub fn url(running: &Running) -> String {
    format!("http://{}", running.address())
}

/// Status and JSON of a GET; status 0 if nobody answers.
pub async fn get(url: &str) -> (u16, Value) {
    match reqwest::get(url).await {
        Ok(response) => (response.status().as_u16(), response.json().await.unwrap_or(Value::Null)),
        Err(_) => (0, Value::Null),
    }
}

pub async fn post(url: &str, body: Value) -> (u16, Value) {
    let response = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Asks again and again until the answer holds.
pub async fn until<F, Fut>(what: &str, mut holds: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn until_ready(base: &str) {
    until("ready", || async { get(&format!("{base}/ready")).await.0 == 200 }).await;
}

/// The post ids of a feed, newest first.
pub async fn feed(base: &str, user: &str) -> Vec<String> {
    let (_, feed) = get(&format!("{base}/feeds/{user}")).await;
    feed["items"]
        .as_array()
        .map(|items| items.iter().map(|i| i["post_id"].as_str().unwrap().to_owned()).collect())
        .unwrap_or_default()
}

/// How often the events of a post were handled.
pub async fn handled(base: &str, post_id: &str) -> u64 {
    get(&format!("{base}/posts/{post_id}/handled")).await.1["count"].as_u64().unwrap()
}

/// The whole journal: event ids in the order of their handling.
pub async fn journal(base: &str) -> Vec<String> {
    let (_, journal) = get(&format!("{base}/handled?after=0&limit=50000")).await;
    journal["items"].as_array().unwrap().iter().map(|i| i["event_id"].as_str().unwrap().to_owned()).collect()
}
