//! Bringing a payload to an exact size, by lengthening a free text.

use std::collections::BTreeSet;

use serde_json::Value;

use super::GenerateError;
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
    let field = free_text(message, given)
        .ok_or_else(|| failed("it has no text field without format, pattern, enum or greatest length".to_owned()))?;
    let encoded = |payload: &Value| message.payload.encode(payload).map(|bytes| bytes.len()).map_err(failed);
    payload[&field] = Value::from("");
    let bare = encoded(&payload)?;
    let size = if or_longer { size.max(bare + least(message, &field)) } else { size };
    let mut room =
        size.checked_sub(bare).ok_or_else(|| failed(format!("without its `{field}` it has {bare} already")))?;
    // One byte a letter. In Avro the length itself takes more bytes the greater it is: then a few letters go again.
    for _ in 0..4 {
        let text: String = "lorem ipsum dolor sit amet ".chars().cycle().take(room).collect();
        payload[&field] = Value::from(text);
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

/// Letters that a text has at least.
fn least(message: &Message, field: &str) -> usize {
    message.payload.document["properties"][field]["minLength"].as_u64().unwrap_or(0) as usize
}

/// A text that may be anything, and that nobody means anything by: neither given, nor an identity, nor read by the envelope. A key
/// that was lengthened would be another key, on another partition.
fn free_text(message: &Message, given: &[(String, Value)]) -> Option<String> {
    const RULES: [&str; 5] = ["format", "pattern", "enum", "const", "maxLength"];
    let properties = message.payload.document.get("properties")?.as_object()?;
    let is_free = |rule: &Value| rule["type"] == "string" && RULES.iter().all(|name| rule.get(name).is_none());
    let envelope = &message.envelope;
    let read = [&envelope.id, &envelope.event_type, &envelope.key, &envelope.time, &envelope.correlation];
    let read = read.into_iter().chain([&envelope.causation, &envelope.version, &envelope.tenant]).flatten();
    let read = read.filter(|expression| expression.part == Part::Payload).map(|expression| &expression.pointer);
    let given = given.iter().map(|(place, _)| place);
    let meant: BTreeSet<&str> =
        read.chain(&message.unique).chain(&message.fresh).chain(given).map(|place| top(place)).collect();
    properties.iter().find(|(name, rule)| is_free(rule) && !meant.contains(name.as_str())).map(|(name, _)| name.clone())
}

/// The property that a place lies in.
fn top(place: &str) -> &str {
    place.trim_start_matches('/').split('/').next().unwrap_or_default()
}
