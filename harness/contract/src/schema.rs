//! A JSON Schema with its compiled validator.

use std::path::Path;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::encoding::{
    Avro, Codec, DecodeError, Folds, Frame, Framing, Protobuf, SchemaError, SchemaImport, SchemaKind, SchemaText,
};
use crate::sensitive::touches;
use crate::text::Fields;

/// A schema, as written and as compiled, with the encoding of its values. Formats are asserted.
pub struct Schema {
    /// The JSON Schema; of another schema language, what it says of the values.
    pub document: Value,
    /// As it was written, where that is something else.
    written: Option<Value>,
    validator: Validator,
    codec: Codec,
    frame: Frame,
    /// What the schema names of other files.
    imports: Vec<SchemaImport>,
    /// What it says of its fields; found when it is asked for first, since few schemas are asked.
    fields: OnceLock<Fields>,
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema").field("document", &self.document).finish_non_exhaustive()
    }
}

impl Schema {
    /// Compiles a schema: draft-07, which AsyncAPI's own schema object extends, unless `$schema` says otherwise.
    pub fn compile(document: Value) -> Result<Schema, SchemaError> {
        let (unfolded, folds) = Folds::of(&document);
        let written = (!folds.is_empty()).then_some(document);
        Ok(Schema { written, ..Schema::with(unfolded, Codec::Json(folds))? })
    }

    /// Of a payload of which nothing is said: any bytes are right.
    pub(crate) fn opaque() -> Result<Schema, SchemaError> {
        Schema::with(Value::Bool(true), Codec::Opaque)
    }

    /// Whether nothing is said of the payload.
    pub fn is_opaque(&self) -> bool {
        matches!(self.codec, Codec::Opaque)
    }

    /// A JSON Schema whose values stand in a frame.
    pub fn json(document: Value, framing: Framing) -> Result<Schema, SchemaError> {
        Ok(Schema { frame: Frame::new(framing), ..Schema::compile(document)? })
    }

    /// An Avro schema; its values stand in Avro's binary encoding.
    pub fn avro(document: &Value, framing: Framing) -> Result<Schema, SchemaError> {
        Schema::avro_with(document, Vec::new(), framing)
    }

    /// An Avro schema that names types of other files.
    pub fn avro_with(document: &Value, imports: Vec<SchemaImport>, framing: Framing) -> Result<Schema, SchemaError> {
        let text = SchemaText { kind: SchemaKind::Avro, text: document.to_string(), imports };
        let (avro, shape) = Avro::new(&text.document()?, text.text)?;
        let schema = Schema::with(shape, Codec::Avro(Box::new(avro)))?;
        Ok(Schema { frame: Frame::new(framing), imports: text.imports, ..schema })
    }

    /// A Protobuf schema; imports are looked for in `folder`, and the message is the one of that name or the only one.
    pub fn protobuf(text: &str, folder: &Path, message: Option<&str>, framing: Framing) -> Result<Schema, SchemaError> {
        let (protobuf, shape) = Protobuf::new(text, folder, message)?;
        Ok(Schema { frame: Frame::new(framing), ..Schema::with(shape, Codec::Protobuf(Box::new(protobuf)))? })
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
        let (frame, imports, fields) = (Frame::default(), Vec::new(), OnceLock::new());
        Ok(Schema { document, written: None, validator, codec, frame, imports, fields })
    }

    /// A value from the bytes of a payload.
    pub fn decode(&self, bytes: &[u8]) -> Result<Value, DecodeError> {
        self.codec.decode(&self.frame, bytes)
    }

    /// The bytes of a payload; the error says what of the value cannot be encoded.
    pub fn encode(&self, value: &Value) -> Result<Vec<u8>, String> {
        self.codec.encode(&self.frame, value)
    }

    pub(crate) fn codec(&self) -> &Codec {
        &self.codec
    }

    /// What it names of other files.
    pub(crate) fn imports(&self) -> &[SchemaImport] {
        match &self.codec {
            Codec::Protobuf(protobuf) => protobuf.imports(),
            _ => &self.imports,
        }
    }

    pub(crate) fn frame(&self) -> &Frame {
        &self.frame
    }

    /// What it says of the fields of its objects.
    pub(crate) fn fields(&self) -> &Fields {
        self.fields.get_or_init(|| Fields::of(&self.document))
    }

    /// The JSON Schema as it was written.
    pub(crate) fn written(&self) -> &Value {
        self.written.as_ref().unwrap_or(&self.document)
    }

    /// Whether its values stand as JSON, with nothing before or within it.
    pub fn is_json(&self) -> bool {
        matches!(&self.codec, Codec::Json(folds) if folds.is_empty()) && !self.frame.is_framed()
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
            let quotes_sensitive = sensitive.iter().any(|hidden| touches(hidden, &pointer));
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
