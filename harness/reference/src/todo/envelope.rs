//! The two envelopes: the application's, which is fixed with the event, and around it CloudEvents 1.0, made with every publish.

use serde_json::{Value, json};
use uuid::Uuid;

use super::event_type;

/// Who publishes.
const SOURCE: &str = "todo-backend";

/// The application envelope of an event.
pub(super) fn application(
    event_id: &str,
    event_type: &str,
    timestamp: &str,
    correlation: &str,
    payload: &Value,
) -> Value {
    json!({
        "event_id": event_id,
        "event_type": event_type,
        "event_version": "v1",
        "timestamp": timestamp,
        "correlation_id": correlation,
        "source": SOURCE,
        "payload": payload,
    })
}

/// A CloudEvent as Dapr's Kafka component writes it: its id is new with every publish.
pub(super) fn cloud_event(topic: &str, time: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": Uuid::new_v4().to_string(),
        "source": SOURCE,
        "type": "com.dapr.event.sent",
        "datacontenttype": "application/json",
        "topic": topic,
        "pubsubname": "kafka-pubsub",
        "time": time,
        "data": data,
    })
}

/// An event as a consumer takes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) event_id: String,
    pub(super) event_type: &'static str,
    pub(super) timestamp: String,
    pub(super) correlation_id: String,
    pub(super) task_id: i64,
    pub(super) payload: Value,
    /// The CloudEvent's own id.
    pub(super) envelope_id: String,
    /// Who did it, which version 2 of task.deleted says; nothing to a reader of version 1.
    pub(super) by: Option<String>,
}

/// What a reader knows of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Knows {
    /// The version by which it reads; both are taken.
    pub(super) version: u32,
    /// Fault: takes no version but its own or an older one.
    pub(super) refuses_new: bool,
    /// Fault: takes no field that it does not know.
    pub(super) refuses_unknown: bool,
    /// Fault: wants the new field of every event.
    pub(super) needs_new: bool,
}

#[cfg(test)]
impl Knows {
    pub(super) fn version(version: u32) -> Knows {
        Knows { version, refuses_new: false, refuses_unknown: false, needs_new: false }
    }
}

/// Who deleted a task of which nobody says so.
const UNSAID: &str = "unknown";

/// Checks a record's value against the schema and reads it; the error says what is wrong.
pub(super) fn read(value: Option<&[u8]>, knows: Knows) -> Result<Event, String> {
    let value: Value =
        serde_json::from_slice(value.ok_or("the value is null")?).map_err(|e| format!("not JSON: {e}"))?;
    read_data(&value, value.get("data").ok_or("the CloudEvent has no `data`")?, knows)
}

/// Reads an application envelope; `outer` is what stands around it.
pub(super) fn read_data(outer: &Value, data: &Value, knows: Knows) -> Result<Event, String> {
    let text = |name: &str| {
        let found = data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        found.map(str::to_owned).ok_or_else(|| format!("`{name}` is missing or no text"))
    };
    let event_type = known(&text("event_type")?)?;
    let version = text("event_version")?;
    if !matches!(version.as_str(), "v1" | "v2") || (knows.refuses_new && version == "v2" && knows.version < 2) {
        return Err(format!("event_version {version} is not known here"));
    }
    let timestamp = text("timestamp")?;
    chrono::DateTime::parse_from_rfc3339(&timestamp).map_err(|e| format!("timestamp `{timestamp}`: {e}"))?;
    let payload = data.get("payload").filter(|payload| payload.is_object()).ok_or("`payload` is missing")?;
    let task_id = payload.get("task_id").and_then(Value::as_i64).ok_or("`payload.task_id` is missing or no number")?;
    check_payload(event_type, payload)?;
    let by = deleted_by(event_type, payload, knows)?;
    Ok(Event {
        event_id: text("event_id")?,
        event_type,
        timestamp,
        correlation_id: text("correlation_id")?,
        task_id,
        payload: payload.clone(),
        envelope_id: outer.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        by,
    })
}

