//! YAML (and so JSON) as a tree that knows where everything stands.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::{Diagnostic, Diagnostics, Source, Span};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    pub span: Span,
}

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

/// One entry of a mapping, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

/// Parses a document. `yes` and `no` stay words, a key that stands twice is an error.
pub fn parse_yaml(source: &Source) -> Result<Node, Diagnostics> {
    let mut options = serde_saphyr::Options::default();
    options.strict_booleans = true;
    if source.text().trim().is_empty() {
        return Ok(Node { value: Value::Null, span: Span { start: 0, end: 0 } });
    }
    serde_saphyr::from_str_with_options::<Raw>(source.text(), options)
        .map(|raw| raw.place(source))
        .map_err(|error| Diagnostics::from(syntax(source, &error)))
}

fn syntax(source: &Source, error: &serde_saphyr::Error) -> Diagnostic {
    let at = error.location().map(|location| span_of(&location, source)).unwrap_or(Span { start: 0, end: 0 });
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Diagnostic::error("yaml/syntax", format!("this is no YAML: {first}")).at(source, at)
}

/// The tree as serde builds it; places are turned into bytes afterwards.
struct Raw(Spanned<RawValue>);

enum RawValue {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    Seq(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl Raw {
    fn place(self, source: &Source) -> Node {
        let span = span_of(&self.0.referenced, source);
        let value = match self.0.value {
            RawValue::Null => Value::Null,
            RawValue::Bool(flag) => Value::Bool(flag),
            RawValue::Int(number) => Value::Int(number),
            RawValue::Float(number) => Value::Float(number),
            RawValue::String(text) => Value::String(text),
            RawValue::Seq(items) => Value::Seq(items.into_iter().map(|item| item.place(source)).collect()),
            RawValue::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        key_span: span_of(&key.referenced, source),
                        key: key.value,
                        value: value.place(source),
                    })
                    .collect(),
            ),
        };
        Node { value, span }
    }
}

/// Where something stands, in bytes; trailing line ends do not belong to it.
fn span_of(location: &serde_saphyr::Location, source: &Source) -> Span {
    let text = source.text();
    let span = location.span();
    let start = source.byte_at(location.line() as usize, location.column() as usize).min(text.len());
    let length = span.byte_len().map_or(span.len() as usize, |bytes| bytes as usize);
    let mut end = (start + length.max(1)).min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    let trimmed = text[start..end].trim_end().len();
    // A mapping or list is marked by its first line: a whole block underlined says nothing.
    let first_line = text[start..start + trimmed].lines().next().map_or(0, str::len);
    Span { start, end: start + first_line }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::<RawValue>::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<RawValue, E> {
        Ok(RawValue::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<RawValue, E> {
        Ok(RawValue::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<RawValue, E> {
        Ok(i64::try_from(number).map_or(RawValue::Float(number as f64), RawValue::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<RawValue, E> {
        Ok(RawValue::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<RawValue, E> {
        Ok(RawValue::String(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawValue, D::Error> {
        RawValue::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::Seq(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            list.push(entry);
        }
        Ok(RawValue::Map(list))
    }
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries, if this is a mapping.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The same tree with every span moved: see [`Source::including`].
    pub fn moved(self, by: usize) -> Node {
        let move_span = |span: Span| Span { start: span.start + by, end: span.end + by };
        let value = match self.value {
            Value::Seq(items) => Value::Seq(items.into_iter().map(|item| item.moved(by)).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|entry| Entry {
                        key_span: move_span(entry.key_span),
                        key: entry.key,
                        value: entry.value.moved(by),
                    })
                    .collect(),
            ),
            scalar => scalar,
        };
        Node { value, span: move_span(self.span) }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A text, number or truth value as text.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.value {
            Value::String(text) => Some(text.clone()),
            Value::Int(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Seq(_) | Value::Map(_) => None,
        }
    }

    /// What kind of value it is, in words for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::String(_) => "a text",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The same value without places. Numbers that JSON cannot hold become null.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Int(number) => (*number).into(),
            Value::Float(number) => serde_json::Number::from_f64(*number).map_or(serde_json::Value::Null, Into::into),
            Value::String(text) => text.clone().into(),
            Value::Seq(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
            ),
        }
    }
}
