//! What changed from one version of a contract to the next, and whom it breaks.
//!
//! A change breaks *producers* if what they wrote by the old contract is not right by the new one (what registries call not
//! backward compatible), and *consumers* if what is written by the new contract is not right by the old one (not forward
//! compatible). [`Mode`] says which of both counts.

mod avro;
mod change;
mod channel;
mod json;
mod protobuf;

pub use change::{Breaks, Change, Mode};

use crate::encoding::Codec;
use crate::{Contract, Framing, Schema};

/// Whether a header stands before the payload; the schema's id in it changes with every version.
fn framed(schema: &Schema) -> bool {
    match schema.codec() {
        Codec::Json => false,
        Codec::Avro(avro) => avro.framing() != Framing::None,
        Codec::Protobuf(protobuf) => protobuf.framing() != Framing::None,
    }
}

impl Contract {
    /// Every change from `old` to this contract, topic by topic.
    pub fn changes_since(&self, old: &Contract) -> Vec<Change> {
        channel::changes(old, self)
    }
}

impl Schema {
    /// Every change from `old` to this schema; `place` is what messages call it.
    pub fn changes_since(&self, old: &Schema, place: &str) -> Vec<Change> {
        let changed = |what: &str| vec![Change::new("encoding-changed", place, what, Breaks::BOTH)];
        if framed(old) != framed(self) {
            return changed("the framing is another");
        }
        match (old.codec(), self.codec()) {
            (Codec::Json, Codec::Json) => json::changes(&old.document, &self.document, place),
            (Codec::Avro(old), Codec::Avro(new)) => avro::changes(old, new, place),
            (Codec::Protobuf(old), Codec::Protobuf(new)) => {
                protobuf::changes(old.descriptor(), new.descriptor(), place)
            }
            _ => changed("the encoding is another"),
        }
    }
}
