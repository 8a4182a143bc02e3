//! Reading a record's headers and payload. Nothing is guessed: what is missing or unreadable is refused with the reason, never
//! taken as "unknown", as "" or as now. The document's sample code does all of that: each is a fault.

use chrono::DateTime;
use serde_json::{Map, Value};

use crate::shared::clock::rfc3339_ms;
use crate::shared::kafka::Record;

/// Why a record cannot be handled, ever: it goes to the dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("header {0} is missing")]
    NoHeader(&'static str),
    #[error("header {0} is empty or not UTF-8")]
    BadHeader(&'static str),
    #[error("the record has no key")]
    NoKey,
    #[error("the value is null")]
    NullValue,
    #[error("the value is not JSON: {0}")]
    NotJson(String),
    #[error("the value is JSON, but not an object")]
    NotAnObject,
    #[error("field {0} is missing")]
    NoField(&'static str),
    #[error("field {field} is not {expected}")]
    BadField { field: &'static str, expected: &'static str },
}

/// What the document's sample code takes for what is not there: faults.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Leniency {
    /// A missing event_id is "unknown".
    pub(super) unknown_id: bool,
    /// A record without a key is like any other.
    pub(super) keyless: bool,
    /// A missing id of a post or user is "".
    pub(super) empty_ids: bool,
    /// A time that is missing or unreadable is this, in milliseconds since 1970.
    pub(super) time_is: Option<i64>,
    /// A null value is {}, in which nothing is missed.
    pub(super) null_is_empty: Option<i64>,
}

/// The headers that say what a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said<'r> {
    pub(super) event_type: &'r str,
    pub(super) event_id: &'r str,
}

/// Reads the headers.
pub(super) fn said(record: &Record, leniency: Leniency) -> Result<Said<'_>, Refusal> {
    let event_type = header(record, "event_type")?;
    let event_id = match header(record, "event_id") {
        Err(Refusal::NoHeader(_)) if leniency.unknown_id => "unknown",
        read => read?,
    };
    Ok(Said { event_type, event_id })
}

/// The event's id alone; for the fault that looks at no type.
pub(super) fn event_id_of(record: &Record) -> Result<&str, Refusal> {
    header(record, "event_id")
}

fn header<'a>(record: &'a Record, name: &'static str) -> Result<&'a str, Refusal> {
    let bytes = record.header(name).ok_or(Refusal::NoHeader(name))?;
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::BadHeader(name))?;
    if text.trim().is_empty() { Err(Refusal::BadHeader(name)) } else { Ok(text) }
}

/// A payload's fields.
pub(super) struct Payload {
    fields: Map<String, Value>,
    leniency: Leniency,
}

impl Payload {
    /// What has no key stands anywhere, and so has no order: nobody can tell what it comes before.
    pub(super) fn read(record: &Record, leniency: Leniency) -> Result<Payload, Refusal> {
        let Some(bytes) = record.payload.as_deref() else {
            let now = leniency.null_is_empty.ok_or(Refusal::NullValue)?;
            let leniency = Leniency { empty_ids: true, time_is: Some(now), ..leniency };
            return Ok(Payload { fields: Map::new(), leniency });
        };
        let value: Value = serde_json::from_slice(bytes).map_err(|e| Refusal::NotJson(e.to_string()))?;
        match value {
            Value::Object(_) if record.key.as_ref().is_none_or(Vec::is_empty) && !leniency.keyless => {
                Err(Refusal::NoKey)
            }
            Value::Object(fields) => Ok(Payload { fields, leniency }),
            _ => Err(Refusal::NotAnObject),
        }
    }

    /// An identity: there, and not empty.
    pub(super) fn id(&self, field: &'static str) -> Result<String, Refusal> {
        let expected = "a string that is not empty";
        match self.text(field, expected) {
            Ok(text) if !text.trim().is_empty() => Ok(text.into()),
            _ if self.leniency.empty_ids => Ok(String::new()),
            Ok(_) => Err(Refusal::BadField { field, expected }),
            Err(refusal) => Err(refusal),
        }
    }

    /// A time: as it was written, and in milliseconds since 1970.
    pub(super) fn time(&self, field: &'static str) -> Result<(String, i64), Refusal> {
        let expected = "a time as RFC 3339 writes it";
        let read = self.text(field, expected).and_then(|text| {
            let at = DateTime::parse_from_rfc3339(text).map_err(|_| Refusal::BadField { field, expected })?;
            Ok((text.to_owned(), at.timestamp_millis()))
        });
        match (read, self.leniency.time_is) {
            (Err(_), Some(now)) => Ok((rfc3339_ms(now), now)),
            (read, _) => read,
        }
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Nothing is decided by such a field, so its absence is not held against the event.
    pub(super) fn optional_text(&self, field: &'static str) -> Result<String, Refusal> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(_) => self.text(field, "a string").map(str::to_owned),
        }
    }

    pub(super) fn text(&self, field: &'static str, expected: &'static str) -> Result<&str, Refusal> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Err(Refusal::NoField(field)),
            Some(value) => value.as_str().ok_or(Refusal::BadField { field, expected }),
        }
    }
}
