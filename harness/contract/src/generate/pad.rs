//! Bringing a payload to an exact size, by lengthening a free text.

use serde_json::Value;

use super::GenerateError;
use crate::Message;

/// The payload, exactly `size` bytes long as compact JSON.
pub(super) fn pad(message: &Message, mut payload: Value, size: usize) -> Result<Value, GenerateError> {
    let failed = |detail: String| GenerateError::Size { message: message.name.clone(), wanted: size, detail };
    let field = free_text(&message.payload.document)
        .ok_or_else(|| failed("it has no text field without format, pattern, enum or greatest length".to_owned()))?;
    payload[&field] = Value::from("");
    let bare = payload.to_string().len();
    let room = size.checked_sub(bare).ok_or_else(|| failed(format!("without its `{field}` it has {bare} already")))?;
    // One byte a letter, so the length is exact.
    let text: String = "lorem ipsum dolor sit amet ".chars().cycle().take(room).collect();
    payload[&field] = Value::from(text);
    Ok(payload)
}

fn free_text(schema: &Value) -> Option<String> {
    const RULES: [&str; 5] = ["format", "pattern", "enum", "const", "maxLength"];
    let properties = schema.get("properties")?.as_object()?;
    let is_free = |rule: &Value| rule["type"] == "string" && RULES.iter().all(|name| rule.get(name).is_none());
    properties.iter().find(|(_, rule)| is_free(rule)).map(|(name, _)| name.clone())
}
