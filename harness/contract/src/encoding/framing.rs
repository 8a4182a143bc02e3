//! What stands before a payload.

use super::{DecodeError, begin};

/// What stands before a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    #[default]
    None,
    /// Confluent's wire format: a zero byte and the schema's id in four bytes, big endian. Without an id here, any is
    /// taken on reading.
    Confluent { id: Option<u32> },
}

impl Framing {
    /// The payload behind the frame.
    pub(crate) fn open(self, bytes: &[u8]) -> Result<&[u8], DecodeError> {
        let Framing::Confluent { id: expected } = self else { return Ok(bytes) };
        let header = bytes.split_first_chunk::<5>().filter(|(header, _)| header[0] == 0);
        let (header, payload) = header.ok_or_else(|| DecodeError::NoHeader { begin: begin(bytes) })?;
        let actual = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        match expected.filter(|expected| *expected != actual) {
            Some(expected) => Err(DecodeError::SchemaId { expected, actual }),
            None => Ok(payload),
        }
    }

    /// The payload in its frame; the error says what is missing for it.
    pub(crate) fn close(self, payload: Vec<u8>) -> Result<Vec<u8>, String> {
        match self {
            Framing::None => Ok(payload),
            Framing::Confluent { id: Some(id) } => {
                let mut framed = vec![0];
                framed.extend(id.to_be_bytes());
                framed.extend(payload);
                Ok(framed)
            }
            Framing::Confluent { id: None } => {
                Err("Confluent's framing needs a `schema_id` in the message's x-eventproof".to_owned())
            }
        }
    }
}
