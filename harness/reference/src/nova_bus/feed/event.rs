//! Reading a record as a content event, or as one of its authors': [`super::super::reading`] says what is refused.

use super::super::event_type;
use super::super::reading::{Leniency, Payload, Refusal, Said, said};
use crate::shared::kafka::Record;

/// A post's visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Published,
    Archived,
    Deleted,
}

/// What an event says has happened to the post, or to its author. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Created {
        caption: String,
        media_type: String,
        status: Status,
        created_at: String,
        created_ms: i64,
    },
    StatusUpdated {
        status: Status,
        updated_ms: i64,
    },
    Deleted,
    /// The author goes by this name from then on.
    Named {
        name: String,
        updated_ms: i64,
    },
}

/// A readable event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) event_id: String,
    pub(super) event_type: &'static str,
    /// What it is about: a post, or of an author's event the author.
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
pub(super) fn read(record: &Record, leniency: Leniency) -> Result<Read, Refusal> {
    let Said { event_type, event_id } = said(record, leniency)?;
    let Some(event_type) = known(event_type) else {
        return Ok(Read::UnknownType { event_type: event_type.into(), event_id: event_id.into() });
    };
    let payload = Payload::read(record, leniency)?;
    Ok(Read::Event(Event {
        event_id: event_id.into(),
        event_type,
        post_id: payload.id(if event_type == event_type::PROFILE_UPDATED { "user_id" } else { "post_id" })?,
        user_id: payload.id("user_id")?,
        change: change(event_type, &payload)?,
    }))
}

fn known(event_type: &str) -> Option<&'static str> {
    [event_type::CREATED, event_type::STATUS_UPDATED, event_type::DELETED, event_type::PROFILE_UPDATED]
        .into_iter()
        .find(|known| *known == event_type)
}

fn change(event_type: &str, payload: &Payload) -> Result<Change, Refusal> {
    match event_type {
        event_type::CREATED => {
            let (created_at, created_ms) = payload.time("created_at")?;
            Ok(Change::Created {
                caption: payload.optional_text("caption")?,
                media_type: payload.optional_text("media_type")?,
                status: if payload.has("status") { status(payload, "status")? } else { Status::Published },
                created_at,
                created_ms,
            })
        }
        event_type::STATUS_UPDATED => Ok(Change::StatusUpdated {
            status: status(payload, "new_status")?,
            updated_ms: payload.time("updated_at")?.1,
        }),
        event_type::PROFILE_UPDATED => {
            Ok(Change::Named { name: payload.id("display_name")?, updated_ms: payload.time("updated_at")?.1 })
        }
        _ => payload.time("deleted_at").map(|_| Change::Deleted),
    }
}

fn status(payload: &Payload, field: &'static str) -> Result<Status, Refusal> {
    let expected = "published, archived or deleted";
    Status::parse(payload.text(field, expected)?).ok_or(Refusal::BadField { field, expected })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(record: &Record) -> Result<Read, Refusal> {
        super::read(record, Leniency::default())
    }

    fn record(headers: &[(&str, &str)], payload: Option<&str>) -> Record {
        Record {
            topic: "nova.content.events".into(),
            partition: 1,
            offset: 7,
            key: Some(b"p".to_vec()),
            payload: payload.map(|p| p.as_bytes().to_vec()),
            headers: headers.iter().map(|(k, v)| ((*k).into(), Some(v.as_bytes().to_vec()))).collect(),
            timestamp: None,
        }
    }

    fn of(event_type: &str, payload: Value) -> Result<Read, Refusal> {
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
    fn an_author_is_read_by_the_user_id() {
        let payload = json!({"user_id": "u", "display_name": "Ann", "updated_at": "2025-01-15T10:30:00+02:00"});
        let Ok(Read::Event(event)) = of(event_type::PROFILE_UPDATED, payload) else { panic!("not read") };
        assert_eq!((event.post_id.as_str(), event.user_id.as_str()), ("u", "u"));
        assert_eq!(event.change, Change::Named { name: "Ann".into(), updated_ms: 1_736_929_800_000 });
    }

    #[test]
    fn a_record_without_its_headers_is_refused_and_never_read_as_unknown() {
        let payload = Some("{}");
        assert_eq!(read(&record(&[("event_id", "e")], payload)), Err(Refusal::NoHeader("event_type")));
        assert_eq!(read(&record(&[("event_type", event_type::CREATED)], payload)), Err(Refusal::NoHeader("event_id")));
        assert_eq!(read(&record(&[("event_type", "other")], payload)), Err(Refusal::NoHeader("event_id")));
        assert_eq!(
            read(&record(&[("event_type", " "), ("event_id", "e")], payload)),
            Err(Refusal::BadHeader("event_type"))
        );
        let mut null = record(&[("event_type", event_type::CREATED), ("event_id", "e")], payload);
        null.headers[1].1 = None;
        assert_eq!(read(&null), Err(Refusal::NoHeader("event_id")));
        null.headers[1].1 = Some(vec![0xff]);
        assert_eq!(read(&null), Err(Refusal::BadHeader("event_id")));
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
        assert_eq!(read(&record(&headers, None)), Err(Refusal::NullValue));
        assert!(matches!(read(&record(&headers, Some("{\"post_id\":"))), Err(Refusal::NotJson(_))));
        assert_eq!(read(&record(&headers, Some("[]"))), Err(Refusal::NotAnObject));
    }

    #[test]
    fn a_record_without_a_key_is_refused() {
        let headers = [("event_type", event_type::DELETED), ("event_id", "e")];
        let whole = r#"{"post_id": "p", "user_id": "u", "deleted_at": "2025-01-15T10:30:00Z"}"#;
        for key in [None, Some(Vec::new())] {
            let keyless = Record { key, ..record(&headers, Some(whole)) };
            assert_eq!(read(&keyless), Err(Refusal::NoKey));
            assert!(super::read(&keyless, Leniency { keyless: true, ..Leniency::default() }).is_ok());
        }
    }

    #[test]
    fn the_documents_sample_code_fills_in_what_is_missing() {
        let now = Some(1_736_929_800_000);
        let typed = [("event_type", event_type::DELETED)];
        let lenient = |record: &Record, leniency: Leniency| match super::read(record, leniency).unwrap() {
            Read::Event(event) => (event.event_id, event.post_id),
            other => panic!("{other:?}"),
        };
        let whole = r#"{"post_id": "p", "user_id": "u", "deleted_at": "2025-01-15T10:30:00Z"}"#;
        let unknown_id = Leniency { unknown_id: true, ..Leniency::default() };
        assert_eq!(lenient(&record(&typed, Some(whole)), unknown_id), ("unknown".into(), "p".into()));
        let headers = [typed[0], ("event_id", "e")];
        let filled = Leniency { empty_ids: true, time_is: now, ..Leniency::default() };
        assert_eq!(lenient(&record(&headers, Some("{}")), filled), ("e".into(), String::new()));
        let null = Leniency { null_is_empty: now, ..Leniency::default() };
        assert_eq!(lenient(&record(&headers, None), null), ("e".into(), String::new()));
        assert!(super::read(&record(&headers, Some("{}")), null).is_err(), "only a null value");
    }

    #[test]
    fn a_type_of_another_service_is_told_apart_from_a_broken_record() {
        let read = read(&record(&[("event_type", "content.comment.created"), ("event_id", "e")], None));
        assert_eq!(read, Ok(Read::UnknownType { event_type: "content.comment.created".into(), event_id: "e".into() }));
    }
}
