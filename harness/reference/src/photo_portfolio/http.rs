//! What the HTTP APIs of this system have in common.

use axum::http::HeaderMap;
use uuid::Uuid;

use crate::shared::form::Form;
use crate::shared::http::header_text;

const CORRELATION: &str = "x-correlation-id";
/// Longest text that a caller may send.
const LONGEST: usize = 300;

/// The correlation id that a request brought, or one for it: everything that it causes has the same.
pub(super) fn correlation(headers: &HeaderMap) -> Option<String> {
    Some(header_text(headers, CORRELATION).unwrap_or_else(|| Uuid::new_v4().to_string()))
}

/// A text that must be there.
pub(super) fn text(form: &mut Form, name: &str) -> String {
    form.text(name, 1, LONGEST)
}

/// A whole number from 0 that must be there; callers may write it as a text.
pub(super) fn count(form: &mut Form, name: &str) -> i64 {
    let number = form.value(name).and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
    number.filter(|number| *number >= 0).unwrap_or_else(|| {
        form.refuse(name, "must be a whole number from 0");
        0
    })
}
