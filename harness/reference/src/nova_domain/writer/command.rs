//! What a command's caller sent, field by field as the table of events says: all faults are told at once.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::kinds::{Field, Kind, Shape};
use crate::shared::form::Form;
use crate::shared::http::ApiError;

/// Longest text, in characters.
const LONGEST: usize = 10_000;

/// The data of the event that the command will cause.
pub(super) fn read(kind: &Kind, body: &[u8], now: &str) -> Result<Value, ApiError> {
    let mut form = Form::read(body)?;
    let mut data = Map::new();
    for field in &kind.fields {
        data.extend(value(&mut form, field, now).map(|value| (field.name.to_owned(), value)));
    }
    form.finish(Value::Object(data))
}

fn value(form: &mut Form, field: &Field, now: &str) -> Option<Value> {
    let name = field.name;
    match &field.shape {
        Shape::Now => Some(json!(now)),
        Shape::New if form.value(name).is_none() => Some(json!(Uuid::new_v4().to_string())),
        // Of an optional id it is said that there is none.
        Shape::Id if !field.needed && form.value(name).is_none() => Some(Value::Null),
        Shape::New | Shape::Id => Some(json!(id(form, name))),
        Shape::Text if !field.needed => form.optional_text(name, LONGEST).map(Value::from),
        Shape::Text => Some(json!(form.text(name, 1, LONGEST))),
        Shape::Choice(choices) => Some(json!(form.choice(name, choices, choices.first().copied()))),
        Shape::Number => Some(of_type(form, name, json!(0), Value::is_u64, "a whole number")),
        Shape::Flag => Some(of_type(form, name, json!(false), Value::is_boolean, "true or false")),
        Shape::Texts(defaults) => Some(of_type(form, name, json!(defaults), Value::is_array, "a list")),
        Shape::Ids | Shape::List => Some(of_type(form, name, json!([]), Value::is_array, "a list")),
        Shape::Object => Some(of_type(form, name, json!({}), Value::is_object, "an object")),
    }
}

fn id(form: &mut Form, name: &str) -> String {
    let text = form.text(name, 1, LONGEST);
    if !text.is_empty() && Uuid::parse_str(&text).is_err() {
        return form.refuse(name, "must be a UUID");
    }
    text
}

fn of_type(form: &mut Form, name: &str, default: Value, is_right: fn(&Value) -> bool, expected: &str) -> Value {
    let found = form.value(name).cloned().unwrap_or(default);
    if !is_right(&found) {
        form.refuse(name, &format!("must be {expected}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::kinds;
    use super::*;

    #[test]
    fn a_command_is_completed_or_refused_field_by_field() {
        let kind = kinds::of_command("content-service", "create-post").unwrap();
        let author = Uuid::new_v4().to_string();
        let body = json!({"author_id": author, "title": "t", "content": "c", "privacy": "friends"}).to_string();
        let data = read(kind, body.as_bytes(), "2025-01-15T10:30:00Z").unwrap();
        assert_eq!(
            (&data["status"], &data["privacy"], &data["tags"]),
            (&json!("published"), &json!("friends"), &json!([]))
        );
        assert!(Uuid::parse_str(data["post_id"].as_str().unwrap()).is_ok());
        let Err(ApiError::Invalid(faults)) = read(kind, br#"{"author_id": "x", "tags": 1, "title": " "}"#, "") else {
            panic!("it must be refused")
        };
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["author_id", "title", "content", "tags"]);
    }
}
