//! The JSON Schema of what a Protobuf message describes, by proto3's JSON mapping.

use std::collections::BTreeSet;

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

/// The JSON Schema of a message's values. Messages that it refers to stand under `definitions`.
pub(super) fn json_schema(message: &MessageDescriptor) -> Value {
    let mut shaping = Shaping { referred: BTreeSet::new() };
    let mut root = shaping.message(message);
    let mut definitions = Map::new();
    while let Some(name) = shaping.referred.iter().find(|name| !definitions.contains_key(*name)).cloned() {
        let found = message.parent_pool().get_message_by_name(&name);
        let shape = found.map_or(Value::Bool(true), |message| shaping.message(&message));
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
    fn message(&mut self, message: &MessageDescriptor) -> Value {
        let properties: Map<String, Value> =
            message.fields().map(|field| (field.name().to_owned(), self.field(&field))).collect();
        // Of the fields of a oneof one at most is set.
        let choices: Vec<Vec<String>> = message
            .oneofs()
            .map(|oneof| oneof.fields().map(|field| field.name().to_owned()).collect::<Vec<_>>())
            .filter(|fields| fields.len() > 1)
            .collect();
        let mut shape = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if !choices.is_empty() {
            shape["x-oneof"] = json!(choices);
        }
        // As proto2 has them.
        let is_required = |field: &FieldDescriptor| field.cardinality() == Cardinality::Required;
        let required: Vec<String> = message.fields().filter(is_required).map(|field| field.name().to_owned()).collect();
        if !required.is_empty() {
            shape["required"] = json!(required);
        }
        shape
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else { return Value::Bool(true) };
            return json!({"type": "object", "additionalProperties": self.kind(&entry.map_entry_value_field().kind())});
        }
        let one = self.kind(&field.kind());
        if field.is_list() { json!({"type": "array", "items": one}) } else { one }
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "x-logical": "base64"}),
            Kind::Float | Kind::Double => json!({"type": "number"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX})
            }
            Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
            Kind::Uint64 | Kind::Fixed64 => json!({"type": "integer", "minimum": 0}),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({"type": "integer"}),
            Kind::Enum(symbols) if symbols.full_name() == "google.protobuf.NullValue" => json!({"type": "null"}),
            Kind::Enum(symbols) => {
                json!({"enum": symbols.values().map(|value| value.name().to_owned()).collect::<Vec<_>>()})
            }
            Kind::Message(message) => well_known(message.full_name()).unwrap_or_else(|| {
                self.referred.insert(message.full_name().to_owned());
                json!({"$ref": format!("#/definitions/{}", message.full_name())})
            }),
        }
    }
}

/// Messages that the JSON mapping writes in a way of their own.
fn well_known(name: &str) -> Option<Value> {
    Some(match name.strip_prefix("google.protobuf.")? {
        "Timestamp" => json!({"type": "string", "format": "date-time"}),
        "Duration" => json!({"type": "string", "examples": ["1.500s", "60s"]}),
        "StringValue" => json!({"type": ["string", "null"]}),
        "BytesValue" => json!({"type": ["string", "null"], "x-logical": "base64"}),
        "BoolValue" => json!({"type": ["boolean", "null"]}),
        "Int32Value" => json!({"type": ["integer", "null"], "minimum": i32::MIN, "maximum": i32::MAX}),
        "UInt32Value" => json!({"type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX}),
        "Int64Value" => json!({"type": ["integer", "null"]}),
        "UInt64Value" => json!({"type": ["integer", "null"], "minimum": 0}),
        "FloatValue" | "DoubleValue" => json!({"type": ["number", "null"]}),
        "FieldMask" => json!({"type": "string", "examples": ["name"]}),
        "Empty" | "Struct" => json!({"type": "object", "properties": {}}),
        "ListValue" => json!({"type": "array", "items": {"examples": ["text", 1, true]}}),
        // The fields of whatever message it is stand beside its name.
        "Any" => json!({"type": "object", "required": ["@type"], "properties": {"@type": {"type": "string"}}}),
        "Value" => json!({"examples": ["text", 1, true]}),
        _ => return None,
    })
}
