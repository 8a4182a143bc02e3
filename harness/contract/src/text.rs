//! Keys and headers: bytes that say nothing of what they are. Most are texts, and what is declared as something else is written as
//! one of JSON, or as Java's serializers write numbers.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::place;

/// Levels of references and alternatives that are looked through.
const DEEP: usize = 16;

/// Words of a schema that say what a value is.
const RULES: [&str; 10] = ["type", "const", "enum", "$ref", "allOf", "anyOf", "oneOf", "not", "format", "pattern"];

/// What a field may be, as far as it matters for reading it from bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// No text: a number, say.
    Other,
    /// Whatever it is, it need not be a text.
    Open,
}

/// What a schema says of the fields of its objects.
#[derive(Debug)]
pub(crate) struct Fields {
    declared: HashMap<String, Kind>,
    /// Those that are not declared by name.
    others: Kind,
    /// Whether any of them is no text: mostly none is, and no name is looked up.
    mixed: bool,
}

impl Fields {
    pub fn of(document: &Value) -> Fields {
        let (named, further) = place::fields(document);
        let mut declared = HashMap::new();
        for (name, schema) in named {
            let kind = kind_of(document, schema);
            // Alternatives that disagree leave it open.
            let told = declared.entry(name.to_owned()).or_insert(kind);
            *told = if *told == kind { kind } else { Kind::Open };
        }
        let no_text = |schema: &&Value| kind_of(document, schema) == Kind::Other;
        let others = if !further.is_empty() && further.iter().all(no_text) { Kind::Other } else { Kind::Open };
        let mixed = others == Kind::Other || declared.values().any(|kind| *kind == Kind::Other);
        Fields { declared, others, mixed }
    }

    /// Whether a field may be a text.
    pub fn takes_text(&self, name: &str) -> bool {
        !self.mixed || self.kind(name) != Kind::Other
    }

    /// Whether a field is declared as a text.
    pub fn is_text(&self, name: &str) -> bool {
        self.kind(name) == Kind::Text
    }

    fn kind(&self, name: &str) -> Kind {
        self.declared.get(name).copied().unwrap_or(self.others)
    }
}

fn kind_of(root: &Value, schema: &Value) -> Kind {
    match takes_text(root, schema) {
        false => Kind::Other,
        true if takes_bytes(schema) => Kind::Open,
        true => Kind::Text,
    }
}

/// Whether a schema, whose references point into `root`, takes any text at all.
pub(crate) fn takes_text(root: &Value, schema: &Value) -> bool {
    takes_text_within(root, schema, 0)
}

fn takes_text_within(root: &Value, schema: &Value, depth: usize) -> bool {
    let Some(rules) = schema.as_object().filter(|_| depth < DEEP) else { return *schema != Value::Bool(false) };
    let takes = |part: &Value| takes_text_within(root, part, depth + 1);
    let reference = rules.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    if let Some(target) = reference.and_then(|pointer| root.pointer(pointer)) {
        return takes(target);
    }
    let parts = |name: &str| rules.get(name).and_then(Value::as_array);
    names_text(rules)
        && parts("allOf").is_none_or(|all| all.iter().all(takes))
        && parts("anyOf").is_none_or(|some| some.iter().any(takes))
        && parts("oneOf").is_none_or(|some| some.iter().any(takes))
}

/// Whether type, constant and choice leave a text possible.
fn names_text(rules: &Map<String, Value>) -> bool {
    let typed = match rules.get("type") {
        Some(Value::String(one)) => one == "string",
        Some(Value::Array(several)) => several.iter().any(|one| one == "string"),
        _ => true,
    };
    let choices = rules.get("enum").and_then(Value::as_array);
    typed
        && rules.get("const").is_none_or(Value::is_string)
        && choices.is_none_or(|choices| choices.iter().any(Value::is_string))
}

/// Whether any bytes will do: nothing is said of the value, or that it is binary.
pub(crate) fn takes_bytes(schema: &Value) -> bool {
    let is_binary = schema.get("format").is_some_and(|format| format == "binary");
    is_binary || !(*schema == Value::Bool(false) || RULES.iter().any(|rule| schema.get(*rule).is_some()))
}

/// A number, a flag or nothing, from its text as JSON has it.
pub(crate) fn scalar_of(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    (value.is_number() || value.is_boolean() || value.is_null()).then_some(value)
}

/// A whole number as Java's serializers write it, in four or eight bytes. What people can read is a text, however long.
pub(crate) fn number_of(bytes: &[u8]) -> Option<Value> {
    if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(char::is_control)) {
        return None;
    }
    match bytes.len() {
        4 => bytes.first_chunk().map(|four| Value::from(i32::from_be_bytes(*four))),
        8 => bytes.first_chunk().map(|eight| Value::from(i64::from_be_bytes(*eight))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_takes_a_text_if_one_of_its_alternatives_does_and_none_of_its_parts_forbids_it() {
        let root = json!({"definitions": {"count": {"type": "integer"}, "name": {"type": "string"}}});
        let takes = |schema: Value| takes_text(&root, &schema);
        for schema in [
            json!(true),
            json!({}),
            json!({"type": ["string", "null"]}),
            json!({"$ref": "#/definitions/name"}),
            json!({"anyOf": [{"type": "integer"}, {"const": "auto"}]}),
            json!({"enum": [1, "one"]}),
        ] {
            assert!(takes(schema.clone()), "{schema}");
        }
        for schema in [
            json!(false),
            json!({"type": ["integer", "null"]}),
            json!({"$ref": "#/definitions/count"}),
            json!({"allOf": [{"type": "integer"}, {"minimum": 1}]}),
            json!({"oneOf": [{"type": "integer"}, {"type": "boolean"}]}),
            json!({"enum": [1, 2]}),
            json!({"const": true}),
        ] {
            assert!(!takes(schema.clone()), "{schema}");
        }
    }

    #[test]
    fn numbers_as_java_writes_them_are_told_from_texts_of_the_same_length() {
        assert_eq!(number_of(&7_i32.to_be_bytes()), Some(json!(7)));
        assert_eq!(number_of(&(-7_i64).to_be_bytes()), Some(json!(-7)));
        assert_eq!((number_of(b"user"), number_of(b"1234"), number_of(&[0xff, 0xfe])), (None, None, None));
    }
}
