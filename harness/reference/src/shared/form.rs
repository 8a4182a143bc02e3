//! What a caller sent as a JSON object, read field by field: all faults are told at once.

use serde_json::{Map, Value};

use super::http::{ApiError, FieldFault, read_json};

/// The fields of a request's body, and what is wrong with them.
pub(crate) struct Form {
    fields: Map<String, Value>,
    faults: Vec<FieldFault>,
}

impl Form {
    /// The body must be a JSON object.
    pub(crate) fn read(body: &[u8]) -> Result<Form, ApiError> {
        match read_json(body)? {
            Value::Object(fields) => Ok(Form { fields, faults: Vec::new() }),
            _ => Err(ApiError::NotJson("expected a JSON object".into())),
        }
    }

    /// A field as it is, if it is there and not null.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// A text that must be there, of `least` to `most` characters; blanks alone are no text.
    pub(crate) fn text(&mut self, name: &str, least: usize, most: usize) -> String {
        if self.value(name).is_none() {
            return self.refuse(name, "is required");
        }
        let text = self.optional_text(name, most);
        match text {
            Some(text) if text.chars().count() < least || (least > 0 && text.trim().is_empty()) => {
                self.refuse(name, "must not be empty")
            }
            text => text.unwrap_or_default(),
        }
    }

    /// A text of at most so many characters, if there is one.
    pub(crate) fn optional_text(&mut self, name: &str, most: usize) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.clone(),
            _ => {
                self.refuse(name, "must be a string");
                return None;
            }
        };
        let length = text.chars().count();
        if length > most {
            self.refuse(name, &format!("has {length} characters, at most {most} are taken"));
            return None;
        }
        Some(text)
    }

    /// One of some words; without a default it must be there.
    pub(crate) fn choice(&mut self, name: &str, choices: &[&str], default: Option<&str>) -> String {
        match (self.value(name), default) {
            (None, Some(default)) => default.to_owned(),
            (None, None) => self.refuse(name, "is required"),
            (Some(Value::String(text)), _) if choices.contains(&text.as_str()) => text.clone(),
            _ => self.refuse(name, &format!("must be one of {}", choices.join(", "))),
        }
    }

    /// Notes a fault; gives what stands in for the field until [`Form::finish`] refuses all of it.
    pub(crate) fn refuse(&mut self, field: &str, reason: &str) -> String {
        self.faults.push(FieldFault { field: field.into(), reason: reason.into() });
        String::new()
    }

    /// The value that was read, or every fault.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, ApiError> {
        if self.faults.is_empty() { Ok(value) } else { Err(ApiError::Invalid(self.faults)) }
    }
}
