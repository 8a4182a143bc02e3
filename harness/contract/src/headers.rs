//! How a record's headers depart from their schema.

use std::borrow::Cow;

use eventproof_source::escape_name;
use serde_json::{Map, Value};

use crate::text::{Fields, number_of, scalar_of};
use crate::{Message, Schema};

impl Message {
    /// Every departure: where, and what is wrong.
    pub(crate) fn header_faults(&self, headers: &[(&str, Option<&[u8]>)]) -> Vec<(String, String)> {
        let Some(schema) = &self.headers else { return Vec::new() };
        let (mut read, fields) = (Read::default(), schema.fields());
        for (name, bytes) in headers {
            read.take(fields, name, *bytes);
        }
        let mut found = errors(schema, &Value::Object(read.values));
        let told = |name: &str| (format!("/{}", escape_name(name)), "the bytes are no text".to_owned());
        found.extend(read.no_text.into_iter().map(told));
        found.into_iter().map(|(pointer, text)| (format!("headers {pointer}"), text)).collect()
    }
}

/// Headers as one object. Of several with one name the first counts, as it does for whoever reads the envelope.
#[derive(Default)]
struct Read<'h> {
    values: Map<String, Value>,
    /// Those that have no value.
    gone: Vec<&'h str>,
    /// Those that should be texts and are none.
    no_text: Vec<&'h str>,
}

impl<'h> Read<'h> {
    fn take(&mut self, fields: &Fields, name: &'h str, bytes: Option<&[u8]>) {
        if self.values.contains_key(name) || self.gone.contains(&name) {
            return;
        }
        let Some(bytes) = bytes else { return self.gone.push(name) };
        let text = String::from_utf8_lossy(bytes);
        if matches!(text, Cow::Owned(_)) && fields.is_text(name) {
            self.no_text.push(name);
        }
        self.values.insert(name.to_owned(), value(fields.takes_text(name), text, bytes));
    }
}

/// A header that cannot be a text is what its text is as JSON.
fn value(takes_text: bool, text: Cow<'_, str>, bytes: &[u8]) -> Value {
    let other = if takes_text { None } else { serde_json::from_str(&text).ok().or_else(|| number_of(bytes)) };
    other.unwrap_or_else(|| Value::from(text))
}

/// Where a text is refused that is a number or a flag as well, it may be meant as that.
fn errors(schema: &Schema, headers: &Value) -> Vec<(String, String)> {
    let found = schema.errors(headers, &[]);
    if found.is_empty() {
        return found;
    }
    let mut freer = headers.clone();
    for (pointer, _) in &found {
        if let Some(place) = freer.pointer_mut(pointer)
            && let Some(other) = place.as_str().and_then(scalar_of)
        {
            *place = other;
        }
    }
    let others = schema.errors(&freer, &[]);
    if others.len() < found.len() { others } else { found }
}
