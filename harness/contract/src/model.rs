//! The typed model of a contract.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;

use crate::{DeadLetter, Expression, Partitioner, Registration, Retry, Rule, Schema};

/// Everything that a contract says.
#[derive(Debug, Default)]
pub struct Contract {
    pub title: String,
    pub version: String,
    /// The language of generated texts: `en`, `zh-CN`.
    pub locale: String,
    pub servers: Vec<Server>,
    pub channels: Vec<Channel>,
    pub messages: Vec<Message>,
    pub operations: Vec<Operation>,
    /// What no new version may do, whatever a registry would take.
    pub rules: Vec<Rule>,
    pub(crate) index: Index,
}

/// Look-ups that every record needs.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// topic -> channel
    pub topics: HashMap<String, usize>,
    /// topic -> event type -> message
    pub types: HashMap<String, HashMap<String, usize>>,
    /// Topics with a message that is not JSON.
    pub encoded: HashSet<String>,
}

/// A broker that the document names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub name: String,
    pub host: String,
    /// `kafka`, `kafka-secure`.
    pub protocol: String,
    pub registry_url: Option<String>,
    pub registry_vendor: Option<String>,
}

/// A channel: a Kafka topic.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    pub name: String,
    pub topic: String,
    pub partitions: Option<u32>,
    pub replicas: Option<u16>,
    /// Topic configuration in Kafka's names: `retention.ms`, `cleanup.policy`.
    pub config: BTreeMap<String, String>,
    /// Names of the messages that it carries.
    pub messages: Vec<String>,
    pub description: String,
}

/// A message: one type of event on one channel.
#[derive(Debug)]
pub struct Message {
    /// What scenarios call it; of two channels with the same message, one calls it by its key.
    pub name: String,
    /// The event type that its records say.
    pub type_name: String,
    pub channel: String,
    pub topic: String,
    pub payload: Schema,
    /// What `payload` was before, oldest first: a registry has these first, and their records are still read.
    pub earlier: Vec<Schema>,
    pub headers: Option<Schema>,
    /// What the Kafka binding says of the key.
    pub key: Option<Schema>,
    pub content_type: Option<String>,
    pub envelope: Envelope,
    /// What a schema registry is told of its schema.
    pub registration: Registration,
    /// JSON pointers to fields that identify something in the business and must be fresh in every run.
    pub unique: Vec<String>,
    /// JSON pointers to what is new with every publish, also of the same event: an envelope around its own.
    pub fresh: Vec<String>,
    /// JSON pointers to fields that no output may show.
    pub sensitive: Vec<String>,
    /// Further schemas that a part of the payload keeps to, in whatever language they are written.
    pub also: Vec<Also>,
}

/// A schema of a part of a payload, beside the payload's own.
#[derive(Debug)]
pub struct Also {
    /// JSON pointer to the part; the whole payload if it is empty.
    pub at: String,
    pub schema: Schema,
}

/// Where a record carries what every event has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    pub id: Option<Expression>,
    pub event_type: Option<Expression>,
    /// What the record's key must equal.
    pub key: Option<Expression>,
    pub time: Option<Expression>,
    pub correlation: Option<Expression>,
    pub causation: Option<Expression>,
    pub version: Option<Expression>,
    pub tenant: Option<Expression>,
}

/// What a service does with messages of a channel.
#[derive(Clone, Debug)]
pub struct Operation {
    pub name: String,
    pub action: Action,
    pub channel: String,
    /// Names of messages.
    pub messages: Vec<String>,
    pub service: Option<String>,
    /// The consumer group of a receiving operation.
    pub group: Option<String>,
    /// The `client.id` of the service, where the document says it.
    pub client: Option<String>,
    /// Whether the service of this operation is part of the system at hand. Documents name services that nobody runs.
    pub present: bool,
    /// From the record on the topic to its effect.
    pub deadline: Option<Duration>,
    pub deduplication: Option<Deduplication>,
    pub handling: Handling,
    /// A message whose effect shows that an earlier one of the same key was handled.
    pub sentinel: Option<String>,
    /// Fields that make the sentinel change nothing, by name.
    pub sentinel_with: Vec<(String, SentinelField)>,
    pub lag_limit: Option<u64>,
    /// How often, and how far apart, handling is tried.
    pub retry: Option<Retry>,
    /// Where what cannot be handled goes.
    pub dead_letter: Option<DeadLetter>,
    /// How the service's producer places keys, where the document says it; for sending operations.
    pub partitioner: Option<Partitioner>,
}

