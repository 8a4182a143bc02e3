//! The envelope in its other form: the document's Protobuf message `DomainEvent`, in which every field but `version` is a string.

use serde_json::Value;

/// The fields, numbered from 1.
const FIELDS: [&str; 11] = [
    "id",
    "event_type",
    "aggregate_id",
    "aggregate_type",
    "version",
    "data",
    "metadata",
    "correlation_id",
    "causation_id",
    "created_at",
    "created_by",
];
/// How a field is marked: a number, or bytes with their length.
const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

/// The bytes of an envelope; a field that is empty is left out, as proto3 does.
pub(super) fn encode(envelope: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, name) in (1..).zip(FIELDS) {
        match &envelope[name] {
            Value::String(text) if !text.is_empty() => {
                varint(number << 3 | LENGTH_DELIMITED, &mut bytes);
                varint(text.len() as u64, &mut bytes);
                bytes.extend(text.as_bytes());
            }
            Value::Number(value) => {
                varint(number << 3 | VARINT, &mut bytes);
                varint(value.as_u64().unwrap_or_default(), &mut bytes);
            }
            _ => {}
        }
    }
    bytes
}

/// Seven bits a byte, the lowest first.
fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_stand_as_the_wire_format_wants_them() {
        let long = "x".repeat(200);
        let bytes = encode(&json!({"id": "ab", "version": 3, "causation_id": "", "created_by": long}));
        assert_eq!(bytes[..6], [0x0a, 2, b'a', b'b', 0x28, 3]);
        assert_eq!(bytes[6..9], [0x5a, 0xc8, 0x01], "field 11, 200 bytes");
        assert_eq!(bytes.len(), 9 + 200, "and no empty causation_id");
    }
}
