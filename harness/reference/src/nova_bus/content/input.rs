//! What a caller may send, checked field by field, all faults at once.

use serde_json::{Map, Value};

use crate::shared::http::{ApiError, FieldFault, read_json};

/// Longest caption, in characters.
const LONGEST_CAPTION: usize = 5_000;
/// Longest user id, in characters.
const LONGEST_ID: usize = 128;
const MEDIA_TYPES: [&str; 3] = ["image", "video", "none"];
const STATUSES: [&str; 3] = ["published", "archived", "deleted"];

/// A post to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewPost {
    pub(super) user_id: String,
    pub(super) caption: String,
    pub(super) media_type: String,
}

/// Reads `{user_id, caption, media_type?}`.
pub(super) fn new_post(body: &[u8]) -> Result<NewPost, ApiError> {
    let mut form = Form::read(body)?;
    let post = NewPost {
        user_id: form.text("user_id", 1, LONGEST_ID),
        caption: form.text("caption", 0, LONGEST_CAPTION),
        media_type: form.choice("media_type", &MEDIA_TYPES, Some("none")),
    };
    form.finish(post)
}

/// Reads `{new_status}`.
pub(super) fn new_status(body: &[u8]) -> Result<String, ApiError> {
    let mut form = Form::read(body)?;
    let status = form.choice("new_status", &STATUSES, None);
    form.finish(status)
}

struct Form {
    fields: Map<String, Value>,
    faults: Vec<FieldFault>,
}

impl Form {
    fn read(body: &[u8]) -> Result<Form, ApiError> {
        match read_json(body)? {
            Value::Object(fields) => Ok(Form { fields, faults: Vec::new() }),
            _ => Err(ApiError::NotJson("expected a JSON object".into())),
        }
    }

    fn text(&mut self, name: &str, least: usize, most: usize) -> String {
        let text = match self.fields.get(name) {
            None | Some(Value::Null) => return self.refuse(name, "is required"),
            Some(Value::String(text)) => text.clone(),
            Some(_) => return self.refuse(name, "must be a string"),
        };
        let length = text.chars().count();
        if length < least || (least > 0 && text.trim().is_empty()) {
            self.refuse(name, "must not be empty")
        } else if length > most {
            self.refuse(name, &format!("has {length} characters, at most {most} are taken"))
        } else {
            text
        }
    }

    fn choice(&mut self, name: &str, choices: &[&str], default: Option<&str>) -> String {
        match (self.fields.get(name), default) {
            (None | Some(Value::Null), Some(default)) => default.to_owned(),
            (None | Some(Value::Null), None) => self.refuse(name, "is required"),
            (Some(Value::String(text)), _) if choices.contains(&text.as_str()) => text.clone(),
            _ => self.refuse(name, &format!("must be one of {}", choices.join(", "))),
        }
    }

    fn refuse(&mut self, field: &str, reason: &str) -> String {
        self.faults.push(FieldFault { field: field.into(), reason: reason.into() });
        String::new()
    }

    fn finish<T>(self, value: T) -> Result<T, ApiError> {
        if self.faults.is_empty() { Ok(value) } else { Err(ApiError::Invalid(self.faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(body: &str) -> Vec<String> {
        match new_post(body.as_bytes()).unwrap_err() {
            ApiError::Invalid(faults) => faults.into_iter().map(|f| format!("{} {}", f.field, f.reason)).collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn a_post_without_media_type_has_none() {
        let post = new_post(r#"{"user_id": "u", "caption": ""}"#.as_bytes()).unwrap();
        assert_eq!(post, NewPost { user_id: "u".into(), caption: String::new(), media_type: "none".into() });
    }

    #[test]
    fn every_bad_field_is_named_with_its_reason() {
        assert_eq!(
            faults(r#"{"user_id": "  ", "caption": 7, "media_type": "gif"}"#),
            ["user_id must not be empty", "caption must be a string", "media_type must be one of image, video, none"]
        );
        assert_eq!(faults("{}"), ["user_id is required", "caption is required"]);
        let long = format!(r#"{{"user_id": "u", "caption": "{}"}}"#, "é".repeat(5_001));
        assert_eq!(faults(&long), ["caption has 5001 characters, at most 5000 are taken"]);
    }

    #[test]
    fn what_is_no_json_object_is_refused_as_such() {
        assert!(matches!(new_post(b"{").unwrap_err(), ApiError::NotJson(_)));
        assert!(matches!(new_post(b"[]").unwrap_err(), ApiError::NotJson(_)));
        assert!(matches!(new_status(br#"{"new_status": "gone"}"#).unwrap_err(), ApiError::Invalid(_)));
        assert_eq!(new_status(br#"{"new_status": "archived"}"#), Ok("archived".into()));
    }
}
