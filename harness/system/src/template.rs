//! Text with `{placeholders}`, as system.yaml uses it for commands, variables, addresses and bodies.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::SystemError;

/// Values for placeholders.
pub type Params = BTreeMap<String, String>;

/// Fills every `{name}` in. `{{` and `}}` stand for braces.
/// # Errors
/// If one of them has no value.
pub fn fill(template: &str, params: &Params) -> Result<String, SystemError> {
    let mut filled = String::with_capacity(template.len());
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Name(name) => match params.get(name) {
                Some(value) => filled.push_str(value),
                None => return Err(missing(template, name, params)),
            },
        }
    }
    Ok(filled)
}

/// Fills the placeholders of every text within a JSON value in.
pub(crate) fn fill_json(template: &Value, params: &Params) -> Result<Value, SystemError> {
    Ok(match template {
        Value::String(text) => Value::String(fill(text, params)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill_json(item, params)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), fill_json(value, params)?)))
                .collect::<Result<_, SystemError>>()?,
        ),
        other => other.clone(),
    })
}

/// The names of all placeholders in a text.
pub fn placeholders(template: &str) -> Vec<&str> {
    pieces(template)
        .filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Text(_) => None,
        })
        .collect()
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = next_piece(rest);
        rest = after;
        Some(piece)
    })
}

fn next_piece(text: &str) -> (Piece<'_>, &str) {
    for brace in ["{{", "}}"] {
        if let Some(after) = text.strip_prefix(brace) {
            return (Piece::Text(&text[..1]), after);
        }
    }
    if let Some((name, after)) = text.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
        return (Piece::Name(name), after);
    }
    // A brace that opens nothing is text.
    let first = text.chars().next().map_or(0, char::len_utf8);
    let end = text[first..].find(['{', '}']).map_or(text.len(), |at| at + first);
    (Piece::Text(&text[..end]), &text[end..])
}

fn missing(template: &str, name: &str, params: &Params) -> SystemError {
    SystemError::Placeholder {
        template: template.to_owned(),
        name: name.to_owned(),
        known: params.keys().cloned().collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> Params {
        Params::from([("user".to_owned(), "bob".to_owned()), ("feed-service.url".to_owned(), "http://f".to_owned())])
    }

    #[test]
    fn placeholders_are_filled_and_doubled_braces_are_braces() {
        let filled = fill("{feed-service.url}/feeds/{user}?q={{x}}", &params()).unwrap();
        assert_eq!(filled, "http://f/feeds/bob?q={x}");
        assert_eq!(fill("用户 {user}。", &params()).unwrap(), "用户 bob。");
    }

    #[test]
    fn a_placeholder_without_value_is_named_with_what_there_is() {
        let error = fill("/feeds/{usr}", &params()).unwrap_err().to_string();
        assert_eq!(error, "`/feeds/{usr}` needs a value for {usr}; there are: feed-service.url, user");
    }

    #[test]
    fn texts_inside_json_are_filled() {
        let body = serde_json::json!({"user_id": "{user}", "tags": ["a", "{user}"], "n": 1});
        let expected = serde_json::json!({"user_id": "bob", "tags": ["a", "bob"], "n": 1});
        assert_eq!(fill_json(&body, &params()).unwrap(), expected);
    }
}
