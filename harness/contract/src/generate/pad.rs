//! Bringing a payload to an exact size, by lengthening a free text.

use std::collections::BTreeSet;

use serde_json::Value;

use super::GenerateError;
use super::record::set;
use crate::Message;
use crate::expression::Part;

/// The payload, exactly `size` bytes long as it is encoded; as JSON without needless space. With `or_longer`, as short as it
/// can be where it cannot be so short.
pub(super) fn pad(
    message: &Message,
    given: &[(String, Value)],
    mut payload: Value,
    size: usize,
    or_longer: bool,
) -> Result<Value, GenerateError> {
    let failed = |detail: String| GenerateError::Size { message: message.name.clone(), wanted: size, detail };
    let field = free_texts(message, &names(given))
        .into_iter()
        .find(|field| fits(field, &payload))
        .ok_or_else(|| failed("it has no text field without format, pattern, enum or greatest length".to_owned()))?;
    let encoded = |payload: &Value| message.payload.encode(payload).map(|bytes| bytes.len()).map_err(failed);
    set(&mut payload, &field, Value::from(""));
    let bare = encoded(&payload)?;
    let size = if or_longer { size.max(bare + least(message, &field)) } else { size };
    let name = field.trim_start_matches('/');
    let mut room =
        size.checked_sub(bare).ok_or_else(|| failed(format!("without its `{name}` it has {bare} already")))?;
    // One byte a letter. In Avro the length itself takes more bytes the greater it is: then a few letters go again.
    for _ in 0..4 {
        let text: String = "lorem ipsum dolor sit amet ".chars().cycle().take(room).collect();
        set(&mut payload, &field, Value::from(text));
        match encoded(&payload)? {
            length if length == size => return Ok(payload),
            length => room = (room + size).saturating_sub(length),
        }
    }
    if or_longer {
        return Ok(payload);
    }
    Err(failed("no length of its text makes exactly so many bytes".to_owned()))
}

impl Message {
    /// Whether a record of it can be made larger, when these fields of its payload are given: by a text that nobody means anything by.
    pub fn can_be_padded(&self, given: &[String]) -> bool {
        !free_texts(self, given).is_empty()
    }
}

/// Whether this payload can be made larger, if any of its kind can: what lies in an object that was left out is not there.
pub(super) fn has_room(message: &Message, given: &[(String, Value)], payload: &Value) -> bool {
    let free = free_texts(message, &names(given));
    free.is_empty() || free.iter().any(|field| fits(field, payload))
}

fn names(given: &[(String, Value)]) -> Vec<&str> {
    given.iter().map(|(name, _)| name.as_str()).collect()
}

/// An object that was left out is not made for a text in it: its other fields would be missing.
fn fits(field: &str, payload: &Value) -> bool {
    let parent = field.rsplit_once('/').and_then(|(parent, _)| payload.pointer(parent));
    parent.is_some_and(Value::is_object)
}

/// Letters that a text has at least.
fn least(message: &Message, field: &str) -> usize {
    let document = &message.payload.document;
    let rule =
        field.split('/').skip(1).try_fold(document, |rule, name| referred(document, rule)["properties"].get(name));
    rule.and_then(|rule| referred(document, rule)["minLength"].as_u64()).unwrap_or(0) as usize
}

/// How deep texts are looked for: schemas may refer to themselves.
const DEEP: usize = 4;

/// The texts that may be anything, and that nobody means anything by: neither given, nor an identity, nor read by the envelope. A key
/// that was lengthened would be another key, on another partition. The outermost come first.
fn free_texts(message: &Message, given: &[impl AsRef<str>]) -> Vec<String> {
    let envelope = &message.envelope;
    let read = [&envelope.id, &envelope.event_type, &envelope.key, &envelope.time, &envelope.correlation];
    let read = read.into_iter().chain([&envelope.causation, &envelope.version, &envelope.tenant]).flatten();
    let read = read.filter(|expression| expression.part == Part::Payload).map(|expression| expression.pointer.as_str());
    let named = message.unique.iter().chain(&message.fresh).map(String::as_str);
    let places = read.chain(named).chain(given.iter().map(AsRef::as_ref));
    let meant: BTreeSet<String> = places.map(|place| format!("/{}", place.trim_start_matches('/'))).collect();
    let mut found = Vec::new();
    texts(&message.payload.document, &message.payload.document, "", &mut found);
    found.retain(|field| !meant.iter().any(|place| is_within(place, field) || is_within(field, place)));
    found.sort_by_key(|field| field.matches('/').count());
    found
}

/// Whether a place is another one, or lies within it.
fn is_within(place: &str, other: &str) -> bool {
    place.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every text of an object and of the objects in it that no rule keeps short.
fn texts(root: &Value, rule: &Value, place: &str, found: &mut Vec<String>) {
    const RULES: [&str; 5] = ["format", "pattern", "enum", "const", "maxLength"];
    let rule = referred(root, rule);
    let is_free = rule["type"] == "string" && RULES.iter().all(|name| rule.get(name).is_none());
    if is_free && rule["x-logical"] != "base64" && !place.is_empty() {
        found.push(place.to_owned());
    }
    if place.matches('/').count() < DEEP {
        let properties = rule["properties"].as_object().into_iter().flatten();
        for (name, inner) in properties.filter(|(name, _)| !name.contains(['/', '~'])) {
            texts(root, inner, &format!("{place}/{name}"), found);
        }
    }
}

/// What a reference within the document leads to; the rule itself where there is none.
fn referred<'a>(root: &'a Value, rule: &'a Value) -> &'a Value {
    let place = rule["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    place.and_then(|place| root.pointer(place)).unwrap_or(rule)
}
