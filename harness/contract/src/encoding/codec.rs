//! One codec of the three, and what stands before its bytes.

use serde_json::Value;

use super::registered::Written;
use super::{Avro, DecodeError, Folds, Frame, Protobuf};

/// A codec that is chosen by the contract.
#[derive(Debug)]
pub(crate) enum Codec {
    /// Bytes of which the contract says nothing; seen as what they are if they are JSON, and as null if not.
    Opaque,
    /// With texts of JSON within it, if there are any.
    Json(Folds),
    Avro(Box<Avro>),
    Protobuf(Box<Protobuf>),
}

impl Codec {
    pub fn decode(&self, frame: &Frame, bytes: &[u8]) -> Result<Value, DecodeError> {
        let opened = frame.open(bytes)?;
        let by_other = opened.written.is_some();
        let decoded = match (self, opened.written.as_deref()) {
            (Codec::Opaque, _) => Ok(serde_json::from_slice(opened.payload).unwrap_or_default()),
            (Codec::Json(folds), None | Some(Written::Json)) => {
                let value = serde_json::from_slice(opened.payload).map_err(|_| DecodeError::Json);
                value.and_then(|value| folds.unfold(value))
            }
            (Codec::Avro(avro), None) => avro.decode(opened.payload, None),
            (Codec::Avro(avro), Some(Written::Avro(writer))) => avro.decode(opened.payload, Some(writer)),
            (Codec::Protobuf(protobuf), None | Some(Written::Protobuf)) => {
                protobuf.decode(opened.payload, opened.framed, by_other)
            }
            (_, Some(_)) => Err(self.of_another_language(bytes)),
        };
        // Who looks for the record sees it with its frame.
        decoded.map_err(|error| error.beginning(bytes))
    }

    /// The error says what of the value cannot be encoded.
    pub fn encode(&self, frame: &Frame, value: &Value) -> Result<Vec<u8>, String> {
        let payload = match self {
            Codec::Opaque => Ok(value.to_string().into_bytes()),
            Codec::Json(folds) => Ok(folds.fold(value).to_string().into_bytes()),
            Codec::Avro(avro) => avro.encode(value),
            Codec::Protobuf(protobuf) => protobuf.encode(value, frame.is_framed()),
        };
        frame.close(payload?)
    }

    fn of_another_language(&self, bytes: &[u8]) -> DecodeError {
        let id = bytes.get(1..5).and_then(|id| id.try_into().ok()).map_or(0, u32::from_be_bytes);
        let language = match self {
            Codec::Opaque | Codec::Json(_) => "JSON Schema",
            Codec::Avro(_) => "Avro",
            Codec::Protobuf(_) => "Protobuf",
        };
        DecodeError::WriterSchema { id, detail: format!("it is not in {language}, as the contract's is") }
    }
}
