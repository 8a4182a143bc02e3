//! Everything that can be known of a pack without running it.

mod before;
mod consumers;
mod follows;
mod invalid;
mod it;
mod names;
mod phrases;
mod place;
mod rows;
mod said;
mod steps;
mod story;
mod structure;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use it::it;
pub(crate) use names::phrases_mean_something;
pub(crate) use phrases::{phrase_sentence, phrase_stub, unused_phrases};
pub(crate) use place::argument_lines;
pub(crate) use steps::steps;
pub(crate) use structure::{cross_check, names_over_files, structure, table_pairs};
