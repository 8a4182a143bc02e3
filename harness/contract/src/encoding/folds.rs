//! JSON within texts of JSON: `contentMediaType: application/json`, with `contentSchema` for what is in the text.
//!
//! Everybody else sees the inner value in the place of its text, so that pointers, rules and generated values go on within.

use eventproof_source::escape_name;
use serde_json::{Map, Value};

use super::DecodeError;

const MEDIA_TYPE: &str = "contentMediaType";
const SCHEMA: &str = "contentSchema";

/// Pointers to the texts, outer ones first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Folds {
    places: Vec<String>,
}

impl Folds {
    /// A schema with what is in its texts in their place. Only properties of objects are looked at: texts within lists and
    /// unions stay texts.
    pub fn of(schema: &Value) -> (Value, Folds) {
        let mut folds = Folds::default();
        let unfolded = folds.unfold_schema(schema, "");
        (unfolded, folds)
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn unfold_schema(&mut self, schema: &Value, place: &str) -> Value {
        let Some(fields) = schema.as_object() else { return schema.clone() };
        if fields.get(MEDIA_TYPE).and_then(Value::as_str) == Some("application/json") && !place.is_empty() {
            self.places.push(place.to_owned());
            let inner = fields.get(SCHEMA).cloned().unwrap_or(Value::Bool(true));
            return self.unfold_schema(&inner, place);
        }
        let mut unfolded = fields.clone();
        if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
            let properties: Map<String, Value> = properties
                .iter()
                .map(|(name, rule)| (name.clone(), self.unfold_schema(rule, &format!("{place}/{}", escape_name(name)))))
                .collect();
            unfolded.insert("properties".to_owned(), Value::Object(properties));
        }
        Value::Object(unfolded)
    }

    /// The value with every text read. A place that is missing stays missing: that is the schema's to judge.
    pub fn unfold(&self, mut value: Value) -> Result<Value, DecodeError> {
        for place in &self.places {
            let Some(target) = value.pointer_mut(place) else { continue };
            let inner = target.as_str().and_then(|text| serde_json::from_str(text).ok());
            *target = inner.ok_or_else(|| DecodeError::NotFolded { place: place.clone() })?;
        }
        Ok(value)
    }

    /// The value with the inner ones as texts again, inner ones first.
    pub fn fold(&self, value: &Value) -> Value {
        let mut folded = value.clone();
        for place in self.places.iter().rev() {
            if let Some(target) = folded.pointer_mut(place) {
                *target = Value::from(target.to_string());
            }
        }
        folded
    }
}
