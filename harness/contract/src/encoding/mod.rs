//! How payloads stand in bytes: JSON, or Avro or Protobuf, with or without Confluent's framing. Whatever the encoding, the rest of
//! eventproof sees a JSON value and a JSON Schema.

mod avro;
mod codec;
mod folds;
mod framing;
mod imports;
mod messages;
mod protobuf;
mod registered;
mod shape;

pub use framing::Framing;
pub use registered::{SchemaImport, SchemaKind, SchemaSource, SchemaText};

pub(crate) use avro::Avro;
pub(crate) use codec::Codec;
pub(crate) use folds::Folds;
pub(crate) use framing::Frame;
pub(crate) use imports::full_name;
pub(crate) use protobuf::Protobuf;

use std::ops::Range;

/// Bytes that are no payload of the schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the bytes are no JSON")]
    Json,
    /// Where Avro gave up, and how the bytes begin.
    #[error("the bytes are no Avro of this schema: {detail}; they begin {begin}")]
    Avro { detail: String, begin: String },
    /// Where Protobuf gave up, and how the bytes begin.
    #[error("the bytes are no Protobuf of this schema: {detail}; they begin {begin}")]
    Protobuf { detail: String, begin: String },
    /// Something other than a text stands where the contract has a text of JSON, or the text is no JSON.
    #[error("{place} is no text of JSON")]
    NotFolded { place: String },
    /// The five bytes before the payload are not as Confluent's serializers write them.
    #[error("the bytes have no Confluent header (a zero byte and a schema id of four): they begin {begin}")]
    NoHeader { begin: String },
    #[error("the record says schema id {actual}, the contract says {expected}")]
    SchemaId { expected: u32, actual: u32 },
    #[error("the record says schema id {id}, which the registry does not have")]
    UnknownSchema { id: u32 },
    #[error("the record says schema id {id}, whose schema cannot be had or used: {detail}")]
    WriterSchema { id: u32, detail: String },
}

impl DecodeError {
    /// The same, of a record that begins with these bytes.
    fn beginning(mut self, bytes: &[u8]) -> DecodeError {
        if let DecodeError::Avro { begin: shown, .. } | DecodeError::Protobuf { begin: shown, .. } = &mut self {
            *shown = begin(bytes);
        }
        self
    }
}

/// A text that is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SchemaError {
    pub message: String,
    /// Where in the text, in bytes, as far as the language's own reader says it.
    pub at: Option<Range<usize>>,
}

impl From<String> for SchemaError {
    fn from(message: String) -> SchemaError {
        SchemaError { message, at: None }
    }
}

/// The first bytes, as people compare them.
fn begin(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > 12 { " …" } else { "" };
    if bytes.is_empty() { "nowhere: there are none".to_owned() } else { format!("{}{more}", shown.join(" ")) }
}
