//! Reading a record as a content event. Nothing is guessed: what is missing or unreadable is refused with the reason, never
//! taken as "unknown", as "" or as now.

use chrono::DateTime;
use serde_json::{Map, Value};

use super::super::event_type;
use crate::shared::kafka::Record;

/// A post's visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Published,
    Archived,
    Deleted,
}

/// What an event says has happened to the post. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Created { caption: String, media_type: String, status: Status, created_at: String, created_ms: i64 },
    StatusUpdated { status: Status, updated_ms: i64 },
    Deleted,
}

/// A readable event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) event_id: String,
    pub(super) event_type: &'static str,
    pub(super) post_id: String,
    pub(super) user_id: String,
    pub(super) change: Change,
}

/// What a record is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read {
    /// An event of ours.
    Event(Event),
    /// An event of a type that this service does not know, and need not.
    UnknownType { event_type: String, event_id: String },
}

/// Why a record cannot be handled, ever: it goes to the dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("header {0} is missing")]
    NoHeader(&'static str),
    #[error("header {0} is empty or not UTF-8")]
    BadHeader(&'static str),
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

impl Status {
    pub(super) fn parse(text: &str) -> Option<Status> {
        match text {
            "published" => Some(Status::Published),
            "archived" => Some(Status::Archived),
            "deleted" => Some(Status::Deleted),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Published => "published",
            Status::Archived => "archived",
            Status::Deleted => "deleted",
        }
    }
}

/// Reads a record.
pub(super) fn read(record: &Record) -> Result<Read, Unreadable> {
    let event_type = header(record, "event_type")?;
    let event_id = header(record, "event_id")?;
    let Some(event_type) = known(event_type) else {
        return Ok(Read::UnknownType { event_type: event_type.into(), event_id: event_id.into() });
    };
    let payload = record.payload.as_deref().ok_or(Unreadable::NullValue)?;
    let value: Value = serde_json::from_slice(payload).map_err(|e| Unreadable::NotJson(e.to_string()))?;
    let fields = value.as_object().ok_or(Unreadable::NotAnObject)?;
    Ok(Read::Event(Event {
        event_id: event_id.into(),
        event_type,
        post_id: id(fields, "post_id")?,
        user_id: id(fields, "user_id")?,
        change: change(event_type, fields)?,
    }))
}

fn header<'a>(record: &'a Record, name: &'static str) -> Result<&'a str, Unreadable> {
    let bytes = record.header(name).ok_or(Unreadable::NoHeader(name))?;
    let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::BadHeader(name))?;
    if text.trim().is_empty() { Err(Unreadable::BadHeader(name)) } else { Ok(text) }
}

fn known(event_type: &str) -> Option<&'static str> {
    [event_type::CREATED, event_type::STATUS_UPDATED, event_type::DELETED]
        .into_iter()
        .find(|known| *known == event_type)
}

fn change(event_type: &str, fields: &Map<String, Value>) -> Result<Change, Unreadable> {
    match event_type {
        event_type::CREATED => {
            let (created_at, created_ms) = time(fields, "created_at")?;
            Ok(Change::Created {
                caption: optional_text(fields, "caption")?,
                media_type: optional_text(fields, "media_type")?,
                status: if fields.contains_key("status") { status(fields, "status")? } else { Status::Published },
                created_at,
                created_ms,
            })
        }
        event_type::STATUS_UPDATED => Ok(Change::StatusUpdated {
            status: status(fields, "new_status")?,
            updated_ms: time(fields, "updated_at")?.1,
        }),
        _ => time(fields, "deleted_at").map(|_| Change::Deleted),
    }
}

fn id(fields: &Map<String, Value>, field: &'static str) -> Result<String, Unreadable> {
    let text = text(fields, field, "a string that is not empty")?;
    if text.trim().is_empty() {
        Err(Unreadable::BadField { field, expected: "a string that is not empty" })
    } else {
        Ok(text.into())
    }
}

fn status(fields: &Map<String, Value>, field: &'static str) -> Result<Status, Unreadable> {
    let expected = "published, archived or deleted";
    Status::parse(text(fields, field, expected)?).ok_or(Unreadable::BadField { field, expected })
}

fn time(fields: &Map<String, Value>, field: &'static str) -> Result<(String, i64), Unreadable> {
    let expected = "a time as RFC 3339 writes it";
    let text = text(fields, field, expected)?;
    let at = DateTime::parse_from_rfc3339(text).map_err(|_| Unreadable::BadField { field, expected })?;
    Ok((text.into(), at.timestamp_millis()))
}

/// Nothing is decided by these fields, so their absence is not held against the event.
fn optional_text(fields: &Map<String, Value>, field: &'static str) -> Result<String, Unreadable> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(_) => text(fields, field, "a string").map(str::to_owned),
    }
}

