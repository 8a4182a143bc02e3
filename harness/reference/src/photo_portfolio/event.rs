//! The envelope of every event: reading it strictly, and writing it.
//!
//! What is wrong with a record is said by rule and place only (`required /data/mediaId`): values may be tokens or addresses, and
//! reasons end in logs and headers.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::topics;
use crate::shared::clock::rfc3339;
use crate::shared::kafka::Record;
use crate::shared::outbox::NewEvent;

/// Longest name of an event.
const LONGEST_NAME: usize = 100;

/// An event as it is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) id: String,
    /// Its name of today.
    pub(super) kind: String,
    /// Its name as it was written.
    pub(super) spelled: String,
    pub(super) topic: String,
    pub(super) aggregate_type: String,
    pub(super) aggregate_id: String,
    pub(super) correlation: Option<String>,
    /// The event that it follows from.
    pub(super) causation: Option<String>,
    pub(super) user: Option<String>,
    pub(super) at: DateTime<Utc>,
    pub(super) data: Value,
}

/// What a field of the data must be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Is {
    Text,
    Count,
    Time,
    Resolutions,
    Method,
}

const fn text(name: &'static str) -> (&'static str, Is) {
    (name, Is::Text)
}

/// The data of the events that are known here; of others anything is taken.
const FIELDS: &[(&str, &[(&str, Is)])] = &[
    (
        topics::UPLOADED,
        &[
            text("projectId"),
            text("mediaId"),
            text("originalFileName"),
            ("fileSizeBytes", Is::Count),
            text("uploadedBy"),
        ],
    ),
    (
        topics::PROCESSED,
        &[
            text("projectId"),
            text("mediaId"),
            ("resolutions", Is::Resolutions),
            ("processingTimeMs", Is::Count),
            ("totalSizeBytes", Is::Count),
        ],
    ),
    (topics::DELETION_REQUESTED, &[text("projectId"), text("mediaId"), text("requestedBy")]),
    (topics::DELETED, &[text("projectId"), text("mediaId"), ("freedBytes", Is::Count)]),
    (topics::LOGGED_IN, &[text("userId"), text("userAgent"), text("ipAddress")]),
    (
        topics::LINK_CREATED,
        &[text("projectId"), text("clientEmail"), text("token"), ("expiresAt", Is::Time), text("createdBy")],
    ),
    (topics::GRANTED, &[text("projectId"), text("clientEmail"), text("grantedBy")]),
    (
        topics::ACCESSED,
        &[text("projectId"), text("clientEmail"), ("accessMethod", Is::Method), text("userAgent"), text("ipAddress")],
    ),
    (topics::PROJECT_CREATED, &[text("projectId"), text("name"), text("category"), text("createdBy")]),
    (topics::INVITED, &[text("projectId"), text("inviteId"), text("clientEmail"), text("invitedBy")]),
    (topics::VIEWED, &[text("projectId"), text("page")]),
    (topics::DOWNLOADED, &[text("projectId"), text("mediaId"), ("sizeBytes", Is::Count)]),
];

/// Reads a record, or says by rule and place what is wrong with it.
pub(super) fn read(record: &Record) -> Result<Event, String> {
    let bytes = record.payload.as_deref().ok_or("unreadable: the value is null")?;
    let value: Value = serde_json::from_slice(bytes).map_err(|_| "unreadable: the value is no JSON")?;
    let spelled = text_at(&value, "/type")?;
    let named = spelled.split('.').count() >= 2 && spelled.len() <= LONGEST_NAME;
    if !named || topics::canonical(&spelled) != topics::canonical(&record.topic) {
        return Err("schema: const /type".to_owned());
    }
    text_at(&value, "/source")?;
    text_at(&value, "/metadata/version")?;
    let kind = topics::canonical(&spelled).to_owned();
    let known = FIELDS.iter().find(|(name, _)| *name == kind);
    for (name, is) in known.iter().flat_map(|(_, fields)| *fields) {
        check(&value, &format!("/data/{name}"), *is)?;
    }
    let optional = |place: &str| value.pointer(place).and_then(Value::as_str).map(str::to_owned);
    Ok(Event {
        id: text_at(&value, "/id")?,
        kind,
        spelled,
        topic: record.topic.clone(),
        aggregate_type: text_at(&value, "/aggregateType")?,
        aggregate_id: text_at(&value, "/aggregateId")?,
        correlation: optional("/metadata/correlationId"),
        causation: optional("/metadata/causationId"),
        user: optional("/metadata/userId"),
        at: time_at(&value, "/metadata/timestamp")?,
        data: value.get("data").filter(|data| data.is_object()).ok_or("schema: required /data")?.clone(),
    })
}

/// The id of a record's event, as far as it can be read.
pub(super) fn id_of(record: &Record) -> Option<String> {
    let value: Value = serde_json::from_slice(record.payload.as_deref()?).ok()?;
    value.get("id")?.as_str().map(str::to_owned)
}

fn check(value: &Value, place: &str, is: Is) -> Result<(), String> {
    let found = value.pointer(place).ok_or_else(|| format!("schema: required {place}"))?;
    let words = |allowed: &[&str]| found.as_str().is_some_and(|word| allowed.contains(&word));
    let right = match is {
        Is::Text => return text_at(value, place).map(drop),
        Is::Time => return time_at(value, place).map(drop),
        Is::Count => found.as_u64().is_some(),
        Is::Method => words(&["magic-link", "direct-link"]),
        Is::Resolutions => found.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_resolution)),
    };
    let rule = if matches!(is, Is::Method | Is::Resolutions) { "enum" } else { "type" };
    if right { Ok(()) } else { Err(format!("schema: {rule} {place}")) }
}

