//! The invalid neighbours of a valid value: each breaks one rule of the schema, and nothing else.

use eventproof_source::escape_name;
use serde_json::{Map, Value, json};

use crate::Schema;

/// A value that breaks one rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Neighbour {
    /// The keyword: `required`, `type`, `maxLength`.
    pub rule: &'static str,
    /// JSON pointer to what breaks it; of something missing, where it should be.
    pub place: String,
    pub value: Value,
}

/// Every neighbour of `valid` that can be made, and that the schema really refuses.
pub(super) fn neighbours(schema: &Schema, valid: &Value) -> Vec<Neighbour> {
    let mut search = Search { root: &schema.document, whole: valid, found: Vec::new() };
    search.of(&schema.document, valid, "");
    search.found.retain(|neighbour| !schema.accepts(&neighbour.value));
    search.found
}

struct Search<'s> {
    root: &'s Value,
    whole: &'s Value,
    found: Vec<Neighbour>,
}

impl<'s> Search<'s> {
    fn of(&mut self, schema: &'s Value, valid: &Value, place: &str) {
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        if let Some(target) = reference.and_then(|pointer| self.root.pointer(pointer)) {
            return self.of(target, valid, place);
        }
        // Of a choice only one branch is meant; what breaks it may be right by another, and is then taken out again.
        for branch in ["allOf", "oneOf", "anyOf"].iter().filter_map(|name| schema.get(name)?.as_array()).flatten() {
            self.of(branch, valid, place);
        }
        self.of_any(schema, valid, place);
        match valid {
            Value::Object(fields) => self.of_object(schema, fields, place),
            Value::Array(items) => self.of_array(schema, items, place),
            Value::String(text) => self.of_string(schema, text, place),
            Value::Number(number) => self.of_number(schema, number.as_f64().unwrap_or_default(), place),
            _ => {}
        }
    }

    fn breaks(&mut self, rule: &'static str, place: &str, value: Value) {
        let mut whole = self.whole.clone();
        if let Some(target) = whole.pointer_mut(place) {
            *target = value;
            self.found.push(Neighbour { rule, place: place.to_owned(), value: whole });
        }
    }

    fn of_any(&mut self, schema: &Value, valid: &Value, place: &str) {
        if schema.get("type").is_some() || schema.get("properties").is_some() {
            let other = if valid.is_string() { json!(7) } else { json!("not this") };
            self.breaks("type", place, other);
            self.breaks("type", place, Value::Null);
        }
        for rule in ["enum", "const"] {
            if schema.get(rule).is_some() {
                let other = if valid.is_string() { json!("none of them") } else { json!(-987_654) };
                self.breaks(rule, place, other);
            }
        }
    }

    fn of_object(&mut self, schema: &'s Value, fields: &Map<String, Value>, place: &str) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut without = fields.clone();
            if without.remove(name).is_some() {
                self.breaks("required", place, Value::Object(without));
                self.rename_last(&format!("{place}/{name}"));
            }
        }
        if schema["additionalProperties"] == false {
            let mut more = fields.clone();
            more.insert("nobody_declared_this".to_owned(), json!(1));
            self.breaks("additionalProperties", place, Value::Object(more));
        }
        for (name, rule) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(valid) = fields.get(name) {
                self.of(rule, valid, &format!("{place}/{}", escape_name(name)));
            }
        }
    }

    /// What is missing stands where it should be.
    fn rename_last(&mut self, place: &str) {
        if let Some(last) = self.found.last_mut() {
            last.place = place.to_owned();
        }
    }

    fn of_array(&mut self, schema: &'s Value, items: &[Value], place: &str) {
        if schema["minItems"].as_u64().is_some_and(|least| least > 0) {
            self.breaks("minItems", place, json!([]));
        }
        if let (Some(most), Some(first)) = (schema["maxItems"].as_u64(), items.first()) {
            self.breaks("maxItems", place, vec![first.clone(); most as usize + 1].into());
        }
        if let (true, Some(first)) = (schema["uniqueItems"] == true, items.first()) {
            let twice: Vec<Value> = items.iter().chain([first]).cloned().collect();
            self.breaks("uniqueItems", place, twice.into());
        }
        if let (Some(rule), Some(first)) = (schema.get("items"), items.first()) {
            self.of(rule, first, &format!("{place}/0"));
        }
    }

    fn of_string(&mut self, schema: &Value, text: &str, place: &str) {
        if let Some(least) = schema["minLength"].as_u64().filter(|least| *least > 0) {
            self.breaks("minLength", place, text.chars().take(least as usize - 1).collect::<String>().into());
        }
        // A text of a megabyte would break the broker's limit first.
        if let Some(most) = schema["maxLength"].as_u64().filter(|most| *most < 100_000) {
            let long: String = text.chars().chain(std::iter::repeat('x')).take(most as usize + 1).collect();
            self.breaks("maxLength", place, long.into());
        }
        if schema.get("pattern").is_some() {
            let least = schema["minLength"].as_u64().unwrap_or(1).max(1) as usize;
            self.breaks("pattern", place, "\u{2407}".repeat(least).into());
        }
        if schema.get("format").is_some() {
            self.breaks("format", place, json!("of no format"));
        }
    }

    fn of_number(&mut self, schema: &Value, valid: f64, place: &str) {
        let whole = schema["type"] == "integer";
        let number = |value: f64| if whole { json!(value as i64) } else { json!(value) };
        let bounds = [("minimum", -1.0), ("exclusiveMinimum", 0.0), ("maximum", 1.0), ("exclusiveMaximum", 0.0)];
        for (rule, by) in bounds {
            if let Some(bound) = schema[rule].as_f64() {
                self.breaks(rule, place, number(bound + by));
            }
        }
        if schema.get("multipleOf").is_some() {
            self.breaks("multipleOf", place, number(valid + 1.0));
            self.breaks("multipleOf", place, json!(valid + 0.123_456_7));
        }
        if whole {
            self.breaks("type", place, json!(valid + 0.5));
        }
    }
}
