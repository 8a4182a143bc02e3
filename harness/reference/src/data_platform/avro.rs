//! Avro payloads as JSON values, and schemas that name others.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as AvroValue;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_json::{Map, Value};

/// A schema with every type that it names put where it is named first.
pub(super) fn whole(schema: &str, named: &[(String, String)]) -> Result<Schema, String> {
    let read = |text: &str| serde_json::from_str::<Value>(text).map_err(|e| e.to_string());
    let mut left: Vec<(String, Value)> = Vec::new();
    for (name, text) in named {
        left.push((name.clone(), read(text)?));
    }
    let whole = inline(&read(schema)?, &mut left);
    Schema::parse(&without_logical_types(&whole)).map_err(|e| e.to_string())
}

fn inline(schema: &Value, left: &mut Vec<(String, Value)>) -> Value {
    match schema {
        Value::String(name) => match left.iter().position(|(known, _)| known == name) {
            Some(at) => {
                let (_, found) = left.remove(at);
                inline(&found, left)
            }
            None => schema.clone(),
        },
        Value::Array(branches) => branches.iter().map(|branch| inline(branch, left)).collect(),
        Value::Object(entries) => {
            let within = |key: &str| matches!(key, "type" | "items" | "values" | "fields");
            let mut out = Map::new();
            for (key, value) in entries {
                out.insert(key.clone(), if within(key) { inline(value, left) } else { value.clone() });
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}

/// Timestamps stay the numbers that they are.
fn without_logical_types(schema: &Value) -> Value {
    match schema {
        Value::Object(entries) => {
            let kept = entries.iter().filter(|(key, _)| *key != "logicalType");
            kept.map(|(key, value)| (key.clone(), without_logical_types(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(without_logical_types).collect(),
        other => other.clone(),
    }
}

/// A JSON value without a schema: resolving it to one makes records, enums and unions of it.
fn plain(value: &Value) -> AvroValue {
    match value {
        Value::Null => AvroValue::Null,
        Value::Bool(flag) => AvroValue::Boolean(*flag),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| AvroValue::Double(number.as_f64().unwrap_or_default()), AvroValue::Long)
        }
        Value::String(text) => AvroValue::String(text.clone()),
        Value::Array(items) => AvroValue::Array(items.iter().map(plain).collect()),
        Value::Object(fields) => {
            AvroValue::Map(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
    }
}

/// The bytes of a value.
pub(super) fn encode(schema: &Schema, value: &Value) -> Result<Vec<u8>, String> {
    let typed = plain(value).resolve(schema).map_err(|e| e.to_string())?;
    let writer = GenericDatumWriter::builder(schema).build().map_err(|e| e.to_string())?;
    writer.write_value_to_vec(typed).map_err(|e| e.to_string())
}

/// The value of some bytes that were written by one schema, as another has it.
pub(super) fn decode(writer: &Schema, reader: &Schema, mut bytes: &[u8]) -> Result<Value, String> {
    let datum = GenericDatumReader::builder(writer).reader_schema(reader).build().map_err(|e| e.to_string())?;
    let value = datum.read_value(&mut bytes).map_err(|e| e.to_string())?;
    if !bytes.is_empty() {
        return Err(format!("{} bytes are left over", bytes.len()));
    }
    Value::try_from(value).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::stages;
    use super::*;

    #[test]
    fn every_schema_of_the_pack_writes_and_reads_its_events() {
        let payloads = [
            (
                stages::RAW,
                json!({"entity": {"entity_type": "t", "entity_id": "1"}, "dsp": "d", "body": "b", "format": "f"}),
            ),
            (
                stages::ALERTS,
                json!({"entity": {"entity_type": "t", "entity_id": "1"}, "rule": "r", "severity": "HIGH", "value": 3.5}),
            ),
            (stages::CONFIG, json!({"key": "k", "old_value": null, "new_value": "v"})),
            (stages::ETL, json!({"pipeline_id": "p", "run_id": "r", "status": "FAILED"})),
        ];
        let common = stages::COMMON.map(|(name, text)| (name.to_owned(), text.to_owned()));
        for (topic, payload) in payloads {
            let schema = whole(topic.schema(2).0, &common).unwrap();
            let event = json!({
                "event_id": "e", "event_type": topic.name, "event_version": "1.0.0", "timestamp": 1_770_000_000_000_i64,
                "source": {"service": "s", "instance": "i"}, "correlation_id": "c", "org_id": -7, "payload": payload,
            });
            let bytes = encode(&schema, &event).unwrap();
            assert_eq!(decode(&schema, &schema, &bytes).unwrap(), event, "{}", topic.name);
            assert!(decode(&schema, &schema, &bytes[..bytes.len() - 1]).is_err());
        }
    }

    #[test]
    fn both_versions_read_each_other_and_a_reader_that_ignores_the_writer_does_not() {
        let common = stages::COMMON.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let of = |release| whole(stages::CLEANED.schema(release).0, &common).unwrap();
        let (old, new) = (of(1), of(2));
        let event = |format: Value| {
            let mut event = json!({
                "event_id": "e", "event_type": "t", "event_version": "1.0.0", "timestamp": 1, "source": {"service": "s", "instance": "i"},
                "correlation_id": "c", "org_id": 1, "payload": {"entity": {"entity_type": "t", "entity_id": "1"}, "body": "b", "dropped": 2},
            });
            if !format.is_null() {
                event["payload"]["format"] = format;
            }
            event
        };
        let (by_old, by_new) =
            (encode(&old, &event(json!("csv"))).unwrap(), encode(&new, &event(json!("csv"))).unwrap());
        assert_eq!(decode(&old, &new, &by_old).unwrap(), event(json!("plain")));
        assert_eq!(decode(&new, &old, &by_new).unwrap(), event(Value::Null));
        assert!(decode(&old, &old, &by_new).is_err());
    }
}
