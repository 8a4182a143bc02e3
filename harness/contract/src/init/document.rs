//! A first contract as a document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::envelope::{Guess, Read};
use super::leaf::{identifier, text};
use super::shape::shape_of;
use crate::{Framing, SchemaKind, SchemaText};

/// A record that was sampled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    pub payload: Option<Vec<u8>>,
}

/// What is known of a topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampledTopic {
    pub topic: String,
    pub partitions: Option<u32>,
    pub replicas: Option<u16>,
    /// Configuration that differs from the broker's defaults.
    pub config: BTreeMap<String, String>,
    /// Groups that committed positions on it.
    pub groups: Vec<String>,
    pub samples: Vec<Sample>,
}

/// A first contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    pub document: Value,
    /// What people must know before they trust it: promises that cannot be proved, records that could not be read.
    pub notes: Vec<String>,
}

impl Sample {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(known, _)| known == name)?;
        Some(String::from_utf8_lossy(found.1.as_ref()?).into_owned())
    }

    pub(super) fn key_text(&self) -> Option<String> {
        String::from_utf8(self.key.clone()?).ok()
    }
}

/// A contract of what was found. `registered`: what a schema registry says of an id.
pub fn contract_of(title: &str, topics: &[SampledTopic], registered: &dyn Fn(u32) -> Option<SchemaText>) -> Started {
    let mut making = Making { registered, channels: Map::new(), operations: Map::new(), notes: Vec::new() };
    topics.iter().for_each(|topic| making.topic(topic));
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": "0.1.0"},
        "channels": making.channels,
    });
    if !making.operations.is_empty() {
        document["operations"] = Value::Object(making.operations);
    }
    Started { document, notes: making.notes }
}

struct Making<'r> {
    registered: &'r dyn Fn(u32) -> Option<SchemaText>,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    notes: Vec<String>,
}

