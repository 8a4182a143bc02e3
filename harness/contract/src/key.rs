//! How a record's key departs from the schema that the Kafka binding has for it.

use std::iter::once_with;

use serde_json::Value;

use crate::encoding::Codec;
use crate::text::{number_of, takes_bytes, takes_text};
use crate::{Framing, Message, Schema};

impl Message {
    /// Every departure of a key: where, and what is wrong. There is none where no schema of the key is declared.
    pub(crate) fn key_faults(&self, key: Option<&[u8]>) -> Vec<(String, String)> {
        let Some(schema) = &self.key else { return Vec::new() };
        let conforms = match key {
            Some(bytes) => self.readings(schema, bytes).any(|value| schema.accepts(&value)),
            None => schema.accepts(&Value::Null),
        };
        if conforms { Vec::new() } else { self.told(schema, key) }
    }

    /// What is wrong by the reading that was meant most likely.
    fn told(&self, schema: &Schema, key: Option<&[u8]>) -> Vec<(String, String)> {
        let Some(bytes) = key else { return self.key_errors(schema, &Value::Null) };
        let meant = match takes_text(&schema.document, &schema.document) {
            true => self.readings(schema, bytes).next(),
            false => self.readings(schema, bytes).last(),
        };
        match meant {
            Some(value) => self.key_errors(schema, &value),
            None if takes_bytes(&schema.document) => Vec::new(),
            None => vec![("key".to_owned(), self.unread(schema, bytes))],
        }
    }

    fn key_errors(&self, schema: &Schema, value: &Value) -> Vec<(String, String)> {
        // A pointer to the whole hides all of it.
        let sensitive: Vec<String> = self.hides_key().then(String::new).into_iter().collect();
        let errors = schema.errors(value, &sensitive).into_iter();
        errors.map(|(pointer, text)| (format!("key {pointer}").trim_end().to_owned(), text)).collect()
    }

    fn unread(&self, schema: &Schema, bytes: &[u8]) -> String {
        match schema.decode(bytes) {
            _ if is_of_json(schema) => "the bytes are no text".to_owned(),
            // The reason shows how they begin.
            Err(error) if !self.hides_key() => error.to_string(),
            _ => "the bytes are none of this schema".to_owned(),
        }
    }

    fn hides_key(&self) -> bool {
        self.envelope.key.as_ref().is_some_and(|rule| self.hides_what(rule))
    }

    /// Every value that the bytes may stand for: the contract does not say how a key is written.
    fn readings(&self, schema: &Schema, bytes: &[u8]) -> impl Iterator<Item = Value> {
        self.bare(bytes).flat_map(move |part| self.readings_of(schema, part))
    }

    fn readings_of(&self, schema: &Schema, part: &[u8]) -> impl Iterator<Item = Value> {
        // A rule of the envelope says a key as text, whatever the language of its schema.
        let as_text = is_of_json(schema) || self.envelope.key.is_some();
        let text = std::str::from_utf8(part).ok().filter(|_| as_text);
        let decoded = once_with(move || schema.decode(part).ok()).flatten();
        let parsed = once_with(move || text.and_then(|text| serde_json::from_str::<Value>(text).ok())).flatten();
        let number = once_with(move || number_of(part).filter(|_| is_of_json(schema))).flatten();
        text.map(Value::from).into_iter().chain(decoded).chain(parsed).chain(number)
    }

    /// The bytes, and what is behind the frame if payloads have one: then keys may have it too.
    fn bare<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
        let framed = self.payload.frame().is_framed() && Framing::schema_id(bytes).is_some();
        let behind = bytes.get(5..).filter(|_| framed);
        // With Protobuf a zero follows, which stands for the first message of its file.
        let first = behind.and_then(|rest| rest.strip_prefix(&[0_u8]));
        [Some(bytes), behind, first].into_iter().flatten()
    }
}

impl Schema {
    /// The bytes of a key that is this value; none of one that is null, or cannot be written.
    pub(crate) fn key_bytes(&self, value: &Value) -> Option<Vec<u8>> {
        match value {
            Value::Null => None,
            Value::String(text) if is_of_json(self) => Some(text.clone().into_bytes()),
            value => self.encode(value).ok(),
        }
    }
}

fn is_of_json(schema: &Schema) -> bool {
    matches!(schema.codec(), Codec::Json(_))
}
