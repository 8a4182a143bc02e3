//! A JSON Schema with its compiled validator.

use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;

use crate::encoding::{Avro, Codec, DecodeError, Framing, Protobuf, SchemaError};

/// A schema, as written and as compiled, with the encoding of its values. Formats are asserted.
pub struct Schema {
    /// The JSON Schema; of another schema language, what it says of the values.
    pub document: Value,
    validator: Validator,
    codec: Codec,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema").field("document", &self.document).finish_non_exhaustive()
    }
}

impl Schema {
    /// Compiles a schema: draft-07, which AsyncAPI's own schema object extends, unless `$schema` says otherwise.
    pub fn compile(document: Value) -> Result<Schema, SchemaError> {
        Schema::with(document, Codec::Json)
    }

    /// An Avro schema; its values stand in Avro's binary encoding.
    pub fn avro(document: &Value, framing: Framing) -> Result<Schema, SchemaError> {
        let (avro, shape) = Avro::new(document, framing)?;
        Schema::with(shape, Codec::Avro(Box::new(avro)))
    }

    /// A Protobuf schema; imports are looked for in `folder`, and the message is the one of that name or the only one.
    pub fn protobuf(text: &str, folder: &Path, message: Option<&str>, framing: Framing) -> Result<Schema, SchemaError> {
        let (protobuf, shape) = Protobuf::new(text, folder, message, framing)?;
        Schema::with(shape, Codec::Protobuf(Box::new(protobuf)))
    }

    fn with(document: Value, codec: Codec) -> Result<Schema, SchemaError> {
        let named = document.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let draft = match named.contains("2020-12") {
            true => jsonschema::Draft::Draft202012,
            false => jsonschema::Draft::Draft7,
        };
        let validator = jsonschema::options()
            .with_draft(draft)
            .should_validate_formats(true)
            // Draft-07 does not know it; contracts use it all the same, and mean it.
            .with_format("uuid", |text| uuid::Uuid::try_parse(text).is_ok())
            .build(&document)
            .map_err(|error| error.to_string())?;
        Ok(Schema { document, validator, codec })
    }

    /// A value from the bytes of a payload.
    pub fn decode(&self, bytes: &[u8]) -> Result<Value, DecodeError> {
        self.codec.decode(bytes)
    }

    /// The bytes of a payload; the error says what of the value cannot be encoded.
    pub fn encode(&self, value: &Value) -> Result<Vec<u8>, String> {
        self.codec.encode(value)
    }

    pub(crate) fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Whether its values stand as JSON.
    pub fn is_json(&self) -> bool {
        matches!(self.codec, Codec::Json)
    }

    /// Whether a value keeps to the schema.
    pub fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Every departure: JSON pointer and message. Values under a sensitive pointer are not shown.
    pub fn errors(&self, value: &Value, sensitive: &[String]) -> Vec<(String, String)> {
        if self.accepts(value) {
            return Vec::new();
        }
        let found = self.validator.iter_errors(value).map(|error| {
            let pointer = error.instance_path().to_string();
            // A message about the whole object may quote any field of it.
            let quotes_sensitive =
                sensitive.iter().any(|hidden| hidden.starts_with(&pointer) || pointer.starts_with(hidden.as_str()));
            let text = match quotes_sensitive && !is_about_names(&error) {
                true => error.masked_with("(hidden)").to_string(),
                false => error.to_string(),
            };
            (pointer, text)
        });
        found.collect()
    }
}

/// Whether a message names fields only, and no value.
fn is_about_names(error: &jsonschema::ValidationError<'_>) -> bool {
    matches!(error.kind(), jsonschema::error::ValidationErrorKind::Required { .. })
}
