//! A JSON Schema that all of some values keep to: no wider than it must be.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Values for a format to count.
const FORMATS: [&str; 5] = ["uuid", "date-time", "date", "email", "uri"];

/// The schema of some values.
pub(super) fn shape_of(values: &[&Value]) -> Value {
    let mut kinds: Vec<&str> = values.iter().map(|value| kind(value)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    // A whole number is a number too.
    if kinds.contains(&"number") {
        kinds.retain(|kind| *kind != "integer");
    }
    let mut schema = Map::new();
    match &kinds[..] {
        [] => return Value::Bool(true),
        [only] => drop(schema.insert("type".to_owned(), json!(only))),
        several => drop(schema.insert("type".to_owned(), json!(several))),
    }
    if kinds.contains(&"object") {
        object(values, &mut schema);
    }
    if kinds.contains(&"array") {
        let items: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
        if !items.is_empty() {
            schema.insert("items".to_owned(), shape_of(&items));
        }
    }
    let texts: Vec<&str> = values.iter().filter_map(|value| value.as_str()).collect();
    if let Some(format) = format_of(&texts).filter(|_| kinds == ["string"]) {
        schema.insert("format".to_owned(), json!(format));
    }
    Value::Object(schema)
}

fn object(values: &[&Value], schema: &mut Map<String, Value>) {
    let objects: Vec<&Map<String, Value>> = values.iter().filter_map(|value| value.as_object()).collect();
    let mut fields: BTreeMap<&String, Vec<&Value>> = BTreeMap::new();
    for (name, value) in objects.iter().flat_map(|object| object.iter()) {
        fields.entry(name).or_default().push(value);
    }
    let required: Vec<&&String> =
        fields.iter().filter(|(_, found)| found.len() == objects.len()).map(|(name, _)| name).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    let properties: Map<String, Value> =
        fields.iter().map(|(name, found)| ((*name).clone(), shape_of(found))).collect();
    schema.insert("properties".to_owned(), Value::Object(properties));
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The format that all texts have.
fn format_of(texts: &[&str]) -> Option<&'static str> {
    let all = |format: &&str| {
        let schema = crate::Schema::compile(json!({"type": "string", "format": format})).ok();
        let schema = schema.filter(|_| !texts.is_empty());
        schema.is_some_and(|schema| texts.iter().all(|text| schema.accepts(&json!(text))))
    };
    FORMATS.into_iter().find(all)
}
