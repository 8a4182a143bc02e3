//! What became of each field of an Avro schema, whether or not readers can cope with it: for rules that are stricter than resolution.

use serde_json::{Map, Value};

use super::{Breaks, Change};

/// Fields that are gone and types that are another, by the documents.
pub(super) fn changes(old: &Value, new: &Value, place: &str) -> Vec<Change> {
    let mut found = Vec::new();
    types(old, new, place, "", &mut found);
    found
}

fn types(old: &Value, new: &Value, name: &str, at: &str, found: &mut Vec<Change>) {
    let fields = |schema: &Value| schema.get("fields").and_then(Value::as_array).cloned();
    if let (Some(before), Some(now)) = (fields(old), fields(new)) {
        return records(&before, &now, name, at, found);
    }
    for inner in ["items", "values", "type"] {
        if let (Some(before), Some(now)) = (old.get(inner), new.get(inner))
            && (before.is_object() || inner != "type")
        {
            return types(before, now, name, at, found);
        }
    }
    let (before, now) = (bare(old), bare(new));
    if before != now {
        let text = format!("its type is {now}, {before} before");
        found.push(Change::new("type-changed", &format!("{name} {at}"), text, Breaks::NOBODY));
    }
}

fn records(before: &[Value], now: &[Value], name: &str, at: &str, found: &mut Vec<Change>) {
    for field in before {
        let own = field["name"].as_str().unwrap_or_default();
        let place = format!("{at}/{own}");
        let is_it = |other: &&Value| {
            other["name"] == own
                || other["aliases"].as_array().is_some_and(|aliases| aliases.iter().any(|one| one == own))
        };
        match now.iter().find(is_it) {
            Some(other) => types(&field["type"], &other["type"], name, &place, found),
            None => {
                let had_default = field.get("default").is_some();
                let text = if had_default { "it is gone; it had a default" } else { "it is gone; it had no default" };
                let change = Change::new("field-removed", &format!("{name} {place}"), text, Breaks::NOBODY);
                found.push(Change { had_default, ..change });
            }
        }
    }
}

/// A type without what does not make it another: names of places, words, defaults.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Object(entries) => {
            let kept = entries
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "doc" | "default" | "logicalType" | "aliases" | "order"));
            let kept: Map<String, Value> = kept.map(|(key, value)| (key.clone(), bare(value))).collect();
            match (kept.len(), kept.get("type")) {
                (1, Some(only)) => only.clone(),
                _ => Value::Object(kept),
            }
        }
        Value::Array(branches) => branches.iter().map(bare).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Rule;

    fn record(fields: Value) -> Value {
        json!({"type": "record", "name": "r", "fields": fields})
    }

    fn forbidden(old: &Value, new: &Value, rule: Rule) -> Vec<String> {
        changes(old, new, "r").iter().filter(|change| rule.forbids(change)).map(ToString::to_string).collect()
    }

    #[test]
    fn a_promotion_is_a_change_of_type() {
        let old =
            record(json!([{"name": "a", "type": "int"}, {"name": "b", "type": {"type": "array", "items": "int"}}]));
        let new =
            record(json!([{"name": "a", "type": "long"}, {"name": "b", "type": {"type": "array", "items": "long"}}]));
        let told = forbidden(&old, &new, Rule::TypesNeverChange);
        assert_eq!(
            told,
            [
                r#"r /a: its type is "long", "int" before [type-changed]"#,
                r#"r /b: its type is "long", "int" before [type-changed]"#
            ]
        );
        assert_eq!(forbidden(&old, &old, Rule::TypesNeverChange), [""; 0]);
    }

    #[test]
    fn words_and_logical_types_are_no_change_of_type() {
        let old = record(json!([{"name": "a", "type": "long"}]));
        let new = record(
            json!([{"name": "a", "doc": "a time", "type": {"type": "long", "logicalType": "timestamp-millis"}}]),
        );
        assert_eq!(forbidden(&old, &new, Rule::TypesNeverChange), [""; 0]);
    }

    #[test]
    fn only_fields_with_defaults_go() {
        let old = record(json!([{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 0}]));
        let told = forbidden(&old, &record(json!([])), Rule::OnlyDefaultsGo);
        assert_eq!(told, ["r /a: it is gone; it had no default [field-removed]"]);
    }
}
