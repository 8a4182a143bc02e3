//! How a record departs from the contract.

use std::fmt;

use crate::facts::Facts;
use crate::sensitive::touches;
use crate::{Contract, DecodeError, Message};

/// One departure. Values of sensitive fields are never in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Stable, kebab case: `unknown-type`, `missing-header`, `schema`, `key`, `wrong-key`, `not-json`, `not-decodable`,
    /// `wrong-partition`.
    pub code: &'static str,
    /// Where in the record: `header event_id`, `payload /user_id`, `key`.
    pub place: String,
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl Contract {
    /// Every way in which a record of a declared topic departs from the contract; empty if it conforms.
    pub fn check(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
        payload: Option<&[u8]>,
    ) -> Vec<Violation> {
        let facts = self.read_facts(topic, key, headers, payload);
        self.check_facts(topic, &facts, headers, payload)
    }

    /// The same, where the record's facts were read already.
    pub fn check_facts(
        &self,
        topic: &str,
        facts: &Facts,
        headers: &[(&str, Option<&[u8]>)],
        payload: Option<&[u8]>,
    ) -> Vec<Violation> {
        let Some(message) = facts.message.as_deref().and_then(|name| self.message(name)) else {
            // What says its type within a payload that cannot be read is not of another type: it cannot be read.
            let unread = facts.unreadable.as_ref().filter(|_| facts.event_type.is_none());
            return vec![unread.map_or_else(|| self.unknown_type(topic, facts), unreadable)];
        };
        let mut found = Vec::new();
        match (payload, &facts.unreadable) {
            // A record of which nothing is said may have none: a dead letter keeps what came.
            (None, _) if message.payload.is_opaque() => {}
            (None, _) => found.push(violation("null-payload", "payload", "there is none; the contract declares one")),
            (Some(_), Some(why)) => {
                found.push(unreadable(why));
            }
            (Some(_), None) => found.extend(message.schema_violations(facts)),
        }
        found.extend(message.header_violations(headers));
        found.extend(facts.key_faults.iter().map(|(place, text)| violation("key", place, text)));
        found.extend(message.envelope_violations(facts));
        found
    }

    /// Whether a record's key belongs on the partition where it is, out of `partitions`. Nothing is said where a sender
    /// of the message does not state its partitioner, or where it would let any partition do.
    pub fn check_place(
        &self,
        topic: &str,
        message: &str,
        key: &[u8],
        partition: i32,
        partitions: u32,
    ) -> Option<Violation> {
        let message = self.message(message)?;
        let mut expected = Vec::new();
        for sender in self.senders(&message.name) {
            let partitioner = sender.partitioner?;
            let placed = partitioner.partition(Some(key), partitions)?;
            expected.push((placed, partitioner, sender.service.as_deref()));
        }
        if expected.iter().any(|(placed, ..)| i64::from(*placed) == i64::from(partition)) {
            return None;
        }
        let (placed, partitioner, service) = expected.first()?;
        let key = String::from_utf8_lossy(key);
        let rule = message.envelope.key.as_ref();
        let shown = if rule.is_some_and(|rule| message.hides_what(rule)) { "(hidden)" } else { &key };
        let by = service.map(|service| format!(" of {service}")).unwrap_or_default();
        let text = format!(
            "key \"{shown}\" is on {partition} of topic \"{topic}\", by {}{by} it belongs on {placed} of {partitions}",
            partitioner.name()
        );
        Some(violation("wrong-partition", "partition", &text))
    }

    fn unknown_type(&self, topic: &str, facts: &Facts) -> Violation {
        let known: Vec<&str> = self.messages_on(topic).map(|message| message.type_name.as_str()).collect();
        let message = match &facts.event_type {
            Some(other) => format!("`{other}` is not declared on topic \"{topic}\"; there are: {}", known.join(", ")),
            None => format!("the record says no event type; topic \"{topic}\" carries: {}", known.join(", ")),
        };
        violation("unknown-type", "event type", &message)
    }
}

impl Message {
    fn schema_violations(&self, facts: &Facts) -> Vec<Violation> {
        let errors = self.payload.errors(&facts.payload, &self.sensitive);
        let own = errors.into_iter().map(|(pointer, text)| (pointer, text, "schema"));
        let also = self.also.iter().flat_map(|also| {
            let errors = match facts.payload.pointer(&also.at) {
                Some(part) => also.schema.errors(part, &below(&self.sensitive, &also.at)),
                None => vec![(String::new(), "it is missing".to_owned())],
            };
            errors.into_iter().map(|(pointer, text)| {
                (format!("{}{pointer}", also.at), format!("{text} (a schema of `also`)"), "also-schema")
            })
        });
        own.chain(also).map(|(pointer, text, code)| violation(code, &format!("payload {pointer}"), &text)).collect()
    }

    fn header_violations(&self, headers: &[(&str, Option<&[u8]>)]) -> Vec<Violation> {
        let faults = self.header_faults(headers).into_iter();
        faults.map(|(place, text)| violation("header", &place, &text)).collect()
    }

    fn envelope_violations(&self, facts: &Facts) -> Vec<Violation> {
        let mut found = Vec::new();
        if self.envelope.id.is_some() && facts.id.as_deref().is_none_or(str::is_empty) {
            let place = self.envelope.id.as_ref().map(ToString::to_string).unwrap_or_default();
            found.push(violation("missing-id", &place, "the event has no id"));
        }
        if let (Some(rule), true) = (&self.envelope.key, facts.key != facts.expected_key) {
            let hidden = self.hides_what(rule);
            let shown = |key: &Option<String>| match key {
                Some(_) if hidden => "(hidden)".to_owned(),
                Some(key) => format!("\"{key}\""),
                None => "none".to_owned(),
            };
            let message = format!(
                "it is {}, the contract says {rule}, which is {}",
                shown(&facts.key),
                shown(&facts.expected_key)
            );
            found.push(violation("wrong-key", "key", &message));
        }
        found
    }
}

/// Pointers to what is sensitive, as a part of the payload has them; all of it where it stands below one of them.
fn below(sensitive: &[String], at: &str) -> Vec<String> {
    let rest = |pointer: &str| match pointer.strip_prefix(at) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.to_owned(),
        // All of the part stands within it, or a list between them makes it unsure what does.
        _ => String::new(),
    };
    sensitive.iter().filter(|pointer| touches(pointer, at)).map(|pointer| rest(pointer)).collect()
}

fn unreadable(why: &DecodeError) -> Violation {
    let code = if *why == DecodeError::Json { "not-json" } else { "not-decodable" };
    violation(code, "payload", &why.to_string())
}

fn violation(code: &'static str, place: &str, message: &str) -> Violation {
    Violation { code, place: place.to_owned(), message: message.to_owned() }
}
