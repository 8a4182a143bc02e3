//! What a record says of itself.

use serde_json::Value;

use crate::{Contract, DecodeError, Expression, Message};

/// The envelope of a record, read by the contract. What cannot be read is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The contract's message that it is.
    pub message: Option<String>,
    pub id: Option<String>,
    pub event_type: Option<String>,
    /// The record's key as text.
    pub key: Option<String>,
    /// How the key departs from its schema: where, and what is wrong. The text alone would not show it.
    pub key_faults: Vec<(String, String)>,
    /// What the contract says that the key must be.
    pub expected_key: Option<String>,
    pub time: Option<String>,
    pub correlation: Option<String>,
    pub causation: Option<String>,
    /// Null where there is none or it cannot be read.
    pub payload: Value,
    /// Why the bytes are no payload of the contract, if they are none.
    pub unreadable: Option<DecodeError>,
}

impl Contract {
    /// Reads a record; never fails, because an unreadable record is an observation too.
    pub fn read_facts(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
        payload: Option<&[u8]>,
    ) -> Facts {
        let decoded = payload.map(|bytes| self.decode(topic, key, headers, bytes));
        let (payload, unreadable) = match decoded {
            None => (Value::Null, None),
            Some(Ok(value)) => (value, None),
            Some(Err(error)) => (Value::Null, Some(error)),
        };
        let message = self.recognise(topic, key, headers, &payload);
        let mut facts = Facts {
            key: key.map(|key| String::from_utf8_lossy(key).into_owned()),
            event_type: self.type_on(topic, key, headers, &payload),
            unreadable,
            ..Facts::default()
        };
        if let Some(message) = message {
            let read = |expression: &Option<Expression>| expression.as_ref()?.read(key, headers, &payload);
            let envelope = &message.envelope;
            facts.message = Some(message.name.clone());
            facts.key_faults = message.key_faults(key);
            facts.id = read(&envelope.id);
            facts.time = read(&envelope.time);
            facts.correlation = read(&envelope.correlation);
            facts.causation = read(&envelope.causation);
            facts.expected_key = read(&envelope.key);
        }
        facts.payload = payload;
        facts
    }

    /// The payload, decoded as the message's schema says. Where the record does not say its type outside of the payload,
    /// the first message counts that it can be, and that agrees with the type inside.
    fn decode(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
        bytes: &[u8],
    ) -> Result<Value, DecodeError> {
        if !self.index.encoded.contains(topic) {
            return serde_json::from_slice(bytes).map_err(|_| DecodeError::Json);
        }
        if let Some(message) = self.recognise(topic, key, headers, &Value::Null) {
            return message.payload.decode(bytes);
        }
        let mut first = None;
        for message in self.messages_on(topic) {
            let decoded = message.payload.decode(bytes);
            let agrees = |value: &Value| {
                let found = self.recognise(topic, key, headers, value);
                found.is_some_and(|found| std::ptr::eq(found, message))
            };
            match decoded {
                Ok(value) if agrees(&value) => return Ok(value),
                Ok(value) => first = first.or(Some(Ok(value))),
                Err(error) => first = first.or(Some(Err(error))),
            }
        }
        first.unwrap_or(Err(DecodeError::Json))
    }

    /// The declared message that a record is: by its event type, or because its topic carries only one.
    fn recognise(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
        payload: &Value,
    ) -> Option<&Message> {
        let types = self.index.types.get(topic)?;
        if let Some(found) = self.type_on(topic, key, headers, payload) {
            return types.get(&found).and_then(|index| self.messages.get(*index));
        }
        let only = types.values().next().and_then(|index| self.messages.get(*index));
        only.filter(|message| types.len() == 1 && message.envelope.event_type.is_none())
    }

    /// The event type that a record says, by any envelope that the topic's messages declare.
    fn type_on(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
        payload: &Value,
    ) -> Option<String> {
        let mut asked: Option<&Expression> = None;
        for message in self.messages_on(topic) {
            let Some(expression) = &message.envelope.event_type else { continue };
            if asked == Some(expression) {
                continue;
            }
            asked = Some(expression);
            if let Some(found) = expression.read(key, headers, payload) {
                return Some(found);
            }
        }
        None
    }
}