impl Making<'_> {
    fn topic(&mut self, topic: &SampledTopic) {
        let name = identifier(&topic.topic);
        let mut binding = Map::new();
        binding.extend(topic.partitions.map(|count| ("partitions".to_owned(), json!(count))));
        binding.extend(topic.replicas.map(|count| ("replicas".to_owned(), json!(count))));
        if !topic.config.is_empty() {
            binding.insert("topicConfiguration".to_owned(), json!(topic.config));
        }
        let mut channel = json!({"address": topic.topic, "messages": self.messages(topic)});
        if !binding.is_empty() {
            channel["bindings"] = json!({"kafka": binding});
        }
        for group in &topic.groups {
            let operation = json!({
                "action": "receive",
                "channel": {"$ref": format!("#/channels/{name}")},
                "bindings": {"kafka": {"groupId": {"type": "string", "const": group}}},
                "x-eventproof": {"service": group, "present": false},
            });
            self.operations.insert(format!("{}-reads-{name}", identifier(group)), operation);
        }
        self.channels.insert(name, channel);
    }

    fn messages(&mut self, topic: &SampledTopic) -> Map<String, Value> {
        if topic.samples.is_empty() {
            let text = "No record was seen: what it carries is still to be written.";
            let message = json!({"name": topic.topic, "description": text, "payload": {"type": "object"}});
            self.notes.push(format!("{}: no record was seen; its payload is an object of anything", topic.topic));
            return Map::from_iter([(identifier(&topic.topic), message)]);
        }
        if let Some(framed) = self.framed(topic) {
            return framed;
        }
        let json = |sample: &Sample| serde_json::from_slice::<Value>(sample.payload.as_deref()?).ok();
        let read: Vec<Read<'_>> =
            topic.samples.iter().filter_map(|sample| Some(Read { sample, payload: json(sample)? })).collect();
        let unread = topic.samples.len() - read.len();
        if unread > 0 {
            let text =
                format!("{}: {unread} of {} records are no JSON and were left out", topic.topic, topic.samples.len());
            self.notes.push(text);
        }
        let guess = Guess::of(&read);
        self.unprovable(&topic.topic, &guess);
        let mut messages = Map::new();
        for (event_type, of_type) in by_type(&read, guess.event_type.as_deref()) {
            let name = event_type.unwrap_or_else(|| topic.topic.clone());
            messages.insert(identifier(&name), message(&name, &of_type, &guess));
        }
        messages
    }

    /// Records with Confluent's header, of schemas that the registry has.
    fn framed(&mut self, topic: &SampledTopic) -> Option<Map<String, Value>> {
        let id = |sample: &Sample| Framing::schema_id(sample.payload.as_ref()?);
        let mut ids: Vec<u32> = topic.samples.iter().map(id).collect::<Option<_>>()?;
        ids.sort_unstable();
        ids.dedup();
        let newest = ids.last().copied()?;
        let Some(text) = (self.registered)(newest) else {
            self.notes.push(format!(
                "{}: records have Confluent's header (schema id {newest}), and no registry that knows it was given: say --registry",
                topic.topic
            ));
            return None;
        };
        let schema = match text.kind {
            SchemaKind::Avro => json!({
                "schemaFormat": "application/vnd.apache.avro+json;version=1.9.0",
                "schema": serde_json::from_str::<Value>(&text.whole().text).ok()?,
            }),
            SchemaKind::Json => serde_json::from_str(&text.text).ok()?,
            SchemaKind::Protobuf => json!({
                "schemaFormat": "application/vnd.google.protobuf;version=3",
                "schema": text.text,
            }),
        };
        let description =
            format!("The schema is the registry's, id {newest}; {} records were seen.", topic.samples.len());
        let message = json!({
            "name": topic.topic,
            "description": description,
            "payload": schema,
            "x-eventproof": {"framing": "confluent"},
        });
        self.notes.push(format!(
            "{}: the schema is the registry's; where its records carry id, type and key is still to be written",
            topic.topic
        ));
        Some(Map::from_iter([(identifier(&topic.topic), message)]))
    }

    fn unprovable(&mut self, topic: &str, guess: &Guess) {
        if guess.id.is_none() {
            let known_by = match &guess.key {
                Some(key) => format!("an event is known by its business key ({key}) only"),
                None => "an event is known by nothing".to_owned(),
            };
            self.notes.push(format!(
                "{topic}: no event id was found; {known_by}. Idempotency, exactly once, and which of two events of a key was lost cannot be proved"
            ));
        }
        if guess.correlation.is_none() {
            self.notes.push(format!("{topic}: no correlation id was found; what causes what cannot be proved"));
        }
        if guess.key.is_none() {
            self.notes.push(format!(
                "{topic}: no field repeats the key; whether keys are right, and order by them, cannot be proved"
            ));
        }
    }
}

/// The samples of each event type; all of them where there are no types.
fn by_type<'r, 's>(read: &'r [Read<'s>], place: Option<&str>) -> BTreeMap<Option<String>, Vec<&'r Read<'s>>> {
    let mut found: BTreeMap<Option<String>, Vec<&Read<'_>>> = BTreeMap::new();
    for one in read {
        found.entry(place.and_then(|place| type_at(one, place))).or_default().push(one);
    }
    found
}

fn type_at(read: &Read<'_>, place: &str) -> Option<String> {
    match place.strip_prefix("$message.header#/") {
        Some(name) => read.sample.header(name),
        None => read.payload.pointer(place.strip_prefix("$message.payload#")?).map(text),
    }
}

fn message(name: &str, of_type: &[&Read<'_>], guess: &Guess) -> Value {
    let payloads: Vec<&Value> = of_type.iter().map(|one| &one.payload).collect();
    let mut message = json!({
        "name": name,
        "description": format!("A guess, from {} records: what none of them had is not in it.", of_type.len()),
        "payload": shape_of(&payloads),
    });
    let extension = guess.extension();
    if !extension.is_empty() {
        message["x-eventproof"] = Value::Object(extension);
    }
    message
}
