//! What a caller may send, checked field by field, all faults at once.

use serde_json::{Map, Value};

use crate::shared::http::{ApiError, FieldFault, read_json};

/// Longest title, in characters.
const LONGEST_TITLE: usize = 200;
/// Longest description, in characters.
const LONGEST_DESCRIPTION: usize = 2_000;
const STATUSES: [&str; 2] = ["complete", "incomplete"];

/// A task to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewTask {
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) user_id: Option<String>,
}

/// What is to be another; nothing for what stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) status: Option<String>,
}

/// Reads `{title, description?, user_id?}`.
pub(super) fn new_task(body: &[u8]) -> Result<NewTask, ApiError> {
    let mut form = Form::read(body)?;
    let title = form.text("title", LONGEST_TITLE);
    if title.is_none() {
        form.refuse("title", "is required and must not be empty");
    }
    let description = form.text("description", LONGEST_DESCRIPTION);
    let user_id = form.text("user_id", LONGEST_TITLE);
    form.finish(NewTask { title: title.unwrap_or_default(), description, user_id })
}

/// Reads `{title?, description?, status?}`.
pub(super) fn change(body: &[u8]) -> Result<Change, ApiError> {
    let mut form = Form::read(body)?;
    let title = form.text("title", LONGEST_TITLE);
    let description = form.text("description", LONGEST_DESCRIPTION);
    let status = form.text("status", LONGEST_TITLE);
    if status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
        form.refuse("status", "must be complete or incomplete");
    }
    form.finish(Change { title, description, status })
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

    /// A text, if there is one; an empty one is none.
    fn text(&mut self, name: &str, most: usize) -> Option<String> {
        match self.fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.chars().count() > most => {
                let reason = format!("has more than {most} characters");
                self.refuse(name, &reason);
                None
            }
            Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
            Some(_) => {
                self.refuse(name, "must be a string");
                None
            }
        }
    }

    fn refuse(&mut self, field: &str, reason: &str) {
        self.faults.push(FieldFault { field: field.into(), reason: reason.into() });
    }

    fn finish<T>(self, value: T) -> Result<T, ApiError> {
        if self.faults.is_empty() { Ok(value) } else { Err(ApiError::Invalid(self.faults)) }
    }
}