fn text<'a>(
    fields: &'a Map<String, Value>,
    field: &'static str,
    expected: &'static str,
) -> Result<&'a str, Unreadable> {
    match fields.get(field) {
        None | Some(Value::Null) => Err(Unreadable::NoField(field)),
        Some(value) => value.as_str().ok_or(Unreadable::BadField { field, expected }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(headers: &[(&str, &str)], payload: Option<&str>) -> Record {
        Record {
            topic: "nova.content.events".into(),
            partition: 1,
            offset: 7,
            key: None,
            payload: payload.map(|p| p.as_bytes().to_vec()),
            headers: headers.iter().map(|(k, v)| ((*k).into(), Some(v.as_bytes().to_vec()))).collect(),
        }
    }

    fn of(event_type: &str, payload: Value) -> Result<Read, Unreadable> {
        read(&record(&[("event_type", event_type), ("event_id", "e1")], Some(&payload.to_string())))
    }

    fn refusal(event_type: &str, payload: Value) -> String {
        of(event_type, payload).unwrap_err().to_string()
    }

    #[test]
    fn a_created_post_is_read_whole() {
        let payload = json!({"post_id": "p", "user_id": "u", "caption": "c", "media_type": "image", "status": "published",
            "created_at": "2025-01-15T10:30:00+02:00", "more": 1});
        let change = Change::Created {
            caption: "c".into(),
            media_type: "image".into(),
            status: Status::Published,
            created_at: "2025-01-15T10:30:00+02:00".into(),
            created_ms: 1_736_929_800_000,
        };
        let event = Event {
            event_id: "e1".into(),
            event_type: event_type::CREATED,
            post_id: "p".into(),
            user_id: "u".into(),
            change,
        };
        assert_eq!(of(event_type::CREATED, payload), Ok(Read::Event(event)));
    }

    #[test]
    fn a_record_without_its_headers_is_refused_and_never_read_as_unknown() {
        let payload = Some("{}");
        assert_eq!(read(&record(&[("event_id", "e")], payload)), Err(Unreadable::NoHeader("event_type")));
        assert_eq!(
            read(&record(&[("event_type", event_type::CREATED)], payload)),
            Err(Unreadable::NoHeader("event_id"))
        );
        assert_eq!(read(&record(&[("event_type", "other")], payload)), Err(Unreadable::NoHeader("event_id")));
        assert_eq!(
            read(&record(&[("event_type", " "), ("event_id", "e")], payload)),
            Err(Unreadable::BadHeader("event_type"))
        );
        let mut null = record(&[("event_type", event_type::CREATED), ("event_id", "e")], payload);
        null.headers[1].1 = None;
        assert_eq!(read(&null), Err(Unreadable::NoHeader("event_id")));
        null.headers[1].1 = Some(vec![0xff]);
        assert_eq!(read(&null), Err(Unreadable::BadHeader("event_id")));
    }

    #[test]
    fn a_missing_id_or_a_bad_time_is_refused_and_never_filled_in() {
        let good = json!({"post_id": "p", "user_id": "u", "created_at": "2025-01-15T10:30:00Z"});
        let with = |field: &str, value: Value| {
            let mut payload = good.clone();
            payload[field] = value;
            refusal(event_type::CREATED, payload)
        };
        assert_eq!(with("post_id", Value::Null), "field post_id is missing");
        assert_eq!(with("user_id", json!("")), "field user_id is not a string that is not empty");
        assert_eq!(with("user_id", json!(7)), "field user_id is not a string that is not empty");
        assert_eq!(
            with("created_at", json!("2025-01-15 10:30:00")),
            "field created_at is not a time as RFC 3339 writes it"
        );
        assert_eq!(with("caption", json!(["x"])), "field caption is not a string");
        assert_eq!(with("status", json!("draft")), "field status is not published, archived or deleted");
        assert_eq!(
            refusal(event_type::DELETED, json!({"post_id": "p", "user_id": "u"})),
            "field deleted_at is missing"
        );
        let status =
            json!({"post_id": "p", "user_id": "u", "new_status": "gone", "updated_at": "2025-01-15T10:30:00Z"});
        assert_eq!(
            refusal(event_type::STATUS_UPDATED, status),
            "field new_status is not published, archived or deleted"
        );
    }

    #[test]
    fn a_null_or_broken_value_is_refused() {
        let headers = [("event_type", event_type::DELETED), ("event_id", "e")];
        assert_eq!(read(&record(&headers, None)), Err(Unreadable::NullValue));
        assert!(matches!(read(&record(&headers, Some("{\"post_id\":"))), Err(Unreadable::NotJson(_))));
        assert_eq!(read(&record(&headers, Some("[]"))), Err(Unreadable::NotAnObject));
    }

    #[test]
    fn a_type_of_another_service_is_told_apart_from_a_broken_record() {
        let read = read(&record(&[("event_type", "content.comment.created"), ("event_id", "e")], None));
        assert_eq!(read, Ok(Read::UnknownType { event_type: "content.comment.created".into(), event_id: "e".into() }));
    }
}
