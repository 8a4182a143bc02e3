//! First contracts: of topics by their names, of records that were sampled, of a document of AsyncAPI 2.
//!
//! What is guessed is marked as a guess, with how many records it rests on, in the `description` of what it is about.

mod document;
mod envelope;
mod leaf;
mod shape;
mod upgrade;

pub use document::{Sample, SampledTopic, Started, contract_of};
pub use upgrade::{mark_absent, upgrade};
