//! The single values within a payload.

use eventproof_source::escape_name;
use serde_json::Value;

/// How deep values are looked for.
const DEEP: usize = 4;

/// Every single value of an object, with its JSON pointer; shallow ones first.
pub(super) fn leaves(payload: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    collect(payload, "", &mut found);
    found.sort_by_key(|(pointer, _)| pointer.matches('/').count());
    found
}

fn collect(value: &Value, pointer: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) if pointer.matches('/').count() < DEEP => {
            for (name, inner) in fields {
                collect(inner, &format!("{pointer}/{}", escape_name(name)), found);
            }
        }
        Value::String(_) | Value::Number(_) => found.push((pointer.to_owned(), value.clone())),
        _ => {}
    }
}

/// A single value as text.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A name as it is compared: `eventId`, `event-id` and `ce_event_id` are all `eventid`.
pub(super) fn plain(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let last = last.strip_prefix("ce_").or(last.strip_prefix("x-")).unwrap_or(last);
    last.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A name that can stand in a `$ref`.
pub(super) fn identifier(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect()
}
