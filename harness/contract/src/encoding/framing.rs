//! What stands before a payload, and by which schema the payload behind it was written.

use std::sync::{Arc, OnceLock};

use super::registered::{SchemaSource, Writers, Written};
use super::{DecodeError, begin};

/// What stands before a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    #[default]
    None,
    /// Confluent's wire format: a zero byte and the schema's id in four bytes, big endian. Without an id here, a registry
    /// says it; without a registry, any is taken on reading.
    Confluent { id: Option<u32> },
}

impl Framing {
    /// The schema id that a payload with Confluent's header says; `None` without that header.
    pub fn schema_id(bytes: &[u8]) -> Option<u32> {
        let header = bytes.first_chunk::<5>().filter(|header| header[0] == 0)?;
        Some(u32::from_be_bytes([header[1], header[2], header[3], header[4]]))
    }
}

/// The frame of one schema's payloads: as the contract says it, with what a registry added to it.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    framing: Framing,
    registered: OnceLock<Registered>,
}

#[derive(Debug)]
struct Registered {
    id: u32,
    writers: Writers,
}

/// A payload behind its frame.
pub(super) struct Opened<'b> {
    pub payload: &'b [u8],
    /// Whether anything stood before it.
    pub framed: bool,
    /// By which other schema it was written, if it was.
    pub written: Option<Arc<Written>>,
}

impl Frame {
    pub fn new(framing: Framing) -> Frame {
        Frame { framing, registered: OnceLock::new() }
    }

    pub fn is_framed(&self) -> bool {
        self.framing != Framing::None
    }

    /// Whether only a registry can say the id that records are published with.
    pub fn needs_registry(&self) -> bool {
        self.framing == Framing::Confluent { id: None }
    }

    /// The id under which the schema is registered, and where other ids can be asked for. Said once; more is not heard.
    pub fn register(&self, id: u32, source: Arc<dyn SchemaSource>) {
        self.registered.get_or_init(|| Registered { id, writers: Writers::of(source) });
    }

    /// The id that records are published with.
    pub fn id(&self) -> Option<u32> {
        match self.framing {
            Framing::Confluent { id: Some(id) } => Some(id),
            _ => self.registered.get().map(|registered| registered.id),
        }
    }

    /// The payload behind the frame.
    pub(super) fn open<'b>(&self, bytes: &'b [u8]) -> Result<Opened<'b>, DecodeError> {
        let Framing::Confluent { id: fixed } = self.framing else {
            return Ok(Opened { payload: bytes, framed: false, written: None });
        };
        let actual = Framing::schema_id(bytes).ok_or_else(|| DecodeError::NoHeader { begin: begin(bytes) })?;
        let payload = bytes.get(5..).unwrap_or_default();
        let written = match (fixed, self.registered.get()) {
            (Some(expected), _) if expected != actual => return Err(DecodeError::SchemaId { expected, actual }),
            (None, Some(registered)) if registered.id != actual => Some(registered.writers.of_id(actual)?),
            _ => None,
        };
        Ok(Opened { payload, framed: true, written })
    }

    /// The payload in its frame; the error says what is missing for it.
    pub(super) fn close(&self, payload: Vec<u8>) -> Result<Vec<u8>, String> {
        if !self.is_framed() {
            return Ok(payload);
        }
        let missing = "Confluent's framing needs a schema registry, or a `schema_id` in the message's x-eventproof";
        let id = self.id().ok_or(missing)?;
        let mut framed = vec![0];
        framed.extend(id.to_be_bytes());
        framed.extend(payload);
        Ok(framed)
    }
}
