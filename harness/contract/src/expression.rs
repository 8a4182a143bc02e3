//! AsyncAPI runtime expressions: where in a record something stands.

use std::fmt;

use serde_json::Value;

/// `$message.header#/event_id`, `$message.payload#/user/id`, or `$message.key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    pub part: Part,
    /// JSON pointer; empty for the whole part. For a header: `/name`.
    pub pointer: String,
}

/// Which part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Header,
    Payload,
    Key,
}

impl Expression {
    /// Reads an expression; the error says what is expected.
    pub fn parse(text: &str) -> Result<Expression, String> {
        let expected = "expected $message.header#/name, $message.payload#/pointer or $message.key";
        let rest =
            text.strip_prefix("$message.").ok_or_else(|| format!("`{text}` is no runtime expression: {expected}"))?;
        let (part, pointer) = rest.split_once('#').unwrap_or((rest, ""));
        let part = match part {
            "header" | "headers" => Part::Header,
            "payload" => Part::Payload,
            "key" => Part::Key,
            other => return Err(format!("`{other}` is no part of a message: {expected}")),
        };
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(format!("the pointer `{pointer}` must begin with `/`: {expected}"));
        }
        if part == Part::Header && pointer.len() < 2 {
            return Err(format!("`{text}` names no header: {expected}"));
        }
        Ok(Expression { part, pointer: pointer.to_owned() })
    }

    /// The name of the header, if it is one.
    pub fn header(&self) -> Option<&str> {
        (self.part == Part::Header).then(|| self.pointer.trim_start_matches('/'))
    }

    /// What stands there, as text; headers and key are read as UTF-8.
    pub fn read(&self, key: Option<&[u8]>, headers: &[(&str, Option<&[u8]>)], payload: &Value) -> Option<String> {
        match self.part {
            Part::Key => text_of_bytes(key?),
            Part::Header => {
                let wanted = self.header()?;
                let value = headers.iter().find(|(name, _)| *name == wanted).and_then(|(_, value)| *value);
                text_of_bytes(value?)
            }
            Part::Payload => text_of_json(at(payload, &self.pointer)?),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Header => "header",
            Part::Payload => "payload",
            Part::Key => return f.write_str("$message.key"),
        };
        write!(f, "$message.{part}#{}", self.pointer)
    }
}

/// What a JSON pointer leads to. Most name a field of the record itself; every record is asked for several.
fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    match (value, pointer.strip_prefix('/')) {
        (Value::Object(fields), Some(name)) if !name.contains(['/', '~']) => fields.get(name),
        _ => value.pointer(pointer),
    }
}

fn text_of_bytes(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// A scalar as text; strings without quotes.
pub(crate) fn text_of_json(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_read_headers_payload_and_key() {
        let payload = serde_json::json!({"user": {"id": "u1"}, "n": 7});
        let read =
            |text: &str| Expression::parse(text).unwrap().read(Some(b"k"), &[("event_id", Some(b"e1"))], &payload);
        assert_eq!(read("$message.header#/event_id").as_deref(), Some("e1"));
        assert_eq!(read("$message.payload#/user/id").as_deref(), Some("u1"));
        assert_eq!(read("$message.payload#/n").as_deref(), Some("7"));
        assert_eq!(read("$message.key").as_deref(), Some("k"));
        assert_eq!(read("$message.header#/other"), None);
    }

    #[test]
    fn a_wrong_expression_says_what_is_expected() {
        assert_eq!(
            Expression::parse("$message.body#/x").unwrap_err(),
            "`body` is no part of a message: expected $message.header#/name, $message.payload#/pointer or $message.key"
        );
        for wrong in ["event_id", "$message.header", "$message.payload#x"] {
            assert!(Expression::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_expression_is_written_as_it_was_read() {
        for text in ["$message.header#/event_id", "$message.payload#/a/b", "$message.key"] {
            assert_eq!(Expression::parse(text).unwrap().to_string(), text);
        }
    }
}
