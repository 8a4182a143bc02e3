//! What a contract and a schema registry have to say to each other.

use std::sync::Arc;

use serde_json::Value;

use crate::encoding::Codec;
use crate::{Contract, Message, Mode, Schema, SchemaImport, SchemaKind, SchemaSource, SchemaText};

/// How the subject of a message's schema is called, by the strategies of Confluent's serializers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectNaming {
    /// `TopicNameStrategy`: the topic and `-value`.
    #[default]
    Topic,
    /// `RecordNameStrategy`: the record's full name.
    Record,
    /// `TopicRecordNameStrategy`: both, with `-` between.
    TopicRecord,
}

/// What a message says of the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    pub naming: SubjectNaming,
    /// The compatibility that its subject shall have; the registry's own where nothing is said.
    pub compatibility: Option<Mode>,
    /// Whether every earlier version counts, and not only the last.
    pub transitive: bool,
    /// Whether the schema may be registered where it is not; on registries that eventproof started it always is.
    pub auto_register: bool,
}

impl SubjectNaming {
    /// Every strategy with its name in a contract.
    pub const NAMES: [(&'static str, SubjectNaming); 3] = [
        ("topic", SubjectNaming::Topic),
        ("record", SubjectNaming::Record),
        ("topic-record", SubjectNaming::TopicRecord),
    ];

    /// The subject; `None` where the schema has no name and the strategy needs one.
    pub fn subject(self, topic: &str, schema: &Schema) -> Option<String> {
        Some(match self {
            SubjectNaming::Topic => format!("{topic}-value"),
            SubjectNaming::Record => schema.record_name()?,
            SubjectNaming::TopicRecord => format!("{topic}-{}", schema.record_name()?),
        })
    }
}

impl Registration {
    /// The compatibility in a registry's words: `BACKWARD_TRANSITIVE`. `additive` is stricter than any of them: its
    /// nearest is `FULL`.
    pub fn level(&self) -> Option<String> {
        let word = match self.compatibility? {
            Mode::None => return Some("NONE".to_owned()),
            Mode::Backward => "BACKWARD",
            Mode::Forward => "FORWARD",
            Mode::Full | Mode::Additive => "FULL",
        };
        Some(format!("{word}{}", if self.transitive { "_TRANSITIVE" } else { "" }))
    }
}

impl Message {
    /// The subject of its schema; `None` where a name is missing for it.
    pub fn subject(&self) -> Option<String> {
        self.registration.naming.subject(&self.topic, &self.payload)
    }
}

impl Contract {
    /// The messages whose schema id only a registry can say.
    pub fn registered_messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(|message| message.payload.frame().needs_registry())
    }
}

impl Schema {
    /// The schema as a registry would have it.
    pub fn text(&self) -> SchemaText {
        let (kind, text) = match self.codec() {
            Codec::Opaque | Codec::Json(_) => (SchemaKind::Json, self.written().to_string()),
            Codec::Avro(avro) => (SchemaKind::Avro, avro.written().to_owned()),
            Codec::Protobuf(protobuf) => (SchemaKind::Protobuf, protobuf.text().to_owned()),
        };
        SchemaText { kind, text, imports: self.imports().to_vec() }
    }

    /// The full name of its record or message, or the title of a JSON Schema.
    pub fn record_name(&self) -> Option<String> {
        match self.codec() {
            Codec::Opaque | Codec::Json(_) => self.document.get("title").and_then(Value::as_str).map(str::to_owned),
            Codec::Avro(avro) => avro.schema().name().map(|name| name.fullname(None)),
            Codec::Protobuf(protobuf) => Some(protobuf.descriptor().full_name().to_owned()),
        }
    }

    /// The id under which the schema is registered; records of other ids are read by what `source` says of them. Said
    /// once; more is not heard.
    pub fn registered_as(&self, id: u32, source: Arc<dyn SchemaSource>) {
        self.frame().register(id, source);
    }

    /// The id that records are published with, where it is known.
    pub fn registered_id(&self) -> Option<u32> {
        self.frame().id()
    }
}

impl SchemaImport {
    /// An Avro type of another file; `None` if it has no name.
    pub(crate) fn of_avro(document: &Value) -> Option<SchemaImport> {
        let name = crate::encoding::full_name(document, None)?;
        Some(SchemaImport { name, text: document.to_string() })
    }
}
