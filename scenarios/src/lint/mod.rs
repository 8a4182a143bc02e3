//! Everything that can be known of a pack without running it.

mod consumers;
mod it;
mod names;
mod phrases;
mod structure;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use it::it;
pub(crate) use names::names;
pub(crate) use phrases::{phrase_sentence, phrase_stub, unused_phrases};
pub(crate) use structure::{cross_check, structure, table_pairs};
pub(crate) use values::values;
