//! The envelope of every event: JSON with the field names of the document's Protobuf message, `data` and `metadata` as JSON texts.

use serde_json::{Value, json};
use uuid::Uuid;

use super::kinds::{self, Kind, Shape};
use crate::shared::clock::{Clock, rfc3339};

/// The newest version of an event that is read here.
const NEWEST: i64 = 3;

/// An event as a subscriber takes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: &'static Kind,
    pub(super) version: i64,
    pub(super) data: Value,
    pub(super) correlation_id: String,
    pub(super) causation_id: String,
    pub(super) created_at: String,
}

impl Event {
    /// A field of the data as a text; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.data[name].as_str().unwrap_or_default()
    }
}

/// What there is to say of a new event.
pub(super) struct Telling<'a> {
    pub(super) kind: &'static Kind,
    pub(super) data: &'a Value,
    pub(super) version: u32,
    pub(super) correlation_id: &'a str,
    /// The event that caused it; empty for what a user did.
    pub(super) causation_id: &'a str,
    pub(super) created_by: &'a str,
    /// The service that says it.
    pub(super) service: &'a str,
}

/// The id of the new event, and its envelope.
pub(super) fn compose(telling: &Telling<'_>, clock: &Clock) -> (String, String) {
    let Telling { kind, data, .. } = telling;
    let id = Uuid::new_v4().to_string();
    let envelope = json!({
        "id": id,
        "event_type": kind.event,
        "aggregate_id": data[kind.aggregate].as_str().unwrap_or_default(),
        "aggregate_type": kind.aggregate_type(),
        "version": telling.version,
        "data": data.to_string(),
        "metadata": json!({"source": telling.service}).to_string(),
        "correlation_id": telling.correlation_id,
        "causation_id": telling.causation_id,
        "created_at": rfc3339(clock.now()),
        "created_by": telling.created_by,
    });
    (id, envelope.to_string())
}

/// Checks a record's value and reads it; `expected` is the type that its topic is for. What is said holds no value of the event.
pub(super) fn read(value: Option<&[u8]>, expected: &str) -> Result<Event, String> {
    let value: Value =
        serde_json::from_slice(value.ok_or("the value is null")?).map_err(|_| "the value is not JSON")?;
    let text = |name: &str| {
        let found = value.get(name).and_then(Value::as_str);
        found.map(str::to_owned).ok_or_else(|| format!("`{name}` is missing or no text"))
    };
    if text("event_type")? != expected {
        return Err(format!("this event_type is not known here, the topic is for {expected}"));
    }
    let kind = kinds::of_event(expected).ok_or_else(|| format!("{expected} is not known here"))?;
    let id = text("id")?;
    Uuid::parse_str(&id).map_err(|_| "`id` is no UUID")?;
    let version = value.get("version").and_then(Value::as_i64).ok_or("`version` is missing or no number")?;
    if !(1..=NEWEST).contains(&version) {
        return Err(format!("version {version} is not known here"));
    }
    let created_at = text("created_at")?;
    is_time(&created_at).then_some(()).ok_or("`created_at` is no time")?;
    folded(&text("metadata")?).ok_or("`metadata` holds no JSON object")?;
    let data = folded(&text("data")?).ok_or("`data` holds no JSON object")?;
    check_data(kind, &data)?;
    let (correlation_id, causation_id) = (text("correlation_id")?, text("causation_id")?);
    Ok(Event { id, kind, version, data, correlation_id, causation_id, created_at })
}

/// JSON within a text.
fn folded(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

fn is_time(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

fn check_data(kind: &Kind, data: &Value) -> Result<(), String> {
    for field in &kind.fields {
        let is_right = match data.get(field.name) {
            None | Some(Value::Null) => !field.needed,
            Some(found) => fits(&field.shape, found),
        };
        if !is_right {
            return Err(format!("`data.{}` is missing or not what it should be", field.name));
        }
    }
    Ok(())
}

fn fits(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::New | Shape::Id | Shape::Text | Shape::Choice(_) => value.as_str().is_some_and(|text| !text.is_empty()),
        Shape::Now => value.as_str().is_some_and(is_time),
        Shape::Number => value.is_number(),
        Shape::Flag => value.is_boolean(),
        Shape::Texts(_) | Shape::Ids | Shape::List => value.is_array(),
        Shape::Object => value.is_object(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(change: impl Fn(&mut Value)) -> Vec<u8> {
        let data = json!({"post_id": "p", "user_id": "u", "liked_at": "2025-01-15T10:30:00Z"});
        let kind = kinds::of_event("post.liked").unwrap();
        let telling = Telling {
            kind,
            data: &data,
            version: 1,
            correlation_id: "c",
            causation_id: "",
            created_by: "u",
            service: "s",
        };
        let mut envelope: Value = serde_json::from_str(&compose(&telling, &Clock::system()).1).unwrap();
        change(&mut envelope);
        envelope.to_string().into_bytes()
    }

    #[test]
    fn what_is_written_is_read() {
        let event = read(Some(&record(|_| {})), "post.liked").unwrap();
        assert_eq!((event.text("post_id"), event.text("user_id"), event.version), ("p", "u", 1));
        let newer = |event: &mut Value| {
            event["version"] = json!(2);
            event["data"] = json!(r#"{"post_id":"p","user_id":"u","liked_at":"2025-01-15T10:30:00Z","emoji":"x"}"#);
        };
        assert!(read(Some(&record(newer)), "post.liked").is_ok(), "a new optional field passes");
    }

    #[test]
    fn what_is_wrong_is_said_without_what_it_holds() {
        let said = |change: fn(&mut Value)| read(Some(&record(change)), "post.liked").unwrap_err();
        assert_eq!(read(None, "post.liked").unwrap_err(), "the value is null");
        assert_eq!(said(|event| event["data"] = json!({"post_id": "p"})), "`data` is missing or no text");
        assert_eq!(said(|event| event["data"] = json!("[1]")), "`data` holds no JSON object");
        assert_eq!(said(|event| event["data"] = json!("{}")), "`data.post_id` is missing or not what it should be");
        assert_eq!(said(|event| event["version"] = json!(4)), "version 4 is not known here");
        let other = said(|event| event["event_type"] = json!("post.published"));
        assert_eq!(other, "this event_type is not known here, the topic is for post.liked");
    }
}
