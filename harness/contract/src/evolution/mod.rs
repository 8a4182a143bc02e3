//! What changed from one version of a contract to the next, and whom it breaks.
//!
//! A change breaks *producers* if what they wrote by the old contract is not right by the new one (what registries call not
//! backward compatible), and *consumers* if what is written by the new contract is not right by the old one (not forward
//! compatible). [`Mode`] says which of both counts.

mod avro;
mod avro_fields;
mod change;
mod channel;
mod json;
mod json_fields;
mod protobuf;

pub use change::{Breaks, Change, Mode, Rule};

use serde_json::Value;

use crate::encoding::{Avro, Codec, Protobuf};
use crate::{Contract, Schema, SchemaError, SchemaKind, SchemaText};

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
        // Only whether: the schema's id in it changes with every version.
        if old.frame().is_framed() != self.frame().is_framed() {
            return changed("the framing is another");
        }
        match (old.codec(), self.codec()) {
            (Codec::Opaque | Codec::Json(_), Codec::Opaque | Codec::Json(_)) => {
                json::changes(&old.document, &self.document, place)
            }
            (Codec::Avro(old), Codec::Avro(new)) => avro::changes(old, new, place),
            (Codec::Protobuf(old), Codec::Protobuf(new)) => {
                protobuf::changes(old.descriptor(), new.descriptor(), place)
            }
            _ => changed("the encoding is another"),
        }
    }
}

impl SchemaText {
    /// Whether it is a schema at all.
    ///
    /// # Errors
    /// What the language's own reader says.
    pub fn check(&self) -> Result<(), SchemaError> {
        match self.kind {
            SchemaKind::Avro => Avro::new(&self.document()?, String::new()).map(drop)?,
            SchemaKind::Protobuf => Protobuf::messages(self).map(drop)?,
            SchemaKind::Json => Schema::compile(self.json()?).map(drop)?,
        }
        Ok(())
    }

    /// Every change from `old` to this text, as a registry has both.
    ///
    /// # Errors
    /// If one of them is no schema.
    pub fn changes_since(&self, old: &SchemaText, place: &str) -> Result<Vec<Change>, SchemaError> {
        if self.kind != old.kind {
            return Ok(vec![Change::new("encoding-changed", place, "the encoding is another", Breaks::BOTH)]);
        }
        Ok(match self.kind {
            SchemaKind::Avro => {
                let avro = |text: &SchemaText| Avro::new(&text.document()?, String::new());
                avro::changes(&avro(old)?.0, &avro(self)?.0, place)
            }
            SchemaKind::Json => json::changes(&old.json()?, &self.json()?, place),
            SchemaKind::Protobuf => protobuf::files(&Protobuf::messages(old)?, &Protobuf::messages(self)?, place),
        })
    }

    fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.text).map_err(|error| error.to_string())
    }
}