fn is_resolution(value: &Value) -> bool {
    value.as_str().is_some_and(|word| ["original", "high", "medium", "thumb"].contains(&word))
}

fn text_at(value: &Value, place: &str) -> Result<String, String> {
    let found = value.pointer(place).ok_or_else(|| format!("schema: required {place}"))?;
    let text = found.as_str().ok_or_else(|| format!("schema: type {place}"))?;
    if text.is_empty() { Err(format!("schema: minLength {place}")) } else { Ok(text.to_owned()) }
}

fn time_at(value: &Value, place: &str) -> Result<DateTime<Utc>, String> {
    let text = text_at(value, place)?;
    DateTime::parse_from_rfc3339(&text).map(|time| time.to_utc()).map_err(|_| format!("schema: format {place}"))
}

/// What an event is about, beside its data.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) source: &'static str,
    pub(super) aggregate_type: &'static str,
    pub(super) aggregate_id: String,
    pub(super) user: Option<String>,
    pub(super) correlation: Option<String>,
    /// The event that it follows from.
    pub(super) causation: Option<String>,
}

impl About {
    /// About a project, as a request brought it.
    pub(super) fn project(source: &'static str, project: &str, user: &str, correlation: Option<String>) -> About {
        let (aggregate_id, user) = (project.to_owned(), Some(user.to_owned()));
        About { source, aggregate_type: "project", aggregate_id, user, correlation, causation: None }
    }

    /// About the same as another event, which caused it.
    pub(super) fn following(source: &'static str, event: &Event) -> About {
        About {
            source,
            aggregate_type: "project",
            aggregate_id: event.aggregate_id.clone(),
            user: event.user.clone(),
            correlation: event.correlation.clone(),
            causation: Some(event.id.clone()),
        }
    }
}

/// A new event, ready for the outbox. Its key is its aggregate's id.
pub(super) fn make(kind: &'static str, about: About, data: &Value, now: DateTime<Utc>) -> NewEvent {
    let event_id = Uuid::new_v4().to_string();
    let correlation = about.correlation.unwrap_or_else(|| Uuid::new_v4().to_string());
    let mut metadata = json!({"correlationId": correlation, "timestamp": rfc3339(now), "version": "1.0"});
    for (name, value) in [("userId", about.user), ("causationId", about.causation)] {
        if let Some(value) = value {
            metadata[name] = Value::from(value);
        }
    }
    let envelope = json!({
        "id": event_id,
        "type": kind,
        "source": about.source,
        "aggregateId": about.aggregate_id,
        "aggregateType": about.aggregate_type,
        "data": data,
        "metadata": metadata,
    });
    NewEvent {
        event_id,
        event_type: kind,
        aggregate_id: about.aggregate_id.clone(),
        topic: kind.to_owned(),
        key: about.aggregate_id,
        payload: envelope.to_string(),
        correlation_id: correlation,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A record of an event, changed by `change`.
    pub(in super::super) fn record(kind: &'static str, data: Value, change: impl Fn(&mut Value)) -> Record {
        let about = About::project("test", "p1", "u1", None);
        let made = make(kind, about, &data, DateTime::from_timestamp_millis(1_736_937_000_000).unwrap());
        let mut value: Value = serde_json::from_str(&made.payload).unwrap();
        change(&mut value);
        Record {
            topic: kind.into(),
            partition: 0,
            offset: 0,
            key: Some(made.key.into_bytes()),
            payload: Some(value.to_string().into_bytes()),
            headers: Vec::new(),
            timestamp: None,
        }
    }

    fn link() -> Value {
        json!({"projectId": "p1", "clientEmail": "a@b.c", "token": "secret", "expiresAt": "2026-01-01T00:00:00Z", "createdBy": "u"})
    }

    #[test]
    fn what_is_written_is_read() {
        let event = read(&record(topics::LINK_CREATED, link(), |_| {})).unwrap();
        assert_eq!((event.kind.as_str(), event.aggregate_id.as_str()), (topics::LINK_CREATED, "p1"));
        assert_eq!(event.user.as_deref(), Some("u1"));
    }

    #[test]
    fn what_is_wrong_is_said_without_any_value() {
        let said = |change: fn(&mut Value)| read(&record(topics::LINK_CREATED, link(), change)).unwrap_err();
        assert_eq!(said(|event| event["data"]["expiresAt"] = json!("secret")), "schema: format /data/expiresAt");
        assert_eq!(said(|event| event["metadata"]["version"] = json!(1)), "schema: type /metadata/version");
        assert_eq!(said(|event| event["type"] = json!("auth.user.logged-in")), "schema: const /type");
        assert_eq!(said(|event| *event = json!(["secret"])), "schema: required /type");
    }

    #[test]
    fn an_old_name_is_read_as_its_event() {
        let data = json!({"projectId": "p1", "page": "gallery"});
        let mut old = record(topics::VIEWED, data, |event| event["type"] = json!("analytics.page-viewed"));
        old.topic = "analytics.page-viewed".into();
        let event = read(&old).unwrap();
        assert_eq!((event.kind.as_str(), event.spelled.as_str()), (topics::VIEWED, "analytics.page-viewed"));
    }
}