/// What a field of a sentinel is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentinelField {
    Text(String),
    /// What stands at this place of the event that the sentinel follows.
    Copied(Expression),
}

/// What an operation does, in AsyncAPI's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Send,
    Receive,
}

/// How duplicates are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Deduplication {
    pub by: Expression,
    pub window: Option<Duration>,
}

/// Whether events of one key are handled one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handling {
    #[default]
    SerialPerKey,
    Parallel,
}

/// A record to publish.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    pub topic: String,
    pub key: Option<Bytes>,
    pub headers: Vec<(String, Option<Bytes>)>,
    pub payload: Option<Bytes>,
}

impl Channel {
    /// Whether it is one topic: an address with a parameter left open is many, and one that Kafka would not take is none.
    pub fn is_concrete(&self) -> bool {
        !self.topic.contains('{') && self.has_legal_name()
    }

    /// Whether Kafka takes such a name: letters, digits, `.`, `_` and `-`, at most 249 of them.
    pub(crate) fn has_legal_name(&self) -> bool {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let plain = self.topic.replace(['{', '}'], "");
        !matches!(plain.as_str(), "" | "." | "..") && plain.len() <= 249 && plain.chars().all(legal)
    }
}

impl Contract {
    /// Channels whose topics can be named.
    pub fn topics(&self) -> impl Iterator<Item = &Channel> {
        self.channels.iter().filter(|channel| channel.is_concrete())
    }

    /// The channel of that name.
    pub fn channel(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// The channel whose topic this is.
    pub fn channel_of_topic(&self, topic: &str) -> Option<&Channel> {
        self.index.topics.get(topic).and_then(|index| self.channels.get(*index))
    }

    /// The message of that name.
    pub fn message(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }

    /// The messages of a topic.
    pub fn messages_on<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = &'a Message> {
        self.messages.iter().filter(move |message| message.topic == topic)
    }

    /// Whether a record can be told to be this message: its topic can be named, and carries nothing else or the record says
    /// its type.
    pub fn is_recognisable(&self, message: &Message) -> bool {
        let named = self.channel(&message.channel).is_some_and(Channel::is_concrete);
        named && (message.envelope.event_type.is_some() || self.messages_on(&message.topic).count() == 1)
    }

    /// The operations that receive a message.
    pub fn receivers<'a>(&'a self, message: &'a str) -> impl Iterator<Item = &'a Operation> {
        self.operations_of(message, Action::Receive)
    }

    /// The operations that send a message.
    pub fn senders<'a>(&'a self, message: &'a str) -> impl Iterator<Item = &'a Operation> {
        self.operations_of(message, Action::Send)
    }

    fn operations_of<'a>(&'a self, message: &'a str, action: Action) -> impl Iterator<Item = &'a Operation> {
        let takes_part = move |operation: &&Operation| {
            operation.action == action && operation.messages.iter().any(|name| name == message)
        };
        self.operations.iter().filter(takes_part)
    }

    /// Every group that the system at hand should have, with the topics that it reads.
    pub fn groups(&self) -> BTreeMap<String, Vec<String>> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for operation in self.operations.iter().filter(|operation| operation.present) {
            let (Some(group), Some(channel)) = (&operation.group, self.channel(&operation.channel)) else { continue };
            let topics = groups.entry(group.clone()).or_default();
            if !topics.contains(&channel.topic) {
                topics.push(channel.topic.clone());
            }
        }
        groups
    }

    /// Whether a group reads the topic of a message; nothing where the contract says nothing of the group, or subscribes it to a
    /// pattern.
    pub fn group_reads(&self, group: &str, message: &str) -> Option<bool> {
        let topic = &self.message(message)?.topic;
        let mut its = self.operations.iter().filter(|one| one.group.as_deref() == Some(group)).peekable();
        its.peek()?;
        let channels: Option<Vec<&Channel>> = its.map(|one| self.channel(&one.channel)).collect();
        let channels = channels.filter(|channels| channels.iter().all(|channel| channel.is_concrete()))?;
        Some(channels.iter().any(|channel| channel.topic == *topic))
    }

    /// How the producer of a message places its keys; as Java's does where the document says nothing.
    pub fn partitioner_of(&self, message: &Message) -> Partitioner {
        self.senders(&message.name).next().and_then(|operation| operation.partitioner).unwrap_or_default()
    }
}
