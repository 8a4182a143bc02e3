//! The JSON Schema of what an Avro schema describes, so that values can be checked and made by the same means.

use std::collections::{BTreeSet, HashMap};

use apache_avro::Schema;
use apache_avro::schema::NamespaceRef;
use serde_json::{Map, Value, json};

/// Where a field's logical type is kept, in Avro and in JSON Schema.
const LOGICAL: &str = "x-logical";

/// The schema with every `logicalType` taken out: values stay what they are underneath. A field keeps it as `x-logical`.
pub(super) fn without_logical_types(schema: &Value) -> Value {
    match schema {
        Value::Object(entries) => {
            let mut plain: Map<String, Value> = entries
                .iter()
                .filter(|(key, _)| *key != "logicalType")
                .map(|(key, value)| {
                    (key.clone(), if key == "default" { value.clone() } else { without_logical_types(value) })
                })
                .collect();
            if let (true, Some(logical)) = (entries.contains_key("name"), entries.get("type").and_then(logical_type)) {
                plain.insert(LOGICAL.to_owned(), logical.into());
            }
            Value::Object(plain)
        }
        Value::Array(items) => items.iter().map(without_logical_types).collect(),
        other => other.clone(),
    }
}

/// The logical type of a field's type, or of a branch of it.
fn logical_type(of: &Value) -> Option<&str> {
    match of {
        Value::Object(entries) => entries.get("logicalType").and_then(Value::as_str),
        Value::Array(branches) => branches.iter().find_map(logical_type),
        _ => None,
    }
}

/// The JSON Schema of the values of an Avro schema. Types that are referred to stand under `definitions`.
pub(super) fn json_schema(schema: &Schema, names: &HashMap<String, Schema>) -> Value {
    let mut shaping = Shaping { referred: BTreeSet::new() };
    let mut root = shaping.of(schema, None, None);
    let mut definitions = Map::new();
    while let Some(name) = shaping.referred.iter().find(|name| !definitions.contains_key(*name)).cloned() {
        let within = name.rsplit_once('.').map(|(namespace, _)| namespace);
        let shape = names.get(&name).map_or(Value::Bool(false), |named| shaping.of(named, within, None));
        definitions.insert(name, shape);
    }
    if let (Some(root), false) = (root.as_object_mut(), definitions.is_empty()) {
        root.insert("definitions".to_owned(), Value::Object(definitions));
    }
    root
}

struct Shaping {
    referred: BTreeSet<String>,
}

impl Shaping {
    fn of(&mut self, schema: &Schema, within: NamespaceRef<'_>, logical: Option<&str>) -> Value {
        match schema {
            Schema::Null => json!({"type": "null"}),
            Schema::Boolean => json!({"type": "boolean"}),
            Schema::Int => noted(json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX}), logical),
            Schema::Long => noted(json!({"type": "integer"}), logical),
            Schema::Float | Schema::Double => json!({"type": "number"}),
            Schema::String if logical == Some("uuid") => json!({"type": "string", "format": "uuid"}),
            Schema::String => json!({"type": "string"}),
            Schema::Bytes => json!({"type": "string", LOGICAL: "bytes"}),
            Schema::Fixed(fixed) => {
                json!({"type": "string", LOGICAL: "bytes", "minLength": fixed.size, "maxLength": fixed.size})
            }
            Schema::Enum(symbols) => json!({"enum": symbols.symbols}),
            Schema::Array(array) => json!({"type": "array", "items": self.of(&array.items, within, None)}),
            Schema::Map(map) => {
                json!({"type": "object", "additionalProperties": self.of(&map.types, within, None)})
            }
            Schema::Union(union) => {
                let branches: Vec<Value> = union.variants().iter().map(|one| self.of(one, within, logical)).collect();
                json!({"anyOf": branches})
            }
            Schema::Record(record) => self.record(record, within),
            Schema::Ref { name } => {
                let name = name.fullname(within);
                let pointer = format!("#/definitions/{name}");
                self.referred.insert(name);
                json!({"$ref": pointer})
            }
            // Logical types were taken out.
            _ => Value::Bool(true),
        }
    }

    fn record(&mut self, record: &apache_avro::schema::RecordSchema, within: NamespaceRef<'_>) -> Value {
        let within = record.name.namespace().or(within);
        let mut properties = Map::new();
        for field in &record.fields {
            let logical = field.custom_attributes.get(LOGICAL).and_then(Value::as_str);
            properties.insert(field.name.clone(), self.of(&field.schema, within, logical));
        }
        let required: Vec<&str> =
            record.fields.iter().filter(|field| field.default.is_none()).map(|field| field.name.as_str()).collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }
}

fn noted(mut shape: Value, logical: Option<&str>) -> Value {
    if let (Some(shape), Some(logical)) = (shape.as_object_mut(), logical) {
        shape.insert(LOGICAL.to_owned(), logical.into());
    }
    shape
}
