//! Avro schemas that name types of other files.

use serde_json::{Map, Value};

/// The schema with every type that it names put where it is named first; later ones go on naming it.
pub(super) fn with_imports(document: &Value, imports: &[Value]) -> Value {
    let mut inlining = Inlining { left: imports.iter().filter_map(|one| Some((full_name(one, None)?, one))).collect() };
    inlining.of(document, None)
}

struct Inlining<'v> {
    /// What was not needed yet.
    left: Vec<(String, &'v Value)>,
}

impl Inlining<'_> {
    fn of(&mut self, schema: &Value, within: Option<&str>) -> Value {
        match schema {
            Value::String(name) => self.named(name, within),
            Value::Array(branches) => branches.iter().map(|branch| self.of(branch, within)).collect(),
            Value::Object(entries) => self.object(entries, within),
            other => other.clone(),
        }
    }

    fn named(&mut self, name: &str, within: Option<&str>) -> Value {
        let full = qualified(name, within);
        match self.left.iter().position(|(known, _)| *known == full || known == name) {
            Some(at) => {
                let (_, found) = self.left.remove(at);
                self.of(found, None)
            }
            None => name.into(),
        }
    }

    /// Types stand under these keys; everything else is kept as it is.
    fn object(&mut self, entries: &Map<String, Value>, within: Option<&str>) -> Value {
        let own = entries.get("name").and_then(Value::as_str);
        let space = entries.get("namespace").and_then(Value::as_str).or(own.and_then(namespace_of)).or(within);
        let mut out = Map::new();
        for (key, value) in entries {
            let value = match (key.as_str(), value) {
                ("type" | "items" | "values", _) => self.of(value, space),
                ("fields", Value::Array(fields)) => fields.iter().map(|field| self.of(field, space)).collect(),
                _ => value.clone(),
            };
            out.insert(key.clone(), value);
        }
        Value::Object(out)
    }
}

/// The full name of a named type.
pub(crate) fn full_name(schema: &Value, within: Option<&str>) -> Option<String> {
    let name = schema.get("name")?.as_str()?;
    Some(qualified(name, schema.get("namespace").and_then(Value::as_str).or(within)))
}

fn qualified(name: &str, within: Option<&str>) -> String {
    match within.filter(|space| !space.is_empty() && !name.contains('.')) {
        Some(space) => format!("{space}.{name}"),
        None => name.to_owned(),
    }
}

fn namespace_of(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(space, _)| space)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_of_another_file_is_put_where_it_is_named_first() {
        let money = json!({"type": "record", "name": "Money", "namespace": "shop.common",
            "fields": [{"name": "currency", "type": "Currency"}]});
        let currency = json!({"type": "enum", "name": "Currency", "namespace": "shop.common", "symbols": ["EUR"]});
        let order = json!({"type": "record", "name": "Order", "namespace": "shop", "fields": [
            {"name": "name", "type": "string"},
            {"name": "total", "type": "shop.common.Money"},
            {"name": "paid", "type": ["null", "shop.common.Money"], "default": null}]});
        let whole = with_imports(&order, &[currency.clone(), money.clone()]);
        assert_eq!(whole["fields"][1]["type"]["fields"][0]["type"], currency);
        assert_eq!(whole["fields"][2]["type"][1], "shop.common.Money");
        assert!(apache_avro::Schema::parse(&whole).is_ok(), "{whole}");
    }
}
