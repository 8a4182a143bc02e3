//! What a caller may send, checked field by field, all faults at once.

use crate::shared::form::Form;
use crate::shared::http::ApiError;

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
    /// The task that it is a part of.
    pub(super) parent_id: Option<i64>,
}

/// What is to be another; nothing for what stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) status: Option<String>,
}

/// Reads `{title, description?, user_id?, parent_id?}`.
pub(super) fn new_task(body: &[u8]) -> Result<NewTask, ApiError> {
    let mut form = Form::read(body)?;
    let title = form.text("title", 1, LONGEST_TITLE);
    let description = form.optional_text("description", LONGEST_DESCRIPTION);
    let user_id = form.optional_text("user_id", LONGEST_TITLE);
    // Some callers write numbers as texts.
    let parent_id = form.value("parent_id").and_then(|id| id.as_i64().or_else(|| id.as_str()?.parse().ok()));
    if form.value("parent_id").is_some() && parent_id.is_none() {
        form.refuse("parent_id", "must be a task's number");
    }
    form.finish(NewTask { title, description, user_id, parent_id })
}

/// Reads `{title?, description?, status?}`.
pub(super) fn change(body: &[u8]) -> Result<Change, ApiError> {
    let mut form = Form::read(body)?;
    let title = form.optional_text("title", LONGEST_TITLE).filter(|title| !title.trim().is_empty());
    let description = form.optional_text("description", LONGEST_DESCRIPTION);
    let status = form.optional_text("status", LONGEST_TITLE);
    if status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
        form.refuse("status", "must be complete or incomplete");
    }
    form.finish(Change { title, description, status })
}
