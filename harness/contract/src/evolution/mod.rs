//! What changed from one version of a contract to the next, and whom it breaks.
//!
//! A change breaks *producers* if what they wrote by the old contract is not right by the new one (what registries call not
//! backward compatible), and *consumers* if what is written by the new contract is not right by the old one (not forward
//! compatible). [`Mode`] says which of both counts.

mod avro;
mod change;
mod channel;
mod json;

pub use change::{Breaks, Change, Mode};

use crate::encoding::Avro;
use crate::{Contract, Framing, Schema};

/// Whether a header stands before the payload; the schema's id in it changes with every version.
fn framed(avro: &Avro) -> bool {
    avro.framing() != Framing::None
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
        match (old.avro_codec(), self.avro_codec()) {
            (Some(old), Some(new)) if framed(old) != framed(new) => {
                vec![Change::new("encoding-changed", place, "the framing is another", Breaks::BOTH)]
            }
            (Some(old), Some(new)) => avro::changes(old, new, place),
            (None, None) => json::changes(&old.document, &self.document, place),
            _ => vec![Change::new("encoding-changed", place, "the encoding is another", Breaks::BOTH)],
        }
    }
}