/// The field that is new in version 2: a reader of version 2 has a default for it, a reader of version 1 lets it pass.
fn deleted_by(event_type: &str, payload: &Value, knows: Knows) -> Result<Option<String>, String> {
    let said = payload.get("deleted_by").and_then(Value::as_str);
    if event_type != event_type::DELETED {
        return Ok(None);
    }
    if knows.refuses_unknown && said.is_some() {
        return Err("`payload.deleted_by` is not known here".into());
    }
    if knows.needs_new && said.is_none() {
        return Err("`payload.deleted_by` is missing".into());
    }
    Ok((knows.version >= 2).then(|| said.unwrap_or(UNSAID).to_owned()))
}

fn known(event_type: &str) -> Result<&'static str, String> {
    let all = [event_type::CREATED, event_type::UPDATED, event_type::DELETED, event_type::COMPLETED];
    all.into_iter()
        .find(|known| *known == event_type)
        .ok_or_else(|| format!("event_type {event_type} is not known here"))
}

fn check_payload(event_type: &str, payload: &Value) -> Result<(), String> {
    let needs: &[&str] = match event_type {
        event_type::CREATED => &["title", "status", "created_at"],
        event_type::UPDATED => &["title", "status", "updated_at"],
        event_type::DELETED => &["deleted_at"],
        _ => &["completed_at"],
    };
    let missing = needs.iter().find(|name| !payload.get(**name).is_some_and(Value::is_string));
    missing.map_or(Ok(()), |name| Err(format!("`payload.{name}` is missing or no text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(change: impl Fn(&mut Value)) -> Vec<u8> {
        let payload = json!({"task_id": 7, "title": "t", "status": "incomplete", "created_at": "2026-02-07T10:00:00Z"});
        let data = application("e", event_type::CREATED, "2026-02-07T10:00:00Z", "c", &payload);
        let mut event = cloud_event("todo.tasks.created", "2026-02-07T10:00:00Z", &data);
        change(&mut event);
        event.to_string().into_bytes()
    }

    #[test]
    fn what_is_written_is_read() {
        let event = read(Some(&record(|_| {})), Knows::version(2)).unwrap();
        assert_eq!((event.event_id.as_str(), event.task_id, event.event_type), ("e", 7, "task.created"));
        assert!(
            read(Some(&record(|event| event["data"]["event_version"] = json!("v2"))), Knows::version(1)).is_ok(),
            "two versions are read"
        );
        let with_more = record(|event| event["data"]["payload"]["priority"] = json!(3));
        assert!(read(Some(&with_more), Knows::version(2)).is_ok(), "new optional fields pass");
    }

    #[test]
    fn a_new_field_is_read_by_the_new_reader_and_left_by_the_old_one() {
        let deleted = |by: Option<&str>| {
            let payload = json!({"task_id": 7, "deleted_at": "2026-02-07T10:00:00Z", "deleted_by": by});
            let data = application("e", event_type::DELETED, "2026-02-07T10:00:00Z", "c", &payload);
            cloud_event("todo.tasks.deleted", "2026-02-07T10:00:00Z", &data).to_string().into_bytes()
        };
        let by = |who: Option<&str>, knows: Knows| read(Some(&deleted(who)), knows).map(|event| event.by);
        assert_eq!(by(Some("ann"), Knows::version(2)), Ok(Some("ann".into())));
        assert_eq!(by(None, Knows::version(2)), Ok(Some("unknown".into())));
        assert_eq!(by(Some("ann"), Knows::version(1)), Ok(None));
        assert!(by(Some("ann"), Knows { refuses_unknown: true, ..Knows::version(1) }).is_err());
        assert!(by(None, Knows { needs_new: true, ..Knows::version(2) }).is_err());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |change: fn(&mut Value)| read(Some(&record(change)), Knows::version(2)).unwrap_err();
        assert_eq!(read(None, Knows::version(2)).unwrap_err(), "the value is null");
        assert!(said(|event| *event = json!([])).contains("no `data`"));
        assert!(said(|event| event["data"]["timestamp"] = json!("2026-02-07T10:00:00")).starts_with("timestamp"));
        assert_eq!(said(|event| event["data"]["event_version"] = json!("v9")), "event_version v9 is not known here");
        assert_eq!(
            said(|event| event["data"]["payload"]["task_id"] = json!("7")),
            "`payload.task_id` is missing or no number"
        );
        assert_eq!(
            said(|event| drop(event["data"]["payload"]["title"].take())),
            "`payload.title` is missing or no text"
        );
    }
}
