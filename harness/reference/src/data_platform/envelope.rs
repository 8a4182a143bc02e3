//! The envelope of every event, and its frame.

use std::sync::Arc;

use apache_avro::Schema;
use serde_json::{Value, json};
use uuid::Uuid;

use super::avro;
use super::partition;
use super::registry::{Missing, Registry};
use super::stages::{COMMON, Topic};
use crate::shared::kafka::OutRecord;

/// An event as it is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) event_id: String,
    pub(super) correlation_id: String,
    pub(super) org_id: i32,
    pub(super) payload: Value,
}

/// Why a record cannot be handled.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// Never.
    #[error("{0}")]
    Bad(String),
    /// Not now.
    #[error("{0}")]
    NotNow(String),
}

/// Writes and reads events of a topic.
pub(super) struct Codec {
    pub(super) topic: Topic,
    registry: Arc<Registry>,
    /// The schema that this release knows: as it is registered, and whole.
    text: String,
    schema: Schema,
    version: u32,
    /// Fault: whatever a record says, it is taken to be written by this schema.
    blind: bool,
    /// Fault: what was written by a schema that nobody knows is taken to be written by this one.
    trusting: bool,
}

impl Codec {
    /// As a service of that release reads and writes the topic.
    pub(super) fn new(topic: Topic, registry: Arc<Registry>, release: u32) -> Result<Codec, String> {
        let (text, version) = topic.schema(release);
        Codec::by(topic, registry, text, version)
    }

    /// By a schema that says so.
    pub(super) fn by(topic: Topic, registry: Arc<Registry>, text: &str, version: u32) -> Result<Codec, String> {
        let common = COMMON.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let schema = avro::whole(text, &common)?;
        Ok(Codec { topic, registry, text: text.to_owned(), schema, version, blind: false, trusting: false })
    }

    /// Fault: reads everything by its own schema.
    pub(super) fn blind(self, blind: bool) -> Codec {
        Codec { blind, ..self }
    }

    /// Fault: takes a schema that nobody knows for its own.
    pub(super) fn trusting(self, trusting: bool) -> Codec {
        Codec { trusting, ..self }
    }

    /// The framed bytes of an event.
    pub(super) async fn write(&self, event: &Event, service: &str, now_ms: i64) -> Result<Vec<u8>, String> {
        let value = json!({
            "event_id": event.event_id,
            "event_type": self.topic.name,
            "event_version": format!("{}.0.0", self.version),
            "timestamp": now_ms,
            "source": {"service": service, "instance": format!("{service}-{}", std::process::id())},
            "correlation_id": event.correlation_id,
            "org_id": event.org_id,
            "payload": event.payload,
        });
        let id = self.registry.id_of(self.topic, &self.text).await?;
        let mut bytes = vec![0];
        bytes.extend(id.to_be_bytes());
        bytes.extend(avro::encode(&self.schema, &value)?);
        Ok(bytes)
    }

    /// Reads a record's value by the schema that it was written by.
    pub(super) async fn read(&self, value: Option<&[u8]>) -> Result<Event, Unreadable> {
        let bad = |text: &str| Unreadable::Bad(text.to_owned());
        let bytes = value.ok_or_else(|| bad("the value is null"))?;
        let header = bytes.first_chunk::<5>().filter(|header| header[0] == 0);
        let header = header.ok_or_else(|| bad("there is no magic byte"))?;
        let id = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        let writer = match self.registry.by_id(id).await {
            Ok(writer) => writer,
            Err(missing @ Missing::Away(_)) => return Err(Unreadable::NotNow(missing.to_string())),
            Err(_) if self.trusting => self.schema.clone(),
            Err(missing) => return Err(Unreadable::Bad(missing.to_string())),
        };
        let writer = if self.blind { &self.schema } else { &writer };
        let value = avro::decode(writer, &self.schema, &bytes[5..]).map_err(Unreadable::Bad)?;
        let text = |name: &str| value[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let org_id = value["org_id"].as_i64().and_then(|org| i32::try_from(org).ok());
        Ok(Event {
            event_id: text("event_id").ok_or_else(|| bad("event_id is empty"))?,
            correlation_id: text("correlation_id").ok_or_else(|| bad("correlation_id is empty"))?,
            org_id: org_id.ok_or_else(|| bad("org_id is no int"))?,
            payload: value["payload"].clone(),
        })
    }

    /// The record of an event, on the partition where its key belongs.
    pub(super) async fn record(
        &self,
        event: &Event,
        service: &str,
        now_ms: i64,
        place: impl Fn(i32, i32) -> i32,
        partitions: i32,
    ) -> Result<OutRecord, String> {
        let by_pipeline = event.payload["pipeline_id"].as_str().filter(|_| self.topic == super::stages::ETL);
        let (key, partition) = match by_pipeline {
            Some(pipeline) => (pipeline.to_owned(), partition::of_text(pipeline, partitions)),
            None => (event.org_id.to_string(), place(event.org_id, partitions)),
        };
        Ok(OutRecord {
            topic: self.topic.name.to_owned(),
            partition: Some(partition),
            key: Some(key.into_bytes()),
            payload: Some(self.write(event, service, now_ms).await?),
            headers: Vec::new(),
        })
    }
}

/// The id of what is made of an event for a topic: the same however often it is made.
pub(super) fn derived_id(event_id: &str, topic: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{event_id} {topic}").as_bytes()).to_string()
}
