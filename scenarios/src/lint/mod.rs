//! Everything that can be known of a pack without running it.

mod names;
mod phrases;
mod structure;

pub(crate) use names::names;
pub(crate) use phrases::{phrase_sentence, phrase_stub};
pub(crate) use structure::{cross_check, structure, table_pairs};
